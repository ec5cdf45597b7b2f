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
        count(distinct if({{ in_score_window() }}, source_ip, null)) as active_sources
    from connection_days
    group by device_vendor
),

destinations as (
    select
        device_vendor,
        destination_ip,
        count(distinct if({{ in_score_window() }}, source_ip, null)) as sources,
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
    history.history_days
from destinations
inner join history on destinations.device_vendor = history.device_vendor
where destinations.sources > 0
