-- Hosts do not agree on the second in which they reach what they reach once. A relay that sends once a minute makes them agree.
with reached_once as (
    select
        log_date,
        device_vendor,
        max(unix_timestamp(time_generated)) % 60 as second
    from {{ ref('stg_common_security_log') }}
    where time_source = 'TimeGenerated'
    group by log_date, device_vendor, source_ip, coalesce(destination_ip, destination_name)
    having count(*) = 1
),

at_seconds as (
    select
        log_date,
        device_vendor,
        second,
        count(*) as row_count
    from reached_once
    group by log_date, device_vendor, second
)

-- A fifth is as concentrated as all rows in five seconds of the minute; without a relay, it is a sixtieth.
select
    log_date,
    device_vendor
from at_seconds
group by log_date, device_vendor
having sum(row_count) >= 200 and sum(row_count * row_count) >= 0.2 * sum(row_count) * sum(row_count)
