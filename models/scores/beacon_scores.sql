with rita_scores as (
    select * from {{ ref('rita_scores') }}
),

destination_rarity as (
    select * from {{ ref('destination_rarity') }}
),

null_quantiles as (
    select sort_array(collect_list(struct(interval_count, timing_score_quantile))) as quantiles from {{ loaded_seed('null_quantiles') }}
),

-- The 20 are pseudo-counts of sources: in a small network, one more source says little about rarity.
with_rarity as (
    select /*+ broadcast(destination_rarity) */
        rita_scores.*,
        destination_rarity.sources,
        destination_rarity.active_sources,
        destination_rarity.first_seen_on,
        destination_rarity.days_seen,
        destination_rarity.history_days,
        greatest(sent_size_regularity, received_size_regularity) as size_score,
        1 - (destination_rarity.sources - 1) / (destination_rarity.active_sources - 1 + 20) as rarity_score,
        case
            when interval_count < {{ var('minimum_intervals') }}
                then concat('only ', interval_count, ' intervals, {{ var("minimum_intervals") }} are needed')
            when period_seconds < 1.5 then 'faster than one connection in 1.5 s: a transfer, not a beacon'
        end as no_score_reason
    from rita_scores
    left join destination_rarity
        on
            rita_scores.device_vendor = destination_rarity.device_vendor
            and rita_scores.destination_ip = destination_rarity.destination_ip
),

-- Unknown sizes do not lower the score.
scored as (
    select
        with_rarity.*,
        try_element_at(
            filter(null_quantiles.quantiles, q -> q.interval_count <= with_rarity.interval_count), -1
        ).timing_score_quantile as null_quantile,
        if(
            no_score_reason is null,
            timing_score
            * (1 - {{ var('size_weight') }} * (1 - coalesce(size_score, 1)))
            * (1 - {{ var('rarity_weight') }} * (1 - rarity_score)),
            null
        ) as beacon_score
    from with_rarity
    cross join null_quantiles
)

select
    *,
    size(filter(hourly_event_counts, x -> x > 0)) as active_hours,
    sources / active_sources as share_of_active_sources,
    coalesce(timing_score > null_quantile and beacon_score > {{ var('beacon_score_threshold') }}, false) as is_beacon
from scored
