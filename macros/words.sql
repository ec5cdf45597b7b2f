{% macro duration_words(seconds) %}
    {#- A duration for people to read: 11.5 s, 5 min, 9.2 h. The report and the command line write the same. -#}
    replace(case
        when ({{ seconds }}) < 120 then concat({{ one_decimal(seconds) }}, ' s')
        when ({{ seconds }}) < 7200 then concat({{ one_decimal('(' ~ seconds ~ ') / 60') }}, ' min')
        else concat({{ one_decimal('(' ~ seconds ~ ') / 3600') }}, ' h')
    end, '.0 ', ' ')
{%- endmacro %}


{% macro one_decimal(number) %}
    {#- A number that is not negative, as a text with one decimal. From whole tenths: engines differ in how they round and write doubles. -#}
    {%- set tenths = 'cast(floor((' ~ number ~ ') * 10 + 0.5D) as bigint)' -%}
    concat({{ tenths }} div 10, '.', {{ tenths }} % 10)
{%- endmacro %}
