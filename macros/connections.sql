{% macro connection_columns() %}
    {#- The columns that name a connection. -#}
    device_vendor, source_ip, destination_ip, destination_port, protocol
{%- endmacro %}


{% macro same_connection(left, right) %}
    {#- Whether two rows are of one connection: port and protocol may be null on both sides. -#}
    {{ left }}.device_vendor = {{ right }}.device_vendor
    and {{ left }}.source_ip = {{ right }}.source_ip
    and {{ left }}.destination_ip = {{ right }}.destination_ip
    and {{ left }}.destination_port <=> {{ right }}.destination_port
    and {{ left }}.protocol <=> {{ right }}.protocol
{%- endmacro %}


{% macro in_score_window() %}
    {#- A condition: log_date is one of the `score_window_days` days that end with end_date. -#}
    log_date between date '{{ end_date() }}' - interval {{ var('score_window_days') | int - 1 }} days and date '{{ end_date() }}'
{%- endmacro %}


{% macro beacon_id() %}
    {#- A hash that names a connection, the same every day. -#}
    md5(concat_ws('|', device_vendor, source_ip, destination_ip, coalesce(cast(destination_port as string), '-'), coalesce(protocol, '-')))
{%- endmacro %}
