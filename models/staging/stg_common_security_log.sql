select
    log_date,
    time_generated,
    device_vendor,
    device_product,
    device_event_class_id,
    activity,
    device_action,
    source_ip,
    source_ip_key,
    source_port,
    destination_ip,
    destination_ip_key,
    destination_port,
    protocol,
    sent_bytes,
    received_bytes,
    duration_seconds,
    row_id,
    log_version
from {{ ref('stg_common_security_log_lines') }}
where reject_reason is null
