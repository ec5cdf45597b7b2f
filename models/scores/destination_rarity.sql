with connection_days as (
    select * from {{ ref('connection_days') }}
    where
        {{ in_window() }}
        and {{ of_judged_vendors() }}
),

-- Each pair of a destination and a source, and each day of a destination, counted once before they are counted by destination:
-- a set of values for each destination and each count takes ten times as long.
source_pairs as (
    select
        device_vendor,
        destination_ip,
        source_ip,
        bool_or({{ in_score_window() }}) as is_recent,
        bool_or({{ before_score_window() }}) as is_earlier
    from connection_days
    group by device_vendor, destination_ip, source_ip
),

day_pairs as (
    select
        device_vendor,
        destination_ip,
        log_date,
        {{ before_score_window() }} as is_earlier
    from connection_days
    group by device_vendor, destination_ip, log_date
),

each_source as (
    select
        device_vendor,
        source_ip,
        bool_or(is_recent) as is_recent,
        bool_or(is_earlier) as is_earlier
    from source_pairs
    group by device_vendor, source_ip
),

active_sources as (
    select
        device_vendor,
        count_if(is_recent) as active_sources,
        count_if(is_earlier) as earlier_active_sources
    from each_source
    group by device_vendor
),

each_day as (
    select
        device_vendor,
        log_date,
        is_earlier
    from day_pairs
    group by device_vendor, log_date, is_earlier
),

history as (
    select
        device_vendor,
        cast(count_if(log_date < date '{{ end_date() }}') as int) as history_days,
        count_if(is_earlier) as earlier_days
    from each_day
    group by device_vendor
),

sources as (
    select
        device_vendor,
        destination_ip,
        count_if(is_recent) as sources,
        count_if(is_earlier) as earlier_sources
    from source_pairs
    group by device_vendor, destination_ip
),

days as (
    select
        device_vendor,
        destination_ip,
        count_if(is_earlier) as earlier_days,
        min(log_date) as first_seen_on,
        cast(count(*) as int) as days_seen
    from day_pairs
    group by device_vendor, destination_ip
)

select
    sources.device_vendor,
    sources.destination_ip,
    sources.sources,
    active_sources.active_sources,
    days.first_seen_on,
    days.days_seen,
    history.history_days,
    -- What a destination was to the network before the window. The 20 and 50 are pseudo-counts of sources: in a small network, one more
    -- source says little. Without history, today's sources stand in.
    if(
        history.earlier_days > 0,
        sources.earlier_sources / (active_sources.earlier_active_sources + 20) * (days.earlier_days / history.earlier_days),
        (sources.sources - 1) / (active_sources.active_sources + 50)
    ) as known_share
from sources
inner join days on sources.device_vendor = days.device_vendor and sources.destination_ip = days.destination_ip
inner join active_sources on sources.device_vendor = active_sources.device_vendor
inner join history on sources.device_vendor = history.device_vendor
where sources.sources > 0
