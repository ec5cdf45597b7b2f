{% set end_date = "date '" ~ end_date() ~ "'" %}

-- connection_days has one row per connection and day: the same counts as public_egress from a fraction of the rows.
with egress as (
    select * from {{ ref('connection_days') }}
    where
        {% if var('baseline_source') == 'current' %}log_date = {{ end_date }}{% else %}{{ in_window() }}{% endif %}
        and {{ of_judged_vendors() }}
),

-- Whether a source is too quiet depends on end_date alone, because a new laptop has no history.
sources as (
    select
        device_vendor,
        'source' as role,
        source_ip as ip_address,
        sum(event_count) as event_count,
        cast(null as bigint) as degree_of_srcip,
        cast(null as double) as percent_of_active_sources,
        sum(event_count) > {{ var('daily_event_count_threshold') }} as is_kept
    from egress
    where log_date = {{ end_date }}
    group by device_vendor, source_ip
),

source_days as (
    select
        device_vendor,
        log_date,
        source_ip
    from egress
    group by device_vendor, log_date, source_ip
),

active_sources as (
    select
        device_vendor,
        log_date,
        count(*) as active_sources
    from source_days
    group by device_vendor, log_date
),

history as (
    select
        device_vendor,
        cast(count_if(log_date < {{ end_date }}) as int) as history_days
    from active_sources
    group by device_vendor
),

destinations_of_end_date as (
    select
        device_vendor,
        destination_ip
    from egress
    where log_date = {{ end_date }}
    group by device_vendor, destination_ip
),

-- Counted in steps: sets of sources for each destination take longer.
pairs as (
    select
        egress.device_vendor,
        egress.log_date,
        egress.destination_ip,
        egress.source_ip,
        sum(egress.event_count) as event_count
    from egress
    left semi join destinations_of_end_date
        on
            egress.device_vendor = destinations_of_end_date.device_vendor
            and egress.destination_ip = destinations_of_end_date.destination_ip
    group by egress.device_vendor, egress.log_date, egress.destination_ip, egress.source_ip
),

destination_days as (
    select
        device_vendor,
        log_date,
        destination_ip,
        sum(event_count) as event_count,
        count(*) as degree_of_srcip
    from pairs
    group by device_vendor, log_date, destination_ip
),

-- Popularity is the count of the largest day. A union over weeks would count a host again for every address that it leases.
destination_degrees as (
    select
        destination_days.device_vendor,
        destination_days.destination_ip,
        sum(if(destination_days.log_date = {{ end_date }}, destination_days.event_count, 0)) as event_count,
        max(destination_days.degree_of_srcip) as degree_of_srcip,
        max(100 * destination_days.degree_of_srcip / active_sources.active_sources) as percent_of_active_sources
    from destination_days
    inner join active_sources
        on
            destination_days.device_vendor = active_sources.device_vendor
            and destination_days.log_date = active_sources.log_date
    group by destination_days.device_vendor, destination_days.destination_ip
),

destinations as (
    select
        device_vendor,
        'destination' as role,
        destination_ip as ip_address,
        event_count,
        degree_of_srcip,
        percent_of_active_sources,
        {% if var('degree_of_srcip_percent') | float > 0 %}
            percent_of_active_sources < {{ var('degree_of_srcip_percent') }} as is_kept
        {% else %}
            degree_of_srcip < {{ var('degree_of_srcip_threshold') }} as is_kept
        {% endif %}
    from destination_degrees
),

everyone as (
    select * from sources
    union all
    select * from destinations
)

select
    {{ end_date }} as end_date,
    everyone.device_vendor,
    everyone.role,
    everyone.ip_address,
    everyone.event_count,
    everyone.degree_of_srcip,
    everyone.percent_of_active_sources,
    history.history_days,
    everyone.is_kept
from everyone
inner join history on everyone.device_vendor = history.device_vendor
