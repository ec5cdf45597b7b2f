{#- A delta of whole seconds, spread over half a second to both sides by its place i. -#}
{% set spread = "delta + pmod((i + 1) * 0.6180339887498949D, 1D) - 0.5D" %}

with score_window as (
    select
        device_vendor,
        unix_micros(rita_start) as rita_start,
        unix_micros(rita_end) + 999999 as rita_end,
        transform(log_gaps, gap -> struct(unix_micros(gap.gap_start) as gap_start, unix_micros(gap.gap_end) as gap_end)) as log_gaps
    from {{ ref('score_window') }}
),

scored_days as (
    select * from {{ ref('scored_days') }}
),

-- Of a day that is not scored, only the events in RITA's window are kept.
trimmed as (
    select /*+ broadcast(score_window) */
        scored_days.*,
        score_window.log_gaps,
        score_window.rita_start,
        score_window.rita_end,
        if(scored_days.is_scored, null, filter(scored_days.events, e -> e.event_micros >= score_window.rita_start)) as earlier_events
    from scored_days
    inner join score_window on scored_days.device_vendor = score_window.device_vendor
),

-- The only shuffle: all later steps work within one row.
connections as (
    select
        {{ connection_columns() }},
        several,
        any_value(log_gaps) as log_gaps,
        any_value(rita_start) as rita_start,
        any_value(rita_end) as rita_end,
        max(known_ip) as known_ip,
        max(known_name) as known_name,
        max(if(is_scored, datediff(date '{{ end_date() }}', log_date) + 1, null)) as days_scored,
        sum(if(is_scored, event_count, 0)) as event_count,
        sum(if(is_scored, denied_event_count, 0)) as denied_event_count,
        try_sum(if(is_scored, total_sent_bytes, null)) as total_sent_bytes,
        try_sum(if(is_scored, total_received_bytes, null)) as total_received_bytes,
        max(if(is_scored, longest_session_seconds, null)) as longest_session_seconds,
        min(if(is_scored, first_seen, null)) as first_seen,
        max(if(is_scored, last_seen, null)) as last_seen,
        -- collect_list keeps all lists of a connection in the same order, so later steps can pair their elements.
        flatten(collect_list(if(is_scored, events.event_micros, null))) as event_micros,
        flatten(collect_list(if(is_scored, events.sent_bytes, null))) as sent_bytes,
        flatten(collect_list(if(is_scored, events.received_bytes, null))) as received_bytes,
        flatten(collect_list(if(is_scored, null, earlier_events.event_micros))) as earlier_event_micros,
        flatten(collect_list(if(is_scored, null, earlier_events.sent_bytes))) as earlier_sent_bytes,
        bool_or(event_count > size(events) or several is not null) as is_cut,
        collect_list(struct(datediff(date '{{ end_date() }}', log_date) as days_back, hourly_event_counts)) as hours_by_day
    from trimmed
    group by {{ connection_columns() }}, several
    -- A connection that occurs only before the score window is not scored.
    having bool_or(is_recent)
),

windowed as (
    select
        *,
        if(days_scored > {{ var('score_window_days') }}, {{ var('slow_window_days') }}, {{ var('score_window_days') }}) as window_days
    from connections
),

listed as (
    select
        *,
        sort_array(array_distinct(event_micros)) as times,
        {{ sorted('sent_bytes') }} as sent_sizes,
        {{ sorted('received_bytes') }} as received_sizes,
        concat(earlier_event_micros, event_micros) as all_event_micros,
        concat(earlier_sent_bytes, sent_bytes) as all_sent_bytes,
        flatten(transform(
            sequence(window_days - 1, 0, -1),
            day -> coalesce(try_element_at(filter(hours_by_day, d -> d.days_back = day), 1).hourly_event_counts, array_repeat(0L, 24))
        )) as hourly_event_counts
    from windowed
),

-- No delta spans a gap in the logs of the score window.
exact as (
    select
        *,
        sort_array(filter(all_event_micros, t -> t between rita_start and rita_end)) as rita_times,
        filter(
            {{ of_neighbours('times', '
                if(
                    exists(log_gaps, gap -> n.`0` <= gap.gap_start and n.`1` >= gap.gap_end),
                    0D,
                    ' ~ never_null('(n.`1` - n.`0`) / 1000000') ~ '
                )
            ') }},
            delta -> delta > 0
        ) as deltas_in_order,
        forall(times, t -> t % 1000000 = 0) as is_whole_seconds
    from listed
),

by_length as (
    select
        *,
        sort_array(deltas_in_order) as exact_deltas
    from exact
),

-- Where the log has whole seconds only, deltas are spread evenly over half a second to both sides (in steps of the golden ratio).
-- Otherwise a busy random source with deltas of 1, 2 and 3 s looks like a clock of 2 s.
smoothed as (
    select
        *,
        if(
            is_whole_seconds,
            sort_array(transform(exact_deltas, (delta, i) -> {{ spread }})),
            exact_deltas
        ) as deltas,
        -- In a window of one day, RITA's events are mostly all events.
        if(
            size(rita_times) = size(event_micros) and size(earlier_event_micros) = 0,
            sent_sizes,
            {{ sorted('
                transform(
                    arrays_zip(all_event_micros, all_sent_bytes),
                    e -> if(e.all_event_micros between rita_start and rita_end, e.all_sent_bytes, null)
                )
            ') }}
        ) as rita_sizes
    from by_length
),

long_deltas as (
    select
        *,
        filter(deltas, delta -> delta >= 1) as seconds_or_more
    from smoothed
),

bursts as (
    select
        *,
        0.1D * try_element_at(seconds_or_more, greatest(1, cast(9 * size(seconds_or_more) div 10 as int))) as burst_seconds
    from long_deltas
),

-- A beat may be a burst of several connections: much shorter deltas lie within a beat and are left out. burst_seconds is read
-- twice on purpose: Spark would inline a column that is read once, and compute it for each element of the lambda.
beats as (
    select
        *,
        filter(deltas, delta -> delta >= burst_seconds and burst_seconds is not null) as between_beats
    from bursts
),

-- With a few fast beats between sleeps of hours, too few deltas would be left. Then all of a second or more count.
chosen as (
    select
        *,
        if(size(between_beats) >= {{ var('minimum_intervals') }}, between_beats, seconds_or_more) as intervals
    from beats
),

with_shortest as (
    select
        *,
        try_element_at(intervals, 1) as shortest_interval
    from chosen
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
    times,
    sent_sizes,
    received_sizes,
    hourly_event_counts,
    intervals,
    -- In order of time, where there are enough for the phases of interval_measures.
    if(
        size(intervals) >= 60,
        filter(
            transform(deltas_in_order, (delta, i) -> if(is_whole_seconds, {{ spread }}, delta)),
            delta -> delta >= shortest_interval
        ),
        cast(array() as array<double>)
    ) as intervals_in_order,
    rita_times,
    rita_sizes,
    rita_start div 1000000 as rita_start,
    rita_end div 1000000 as rita_end,
    is_cut,
    try_element_at(exact_deltas, -1) as longest_gap_seconds
from with_shortest
