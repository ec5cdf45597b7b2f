{#- How rows of one session are told apart from rows of several. -#}

{% macro session_key() %}
    {#-
        A hash of what rows of one session share: both ends with their ports, in either order; without a source port, the maker's session id; else the
        row's own id, so that only copies meet. With event_unit `row`, always that.
    -#}
    {%- if var('event_unit') == 'row' -%}{{- return('xxhash64(row_id)') -}}{%- endif -%}
    {%- set ends = "concat(source_ip, ' ', source_port), concat(coalesce(destination_ip, destination_name), ' ', destination_port)" -%}
    case
        when source_port > 0 and destination_port is not null and source_ip is not null and coalesce(destination_ip, destination_name) is not null
            then xxhash64(device_vendor, least({{ ends }}), greatest({{ ends }}), lower(protocol))
        when session_id is not null then xxhash64(device_vendor, source_ip, destination_ip, destination_port, session_id)
        else xxhash64(row_id)
    end
{%- endmacro %}


{% macro kind_columns() %}
    {#- The columns that say what kind of row a row is. -#}
    {{- return(['device_vendor', 'device_product', 'device_event_class_id', 'activity', 'device_action', 'protocol', 'kind_in_text', 'is_denied_in_text']) -}}
{% endmacro %}


{% macro of_kind(rows, kinds) %}
    {#- A condition: a row is of this kind. Any of the columns may be null. -#}
    {%- for column in kind_columns() -%}{{ rows }}.{{ column }} <=> {{ kinds }}.{{ column }}{{ ' and ' if not loop.last }}{%- endfor -%}
{%- endmacro %}


{% macro kinds_of_rows(rows) %}
    {#-
        A query: what the seeds know of each kind of row. There are few kinds, so each is looked up once. A maker's own facts come before those of all
        makers, whole values before patterns, and longer patterns before shorter ones. kind is start, update, end, inspection, other, or null where nothing is known.
    -#}
    with distinct_kinds as (
        select distinct
            {{ kind_columns() | join(', ') }},
            lower(trim(substring_index(protocol, '/', 1))) as protocol_text
        from {{ rows }}
    )

    select
        {% for column in kind_columns() %}distinct_kinds.{{ column }}, {% endfor %}
        coalesce(max(protocols.protocol), max(distinct_kinds.protocol_text)) as protocol_name,
        {% for name, column in [('kind', 'meaning'), ('told_by', 'pattern')] %}
            coalesce(distinct_kinds.kind_in_text, min_by(
                facts.{{ column }},
                if(facts.fact = 'row_kind', struct(facts.device_vendor = '*' as is_of_all, contains(facts.pattern, '%') as is_open, -length(facts.pattern) as shortness, facts.pattern as pattern), null)
            )) as {{ name }},
        {% endfor %}
        distinct_kinds.is_denied_in_text or count_if(facts.fact = 'denied') > 0 as is_denied,
        count_if(facts.fact = 'swapped') > 0 as may_be_swapped
    from distinct_kinds
    left join {{ loaded_seed('vendor_facts') }} as facts
        on
            (facts.device_vendor = '*' or distinct_kinds.device_vendor ilike facts.device_vendor)
            and facts.fact in ('row_kind', 'denied', 'swapped')
            and case facts.column_name
                when 'DeviceProduct' then distinct_kinds.device_product
                when 'DeviceEventClassID' then distinct_kinds.device_event_class_id
                when 'Activity' then distinct_kinds.activity
                when 'DeviceAction' then distinct_kinds.device_action
            end ilike facts.pattern
    left join {{ loaded_seed('protocols') }} as protocols on distinct_kinds.protocol_text = protocols.protocol_number
    group by {% for column in kind_columns() %}distinct_kinds.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
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
                or destination_name is not null and to_port in (1080, 3128, 8000, 8008, 8080, 8081, 8118, 8123, 8888, 9090, 9400)
                and to_scope in ({{ internal_scopes() }})
            )
            then if(
                time_source = 'TimeGenerated' and array_contains(collector_clocks.days_of_vendors, concat_ws(' ', log_date, device_vendor)),
                'time of a collector', 'egress'
            )
        when from_scope in ({{ internal_scopes() }}) and to_scope in ({{ internal_scopes() }}) then 'internal'
        when from_scope = 'public' and to_scope in ({{ internal_scopes() }}) then 'inbound'
        when from_scope = 'public' and (to_scope = 'public' or to_ip is null) then 'public to public'
        else 'from or to a reserved address'
    end
{%- endmacro %}
