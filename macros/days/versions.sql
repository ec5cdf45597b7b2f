{% macro version_with(relations, settings=[]) %}
    {#-
        The log_version of derived rows, in SQL. It also changes with the rows of these relations (seeds that a SOC edits) and with these numbers.
        Null, the version of a day without log files, stays null.
    -#}
    if(
        log_version is null,
        null,
        xxhash64(
            log_version
            {%- for setting in settings %}, {{ setting }}{% endfor %}
            {%- for relation in relations %},
            (select xxhash64(sort_array(collect_list(to_json(struct(*))))) from {{ relation }})
            {%- endfor %}
        )
    )
{%- endmacro %}


{% macro egress_version() %}
    {#- The log_version of public_egress. An edited seed or another limit of events makes every day of the window again. -#}
    {{- version_with(
        [loaded_seed('internal_networks'), loaded_seed('non_connection_events'), loaded_seed('denied_actions'), loaded_seed('protocols')],
        [var('events_per_connection_day')]
    ) -}}
{% endmacro %}


{% macro staging_version() %}
    {#- The log_version of staged rows. An edited seed extension_fields reads every day of the window again. -#}
    {{- version_with([loaded_seed('extension_fields')]) -}}
{% endmacro %}
