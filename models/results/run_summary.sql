{{ config(materialized='table') }}

with days as (
    select * from {{ source('raw', 'common_security_log_days') }}
),

log_lines as (
    select * from {{ ref('stg_common_security_log_lines') }}
    where {{ in_window() }}
),

egress as (
    select * from {{ ref('public_egress') }}
    where
        {{ in_window() }}
        and {{ of_judged_vendors() }}
),

baseline as (
    select * from {{ ref('baseline') }}
),

time_deltas as (
    select * from {{ ref('time_deltas') }}
),

beacon_scores as (
    select * from {{ ref('beacon_scores') }}
),

findings as (
    select * from {{ ref('export_network_beaconing_anomalies') }}
),

egress_counts as (
    select
        device_vendor,
        sum(copies - 1) as copies,
        count(*) as connections,
        count_if(log_date = date '{{ end_date() }}') as connections_on_the_day
    from egress
    group by device_vendor
),

baseline_counts as (
    select
        device_vendor,
        count_if(role = 'source') as sources,
        count_if(role = 'source' and not is_kept) as quiet_sources,
        count_if(role = 'destination') as destinations,
        count_if(role = 'destination' and not is_kept) as popular_destinations
    from baseline
    group by device_vendor
),

percentage_counts as (
    select
        device_vendor,
        count(distinct struct(source_ip, destination_ip, destination_port, protocol)) as by_percentage
    from time_deltas
    group by device_vendor
),

score_counts as (
    select
        device_vendor,
        count(beacon_score) as by_score
    from beacon_scores
    group by device_vendor
),

finding_counts as (
    select
        device_vendor,
        count(*) as findings
    from findings
    group by device_vendor
),

-- A vendor without any row, perhaps misspelt, has figures too: zeros.
vendors as (
    select explode(array({{ judged_vendor_texts() }})) as device_vendor
),

listed as (
    select
        vendors.device_vendor,
        stack(
            10,
            4, 'copies of an exported row left out', copies,
            5, 'connections from inside to public addresses', connections,
            6, 'of these on the day', connections_on_the_day,
            7, 'sources active on the day', sources,
            8, 'of these left out as too quiet', quiet_sources,
            9, 'destinations active on the day', destinations,
            10, 'of these left out as popular', popular_destinations,
            11, 'connections measured by percentage', by_percentage,
            12, 'connections measured by score', by_score,
            13, 'beaconing', findings
        ) as (position, figure, amount)
    from vendors
    left join egress_counts on vendors.device_vendor = egress_counts.device_vendor
    left join baseline_counts on vendors.device_vendor = baseline_counts.device_vendor
    left join percentage_counts on vendors.device_vendor = percentage_counts.device_vendor
    left join score_counts on vendors.device_vendor = score_counts.device_vendor
    left join finding_counts on vendors.device_vendor = finding_counts.device_vendor
)

select
    1 as position,
    cast(null as string) as device_vendor,
    'log files' as figure,
    sum(files) as amount
from days
union all
select
    2 as position,
    null as device_vendor,
    'log lines read' as figure,
    count(*) as amount
from log_lines
union all
select
    3 as position,
    null as device_vendor,
    concat('rejected: ', reject_reason) as figure,
    count(*) as amount
from log_lines
where reject_reason is not null
group by reject_reason
union all
select
    position,
    device_vendor,
    figure,
    coalesce(amount, 0) as amount
from listed
union all
select
    14 as position,
    device_vendor,
    concat('hidden by suppression: ', suppressed_by[0]) as figure,
    count(*) as amount
from findings
where suppressed
group by device_vendor, suppressed_by[0]
