{{ config(
    partition_by='log_date',
    replaces="{{ replaced_days(days_to_load(ref('stg_common_security_log'), egress_version())) }}",
) }}

{% set log_version = egress_version() %}

with staged as (
    select * from {{ ref('stg_common_security_log') }}
    where
        {{ in_days_to_load(ref('stg_common_security_log'), log_version) }}
        and source_ip is not null
        and destination_ip is not null
),

-- Data export may write a row twice when it retries. Only rows that share a hash are compared as texts and sorted.
repeated as (
    select
        log_date,
        xxhash64(row_id) as row_hash
    from staged
    group by log_date, xxhash64(row_id)
    having count(*) > 1
),

counted as (
    select
        staged.*,
        row_number() over (partition by staged.log_date, staged.row_id order by staged.time_generated) as copy_number,
        cast(count(*) over (partition by staged.log_date, staged.row_id) as int) as copies
    from staged
    left semi join repeated on staged.log_date = repeated.log_date and xxhash64(staged.row_id) = repeated.row_hash
),

once as (
    select
        staged.*,
        1 as copy_number,
        1 as copies
    from staged
    left anti join repeated on staged.log_date = repeated.log_date and xxhash64(staged.row_id) = repeated.row_hash
    union all
    select * from counted
    where copy_number = 1
),

own_networks as (
    select collect_list(struct(first_key, last_key)) as ranges from {{ ref('stg_internal_networks') }}
),

-- There are few kinds of rows, so each kind is looked up once. Vendors put the kind of event in DeviceEventClassID or in Activity.
kinds as (
    select distinct
        device_vendor,
        device_event_class_id,
        activity,
        device_action,
        protocol,
        lower(trim(substring_index(protocol, '/', 1))) as protocol_text
    from staged
),

non_connection_events as (
    select collect_list(struct(device_vendor, event)) as patterns from {{ loaded_seed('non_connection_events') }}
),

denied_actions as (
    select collect_list(struct(device_vendor, action)) as patterns from {{ loaded_seed('denied_actions') }}
),

protocols as (
    select * from {{ loaded_seed('protocols') }}
),

known_kinds as (
    select
        kinds.device_vendor,
        kinds.device_event_class_id,
        kinds.activity,
        kinds.device_action,
        kinds.protocol,
        coalesce(protocols.protocol, kinds.protocol_text) as protocol_name,
        exists(
            denied_actions.patterns,
            p -> p.device_vendor in ('*', kinds.device_vendor) and coalesce(kinds.device_action ilike p.action, false)
        ) as is_denied
    from kinds
    cross join non_connection_events
    cross join denied_actions
    left join protocols on kinds.protocol_text = protocols.protocol_number
    where
        not exists(
            non_connection_events.patterns,
            p -> p.device_vendor = kinds.device_vendor
            and (coalesce(kinds.device_event_class_id ilike p.event, false) or coalesce(kinds.activity ilike p.event, false))
        )
),

connections as (
    select /*+ broadcast(known_kinds) */
        once.*,
        known_kinds.protocol_name,
        known_kinds.is_denied
    from once
    inner join known_kinds
        on
            once.device_vendor <=> known_kinds.device_vendor
            and once.device_event_class_id <=> known_kinds.device_event_class_id
            and once.activity <=> known_kinds.activity
            and once.device_action <=> known_kinds.device_action
            and once.protocol <=> known_kinds.protocol
),

scoped as (
    select
        connections.*,
        if(
            exists(own_networks.ranges, r -> connections.source_ip_key between r.first_key and r.last_key),
            'own',
            {{ address_scope('connections.source_ip_key') }}
        ) as source_scope,
        if(
            exists(own_networks.ranges, r -> connections.destination_ip_key between r.first_key and r.last_key),
            'own',
            {{ address_scope('connections.destination_ip_key') }}
        ) as destination_scope
    from connections
    cross join own_networks
),

egress as (
    select *
    from scoped
    where
        source_scope in ('own', 'private', 'cgnat', 'link_local')
        and destination_scope = 'public'
)

select
    time_generated,
    device_vendor,
    source_ip,
    source_port,
    destination_ip,
    destination_port,
    protocol_name as protocol,
    sent_bytes,
    received_bytes,
    duration_seconds,
    device_action,
    is_denied,
    row_id,
    copies,
    {{ log_version }} as log_version,
    log_date
from egress
