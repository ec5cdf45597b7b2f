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


{% macro vendor_facts() %}
    {#- The facts of makers (seed vendor_facts), the longest pattern first: a list of [fact, column_name, pattern, meaning, vendor], the vendor of all as %. -#}
    {%- set seed = loaded_seed('vendor_facts') -%}
    {%- set facts, unusable = [], [] -%}
    {%- if execute and adapter.get_relation(none, seed.schema, seed.identifier) -%}
        {%- for row in run_query(
            "select fact, column_name, pattern, meaning, replace(device_vendor, '*', '%') as vendor from " ~ seed ~ ' order by length(pattern) desc, pattern, device_vendor'
        ).rows -%}
            {%- set values = row | map('default', '', true) | list -%}
            {%- if '' in values or modules.re.search("['\\\\]|[$][{]", values | join) -%}{%- do unusable.append(values[4] ~ ', ' ~ values[0] ~ ': ' ~ values[2]) -%}
            {%- else -%}{%- do facts.append(row | list) -%}{%- endif -%}
        {%- endfor -%}
        {%- set said = of_this_run('bad_facts') -%}
        {%- if not said.get('once') -%}{%- do warn_of_rows('vendor_facts', unusable, 'no empty cell, and no apostrophe, backslash or ${') -%}{%- endif -%}
        {%- do said.update({'once': true}) -%}
    {%- endif -%}
    {{- return(facts) -}}
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


{% macro makers(facts) %}
    {#- The vendors (patterns) of facts, whole names first. -#}
    {%- set whole, open = [], [] -%}
    {%- for vendor in facts | map(attribute=4) | unique if vendor != '%' -%}{%- do (open if '%' in vendor else whole).append(vendor) -%}{%- endfor -%}
    {{- return(whole | sort + open | sort) -}}
{% endmacro %}


{% macro maker(facts, vendor) %}
    {#- The number of the row's maker among those of facts, by its vendor; 0 where it is none. Patterns are compared once for a row; later, numbers are. -#}
    case
        {%- for name in makers(facts) %}
        when {{ vendor }} ilike '{{ name }}' then {{ loop.index }}
        {%- endfor %}
        when true then 0
    end
{%- endmacro %}


{% macro facts_by_maker(facts, fact, column_name, meaning=none) %}
    {#- The facts about this in this column: a dict from a condition on `maker` to a list of [pattern, meaning], those of all vendors behind its own; last, those of all. -#}
    {%- set by_maker, of_all, about = {}, [], [] -%}
    {%- for this, column, pattern, means, vendor in facts if this == fact and column == column_name and meaning in (none, means) -%}
        {%- if vendor == '%' -%}{%- do of_all.append([pattern, means]) -%}{%- else -%}{%- do about.append([pattern, means, vendor]) -%}{%- endif -%}
    {%- endfor -%}
    {%- for name in makers(facts) -%}
        {%- set own = [] -%}
        {#- Facts of Forcepoint% are also of Forcepoint CSG. -#}
        {%- for pattern, means, vendor in about if modules.re.fullmatch(modules.re.escape(vendor).replace('%', '.*'), name, modules.re.IGNORECASE) -%}
            {%- do own.append([pattern, means]) -%}
        {%- endfor -%}
        {%- if own -%}{%- do by_maker.update({'maker = ' ~ loop.index: own + of_all}) -%}{%- endif -%}
    {%- endfor -%}
    {%- if of_all -%}{%- do by_maker.update({'true': of_all}) -%}{%- endif -%}
    {{- return(by_maker) -}}
{% endmacro %}


{% macro extension(facts, fact, meaning='-') %}
    {#-
        The text that the first field of `extensions` (pairs between semicolons) has which the facts of the row's maker, or of all makers, name, in upper or
        lower case; null where none has. One pattern for all names of a maker, and none where it has no fact: rows have hundreds of characters there.
    -#}
    case
        when extensions = '' then null
        {%- for of_maker, names in facts_by_maker(facts, fact, 'AdditionalExtensions', meaning).items() %}
        when {{ of_maker }}
            then nullif(trim(regexp_extract(extensions, '(?i);(?:{{ names | map("first") | join("|") }})=([^;]*)', 1)), '')
        {%- endfor %}
        when false then ''
    end
{%- endmacro %}


{% macro in_message(facts, fact) %}
    {#- The text in the column Message that the facts of the row's maker (regular expressions with a group) give; null where none does. -#}
    case
        when Message is null then null
        {%- for of_maker, patterns in facts_by_maker(facts, fact, 'Message').items() %}
        when {{ of_maker }}
            then coalesce({% for pattern, _ in patterns %}nullif(regexp_extract(Message, '{{ pattern }}', 1), ''){{ ', ' if not loop.last }}{% endfor %})
        {%- endfor %}
        when false then ''
    end
{%- endmacro %}


{% macro in_column(facts, fact, column_name) %}
    {#- The column, in rows of makers whose facts say that the value stands there; else null. -#}
    case
        {%- for of_maker in facts_by_maker(facts, fact, column_name) %}
        when {{ of_maker }} then {{ column_name }}
        {%- endfor %}
        when false then ''
    end
{%- endmacro %}


{% macro told_in_text(facts, fact, result='pattern') %}
    {#- What the text of Message, or else of `extensions`, says of a row by its maker's facts: the `result` (pattern or meaning) of the longest pattern that fits; null where none does. -#}
    coalesce(
        {%- for column_name, column in [('Message', 'Message'), ('AdditionalExtensions', 'extensions')] %}
        case
            when {{ column }} is null then null
            {%- for of_maker, patterns in facts_by_maker(facts, fact, column_name).items() %}
            when {{ of_maker }}
                then case{% for pattern, meaning in patterns %} when {{ column }} ilike '{{ pattern }}' then '{{ meaning if result == 'meaning' else pattern }}'{% endfor %} end
            {%- endfor %}
            when false then ''
        end{{ ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}


{% macro session_id(facts) %}
    {#- The maker's id of the session, from the first field or column that the makers' facts name for the row's vendor. -#}
    nullif(coalesce({{ extension(facts, 'session_id') }}, {{ in_message(facts, 'session_id') }}, {{ in_column(facts, 'session_id', 'ExternalID') }}), '0')
{%- endmacro %}
