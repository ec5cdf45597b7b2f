{{ config(
    partition_by='log_date',
    replaces="{{ replaced_days(days_to_load(ref('public_egress'))) }}",
) }}

with egress as (
    select * from {{ ref('public_egress') }}
    where {{ in_days_to_load(ref('public_egress')) }}
)

select
    {{ connection_columns() }},
    count(*) as event_count,
    count_if(is_denied) as denied_event_count,
    try_sum(sent_bytes) as total_sent_bytes,
    try_sum(received_bytes) as total_received_bytes,
    max(duration_seconds) as longest_session_seconds,
    min(time_generated) as first_seen,
    max(time_generated) as last_seen,
    -- Sorted by time, so that a truncated list holds the beginning of the day.
    slice(
        sort_array(collect_list(struct(unix_micros(time_generated) as event_micros, sent_bytes, received_bytes))),
        1, {{ var('events_per_connection_day') }}
    ) as events,
    array(
        {%- for hour in range(24) %}
            count_if(hour(time_generated) = {{ hour }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) as hourly_event_counts,
    max(log_version) as log_version,
    log_date
from egress
group by {{ connection_columns() }}, log_date
