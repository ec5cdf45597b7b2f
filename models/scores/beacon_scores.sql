{{ config(materialized='table') }}

with interval_measures as (
    select * from {{ ref('interval_measures') }}
),

destination_rarity as (
    select * from {{ ref('destination_rarity') }}
),

null_quantiles as (
    select sort_array(collect_list(struct(interval_count, timing_score_quantile))) as quantiles from {{ ref('null_quantiles') }}
),

-- RITA counts whole seconds over a window of its own, in 24 bins.
rita_inputs as (
    select
        *,
        transform(rita_times, t -> t div 1000000) as event_seconds
    from interval_measures
),

-- Of a list that was cut nothing is said: RITA looks at the whole day.
rita_eligibility as (
    select
        *,
        size(array_distinct(event_seconds)) >= 4 and size(rita_times) < 86400 and not is_cut as is_rita_eligible
    from rita_inputs
),

-- Most connections have fewer seconds than that: nothing is computed for them.
rita_seconds as (
    select
        *,
        if(is_rita_eligible, array_distinct(event_seconds), null) as seconds,
        if(is_rita_eligible, rita_sizes, null) as sizes,
        if(is_rita_eligible, {{ rita_bins('event_seconds', 'rita_start', 'rita_end') }}, null) as bins
    from rita_eligibility
),

rita_lists as (
    select
        *,
        sort_array(
            zip_with(
                slice(seconds, 2, size(seconds)), slice(seconds, 1, greatest(0, size(seconds) - 1)), (b, a) -> {{ never_null('b - a') }}
            )
        ) as rita_deltas
    from rita_seconds
),

rita_quartiles as (
    select
        *,
        {{ rita_quartiles('rita_deltas') }} as delta_quartiles,
        {{ rita_quartiles('sizes') }} as size_quartiles
    from rita_lists
),

rita_deviations as (
    select
        *,
        sort_array(transform(rita_deltas, x -> {{ never_null('abs(x - delta_quartiles.q2)') }})) as delta_deviations,
        sort_array(transform(sizes, x -> {{ never_null('abs(x - size_quartiles.q2)') }})) as size_deviations
    from rita_quartiles
),

rita as (
    select
        *,
        {{ rita_spread_score('delta_quartiles', 'delta_deviations', 1) }} as timestamp_score,
        if(size(sizes) >= 3, {{ rita_spread_score('size_quartiles', 'size_deviations', 0) }}, null) as data_size_score,
        round(greatest({{ rita_evenness('bins') }}, {{ rita_bimodality('bins') }}), 3) as histogram_score,
        {{ rita_duration_score('bins', 'array_min(seconds)', 'array_max(seconds)', 'rita_end - rita_start') }} as duration_score
    from rita_deviations
),

-- How rare the destination is comes from its own model; unknown sizes cost nothing.
rated as (
    select /*+ broadcast(destination_rarity) */
        rita.*,
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
    from rita
    left join destination_rarity
        on
            rita.device_vendor = destination_rarity.device_vendor
            and rita.destination_ip = destination_rarity.destination_ip
),

scored as (
    select
        rated.*,
        try_element_at(
            filter(null_quantiles.quantiles, q -> q.interval_count <= rated.interval_count), -1
        ).timing_score_quantile as null_quantile,
        if(
            no_score_reason is null,
            timing_score
            * (1 - {{ var('size_weight') }} * (1 - coalesce(size_score, 1)))
            * (1 - {{ var('rarity_weight') }} * (1 - rarity_score)),
            null
        ) as beacon_score
    from rated
    cross join null_quantiles
)

select
    {{ connection_columns() }},
    event_count,
    denied_event_count,
    total_sent_bytes,
    total_received_bytes,
    longest_session_seconds,
    first_seen,
    last_seen,
    hourly_event_counts,
    size(filter(hourly_event_counts, x -> x > 0)) as active_hours,
    longest_gap_seconds,
    interval_count,
    period_seconds,
    second_period_seconds,
    estimated_sleep_seconds,
    estimated_jitter_percent,
    regularity,
    interval_share_10,
    interval_share_30,
    interval_share_50,
    jitter_share,
    harmonic_share,
    cadence_share,
    uniform_fit,
    clock_lock_share,
    timing_score,
    null_quantile,
    sent_size_regularity,
    received_size_regularity,
    median_sent_bytes,
    median_received_bytes,
    sent_modal_share,
    received_modal_share,
    size_score,
    sources,
    active_sources,
    sources / active_sources as share_of_active_sources,
    first_seen_on,
    days_seen,
    history_days,
    rarity_score,
    beacon_score,
    no_score_reason,
    coalesce(timing_score > null_quantile and beacon_score > {{ var('beacon_score_threshold') }}, false) as is_beacon,
    if(is_cut, null, size(rita_times)) as rita_event_count,
    if(is_rita_eligible, timestamp_score, null) as rita_timestamp_score,
    if(is_rita_eligible, data_size_score, null) as rita_data_size_score,
    if(is_rita_eligible, histogram_score, null) as rita_histogram_score,
    if(is_rita_eligible, duration_score, null) as rita_duration_score,
    if(is_rita_eligible, round((timestamp_score + data_size_score + histogram_score + duration_score) / 4, 3), null) as rita_beacon_score
from scored
