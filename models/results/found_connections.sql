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

-- A group whose member beacons by itself tells nothing new.
explained as (
    select distinct
        members.device_vendor,
        members.source_ip,
        members.destination_ip,
        members.destination_port,
        members.protocol,
        members.several
    from {{ ref('group_members') }} as members
    inner join beacon_scores
        on
            beacon_scores.is_beacon
            and beacon_scores.several is null
            and members.device_vendor = beacon_scores.device_vendor
            and members.source_ip = beacon_scores.source_ip
            and members.member_ip = beacon_scores.destination_ip
            and members.member_port <=> beacon_scores.destination_port
            and members.protocol <=> beacon_scores.protocol
),

with_members as (
    select
        device_vendor,
        source_ip,
        destination_ip,
        destination_port,
        protocol,
        several,
        sort_array(collect_list(struct(member_ip as ip, member_port as port))) as members
    from {{ ref('group_members') }}
    group by device_vendor, source_ip, destination_ip, destination_port, protocol, several
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
    with_members.members,
    {{ beacon_id('beacon_scores') }} as beacon_id
from beacon_scores
left join strongest
    on {{ same_connection('beacon_scores', 'strongest') }} and beacon_scores.several is null
left join found_by_percentage
    on {{ same_connection('beacon_scores', 'found_by_percentage') }} and beacon_scores.several is null
left join with_members
    on {{ same_connection('beacon_scores', 'with_members') }} and beacon_scores.several = with_members.several
left anti join explained
    on {{ same_connection('beacon_scores', 'explained') }} and beacon_scores.several = explained.several
where
    beacon_scores.is_beacon or beacon_scores.is_long_session or beacon_scores.is_fast or found_by_percentage.source_ip is not null
