{{ config(
    partition_by='log_date',
    one_by_one=true,
    replaces="{{ replaced_days(days_to_load(ref('stg_common_security_log'), session_version())) }}",
) }}

{% set log_version = session_version() %}
{% set in_these_days = in_days_to_load(ref('stg_common_security_log'), log_version) %}

with each_session as (
    select
        log_date,
        {% for column in columns_of_main_row() + columns_of_session() %}
            {{ column }},
        {% endfor %}
        last_seen_at,
        row_count,
        copies
    from {{ ref('repeated_sessions') }}
    where {{ in_these_days }}
    union all
    select
        log_date,
        {% for column in columns_of_main_row() + columns_of_session() %}
            {{ column }},
        {% endfor %}
        seen_at as last_seen_at,
        1 as row_count,
        0 as copies
    from {{ ref('session_rows') }}
    where not is_repeated and {{ in_these_days }}
),

scoped as (
    select
        *,
        {{ scope_of('source_ip_key') }} as source_scope,
        {{ scope_of('destination_ip_key') }} as destination_scope
    from each_session
),

-- Some makers write the far end of an outbound session first. Of others, that is believed where ports say so too: direction may mean else.
turned as (
    select
        *,
        coalesce(
            source_scope = 'public' and destination_scope in ({{ internal_scopes() }})
            and if(
                may_be_swapped,
                direction = 'outbound' or (direction is null and source_port < destination_port),
                direction = 'outbound' and source_port < 32768 and destination_port >= 32768
            ),
            false
        ) as is_swapped
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
        *,
        {{ fate() }} as fate
    from placed
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
