with beacon_scores as (
    select
        *,
        coalesce(
            longest_session_seconds >= 3600 * {{ var('long_session_hours') }} and known_share < 0.1 and several is null, false
        ) as is_long_session,
        coalesce(
            event_count >= 500 and unix_timestamp(last_seen) - unix_timestamp(first_seen) < 1.5 * event_count
            and not is_beacon and greatest(sent_modal_share, received_modal_share) >= 0.9
            and known_share < 0.1 and several is null,
            false
        ) as is_fast
    from {{ ref('beacon_scores') }}
),

groups as (
    select
        members.device_vendor,
        members.source_ip,
        members.destination_ip,
        members.destination_port,
        members.protocol,
        members.several,
        sort_array(collect_list(struct(members.member_ip as ip, members.member_port as port))) as members,
        bool_or(coalesce(beacon_scores.is_beacon, false)) as has_beacon
    from {{ ref('group_members') }} as members
    left join beacon_scores
        on {{ is_member('members', 'beacon_scores') }} and beacon_scores.several is null
    group by
        members.device_vendor, members.source_ip, members.destination_ip, members.destination_port, members.protocol, members.several
),

time_delta_windows as (
    select * from {{ ref('time_delta_windows') }}
),

percent_beacon as (
    select * from {{ ref('percent_beacon') }}
),

-- A connection is represented by its highest percentage; among equals, by the shortest interval.
strongest as (
    select
        {{ connection_columns() }},
        max_by(
            struct(time_delta, time_delta_list, time_delta_list_count, total_event_count, percent_beacon),
            struct(percent_beacon, -time_delta)
        ) as beacon
    from time_delta_windows
    group by {{ connection_columns() }}
),

found_by_percentage as (
    select distinct {{ connection_columns() }}
    from percent_beacon
)

select
    beacon_scores.*,
    strongest.beacon.percent_beacon as percent_beacon,
    strongest.beacon.time_delta as time_delta,
    strongest.beacon.time_delta_list as time_delta_list,
    strongest.beacon.time_delta_list_count as time_delta_list_count,
    strongest.beacon.total_event_count as total_event_count,
    found_by_percentage.source_ip is not null as is_found_by_percentage,
    groups.members,
    {{ beacon_id('beacon_scores') }} as beacon_id
from beacon_scores
left join strongest
    on {{ same_connection('beacon_scores', 'strongest') }} and beacon_scores.several is null
left join found_by_percentage
    on {{ same_connection('beacon_scores', 'found_by_percentage') }} and beacon_scores.several is null
left join groups
    on {{ same_connection('beacon_scores', 'groups') }} and beacon_scores.several = groups.several
where
    -- A group whose member beacons by itself tells nothing new.
    not coalesce(groups.has_beacon, false)
    and (
        beacon_scores.is_beacon or beacon_scores.is_long_session or beacon_scores.is_fast or found_by_percentage.source_ip is not null
    )
