{% macro before_run() %}
    {#-
        on-run-start. Checks the vars; for commands that read logs also that the seeds are there and that end_date has files,
        then registers the raw logs of the days to read as external tables.
    -#}
    {%- if execute -%}
        {%- set reads_logs = invocation_args_dict.which in ('run', 'build', 'test', 'retry') -%}
        {%- do validate_vars(reads_logs) -%}
        {%- if reads_logs -%}
            {%- if invocation_args_dict.which != 'build' -%}{%- do require_seeds() -%}{%- endif -%}
            {%- do register_raw_tables() -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro require_seeds() %}
    {#- `dbt run` loads no seeds: stops with the cure where one is missing. -#}
    {%- set missing = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'seed' and node.package_name == project_name -%}
        {%- if not adapter.get_relation(none, node.schema, node.alias) -%}{%- do missing.append(node.name) -%}{%- endif -%}
    {%- endfor -%}
    {%- if missing -%}
        {{- exceptions.raise_compiler_error('seeds not loaded yet: ' ~ missing | join(', ') ~ '. Run dbt seed first, or dbt build, which loads them.') -}}
    {%- endif -%}
{% endmacro %}


{% macro register_raw_tables() %}
    {#-
        Creates source raw.common_security_log_files (a listing that reads no content) and raw.common_security_log, both over one glob of
        just the day folders to read: a table over the whole root would list years. Spark refuses a glob that matches nothing, hence end_date alone first.
    -#}
    {%- set files, logs = source('raw', 'common_security_log_files'), source('raw', 'common_security_log') -%}
    {%- set end_folder = raw_location() ~ '/' ~ day_folder(end_date()) -%}
    {%- do run_query('create schema if not exists ' ~ files.schema) -%}
    {%- do create_raw_table(files, 'binaryFile', end_folder) -%}
    {%- if run_query('select count(*) from ' ~ files).columns[0].values()[0] == 0 -%}
        {{- exceptions.raise_compiler_error(
            'no log files for end_date ' ~ end_date() ~ ': looked for ' ~ end_folder ~ '/h=*/m=*/PT*M*.json. '
            ~ 'Nothing was built. Check the location (raw_root or the Azure names) and end_date.'
        ) -}}
    {%- endif -%}
    {%- set folders = [] -%}
    {%- for day in window_days() -%}{%- do folders.append(day_folder(day)) -%}{%- endfor -%}
    {%- set glob = raw_location() ~ '/{' ~ folders | join(',') ~ '}' -%}
    {%- do create_raw_table(files, 'binaryFile', glob) -%}
    {%- do create_raw_table(logs, 'json', glob) -%}

    {%- set found = run_query('select distinct cast(' ~ log_date_of('path') ~ ' as string) from ' ~ files).columns[0].values() | list -%}
    {%- set missing = window_days() | reject('in', found) | list -%}
    {%- if missing and var('baseline_source') == 'current' -%}
        {%- do exceptions.warn(missing | length ~ ' of ' ~ var('lookback_days') ~ ' days of history have no files: ' ~ missing | join(', ') ~ '. Rarity and status know less.') -%}
    {%- elif missing and missing | length == var('lookback_days') -%}
        {%- do exceptions.warn('no history: no files on any of the ' ~ missing | length ~ ' days before ' ~ end_date() ~ '. The day itself is the baseline.') -%}
    {%- elif missing -%}
        {%- do exceptions.warn(missing | length ~ ' of ' ~ var('lookback_days') ~ ' days of history have no files: ' ~ missing | join(', ') ~ '. The baseline is made without them.') -%}
    {%- endif -%}
{% endmacro %}


{% macro day_folder(day) %}
    {#- The folder of a day (YYYY-MM-DD) below the root of the export. -#}
    {{- return('y=' ~ day[:4] ~ '/m=' ~ day[5:7] ~ '/d=' ~ day[8:]) -}}
{% endmacro %}


{% macro log_date_of(path) %}
    {#- The date that the folders of a log file's path say. -#}
    to_date(regexp_replace({{ path }}, '^.*/y=([0-9]{4})/m=([0-9]{2})/d=([0-9]{2})/.*$', '$1-$2-$3'))
{%- endmacro %}


{% macro create_raw_table(relation, file_format, location) %}
    {#- (Re)creates an external table with the columns that the source declares, over the log files below `location`. -#}
    {%- set columns = [] -%}
    {%- for source_node in graph.sources.values() if source_node.name == relation.identifier -%}
        {%- for column in source_node.columns.values() -%}{%- do columns.append(column.name ~ ' ' ~ column.data_type) -%}{%- endfor -%}
    {%- endfor -%}
    {%- do run_query('drop table if exists ' ~ relation) -%}
    {%- do run_query(
        'create table ' ~ relation ~ ' (' ~ columns | join(', ') ~ ') using ' ~ file_format
        ~ " options (recursiveFileLookup 'true', pathGlobFilter 'PT*M*.json') location '" ~ location ~ "'"
    ) -%}
{% endmacro %}
