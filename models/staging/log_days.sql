{{ config(post_hook="{{ say_what_is_missing() }}") }}

with log_files as (
    select * from {{ ref('log_files') }}
),

window_days as (
    select explode(sequence(date '{{ window_days() | first }}', date '{{ end_date() }}')) as log_date
),

listed as (
    select
        log_date,
        count(*) as files,
        sum(bytes) as bytes,
        max(file_format) as file_format,
        xxhash64(sort_array(collect_list(struct(path, bytes, unix_micros(modified_at))))) as log_version
    from log_files
    where is_read
    group by log_date
)

select
    window_days.log_date,
    coalesce(listed.files, 0) as files,
    coalesce(listed.bytes, 0) as bytes,
    listed.file_format,
    listed.log_version
from window_days
left join listed on window_days.log_date = listed.log_date
