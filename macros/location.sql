{% macro location(path) %}
    {#- `path` as an absolute path or URL without a trailing slash. A relative path starts at the project folder. -#}
    {%- set path = path | string -%}
    {%- if '://' not in path and not path.startswith('/') -%}
        {%- set path = invocation_args_dict.get('project_dir', '.') ~ '/' ~ path -%}
    {%- endif -%}
    {{- return(path.rstrip('/')) -}}
{% endmacro %}


{% macro path_steps(path) %}
    {#- The steps of an absolute path or URL, as a list: file:/data//a/../b and /data/b are equal. -#}
    {{- return(adapter.dispatch('path_steps', 'network_beaconing')(path | string)) -}}
{% endmacro %}


{% macro default__path_steps(path) %}
    {#- By the text alone. -#}
    {%- set steps = [] -%}
    {%- for step in modules.re.sub('^file:/+', '/', path).split('/') if step not in ('', '.') -%}
        {%- if step != '..' -%}{%- do steps.append(step) -%}{%- elif steps -%}{%- do steps.pop() -%}{%- endif -%}
    {%- endfor -%}
    {{- return(steps) -}}
{% endmacro %}


{% macro embedded__path_steps(path) %}
    {#- With links followed. -#}
    {{- return(network_beaconing.default__path_steps(adapter.real_path(path))) -}}
{% endmacro %}


{% macro export_is_given() %}
    {#- Whether a location of the data export rule was given; else all logs are an export job's. -#}
    {{- return((var('raw_root') or var('adls_account')) | length > 0) -}}
{% endmacro %}


{% macro job_location() %}
    {#- The folder that holds the folders of hours of an export job. -#}
    {{- return(location(var('export_job_root'))) -}}
{% endmacro %}


{% macro job_folders(day) %}
    {#- Globs of the folders of a day (YYYY-MM-DD), relative to that folder: export jobs write in one of two layouts. -#}
    {{- return(['timestamp=' ~ day ~ 'T*', 'year=' ~ day[:4] ~ '/month=' ~ day[5:7] ~ '/day=' ~ day[8:]]) -}}
{% endmacro %}


{% macro given_location() %}
    {#- The folder that holds the y= folders: `raw_root`, or the location to which Log Analytics data export writes: it puts the names into lower case, and names of blobs tell case apart. -#}
    {%- if var('raw_root') -%}
        {{- return(location(var('raw_root'))) -}}
    {%- endif -%}
    {{- return(
        'abfss://' ~ var('adls_container') | lower ~ '@' ~ var('adls_account') | lower ~ '.dfs.core.windows.net'
        ~ '/WorkspaceResourceId=/subscriptions/' ~ var('subscription_id') | lower ~ '/resourcegroups/' ~ var('resource_group') | lower
        ~ '/providers/microsoft.operationalinsights/workspaces/' ~ var('workspace_name') | lower
    ) -}}
{% endmacro %}


{% macro raw_location() %}
    {#- The folder whose y= folders are read. -#}
    {{- return(adapter.dispatch('raw_location', 'network_beaconing')()) -}}
{% endmacro %}


{% macro default__raw_location() %}
    {#- The one that was given. -#}
    {{- return(given_location()) -}}
{% endmacro %}


{% macro embedded__raw_location() %}
    {#- The one that was given, or where files in it would stop the engine, a folder of links to the others. -#}
    {{- return(readable_root().root) -}}
{% endmacro %}


{% macro readable_root() %}
    {#- For target local: the folder to read, and what is left out. -#}
    {%- set folders = [] -%}
    {%- for day in window_days() -%}{%- do folders.append(day_folder(day)) -%}{%- endfor -%}
    {{- return(adapter.readable_root(given_location(), folders)) -}}
{% endmacro %}


{% macro given_path(path, read, given) %}
    {#-
        The path of a listed file, in SQL, below the folder that was given. On target local, `read` may be a folder of links, in which another
        character stands for =. Sail leaves the first slash out.
    -#}
    {%- if read == given -%}{{- return(path) -}}{%- endif -%}
    {%- set instead = modules.re.sub('^(file:)?/*', '', given) -%}
    {{- return("replace(replace(" ~ path ~ ", '" ~ read.lstrip('/') ~ "', '" ~ instead ~ "'), '\ue03d', '=')") -}}
{% endmacro %}


{% macro day_folder(day) %}
    {#- The folder of a day (YYYY-MM-DD), relative to the root of the export. -#}
    {{- return('y=' ~ day[:4] ~ '/m=' ~ day[5:7] ~ '/d=' ~ day[8:]) -}}
{% endmacro %}


{% macro day_location(day) %}
    {#- The folder of a day as a path or URL. -#}
    {{- return(raw_location() ~ '/' ~ day_folder(day)) -}}
{% endmacro %}


{% macro location_of_days(days) %}
    {#- One location for the folders of these days: a glob where there are several. -#}
    {%- set folders = [] -%}
    {%- for day in days -%}{%- do folders.append(day_folder(day)) -%}{%- endfor -%}
    {{- return(raw_location() ~ '/' ~ (folders[0] if folders | length == 1 else '{' ~ folders | join(',') ~ '}')) -}}
{% endmacro %}


{% macro export_location(folder='network_beaconing_anomalies') %}
    {#- A folder of this run's export, by default that of the findings. -#}
    {{- return(location(var('export_root')) ~ '/' ~ folder) -}}
{% endmacro %}


{% macro log_date_of(path) %}
    {#- The date in the path of a log file: …/y=2026/m=09/d=30/…; of an export job …/timestamp=2026-09-30T23/… or …/year=2026/month=09/day=30/… -#}
    {%- set pattern = '(?s).*/(?:y|year|timestamp)=([0-9]{4})(?:/m=|/month=|-)([0-9]{2})(?:/d=|/day=|-)([0-9]{2})[/T]' -%}
    try_cast(concat_ws('-'
        {%- for part in (1, 2, 3) -%}, regexp_extract({{ path }}, '{{ pattern }}', {{ part }}){%- endfor -%}
    ) as date)
{%- endmacro %}
