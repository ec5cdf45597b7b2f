{% macro version_with(seeds, settings=[]) %}
    {#-
        The log_version of derived rows, in SQL. It also changes with the rows of these seeds, which a SOC edits, and with these settings (SQL
        literals). The seeds are hashed while dbt compiles: as subqueries they would be joined to every row. Null, the version of a day without log
        files, stays null.
    -#}
    {%- set literals = settings | list -%}
    {%- for seed in seeds -%}
        {%- set relation = loaded_seed(seed) -%}
        {%- if execute and not relation.is_cte and adapter.get_relation(none, relation.schema, relation.identifier) -%}
            {%- do literals.append(
                run_query('select xxhash64(sort_array(collect_list(to_json(struct(*))))) from ' ~ relation).columns[0].values()[0] ~ 'L'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    if(log_version is null, null, xxhash64(log_version{% for literal in literals %}, {{ literal }}{% endfor %}))
{%- endmacro %}


{% macro session_version() %}
    {#- The log_version of sessions. An edited seed or another limit of events makes every day of the window again. -#}
    {{- version_with(
        ['internal_networks', 'vendor_facts', 'protocols'],
        [var('events_per_connection_day'), "'" ~ var('event_unit') ~ "'"]
    ) -}}
{% endmacro %}


{% macro staging_version() %}
    {#- The log_version of staged rows. An edited seed vendor_facts, or another choice of times, reads every day of the window again. -#}
    {{- version_with(['vendor_facts'], ["'" ~ var('event_times') ~ "'"]) -}}
{% endmacro %}
