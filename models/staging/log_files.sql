{{ config(pre_hook="{{ list_log_files() }}") }}

-- Listed once, before any file is read. The next run then sees that a file has grown in the meantime.
-- Distinct, because Sail lists a large file once for each part that a task reads.
with listed as (
    select distinct
        path,
        length as bytes,
        modificationTime as modified_at,
        {{ log_date_of('path') }} as log_date,
        {{ log_file_format('path') }} as file_format
    from {{ source('raw', 'common_security_log_files') }}
)

-- A day that the export and an export job both have is read once, from the JSON of the export.
select
    log_date,
    path,
    bytes,
    modified_at,
    file_format,
    coalesce(file_format = min(file_format) over (partition by log_date), false) as is_read
from listed
