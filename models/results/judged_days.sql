{{ config(
    partition_by=['end_date', 'device_vendor'],
    full_refresh=false,
    replaces="{{ replaced_findings() }}",
    post_hook="{{ say_which_days_changed() }}",
) }}

-- depends_on: {{ ref('network_beaconing_anomalies') }}
with vendors as (
    select explode(array({{ judged_vendor_texts() }})) as device_vendor
)

select
    log_days.files,
    log_days.log_version,
    {{ run_id() }} as run_id,
    {{ run_start() }} as run_started_at,
    log_days.log_date as end_date,
    vendors.device_vendor
from {{ ref('log_days') }} as log_days
cross join vendors
where log_days.log_date = date '{{ end_date() }}'
