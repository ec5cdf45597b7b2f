{{- list_again() -}}

-- Days whose log files have more or fewer lines than were staged and rejected. Reads the log files a second time on purpose.
with files as (
    select distinct
        path,
        length
    from {{ source('raw', 'common_security_log_files') }}
),

listed as (
    select
        {{ log_date_of('path') }} as log_date,
        {{ log_file_format('path') }} as file_format,
        sum(length) as bytes
    from files
    group by log_date, file_format
),

-- A day whose files have grown since the listing is left to the next run.
unchanged_days as (
    select days.log_date
    from {{ ref('log_days') }} as days
    inner join listed on days.log_date = listed.log_date and days.file_format = listed.file_format
    where listed.bytes = days.bytes
),

raw_lines as (
    select
        log_date,
        count(*) as line_count
    from {{ source('raw', 'common_security_log') }}
    where line rlike '[^ \t\r\n]'
    group by log_date
),

staged as (
    select
        log_date,
        count(*) as line_count
    from {{ ref('stg_common_security_log') }}
    where {{ in_window() }}
    group by log_date
),

rejected as (
    select
        log_date,
        count(*) as line_count
    from {{ ref('stg_common_security_log_rejects') }}
    where {{ in_window() }}
    group by log_date
)

select
    raw_lines.log_date,
    raw_lines.line_count as raw_lines,
    staged.line_count as staged_lines,
    rejected.line_count as rejected_lines
from raw_lines
inner join unchanged_days on raw_lines.log_date = unchanged_days.log_date
left join staged on raw_lines.log_date = staged.log_date
left join rejected on raw_lines.log_date = rejected.log_date
where raw_lines.line_count != coalesce(staged.line_count, 0) + coalesce(rejected.line_count, 0)
