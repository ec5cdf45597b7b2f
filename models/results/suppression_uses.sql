with suppressions as (
    select * from {{ ref('stg_suppressions') }}
),

findings as (
    select
        *,
        {{ with_address_keys() }}
    from {{ ref('export_network_beaconing_anomalies') }}
),

-- A row may stand in the seed twice.
counted as (
    select
        suppressions.suppression,
        case
            when suppressions.problem is not null then concat('cannot be used: ', suppressions.problem)
            when suppressions.is_expired then 'expired'
            when suppressions.device_vendor not in ({{ judged_vendor_texts() }}) then 'not of a judged vendor'
        end as obstacle,
        count(distinct findings.beacon_id) as finding_count
    from suppressions
    left join findings
        on suppressions.problem is null and not suppressions.is_expired and {{ suppresses('suppressions', 'findings') }}
    group by 1, 2
)

select
    suppression,
    coalesce(obstacle, if(finding_count > 0, 'hid findings', 'hid nothing')) as state,
    finding_count
from counted
