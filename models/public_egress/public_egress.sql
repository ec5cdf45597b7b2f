{{ config(
    partition_by='log_date',
    pre_hook="{{ clear_days_to_load(ref('stg_common_security_log'), egress_version()) }}",
) }}

{% set log_version = egress_version() %}

with staged as (
    select * from {{ ref('stg_common_security_log') }}
    where
        {{ in_days_to_load(ref('stg_common_security_log'), log_version) }}
        and source_ip is not null
        and destination_ip is not null
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
        staged.*,
        known_kinds.protocol_name,
        known_kinds.is_denied
    from staged
    inner join known_kinds
        on
            staged.device_vendor <=> known_kinds.device_vendor
            and staged.device_event_class_id <=> known_kinds.device_event_class_id
            and staged.activity <=> known_kinds.activity
            and staged.device_action <=> known_kinds.device_action
            and staged.protocol <=> known_kinds.protocol
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
),

-- Data export may write a row twice when it retries.
counted as (
    select
        *,
        row_number() over (partition by log_date, row_id order by time_generated) as copy_number,
        cast(count(*) over (partition by log_date, row_id) as int) as copies
    from egress
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
from counted
where copy_number = 1
