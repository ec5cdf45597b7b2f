{{ config(post_hook="{{ write_export('network_beaconing_runs') }}") }}

with fates as (
    select
        coalesce(device_vendor, '(no vendor)') as device_vendor,
        fate,
        sum(line_count) as line_count
    from {{ ref('row_fates') }}
    where log_date = date '{{ end_date() }}'
    group by coalesce(device_vendor, '(no vendor)'), fate
),

lines as (
    select
        coalesce(sum(line_count), 0) as line_count,
        coalesce(sum(if(fate = 'rejected', line_count, 0)), 0) as rejected_line_count,
        sort_array(collect_list(named_struct('device_vendor', device_vendor, 'fate', fate, 'line_count', line_count))) as fates
    from fates
),

findings as (
    select
        count(*) as finding_count,
        count_if(suppressed) as suppressed_count
    from {{ ref('export_network_beaconing_anomalies') }}
),

-- Those that cannot be used come first.
suppressions as (
    select slice(sort_array(collect_list(named_struct('state', state, 'suppression', suppression))), 1, 100) as idle_suppressions
    from {{ ref('suppression_uses') }}
    where state != 'hid findings'
)

select
    {{ run_id() }} as run_id,
    {{ run_start() }} as run_started_at,
    date '{{ end_date() }}' as end_date,
    array({{ judged_vendor_texts() }}) as device_vendors,
    cast(lines.line_count as bigint) as line_count,
    cast(lines.rejected_line_count as bigint) as rejected_line_count,
    lines.fates,
    findings.finding_count,
    findings.suppressed_count,
    suppressions.idle_suppressions,
    unix_timestamp(current_timestamp()) - unix_timestamp({{ run_start() }}) as duration_seconds
from lines
cross join findings
cross join suppressions
