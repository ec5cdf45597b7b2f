{% set minimum = var('minimum_intervals') %}

with connection_intervals as (
    select * from {{ ref('connection_intervals') }}
),

-- For jitter drawn uniformly the middle of two outer quantiles is twice as exact as the median.
centred as (
    select
        *,
        cast(size(intervals) as int) as interval_count,
        {{ at_quantile('intervals', 50) }} as period_seconds,
        ({{ at_quantile('intervals', 15) }} + {{ at_quantile('intervals', 85) }}) / 2 as centre_seconds,
        {{ median_of('intervals', 0, 'size(intervals)') }} as median_seconds,
        transform(times, t -> cast(t div 1000000 % 60 as int)) as seconds_of_minute,
        array_max(zip_with(slice(times, 2, size(times)), slice(times, 1, size(times) - 1), (b, a) -> b - a)) / 1000000 as longest_gap_seconds
    from connection_intervals
),

-- Off the beat: neither the period nor one of its multiples up to six, which are missed beats.
split as (
    select
        *,
        filter(
            intervals, x -> abs(x - period_seconds * greatest(1, least(6, floor(x / period_seconds + 0.5)))) >= 0.15 * period_seconds
        ) as off_beat,
        sort_array(transform(intervals, x -> abs(x - median_seconds))) as deviations,
        filter(
            intervals, x -> x between {{ at_quantile('intervals', 5) }} and {{ at_quantile('intervals', 95) }}
        ) as middle
    from centred
),

-- An implant may switch between two sleeps: the second is looked for among what is off the beat of the first.
seconded as (
    select
        *,
        {{ at_quantile('off_beat', 50) }} as second_period_seconds
    from split
),

shared as (
    select
        *,
        {{ share_of('abs(x - centre_seconds) < 0.5 * centre_seconds', 'intervals') }} as jitter_share,
        1 - size(off_beat) / nullif(interval_count, 0) as harmonic_share,
        1 - size(filter(off_beat, x -> abs(x - second_period_seconds) >= 0.15 * second_period_seconds)) / nullif(interval_count, 0)
            as cadence_share
    from seconded
),

-- The intervals that belong to the sleep say how long it is and how much it varies.
slept as (
    select
        *,
        if(
            cadence_share > jitter_share,
            filter(intervals, x -> abs(x - period_seconds) < 0.15 * period_seconds),
            filter(intervals, x -> abs(x - centre_seconds) < 0.5 * centre_seconds)
        ) as sleeps
    from shared
)

select
    *,
    greatest(0, 1 - {{ median_of('deviations', 0, 'size(deviations)') }} / median_seconds / 0.6942) as regularity,
    {{ share_of('abs(x - period_seconds) < 0.1 * period_seconds', 'intervals') }} as interval_share_10,
    {{ share_of('abs(x - period_seconds) < 0.3 * period_seconds', 'intervals') }} as interval_share_30,
    {{ share_of('abs(x - period_seconds) < 0.5 * period_seconds', 'intervals') }} as interval_share_50,
    greatest(jitter_share, cadence_share) as timing_score,
    -- Kolmogorov-Smirnov distance to the uniform distribution between the outermost.
    if(
        size(middle) >= 3 and middle[0] < element_at(middle, -1),
        1 - array_max(transform(middle, (x, i) -> greatest(
            (i + 1) / size(middle) - (x - middle[0]) / (element_at(middle, -1) - middle[0]),
            (x - middle[0]) / (element_at(middle, -1) - middle[0]) - i / size(middle)
        ))),
        null
    ) as uniform_fit,
    array_max(transform(
        sequence(0, 59), s -> size(seconds_of_minute) - size(array_remove(seconds_of_minute, s))
    )) / size(seconds_of_minute) as clock_lock_share,
    {{ at_quantile('sleeps', 98) }} as estimated_sleep_seconds,
    100 * (1 - {{ at_quantile('sleeps', 2) }} / {{ at_quantile('sleeps', 98) }}) as estimated_jitter_percent,
    {%- for side in ['sent', 'received'] %}
        {%- set sizes, median = side ~ '_sizes', at_quantile(side ~ '_sizes', 50) %}
        if(
            size({{ sizes }}) >= {{ minimum }} and element_at({{ sizes }}, -1) > 0,
            greatest(
                1 - (size(array_distinct({{ sizes }})) - 1) / (size({{ sizes }}) - 1),
                {{ share_of('abs(x - ' ~ median ~ ') <= 0.1 * ' ~ median, sizes) }}
            ),
            null
        ) as {{ side }}_size_regularity,
        {{ longest_run(sizes) }} / nullif(size({{ sizes }}), 0) as {{ side }}_modal_share{{ ',' if not loop.last }}
    {%- endfor %}
from slept
