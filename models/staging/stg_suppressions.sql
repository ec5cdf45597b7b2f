with suppressions as (
    select
        *,
        {{ network_address('destination_network') }} as destination_address,
        {{ network_bits('destination_network') }} as destination_bits,
        {{ network_address('source_network') }} as source_address,
        {{ network_bits('source_network') }} as source_bits
    from {{ loaded_seed('suppressions') }}
),

keyed as (
    select
        *,
        {{ ip_key('destination_address') }} as destination_key,
        {{ ip_key('source_address') }} as source_key
    from suppressions
)

-- An asterisk matches everything.
select
    if(destination_network = '*', {{ every_address() }}, {{ network_range('destination_key', 'destination_bits') }}) as destination_range,
    if(source_network = '*', {{ every_address() }}, {{ network_range('source_key', 'source_bits') }}) as source_range,
    if(destination_port = '*', null, try_cast(destination_port as int)) as destination_port,
    if(device_vendor = '*', null, device_vendor) as device_vendor,
    try_cast(if(shortest_seconds = '*', '0', shortest_seconds) as double) as shortest_seconds,
    try_cast(if(longest_seconds = '*', '1e9', longest_seconds) as double) as longest_seconds,
    reason,
    owner,
    try_cast(expires_on as date) as expires_on,
    try_cast(expires_on as date) < date '{{ end_date() }}' as is_expired
from keyed
