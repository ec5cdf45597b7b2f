{{ config(materialized='table') }}

with regular as (
    select * from {{ ref('beacon_scores') }}
    where timing_score > null_quantile
),

-- What several sources do to one destination, with the middle of their cadences and sizes.
gathered as (
    select
        device_vendor,
        destination_ip,
        destination_port,
        protocol,
        percentile_approx(period_seconds, 0.5) as period_seconds,
        percentile_approx(median_sent_bytes, 0.5) as median_sent_bytes,
        sort_array(collect_list(struct(source_ip, period_seconds, median_sent_bytes, first_seen, last_seen))) as sources
    from regular
    group by device_vendor, destination_ip, destination_port, protocol
),

-- The same cadence within 15 %, the same size within 10 % where the log has sizes.
alike as (
    select
        *,
        filter(
            sources,
            s -> abs(s.period_seconds - period_seconds) <= 0.15 * period_seconds
            and coalesce(abs(s.median_sent_bytes - median_sent_bytes) <= 0.1 * median_sent_bytes, true)
        ) as members
    from gathered
)

select
    md5(
        concat_ws(
            '|', 'shared destination', device_vendor, destination_ip,
            coalesce(cast(destination_port as string), '-'), coalesce(protocol, '-')
        )
    ) as campaign_id,
    device_vendor,
    destination_ip,
    destination_port,
    protocol,
    period_seconds,
    median_sent_bytes,
    size(members) as source_count,
    slice(members, 1, 100) as sources
from alike
where size(members) >= 2
