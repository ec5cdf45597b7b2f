with campaigns as (
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

found as (
    select
        found_connections.*,
        in_campaigns.shared_destination_campaign_id,
        in_campaigns.source_count,
        in_campaigns.rotating_destination_campaign_id,
        in_campaigns.destination_count,
        service_matches.service.service as known_service,
        service_matches.service.reason as service_reason,
        service_matches.service.doubt as service_doubt,
        -- Many sources at once on software's clock: an update that was rolled out, more likely than an outbreak.
        timer_likeness >= 0.4 and (sources - 1) / (active_sources + 20) >= 0.25 and not is_new_destination as looks_like_rollout
    from {{ ref('found_connections') }} as found_connections
    left join in_campaigns
        on {{ same_connection('found_connections', 'in_campaigns') }} and found_connections.several is null
    left join {{ ref('service_matches') }} as service_matches
        on found_connections.beacon_id = service_matches.beacon_id
)

select
    *,
    case
        when is_found_by_percentage and is_beacon then 'percent_beacon and beacon_score'
        when is_beacon then 'beacon_score'
        when is_found_by_percentage then 'percent_beacon'
        when is_fast then 'fast requests'
        else 'long session'
    end as found_by,
    case
        when known_service is not null then 'low'
        when not is_beacon then if(is_fast or is_long_session and is_new_destination, 'medium', 'low')
        when looks_like_rollout then 'low'
        when beacon_score < 0.95 then 'medium'
        when is_new_destination and rarity_score >= 0.95 and denied_event_count < event_count then 'critical'
        when is_new_destination or interval_count >= 100 * window_days then 'high'
        when source_count >= 3 and rarity_score >= 0.8 and timer_likeness < 0.4 then 'high'
        else 'medium'
    end as severity,
    filter(array(
        case
            when several = 'ports' then concat('over ', size(members), ' ports of the destination together, none of which beats alone')
            when several = 'addresses' then concat('over ', size(members), ' addresses together, none of which beats alone')
        end,
        if(
            is_fast,
            concat(
                event_count, ' requests of one size, ',
                {{ one_decimal('event_count / greatest(1, unix_timestamp(last_seen) - unix_timestamp(first_seen))') }},
                ' a second: too fast to be scored'
            ),
            null
        ),
        if(known_service is not null, concat('looks like ', known_service, ': ', service_reason, ' But: ', service_doubt), null),
        if(looks_like_rollout, 'many sources reach it on a clock like that of software: rather an update than an outbreak', null),
        if(
            is_beacon,
            concat(
                -- The sleep that an implant would have been set to, and how much less its jitter makes it.
                'beats every ', {{ duration_words('coalesce(estimated_sleep_seconds, period_seconds)') }},
                if(
                    estimated_sleep_seconds is not null and estimated_jitter_percent >= 0.5,
                    concat(' − ', cast(floor(estimated_jitter_percent + 0.5D) as bigint), ' %'),
                    ''
                ),
                ' for ', {{ duration_words('unix_timestamp(last_seen) - unix_timestamp(first_seen)') }},
                ': ',
                case
                    when timing_score > null_quantile
                        then concat(
                            cast(round(timing_score * interval_count) as bigint), ' of ', interval_count, ' intervals ',
                            case
                                when jitter_share >= cadence_share then 'within 50 % of the middle'
                                when cadence_share - harmonic_share >= 0.1
                                    then concat('there or near ', {{ duration_words('second_period_seconds') }})
                                else 'there or at a whole multiple'
                            end,
                            '; random traffic with as many reaches ', cast(round(null_quantile * interval_count) as bigint),
                            ' once in 2,000'
                        )
                    when phase_share > phase_null_quantile
                        then concat(
                            cast(round(phase_share * interval_count) as bigint), ' of ', interval_count,
                            ' intervals within 50 % of the middle of their sixth of the time: a sleep that changes; random traffic',
                            ' with as many reaches ', cast(round(phase_null_quantile * interval_count) as bigint), ' once in 2,000'
                        )
                    else concat(
                        cast(round(bounded_share * interval_count) as bigint), ' of ', interval_count,
                        ' intervals at most 2.2 times the median; random traffic with as many reaches ',
                        cast(round(bounded_null_quantile * interval_count) as bigint), ' once in 2,000'
                    )
                end
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
            is_beacon,
            concat(
                'evidence: ',
                array_join(
                    transform(filter(evidence, e -> abs(e.log_odds) >= 0.05), e -> concat({{ signed('e.log_odds') }}, ' ', e.term)),
                    ', '
                )
            ),
            null
        ),
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
    ), reason -> reason is not null) as reasons
from found
