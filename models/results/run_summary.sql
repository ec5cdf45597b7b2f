{{ config(materialized='table') }}

{% set figures = [
    (1, 'log files', 'count(path) from files'),
    (2, 'log lines read', 'count(*) from log_lines'),
    (4, 'copies of an exported row left out', 'coalesce(sum(copies - 1), 0) from egress'),
    (5, 'connections from inside to public addresses', 'count(*) from egress'),
    (6, 'of these on the day', "count_if(log_date = date '" ~ end_date() ~ "') from egress"),
    (7, 'sources active on the day', "count_if(role = 'source') from baseline"),
    (8, 'of these left out as too quiet', "count_if(role = 'source' and not is_kept) from baseline"),
    (9, 'destinations active on the day', "count_if(role = 'destination') from baseline"),
    (10, 'of these left out as popular', "count_if(role = 'destination' and not is_kept) from baseline"),
    (11, 'connections measured by percentage', 'count(distinct struct(source_ip, destination_ip, destination_port, protocol)) from time_deltas'),
    (12, 'connections measured by score', 'count(beacon_score) from beacon_scores'),
    (13, 'beaconing', 'count(*) from findings'),
] %}

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

beacon_scores as (
    select * from {{ ref('beacon_scores') }}
),

findings as (
    select * from {{ ref('export_network_beaconing_anomalies') }}
),

rejected as (
    select
        3 as position,
        concat('rejected: ', reject_reason) as figure,
        count(*) as amount
    from log_lines
    where reject_reason is not null
    group by reject_reason
)

select
    position,
    figure,
    amount
from rejected
union all
select
    14 as position,
    concat('hidden by suppression: ', suppressed_by[0]) as figure,
    count(*) as amount
from findings
where suppressed
group by suppressed_by[0]
{% for position, figure, query in figures %}
    union all
    select
        {{ position }} as position,
        '{{ figure }}' as figure,
        (select {{ query }}) as amount
{% endfor %}
