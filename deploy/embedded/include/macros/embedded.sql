{#- What dbt does otherwise where tables lie in a folder, without a metastore. -#}

{% macro embedded__location_clause() %}
    {#- Where a table lies: a folder for each. -#}
    location '{{ target.folder }}/{{ model.schema }}/{{ model.alias }}'
{%- endmacro %}


{% macro embedded__create_view_as(relation, sql) %}
    {#- Makes a view, and keeps its text for later commands. -#}
    {%- set statement -%}{{ spark__create_view_as(relation, sql) }}{%- endset -%}
    {%- do adapter.keep_statements(relation, [statement]) -%}
    {{ statement }}
{%- endmacro %}


{% macro embedded__alter_relation_add_remove_columns(relation, add_columns, remove_columns) %}
    {#- Adds columns; Sail cannot alter tables. -#}
    {%- do adapter.add_columns(relation, add_columns) -%}
{% endmacro %}
