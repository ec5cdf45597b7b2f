{#- How rows of one session are told apart from rows of several. -#}

{% macro ends_key() %}
    {#-
        A hash of what rows of one session share: both ends with their ports, in either order; without a source port, the maker's session id; else the
        row's own id, so that only copies meet.
    -#}
    {%- set ends = 'xxhash64(source_ip, source_port), xxhash64(coalesce(destination_ip, destination_name), destination_port)' -%}
    case
        when source_port > 0 and destination_port is not null and source_ip is not null and coalesce(destination_ip, destination_name) is not null
            then xxhash64(device_vendor, least({{ ends }}), greatest({{ ends }}), lower(protocol))
        when session_id is not null then xxhash64(device_vendor, source_ip, destination_ip, destination_port, session_id)
        else xxhash64(row_id)
    end
{%- endmacro %}


{% macro kind_columns() %}
    {#- The columns that say what kind of row a row is. -#}
    {{- return(['device_vendor', 'device_product', 'device_event_class_id', 'activity', 'device_action', 'protocol', 'kind_told_by']) -}}
{% endmacro %}


{% macro kind_key() %}
    {#- A hash of these columns, which are never empty. -#}
    xxhash64({% for column in kind_columns() %}coalesce({{ column }}, ''), {% endfor %}is_denied_in_text)
{%- endmacro %}


{% macro columns_of_main_row() %}
    {#- The columns that a session has from one of its rows. -#}
    {{- return([
        'device_vendor', 'source_ip', 'source_ip_key', 'source_port', 'destination_ip', 'destination_ip_key', 'destination_port', 'protocol_name',
        'device_action', 'direction', 'may_be_swapped', 'has_collector_clock', 'is_to_proxy', 'kind', 'told_by', 'time_source', 'row_id', 'log_version',
    ]) -}}
{% endmacro %}


{% macro columns_of_session() %}
    {#- The columns that a session has from all its rows. -#}
    {{- return([
        'is_denied', 'began_at', 'sent_bytes', 'received_bytes', 'duration_seconds', 'destination_name', 'source_user_name', 'source_host_name',
    ]) -}}
{% endmacro %}


{% macro seen_at() %}
    {#- When the row's event happened: the device's own time, unless TimeGenerated agrees with it and has finer fractions. -#}
    if(abs(unix_micros(device_time) - unix_micros(time_generated)) >= 1000000, device_time, time_generated)
{%- endmacro %}


{% macro began_at(kind) %}
    {#- When the row's session began, as far as the row tells. Where it has no start, an end or an update tells by its duration, up to a day. -#}
    {%- if var('event_unit') == 'row' -%}{{- return(seen_at()) -}}{%- endif -%}
    least(
        {{ seen_at() }}, start_time,
        if({{ kind }} in ('end', 'update') and start_time is null, {{ seen_at() }} - make_dt_interval(0, 0, 0, if(duration_seconds > 86400, 86400, duration_seconds)), null)
    )
{%- endmacro %}


{% macro continues_session() %}
    {#-
        Whether a row tells of the same session as the row before it (`previous`) that has the same ends. Two sessions cannot have the same ends at the
        same time, so rows whose times overlap are of one.
    -#}
    {%- set sizes_are_equal = 'sent_bytes = previous.sent_bytes and received_bytes = previous.received_bytes and duration_seconds <=> previous.duration_seconds' -%}
    case
        when previous is null or coalesce(kind, '') = 'other' or coalesce(previous.kind, '') = 'other' then false
        {#- Two firewalls on the way number the same session each by itself. #}
        when session_id != previous.session_id then abs(unix_micros(began_at) - unix_micros(previous.began_at)) <= 2000000
        when session_id = previous.session_id
            then not (coalesce(previous.kind, '') = 'end' and coalesce(kind, '') = 'start' and began_at > previous.seen_at + interval 2 seconds)
        when began_at <= previous.seen_at + interval 2 seconds then true
        when kind in ('update', 'end', 'inspection') and previous.kind in ('start', 'update') then true
        when kind in ('update', 'end') and previous.kind = 'inspection' then true
        {#- Copies by two collectors, and attempts again. #}
        when (kind = 'update' or kind = 'start' and previous.kind = 'start') and seen_at <= previous.seen_at + interval 10 seconds then true
        when kind <=> previous.kind and {{ sizes_are_equal }} and seen_at <= previous.seen_at + interval 10 seconds then true
        {#- A start and an end that do not say what they are. #}
        when kind is null and previous.kind is null and duration_seconds is null and not is_denied
            and coalesce(previous.sent_bytes, 0) = 0 and coalesce(previous.received_bytes, 0) = 0 and sent_bytes > 0
            then true
        else false
    end
{%- endmacro %}


{% macro grows() %}
    {#- Whether a row that may be an update has larger sizes than the row before it. -#}
    coalesce(
        coalesce(kind, 'update') = 'update'
        and sent_bytes >= previous.sent_bytes and received_bytes >= previous.received_bytes
        and sent_bytes + received_bytes > previous.sent_bytes + previous.received_bytes,
        false
    )
{%- endmacro %}


{% macro own_networks() %}
    {#- The organisation's public networks: a list of [first_key, last_key], read while dbt compiles, because a few comparisons cost less than a join. -#}
    {%- set networks = ref('stg_internal_networks') -%}
    {%- if not execute or networks.is_cte or not adapter.get_relation(none, networks.schema, networks.identifier) -%}{{- return([]) -}}{%- endif -%}
    {%- set ranges = [] -%}
    {%- for row in run_query('select first_key, last_key from ' ~ networks ~ ' order by first_key, last_key').rows -%}{%- do ranges.append(row | list) -%}{%- endfor -%}
    {{- return(ranges) -}}
{% endmacro %}


{% macro scope_of(key) %}
    {#- Scope of an address, by its key: own, or as address_scope says. -#}
    {%- set conditions = [] -%}
    {%- for first, last in own_networks() -%}{%- do conditions.append(key ~ " between '" ~ first ~ "' and '" ~ last ~ "'") -%}{%- endfor -%}
    if({{ conditions | join(' or ') or 'false' }}, 'own', {{ address_scope(key) }})
{%- endmacro %}


{% macro internal_scopes() %}
    {#- Scopes of internal addresses, as SQL texts. -#}
    'own', 'private', 'cgnat', 'link_local'
{%- endmacro %}


{% macro fate() %}
    {#- What becomes of a session. Only egress is judged: to a public address, or to a name, through a proxy or where the row has no address. -#}
    case
        when kind = 'other' then 'not a connection'
        {% if var('event_unit') == 'session' %}when kind = 'inspection' then 'inspection without a session'{% endif %}
        when from_ip is null then 'no source address'
        when to_ip is null and destination_name is null then 'no destination'
        when
            from_scope in ({{ internal_scopes() }}) and (
                coalesce(to_scope, 'public') = 'public'
                or destination_name is not null and to_scope in ({{ internal_scopes() }})
                and (is_to_proxy or to_port in (1080, 3128, 8000, 8008, 8080, 8081, 8118, 8123, 8888, 9090, 9400))
            )
            then if(has_collector_clock and time_source = 'TimeGenerated', 'time of a collector', 'egress')
        when from_scope in ({{ internal_scopes() }}) and to_scope in ({{ internal_scopes() }}) then 'internal'
        when from_scope = 'public' and to_scope in ({{ internal_scopes() }}) then 'inbound'
        when from_scope = 'public' and (to_scope = 'public' or to_ip is null) then 'public to public'
        else 'from or to a reserved address'
    end
{%- endmacro %}
