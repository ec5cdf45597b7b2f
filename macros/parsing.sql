{% macro event_time(text) %}
    {#- The timestamp in a text column: ISO 8601 as data export writes it, or as the portal writes it (8/17/2023, 6:52:13 AM); null where the text is neither. -#}
    {%- set portal = '^([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}), (0?[1-9]|1[0-2])(:[0-9]{2}:[0-9]{2}([.][0-9]+)?) ([AP])M$' -%}
    {#- No date pattern: to_timestamp throws where Spark's old parser was more lenient. A cast would also accept a date or a time alone. -#}
    case
        when substr({{ text }}, 5, 1) = '-' and substr({{ text }}, 11, 1) in ('T', ' ') and substr({{ text }}, 14, 1) = ':'
            then try_cast({{ text }} as timestamp)
        when {{ text }} rlike '{{ portal }}'
            then try_cast(concat(
                regexp_replace({{ text }}, '{{ portal }}', '$3-$1-$2 '),
                try_cast(regexp_extract({{ text }}, '{{ portal }}', 4) as int) % 12
                + if(regexp_extract({{ text }}, '{{ portal }}', 7) = 'P', 12, 0),
                regexp_extract({{ text }}, '{{ portal }}', 5)
            ) as timestamp)
    end
{%- endmacro %}


{% macro whole_number(text) %}
    {#- The whole number in a text column (443, 443.0); null where the text is not one. -#}
    case when {{ text }} rlike '^[0-9]{1,18}([.]0*)?$' then try_cast(substring_index({{ text }}, '.', 1) as bigint) end
{%- endmacro %}


{% macro extension_number(extensions, names) %}
    {#-
        The first `name=number` in a text of pairs between semicolons, as a whole number of up to nine digits. Takes the first of several names that
        has a number; null where none has.
        Java searches fast for a pattern that begins with plain text. No try_cast: it costs an exception for each row that has no number.
    -#}
    coalesce(
        {%- for name in names %}
            try_cast(try_element_at(regexp_extract_all(concat(';', {{ extensions }}), ';{{ name }}=([0-9]{1,9})(;|$)', 1), 1) as bigint),
        {%- endfor %}
        null
    )
{%- endmacro %}
