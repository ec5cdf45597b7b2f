with connection_days as (
    select * from {{ ref('connection_days') }}
    where
        {{ in_window() }}
        and {{ of_judged_vendors() }}
),

history as (
    select
        device_vendor,
        cast(count(distinct if(log_date < date '{{ end_date() }}', log_date, null)) as int) as history_days,
        count(distinct if({{ in_score_window() }}, source_ip, null)) as active_sources,
        count(distinct if({{ before_score_window() }}, source_ip, null)) as earlier_active_sources,
        count(distinct if({{ before_score_window() }}, log_date, null)) as earlier_days
    from connection_days
    group by device_vendor
),

destinations as (
    select
        device_vendor,
        destination_ip,
        count(distinct if({{ in_score_window() }}, source_ip, null)) as sources,
        count(distinct if({{ before_score_window() }}, source_ip, null)) as earlier_sources,
        count(distinct if({{ before_score_window() }}, log_date, null)) as earlier_days,
        min(log_date) as first_seen_on,
        cast(count(distinct log_date) as int) as days_seen
    from connection_days
    group by device_vendor, destination_ip
)

select
    destinations.device_vendor,
    destinations.destination_ip,
    destinations.sources,
    history.active_sources,
    destinations.first_seen_on,
    destinations.days_seen,
    history.history_days,
    -- What a destination was to the network before the window. The 20 and 50 are pseudo-counts of sources: in a small network, one more
    -- source says little. Without history, today's sources stand in.
    if(
        history.earlier_days > 0,
        destinations.earlier_sources / (history.earlier_active_sources + 20) * (destinations.earlier_days / history.earlier_days),
        (destinations.sources - 1) / (history.active_sources + 50)
    ) as known_share
from destinations
inner join history on destinations.device_vendor = history.device_vendor
where destinations.sources > 0
