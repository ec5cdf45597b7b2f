{% macro execute_all(statements) %}
    {#-
        Runs statements that have no rows, one after the other. dbt's run_query would ask each for its rows: where there are none, Spark's thrift
        server sends null and PyHive fails.
    -#}
    {%- for sql in statements if sql | trim -%}
        {%- call statement('without_rows', fetch_result=false, auto_begin=false) -%}{{ sql }}{%- endcall -%}
    {%- endfor -%}
{% endmacro %}
