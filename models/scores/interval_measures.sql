{% set tolerance = beat_tolerance() %}
{#- Software's timers are whole multiples of 30 s; short ones of 5 s. How far an interval may be from 30 s or a multiple, in seconds. -#}
{% set timer_tolerance = 'least(3, 0.003 * x + 0.5)' %}

with connection_intervals as (
    select * from {{ ref('connection_intervals') }}
),

-- With uniform jitter, the midpoint of two outer quantiles is twice as precise as the median.
centred as (
    select
        *,
        cast(size(intervals) as int) as interval_count,
        {{ at_quantile('intervals', 50) }} as period_seconds,
        ({{ at_quantile('intervals', 15) }} + {{ at_quantile('intervals', 85) }}) / 2 as centre_seconds,
        {{ median_of('intervals', 0, 'size(intervals)') }} as median_seconds,
        if({{ median_of('intervals', 0, 'size(intervals)') }} < 27, 5, 30) as timer_step,
        {{ at_quantile('intervals', 5) }} as low_seconds,
        {{ at_quantile('intervals', 95) }} as high_seconds,
        sort_array(transform(times, t -> {{ never_null('t div 1000000 % 60') }})) as seconds_of_minute,
        {{ at_quantile('sent_sizes', 50) }} as median_sent_bytes,
        {{ at_quantile('received_sizes', 50) }} as median_received_bytes,
        {{ run_ends('sent_sizes') }} as sent_size_ends,
        {{ run_ends('received_sizes') }} as received_size_ends,
        -- An operator may change the sleep. In most sixths of the time there is one sleep then.
        {{ sixths('intervals_in_order') }} as phases
    from connection_intervals
),

-- Off the beat: near neither the period nor one of its multiples up to six. Multiples are missed beats.
beats as (
    select
        *,
        filter(
            intervals,
            x -> abs(x - period_seconds * greatest(1, least(6, floor(x / period_seconds + 0.5)))) >= {{ tolerance }} * period_seconds
        ) as off_beat,
        {{ run_ends('seconds_of_minute') }} as second_ends,
        transform(phases, x -> ({{ at_quantile('x', 15) }} + {{ at_quantile('x', 85) }}) / 2) as phase_centres,
        sort_array(transform(intervals, x -> {{ never_null('abs(x - median_seconds)') }})) as deviations,
        slice(
            intervals,
            cast(greatest(1, (5 * interval_count + 99) div 100) as int),
            cast((95 * interval_count + 99) div 100 - (5 * interval_count + 99) div 100 + 1 as int)
        ) as middle
    from centred
),

-- An implant may switch between two sleeps. The second sleep is found among the intervals off the beat of the first.
with_second_period as (
    select
        *,
        {{ at_quantile('off_beat', 50) }} as second_period_seconds,
        filter(intervals, x -> abs(x - centre_seconds) < 0.5 * centre_seconds) as near_centre,
        {{ median_of('deviations', 0, 'size(deviations)') }} as median_deviation,
        {{ share_of('abs(x - 30 * floor(x / 30 + 0.5)) <= ' ~ timer_tolerance, 'intervals') }} as timer_share,
        {{ timer_tolerance | replace('x', 'median_seconds') }} as timer_tolerance,
        abs(median_seconds - timer_step * floor(median_seconds / timer_step + 0.5)) as seconds_from_timer
    from beats
),

shares as (
    select
        *,
        size(near_centre) / nullif(interval_count, 0) as jitter_share,
        {{ near_centres('phases', 'phase_centres') }} / nullif(size(intervals_in_order), 0) as phase_share,
        1 - size(off_beat) / nullif(interval_count, 0) as harmonic_share,
        1 - size(
            filter(off_beat, x -> abs(x - second_period_seconds) >= {{ tolerance }} * second_period_seconds)
        ) / nullif(interval_count, 0) as cadence_share
    from with_second_period
),

-- The intervals that belong to the sleep give its length and its jitter.
with_sleeps as (
    select
        *,
        if(
            cadence_share > jitter_share,
            filter(intervals, x -> abs(x - period_seconds) < {{ tolerance }} * period_seconds),
            near_centre
        ) as sleeps,
        -- How many positions each interval is ahead of an even spread.
        if(
            size(middle) >= 3 and high_seconds > low_seconds,
            transform(middle, (x, i) -> (x - low_seconds) * (size(middle) / (high_seconds - low_seconds)) - i),
            null
        ) as steps_from_uniform
    from shares
)

select
    *,
    if(
        interval_count > 0, greatest(0, 1 - median_deviation / median_seconds / 0.6942), null
    ) as regularity,
    {{ share_of('abs(x - period_seconds) < 0.1 * period_seconds', 'intervals') }} as interval_share_10,
    {{ share_of('abs(x - period_seconds) < 0.3 * period_seconds', 'intervals') }} as interval_share_30,
    {{ share_of('abs(x - period_seconds) < 0.5 * period_seconds', 'intervals') }} as interval_share_50,
    greatest(jitter_share, cadence_share) as timing_score,
    {{ share_of('x <= 2.2D * period_seconds', 'intervals') }} as bounded_share,
    -- Beyond chance; or all in all steady, next to a multiple. Of 5 s, jittered sleeps have many by chance.
    greatest(
        0,
        if(timer_step = 30, (timer_share - timer_tolerance / 15) / (1 - timer_tolerance / 15), 0),
        if(median_deviation < 0.01 * median_seconds and seconds_from_timer <= timer_step * timer_tolerance / 15, 1, 0)
    ) as timer_likeness,
    -- Kolmogorov-Smirnov distance to the uniform distribution between low_seconds and high_seconds.
    1 - greatest(1 - array_min(steps_from_uniform), array_max(steps_from_uniform)) / size(middle) as uniform_fit,
    array_max({{ run_lengths('second_ends') }}) / size(seconds_of_minute) as clock_lock_share,
    {{ at_quantile('sleeps', 98) }} as estimated_sleep_seconds,
    100 * (1 - {{ at_quantile('sleeps', 2) }} / {{ at_quantile('sleeps', 98) }}) as estimated_jitter_percent,
    {{ size_regularity('sent_sizes', 'sent_size_ends', 'median_sent_bytes') }} as sent_size_regularity,
    {{ size_regularity('received_sizes', 'received_size_ends', 'median_received_bytes') }} as received_size_regularity,
    {{ at_quantile('received_sizes', 90) }} / nullif(median_received_bytes, 0) as received_size_spread,
    array_max({{ run_lengths('sent_size_ends') }}) / nullif(size(sent_sizes), 0) as sent_modal_share,
    array_max({{ run_lengths('received_size_ends') }}) / nullif(size(received_sizes), 0) as received_modal_share
from with_sleeps
