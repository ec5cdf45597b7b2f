-- One row per figure, in the order of the pipeline; the first three are of all vendors together.
{% set figures = [
    ('log_days', "'log files'", 'files'),
    ('lines_read', "'log lines read'", 'line_count'),
    ('rejected_lines', "concat('rejected: ', reject_reason)", 'line_count'),
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
] %}

-- Each layer is counted per vendor of this list, so that a vendor without rows, perhaps misspelt, shows zeros.
with vendors as (
    select explode(array({{ judged_vendor_texts() }})) as device_vendor
),

log_days as (
    select sum(files) as files from {{ ref('log_days') }}
),

lines_read as (
    select count(*) as line_count from {{ ref('stg_common_security_log_lines') }}
    where {{ in_window() }}
),

rejected_lines as (
    select
        reject_reason,
        count(*) as line_count
    from {{ ref('stg_common_security_log_lines') }}
    where {{ in_window() }} and reject_reason is not null
    group by reject_reason
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
)

{% for source, figure, amount in figures %}
    select
        {{ loop.index }} as position,
        {{ 'cast(null as string)' if loop.index <= 3 else 'device_vendor' }} as device_vendor,
        {{ figure }} as figure,
        {{ amount }} as amount
    from {{ source }}
    {{ 'union all' if not loop.last }}
{% endfor %}
