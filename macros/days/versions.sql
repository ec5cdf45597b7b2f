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
            {%- do literals.append(seed_hashes(seeds)[seed] ~ 'L') -%}
        {%- endif -%}
    {%- endfor -%}
    if(log_version is null, null, xxhash64(log_version{% for literal in literals %}, {{ literal }}{% endfor %}))
{%- endmacro %}


{% macro seed_hashes(seeds) %}
    {#- A dict from the name of a seed to a hash of its rows. One query for those that this run has not hashed yet: models that ask have waited for their seeds. -#}
    {%- set known = of_this_run('seed_hashes') -%}
    {%- set queries = [] -%}
    {%- for seed in seeds if seed not in known -%}
        {%- do queries.append("select '" ~ seed ~ "', xxhash64(sort_array(collect_list(to_json(struct(*))))) from " ~ loaded_seed(seed)) -%}
    {%- endfor -%}
    {%- if queries -%}
        {%- for seed, hash in run_query(queries | join(' union all ')).rows -%}{%- do known.update({seed: hash}) -%}{%- endfor -%}
    {%- endif -%}
    {{- return(known) -}}
{% endmacro %}


{% macro of_this_run(name) %}
    {#- A dict that all models of a run share, to ask nothing twice. dbt has no place for one, but its graph is a dict that lives as long as the run. -#}
    {%- set key = 'network_beaconing ' ~ name -%}
    {%- if graph.get(key, {}).get('invocation_id') != invocation_id -%}{%- do graph.update({key: {'invocation_id': invocation_id}}) -%}{%- endif -%}
    {{- return(graph[key]) -}}
{% endmacro %}


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
