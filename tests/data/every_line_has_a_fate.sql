-- Days on which the fates of lines are more or fewer than the lines. A day that was staged since is left to the next run.
with staged as (
    select
        log_date,
        log_version,
        count(*) as line_count
    from {{ ref('stg_common_security_log_lines') }}
    where {{ in_window() }}
    group by log_date, log_version
),

lines as (
    select
        log_date,
        line_count,
        {{ session_version() }} as log_version
    from staged
),

fates as (
    select
        log_date,
        log_version,
        sum(line_count) as line_count
    from {{ ref('row_fates') }}
    where {{ in_window() }}
    group by log_date, log_version
)

select
    lines.log_date,
    lines.line_count,
    fates.line_count as fate_count
from lines
inner join fates on lines.log_date = fates.log_date and lines.log_version = fates.log_version
where lines.line_count != fates.line_count
