{#-
    Three tables are kept by day: a day is made anew when what it was made from has changed, and only then. Every row carries `log_version`,
    which says what its day was made from; so what a run that was killed, or that built only some models, left undone here, the next one does.
-#}

{% macro days_to_load(upstream, version='log_version') %}
    {#-
        Days of the window (list of YYYY-MM-DD) of which this model holds other rows than `upstream` would give now, days that are gone included.
        `version` is the log_version, in columns of `upstream`, that the rows would have.
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
    {#- A query of the days of the window that this model holds, with their log_version. -#}
    {%- if is_incremental() -%}
        select log_date, max(log_version) as log_version from {{ this }} where {{ in_window() }} group by log_date
    {%- else -%}
        select cast(null as date) as log_date, cast(null as bigint) as log_version where false
    {%- endif -%}
{% endmacro %}


{% macro in_days_to_load(upstream, version='log_version') %}
    {#- A condition: log_date is one of the days to load. Commands that build nothing, such as compile, show the whole window. -#}
    {%- if invocation_args_dict.which not in ('run', 'build', 'retry') -%}{{- return(in_window()) -}}{%- endif -%}
    {%- set days = days_to_load(upstream, version) -%}
    {%- if days -%}log_date in (date '{{ days | join("', date '") }}'){%- else -%}false{%- endif -%}
{% endmacro %}


{% macro clear_days(days) %}
    {#- The statement that empties some days of this model, because an overwrite leaves a partition alone that yields no rows. -#}
    {%- if is_incremental() -%}
        {%- set partitions = [] -%}
        {%- for day in days -%}{%- do partitions.append({'log_date': "date '" ~ day ~ "'"}) -%}{%- endfor -%}
        {{- drop_partitions(this, partitions, config.get('file_format')) -}}
    {%- endif -%}
{% endmacro %}


{% macro clear_days_to_load(upstream, version='log_version') %}
    {#- Pre-hook: empties the days that are about to be loaded. -#}
    {{- clear_days(days_to_load(upstream, version)) -}}
{% endmacro %}
