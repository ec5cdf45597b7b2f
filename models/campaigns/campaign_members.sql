with regular as (
    select * from {{ ref('beacon_scores') }}
    where timing_margin > 0 and several is null
),

-- A connection may belong to two campaigns: one of its destination (several sources) and one of its source (several destinations).
candidates as (
    select
        *,
        'shared destination' as kind,
        destination_ip as common_ip
    from regular
    union all
    select
        *,
        'rotating destinations' as kind,
        source_ip as common_ip
    from regular
),

identified as (
    select
        *,
        md5(concat_ws(
            '|', kind, device_vendor, common_ip, coalesce(cast(destination_port as string), '-'), coalesce(protocol, '-')
        )) as campaign_id
    from candidates
),

listed as (
    select
        campaign_id,
        sort_array(collect_list(period_seconds)) as periods,
        sort_array(collect_list(median_sent_bytes)) as sent_sizes
    from identified
    group by campaign_id
),

medians as (
    select
        campaign_id,
        {{ at_quantile('periods', 50) }} as campaign_period_seconds,
        {{ at_quantile('sent_sizes', 50) }} as campaign_sent_bytes
    from listed
),

-- Members have the same cadence. Several sources also send the same size, where the log has sizes.
alike as (
    select
        identified.*,
        medians.campaign_period_seconds,
        medians.campaign_sent_bytes,
        count(*) over (partition by identified.campaign_id) as member_count
    from identified
    inner join medians on identified.campaign_id = medians.campaign_id
    where
        abs(identified.period_seconds - medians.campaign_period_seconds) <= {{ beat_tolerance() }} * medians.campaign_period_seconds
        and (
            identified.kind = 'rotating destinations'
            or coalesce(
                abs(identified.median_sent_bytes - medians.campaign_sent_bytes) <= {{ size_tolerance() }} * medians.campaign_sent_bytes,
                true
            )
        )
)

select
    campaign_id,
    kind,
    {{ connection_columns() }},
    first_seen,
    last_seen,
    event_count,
    period_seconds,
    median_sent_bytes,
    campaign_period_seconds,
    campaign_sent_bytes
from alike
where member_count >= 2
