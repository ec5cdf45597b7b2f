{{ config(post_hook="{{ say_which_suppressions_are_wrong() }}") }}

with seed as (
    select
        coalesce(destination_network, '') as destination_network,
        coalesce(destination_port, '') as destination_port,
        coalesce(source_network, '') as source_network,
        coalesce(device_vendor, '') as device_vendor,
        coalesce(shortest_seconds, '') as shortest_seconds,
        coalesce(longest_seconds, '') as longest_seconds,
        coalesce(reason, '') as reason,
        coalesce(owner, '') as owner,
        coalesce(expires_on, '') as expires_on
    from {{ loaded_seed('suppressions') }}
),

suppressions as (
    select
        concat_ws(
            ',',
            destination_network,
            destination_port,
            source_network,
            device_vendor,
            shortest_seconds,
            longest_seconds,
            reason,
            owner,
            expires_on
        ) as suppression,
        trim(destination_network) as destination_network,
        trim(destination_port) as destination_port,
        trim(source_network) as source_network,
        trim(device_vendor) as device_vendor,
        trim(shortest_seconds) as shortest_seconds,
        trim(longest_seconds) as longest_seconds,
        trim(reason) as reason,
        trim(owner) as owner,
        trim(expires_on) as expires_on
    from seed
),

networks as (
    select
        *,
        {{ network_address('destination_network') }} as destination_address,
        {{ network_bits('destination_network') }} as destination_bits,
        {{ network_address('source_network') }} as source_address,
        {{ network_bits('source_network') }} as source_bits
    from suppressions
),

keyed as (
    select
        *,
        {{ ip_key('destination_address') }} as destination_key,
        {{ ip_key('source_address') }} as source_key
    from networks
),

-- An asterisk matches everything; what is not readable is null.
typed as (
    select
        *,
        case
            when destination_network = '*' then {{ every_address() }}
            when destination_network not like '%/%/%' then {{ network_range('destination_key', 'destination_bits') }}
        end as destination_range,
        case
            when source_network = '*' then {{ every_address() }}
            when source_network not like '%/%/%' then {{ network_range('source_key', 'source_bits') }}
        end as source_range,
        if(destination_port rlike '^[0-9]{1,5}$', try_cast(destination_port as int), null) as port,
        case
            when shortest_seconds = '*' then 0D
            when shortest_seconds rlike {{ plain_number() }} then try_cast(shortest_seconds as double)
        end as shortest,
        case
            when longest_seconds = '*' then 1e9D
            when longest_seconds rlike {{ plain_number() }} then try_cast(longest_seconds as double)
        end as longest,
        -- Engines read 2026 as the first of January.
        if(expires_on rlike '^[0-9]{4}-[0-9]{2}-[0-9]{2}$', try_cast(expires_on as date), null) as last_day
    from keyed
)

select
    suppression,
    nullif(concat_ws(
        '; ',
        if(destination_range.first_key is null, 'destination_network is neither network nor address nor *', null),
        if(destination_port != '*' and not coalesce(port between 0 and 65535, false), 'destination_port is neither a port nor *', null),
        if(source_range.first_key is null, 'source_network is neither network nor address nor *', null),
        if(device_vendor = '', 'device_vendor is empty; * is all', null),
        if(shortest is null, 'shortest_seconds is neither a number nor *', null),
        if(longest is null, 'longest_seconds is neither a number nor *', null),
        if(shortest > longest, 'shortest_seconds is more than longest_seconds', null),
        if(
            destination_network = '*' and destination_port = '*' and source_network = '*'
            and device_vendor = '*' and coalesce(shortest = 0 and longest >= 1e6D, false),
            'it would hide every finding',
            null
        ),
        if(reason = '', 'reason is empty', null),
        if(owner = '', 'owner is empty', null),
        if(last_day is null, 'expires_on is no day as YYYY-MM-DD', null)
    ), '') as problem,
    destination_range,
    source_range,
    port as destination_port,
    if(device_vendor = '*', null, device_vendor) as device_vendor,
    shortest as shortest_seconds,
    longest as longest_seconds,
    reason,
    owner,
    last_day as expires_on,
    last_day < date '{{ end_date() }}' as is_expired
from typed
