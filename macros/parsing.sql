{% macro event_time(text) %}
    {#- The timestamp in a text column: ISO 8601 as data export writes it, or as the portal does (8/17/2023, 6:52:13 AM); null where it is neither. -#}
    {%- set portal = '^([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}), (0?[1-9]|1[0-2])(:[0-9]{2}:[0-9]{2}([.][0-9]+)?) ([AP])M$' -%}
    {#- Built by hand: a date pattern would throw where Spark's old parser was more lenient. A date or a time alone, which a cast would take, is none. -#}
    case
        when substr({{ text }}, 5, 1) = '-' and substr({{ text }}, 11, 1) in ('T', ' ') and substr({{ text }}, 14, 1) = ':'
            then try_cast({{ text }} as timestamp)
        when {{ text }} rlike '{{ portal }}'
            then try_cast(concat(
                regexp_replace({{ text }}, '{{ portal }}', '$3-$1-$2 '),
                cast(regexp_extract({{ text }}, '{{ portal }}', 4) as int) % 12
                + if(regexp_extract({{ text }}, '{{ portal }}', 7) = 'P', 12, 0),
                regexp_extract({{ text }}, '{{ portal }}', 5)
            ) as timestamp)
    end
{%- endmacro %}


{% macro whole_number(text) %}
    {#- The whole number in a text column (443, 443.0), null where it is none. -#}
    case when {{ text }} rlike '^[0-9]{1,18}([.]0*)?$' then cast(substring_index({{ text }}, '.', 1) as bigint) end
{%- endmacro %}


{% macro extension_number(extensions, names) %}
    {#-
        The whole number, of up to nine digits, of the first `name=number` in a text of pairs between semicolons, for the first of several names
        that has one; null where there is none.
        A pattern that begins with a plain text is looked for by leaps. No try_cast: of what is no number it makes an exception a row.
    -#}
    coalesce(
        {%- for name in names %}
            cast(try_element_at(regexp_extract_all(concat(';', {{ extensions }}), ';{{ name }}=([0-9]{1,9})(;|$)', 1), 1) as bigint),
        {%- endfor %}
        null
    )
{%- endmacro %}


{% macro is_no_utf8(text) %}
    {#- Whether a text holds bytes that are no UTF-8. Java reads them as U+FFFD, and the copy that format_string makes then differs. -#}
    ({{ text }} rlike '\\uFFFD' and format_string('%s', {{ text }}) != {{ text }})
{%- endmacro %}
