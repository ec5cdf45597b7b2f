{% set days_read = [var('score_window_days') | int, var('slow_window_days') | int] | max %}

with findings as (
    {{ connections_of(ref('beacon_findings')) }}
),

connection_days as (
    select * from {{ ref('connection_days') }}
    where
        {{ in_last_days(days_read) }}
        and {{ of_judged_vendors() }}
),

-- A slow connection is judged over more days.
timed as (
    select
        findings.beacon_id,
        sort_array(flatten(collect_list(connection_days.events.event_micros))) as times
    from connection_days
    inner join findings
        on
            {{ same_connection('connection_days', 'findings') }}
            and datediff(date '{{ end_date() }}', connection_days.log_date) < findings.window_days
    group by findings.beacon_id
),

intervals as (
    select
        beacon_id,
        explode({{ of_neighbours('times', 'n.`1` div 1000000 - n.`0` div 1000000') }}) as time_delta
    from timed
),

interval_counts as (
    select
        beacon_id,
        time_delta,
        count(*) as events
    from intervals
    group by beacon_id, time_delta
)

-- The most frequent intervals are enough for a chart, and they bound the size of the row.
select
    beacon_id,
    sort_array(transform(
        slice(sort_array(collect_list(struct(events, time_delta)), false), 1, 100),
        i -> struct(i.time_delta as time_delta, i.events as events)
    )) as interval_histogram
from interval_counts
group by beacon_id
