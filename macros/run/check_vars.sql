{% macro var_rules() %}
    {#-
        The rule of each var: its kind; then the lowest and highest number, the values of a choice, or the pattern of a text. `texts` is one text or
        a list. A text that reaches SQL has no quote, semicolon or backslash. A location also has no white space, no glob character, and nothing that
        cannot be printed.
    -#}
    {%- set name = '[A-Za-z0-9][A-Za-z0-9 ._&()+-]*' -%}
    {%- set azure_name = '[A-Za-z0-9._()-]*' -%}
    {%- set place = '^[^\'"`;\\\\{}\\[\\]*?,\\s]*$' -%}
    {%- set place_words = 'a path or URL without quotes, blanks, commas, semicolons, backslashes, or * ? [ ] { }' -%}
    {{- return({
        'end_date': ('date',),
        'lookback_days': ('integer', 0, 365),
        'rejudge_days': ('integer', 0, 365),
        'device_vendor': ('texts', name, 'a DeviceVendor (letters, digits, blanks and . _ & ( ) + -), or several as [Fortinet, Check Point]'),
        'raw_root': ('text', place, place_words),
        'export_job_root': ('text', place, place_words),
        'adls_account': ('text', azure_name, 'a storage account name'),
        'adls_container': ('text', azure_name, 'a container name'),
        'subscription_id': ('text', azure_name, 'a subscription id'),
        'resource_group': ('text', azure_name, 'a resource group name'),
        'workspace_name': ('text', azure_name, 'a workspace name'),
        'table_format': ('choice', ['auto', 'parquet', 'delta']),
        'keep_days_without_files': ('boolean',),
        'retention_days': ('integer', 0, 36500),
        'export_root': ('text', '(?=.)' ~ place, place_words),
        'event_unit': ('choice', ['session', 'row']),
        'event_times': ('choice', ['device', 'generated']),
        'baseline_source': ('choice', ['historical', 'current']),
        'daily_event_count_threshold': ('integer', 0, 1000000000),
        'degree_of_srcip_threshold': ('integer', 1, 1000000000),
        'degree_of_srcip_percent': ('number', 0, 100),
        'time_delta_threshold': ('integer', 0, 86400),
        'percent_beacon_threshold': ('number', 0, 100),
        'delta_scope': ('choice', ['connection', 'source']),
        'percent_denominator': ('choice', ['events', 'windowed']),
        'drop_rows_with_nulls': ('boolean',),
        'score_window_days': ('integer', 1, 31),
        'slow_window_days': ('integer', 1, 31),
        'beacon_score_threshold': ('number', 0, 1),
        'minimum_intervals': ('integer', 8, 1000),
        'size_weight': ('number', 0, 1),
        'rarity_weight': ('number', 0, 1),
        'long_session_hours': ('number', 1, 24),
        'log_gap_minutes': ('integer', 5, 1440),
        'events_per_connection_day': ('integer', 100, 86400),
    }) -}}
{% endmacro %}


{% macro nearest_name(wrong, names) %}
    {#- The name that shares the most letter pairs with `wrong`. -#}
    {%- set best = namespace(name=none, share=-1) -%}
    {%- for name in names -%}
        {%- set shared = namespace(pairs=0) -%}
        {%- for i in range(wrong | length - 1) -%}
            {%- if wrong[i:i + 2] | lower in name -%}{%- set shared.pairs = shared.pairs + 2 -%}{%- endif -%}
        {%- endfor -%}
        {%- set share = shared.pairs / (wrong | length + name | length) -%}
        {%- if share > best.share -%}{%- set best.share = share -%}{%- set best.name = name -%}{%- endif -%}
    {%- endfor -%}
    {{- return(best.name) -}}
{% endmacro %}


{% macro shown(text) %}
    {#- A text that somebody gave, as a message can show it: at most 200 characters, and escaped where a terminal would obey one of them. -#}
    {%- set text = (text | string)[:200] -%}
    {{- return(text if text.isprintable() else tojson(text)[1:-1]) -}}
{% endmacro %}


{% macro var_problem(name, value, rule) %}
    {#- What is wrong with the value of a var; an empty text where nothing is. -#}
    {%- set kind = rule[0] -%}
    {%- set said = "'" ~ name ~ "' is " ~ (value if value is number or value is boolean else '"' ~ shown(value) ~ '"') ~ "; give " -%}
    {%- if kind in ('integer', 'number') -%}
        {%- set good = value is number and value is not boolean and (kind == 'number' or value is integer) -%}
        {#- This way round, because .nan is neither less nor more. #}
        {%- if not (good and rule[1] <= value <= rule[2]) -%}
            {{- return(said ~ ('a whole number' if kind == 'integer' else 'a number') ~ ' from ' ~ rule[1] ~ ' to ' ~ rule[2]) -}}
        {%- endif -%}
    {%- elif kind == 'boolean' -%}
        {%- if value is not boolean -%}{{- return(said ~ 'true or false') -}}{%- endif -%}
    {%- elif kind == 'choice' -%}
        {%- if value not in rule[1] -%}{{- return(said ~ rule[1] | join(' or ')) -}}{%- endif -%}
    {%- elif kind == 'date' -%}
        {%- set text = value | string -%}
        {%- set parts = modules.re.fullmatch("([0-9]{4})-([0-9]{2})-([0-9]{2})", text) -%}
        {%- set days = 0 -%}
        {%- if parts and 1970 <= parts.group(1) | int <= 2199 and 1 <= parts.group(2) | int <= 12 -%}
            {%- set first = modules.datetime.date(parts.group(1) | int, parts.group(2) | int, 1) -%}
            {%- set next = first + modules.datetime.timedelta(days=32) -%}
            {%- set days = (next - modules.datetime.timedelta(days=next.day) - first).days + 1 -%}
        {%- endif -%}
        {%- if text != 'yesterday' and not (parts and 1 <= parts.group(3) | int <= days) -%}
            {{- return(said ~ 'a day that exists, from 1970 to 2199, as YYYY-MM-DD, or yesterday') -}}
        {%- endif -%}
    {%- elif kind == 'texts' and value is not string and value is sequence and value is not mapping -%}
        {%- if not value -%}{{- return(said ~ rule[2]) -}}{%- endif -%}
        {%- for text in value if text is not string or not modules.re.fullmatch(rule[1], text) -%}{{- return(said ~ rule[2]) -}}{%- endfor -%}
    {%- elif value is not string or not value.isprintable() or not modules.re.fullmatch(rule[1], value) -%}
        {{- return(said ~ rule[2]) -}}
    {%- endif -%}
    {{- return('') -}}
{% endmacro %}


{% macro check_vars() %}
    {#-
        On-run-start: stops the run before anything is built where a var is wrong. Commands that read logs also need the logs' location. Where this
        project is a package of another, only commands that select our models are checked.
    -#}
    {%- if execute -%}
        {%- set ours = [] -%}
        {%- for id in selected_resources if '.network_beaconing.' in id -%}{%- do ours.append(id) -%}{%- endfor -%}
        {%- set readers = ['model.network_beaconing.log_files', 'model.network_beaconing.stg_common_security_log_lines'] -%}
        {%- if ours or project_name == 'network_beaconing' -%}
            {%- do stop_at_bad_vars(invocation_args_dict.which in ('run', 'build', 'retry') and readers | select('in', ours) | list | length > 0) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro stop_at_bad_vars(reads_logs) %}
    {#- Stops the run with a line for each problem: unknown names, wrong types, values out of range, two locations, or no location where the command reads logs. -#}
    {#- var() renders the text of a var, so Jinja in that text must be refused before the first var() call. -#}
    {%- set rules = var_rules() -%}
    {%- set is_package = project_name != 'network_beaconing' -%}
    {%- for name, value in invocation_args_dict.get('vars', {}).items() if name in rules or not is_package -%}
        {%- if modules.re.search('[{][{%#]', value | string) -%}
            {{- exceptions.raise_compiler_error("'" ~ shown(name) ~ "' holds Jinja, which would be run; nothing was built. Give plain text.") -}}
        {%- endif -%}
    {%- endfor -%}
    {%- set problems = [] -%}
    {#- Where this project is a package, other vars belong to the project that uses it. #}
    {%- for name in invocation_args_dict.get('vars', {}) if name not in rules and not is_package -%}
        {%- do problems.append("there is no var '" ~ shown(name) ~ "'; did you mean '" ~ nearest_name(name | string, rules) ~ "'?") -%}
    {%- endfor -%}
    {%- for name, rule in rules.items() -%}
        {%- set problem = var_problem(name, var(name), rule) -%}
        {%- if problem -%}{%- do problems.append(problem) -%}{%- endif -%}
    {%- endfor -%}
    {%- if var('score_window_days') is integer and var('lookback_days') is integer and 0 <= var('lookback_days') < var('score_window_days') - 1 -%}
        {%- do problems.append("'score_window_days' is " ~ var('score_window_days') ~ " but 'lookback_days' only " ~ var('lookback_days') ~ '; give at least ' ~ (var('score_window_days') - 1)) -%}
    {%- endif -%}
    {%- if var('retention_days') is integer and var('lookback_days') is integer and 0 < var('retention_days') <= var('lookback_days') -%}
        {%- do problems.append("'retention_days' is " ~ var('retention_days') ~ " but 'lookback_days' " ~ var('lookback_days') ~ '; give more, or 0 to keep all') -%}
    {%- endif -%}
    {%- if var('table_format') == 'parquet' and target.type == 'embedded' -%}
        {%- do problems.append("'table_format' is parquet but target " ~ target.name ~ ' keeps Delta tables only; leave it out, or use target spark') -%}
    {%- endif -%}
    {%- set azure = ['adls_account', 'adls_container', 'subscription_id', 'resource_group', 'workspace_name'] -%}
    {%- set azure_given = [] -%}
    {%- for name in azure if var(name) and name != 'adls_container' -%}{%- do azure_given.append(name) -%}{%- endfor -%}
    {%- if var('raw_root') and azure_given -%}
        {%- do problems.append("both 'raw_root' and " ~ azure_given | join(', ') ~ ' say where the logs are; give one of the two') -%}
    {%- elif azure_given -%}
        {%- for name in azure if not var(name) -%}
            {%- do problems.append("'" ~ name ~ "' is empty; give it too, beside " ~ azure_given | join(', ') ~ ', or give raw_root instead') -%}
        {%- endfor -%}
    {%- elif reads_logs and not (var('raw_root') or var('export_job_root')) -%}
        {%- do problems.append("nothing says where the logs are; give 'raw_root', the folder or URL that holds the y=YYYY folders, or " ~ azure | join(', ')) -%}
    {%- endif -%}
    {%- if target.type == 'embedded' and modules.re.match('(?!file:)[^/]*://', var('export_job_root') | string) -%}
        {%- do problems.append("'export_job_root' is \"" ~ shown(var('export_job_root')) ~ '", but target ' ~ target.name ~ ' reads Parquet from folders of this machine only; copy the files, or use target spark') -%}
    {%- endif -%}
    {%- if reads_logs and not problems -%}{%- do problems.extend(export_problems()) -%}{%- endif -%}
    {%- if problems -%}
        {{- exceptions.raise_compiler_error(problems | length ~ ' problem(s) with --vars, nothing was built:\n  - ' ~ problems | join('\n  - ')) -}}
    {%- endif -%}
{% endmacro %}


{% macro export_problems() %}
    {#- Messages, where the export would replace or be among files that are not its own: log files or tables. -#}
    {%- set problems = [] -%}
    {%- set logs = [('log files', given_location())] if export_is_given() else [] -%}
    {%- if var('export_job_root') -%}{%- do logs.append(('log files', job_location())) -%}{%- endif -%}
    {%- for what, place in logs + [('tables', adapter.dispatch('tables_location', 'network_beaconing')())] if place -%}
        {%- set theirs = path_steps(place) -%}
        {%- set ours = path_steps(export_location()) -%}
        {%- set shared = [theirs | length, ours | length] | min -%}
        {%- if theirs[:shared] == ours[:shared] -%}
            {%- do problems.append("'export_root' is \"" ~ var('export_root') ~ '", but the ' ~ what ~ ' are in ' ~ place ~ ', and the export replaces all files in ' ~ export_location() ~ '; give a folder of its own') -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(problems) -}}
{% endmacro %}


{% macro default__tables_location() %}
    {#- Where the tables are: the folder of the schema, where the catalog knows one. -#}
    {{- return(run_query('describe schema ' ~ target.schema).rows | selectattr(0, 'equalto', 'Location') | map(attribute=1) | first) -}}
{% endmacro %}


{% macro embedded__tables_location() %}
    {#- The folder of all schemas. -#}
    {{- return(target.folder) -}}
{% endmacro %}
