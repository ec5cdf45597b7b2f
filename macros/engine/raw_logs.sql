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
        {%- if run_query('select count(*) from ' ~ listing.render() ~ ' where ' ~ is_log_file('path')).columns[0].values()[0] == 0 -%}
            {{- exceptions.raise_compiler_error(
                'no log files for end_date ' ~ end_date() ~ ': looked below ' ~ end_folder ~ ' for names that end in .json, .ndjson or .jsonl, with or without .gz. '
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
        {%- do tables.extend(opened.tables) -%}
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
        How to read the lines below a location: statements that make `tables`, those that are read later, and a subquery of line and is_utf8 (whether the
        bytes were valid UTF-8). Java reads other bytes as U+FFFD, so the copy that format_string makes differs from the text.
    -#}
    {%- set statements = external_table(table, 'text', location, 'line string', log_file_names()) -%}
    {{- return({
        'statements': statements,
        'tables': [statements | last],
        'lines': "(select line, not (line rlike '\\\\uFFFD' and format_string('%s', line) != line) as is_utf8 from "
            ~ '(select ' ~ rows_of_arrays() ~ ' as line from ' ~ table.render() ~ '))',
    }) -}}
{% endmacro %}


{% macro embedded__open_lines(table, location) %}
    {#-
        Sail's text reader takes files of one compression, and stops at a byte that is not UTF-8. So compressed files have a table of their own, and where
        there are such bytes, the other files are read whole, cut at the ends of lines, and mended. Arrays are opened only where there are any.
    -#}
    {%- set files = table.incorporate(path={'identifier': table.identifier ~ '_files'}) -%}
    {%- set packed = table.incorporate(path={'identifier': table.identifier ~ '_packed'}) -%}
    {%- set open_files = external_table(files, 'binaryFile', location, 'path string, modificationTime timestamp, length bigint, content binary', log_file_names()) -%}
    {%- set open_packed = external_table(packed, 'text', location, 'line string', log_file_names('.gz')) -%}
    {%- do execute_all(open_files) -%}
    {%- set counts = run_query(
        'select count_if(not is_valid_utf8(content)), count_if(' ~ holds_array('content') ~ '), count(*) from ' ~ files ~ " where path not like '%.gz'"
    ).rows[0] -%}
    {%- set has_packed = run_query('select count(*) from ' ~ files ~ " where path like '%.gz'").columns[0].values()[0] > 0 -%}
    {%- set line = rows_of_arrays() if counts[1] else 'line' -%}
    {%- set statements, tables, branches = [], [], [] -%}
    {%- if counts[0] -%}
        {%- set bytes = "encode(line, 'ISO-8859-1')" -%}
        {%- do tables.append(open_files | last) -%}
        {%- do branches.append(
            '(select make_valid_utf8(' ~ bytes ~ ') as line, is_valid_utf8(' ~ bytes ~ ") as is_utf8 from "
            ~ "(select explode(split(decode(content, 'ISO-8859-1'), '\\r\\n|\\r|\\n')) as line from "
            ~ '(select path, any_value(content) as content from ' ~ files ~ " where path not like '%.gz' group by path)))"
        ) -%}
    {%- elif counts[2] -%}
        {%- do statements.extend(external_table(table, 'text', location, 'line string', log_file_names(''))) -%}
        {%- do tables.append(statements | last) -%}
        {%- do branches.append('(select ' ~ line ~ ' as line, true as is_utf8 from ' ~ table ~ ')') -%}
    {%- endif -%}
    {%- if has_packed -%}
        {%- do statements.extend(open_packed) -%}
        {%- do tables.append(statements | last) -%}
        {%- do branches.append('(select ' ~ rows_of_arrays() ~ ' as line, true as is_utf8 from ' ~ packed ~ ')') -%}
    {%- endif -%}
    {{- return({'statements': statements, 'tables': tables, 'lines': '(select * from ' ~ branches | join(' union all select * from ') ~ ')'}) -}}
{% endmacro %}


{% macro holds_array(content) %}
    {#- A condition: a line of a file begins with a bracket. -#}
    (contains(try_cast({{ content }} as string), '\n[') or try_cast({{ content }} as string) rlike '^\\uFEFF?\\[')
{%- endmacro %}


{% macro rows_of_arrays() %}
    {#- The rows of a line: an array of rows is each of them; any other line is itself. -#}
    {%- set rows = "from_json(trim(leading '\\uFEFF' from line), 'array<string>')" -%}
    explode(if(line rlike '^\\uFEFF?\\[' and size({{ rows }}) > 0, transform({{ rows }}, r -> coalesce(r, 'null')), array(line)))
{%- endmacro %}


{% macro default__keep_raw_tables(relation, statements) %}
    {#- The metastore keeps them. -#}
{% endmacro %}


{% macro embedded__keep_raw_tables(relation, statements) %}
    {#- Writes down what makes the raw tables, for data tests in later commands. -#}
    {%- do adapter.keep_statements(relation, statements) -%}
{% endmacro %}


{% macro external_table(relation, file_format, location, columns=none, names='*') %}
    {#- The statements that replace an external table over the log files below a location. Its columns are `columns`, or those that the source declares; `names` is a glob of file names. -#}
    {%- set declared = [] -%}
    {%- for node in graph.sources.values() if node.package_name == 'network_beaconing' and node.name == relation.identifier -%}
        {%- for column in node.columns.values() -%}{%- do declared.append(column.name ~ ' ' ~ column.data_type) -%}{%- endfor -%}
    {%- endfor -%}
    {{- return([
        drop_statement(relation, 'table'),
        'create table ' ~ relation.render() ~ ' (' ~ (columns or declared | join(', ')) ~ ') using ' ~ file_format
        ~ " options (recursiveFileLookup 'true', pathGlobFilter '" ~ names ~ "') location '" ~ location ~ "'",
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


{% macro log_file_endings() %}
    {#- The endings of log files. A glob distinguishes upper and lower case. -#}
    {{- return(['json', 'JSON', 'Json', 'ndjson', 'NDJSON', 'jsonl', 'JSONL']) -}}
{% endmacro %}


{% macro log_file_names(compression=none) %}
    {#- A glob of the names of log files: all, or those with this last ending ('' or .gz). -#}
    {%- set names = [] -%}
    {%- for last in (['', '.gz'] if compression is none else [compression]) -%}
        {%- for ending in log_file_endings() -%}{%- do names.append(ending ~ last) -%}{%- endfor -%}
    {%- endfor -%}
    {{- return('*.{' ~ names | join(',') ~ '}') -}}
{% endmacro %}


{% macro is_log_file(path) %}
    {#- A condition: a file is read, by its name. -#}
    {{ path }} rlike '[.]({{ log_file_endings() | join("|") }})([.]gz)?$'
{%- endmacro %}
