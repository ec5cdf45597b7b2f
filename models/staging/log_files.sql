{{ config(pre_hook="{{ list_log_files() }}") }}

-- Listed once, before any file is read: a file that grows meanwhile is found changed by the next run.
select
    {{ log_date_of('path') }} as log_date,
    path,
    length as bytes,
    modificationTime as modified_at
from {{ source('raw', 'common_security_log_files') }}
