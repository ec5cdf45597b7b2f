{{ config(materialized='table') }}

with regular as (
    select * from {{ ref('beacon_scores') }}
    where timing_score > null_quantile
),

-- What one source does to several destinations, in order of time, with the middle of the cadences.
gathered as (
    select
        device_vendor,
        source_ip,
        destination_port,
        protocol,
        percentile_approx(period_seconds, 0.5) as period_seconds,
        sort_array(collect_list(struct(first_seen, last_seen, destination_ip, period_seconds, event_count))) as destinations
    from regular
    group by device_vendor, source_ip, destination_port, protocol
),

-- The same cadence within 15 %.
alike as (
    select
        *,
        filter(destinations, d -> abs(d.period_seconds - period_seconds) <= 0.15 * period_seconds) as members
    from gathered
)

select
    md5(
        concat_ws(
            '|', 'rotating destinations', device_vendor, source_ip,
            coalesce(cast(destination_port as string), '-'), coalesce(protocol, '-')
        )
    ) as campaign_id,
    device_vendor,
    source_ip,
    destination_port,
    protocol,
    period_seconds,
    size(members) as destination_count,
    slice(members, 1, 100) as destinations
from alike
where size(members) >= 2
