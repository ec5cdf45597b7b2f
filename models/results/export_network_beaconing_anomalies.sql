{{ config(post_hook="{{ write_export() }}") }}

select *
from {{ ref('network_beaconing_anomalies') }}
where
    end_date = date '{{ end_date() }}'
    and {{ of_judged_vendors() }}
