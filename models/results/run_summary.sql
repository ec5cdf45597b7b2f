-- Each layer is counted per vendor of this list, so that a vendor without rows, perhaps misspelt, shows zeros.
with vendors as (
    select explode(array({{ judged_vendor_texts() }})) as device_vendor
),

log_days as (
    select sum(files) as files from {{ ref('log_days') }}
),

log_lines as (
    select
        reject_reason,
        count(*) as line_count
    from {{ ref('stg_common_security_log_lines') }}
    where {{ in_window() }}
    group by reject_reason
),

lines_read as (
    select coalesce(sum(line_count), 0) as line_count from log_lines
),

egress as (
    select
        vendors.device_vendor,
        coalesce(sum(egress.copies - 1), 0) as copies,
        count(egress.row_id) as connections,
        count_if(egress.log_date = date '{{ end_date() }}') as connections_on_the_day
    from vendors
    left join {{ ref('public_egress') }} as egress
        on vendors.device_vendor = egress.device_vendor and {{ in_window('egress.log_date') }}
    group by vendors.device_vendor
),

baseline as (
    select
        vendors.device_vendor,
        count_if(baseline.role = 'source') as sources,
        count_if(baseline.role = 'source' and not baseline.is_kept) as quiet_sources,
        count_if(baseline.role = 'destination') as destinations,
        count_if(baseline.role = 'destination' and not baseline.is_kept) as popular_destinations
    from vendors
    left join {{ ref('baseline') }} as baseline on vendors.device_vendor = baseline.device_vendor
    group by vendors.device_vendor
),

with_deltas as (
    select distinct {{ connection_columns() }} from {{ ref('time_deltas') }}
),

measured_by_percentage as (
    select
        vendors.device_vendor,
        count(with_deltas.source_ip) as connections
    from vendors
    left join with_deltas on vendors.device_vendor = with_deltas.device_vendor
    group by vendors.device_vendor
),

measured_by_score as (
    select
        vendors.device_vendor,
        count(beacon_scores.beacon_score) as connections
    from vendors
    left join {{ ref('beacon_scores') }} as beacon_scores on vendors.device_vendor = beacon_scores.device_vendor
    group by vendors.device_vendor
),

findings as (
    select
        vendors.device_vendor,
        count(findings.beacon_id) as beacons
    from vendors
    left join {{ ref('export_network_beaconing_anomalies') }} as findings on vendors.device_vendor = findings.device_vendor
    group by vendors.device_vendor
),

hidden as (
    select
        device_vendor,
        suppressed_by[0] as suppression,
        count(*) as beacons
    from {{ ref('export_network_beaconing_anomalies') }}
    where suppressed
    group by device_vendor, suppressed_by[0]
),

-- One row per figure, in the order of the pipeline; figures of all vendors together come first.
figures as (
    select stack(1, 1, cast(null as string), 'log files', files) as (position, device_vendor, figure, amount)
    from log_days
    union all
    select stack(1, 2, cast(null as string), 'log lines read', line_count)
    from lines_read
    union all
    select stack(1, 3, cast(null as string), concat('rejected: ', reject_reason), line_count)
    from log_lines
    where reject_reason is not null
    union all
    select
        stack(
            3,
            4, device_vendor, 'copies of an exported row left out', copies,
            5, device_vendor, 'connections from inside to public addresses', connections,
            6, device_vendor, 'of these on the day', connections_on_the_day
        )
    from egress
    union all
    select
        stack(
            4,
            7, device_vendor, 'sources active on the day', sources,
            8, device_vendor, 'of these left out as too quiet', quiet_sources,
            9, device_vendor, 'destinations active on the day', destinations,
            10, device_vendor, 'of these left out as popular', popular_destinations
        )
    from baseline
    union all
    select stack(1, 11, device_vendor, 'connections measured by percentage', connections)
    from measured_by_percentage
    union all
    select stack(1, 12, device_vendor, 'connections measured by score', connections)
    from measured_by_score
    union all
    select stack(1, 13, device_vendor, 'beaconing', beacons)
    from findings
    union all
    select stack(1, 14, device_vendor, concat('hidden by suppression: ', suppression), beacons)
    from hidden
)

select
    position,
    device_vendor,
    figure,
    amount
from figures
