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
            {%- if invocation_args_dict.which != 'test' -%}{%- do clear_half_made_tables() -%}{%- endif -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro require_seeds() %}
    {#- `dbt run` loads no seeds: stops with the cure where one is missing. -#}
    {%- set missing = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'seed' and node.package_name == project_name and not built(node.name) -%}
        {%- do missing.append(node.name) -%}
    {%- endfor -%}
    {%- if missing -%}
        {{- exceptions.raise_compiler_error('seeds not loaded yet: ' ~ missing | join(', ') ~ '. Run dbt seed first, or dbt build, which loads them.') -}}
    {%- endif -%}
{% endmacro %}


{% macro built(name) %}
    {#- The table or view of a model or seed as it stands now; none where it was not built yet. -#}
    {%- for node in graph.nodes.values() if node.name == name -%}
        {{- return(adapter.get_relation(none, node.schema, node.alias)) -}}
    {%- endfor -%}
{% endmacro %}


{% macro clear_half_made_tables() %}
    {#-
        A run that was killed while Spark made a table leaves files where the table would lie, and Spark then refuses to make it. The partitions of
        another table are put there, and take the files along when that table is dropped.
        On Delta a model does not mind. A seed does, see README: these statements were not tried on a catalog of Delta tables alone.
        Only where every run makes the table anew: days and findings without a table may be all that a lost metastore has left of them.
    -#}
    {%- set half_made = target.schema ~ '.half_made' -%}
    {%- set not_there = [] -%}
    {%- for node in graph.nodes.values()
        if node.package_name == project_name and not built(node.name)
        and node.config.materialized in ('seed', 'table') and node.config.file_format != 'delta' -%}
        {%- do not_there.append(node.alias) -%}
    {%- endfor -%}
    {%- if not_there -%}
        {%- set folder = run_query('describe schema ' ~ target.schema).rows | selectattr(0, 'equalto', 'Location') | map(attribute=1) | first -%}
        {%- set places -%}
            {% for name in not_there %} partition (name = '{{ name }}') location '{{ folder }}/{{ name }}'{% endfor %}
        {%- endset -%}
        {%- do run_query('drop table if exists ' ~ half_made) -%}
        {%- do run_query('create table ' ~ half_made ~ ' (nothing int, name string) using parquet partitioned by (name)') -%}
        {%- do run_query('alter table ' ~ half_made ~ ' add' ~ places) -%}
        {%- do run_query('drop table ' ~ half_made) -%}
    {%- endif -%}
{% endmacro %}


{% macro register_raw_tables() %}
    {#-
        Creates the tables of source raw: a listing of the files of the window (which reads no content), what it said of each day, and the
        logs of just the days that changed since they were staged. Spark refuses a glob that matches nothing, hence end_date alone first.
    -#}
    {%- set files = source('raw', 'common_security_log_files') -%}
    {%- set logs = source('raw', 'common_security_log') -%}
    {%- set end_folder = raw_location() ~ '/' ~ day_folder(end_date()) -%}
    {%- do run_query('create schema if not exists ' ~ files.schema) -%}
    {%- do create_raw_table(files, 'binaryFile', end_folder) -%}
    {%- if run_query('select count(*) from ' ~ files.render()).columns[0].values()[0] == 0 -%}
        {{- exceptions.raise_compiler_error(
            'no log files for end_date ' ~ end_date() ~ ': looked for ' ~ end_folder ~ '/h=*/m=*/PT*M*.json. '
            ~ 'Nothing was built. Check the location (raw_root or the Azure names) and end_date.'
        ) -}}
    {%- endif -%}
    {%- do create_raw_table(files, 'binaryFile', folders_of(window_days())) -%}
    {%- set listed, to_stage = list_days(files) -%}
    {%- do create_raw_table(logs, 'json', folders_of(to_stage or [end_date()])) -%}
    {%- do say_what_is_missing(listed) -%}
{% endmacro %}


{% macro list_days(files) %}
    {#-
        Lists the files once, before any is read, and keeps what it says of each day as a view of literals: a file that grows meanwhile is
        then found changed by the next run. A staged day without files is listed as it is held where it shall be kept.
        Returns (the days that have files, the days to stage anew).
    -#}
    {%- set listing = source('raw', 'common_security_log_days') -%}
    {%- set held = built('stg_common_security_log_lines') -%}
    {%- set lines = none if flags.FULL_REFRESH else held -%}
    {%- set found = run_query(
        'select cast(' ~ log_date_of('path') ~ ' as string) as log_date, count(*), sum(length), '
        ~ 'xxhash64(sort_array(collect_list(struct(path, length, unix_micros(modificationTime))))) from ' ~ files.render() ~ ' group by 1 order by 1'
    ).rows | list -%}
    {%- set listed = found | map(attribute=0) | list -%}
    {%- set kept = [] -%}
    {%- if held and var('keep_days_without_files') -%}
        {%- for row in run_query(
            'select cast(log_date as string), 0, 0, max(log_version) from ' ~ held ~ ' where ' ~ in_window() ~ ' group by log_date'
        ).rows if row[0] not in listed -%}
            {%- do kept.append(row) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if kept and flags.FULL_REFRESH -%}
        {{- exceptions.raise_compiler_error(
            '--full-refresh would lose days whose log files are gone, kept by keep_days_without_files: ' ~ kept | map(attribute=0) | join(', ')
            ~ '. Nothing was built. Leave --full-refresh out, or give these days up with keep_days_without_files: false.'
        ) -}}
    {%- endif -%}
    {%- set literals = [] -%}
    {%- for row in found + kept -%}
        {%- do literals.append("(date '" ~ row[0] ~ "', " ~ row[1] ~ 'L, ' ~ row[2] ~ 'L, ' ~ row[3] ~ 'L)') -%}
    {%- endfor -%}
    {%- do run_query(
        'create or replace view ' ~ listing.render() ~ ' as select * from values ' ~ literals | join(', ') ~ ' as t (log_date, files, bytes, log_version)'
    ) -%}
    {%- set changed = days_to_load(listing, target=lines, target_exists=lines is not none) -%}
    {%- set to_stage = changed | select('in', listed) | list -%}
    {%- do say_what_changed(to_stage, changed | reject('in', listed) | list, kept | map(attribute=0) | list) -%}
    {{- return((listed, to_stage)) -}}
{% endmacro %}


{% macro say_what_changed(to_stage, gone, kept) %}
    {#- Says which days are staged anew, and which have lost their files. -#}
    {%- do log('Days to read, new or changed: ' ~ (to_stage | join(', ') or 'none'), info=True) -%}
    {%- if kept -%}{%- do log('Days without log files, kept as they were staged: ' ~ kept | join(', '), info=True) -%}{%- endif -%}
    {%- if gone -%}
        {%- do exceptions.warn(
            'the log files of ' ~ gone | join(', ') ~ ' are gone, and what was staged of them goes too. '
            ~ 'Where files are deleted on purpose, keep_days_without_files: true keeps what was staged.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro say_what_is_missing(listed) %}
    {#- Warns where days of history have no files. -#}
    {%- set missing = window_days() | reject('in', listed) | list -%}
    {%- set these = missing | length ~ ' of ' ~ var('lookback_days') ~ ' days of history have no files: ' ~ missing | join(', ') ~ '. ' -%}
    {%- if missing and var('keep_days_without_files') -%}
        {%- do exceptions.warn(these ~ 'Of those only what was staged before is known.') -%}
    {%- elif missing and var('baseline_source') == 'current' -%}
        {%- do exceptions.warn(these ~ 'Rarity and status know less.') -%}
    {%- elif missing and missing | length == var('lookback_days') -%}
        {%- do exceptions.warn('no history: no files on any of the ' ~ missing | length ~ ' days before ' ~ end_date() ~ '. The day itself is the baseline.') -%}
    {%- elif missing -%}
        {%- do exceptions.warn(these ~ 'The baseline is made without them.') -%}
    {%- endif -%}
{% endmacro %}


{% macro folders_of(days) %}
    {#- One location for the folders of some days: a glob where there are several. -#}
    {%- set folders = [] -%}
    {%- for day in days -%}{%- do folders.append(day_folder(day)) -%}{%- endfor -%}
    {{- return(raw_location() ~ '/' ~ (folders[0] if folders | length == 1 else '{' ~ folders | join(',') ~ '}')) -}}
{% endmacro %}


{% macro day_folder(day) %}
    {#- The folder of a day (YYYY-MM-DD) below the root of the export. -#}
    {{- return('y=' ~ day[:4] ~ '/m=' ~ day[5:7] ~ '/d=' ~ day[8:]) -}}
{% endmacro %}


{% macro log_date_of(path) %}
    {#- The date that the folders of a log file's path say: …/y=2026/m=09/d=30/h=… Cut out by place, as it is done for every line. -#}
    {%- set from_year = "substring_index(" ~ path ~ ", '/y=', -1)" -%}
    try_cast(concat(substr({{ from_year }}, 1, 4), '-', substr({{ from_year }}, 8, 2), '-', substr({{ from_year }}, 13, 2)) as date)
{%- endmacro %}


{% macro create_raw_table(relation, file_format, location) %}
    {#- (Re)creates an external table with the columns that the source declares, over the log files below `location`. render(): with --empty a source is a subquery. -#}
    {%- set columns = [] -%}
    {%- for source_node in graph.sources.values() if source_node.name == relation.identifier -%}
        {%- for column in source_node.columns.values() -%}{%- do columns.append(column.name ~ ' ' ~ column.data_type) -%}{%- endfor -%}
    {%- endfor -%}
    {%- do run_query('drop table if exists ' ~ relation.render()) -%}
    {%- do run_query(
        'create table ' ~ relation.render() ~ ' (' ~ columns | join(', ') ~ ') using ' ~ file_format
        ~ " options (recursiveFileLookup 'true', pathGlobFilter 'PT*M*.json') location '" ~ location ~ "'"
    ) -%}
{% endmacro %}
