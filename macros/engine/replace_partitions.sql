{% materialization replace_partitions, default %}
    {#-
        A table of which a run replaces whole partitions and leaves the others alone. Config `replaces` names them, also those that get no rows: a JSON
        list of partitions, each a dict from column to SQL literal, rendered when the model is built.
    -#}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks) }}
    {%- set partitions = fromjson(render(config.require('replaces'))) -%}
    {%- set is_new = not replaces_partitions() -%}
    {%- if is_new and config.get('file_format') == 'delta' and not adapter.dispatch('writes_one_by_one', 'network_beaconing')() -%}
        {%- if existing and not existing.is_delta -%}{%- do adapter.drop_relation(existing) -%}{%- endif -%}
        {%- call statement('main') -%}
            {{ create_table_as(false, this, sql) }}
        {%- endcall -%}
    {%- else -%}
        {%- set rows = hold_rows(sql, partitions) -%}
        {%- if is_new -%}
            {%- do make_empty_table(existing, rows, sql) -%}
        {%- else -%}
            {%- do process_schema_changes('append_new_columns', rows, existing) -%}
        {%- endif -%}
        {%- set columns = adapter.get_columns_in_relation(this) | map(attribute='quoted') | list -%}
        {%- call statement('main') -%}
            {#- Where nothing is replaced, the rows, which are none, need not be computed. #}
            {{ replace_rows(this, partitions, columns, rows) if partitions else 'select 1' }}
        {%- endcall -%}
        {%- if rows.is_table -%}{%- do adapter.drop_relation(rows) -%}{%- endif -%}
    {%- endif -%}
    {%- do persist_docs(this, model) -%}
    {{ run_hooks(post_hooks) }}
    {{ return({'relations': [this]}) }}
{% endmaterialization %}


{% macro hold_rows(sql, partitions) %}
    {#- The relation that has the new rows of these partitions: a temporary view, or a table, which is dropped after use. -#}
    {{- return(adapter.dispatch('hold_rows', 'network_beaconing')(sql, partitions)) -}}
{% endmacro %}


{% macro default__hold_rows(sql, partitions) %}
    {#- A view, so that rows are written once. -#}
    {%- set rows = make_temp_relation(this) -%}
    {%- do execute_all([create_table_as(true, rows, sql)]) -%}
    {{- return(rows) -}}
{% endmacro %}


{% macro embedded__hold_rows(sql, partitions) %}
    {#- A table: Sail thinks for a minute about an insert of the long query of staging, and for two seconds about a table made by it. -#}
    {%- if not partitions or network_beaconing.embedded__writes_one_by_one() -%}{{- return(default__hold_rows(sql, partitions)) -}}{%- endif -%}
    {%- set rows = api.Relation.create(schema=this.schema, identifier=this.identifier ~ '__dbt_tmp', type='table') -%}
    {%- do execute_all(["create or replace table " ~ rows ~ " using delta location '" ~ target.folder ~ '/' ~ rows.schema ~ '/' ~ rows.identifier ~ "' as " ~ sql]) -%}
    {%- do adapter.cache_added(rows) -%}
    {{- return(rows) -}}
{% endmacro %}


{% macro default__writes_one_by_one() %}
    {#- Whether the query of this model is asked for each partition by itself. -#}
    {{- return(false) -}}
{% endmacro %}


{% macro embedded__writes_one_by_one() %}
    {#- For queries over all rows of many days, of which Sail would hold as many: config `one_by_one`. -#}
    {{- return(config.get('one_by_one', false)) -}}
{% endmacro %}


{% macro make_empty_table(existing, rows, sql) %}
    {#-
        Makes the table of this model without rows, with the columns of `rows`, in place of the one that is there. On Parquet a table that is made together
        with its rows has files in its folder before it is a table, and after a kill Spark refuses to make it. This one has none.
    -#}
    {%- if config.get('contract').enforced -%}{%- do get_assert_columns_equivalent(sql) -%}{%- endif -%}
    {%- set columns = [] -%}
    {%- for column in adapter.get_columns_in_relation(rows) -%}{%- do columns.append(column.quoted ~ ' ' ~ column.dtype) -%}{%- endfor -%}
    {%- if existing -%}{%- do adapter.drop_relation(existing) -%}{%- endif -%}
    {%- set statement -%}
        create table {{ this }} ({{ columns | join(', ') }}) {{ file_format_clause() }} {{ partition_cols(label='partitioned by') }} {{ location_clause() }}
    {%- endset -%}
    {%- do execute_all([statement]) -%}
    {%- do adapter.cache_added(this) -%}
{% endmacro %}


{% macro replaces_partitions() %}
    {#- Whether the table of this model is there, and a run replaces some of its partitions: not in a first run, nor with --full-refresh. -#}
    {%- set existing = load_cached_relation(this) if execute else none -%}
    {{- return(existing is not none and existing.is_table and not should_full_refresh()) -}}
{% endmacro %}


{% macro replace_rows(relation, partitions, columns, rows) %}
    {#-
        The statement that puts `rows`, with these `columns`, in place of partitions. On Parquet the partitions are dropped first, because an
        overwrite keeps one that gets no rows; it is an overwrite, because a killed run may have left files that are not registered.
    -#}
    {%- if config.get('file_format') == 'delta' -%}
        {{ adapter.dispatch('replace_rows_of_delta', 'network_beaconing')(relation, partitions, columns, rows) }}
    {%- else -%}
        {%- do execute_all([drop_partitions(relation, partitions, 'parquet'), 'set spark.sql.sources.partitionOverwriteMode = DYNAMIC']) -%}
        insert overwrite table {{ relation }} {{ partition_cols(label='partition') }} select {{ columns | join(', ') }} from {{ rows }}
    {%- endif -%}
{% endmacro %}


{% macro default__replace_rows_of_delta(relation, partitions, columns, rows) %}
    {#- All partitions in one commit. -#}
    insert into {{ relation }} replace where {{ in_partitions(partitions) }} select {{ columns | join(', ') }} from {{ rows }}
{% endmacro %}


{% macro embedded__replace_rows_of_delta(relation, partitions, columns, rows) %}
    {#- Each partition in a commit, with its values as literals: else Sail sorts all rows by them, in memory. The last statement is returned. -#}
    {%- set statements = [] -%}
    {%- for partition in partitions -%}
        {%- set selected = [] -%}
        {%- for column in columns -%}
            {%- set value = partition.get(column | replace('`', '')) -%}
            {%- do selected.append((value ~ ' as ' if value else '') ~ column) -%}
        {%- endfor -%}
        {%- set condition = in_partitions([partition]) -%}
        {%- do statements.append(
            'insert into ' ~ relation ~ ' replace where ' ~ condition ~ ' select ' ~ selected | join(', ') ~ ' from ' ~ rows ~ ' where ' ~ condition
        ) -%}
    {%- endfor -%}
    {%- do execute_all(statements[:-1]) -%}
    {{- statements | last -}}
{% endmacro %}


{% macro drop_partitions(relation, partitions, file_format) %}
    {#- The statement that removes partitions; empty where there are none. -#}
    {%- if partitions and file_format == 'delta' -%}
        delete from {{ relation }} where {{ in_partitions(partitions) }}
    {%- elif partitions -%}
        alter table {{ relation }} drop if exists partition {{ partition_texts(partitions, ', ') | join(', partition ') }}
    {%- endif -%}
{% endmacro %}


{% macro in_partitions(partitions) %}
    {#- A condition: a row is in one of these partitions. -#}
    {{- return(partition_texts(partitions, ' and ') | join(' or ') or 'false') -}}
{% endmacro %}


{% macro partition_texts(partitions, separator) %}
    {#- Partitions, each a dict from column to SQL literal, as texts: (column = literal, …) with this separator. -#}
    {%- set texts = [] -%}
    {%- for partition in partitions -%}
        {%- set values = [] -%}
        {%- for column, value in partition.items() -%}{%- do values.append(column ~ ' = ' ~ value) -%}{%- endfor -%}
        {%- do texts.append('(' ~ values | join(separator) ~ ')') -%}
    {%- endfor -%}
    {{- return(texts) -}}
{% endmacro %}
