{% macro looks_like(connection, service) %}
    {#-
        Whether a row of a connection (destination_key, destination_port, protocol, known_name, period_seconds, median_sent_bytes,
        median_received_bytes) meets all conditions of a row of stg_known_services. An unknown size meets them, an unknown name or period does not.
    -#}
    coalesce({{ connection }}.protocol = {{ service }}.protocol, {{ service }}.protocol is null)
    and coalesce({{ connection }}.destination_port = {{ service }}.destination_port, {{ service }}.destination_port is null)
    and {{ connection }}.destination_key between {{ service }}.destination_range.first_key and {{ service }}.destination_range.last_key
    and coalesce(
        {{ connection }}.known_name like {{ service }}.destination_name_pattern, {{ service }}.destination_name_pattern is null
    )
    and {{ connection }}.period_seconds between {{ service }}.shortest_seconds and {{ service }}.longest_seconds
    and coalesce({{ connection }}.median_sent_bytes <= {{ service }}.largest_sent_bytes, true)
    and coalesce({{ connection }}.median_received_bytes <= {{ service }}.largest_received_bytes, true)
{%- endmacro %}


{% macro is_usable_service() %}
    {#-
        A condition: a typed row of known_services is readable, and tells by more than what an implant chooses: by a name or a network, or by small
        packets of UDP. In patterns of names, % stands for whole labels only.
    -#}
    coalesce(destination_port between 1 and 65535, true)
    and destination_range.first_key is not null
    and coalesce(destination_name_pattern rlike '^(%[.])?[a-z0-9-]+([.][a-z0-9-]+)+$', true)
    and shortest_seconds <= longest_seconds
    and largest_sent_bytes > 0
    and largest_received_bytes > 0
    and (
        destination_name_pattern is not null or destination_range.first_key != repeat('0', 32)
        or coalesce(protocol = 'udp' and destination_port is not null and largest_sent_bytes <= 1500, false)
    )
{%- endmacro %}
