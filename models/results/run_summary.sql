-- One row per figure, in the order of the pipeline; the first three and the last are of all vendors together, the fourth and fifth
-- also of those not judged.
{% set figures = [
    ('log_days', "'log files'", 'files'),
    ('lines_read', "'log lines read'", 'line_count'),
    ('rejected_lines', "concat('rejected: ', reject_reason)", 'line_count'),
    ('fates', "concat('lines: ', fate)", 'line_count'),
    ('arrivals', "'lines of the day in the ten minutes that have most'", 'line_count'),
    ('egress', "'copies of an exported row left out'", 'copies'),
    ('egress', "'connections from inside to public addresses'", 'connections'),
    ('egress', "'of these on the day'", 'connections_on_the_day'),
    ('baseline', "'sources active on the day'", 'sources'),
    ('baseline', "'of these left out as too quiet'", 'quiet_sources'),
    ('baseline', "'destinations active on the day'", 'destinations'),
    ('baseline', "'of these left out as popular'", 'popular_destinations'),
    ('measured_by_percentage', "'connections measured by percentage'", 'connections'),
    ('measured_by_score', "'connections measured by score'", 'connections'),
    ('findings', "'beaconing'", 'beacons'),
    ('hidden', "concat('hidden by suppression: ', suppression)", 'beacons'),
    ('idle_suppressions', "concat('suppression ', state, ': ', suppression)", 'finding_count'),
] %}

-- Each layer is counted per vendor of this list, so that a vendor without rows, perhaps misspelt, shows zeros.
with vendors as (
    select explode(array({{ judged_vendor_texts() }})) as device_vendor
),

log_days as (
    select sum(files) as files from {{ ref('log_days') }}
),

row_fates as (
    select * from {{ ref('row_fates') }}
    where {{ in_window() }}
),

lines_read as (
    select coalesce(sum(line_count), 0) as line_count from row_fates
),

rejected_lines as (
    select
        fate_detail as reject_reason,
        sum(line_count) as line_count
    from row_fates
    where fate = 'rejected'
    group by fate_detail
),

fates as (
    select
        coalesce(device_vendor, '(no vendor)') as device_vendor,
        fate,
        sum(line_count) as line_count
    from row_fates
    where fate != 'rejected'
    group by coalesce(device_vendor, '(no vendor)'), fate
),

-- Where devices tell no time of their own, the time is that of arrival. A clock may also stand still.
ten_minutes as (
    select
        device_vendor,
        unix_timestamp({{ seen_at() }}) div 600 as number,
        count(*) as line_count
    from {{ ref('stg_common_security_log') }}
    where log_date = date '{{ end_date() }}'
    group by device_vendor, unix_timestamp({{ seen_at() }}) div 600
),

arrivals as (
    select
        coalesce(device_vendor, '(no vendor)') as device_vendor,
        max(line_count) as line_count
    from ten_minutes
    group by coalesce(device_vendor, '(no vendor)')
),

egress as (
    select
        vendors.device_vendor,
        coalesce(sum(if(row_fates.fate = 'copy of a row', row_fates.line_count, 0)), 0) as copies,
        coalesce(sum(if(row_fates.fate = 'egress', row_fates.line_count, 0)), 0) as connections,
        coalesce(sum(if(
            row_fates.fate = 'egress' and row_fates.log_date = date '{{ end_date() }}', row_fates.line_count, 0
        )), 0) as connections_on_the_day
    from vendors
    left join row_fates on vendors.device_vendor = row_fates.device_vendor
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
    left join {{ ref('beacon_scores') }} as beacon_scores
        on vendors.device_vendor = beacon_scores.device_vendor and beacon_scores.several is null
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

idle_suppressions as (
    select * from {{ ref('suppression_uses') }}
    where state != 'hid findings'
)

{% for source, figure, amount in figures %}
    select
        {{ loop.index }} as position,
        {{ 'cast(null as string)' if loop.index <= 3 or loop.last else 'device_vendor' }} as device_vendor,
        {{ figure }} as figure,
        cast({{ amount }} as bigint) as amount
    from {{ source }}
    {{ 'union all' if not loop.last }}
{% endfor %}
