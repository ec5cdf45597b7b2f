{#- The two sources: the listing of the log files (an external table), and their lines (a view over external tables). Pre-hooks make both. -#}

{% macro list_log_files() %}
    {#-
        Pre-hook of log_files: lists the files of the window without reading their content. Stops where end_date has no files.
        Spark refuses a glob that matches nothing, so the folder of end_date is checked first.
    -#}
    {%- set listing = source('raw', 'common_security_log_files') -%}
    {%- if execute -%}
        {%- do adapter.dispatch('warn_of_unreadable_files', 'network_beaconing')() -%}
        {%- set end_folder = day_location(end_date()) -%}
        {%- do execute_all(['create schema if not exists ' ~ listing.schema] + external_table(listing, 'binaryFile', end_folder)) -%}
        {#- Spark follows a link that leads back to a folder above it some 40 times. -#}
        {%- set below = "substring_index(path, '/y=', -1)" -%}
        {%- set files, deepest = run_query(
            'select count(*), min(if(length(' ~ below ~ ') - length(replace(' ~ below ~ ", '/', '')) > 30, path, null)) from " ~ listing.render() ~ ' where ' ~ is_log_file('path')
        ).rows[0].values() -%}
        {%- if deepest -%}
            {{- exceptions.raise_compiler_error(
                'a link below ' ~ end_folder ~ ' leads back to a folder above it: ' ~ shown(deepest) ~ '. No day was read. Remove the link.'
            ) -}}
        {%- endif -%}
        {%- if files == 0 -%}
            {%- set capitals = modules.re.search('WorkspaceResourceId=[^A-Z]*[A-Z]', given_location()) -%}
            {{- exceptions.raise_compiler_error(
                'no log files for end_date ' ~ end_date() ~ ': looked below ' ~ given_location() ~ '/' ~ day_folder(end_date()) ~ ' for names that end in .json, .ndjson or .jsonl, with or without .gz. '
                ~ 'No day was read. Check the location (raw_root or the Azure names) and end_date.'
                ~ (' Data export writes all that follows WorkspaceResourceId= in lower case, and this location has capitals there.' if capitals else '')
            ) -}}
        {%- endif -%}
        {%- set statements = external_table(listing, 'binaryFile', location_of_days(window_days())) -%}
        {%- do execute_all(statements) -%}
        {%- do adapter.dispatch('keep_raw_tables', 'network_beaconing')(listing, statements[1:]) -%}
    {%- endif -%}
{% endmacro %}


{% macro default__warn_of_unreadable_files() %}
    {#- Spark says so itself, and stops. -#}
{% endmacro %}


{% macro embedded__warn_of_unreadable_files() %}
    {#- Names files and folders that cannot be opened, so that the engine does not stop at them. -#}
    {%- do warn_of_files(readable_root().problems, 'All others are read.') -%}
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
        Sail's text reader takes files of one compression, and stops at a file that it cannot unpack and at a byte that is not UTF-8. The adapter looks
        into the files before. A file that cannot be read is one rejected line, which names it. Arrays are opened only where there are any.
    -#}
    {%- set endings = [] -%}
    {%- for ending in log_file_endings() -%}{%- do endings.extend(['.' ~ ending, '.' ~ ending ~ '.gz']) -%}{%- endfor -%}
    {%- set day = adapter.readable_day(location, endings) -%}
    {%- do warn_of_files(day.problems, 'The other files of their days were read.') -%}
    {%- set line = rows_of_arrays() if day.has_array else 'line' -%}
    {%- set statements, tables, branches = [], [], [] -%}
    {%- for kind, is_there, names, place, is_utf8 in [
        ('', day.plain, log_file_names(''), day.location, 'true'),
        ('_packed', day.packed, log_file_names('.gz'), day.location, 'true'),
        ('_broken', day.broken, '*', day.broken, 'false'),
    ] if is_there -%}
        {%- set of_kind = table.incorporate(path={'identifier': table.identifier ~ kind}) -%}
        {%- set opened = external_table(of_kind, 'text', place, 'line string', names) -%}
        {%- do statements.extend(opened) -%}
        {%- do tables.append(opened | last) -%}
        {%- do branches.append('select ' ~ (line if is_utf8 == 'true' else 'line') ~ ' as line, ' ~ is_utf8 ~ ' as is_utf8 from ' ~ of_kind) -%}
    {%- endfor -%}
    {%- for problem in day.problems -%}{%- do branches.append('select ' ~ sql_text('unreadable file ' ~ problem) ~ ' as line, true as is_utf8') -%}{%- endfor -%}
    {%- do branches.append('select cast(null as string) as line, true as is_utf8 where false') if not branches -%}
    {{- return({
        'statements': statements,
        'tables': tables,
        'lines': '(select * from (' ~ branches | join(') union all select * from (') ~ '))',
    }) -}}
{% endmacro %}


{% macro warn_of_files(problems, rest) %}
    {#- Names log files that cannot be read; anybody can give a file a name. -#}
    {%- if problems -%}
        {%- set some = [] -%}
        {%- for problem in problems[:3] -%}{%- do some.append(shown(problem)) -%}{%- endfor -%}
        {%- do exceptions.warn(
            problems | length ~ ' file(s) or folder(s) of log files were left out: ' ~ some | join('; ') ~ ('; …' if problems | length > 3 else '')
            ~ '. ' ~ rest ~ ' Mend or remove them; the next run reads what has changed.'
        ) -%}
    {%- endif -%}
{% endmacro %}


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
