{% macro after_run(results) %}
    {#- on-run-end. Prints model run_summary where this run made it, and where the findings are. -#}
    {%- for result in results if result.node.name == 'run_summary' and result.status == 'success' -%}
        {%- do log('\n' ~ var('device_vendor') ~ ', ' ~ end_date() ~ ', ' ~ var('lookback_days') ~ ' day(s) of history', info=True) -%}
        {%- for row in run_query('select figure, amount from ' ~ result.node.relation_name ~ ' order by position, figure').rows -%}
            {%- do log('%12s  %s' | format('{:,}'.format(row[1] | int), row[0]), info=True) -%}
        {%- endfor -%}
        {%- do log('Findings: ' ~ result.node.schema ~ '.network_beaconing_anomalies, and as JSON in ' ~ export_location(), info=True) -%}
    {%- endfor -%}
{% endmacro %}
