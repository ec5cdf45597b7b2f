{% macro write_export(folder='network_beaconing_anomalies') %}
    {#- Post-hook of the export: writes its rows as JSON, nulls included, in one file of this folder. With --empty the old one stays. -#}
    {%- if invocation_args_dict.empty -%}{{- return('') -}}{%- endif -%}
    {{- return(adapter.dispatch('write_export', 'network_beaconing')(folder)) -}}
{% endmacro %}


{% macro default__write_export(folder) %}
    {#- Spark's own JSON files. -#}
    insert overwrite directory '{{ export_location(folder) }}' using json options (ignoreNullFields 'false')
        select /*+ coalesce(1) */ * from {{ this }}
{% endmacro %}


{% macro embedded__write_export(folder) %}
    {#- Sail's JSON files leave nulls out, and an empty result has no file. -#}
    {%- if execute -%}{%- do adapter.write_json('select * from ' ~ this, export_location(folder)) -%}{%- endif -%}
{% endmacro %}
