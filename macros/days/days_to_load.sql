{#-
    Three tables are kept by day: a day is made anew when what it was made from has changed, and only then. Every row carries `log_version`,
    which says what its day was made from; so what a run that was killed, or that built only some models, left undone here, the next one does.
-#}

{% macro days_to_load(upstream, version='log_version', kept=false) %}
    {#-
        Days of the window (list of YYYY-MM-DD) of which this model holds other rows than `upstream` would give now, days that are gone
        included unless they are `kept`. `version` is the log_version, in columns of `upstream`, that the rows would have.
    -#}
    {%- if not execute or invocation_args_dict.empty -%}{{- return([]) -}}{%- endif -%}
    {%- set query -%}
        with wanted as (
            select log_date, max({{ version }}) as log_version from {{ upstream }} where {{ in_window() }} group by log_date
        ),
        held as (
            {% if is_incremental() -%}
                select log_date, max(log_version) as log_version from {{ this }} where {{ in_window() }} group by log_date
            {%- else -%}
                select cast(null as date) as log_date, cast(null as bigint) as log_version where false
            {%- endif %}
        )
        select cast(log_date as string) from wanted full join held using (log_date)
        where
            not wanted.log_version <=> held.log_version
            {% if kept %}and wanted.log_version is not null{% endif %}
        order by log_date
    {%- endset -%}
    {{- return(run_query(query).columns[0].values() | list) -}}
{% endmacro %}


{% macro in_days_to_load(upstream, version='log_version', kept=false) %}
    {#- A condition: log_date is one of the days to load. Commands that build nothing, such as compile, show the whole window. -#}
    {%- if invocation_args_dict.which not in ('run', 'build', 'retry') -%}{{- return(in_window()) -}}{%- endif -%}
    {%- set days = days_to_load(upstream, version, kept) -%}
    {%- if days -%}log_date in (date '{{ days | join("', date '") }}'){%- else -%}false{%- endif -%}
{% endmacro %}


{% macro clear_days_to_load(upstream, version='log_version', kept=false) %}
    {#- Pre-hook: empties the days that are about to be loaded, because an overwrite leaves a partition alone that yields no rows. -#}
    {%- if is_incremental() -%}
        {%- set partitions = [] -%}
        {%- for day in days_to_load(upstream, version, kept) -%}{%- do partitions.append({'log_date': "date '" ~ day ~ "'"}) -%}{%- endfor -%}
        {{- drop_partitions(this, partitions, config.get('file_format')) -}}
    {%- endif -%}
{% endmacro %}


{% macro open_days_to_load(upstream, version='log_version') %}
    {#-
        Pre-hook of staging: says which days it reads and which have lost their files, and makes their lines readable; of end_date where no day
        is to be read, so that the test which counts lines has some.
    -#}
    {%- if execute -%}
        {%- set listed = run_query('select cast(log_date as string) from ' ~ upstream ~ ' where files > 0').columns[0].values() | list -%}
        {%- set kept = held_days_without(listed) if var('keep_days_without_files') else [] -%}
        {%- if kept and flags.FULL_REFRESH -%}
            {{- exceptions.raise_compiler_error(
                '--full-refresh would lose days whose log files are gone, kept by keep_days_without_files: ' ~ kept | join(', ')
                ~ '. Nothing was read. Leave --full-refresh out, or give these days up with keep_days_without_files: false.'
            ) -}}
        {%- endif -%}
        {%- set changed = days_to_load(upstream, version, var('keep_days_without_files')) -%}
        {%- set to_read = changed | select('in', listed) | list -%}
        {%- set gone = changed | reject('in', listed) | list -%}
        {%- do log('Days to read, new or changed: ' ~ (to_read | join(', ') or 'none'), info=True) -%}
        {%- if kept -%}{%- do log('Days without log files, kept as they were staged: ' ~ kept | join(', '), info=True) -%}{%- endif -%}
        {%- if gone -%}
            {%- do exceptions.warn(
                'the log files of ' ~ gone | join(', ') ~ ' are gone, and what was staged of them goes too. '
                ~ 'Where files are deleted on purpose, keep_days_without_files: true keeps what was staged.'
            ) -%}
        {%- endif -%}
        {%- do open_log_lines(to_read or [end_date()]) -%}
    {%- endif -%}
{% endmacro %}


{% macro held_days_without(listed) %}
    {#- Days of the window that this model holds although they are not `listed`. -#}
    {%- set held = adapter.get_relation(none, this.schema, this.identifier) -%}
    {%- if not held -%}{{- return([]) -}}{%- endif -%}
    {%- set days = run_query('select distinct cast(log_date as string) from ' ~ held ~ ' where ' ~ in_window() ~ ' order by 1').columns[0].values() -%}
    {{- return(days | reject('in', listed) | list) -}}
{% endmacro %}
