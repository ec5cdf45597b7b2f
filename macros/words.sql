{% macro duration_words(seconds) %}
    {#- A duration for people to read: 11.5 s, 5 min, 9.2 h. -#}
    case
        when ({{ seconds }}) < 120 then concat(round({{ seconds }}, 1), ' s')
        when ({{ seconds }}) < 7200 then concat(round(({{ seconds }}) / 60, 1), ' min')
        else concat(round(({{ seconds }}) / 3600, 1), ' h')
    end
{%- endmacro %}
