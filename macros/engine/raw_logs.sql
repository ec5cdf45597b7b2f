{#- The two sources: the listing of the log files (an external table), and their lines (a view over external tables). Pre-hooks make both. -#}

{% macro list_log_files() %}
    {#-
        Pre-hook of log_files: lists the files of the window without reading their content. Stops where end_date has no files.
        Spark refuses a glob that matches nothing, so the folder of end_date is checked first.
    -#}
    {%- set listing = source('raw', 'common_security_log_files') -%}
    {%- if execute -%}
        {%- set end_folder = day_location(end_date()) -%}
        {%- do execute_all(['create schema if not exists ' ~ listing.schema] + external_table(listing, 'binaryFile', end_folder)) -%}
        {%- if run_query('select count(*) from ' ~ listing.render()).columns[0].values()[0] == 0 -%}
            {{- exceptions.raise_compiler_error(
                'no log files for end_date ' ~ end_date() ~ ': looked for ' ~ end_folder ~ '/h=*/m=*/PT*M*.json. '
                ~ 'No day was read. Check the location (raw_root or the Azure names) and end_date.'
            ) -}}
        {%- endif -%}
        {%- do execute_all(external_table(listing, 'binaryFile', location_of_days(window_days()))) -%}
    {%- endif -%}
{% endmacro %}


{% macro open_log_lines(to_read, versions) %}
    {#-
        Makes the lines of the days `to_read` available: an external table for each day, and a view over these tables that adds the day and its
        log_version (from `versions`) as literals. So Spark need not parse the path of every line, nor discover partitions (m= is month and minute).
        Where no day is to be read, the view has the lines of end_date with is_new false, for the data test that counts lines.
    -#}
    {%- set lines = source('raw', 'common_security_log') -%}
    {%- do execute_all(['create schema if not exists ' ~ lines.schema]) -%}
    {%- set statements = [drop_statement(lines, 'view')] -%}
    {%- for table in run_query("show tables in " ~ lines.schema ~ " like '" ~ lines.identifier ~ "_2*'").rows -%}
        {%- do statements.append(drop_statement(lines.incorporate(path={'identifier': table[1]}), 'table')) -%}
    {%- endfor -%}
    {%- set branches = [] -%}
    {%- for day in to_read or [end_date()] if day in versions -%}
        {%- set table = lines.incorporate(path={'identifier': lines.identifier ~ '_' ~ day | replace('-', '')}) -%}
        {%- do statements.extend(external_table(table, 'text', day_location(day), 'line string')) -%}
        {%- do branches.append(
            "select date '" ~ day ~ "' as log_date, " ~ versions[day] ~ 'L as log_version, ' ~ (day in to_read) | lower ~ ' as is_new, line from ' ~ table.render()
        ) -%}
    {%- endfor -%}
    {%- set nothing = "select cast(null as date) as log_date, cast(null as bigint) as log_version, false as is_new, cast(null as string) as line where false" -%}
    {%- do execute_all(statements + ['create view ' ~ lines.render() ~ ' as ' ~ (branches | join(' union all ') or nothing)]) -%}
{% endmacro %}


{% macro external_table(relation, file_format, location, columns=none) %}
    {#- The statements that replace an external table over the log files below a location. Its columns are `columns`, or those that the source declares. -#}
    {%- set declared = [] -%}
    {%- for node in graph.sources.values() if node.package_name == 'network_beaconing' and node.name == relation.identifier -%}
        {%- for column in node.columns.values() -%}{%- do declared.append(column.name ~ ' ' ~ column.data_type) -%}{%- endfor -%}
    {%- endfor -%}
    {{- return([
        drop_statement(relation, 'table'),
        'create table ' ~ relation.render() ~ ' (' ~ (columns or declared | join(', ')) ~ ') using ' ~ file_format
        ~ " options (recursiveFileLookup 'true', pathGlobFilter 'PT*M*.json') location '" ~ location ~ "'",
    ]) -}}
{% endmacro %}


{% macro drop_statement(relation, type) %}
    {#- The statement that drops a table or a view of this name; `type` says which where dbt does not know. Refuses a table that holds data: it is not ours. -#}
    {%- set there = adapter.get_relation(none, relation.schema, relation.identifier) -%}
    {%- if there and 'Type: MANAGED' in (there.information or '') -%}
        {{- exceptions.raise_compiler_error(
            'the table ' ~ there ~ ' holds data, so this project did not make it, and leaves it as it is. Its own external table of raw logs '
            ~ 'has the same name: rename yours, or use another catalog.'
        ) -}}
    {%- endif -%}
    {{- return('drop ' ~ (there.type if there else type) ~ ' if exists ' ~ relation.render()) -}}
{% endmacro %}


{% macro log_date_of(path) %}
    {#- The date in the path of a log file: …/y=2026/m=09/d=30/h=… -#}
    {%- set from_year = "substring_index(" ~ path ~ ", '/y=', -1)" -%}
    try_cast(concat(substr({{ from_year }}, 1, 4), '-', substr({{ from_year }}, 8, 2), '-', substr({{ from_year }}, 13, 2)) as date)
{%- endmacro %}
