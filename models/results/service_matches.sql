with found_connections as (
    select
        *,
        -- A name is in no network but *.
        coalesce({{ ip_key('known_ip') }}, repeat('0', 32)) as destination_key
    from {{ ref('found_connections') }}
)

select
    found_connections.beacon_id,
    min(struct(services.service, services.reason, services.doubt)) as service
from found_connections
inner join {{ ref('stg_known_services') }} as services on {{ looks_like('found_connections', 'services') }}
group by found_connections.beacon_id
