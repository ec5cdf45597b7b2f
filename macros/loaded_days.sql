{#-
    Three tables are kept by day: a day is read anew when what it was made from has changed, and only then. Every row carries
    `log_version`, which says what its day was made from; so what a run that was killed, or that built only some models, left undone here, the next one does.
-#}

{% macro days_to_load(upstream, version='log_version', target=this, target_exists=is_incremental()) %}
    {#-
        Days of the window (list of YYYY-MM-DD) of which `target` holds other rows than `upstream` would give now, days that are gone
        included. `version` is the log_version, in columns of `upstream`, that the rows would have.
    -#}
    {%- if not execute or invocation_args_dict.empty -%}{{- return([]) -}}{%- endif -%}
    {%- set query -%}
        with wanted as (
            select log_date, max({{ version }}) as log_version from {{ upstream }} where {{ in_window() }} group by log_date
        ),
        held as (
            {% if target_exists -%}
                select log_date, max(log_version) as log_version from {{ target }} where {{ in_window() }} group by log_date
            {%- else -%}
                select cast(null as date) as log_date, cast(null as bigint) as log_version where false
            {%- endif %}
        )
        select cast(log_date as string) from wanted full join held using (log_date)
        where not wanted.log_version <=> held.log_version
        order by log_date
    {%- endset -%}
    {{- return(run_query(query).columns[0].values() | list) -}}
{% endmacro %}


{% macro in_days_to_load(upstream, version='log_version') %}
    {#- A condition: log_date is one of the days to load. Commands that build nothing, such as compile, show the whole window. -#}
    {%- if invocation_args_dict.which not in ('run', 'build', 'retry') -%}{{- return(in_window()) -}}{%- endif -%}
    {%- set days = days_to_load(upstream, version) -%}
    {%- if days -%}log_date in (date '{{ days | join("', date '") }}'){%- else -%}false{%- endif -%}
{% endmacro %}


{% macro clear_days_to_load(upstream, version='log_version') %}
    {#- Pre-hook: empties the days that are about to be loaded, because an overwrite leaves a partition alone that yields no rows. -#}
    {%- if is_incremental() -%}
        {%- set partitions = [] -%}
        {%- for day in days_to_load(upstream, version) -%}{%- do partitions.append({'log_date': "date '" ~ day ~ "'"}) -%}{%- endfor -%}
        {{- drop_partitions(this, partitions, config.get('file_format')) -}}
    {%- endif -%}
{% endmacro %}


{% macro version_with_settings() %}
    {#- The log_version of what is derived from staged rows: an edited seed, or another limit of events, makes every day anew. -#}
    {%- set seeds = [ref('internal_networks'), ref('non_connection_events')] -%}
    {%- if not execute or invocation_args_dict.which not in ('run', 'build', 'retry') -%}{{- return('log_version') -}}{%- endif -%}
    {%- set hashes = [] -%}
    {%- for seed in seeds -%}
        {%- do hashes.append('(select xxhash64(sort_array(collect_list(to_json(struct(*))))) from ' ~ seed ~ ')') -%}
    {%- endfor -%}
    {%- set settings = run_query('select xxhash64(' ~ hashes | join(', ') ~ ', ' ~ var('events_per_connection_day') ~ ')').columns[0].values()[0] -%}
    {{- return('xxhash64(log_version, ' ~ settings ~ 'L)') -}}
{% endmacro %}
