{% macro write_export() %}
    {#- Post-hook of the export: writes its rows as JSON, nulls included, in one file. -#}
    {{- return(adapter.dispatch('write_export', 'network_beaconing')()) -}}
{% endmacro %}


{% macro default__write_export() %}
    {#- Spark's own JSON files. -#}
    insert overwrite directory '{{ export_location() }}' using json options (ignoreNullFields 'false')
        select /*+ coalesce(1) */ * from {{ this }}
{% endmacro %}


{% macro embedded__write_export() %}
    {#- Sail's JSON files leave nulls out, and an empty result has no file. -#}
    {%- if execute -%}{%- do adapter.write_json('select * from ' ~ this, export_location()) -%}{%- endif -%}
{% endmacro %}
