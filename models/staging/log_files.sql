{{ config(pre_hook="{{ list_log_files() }}") }}

-- Listed once, before any file is read. The next run then sees that a file has grown in the meantime.
-- Distinct, because Sail lists a large file once for each part that a task reads.
select distinct
    {{ log_date_of('path') }} as log_date,
    {{ given_path('path') }} as path,
    length as bytes,
    modificationTime as modified_at,
    {{ is_log_file('path') }} as is_read
from {{ source('raw', 'common_security_log_files') }}
