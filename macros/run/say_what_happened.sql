{% macro say_what_happened(results) %}
    {#- On-run-end: prints model run_summary where this run built it, figures of all vendors first, and where the findings are. -#}
    {%- for result in results if result.node.unique_id == 'model.network_beaconing.run_summary' and result.status == 'success' -%}
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


{% macro say_what_is_missing() %}
    {#- Post-hook of log_days: warns where days of the history have no files. -#}
    {%- if execute and not invocation_args_dict.empty -%}
        {%- set missing = run_query('select cast(log_date as string) from ' ~ this ~ ' where files = 0 order by log_date').columns[0].values() -%}
        {%- set these = missing | length ~ ' of ' ~ var('lookback_days') ~ ' days of history have no files: ' ~ missing | join(', ') ~ '. ' -%}
        {%- if missing and var('keep_days_without_files') -%}
            {%- do exceptions.warn(these ~ 'Of those only what was staged before is known.') -%}
        {%- elif missing and var('baseline_source') == 'current' -%}
            {%- do exceptions.warn(these ~ 'Rarity and status know less.') -%}
        {%- elif missing and missing | length == var('lookback_days') -%}
            {%- do exceptions.warn('no history: no files on any of the ' ~ missing | length ~ ' days before ' ~ end_date() ~ '. The day itself is the baseline.') -%}
        {%- elif missing -%}
            {%- do exceptions.warn(these ~ 'The baseline is made without them.') -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
