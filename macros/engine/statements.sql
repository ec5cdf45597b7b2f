{% macro execute_all(statements) %}
    {#-
        Runs statements that return no rows, one after the other. dbt's run_query would fetch rows: Spark's thrift server then sends null, and
        PyHive fails.
    -#}
    {%- for sql in statements if sql | trim -%}
        {%- call statement('without_rows', fetch_result=false, auto_begin=false) -%}{{ sql }}{%- endcall -%}
    {%- endfor -%}
{% endmacro %}


{% macro run_query(sql) %}
    {#- Replaces dbt's run_query for the view that dbt's unit tests make, for the reason above. Where this project is a package of another, it replaces nothing. -#}
    {%- if sql.split()[:4] == ['create', 'or', 'replace', 'temporary'] -%}
        {%- do execute_all([sql]) -%}
    {%- else -%}
        {{- return(dbt.run_query(sql)) -}}
    {%- endif -%}
{% endmacro %}


{% macro sql_text(value) %}
    {#- Any text as a literal in SQL. Without the escape of ${ Spark would put a variable in its place, even one of the environment. -#}
    {{- return("'" ~ value.replace('\\', '\\\\').replace("'", "\\'").replace('${', '\\u0024{') ~ "'") -}}
{% endmacro %}
