{% macro end_date() %}
    {#- The day to judge as YYYY-MM-DD: the var `end_date`. `yesterday` is the UTC day before the start of this run. -#}
    {#- dbt renders models once before the vars are checked, and discards that text. -#}
    {%- if not execute -%}{{- return('1970-01-01') -}}{%- endif -%}
    {%- if var('end_date') == 'yesterday' -%}
        {{- return((run_started_at - modules.datetime.timedelta(days=1)).strftime('%Y-%m-%d')) -}}
    {%- endif -%}
    {{- return(var('end_date') | string) -}}
{% endmacro %}


{% macro window_days() %}
    {#- The days of this run's window, oldest first: the `lookback_days` days before end_date, then end_date. -#}
    {%- set end = modules.datetime.datetime.strptime(end_date(), '%Y-%m-%d') -%}
    {%- set days = [] -%}
    {%- for back in range([var('lookback_days') | int, 0] | max, -1, -1) -%}
        {%- do days.append((end - modules.datetime.timedelta(days=back)).strftime('%Y-%m-%d')) -%}
    {%- endfor -%}
    {{- return(days) -}}
{% endmacro %}


{% macro in_window(column='log_date') %}
    {#- A condition: a date is in the window of this run. -#}
    {{ column }} between date '{{ window_days() | first }}' and date '{{ end_date() }}'
{%- endmacro %}


{% macro in_last_days(days) %}
    {#- A condition: log_date is one of so many days that end with end_date. -#}
    log_date between date '{{ end_date() }}' - interval {{ days - 1 }} days and date '{{ end_date() }}'
{%- endmacro %}


{% macro in_score_window() %}
    {#- A condition: log_date is one of the `score_window_days` days that end with end_date. -#}
    {{ in_last_days(var('score_window_days') | int) }}
{%- endmacro %}


{% macro before_score_window() %}
    {#- A condition: log_date is before the score window. -#}
    log_date < date '{{ end_date() }}' - interval {{ var('score_window_days') | int - 1 }} days
{%- endmacro %}


{% macro days_of_status() %}
    {#- How many days before end_date an earlier finding still tells the status of a beacon: lookback_days, at least one. -#}
    {{- [var('lookback_days') | int, 1] | max -}}
{% endmacro %}


{% macro run_id() %}
    {#- dbt's id of this run, as a text. -#}
    '{{ invocation_id }}'
{%- endmacro %}


{% macro run_start() %}
    {#- Start of this run (UTC), as a timestamp. -#}
    timestamp '{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}'
{%- endmacro %}
