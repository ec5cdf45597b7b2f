with networks as (
    select
        network,
        description,
        {{ network_range('network') }} as network_range
    from {{ loaded_seed('internal_networks') }}
)

select
    network,
    network_range.first_key,
    network_range.last_key,
    description
from networks
where network_range is not null
