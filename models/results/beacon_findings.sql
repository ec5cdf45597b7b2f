with beacon_scores as (
    select * from {{ ref('beacon_scores') }}
),

time_delta_windows as (
    select * from {{ ref('time_delta_windows') }}
),

percent_beacon as (
    select * from {{ ref('percent_beacon') }}
),

campaigns as (
    select * from {{ ref('campaigns') }}
),

campaign_members as (
    select * from {{ ref('campaign_members') }}
),

-- Up to two campaigns per connection, one of each kind.
in_campaigns as (
    select
        campaign_members.device_vendor,
        campaign_members.source_ip,
        campaign_members.destination_ip,
        campaign_members.destination_port,
        campaign_members.protocol,
        max(if(campaigns.kind = 'shared destination', campaigns.campaign_id, null)) as shared_destination_campaign_id,
        max(if(campaigns.kind = 'shared destination', campaigns.source_count, null)) as source_count,
        max(if(campaigns.kind = 'rotating destinations', campaigns.campaign_id, null)) as rotating_destination_campaign_id,
        max(if(campaigns.kind = 'rotating destinations', campaigns.destination_count, null)) as destination_count
    from campaign_members
    inner join campaigns on campaign_members.campaign_id = campaigns.campaign_id
    group by
        campaign_members.device_vendor,
        campaign_members.source_ip,
        campaign_members.destination_ip,
        campaign_members.destination_port,
        campaign_members.protocol
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
),

found as (
    select
        beacon_scores.*,
        strongest.beacon.percent_beacon as percent_beacon,
        strongest.beacon.time_delta as time_delta,
        strongest.beacon.time_delta_list as time_delta_list,
        strongest.beacon.time_delta_list_count as time_delta_list_count,
        strongest.beacon.total_event_count as total_event_count,
        found_by_percentage.source_ip is not null as is_found_by_percentage,
        beacon_scores.first_seen_on = date '{{ end_date() }}' and beacon_scores.history_days >= 7 as is_new_destination,
        in_campaigns.shared_destination_campaign_id,
        in_campaigns.source_count,
        in_campaigns.rotating_destination_campaign_id,
        in_campaigns.destination_count,
        {{ beacon_id('beacon_scores') }} as beacon_id
    from beacon_scores
    left join strongest
        on {{ same_connection('beacon_scores', 'strongest') }}
    left join found_by_percentage
        on {{ same_connection('beacon_scores', 'found_by_percentage') }}
    left join in_campaigns
        on {{ same_connection('beacon_scores', 'in_campaigns') }}
    where beacon_scores.is_beacon or found_by_percentage.source_ip is not null
)

select
    *,
    case
        when is_found_by_percentage and is_beacon then 'percent_beacon and beacon_score'
        when is_beacon then 'beacon_score'
        else 'percent_beacon'
    end as found_by,
    case
        when not is_beacon then 'low'
        when beacon_score >= 0.9 and is_new_destination and rarity_score >= 0.95 and denied_event_count < event_count then 'critical'
        when beacon_score >= 0.9 and (is_new_destination or interval_count >= 100 * {{ var('score_window_days') }}) then 'high'
        else 'medium'
    end as severity,
    array_compact(array(
        if(
            is_beacon,
            concat(
                'beats every ', {{ duration_words('period_seconds') }},
                if(estimated_jitter_percent >= 5, concat(' with up to ', cast(estimated_jitter_percent as int), ' % jitter'), ''),
                ' for ', {{ duration_words('unix_timestamp(last_seen) - unix_timestamp(first_seen)') }},
                ': ', cast(round(timing_score * interval_count) as bigint), ' of ', interval_count, ' intervals ',
                case
                    when jitter_share >= cadence_share then 'within 50 % of the middle'
                    when cadence_share - harmonic_share >= 0.1 then concat('there or near ', {{ duration_words('second_period_seconds') }})
                    else 'there or at a whole multiple'
                end,
                '; random traffic with as many reaches ', cast(round(null_quantile * interval_count) as bigint), ' once in 2,000'
            ),
            null
        ),
        if(
            is_found_by_percentage,
            concat(
                {{ one_decimal('percent_beacon') }}, ' % of ', total_event_count, ' events came in three neighbouring intervals up to ',
                time_delta, ' s'
            ),
            null
        ),
        case
            when size_score >= 0.9 and coalesce(received_size_regularity, 0) >= coalesce(sent_size_regularity, 0)
                then concat('sizes repeat: about ', median_received_bytes, ' bytes received')
            when size_score >= 0.9 then concat('sizes repeat: about ', median_sent_bytes, ' bytes sent')
            when size_score is null then 'no sizes to judge: time alone speaks'
        end,
        if(
            sources = 1,
            concat('one internal source of ', active_sources, ' reaches this destination'),
            concat(sources, ' of ', active_sources, ' internal sources reach this destination')
        ),
        case
            when history_days = 0 then 'no history to say since when'
            when first_seen_on = date '{{ end_date() }}' then concat('first seen on this day, with ', history_days, ' day(s) of history')
            else concat('first seen on ', first_seen_on, ', on ', days_seen, ' day(s)')
        end,
        if(
            event_count > 1.5 * (interval_count + 1),
            concat('about ', {{ one_decimal('event_count / (interval_count + 1)') }}, ' connections a beat'),
            null
        ),
        if(
            denied_event_count > 0,
            concat(denied_event_count, ' of ', event_count, ' connections were denied: the host keeps asking'),
            null
        ),
        if(longest_session_seconds >= 3600, concat('one session lasted ', {{ duration_words('longest_session_seconds') }}), null),
        if(
            source_count > 1,
            concat(source_count, ' internal sources beat alike to this destination'),
            null
        ),
        if(
            destination_count > 1,
            concat('this source beats alike to ', destination_count, ' destinations'),
            null
        )
    )) as reasons
from found
