{#- Bounds that several models or tests share, each defined once. -#}

{% macro beat_tolerance() %}
    {#- How far an interval may be from a period and still count as on the beat, as a share of the period. The same for the periods of one campaign. -#}
    0.15
{%- endmacro %}


{% macro size_tolerance() %}
    {#- How far a size may be from the median and still count as the same size, as a share of the median. -#}
    0.1
{%- endmacro %}
