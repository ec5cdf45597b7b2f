{% macro location(path) %}
    {#- `path` as an absolute path or URL without a trailing slash. A relative path starts at the project folder. -#}
    {%- set path = path | string -%}
    {%- if '://' not in path and not path.startswith('/') -%}
        {%- set path = invocation_args_dict.get('project_dir', '.') ~ '/' ~ path -%}
    {%- endif -%}
    {{- return(path.rstrip('/')) -}}
{% endmacro %}


{% macro raw_location() %}
    {#- The folder that holds the y= folders: `raw_root`, or the location to which Log Analytics data export writes: it puts the names into lower case, and names of blobs tell case apart. -#}
    {%- if var('raw_root') -%}
        {{- return(location(var('raw_root'))) -}}
    {%- endif -%}
    {{- return(
        'abfss://' ~ var('adls_container') ~ '@' ~ var('adls_account') ~ '.dfs.core.windows.net'
        ~ '/WorkspaceResourceId=/subscriptions/' ~ var('subscription_id') | lower ~ '/resourcegroups/' ~ var('resource_group') | lower
        ~ '/providers/microsoft.operationalinsights/workspaces/' ~ var('workspace_name') | lower
    ) -}}
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
    {#- The date in the path of a log file: …/y=2026/m=09/d=30/h=… -#}
    {%- set from_year = "substring_index(" ~ path ~ ", '/y=', -1)" -%}
    try_cast(concat(substr({{ from_year }}, 1, 4), '-', substr({{ from_year }}, 8, 2), '-', substr({{ from_year }}, 13, 2)) as date)
{%- endmacro %}
