select
    time_generated,
    time_source,
    device_vendor,
    source_ip,
    source_port,
    destination_ip,
    destination_name,
    destination_port,
    protocol,
    sent_bytes,
    received_bytes,
    duration_seconds,
    device_action,
    is_denied,
    source_user_name,
    source_host_name,
    row_id,
    row_count,
    copies,
    log_version,
    log_date
from {{ ref('sessions') }}
where fate = 'egress'
