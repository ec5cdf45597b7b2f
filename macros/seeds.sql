{% macro loaded_seed(name) %}
    {#- The table of a seed. `dbt run` loads no seeds, so this stops the run and names the cure where the table is missing. -#}
    {%- set relation = ref(name) -%}
    {%- if execute and invocation_args_dict.which in ('run', 'build', 'retry') and not relation.is_cte and not adapter.get_relation(none, relation.schema, relation.identifier) -%}
        {{- exceptions.raise_compiler_error('seed ' ~ name ~ ' is not loaded yet. Run dbt seed first, or dbt build, which loads it.') -}}
    {%- endif -%}
    {{- return(relation) -}}
{% endmacro %}


{% macro spark__reset_csv_table(model, full_refresh, old_relation, agate_table) %}
    {#- Replaces dbt-spark's: the old table stays where the file cannot be used. -#}
    {%- do network_beaconing.seed_columns(model, agate_table) -%}
    {%- if not (old_relation.is_delta and config.get('file_format') == 'delta') -%}{%- do adapter.drop_relation(old_relation) -%}{%- endif -%}
    {{- return(create_csv_table(model, agate_table)) -}}
{% endmacro %}


{% macro spark__create_csv_table(model, agate_table) %}
    {#-
        Replaces dbt-spark's: the table is made together with its rows, so that a killed command leaves none without them, and any text is loaded as it
        stands in the file, also of a project that uses this one. dbt-spark puts values between quotes as they are: an apostrophe is then a parse error, and an empty cell the text None.
    -#}
    {%- set columns = network_beaconing.seed_columns(model, agate_table) -%}
    {%- set surplus = agate_table.column_names | reject('in', columns) | join(', ') -%}
    {%- if surplus -%}{%- do exceptions.warn('seed ' ~ model.name ~ ': nothing reads the column(s) ' ~ network_beaconing.shown(surplus) ~ ' of ' ~ model.original_file_path ~ '.') -%}{%- endif -%}
    {%- set types = model.config.get('column_types', {}) -%}
    {%- set selected, rows = [], [] -%}
    {%- for column in columns -%}
        {%- set type = types.get(column) or adapter.convert_type(agate_table, (agate_table.column_names | list).index(column)) -%}
        {%- do selected.append('cast(' ~ column ~ ' as ' ~ type ~ ') as ' ~ column) -%}
    {%- endfor -%}
    {%- for row in agate_table.rows -%}
        {%- set values = [] -%}
        {%- for column in columns -%}{%- do values.append('null' if row[column] is none else network_beaconing.sql_text(row[column] | string)) -%}{%- endfor -%}
        {%- do rows.append('(' ~ values | join(', ') ~ ')') -%}
    {%- endfor -%}
    {%- set nothing = ['null'] * (columns | length) -%}
    {%- set sql -%}
        create {{ 'or replace' if config.get('file_format') == 'delta' }} table {{ this.render() }} {{ file_format_clause() }} {{ location_clause() }} {{ comment_clause() }}
        as select {{ selected | join(', ') }}
        from values {{ rows | join(',\n') or '(' ~ nothing | join(', ') ~ ')' }} as seed ({{ columns | join(', ') }})
        {{ 'where false' if not rows }}
    {%- endset -%}
    {%- do network_beaconing.execute_all([sql]) -%}
    {{- return(sql) -}}
{% endmacro %}


{% macro spark__load_csv_rows(model, agate_table) %}
    {#- Replaces dbt-spark's: the rows are there already. -#}
    {{- return('') -}}
{% endmacro %}


{% macro seed_columns(model, agate_table) %}
    {#- The columns of a seed that are described, which the file must have; all of the file where none is. -#}
    {%- set there = agate_table.column_names | list -%}
    {%- set missing = model.columns | reject('in', there) | list -%}
    {%- if missing -%}
        {{- exceptions.raise_compiler_error(
            'seed ' ~ model.name ~ ' was not loaded: ' ~ model.original_file_path ~ ' has no column ' ~ missing | join(', ') ~ '. Its first line is '
            ~ network_beaconing.shown(there | join(',')) ~ '; give it ' ~ model.columns | join(',') ~ '.'
        ) -}}
    {%- endif -%}
    {{- return(model.columns | list or there) -}}
{% endmacro %}


{% macro say_which_services_are_left_out() %}
    {#- Post-hook of stg_known_services: names the rows of the seed of which a part is left out. -#}
    {%- if execute and not invocation_args_dict.empty -%}
        {%- set query -%}
            with wanted as (
                select service, sum(size(split(destination_ports, ' ')) * size(split(destination_networks, ' ')) * size(split(destination_names, ' '))) as n
                from {{ loaded_seed('known_services') }}
                group by service
            ),
            found as (select service, count(*) as n from {{ this }} group by service)
            select coalesce(wanted.service, 'a row without a name')
            from wanted left join found on wanted.service <=> found.service
            where wanted.n > coalesce(found.n, 0)
            order by 1
        {%- endset -%}
        {%- do warn_of_rows(
            'known_services', run_query(query).columns[0].values(),
            'ports from 1 to 65535, networks such as 192.0.2.0/24, names such as %.example.org, the shorter period first, sizes above 0, or * for all; '
            ~ 'and a name or a network where the protocol is not udp'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro say_which_networks_are_left_out() %}
    {#- Post-hook of stg_internal_networks: names the rows of the seed that are no network. -#}
    {%- if execute and not invocation_args_dict.empty -%}
        {%- set query -%}
            select coalesce(seed.network, 'an empty cell')
            from {{ loaded_seed('internal_networks') }} as seed left anti join {{ this }} as readable on seed.network = readable.network
            order by 1
        {%- endset -%}
        {%- do warn_of_rows('internal_networks', run_query(query).columns[0].values(), 'a network such as 192.0.2.0/24 or 2001:db8::/32, or an address') -%}
    {%- endif -%}
{% endmacro %}


{% macro warn_of_rows(seed, rows, cure) %}
    {#- Names rows of a seed that are left out. -#}
    {%- if rows -%}
        {%- set some = [] -%}
        {%- for row in rows[:3] -%}{%- do some.append('"' ~ shown(row) ~ '"') -%}{%- endfor -%}
        {%- do exceptions.warn(
            'seed ' ~ seed ~ ': ' ~ rows | length ~ ' row(s) are not used, or not all of them: ' ~ some | join(', ') ~ (', …' if rows | length > 3 else '')
            ~ '. Give ' ~ cure ~ '.'
        ) -%}
    {%- endif -%}
{% endmacro %}
