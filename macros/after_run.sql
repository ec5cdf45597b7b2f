{% macro after_run(results) %}
    {#- on-run-end. Prints model run_summary where this run made it, what is of all vendors first, and where the findings are. -#}
    {%- for result in results if result.node.name == 'run_summary' and result.status == 'success' -%}
        {%- do log('\n' ~ end_date() ~ ', ' ~ var('lookback_days') ~ ' day(s) of history', info=True) -%}
        {%- set last = namespace(vendor=none) -%}
        {%- for row in run_query(
            'select figure, amount, device_vendor from ' ~ result.node.relation_name ~ ' order by device_vendor nulls first, position, figure'
        ).rows -%}
            {%- if row[2] != last.vendor -%}
                {%- do log(row[2], info=True) -%}
                {%- set last.vendor = row[2] -%}
            {%- endif -%}
            {%- do log('%12s  %s' | format('{:,}'.format(row[1] | int), row[0]), info=True) -%}
        {%- endfor -%}
        {%- do log('Findings: ' ~ result.node.schema ~ '.network_beaconing_anomalies, and as JSON in ' ~ export_location(), info=True) -%}
    {%- endfor -%}
{% endmacro %}
