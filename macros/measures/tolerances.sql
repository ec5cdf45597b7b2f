{#- Bounds that more than one model or test holds to, each once. -#}

{% macro beat_tolerance() %}
    {#- How far an interval may lie from a period, as a share of it, and still be on the beat; likewise the periods of one campaign. -#}
    0.15
{%- endmacro %}


{% macro size_tolerance() %}
    {#- How far a size may lie from the median, as a share of it, and still count as the same. -#}
    0.1
{%- endmacro %}
