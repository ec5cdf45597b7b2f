{% macro end_date() %}
    {#- The day to judge as YYYY-MM-DD: the var `end_date`, where `yesterday` is the UTC day before this run started. -#}
    {#- dbt renders models once before the vars are checked; that text is thrown away. -#}
    {%- if not execute -%}{{- return('1970-01-01') -}}{%- endif -%}
    {%- if var('end_date') == 'yesterday' -%}
        {{- return((run_started_at - modules.datetime.timedelta(days=1)).strftime('%Y-%m-%d')) -}}
    {%- endif -%}
    {{- return(var('end_date') | string) -}}
{% endmacro %}


{% macro window_days() %}
    {#- The days that this run reads, oldest first: the `lookback_days` days before end_date, then end_date. -#}
    {%- set end = modules.datetime.datetime.strptime(end_date(), '%Y-%m-%d') -%}
    {%- set days = [] -%}
    {%- for back in range([var('lookback_days') | int, 0] | max, -1, -1) -%}
        {%- do days.append((end - modules.datetime.timedelta(days=back)).strftime('%Y-%m-%d')) -%}
    {%- endfor -%}
    {{- return(days) -}}
{% endmacro %}


{% macro in_window(column='log_date') %}
    {#- A condition: a date is one of the days that this run reads. -#}
    {{ column }} between date '{{ window_days() | first }}' and date '{{ end_date() }}'
{%- endmacro %}


{% macro in_score_window() %}
    {#- A condition: log_date is one of the `score_window_days` days that end with end_date. -#}
    log_date between date '{{ end_date() }}' - interval {{ var('score_window_days') | int - 1 }} days and date '{{ end_date() }}'
{%- endmacro %}
