select
    device_vendor,
    source_ip,
    destination_ip,
    destination_port,
    protocol,
    time_delta,
    time_delta_count,
    time_delta_list,
    time_delta_list_count,
    total_event_count,
    total_sent_bytes,
    total_received_bytes,
    percent_beacon
from {{ ref('time_delta_windows') }}
where
    percent_beacon > {{ var('percent_beacon_threshold') }}
    and total_event_count > {{ var('daily_event_count_threshold') }}
