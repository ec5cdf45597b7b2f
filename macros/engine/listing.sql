{#- The listing of the log files: a view over external tables, which the pre-hook of log_files makes. -#}

{% macro list_log_files() %}
    {#-
        Pre-hook of log_files: lists the files of the window without reading their content: those of the data export rule, and those of an export
        job. Stops where end_date has no files.
    -#}
    {%- set listing = source('raw', 'common_security_log_files') -%}
    {%- if execute -%}
        {%- do execute_all(['create schema if not exists ' ~ listing.schema, drop_statement(listing, 'view')]) -%}
        {%- do drop_tables_like(listing, '_of_*') -%}
        {%- set statements, branches = [], [] -%}
        {%- set has_end_date = export_is_given() and list_export(listing, statements, branches) -%}
        {%- if var('export_job_root') -%}{%- do list_job(listing, statements, branches) -%}{%- endif -%}
        {%- set view = 'create view ' ~ listing.render() ~ ' as ' ~ branches | join(' union all ') -%}
        {%- do execute_all([view]) -%}
        {%- do adapter.dispatch('keep_raw_tables', 'network_beaconing')(listing, statements + [view]) -%}
        {%- set of_end_date = log_date_of('path') ~ " = date '" ~ end_date() ~ "' and " ~ log_file_format('path') ~ ' is not null' -%}
        {%- if not has_end_date and not is_any(listing, of_end_date) -%}{%- do refuse_day_without_files() -%}{%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro list_again() %}
    {#- For a data test: makes the listing as new as the files. -#}
    {%- if execute and invocation_args_dict.which in ('build', 'test', 'retry') -%}
        {%- do adapter.dispatch('list_again', 'network_beaconing')() -%}
    {%- endif -%}
{% endmacro %}


{% macro default__list_again() %}
    {#- The engine lists the files each time. -#}
{% endmacro %}


{% macro embedded__list_again() %}
    {#- The adapter's listings are of the moment when they were made. -#}
    {%- do adapter.list_again(source('raw', 'common_security_log_files').identifier) -%}
{% endmacro %}


{% macro list_export(listing, statements, branches) %}
    {#-
        Lists the days of the window of the data export rule: adds the statements that make the tables, and the branches of the view.
        Returns whether end_date has files.
    -#}
    {%- do adapter.dispatch('warn_of_unreadable_files', 'network_beaconing')() -%}
    {%- set table = listing.incorporate(path={'identifier': listing.identifier ~ '_of_export'}) -%}
    {%- set end_folder = day_location(end_date()) -%}
    {%- do execute_all(listing_table(table, end_folder)) -%}
    {#- Spark follows a link that leads back to a folder above it some 40 times. -#}
    {%- set below = "substring_index(path, '/y=', -1)" -%}
    {%- set files, deepest = run_query(
        'select count(*), min(if(length(' ~ below ~ ') - length(replace(' ~ below ~ ", '/', '')) > 30, path, null)) from "
        ~ table.render() ~ ' where ' ~ log_file_format('path') ~ ' is not null'
    ).rows[0].values() -%}
    {%- if deepest -%}
        {{- exceptions.raise_compiler_error(
            'a link below ' ~ end_folder ~ ' leads back to a folder above it: ' ~ shown(deepest) ~ '. No day was read. Remove the link.'
        ) -}}
    {%- endif -%}
    {%- if files == 0 and not var('export_job_root') -%}{%- do refuse_day_without_files() -%}{%- endif -%}
    {%- for location in adapter.dispatch('locations_of_window', 'network_beaconing')(files > 0) -%}
        {%- set part = table if loop.first else table.incorporate(path={'identifier': table.identifier ~ '_' ~ loop.index}) -%}
        {%- set made = listing_table(part, location) -%}
        {%- do execute_all(made) -%}
        {%- do statements.append(made | last) -%}
        {%- do branches.append(files_of_window(part, raw_location(), given_location())) -%}
    {%- endfor -%}
    {{- return(files > 0) -}}
{% endmacro %}


{% macro list_job(listing, statements, branches) %}
    {#- Lists the folders of an export job, in the same way. It has one for each hour, of a year at most. Stops where there is none. -#}
    {%- set table = listing.incorporate(path={'identifier': listing.identifier ~ '_of_job'}) -%}
    {%- set place = adapter.dispatch('readable_job_location', 'network_beaconing')() -%}
    {%- set made = listing_table(table, place.location) -%}
    {%- do execute_all(made) -%}
    {%- if not (place.is_there or is_any(table, place.of_hours)) -%}
        {{- exceptions.raise_compiler_error(
            "'export_job_root' is \"" ~ var('export_job_root') ~ '", but there is no file in folders timestamp=YYYY-MM-DDTHH or '
            ~ 'year=YYYY/month=MM/day=DD right below ' ~ job_location() ~ '. No day was read. Give the folder or URL that holds these folders, or leave export_job_root out.'
        ) -}}
    {%- endif -%}
    {%- do statements.append(made | last) -%}
    {%- do branches.append(files_of_window(table, place.location, job_location(), place.of_hours)) -%}
{% endmacro %}


{% macro listing_table(table, location) %}
    {#- The statements that make an external table of the files below a location, or below several: a glob. -#}
    {{- return(adapter.dispatch('listing_table', 'network_beaconing')(table, location)) -}}
{% endmacro %}


{% macro default__listing_table(table, location) %}
    {#- The engine lists them. -#}
    {{- return(external_table(table, 'binaryFile', location, 'path string, modificationTime timestamp, length bigint, content binary')) -}}
{% endmacro %}


{% macro embedded__listing_table(table, location) %}
    {#- Sail would read each file to list it: weeks of logs. So the adapter lists them, but for URLs. -#}
    {%- if '://' in location -%}{{- return(network_beaconing.default__listing_table(table, location)) -}}{%- endif -%}
    {{- return(external_table(table, 'parquet', adapter.listing(table.identifier, location))) -}}
{% endmacro %}


{% macro files_of_window(table, read, given, condition='true') %}
    {#- A query for the files of such a table that are of days of the window, with their paths as they were given. -#}
    {{- return(
        'select * from (select ' ~ given_path('path', read, given) ~ ' as path, modificationTime, length from ' ~ table.render()
        ~ ' where ' ~ condition ~ ') where ' ~ in_window(log_date_of('path'))
    ) -}}
{% endmacro %}


{% macro is_any(table, condition) %}
    {#- Whether any row meets a condition. -#}
    {{- return(run_query('select 1 from ' ~ table.render() ~ ' where ' ~ condition ~ ' limit 1').rows | length > 0) -}}
{% endmacro %}


{% macro default__locations_of_window(has_end_date) %}
    {#- Where the days of the window are. Spark refuses a glob that matches nothing: where end_date has no files, whole months are listed. -#}
    {%- if has_end_date -%}{{- return([location_of_days(window_days())]) -}}{%- endif -%}
    {%- set months = [] -%}
    {%- for day in window_days() -%}{%- do months.append(raw_location() ~ '/' ~ day_folder(day).rpartition('/')[0]) -%}{%- endfor -%}
    {{- return(months | unique | list) -}}
{% endmacro %}


{% macro embedded__locations_of_window(has_end_date) %}
    {#- A glob, whatever it matches. -#}
    {{- return([location_of_days(window_days())]) -}}
{% endmacro %}


{% macro default__readable_job_location() %}
    {#- The folder of the export job, and a condition: a file is in a folder of an hour right below it. -#}
    {%- set root = '/' ~ (path_steps(job_location()) | last) -%}
    {%- set of_hours = "(contains(path, '" ~ root ~ "/timestamp=') or contains(path, '" ~ root ~ "/year='))" -%}
    {{- return({'location': job_location(), 'is_there': false, 'of_hours': of_hours ~ ' and ' ~ log_date_of('path') ~ ' is not null'}) -}}
{% endmacro %}


{% macro embedded__readable_job_location() %}
    {#-
        A folder of links to the files of the window: Sail refuses folders with other names before the = than their neighbours have. Names what
        cannot be opened.
    -#}
    {%- set folders = [] -%}
    {%- for day in window_days() -%}{%- do folders.extend(job_folders(day)) -%}{%- endfor -%}
    {%- set place = adapter.readable_job(job_location(), folders) -%}
    {%- do warn_of_files(place.problems, 'All others are read.') -%}
    {{- return({'location': place.location, 'is_there': place.is_there, 'of_hours': 'true'}) -}}
{% endmacro %}


{% macro refuse_day_without_files() %}
    {#- Stops where end_date has no files. -#}
    {%- set looked = [] -%}
    {%- if export_is_given() -%}
        {%- do looked.append(given_location() ~ '/' ~ day_folder(end_date()) ~ ' for names that end in .json, .ndjson or .jsonl, with or without .gz') -%}
    {%- endif -%}
    {%- if var('export_job_root') -%}
        {%- do looked.append(job_location() ~ '/' ~ job_folders(end_date()) | join(' and ') ~ ' for names that end in .parquet') -%}
    {%- endif -%}
    {%- set capitals = modules.re.search('WorkspaceResourceId=[^A-Z]*[A-Z]', given_location()) if export_is_given() -%}
    {{- exceptions.raise_compiler_error(
        'no log files for end_date ' ~ end_date() ~ ': looked below ' ~ looked | join('; and below ') ~ '. '
        ~ 'No day was read. Check the location (' ~ ('export_job_root' if not export_is_given() else 'raw_root or the Azure names') ~ ') and end_date.'
        ~ (' Data export writes all that follows WorkspaceResourceId= in lower case, and this location has capitals there.' if capitals else '')
    ) -}}
{% endmacro %}


{% macro default__warn_of_unreadable_files() %}
    {#- Spark says so itself, and stops. -#}
{% endmacro %}


{% macro embedded__warn_of_unreadable_files() %}
    {#- Names files and folders that cannot be opened, so that the engine does not stop at them. -#}
    {%- do warn_of_files(readable_root().problems, 'All others are read.') -%}
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


{% macro log_file_format(path) %}
    {#- How a file is read, by its folder and its name: json below folders y=, parquet below those of an export job. Null: not at all. -#}
    {%- set folder = "regexp_extract(" ~ path ~ ", '(?s).*/(y|year|timestamp)=[0-9]{4}[-/]', 1)" -%}
    case
        when {{ folder }} = 'y' and {{ path }} rlike '[.]({{ log_file_endings() | join("|") }})([.]gz)?$' then 'json'
        when {{ folder }} in ('year', 'timestamp') and {{ path }} rlike '[.]parquet([.]gz)?$' then 'parquet'
    end
{%- endmacro %}
