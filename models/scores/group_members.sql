with connections as (
    select
        {{ connection_columns() }},
        sum(event_count) as event_count,
        max(destination_name) as destination_name,
        max(if(event_count >= 3, {{ at_quantile(sorted('events.received_bytes'), 50) }}, null)) as typical_received_bytes
    from {{ ref('connection_days') }}
    where {{ in_score_window() }} and {{ of_judged_vendors() }}
    group by {{ connection_columns() }}
),

-- A group is all ports of an address, or all addresses of a name. Without a name, it is the addresses whose answers have the same size.
candidates as (
    select
        *,
        'ports' as several,
        destination_ip as group_key
    from connections
    where destination_port is not null
    union all
    select
        *,
        'addresses' as several,
        concat_ws(' ', destination_port, coalesce(destination_name, cast(typical_received_bytes as string))) as group_key
    from connections
    where destination_name is not null or typical_received_bytes > 0
),

-- More members are a scan, or a service that everything reaches.
groups as (
    select
        device_vendor,
        source_ip,
        protocol,
        several,
        group_key,
        if(several = 'addresses', max(destination_name), null) as destination_name,
        min(destination_ip) as first_ip,
        collect_list(struct(destination_ip, destination_port)) as members
    from candidates
    group by device_vendor, source_ip, protocol, several, group_key
    having count(*) between 2 and 32 and sum(event_count) > {{ var('minimum_intervals') }}
),

each_member as (
    select
        *,
        explode(members) as member
    from groups
)

select
    device_vendor,
    source_ip,
    coalesce(destination_name, first_ip) as destination_ip,
    if(several = 'ports', null, member.destination_port) as destination_port,
    protocol,
    several,
    member.destination_ip as member_ip,
    member.destination_port as member_port
from each_member
