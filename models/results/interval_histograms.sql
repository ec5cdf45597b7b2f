with findings as (
    select * from {{ ref('beacon_findings') }}
),

connection_days as (
    select * from {{ ref('connection_days') }}
    where
        {{ in_score_window() }}
        and {{ of_judged_vendors() }}
),

intervals as (
    select
        findings.beacon_id,
        explode(transform(
            {{ neighbours('connection_days.events') }},
            n -> n.later.event_micros div 1000000 - n.earlier.event_micros div 1000000
        )) as time_delta
    from connection_days
    inner join findings
        on {{ same_connection('connection_days', 'findings') }}
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
