{{ config(
    post_hook="insert overwrite directory '{{ export_location() }}' using json options (ignoreNullFields 'false')
        select /*+ coalesce(1) */ * from {{ this }}",
) }}

select *
from {{ ref('network_beaconing_anomalies') }}
where
    end_date = date '{{ end_date() }}'
    and {{ of_judged_vendors() }}
