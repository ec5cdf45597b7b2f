with score_window as (
    select
        device_vendor,
        unix_micros(rita_start) as rita_start,
        unix_micros(rita_end) + 999999 as rita_end,
        transform(log_gaps, gap -> struct(unix_micros(gap.gap_start) as gap_start, unix_micros(gap.gap_end) as gap_end)) as log_gaps
    from {{ ref('score_window') }}
),

-- RITA's window begins on the day before the day that is judged.
connection_days as (
    select
        *,
        {{ in_score_window() }} as is_scored
    from {{ ref('connection_days') }}
    where
        log_date >= date '{{ end_date() }}' - interval {{ [var('score_window_days') | int - 1, 1] | max }} days
        and log_date <= date '{{ end_date() }}'
        and {{ of_judged_vendors() }}
),

-- Of a day before the score window only the events that RITA looks at go on.
trimmed as (
    select /*+ broadcast(score_window) */
        connection_days.*,
        if(
            connection_days.is_scored, null, filter(connection_days.events, e -> e.event_micros >= score_window.rita_start)
        ) as earlier_events
    from connection_days
    inner join score_window on connection_days.device_vendor = score_window.device_vendor
),

-- The one exchange: all that follows looks at one row.
connections as (
    select
        {{ connection_columns() }},
        sum(if(is_scored, event_count, 0)) as event_count,
        sum(if(is_scored, denied_event_count, 0)) as denied_event_count,
        try_sum(if(is_scored, total_sent_bytes, null)) as total_sent_bytes,
        try_sum(if(is_scored, total_received_bytes, null)) as total_received_bytes,
        max(if(is_scored, longest_session_seconds, null)) as longest_session_seconds,
        min(if(is_scored, first_seen, null)) as first_seen,
        max(if(is_scored, last_seen, null)) as last_seen,
        -- All lists of a connection are in the same order.
        flatten(collect_list(if(is_scored, events.event_micros, null))) as event_micros,
        flatten(collect_list(if(is_scored, events.sent_bytes, null))) as sent_bytes,
        flatten(collect_list(if(is_scored, events.received_bytes, null))) as received_bytes,
        flatten(collect_list(if(is_scored, null, earlier_events.event_micros))) as earlier_event_micros,
        flatten(collect_list(if(is_scored, null, earlier_events.sent_bytes))) as earlier_sent_bytes,
        bool_or(event_count > size(events)) as is_cut,
        map_from_entries(
            collect_list(struct(datediff(date '{{ end_date() }}', log_date) as days_back, hourly_event_counts))
        ) as hours_by_day
    from trimmed
    group by {{ connection_columns() }}
    -- A connection of the day before only is none of this window.
    having bool_or(is_scored)
),

listed as (
    select /*+ broadcast(score_window) */
        connections.*,
        score_window.log_gaps,
        score_window.rita_start,
        score_window.rita_end,
        sort_array(array_distinct(event_micros)) as times,
        {{ sorted('sent_bytes') }} as sent_sizes,
        {{ sorted('received_bytes') }} as received_sizes,
        concat(earlier_event_micros, event_micros) as all_event_micros,
        concat(earlier_sent_bytes, sent_bytes) as all_sent_bytes,
        flatten(transform(
            sequence({{ var('score_window_days') | int - 1 }}, 0, -1),
            day -> coalesce(try_element_at(hours_by_day, day), array_repeat(0L, 24))
        )) as hourly_event_counts
    from connections
    inner join score_window on connections.device_vendor = score_window.device_vendor
),

-- No delta is taken across a time without any logs.
exact as (
    select
        *,
        sort_array(filter(all_event_micros, t -> t between rita_start and rita_end)) as rita_times,
        {{ sorted('
            zip_with(all_event_micros, all_sent_bytes, (t, bytes) -> if(t between rita_start and rita_end, bytes, null))
        ') }} as rita_sizes,
        sort_array(filter(
            zip_with(
                slice(times, 2, size(times)), slice(times, 1, size(times) - 1),
                (later, earlier) -> if(
                    exists(log_gaps, gap -> earlier <= gap.gap_start and later >= gap.gap_end),
                    0D,
                    {{ never_null('(later - earlier) / 1000000') }}
                )
            ),
            delta -> delta > 0
        )) as exact_deltas,
        forall(times, t -> t % 1000000 = 0) as is_whole_seconds
    from listed
),

-- Where the log has whole seconds only, its rounding is undone evenly (by steps of the golden ratio, which spread best):
-- else a busy random source with gaps of 1, 2 and 3 s passes as a clock of 2 s.
smoothed as (
    select
        *,
        if(
            is_whole_seconds,
            sort_array(transform(exact_deltas, (delta, i) -> delta + pmod((i + 1) * 0.6180339887498949D, 1D) - 0.5D)),
            exact_deltas
        ) as deltas
    from exact
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

-- Several connections a beat: deltas far below the long ones lie within a beat. (A column that only a lambda reads once would be
-- computed anew for each element, hence the second look at burst_seconds.)
beats as (
    select
        *,
        filter(deltas, delta -> delta >= burst_seconds and burst_seconds is not null) as between_beats
    from bursts
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
    times,
    sent_sizes,
    received_sizes,
    hourly_event_counts,
    -- A few fast beats between sleeps of hours would leave next to nothing: then all of a second and more count.
    if(size(between_beats) >= {{ var('minimum_intervals') }}, between_beats, seconds_or_more) as intervals,
    rita_times,
    rita_sizes,
    rita_start div 1000000 as rita_start,
    rita_end div 1000000 as rita_end,
    is_cut,
    -- A gap in the logs is no gap of the connection.
    try_element_at(exact_deltas, -1) as longest_gap_seconds
from beats
