-- Days of the window on which more than 1 % of the lines were rejected: a sign that the format of the export has changed.
{{ config(severity='warn') }}

select
    log_date,
    count_if(reject_reason is not null) as rejected,
    count(*) as line_count
from {{ ref('stg_common_security_log_lines') }}
where {{ in_window() }}
group by log_date
having count_if(reject_reason is not null) > 0.01 * count(*)
