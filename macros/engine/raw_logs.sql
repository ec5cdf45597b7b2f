{#- The lines of the log files: a view over external tables, which the pre-hook of staging makes. -#}

{% macro open_log_lines(days, fields) %}
    {#-
        Makes the lines of the days to read (of staged_days) available: external tables for each day, and a view over them that adds the day and
        its log_version as literals. So Spark need not parse the path of every line, nor discover partitions (m= is month and minute).
        A row of Parquet becomes a line with these `fields`. Where no day is to be read, the view has the lines of end_date with is_new false,
        for the data test that counts lines.
    -#}
    {%- set lines = source('raw', 'common_security_log') -%}
    {%- do execute_all(['create schema if not exists ' ~ lines.schema]) -%}
    {%- do execute_all([drop_statement(lines, 'view')]) -%}
    {%- do drop_tables_like(lines, '_2*') -%}
    {%- set branches, tables = [], [] -%}
    {%- for day in days.to_read or [end_date()] if day in days.versions -%}
        {%- set table = lines.incorporate(path={'identifier': lines.identifier ~ '_' ~ day | replace('-', '')}) -%}
        {%- if days.formats[day] == 'parquet' -%}
            {%- set opened = adapter.dispatch('open_parquet', 'network_beaconing')(table, job_folders(day), fields) -%}
        {%- else -%}
            {%- set opened = adapter.dispatch('open_lines', 'network_beaconing')(table, day_location(day)) -%}
        {%- endif -%}
        {%- do tables.extend(opened.tables) -%}
        {%- do branches.append(
            "select date '" ~ day ~ "' as log_date, " ~ days.versions[day] ~ 'L as log_version, ' ~ (day in days.to_read) | lower ~ ' as is_new, line, is_utf8 from ' ~ opened.lines
        ) -%}
    {%- endfor -%}
    {%- set nothing = "select cast(null as date) as log_date, cast(null as bigint) as log_version, false as is_new, cast(null as string) as line, true as is_utf8 where false" -%}
    {%- set view = 'create view ' ~ lines.render() ~ ' as ' ~ (branches | join(' union all ') or nothing) -%}
    {%- do execute_all([view]) -%}
    {%- do adapter.dispatch('keep_raw_tables', 'network_beaconing')(lines, tables + [view]) -%}
{% endmacro %}


{% macro default__open_lines(table, location) %}
    {#-
        Opens the lines below a location: the statements that made the `tables`, and a subquery of line and is_utf8 (whether the bytes were
        valid UTF-8). Java reads other bytes as U+FFFD, so the copy that format_string makes differs from the text.
    -#}
    {%- set statements = external_table(table, 'text', location, 'line string', log_file_names()) -%}
    {%- do execute_all(statements) -%}
    {{- return({
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
    {%- set text = 'if(' ~ may_have_half_pairs('line') ~ ', ' ~ without_half_pairs('line') ~ ', line)' -%}
    {%- set line = rows_of_arrays(text) if day.has_array else 'line' -%}
    {%- set tables, branches = [], [] -%}
    {%- for kind, is_there, names, place, is_utf8 in [
        ('', day.plain, log_file_names(''), day.location, 'true'),
        ('_packed', day.packed, log_file_names('.gz'), day.location, 'true'),
        ('_broken', day.broken, '*', day.broken, 'false'),
    ] if is_there -%}
        {%- set of_kind = table.incorporate(path={'identifier': table.identifier ~ kind}) -%}
        {%- set opened = external_table(of_kind, 'text', place, 'line string', names) -%}
        {%- do execute_all(opened) -%}
        {%- do tables.append(opened | last) -%}
        {%- do branches.append('select ' ~ (line if is_utf8 == 'true' else 'line') ~ ' as line, ' ~ is_utf8 ~ ' as is_utf8 from ' ~ of_kind) -%}
    {%- endfor -%}
    {{- return({'tables': tables, 'lines': lines_of_files(branches, day.problems)}) -}}
{% endmacro %}


{% macro lines_of_files(branches, problems) %}
    {#- For target local: a subquery of the lines of these queries, and one for each file that cannot be read, to be rejected. -#}
    {%- set all = branches | list -%}
    {%- for problem in problems -%}
        {%- do all.append('select ' ~ sql_text('unreadable file ' ~ problem) ~ ' as line, true as is_utf8') -%}
    {%- endfor -%}
    {%- do all.append('select cast(null as string) as line, true as is_utf8 where false') if not all -%}
    {{- return('(select * from (' ~ all | join(') union all select * from (') ~ '))') -}}
{% endmacro %}


{% macro default__open_parquet(table, folders, fields) %}
    {#- Opens the rows of Parquet files below these folders of an export job (globs) as lines, in the same way. -#}
    {%- set location = job_location() ~ '/{' ~ folders | join(',') ~ '}' -%}
    {%- set statements = external_table(table, 'parquet', location, names='*.{parquet,parquet.gz}') -%}
    {%- do execute_all(statements) -%}
    {%- set types = {} -%}
    {%- for name, type, comment in run_query('describe table ' ~ table.render()).rows if name in fields -%}
        {%- do types.update({name: type}) -%}
    {%- endfor -%}
    {{- return({
        'tables': [statements | last],
        'lines': '(select ' ~ line_of_columns(types) ~ ' as line, true as is_utf8 from ' ~ table.render() ~ ')',
    }) -}}
{% endmacro %}


{% macro embedded__open_parquet(table, folders, fields) %}
    {#-
        The adapter looks into the files before: those of a kind, with the same columns, are a table. A file that cannot be read is one rejected
        line, which names it.
    -#}
    {%- set day = adapter.readable_job_day(job_location(), folders, fields) -%}
    {%- do warn_of_files(day.problems, 'The other files of their days were read.') -%}
    {%- set tables, branches = [], [] -%}
    {%- for kind in day.kinds -%}
        {%- set of_kind = table.incorporate(path={'identifier': table.identifier ~ '_' ~ loop.index}) -%}
        {%- set opened = external_table(of_kind, 'parquet', kind.location) -%}
        {%- do execute_all(opened) -%}
        {%- do tables.append(opened | last) -%}
        {%- do branches.append('select ' ~ line_of_columns(kind.columns) ~ ' as line, true as is_utf8 from ' ~ of_kind.render()) -%}
    {%- endfor -%}
    {{- return({'tables': tables, 'lines': lines_of_files(branches, day.problems)}) -}}
{% endmacro %}


{% macro line_of_columns(types) %}
    {#-
        The line of a row of Parquet, in SQL: its columns (a dict from name to type) as data export would write them. What is null is left out.
        So staging has one way to read a field, and rows are equal wherever they come from.
    -#}
    {%- set columns = [] -%}
    {%- for name, type in types.items() -%}
        {%- if type.startswith('timestamp') -%}
            {%- do columns.append('date_format(`' ~ name ~ "`, \"yyyy-MM-dd'T'HH:mm:ss.SSSSSS'0Z'\") as `" ~ name ~ '`') -%}
        {%- else -%}
            {%- do columns.append('cast(`' ~ name ~ '` as string) as `' ~ name ~ '`') -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return('to_json(struct(' ~ columns | join(', ') ~ '))' if columns else "'{}'") -}}
{% endmacro %}


{% macro rows_of_arrays(text='line') %}
    {#- The rows of a line: an array of rows is each of them; any other line is itself. `text` is the line as the engine can parse it. -#}
    {%- set rows = "from_json(trim(leading '\\uFEFF' from " ~ text ~ "), 'array<string>')" -%}
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
    {#-
        The statements that replace an external table over the log files below a location. Its columns are `columns`, or those of its files;
        `names` is a glob of file names. Without skipHiveMetadata, Hive would make a folder with the name of a glob among the log files of Parquet.
    -#}
    {{- return([
        drop_statement(relation, 'table'),
        'create table ' ~ relation.render() ~ (' (' ~ columns ~ ')' if columns else '') ~ ' using ' ~ file_format
        ~ " options (recursiveFileLookup 'true', mergeSchema 'true', skipHiveMetadata 'true', pathGlobFilter '" ~ names ~ "') location '" ~ location ~ "'",
    ]) -}}
{% endmacro %}


{% macro drop_tables_like(relation, ending) %}
    {#- Drops the external tables that an earlier run made for this view: its name and this ending, a glob. -#}
    {%- set statements = [] -%}
    {%- for table in run_query("show tables in " ~ relation.schema ~ " like '" ~ relation.identifier ~ ending ~ "'").rows -%}
        {%- do statements.append(drop_statement(relation.incorporate(path={'identifier': table[1]}), 'table')) -%}
    {%- endfor -%}
    {%- do execute_all(statements) -%}
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
