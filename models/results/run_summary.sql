{{ config(materialized='table') }}

with files as (
    select * from {{ source('raw', 'common_security_log_files') }}
),

log_lines as (
    select * from {{ ref('stg_common_security_log_lines') }}
    where {{ in_window() }}
),

egress as (
    select * from {{ ref('public_egress') }}
    where
        {{ in_window() }}
        and device_vendor = '{{ var("device_vendor") }}'
),

baseline as (
    select * from {{ ref('baseline') }}
),

time_deltas as (
    select * from {{ ref('time_deltas') }}
),

findings as (
    select * from {{ ref('export_network_beaconing_anomalies') }}
),

figures as (
    select 1 as position, 'log files' as figure, count(path) as amount from files
    union all
    select 2, 'log lines read', count(*) from log_lines
    union all
    select 3, concat('rejected: ', reject_reason), count(*) from log_lines where reject_reason is not null group by reject_reason
    union all
    select 4, 'copies of an exported row', coalesce(sum(copies - 1), 0) from egress
    union all
    select 5, 'connections from inside to public addresses', count(*) from egress
    union all
    select 6, 'of these on the day', count_if(log_date = date '{{ end_date() }}') from egress
    union all
    select 7, concat(role, 's active on the day'), count(*) from baseline group by role
    union all
    select 8, concat(role, if(role = 'source', 's left out as too quiet', 's left out as popular')), count_if(not is_kept) from baseline group by role
    union all
    select 9, 'source, destination, port and protocol measured', count(distinct struct(source_ip, destination_ip, destination_port, protocol)) from time_deltas
    union all
    select 10, 'beaconing', count(*) from findings
)

select
    position,
    figure,
    amount
from figures
