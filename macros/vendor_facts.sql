{#- What staging reads of makers' texts, by the rows of the seed vendor_facts. -#}

{% macro vendor_facts() %}
    {#- The facts of makers (seed vendor_facts), the longest pattern first: a list of [fact, column_name, pattern, meaning, vendor], the vendor of all as %. -#}
    {%- set seed = loaded_seed('vendor_facts') -%}
    {%- set facts, unusable = [], [] -%}
    {%- if execute and adapter.get_relation(none, seed.schema, seed.identifier) -%}
        {%- for row in run_query(
            "select fact, column_name, pattern, meaning, replace(device_vendor, '*', '%') as vendor from " ~ seed ~ ' order by length(pattern) desc, pattern, device_vendor'
        ).rows -%}
            {%- set values = row | map('default', '', true) | list -%}
            {%- set is_text = values[1] not in ['Message', 'AdditionalExtensions'] or values[0] in ['row_kind', 'denied', 'swapped', 'direction'] -%}
            {%- if '' in values or modules.re.search("['\\\\]|[$][{]", values | join) or not (is_text or is_expression(values[2], values[1] == 'Message')) -%}
                {%- do unusable.append(values[4] ~ ', ' ~ values[0] ~ ': ' ~ values[2]) -%}
            {%- else -%}{%- do facts.append(row | list) -%}{%- endif -%}
        {%- endfor -%}
        {%- set said = of_this_run('bad_facts') -%}
        {%- if not said.get('once') -%}{%- do warn_of_rows('vendor_facts', unusable, 'no empty cell, no apostrophe, backslash or ${, and regular expressions that are whole (in Message with a group, elsewhere without)') -%}{%- endif -%}
        {%- do said.update({'once': true}) -%}
    {%- endif -%}
    {{- return(facts) -}}
{% endmacro %}


{% macro is_expression(pattern, with_group) %}
    {#- Whether every engine reads the pattern as a regular expression, with a group or with none. One that it cannot read stops an engine. -#}
    {%- set wrong, classes = [], '\\[(?!\\^\\])\\^?(?:\\][^\\[\\]]*|[^\\[\\]]+)\\]' -%}
    {%- for class in modules.re.findall(classes, pattern) -%}
        {%- for first, last in modules.re.findall('([^[^])-([^]])', class) if first > last -%}{%- do wrong.append(class) -%}{%- endfor -%}
    {%- endfor -%}
    {%- set plain = modules.re.sub(classes, '_', pattern) -%}
    {%- set bare = namespace(text=plain.replace('(?:', '(')) -%}
    {%- set repeated = '(?:^|[(|^$])[*+?{]|[*+?}](?:[*+{]|[?][*+?{])|[{](?![0-9]{1,3}(?:,[0-9]{0,3})?[}])' -%}
    {%- if '[' in plain or '(?' in bare.text or modules.re.search(repeated, bare.text) or (modules.re.search('[(](?![?]:)', plain) is none) == with_group -%}
        {%- do wrong.append(plain) -%}
    {%- endif -%}
    {%- for _ in plain if '(' in bare.text -%}{%- set bare.text = modules.re.sub('[(][^()]*[)]', '_', bare.text) -%}{%- endfor -%}
    {{- return(not wrong and '(' not in bare.text and ')' not in bare.text) -}}
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
