{{ config(
    partition_by='log_date',
    replaces="{{ replaced_days(days_to_load(ref('stg_common_security_log'), session_version())) }}",
) }}

{% set log_version = session_version() %}
{% set in_order = 'partition by log_date, session_key order by place' %}
{% set of_main_row = [
    'device_vendor', 'source_ip', 'source_ip_key', 'source_port', 'destination_ip', 'destination_ip_key', 'destination_port', 'protocol_name',
    'device_action', 'direction', 'may_be_swapped', 'kind', 'told_by', 'time_source', 'row_id', 'log_version',
] %}

with staged as (
    select
        *,
        {{ session_key() }} as session_key
    from {{ ref('stg_common_security_log') }}
    where {{ in_days_to_load(ref('stg_common_security_log'), log_version) }}
),

kinds as (
    {{ kinds_of_rows('staged') }}
),

timed as (
    select /*+ broadcast(kinds) */
        staged.*,
        kinds.protocol_name,
        kinds.kind,
        kinds.told_by,
        kinds.is_denied,
        kinds.may_be_swapped,
        {{ seen_at() }} as seen_at,
        {{ began_at('kinds.kind') }} as began_at
    from staged
    inner join kinds on {{ of_kind('staged', 'kinds') }}
),

-- Most rows are alone, and need no sorting.
repeated as (
    select
        log_date,
        session_key
    from staged
    group by log_date, session_key
    having count(*) > 1
),

-- Copies are equal in all, so the place is given once.
ordered as (
    select
        timed.*,
        row_number() over (partition by timed.log_date, timed.session_key order by seen_at, row_id) as place
    from timed
    left semi join repeated on timed.log_date = repeated.log_date and timed.session_key = repeated.session_key
),

followed as (
    select
        *,
        row_number() over (partition by log_date, session_key, row_id order by place) > 1 as is_copy,
        lag(struct(kind, began_at, seen_at, session_id, sent_bytes, received_bytes, duration_seconds)) over ({{ in_order }}) as previous
    from ordered
),

compared as (
    select
        *,
        {{ continues_session() }} as continues,
        {{ grows() }} as grows
    from followed
),

-- Sizes that grow in two rows may do so by chance; in six they are the sums of one session.
growing as (
    select
        *,
        sum(if(grows or is_copy, 0, 1)) over ({{ in_order }} rows unbounded preceding) as growth
    from compared
),

grown as (
    select
        *,
        is_copy or continues or (grows and count(*) over (partition by log_date, session_key, growth) >= 6) as is_continued
    from growing
),

numbered as (
    select
        *,
        sum(if(is_continued, 0, 1)) over ({{ in_order }} rows unbounded preceding) as session_number
    from grown
),

-- An inspection row tells least of the session.
headed as (
    select
        *,
        row_number() over (
            partition by log_date, session_key, session_number order by coalesce(kind = 'inspection', false), place
        ) = 1 as is_main
    from numbered
),

merged as (
    select
        log_date,
        {% for column in of_main_row %}
            max(if(is_main, {{ column }}, null)) as {{ column }},
        {% endfor %}
        min(began_at) as began_at,
        max(seen_at) as last_seen_at,
        max(sent_bytes) as sent_bytes,
        max(received_bytes) as received_bytes,
        max(duration_seconds) as duration_seconds,
        max_by(is_denied, place) as is_denied,
        max(destination_name) as destination_name,
        max(source_user_name) as source_user_name,
        max(source_host_name) as source_host_name,
        count_if(not is_copy) as row_count,
        count_if(is_copy) as copies
    from headed
    group by log_date, session_key, session_number
),

each_session as (
    select
        log_date,
        {% for column in of_main_row %}
            {{ column }},
        {% endfor %}
        began_at,
        last_seen_at,
        sent_bytes,
        received_bytes,
        if(
            row_count > 1, greatest(duration_seconds, unix_timestamp(last_seen_at) - unix_timestamp(began_at)), duration_seconds
        ) as duration_seconds,
        is_denied,
        destination_name,
        source_user_name,
        source_host_name,
        row_count,
        copies
    from merged
    union all
    select
        timed.log_date,
        {% for column in of_main_row %}
            timed.{{ column }},
        {% endfor %}
        timed.began_at,
        timed.seen_at,
        timed.sent_bytes,
        timed.received_bytes,
        timed.duration_seconds,
        timed.is_denied,
        timed.destination_name,
        timed.source_user_name,
        timed.source_host_name,
        1 as row_count,
        0 as copies
    from timed
    left anti join repeated on timed.log_date = repeated.log_date and timed.session_key = repeated.session_key
),

