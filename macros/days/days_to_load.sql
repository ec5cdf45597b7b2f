{#-
    Tables by day. A day is made again only when its input has changed. Every row carries `log_version`, which identifies the
    input of its day. So the next run completes the days that a killed or partial run left undone.
-#}

{% macro days_to_load(upstream, version='log_version') %}
    {#-
        Days of the window (list of YYYY-MM-DD) whose rows differ in version from what `upstream` would give now, removed days included.
        `version` is an expression over `upstream`: the log_version that new rows would get.
    -#}
    {%- if not execute or invocation_args_dict.empty -%}{{- return([]) -}}{%- endif -%}
    {%- set query -%}
        with wanted as (
            select log_date, max({{ version }}) as log_version from {{ upstream }} where {{ in_window() }} group by log_date
        ),
        held as (
            {{ held_versions() }}
        )
        select cast(log_date as string) from wanted full join held using (log_date)
        where not wanted.log_version <=> held.log_version
        order by log_date
    {%- endset -%}
    {{- return(run_query(query).columns[0].values() | list) -}}
{% endmacro %}


{% macro held_versions() %}
    {#- A query for the days of the window that this model holds, with their log_version. -#}
    {%- if replaces_partitions() -%}
        select log_date, max(log_version) as log_version from {{ this }} where {{ in_window() }} group by log_date
    {%- else -%}
        select cast(null as date) as log_date, cast(null as bigint) as log_version where false
    {%- endif -%}
{% endmacro %}


{% macro in_days_to_load(upstream, version='log_version') %}
    {#- A condition: log_date is one of the days to load. Commands that build nothing, such as compile, get the whole window. -#}
    {%- if invocation_args_dict.which not in ('run', 'build', 'retry') -%}{{- return(in_window()) -}}{%- endif -%}
    {%- set days = days_to_load(upstream, version) -%}
    {%- if days -%}log_date in (date '{{ days | join("', date '") }}'){%- else -%}false{%- endif -%}
{% endmacro %}


{% macro replaced_days(days) %}
    {#- Config `replaces` of a table by day: these days. -#}
    {%- set partitions = [] -%}
    {%- for day in days -%}{%- do partitions.append({'log_date': "date '" ~ day ~ "'"}) -%}{%- endfor -%}
    {{- return(tojson(partitions)) -}}
{% endmacro %}
