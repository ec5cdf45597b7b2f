{% macro loaded_seed(name) %}
    {#- The table of a seed. `dbt run` loads no seeds, so this stops the run and names the cure where the table is missing. -#}
    {%- set relation = ref(name) -%}
    {%- if execute and invocation_args_dict.which in ('run', 'build', 'retry') and not relation.is_cte and not adapter.get_relation(none, relation.schema, relation.identifier) -%}
        {{- exceptions.raise_compiler_error('seed ' ~ name ~ ' is not loaded yet. Run dbt seed first, or dbt build, which loads it.') -}}
    {%- endif -%}
    {{- return(relation) -}}
{% endmacro %}


{% macro vendor_facts() %}
    {#- The facts of makers (seed vendor_facts), the longest pattern first: a list of [fact, column_name, pattern, meaning, vendor], the vendor of all as %. -#}
    {%- set seed = loaded_seed('vendor_facts') -%}
    {%- set facts = [] -%}
    {%- if execute and adapter.get_relation(none, seed.schema, seed.identifier) -%}
        {%- for row in run_query(
            "select fact, column_name, pattern, meaning, replace(device_vendor, '*', '%') as vendor from " ~ seed ~ ' order by length(pattern) desc, pattern, device_vendor'
        ).rows -%}
            {%- do facts.append(row | list) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(facts) -}}
{% endmacro %}


{% macro facts_by_vendor(facts, fact, column_name, meaning=none) %}
    {#- The facts about this in this column: a dict from vendor to a list of [pattern, meaning], those of all vendors behind its own; last, those of all. -#}
    {%- set by_vendor = {} -%}
    {%- for about, column, pattern, means, vendor in facts if about == fact and column == column_name and meaning in (none, means) -%}
        {%- do by_vendor.setdefault(vendor, []).append([pattern, means]) -%}
    {%- endfor -%}
    {%- set of_all = by_vendor.pop('%', []) -%}
    {%- for own in by_vendor.values() -%}{%- do own.extend(of_all) -%}{%- endfor -%}
    {%- if of_all -%}{%- do by_vendor.update({'%': of_all}) -%}{%- endif -%}
    {{- return(by_vendor) -}}
{% endmacro %}


{% macro of_vendor(vendor) %}
    {#- A condition: a row is of this vendor; one of all vendors may have no vendor. -#}
    {{- return('true' if vendor == '%' else "DeviceVendor ilike '" ~ vendor ~ "'") -}}
{% endmacro %}


{% macro extension(facts, fact, meaning='-') %}
    {#-
        The text that the first field of `extensions` (pairs between semicolons) has which the facts of the row's maker, or of all makers, name; null
        where none has. One pattern for all names of a maker, and none where it has no fact: rows have hundreds of characters there.
    -#}
    case
        when extensions = '' then null
        {%- for vendor, names in facts_by_vendor(facts, fact, 'AdditionalExtensions', meaning).items() %}
        when {{ of_vendor(vendor) }}
            then nullif(trim(regexp_extract(extensions, ';(?:{{ names | map("first") | join("|") }})=([^;]*)', 1)), '')
        {%- endfor %}
        when false then ''
    end
{%- endmacro %}


{% macro in_message(facts, fact) %}
    {#- The text in the column Message that the facts of the row's maker (regular expressions with a group) give; null where none does. -#}
    case
        when Message is null then null
        {%- for vendor, patterns in facts_by_vendor(facts, fact, 'Message').items() %}
        when {{ of_vendor(vendor) }}
            then coalesce({% for pattern, meaning in patterns %}nullif(regexp_extract(Message, '{{ pattern }}', 1), ''){{ ', ' if not loop.last }}{% endfor %})
        {%- endfor %}
        when false then ''
    end
{%- endmacro %}


{% macro in_column(facts, fact, column_name) %}
    {#- The column, in rows of makers whose facts say that the value stands there; else null. -#}
    case
        {%- for vendor in facts_by_vendor(facts, fact, column_name) %}
        when {{ of_vendor(vendor) }} then {{ column_name }}
        {%- endfor %}
        when false then ''
    end
{%- endmacro %}


{% macro told_in_text(facts, fact) %}
    {#- What the text of Message, or else of `extensions`, says of a row by its maker's facts: the meaning of the longest pattern; null where none fits. -#}
    coalesce(
        {%- for column_name, column in [('Message', 'Message'), ('AdditionalExtensions', 'extensions')] %}
        case
            when {{ column }} is null then null
            {%- for vendor, patterns in facts_by_vendor(facts, fact, column_name).items() %}
            when {{ of_vendor(vendor) }}
                then case{% for pattern, meaning in patterns %} when {{ column }} ilike '{{ pattern }}' then '{{ meaning }}'{% endfor %} end
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
