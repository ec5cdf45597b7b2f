{{ config(materialized='table') }}

with connection_days as (
    select * from {{ ref('connection_days') }}
    where
        {{ in_window() }}
        and device_vendor = '{{ var("device_vendor") }}'
),

history as (
    select
        cast(count(distinct if(log_date < date '{{ end_date() }}', log_date, null)) as int) as history_days,
        count(distinct if({{ in_score_window() }}, source_ip, null)) as active_sources
    from connection_days
),

destinations as (
    select
        destination_ip,
        count(distinct if({{ in_score_window() }}, source_ip, null)) as sources,
        min(log_date) as first_seen_on,
        cast(count(distinct log_date) as int) as days_seen
    from connection_days
    group by destination_ip
)

select
    destinations.destination_ip,
    destinations.sources,
    history.active_sources,
    destinations.first_seen_on,
    destinations.days_seen,
    history.history_days
from destinations
cross join history
where destinations.sources > 0
