{% macro run_query(sql) %}
    {#- Replaces dbt's own, which asks each statement for its rows: where there are none, Spark's thrift server sends null and PyHive fails. -#}
    {%- set has_rows = (sql | trim | lower).split() | first not in ('create', 'drop', 'alter', 'insert', 'delete', 'truncate', 'msck', 'refresh', 'set') -%}
    {%- call statement('run_query', fetch_result=has_rows, auto_begin=false) -%}{{ sql }}{%- endcall -%}
    {{- return(load_result('run_query').table) -}}
{% endmacro %}
