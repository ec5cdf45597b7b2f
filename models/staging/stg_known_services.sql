{{ config(post_hook="{{ say_which_services_are_left_out() }}") }}

-- Each step takes one list apart.
with services as (
    select
        *,
        explode(split(destination_ports, ' ')) as port
    from {{ loaded_seed('known_services') }}
),

with_networks as (
    select
        *,
        explode(split(destination_networks, ' ')) as network
    from services
),

with_names as (
    select
        *,
        explode(split(destination_names, ' ')) as name
    from with_networks
),

addressed as (
    select
        *,
        {{ network_address('network') }} as address,
        {{ network_bits('network') }} as bits
    from with_names
),

keyed as (
    select
        *,
        {{ ip_key('address') }} as ip_key
    from addressed
),

-- An asterisk matches everything.
typed as (
    select
        service,
        kind,
        if(protocol = '*', null, protocol) as protocol,
        if(port = '*', null, coalesce(try_cast(port as int), 0)) as destination_port,
        if(network = '*', {{ every_address() }}, {{ network_range('ip_key', 'bits') }}) as destination_range,
        if(name = '*', null, name) as destination_name_pattern,
        try_cast(if(shortest_seconds = '*', '0', shortest_seconds) as double) as shortest_seconds,
        try_cast(if(longest_seconds = '*', '1e9', longest_seconds) as double) as longest_seconds,
        try_cast(if(largest_sent_bytes = '*', '9223372036854775807', largest_sent_bytes) as bigint) as largest_sent_bytes,
        try_cast(if(largest_received_bytes = '*', '9223372036854775807', largest_received_bytes) as bigint) as largest_received_bytes,
        reason,
        doubt,
        source
    from keyed
)

-- What is not readable is left out, and so is what an implant can choose: it would be of low severity.
select
    service,
    kind,
    protocol,
    destination_port,
    destination_range,
    destination_name_pattern,
    shortest_seconds,
    longest_seconds,
    largest_sent_bytes,
    largest_received_bytes,
    reason,
    doubt,
    source
from typed
where {{ is_usable_service() }}
