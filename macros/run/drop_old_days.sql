{% macro drop_old_days(dry_run=false, findings=false) %}
    {#-
        dbt run-operation drop_old_days [--args '{dry_run: true, findings: true}']: drops the rows of days more than `retention_days` before
        end_date. Drops findings only with `findings: true`, and never touches log files.
    -#}
    {%- do stop_at_bad_vars(false) -%}
    {%- if var('retention_days') == 0 -%}
        {%- do log('retention_days is 0: every day is kept.', info=True) -%}
        {{- return('') -}}
    {%- endif -%}
    {%- set first_kept = (
        modules.datetime.datetime.strptime(end_date(), '%Y-%m-%d') - modules.datetime.timedelta(days=var('retention_days'))
    ).strftime('%Y-%m-%d') -%}
    {%- set tables = ['stg_common_security_log_lines', 'row_kinds', 'sessions', 'row_fates', 'connection_days'] + (['network_beaconing_anomalies', 'judged_days'] if findings else []) -%}
    {%- for node in graph.nodes.values() if node.package_name == 'network_beaconing' and node.resource_type == 'model' and node.name in tables -%}
        {%- set relation = adapter.get_relation(none, node.schema, node.alias) -%}
        {%- set columns = [node.config.partition_by] if node.config.partition_by is string else node.config.partition_by -%}
        {%- set rows = run_query(
            'select ' ~ columns | join(', ') ~ ', count(*) from ' ~ relation ~ ' where ' ~ columns[0] ~ " < date '" ~ first_kept
            ~ "' group by " ~ columns | join(', ') ~ ' order by ' ~ columns[0]
        ).rows | list if relation else [] -%}
        {%- set partitions = [] -%}
        {%- for row in rows -%}
            {%- set partition = {} -%}
            {%- for column in columns -%}
                {%- do partition.update({column: ('date ' if loop.first else '') ~ sql_text(row[loop.index0] | string)}) -%}
            {%- endfor -%}
            {%- do partitions.append(partition) -%}
        {%- endfor -%}
        {%- if not rows -%}
            {%- do log(node.name ~ ': nothing before ' ~ first_kept, info=True) -%}
        {%- else -%}
            {%- if not dry_run -%}{%- do execute_all([drop_partitions(relation, partitions, node.config.file_format)]) -%}{%- endif -%}
            {%- do log(
                node.name ~ (': would drop ' if dry_run else ': dropped ') ~ '{:,}'.format(rows | map(attribute=columns | length) | sum)
                ~ ' rows in ' ~ rows | length ~ ' partition(s), ' ~ rows[0][0] ~ ' to ' ~ rows[-1][0], info=True
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}
