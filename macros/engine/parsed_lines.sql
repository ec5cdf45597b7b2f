{#-
    How an engine reads a line as one JSON object, with every field as text: `parsed_line` gives a column `parsed`, `record` the object in it, and
    `json_problem` says why a line is no such object. A number in quotes would read as null under a numeric type.
-#}

{% macro parsed_line(fields) %}
    {#- The column `parsed`, from the column `line`. A byte order mark before the line and a comma after it are removed. -#}
    {%- set text = "trim(leading '\\uFEFF' from if(endswith(line, '}'), line, trim(trailing ', ' from line)))" -%}
    {{- return(adapter.dispatch('parsed_line', 'network_beaconing')(text, 'struct<' ~ fields | join(': string, ') ~ ': string')) -}}
{% endmacro %}


{% macro record() %}
    {#- The object of a line: a struct of its fields, from the column `parsed`. -#}
    {{- return(adapter.dispatch('record', 'network_beaconing')()) -}}
{% endmacro %}


{% macro json_problem() %}
    {#- Why a line is not one JSON object; null where it is. From the columns `line`, `is_utf8` and `parsed`. -#}
    {{- return(adapter.dispatch('json_problem', 'network_beaconing')()) -}}
{% endmacro %}


{% macro default__parsed_line(text, struct) %}
    {#-
        Spark's from_json ignores what follows an object. So the line is put into an array, in which a second object shows, with a last object
        line_end, which no log can know: it shows that all of the line was parsed, because from_json also ignores what follows a closing bracket.
        The explode of one element keeps Spark from parsing the line anew for each field.
    -#}
    explode(array(from_json(concat('[', {{ text }}, ',{"line_end":"', {{ run_id() }}, '"}]'), 'array<{{ struct }}, line_end: string>>')))
{%- endmacro %}


{% macro default__record() %}
    {#- The first of two objects. -#}
    try_element_at(parsed, 1)
{%- endmacro %}


{% macro default__json_problem() %}
    {#- By the number of objects. -#}
    case
        when line rlike '^\\s*\\[' then 'an array, not one object'
        when size(parsed) > 2 or (parsed is null and line rlike '[}]\\s*[{]') then 'several objects on a line'
        when try_element_at(parsed, 1) is null or not try_element_at(parsed, 2).line_end <=> {{ run_id() }} then 'malformed JSON'
        when not is_utf8 then 'malformed JSON'
    end
{%- endmacro %}


{% macro embedded__parsed_line(text, struct) %}
    {#-
        Sail's from_json takes a line with more than one object for broken, and arrays cost it much.
    -#}
    from_json(
        {#- Nearly all lines are parsed as they are: each function of a text copies it. #}
        case
            when startswith(line, '{') and endswith(line, '}') and not ({{ may_have_half_pairs('line') }}) then line
            else {{ without_half_pairs(text) }}
        end,
        '{{ struct }}>'
    )
{%- endmacro %}


{% macro may_have_half_pairs(text) %}
    {#- A condition, for target local: a text may have what without_half_pairs removes. Few lines do, and to look for two letters is cheap. -#}
    contains({{ text }}, '\\ud') or contains({{ text }}, '\\uD')
{%- endmacro %}


{% macro without_half_pairs(text) %}
    {#-
        For target local: a text without halves of surrogate pairs (\ud800). Sail refuses JSON with one, and an attacker can write it into a URL to have the
        line rejected. Escaped backslashes and whole pairs stay.
    -#}
    {%- set kept = '\\\\\\\\\\\\\\\\|\\\\\\\\u[dD][89abAB][0-9a-fA-F]{2}\\\\\\\\u[dD][c-fC-F][0-9a-fA-F]{2}' -%}
    regexp_replace({{ text }}, '({{ kept }})|\\\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '$1')
{%- endmacro %}


{% macro embedded__record() %}
    {#- The object itself. -#}
    parsed
{%- endmacro %}


{% macro embedded__json_problem() %}
    {#- A broken line is an object of nulls, as is {}; in an array it is null. This is asked only where an object has no time. -#}
    {%- set objects = "from_json(concat('[', line, ']'), 'array<struct<TimeGenerated: string>>')" -%}
    case
        when parsed.TimeGenerated is not null and is_utf8 then null
        when line rlike '^\\s*\\[' then 'an array, not one object'
        when size({{ objects }}) > 1 or ({{ objects }} is null and line rlike '[}]\\s*[{]') then 'several objects on a line'
        when try_element_at({{ objects }}, 1) is null or not is_utf8 then 'malformed JSON'
    end
{%- endmacro %}
