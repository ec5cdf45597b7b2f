{% set windowed = var('percent_denominator') == 'windowed' %}
{% set window_key = 'device_vendor, source_ip, destination_ip, destination_port' ~ ('' if windowed else ', protocol') %}

with time_deltas as (
    select * from {{ ref('time_deltas') }}
    where time_delta > {{ var('time_delta_threshold') }}
),

counted as (
    select
        device_vendor,
        source_ip,
        destination_ip,
        destination_port,
        protocol,
        time_delta,
        count(*) as time_delta_count,
        try_sum(sent_bytes) as total_sent_bytes,
        try_sum(received_bytes) as total_received_bytes,
        max(connection_event_count) as connection_event_count
    from time_deltas
    group by {{ connection_columns() }}, time_delta
),

-- Jitter of a second spreads one beat over neighbouring deltas, so each delta is counted together with the two next smaller ones.
listed as (
    select
        *,
        collect_list(time_delta_count) over (
            partition by {{ window_key }} order by time_delta, protocol rows between 2 preceding and current row
        ) as time_delta_list
    from counted
),

summed as (
    select
        *,
        aggregate(time_delta_list, 0L, (total, events) -> total + events) as time_delta_list_count
    from listed
),

totalled as (
    select
        *,
        {% if windowed %}
            sum(time_delta_list_count) over (partition by device_vendor, source_ip, destination_ip, destination_port) as total_event_count
        {% else %}
            connection_event_count as total_event_count
        {% endif %}
    from summed
)

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
    time_delta_list_count / total_event_count * 100 as percent_beacon
from totalled
