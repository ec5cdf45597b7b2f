select
    log_date,
    reject_reason,
    rejected_line as line
from {{ ref('stg_common_security_log_lines') }}
where reject_reason is not null
