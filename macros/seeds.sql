{% macro loaded_seed(name) %}
    {#- The table of a seed. `dbt run` loads no seeds, so this stops the run and names the cure where the table is missing. -#}
    {%- set relation = ref(name) -%}
    {%- if execute and invocation_args_dict.which in ('run', 'build', 'retry') and not relation.is_cte and not adapter.get_relation(none, relation.schema, relation.identifier) -%}
        {{- exceptions.raise_compiler_error('seed ' ~ name ~ ' is not loaded yet. Run dbt seed first, or dbt build, which loads it.') -}}
    {%- endif -%}
    {{- return(relation) -}}
{% endmacro %}


{% macro extension_fields(target_column) %}
    {#- Names of the AdditionalExtensions fields that fill a column of staging, by priority (seed extension_fields). -#}
    {%- set seed = loaded_seed('extension_fields') -%}
    {%- if not execute or not adapter.get_relation(none, seed.schema, seed.identifier) -%}{{- return([]) -}}{%- endif -%}
    {{- return(run_query("select field from " ~ seed ~ " where target_column = '" ~ target_column ~ "' order by priority").columns[0].values() | list) -}}
{% endmacro %}
