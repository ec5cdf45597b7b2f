select
    log_date,
    reject_reason,
    raw_record
from {{ ref('stg_common_security_log_lines') }}
where reject_reason is not null
