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
        {%- set statements = external_table(listing, 'binaryFile', location_of_days(window_days())) -%}
        {%- do execute_all(statements) -%}
        {%- do adapter.dispatch('keep_raw_tables', 'network_beaconing')(listing, statements[1:]) -%}
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
    {%- do execute_all(statements) -%}
    {%- set branches, tables = [], [] -%}
    {%- for day in to_read or [end_date()] if day in versions -%}
        {%- set table = lines.incorporate(path={'identifier': lines.identifier ~ '_' ~ day | replace('-', '')}) -%}
        {%- set opened = adapter.dispatch('open_lines', 'network_beaconing')(table, day_location(day)) -%}
        {%- do execute_all(opened.statements) -%}
        {%- do tables.append(opened.statements | last) -%}
        {%- do branches.append(
            "select date '" ~ day ~ "' as log_date, " ~ versions[day] ~ 'L as log_version, ' ~ (day in to_read) | lower ~ ' as is_new, line, is_utf8 from ' ~ opened.lines
        ) -%}
    {%- endfor -%}
    {%- set nothing = "select cast(null as date) as log_date, cast(null as bigint) as log_version, false as is_new, cast(null as string) as line, true as is_utf8 where false" -%}
    {%- set view = 'create view ' ~ lines.render() ~ ' as ' ~ (branches | join(' union all ') or nothing) -%}
    {%- do execute_all([view]) -%}
    {%- do adapter.dispatch('keep_raw_tables', 'network_beaconing')(lines, tables + [view]) -%}
{% endmacro %}


{% macro default__open_lines(table, location) %}
    {#-
        How to read the lines below a location: statements that make `table`, and a subquery of line and is_utf8 (whether its bytes were valid UTF-8).
        Java reads other bytes as U+FFFD, so the copy that format_string makes differs from the text.
    -#}
    {{- return({
        'statements': external_table(table, 'text', location, 'line string'),
        'lines': "(select line, not (line rlike '\\\\uFFFD' and format_string('%s', line) != line) as is_utf8 from " ~ table.render() ~ ')',
    }) -}}
{% endmacro %}


{% macro embedded__open_lines(table, location) %}
    {#- Sail's text reader stops at a byte that is not UTF-8. Then the files are read whole, cut at the ends of lines, and mended. -#}
    {%- set files = table.incorporate(path={'identifier': table.identifier ~ '_files'}) -%}
    {%- set statements = external_table(files, 'binaryFile', location, 'path string, modificationTime timestamp, length bigint, content binary') -%}
    {%- do execute_all(statements) -%}
    {%- if run_query('select count(*) from ' ~ files ~ ' where not is_valid_utf8(content)').columns[0].values()[0] == 0 -%}
        {{- return({'statements': external_table(table, 'text', location, 'line string'), 'lines': '(select line, true as is_utf8 from ' ~ table ~ ')'}) -}}
    {%- endif -%}
    {%- set bytes = "encode(line, 'ISO-8859-1')" -%}
    {{- return({'statements': statements, 'lines':
        '(select make_valid_utf8(' ~ bytes ~ ') as line, is_valid_utf8(' ~ bytes ~ ") as is_utf8 from "
        ~ "(select explode(split(decode(content, 'ISO-8859-1'), '\\r\\n|\\r|\\n')) as line from "
        ~ '(select path, any_value(content) as content from ' ~ files ~ ' group by path)))'
    }) -}}
{% endmacro %}


{% macro default__keep_raw_tables(relation, statements) %}
    {#- The metastore keeps them. -#}
{% endmacro %}


{% macro embedded__keep_raw_tables(relation, statements) %}
    {#- Writes down what makes the raw tables, for data tests in later commands. -#}
    {%- do adapter.keep_statements(relation, statements) -%}
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
