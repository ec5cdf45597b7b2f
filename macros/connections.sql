{% macro connection_columns() %}
    {#- The columns that identify a connection. -#}
    device_vendor, source_ip, destination_ip, destination_port, protocol
{%- endmacro %}


{% macro same_connection(left, right) %}
    {#- Whether two rows belong to the same connection. Port and protocol may be null on both sides. -#}
    {{ left }}.device_vendor = {{ right }}.device_vendor
    and {{ left }}.source_ip = {{ right }}.source_ip
    and {{ left }}.destination_ip = {{ right }}.destination_ip
    and {{ left }}.destination_port <=> {{ right }}.destination_port
    and {{ left }}.protocol <=> {{ right }}.protocol
{%- endmacro %}


{% macro is_member(member, connection) %}
    {#- Whether a row of group_members tells of this connection. -#}
    {{ member }}.device_vendor = {{ connection }}.device_vendor
    and {{ member }}.source_ip = {{ connection }}.source_ip
    and {{ member }}.member_ip = {{ connection }}.destination_ip
    and {{ member }}.member_port <=> {{ connection }}.destination_port
    and {{ member }}.protocol <=> {{ connection }}.protocol
{%- endmacro %}


{% macro connections_of(findings) %}
    {#- A query: the connections of each finding, by beacon_id; of a group, its members. -#}
    select
        beacon_id,
        window_days,
        device_vendor,
        source_ip,
        member.ip as destination_ip,
        member.port as destination_port,
        protocol
    from (
        select
            *,
            explode(coalesce(members, array(struct(destination_ip as ip, destination_port as port)))) as member
        from {{ findings }}
    )
{%- endmacro %}


{% macro beacon_id(row) %}
    {#- A hash that identifies the connection or group of a row, the same every day as long as its destination is. -#}
    md5(concat_ws(
        '|', {{ row }}.device_vendor, {{ row }}.source_ip, {{ row }}.destination_ip,
        coalesce(cast({{ row }}.destination_port as string), '-'), coalesce({{ row }}.protocol, '-'), {{ row }}.several
    ))
{%- endmacro %}