-- Hosts do not agree on the second in which they reach what they reach once. A relay that sends once a minute makes them agree.
reached_once as (
    select
        log_date,
        device_vendor,
        max(unix_timestamp(time_generated)) % 60 as second
    from staged
    where time_source = 'TimeGenerated'
    group by log_date, device_vendor, source_ip, coalesce(destination_ip, destination_name)
    having count(*) = 1
),

at_seconds as (
    select
        log_date,
        device_vendor,
        second,
        count(*) as row_count
    from reached_once
    group by log_date, device_vendor, second
),

-- A fifth is as concentrated as all rows in five seconds of the minute; without a relay, it is a sixtieth.
concentrated as (
    select concat_ws(' ', log_date, device_vendor) as day_of_vendor
    from at_seconds
    group by log_date, device_vendor
    having sum(row_count) >= 200 and sum(row_count * row_count) >= 0.2 * sum(row_count) * sum(row_count)
),

collector_clocks as (
    select collect_list(day_of_vendor) as days_of_vendors from concentrated
),

own_networks as (
    select collect_list(struct(first_key, last_key)) as ranges from {{ ref('stg_internal_networks') }}
),

-- There are few addresses, so each is looked at once.
addresses as (
    select source_ip_key as ip_key from staged
    union
    select destination_ip_key as ip_key from staged
),

scopes as (
    select
        addresses.ip_key,
        if(
            exists(own_networks.ranges, r -> addresses.ip_key between r.first_key and r.last_key),
            'own',
            {{ address_scope('addresses.ip_key') }}
        ) as scope
    from own_networks
    cross join addresses
    where addresses.ip_key is not null
),

scoped as (
    select
        each_session.*,
        source_scopes.scope as source_scope,
        destination_scopes.scope as destination_scope
    from each_session
    left join scopes as source_scopes on each_session.source_ip_key = source_scopes.ip_key
    left join scopes as destination_scopes on each_session.destination_ip_key = destination_scopes.ip_key
),

-- Some makers write the far end of an outbound session first.
turned as (
    select
        *,
        source_scope = 'public' and destination_scope in ({{ internal_scopes() }})
        and may_be_swapped and (direction = 'outbound' or (direction is null and source_port < destination_port)) as is_swapped
    from scoped
),

placed as (
    select
        *,
        {% for column in ('ip', 'port', 'scope') %}
            if(is_swapped, destination_{{ column }}, source_{{ column }}) as from_{{ column }},
            if(is_swapped, source_{{ column }}, destination_{{ column }}) as to_{{ column }},
        {% endfor %}
        if(is_swapped, received_bytes, sent_bytes) as bytes_out,
        if(is_swapped, sent_bytes, received_bytes) as bytes_in
    from turned
),

judged as (
    select
        placed.*,
        {{ fate() }} as fate
    -- The one row first: Sail holds the first side in memory.
    from collector_clocks
    cross join placed
)

select
    -- A session that began before midnight is one of each day on which it is told of.
    if(last_seen_at >= log_date, greatest(began_at, cast(log_date as timestamp)), began_at) as time_generated,
    time_source,
    device_vendor,
    from_ip as source_ip,
    from_port as source_port,
    if(fate = 'egress' and not coalesce(to_scope = 'public', false), destination_name, to_ip) as destination_ip,
    destination_name,
    to_port as destination_port,
    protocol_name as protocol,
    bytes_out as sent_bytes,
    bytes_in as received_bytes,
    duration_seconds,
    device_action,
    is_denied,
    source_user_name,
    source_host_name,
    row_id,
    cast(row_count as int) as row_count,
    cast(copies as int) as copies,
    fate,
    if(fate = 'not a connection', told_by, null) as fate_detail,
    {{ log_version }} as log_version,
    log_date
from judged
