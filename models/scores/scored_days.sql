{#- A connection with so few events a day is slow: judged over `slow_window_days`. With fewer than three a day, it would take weeks. -#}
{% set least_events, most_events = 3, 30 %}
{% set columns = [
    'device_vendor', 'source_ip', 'destination_ip', 'destination_port', 'protocol', 'log_date', 'event_count', 'denied_event_count',
    'total_sent_bytes', 'total_received_bytes', 'longest_session_seconds', 'first_seen', 'last_seen', 'events', 'hourly_event_counts',
] | join(', ') %}
{% set days_read = [var('score_window_days') | int, var('slow_window_days') | int, 2] | max %}

with connection_days as (
    select
        *,
        {{ in_score_window() }} as is_recent
    from {{ ref('connection_days') }}
    where
        {{ in_last_days(days_read) }}
        and {{ of_judged_vendors() }}
),

slow as (
    select {{ connection_columns() }}
    from {{ ref('connection_days') }}
    where {{ in_score_window() }} and {{ of_judged_vendors() }}
    group by {{ connection_columns() }}
    having sum(event_count) between {{ least_events }} and {{ most_events * var('score_window_days') | int }}
),

with_slow as (
    select
        connection_days.*,
        slow.source_ip is not null and connection_days.event_count <= {{ most_events }}
        and datediff(date '{{ end_date() }}', connection_days.log_date) < {{ var('slow_window_days') }} as is_of_slow
    from connection_days
    left join slow on {{ same_connection('connection_days', 'slow') }}
),

grouped as (
    select
        members.device_vendor,
        members.source_ip,
        members.destination_ip,
        members.destination_port,
        members.protocol,
        members.several,
        connection_days.log_date,
        min(members.member_ip) as known_ip,
        max(connection_days.destination_name) as known_name,
        sum(connection_days.event_count) as event_count,
        sum(connection_days.denied_event_count) as denied_event_count,
        try_sum(connection_days.total_sent_bytes) as total_sent_bytes,
        try_sum(connection_days.total_received_bytes) as total_received_bytes,
        max(connection_days.longest_session_seconds) as longest_session_seconds,
        min(connection_days.first_seen) as first_seen,
        max(connection_days.last_seen) as last_seen,
        flatten(collect_list(connection_days.events)) as events,
        array(
            {%- for hour in range(24) %}
                {{ never_null('sum(connection_days.hourly_event_counts[' ~ hour ~ '])') }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) as hourly_event_counts
    from {{ ref('group_members') }} as members
    inner join connection_days
        on {{ is_member('members', 'connection_days') }} and connection_days.is_recent
    group by
        members.device_vendor, members.source_ip, members.destination_ip, members.destination_port, members.protocol, members.several,
        connection_days.log_date
)

-- RITA's window begins on the day before end_date; such a day may have events that are not scored.
select
    {{ columns }},
    cast(null as string) as several,
    destination_ip as known_ip,
    destination_name as known_name,
    is_recent or is_of_slow as is_scored,
    is_recent
from with_slow
where is_recent or is_of_slow or log_date = date '{{ end_date() }}' - interval 1 day
union all
select
    {{ columns }},
    several,
    known_ip,
    known_name,
    true as is_scored,
    true as is_recent
from grouped
