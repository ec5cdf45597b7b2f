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


{% macro beacon_id(row) %}
    {#- A hash that identifies the connection of a row, the same every day. -#}
    md5(concat_ws(
        '|', {{ row }}.device_vendor, {{ row }}.source_ip, {{ row }}.destination_ip,
        coalesce(cast({{ row }}.destination_port as string), '-'), coalesce({{ row }}.protocol, '-')
    ))
{%- endmacro %}
