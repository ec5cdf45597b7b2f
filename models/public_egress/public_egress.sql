{{ config(
    materialized='incremental',
    partition_by='log_date',
    on_schema_change='append_new_columns',
    pre_hook="{{ clear_days_to_load(ref('stg_common_security_log'), version_with_settings()) }}",
) }}

{% set log_version = version_with_settings() %}

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

-- Kinds of events are few: each is held against the patterns once. Makers put the kind in one column or the other.
kinds as (
    select distinct
        device_vendor,
        device_event_class_id,
        activity
    from staged
),

-- (No semi join: Spark would push it below the distinct, to every row.)
non_connections as (
    select kinds.*
    from kinds
    inner join {{ ref('non_connection_events') }} as non_connection_events
        on
            kinds.device_vendor = non_connection_events.device_vendor
            and (
                kinds.device_event_class_id ilike non_connection_events.event
                or kinds.activity ilike non_connection_events.event
            )
),

connections as (
    select /*+ broadcast(non_connections) */ staged.*
    from staged
    left anti join non_connections
        on
            staged.device_vendor = non_connections.device_vendor
            and staged.device_event_class_id <=> non_connections.device_event_class_id
            and staged.activity <=> non_connections.activity
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

-- Data export writes a row again when it retries.
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
    {{ protocol_name('protocol') }} as protocol,
    sent_bytes,
    received_bytes,
    duration_seconds,
    device_action,
    coalesce(device_action rlike '(?i)^(deny|denied|drop|dropped|block|blocked|reject|rejected|reset-)', false) as is_denied,
    row_id,
    copies,
    {{ log_version }} as log_version,
    log_date
from counted
where copy_number = 1
