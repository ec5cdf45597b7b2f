with findings as (
    {{ connections_of(ref('beacon_findings')) }}
),

connection_days as (
    select * from {{ ref('connection_days') }}
    where
        {{ in_score_window() }}
        and {{ of_judged_vendors() }}
),

days as (
    select
        findings.beacon_id,
        connection_days.log_date,
        sort_array(flatten(collect_list(connection_days.events.event_micros))) as times
    from connection_days
    inner join findings
        on {{ same_connection('connection_days', 'findings') }}
    group by findings.beacon_id, connection_days.log_date
),

intervals as (
    select
        beacon_id,
        explode(transform({{ neighbours('times') }}, n -> n.later div 1000000 - n.earlier div 1000000)) as time_delta
    from days
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
