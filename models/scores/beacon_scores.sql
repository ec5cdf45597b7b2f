with rita_scores as (
    select * from {{ ref('rita_scores') }}
),

destination_rarity as (
    select * from {{ ref('destination_rarity') }}
),

null_quantiles as (
    select
        sort_array(collect_list(struct(
            interval_count, timing_score_quantile, bounded_share_quantile, phase_share_quantile
        ))) as quantiles
    from {{ loaded_seed('null_quantiles') }}
),

with_rarity as (
    select /*+ broadcast(destination_rarity) */
        rita_scores.*,
        destination_rarity.sources,
        destination_rarity.active_sources,
        destination_rarity.first_seen_on,
        destination_rarity.days_seen,
        destination_rarity.history_days,
        destination_rarity.known_share,
        destination_rarity.first_seen_on = date '{{ end_date() }}' and destination_rarity.history_days >= 7 as is_new_destination,
        1 - destination_rarity.known_share as rarity_score,
        greatest(sent_size_regularity, received_size_regularity) as size_score,
        case
            when interval_count < {{ var('minimum_intervals') }}
                then concat('only ', interval_count, ' intervals, {{ var("minimum_intervals") }} are needed')
            when period_seconds < 1.5 then 'faster than one connection in 1.5 s'
        end as no_score_reason
    from rita_scores
    left join destination_rarity
        on
            rita_scores.device_vendor = destination_rarity.device_vendor
            and rita_scores.known_ip = destination_rarity.destination_ip
),

with_quantiles as (
    select
        with_rarity.*,
        try_element_at(filter(quantiles, q -> q.interval_count <= with_rarity.interval_count), -1).timing_score_quantile as null_quantile,
        try_element_at(filter(quantiles, q -> q.interval_count <= with_rarity.interval_count), -1).bounded_share_quantile
            as bounded_null_quantile,
        try_element_at(filter(quantiles, q -> q.interval_count <= with_rarity.interval_count), -1).phase_share_quantile
            as phase_null_quantile
    from with_rarity
    cross join null_quantiles
),

-- Each measure of time against what random traffic reaches of it; the strongest counts.
with_margin as (
    select
        *,
        greatest(
            (timing_score - null_quantile) / nullif(1 - null_quantile, 0),
            (bounded_share - bounded_null_quantile) / nullif(1 - bounded_null_quantile, 0),
            (phase_share - phase_null_quantile) / nullif(1 - phase_null_quantile, 0)
        ) as timing_margin
    from with_quantiles
),

weighed as (
    select
        *,
        array(
            struct('start' as term, {{ start_evidence() }} as log_odds),
            struct('timing' as term, {{ timing_evidence() }} as log_odds),
            struct('sizes' as term, {{ size_evidence() }} as log_odds),
            struct('known before' as term, {{ known_evidence() }} as log_odds),
            struct('new destination' as term, {{ new_evidence() }} as log_odds)
        ) as evidence
    from with_margin
),

scored as (
    select
        *,
        -- In whole ten-thousandths: engines differ in the last digits of exp().
        if(
            no_score_reason is null,
            floor(10000 / (1 + exp(-aggregate(evidence, 0D, (total, e) -> total + e.log_odds))) + 0.5D) / 10000,
            null
        ) as beacon_score
    from weighed
)

select
    *,
    size(filter(hourly_event_counts, x -> x > 0)) as active_hours,
    sources / active_sources as share_of_active_sources,
    coalesce(timing_margin > 0 and beacon_score > {{ var('beacon_score_threshold') }}, false) as is_beacon
from scored
