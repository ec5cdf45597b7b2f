{% macro clear_half_made_tables() %}
    {#-
        On-run-start, on Spark with Parquet: a run that is killed while Spark makes a table leaves files in the table's folder, and Spark then
        refuses to make the table. This macro adds such folders as partitions of a helper table and drops that table together with the files.
        Not on Delta, which ignores the files; these statements were not tried with Delta tables only.
        Not for tables by day and findings: if the metastore is lost, their files may be all that is left.
    -#}
    {%- set not_there = [] -%}
    {%- if execute and invocation_args_dict.which in ('run', 'build', 'retry') -%}
        {%- for node in graph.nodes.values()
            if node.unique_id in selected_resources and node.package_name == 'network_beaconing'
            and node.config.materialized in ('seed', 'table') and node.config.file_format != 'delta'
            and not adapter.get_relation(none, node.schema, node.alias) -%}
            {%- do not_there.append(node) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- for schema in not_there | map(attribute='schema') | unique -%}
        {%- set half_made = schema ~ '.half_made' -%}
        {%- set folder = run_query('describe schema ' ~ schema).rows | selectattr(0, 'equalto', 'Location') | map(attribute=1) | first -%}
        {%- set places -%}
            {% for node in not_there if node.schema == schema %} partition (name = '{{ node.alias }}') location '{{ folder }}/{{ node.alias }}'{% endfor %}
        {%- endset -%}
        {%- do execute_all([
            'drop table if exists ' ~ half_made,
            'create table ' ~ half_made ~ ' (nothing int, name string) using parquet partitioned by (name)',
            'alter table ' ~ half_made ~ ' add' ~ places,
            'drop table ' ~ half_made,
        ]) -%}
    {%- endfor -%}
{% endmacro %}
