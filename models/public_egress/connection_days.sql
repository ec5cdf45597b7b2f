{{ config(
    partition_by='log_date',
    one_by_one=true,
    replaces="{{ replaced_days(days_to_load(ref('public_egress'))) }}",
) }}

{% set most_events = var('events_per_connection_day') %}

with egress as (
    select * from {{ ref('public_egress') }}
    where {{ in_days_to_load(ref('public_egress')) }}
),

connections as (
    select
        {{ connection_columns() }},
        max(destination_name) as destination_name,
        count(*) as event_count,
        count_if(is_denied) as denied_event_count,
        try_sum(sent_bytes) as total_sent_bytes,
        try_sum(received_bytes) as total_received_bytes,
        max(duration_seconds) as longest_session_seconds,
        min(time_generated) as first_seen,
        max(time_generated) as last_seen,
        sort_array(collect_list(struct(unix_micros(time_generated) as event_micros, sent_bytes, received_bytes))) as events,
        array(
            {%- for hour in range(24) %}
                count_if(hour(time_generated) = {{ hour }}){{ ',' if not loop.last }}
            {%- endfor %}
        ) as hourly_event_counts,
        max(log_version) as log_version,
        log_date
    from egress
    group by {{ connection_columns() }}, log_date
)

select
    {{ connection_columns() }},
    destination_name,
    event_count,
    denied_event_count,
    total_sent_bytes,
    total_received_bytes,
    longest_session_seconds,
    first_seen,
    last_seen,
    -- Of too many events, runs of 100 from the whole day, so that the intervals within them stay as they are.
    if(
        event_count <= {{ most_events }},
        events,
        slice(filter(events, (e, i) -> i div 100 % ceil(event_count / {{ most_events }}) = 0), 1, {{ most_events }})
    ) as events,
    hourly_event_counts,
    log_version,
    log_date
from connections
