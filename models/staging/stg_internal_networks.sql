{{ config(post_hook="{{ say_which_networks_are_left_out() }}") }}

with networks as (
    select
        network,
        description,
        {{ network_address('network') }} as address,
        {{ network_bits('network') }} as bits
    from {{ loaded_seed('internal_networks') }}
),

keyed as (
    select
        *,
        {{ ip_key('address') }} as ip_key
    from networks
),

ranges as (
    select
        *,
        {{ network_range('ip_key', 'bits') }} as network_range
    from keyed
    where ip_key is not null and bits is not null
)

select
    network,
    network_range.first_key,
    network_range.last_key,
    description
from ranges
