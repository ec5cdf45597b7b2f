-- A vendor without any row, perhaps misspelt, has figures too: zeros.
with vendors as (
    select explode(array({{ judged_vendor_texts() }})) as device_vendor
),

log_lines as (
    select
        reject_reason,
        count(*) as line_count
    from {{ ref('stg_common_security_log_lines') }}
    where {{ in_window() }}
    group by reject_reason
),

findings as (
    select * from {{ ref('export_network_beaconing_anomalies') }}
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

measured_by_percentage as (
    select distinct {{ connection_columns() }}
    from {{ ref('time_deltas') }}
),

-- What is of all vendors comes first, then each vendor's figures, in the order in which the run takes them.
figures as (
    select 1 as position, cast(null as string) as device_vendor, 'log files' as figure, sum(files) as amount from {{ ref('log_days') }}
    union all
    select 2, null, 'log lines read', coalesce(sum(line_count), 0) from log_lines
    union all
    select 3, null, concat('rejected: ', reject_reason), line_count from log_lines where reject_reason is not null
    union all
    select stack(
        3,
        4, device_vendor, 'copies of an exported row left out', copies,
        5, device_vendor, 'connections from inside to public addresses', connections,
        6, device_vendor, 'of these on the day', connections_on_the_day
    ) from egress
    union all
    select stack(
        4,
        7, device_vendor, 'sources active on the day', sources,
        8, device_vendor, 'of these left out as too quiet', quiet_sources,
        9, device_vendor, 'destinations active on the day', destinations,
        10, device_vendor, 'of these left out as popular', popular_destinations
    ) from baseline
    union all
    select 11, vendors.device_vendor, 'connections measured by percentage', count(measured_by_percentage.source_ip)
    from vendors
    left join measured_by_percentage on vendors.device_vendor = measured_by_percentage.device_vendor
    group by vendors.device_vendor
    union all
    select 12, vendors.device_vendor, 'connections measured by score', count(beacon_scores.beacon_score)
    from vendors
    left join {{ ref('beacon_scores') }} as beacon_scores on vendors.device_vendor = beacon_scores.device_vendor
    group by vendors.device_vendor
    union all
    select 13, vendors.device_vendor, 'beaconing', count(findings.beacon_id)
    from vendors
    left join findings on vendors.device_vendor = findings.device_vendor
    group by vendors.device_vendor
    union all
    select 14, device_vendor, concat('hidden by suppression: ', suppressed_by[0]), count(*)
    from findings
    where suppressed
    group by device_vendor, suppressed_by[0]
)

select
    position,
    device_vendor,
    figure,
    amount
from figures
