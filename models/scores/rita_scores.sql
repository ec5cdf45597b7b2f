-- A table without the lists, so that Spark analyses the chain of views above it once and not again for each reader.
with interval_measures as (
    select * from {{ ref('interval_measures') }}
),

-- RITA uses whole seconds, 24 bins and a window of its own.
whole_seconds as (
    select
        *,
        transform(rita_times, t -> t div 1000000) as event_seconds
    from interval_measures
),

with_distinct_seconds as (
    select
        *,
        array_distinct(event_seconds) as distinct_seconds
    from whole_seconds
),

-- A truncated list is not judged, because RITA uses all events of its window.
eligibility as (
    select
        *,
        size(distinct_seconds) >= 4 and size(rita_times) < 86400 and not is_cut as is_rita_eligible
    from with_distinct_seconds
),

-- Most connections are not eligible, so nothing is computed for them.
judged as (
    select
        *,
        if(is_rita_eligible, distinct_seconds, null) as seconds,
        if(is_rita_eligible, rita_sizes, null) as sizes,
        if(is_rita_eligible, {{ rita_bin_numbers('event_seconds', 'rita_start', 'rita_end') }}, null) as bin_numbers
    from eligibility
),

with_bin_ends as (
    select
        *,
        {{ run_ends('bin_numbers') }} as bin_ends
    from judged
),

with_bins as (
    select
        *,
        {{ rita_bins('bin_ends') }} as bins
    from with_bin_ends
),

with_bin_measures as (
    select
        *,
        {{ rita_filled_bins('bins') }} as filled_bins,
        {{ rita_bin_mean('bins') }} as bin_mean,
        {{ rita_bin_step('bins') }} as bin_step
    from with_bins
),

with_deltas as (
    select
        *,
        sort_array({{ of_neighbours('seconds', never_null('n.`1` - n.`0`')) }}) as rita_deltas
    from with_bin_measures
),

with_quartiles as (
    select
        *,
        {{ rita_quartiles('rita_deltas') }} as delta_quartiles,
        {{ rita_quartiles('sizes') }} as size_quartiles
    from with_deltas
),

with_deviations as (
    select
        *,
        sort_array(transform(rita_deltas, x -> {{ never_null('abs(x - delta_quartiles.q2)') }})) as delta_deviations,
        sort_array(transform(sizes, x -> {{ never_null('abs(x - size_quartiles.q2)') }})) as size_deviations
    from with_quartiles
),

parts as (
    select
        *,
        {{ rita_spread_score('delta_quartiles', 'delta_deviations', 1) }} as timestamp_score,
        if(size(sizes) >= 3, {{ rita_spread_score('size_quartiles', 'size_deviations', 0) }}, null) as data_size_score,
        {{ rita_rounded(
            'greatest(' ~ rita_evenness('bins', 'bin_mean') ~ ', ' ~ rita_bimodality('filled_bins', 'bin_step') ~ ')'
        ) }} as histogram_score,
        {{ rita_duration_score(
            'bins', 'filled_bins', 'array_min(seconds)', 'array_max(seconds)', 'rita_end - rita_start'
        ) }} as duration_score
    from with_deviations
)

select
    {{ connection_columns() }},
    several,
    known_ip,
    known_name,
    window_days,
    event_count,
    denied_event_count,
    total_sent_bytes,
    total_received_bytes,
    longest_session_seconds,
    first_seen,
    last_seen,
    hourly_event_counts,
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
    bounded_share,
    phase_share,
    timer_likeness,
    sent_size_regularity,
    received_size_regularity,
    received_size_spread,
    median_sent_bytes,
    median_received_bytes,
    sent_modal_share,
    received_modal_share,
    if(is_cut, null, size(rita_times)) as rita_event_count,
    if(is_rita_eligible, timestamp_score, null) as rita_timestamp_score,
    if(is_rita_eligible, data_size_score, null) as rita_data_size_score,
    if(is_rita_eligible, histogram_score, null) as rita_histogram_score,
    if(is_rita_eligible, duration_score, null) as rita_duration_score,
    if(
        is_rita_eligible, {{ rita_rounded('(timestamp_score + data_size_score + histogram_score + duration_score) / 4') }}, null
    ) as rita_beacon_score
from parts
