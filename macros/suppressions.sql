{% macro load_agate_table() %}
    {#-
        The rows of a seed's file. It has the name of dbt's own function, and is called in its place: that one stops at a row with more cells than columns, such
        as one with a comma in a reason, and names neither file nor cure. Here such a row of suppressions is loaded, with all that is too much in its
        last cell, where it is no date: it hides nothing, and is named. In other seeds it is an error.
    -#}
    {%- set file = model.root_path ~ '/' ~ model.original_file_path -%}
    {%- set reader = run_query("select 'text' as reader") -%}
    {%- set text = reader.column_types[0] -%}
    {%- set how = {'encoding': 'utf-8-sig', 'delimiter': model.config.get('delimiter') or ','} -%}
    {%- set more = range(100) | map('string') | list -%}
    {%- set columns = reader.from_csv(file, column_names=more, column_types=[text] * 100, header=false, row_limit=1, **how).rows[0] | select | list -%}
    {%- set width = columns | length -%}
    {%- set wide = reader.from_csv(file, column_names=columns + more, column_types=[text] * (width + 100), **how) -%}
    {%- set rows = [] -%}
    {%- for row in wide.rows -%}
        {%- set cells = [] -%}
        {%- for cell in row[:width] -%}{%- do cells.append(none if (cell or '') | lower in ('', 'null') else cell) -%}{%- endfor -%}
        {%- set surplus = row[width:] | select | list -%}
        {%- if surplus and model.name != 'suppressions' -%}
            {{- exceptions.raise_compiler_error(
                'seed ' ~ model.name ~ ' was not loaded: row ' ~ loop.index ~ ' of ' ~ model.original_file_path ~ ' has more than ' ~ width
                ~ ' cells. A cell with a comma stands between double quotes. The row is ' ~ shown((cells + surplus) | select | join(','))
            ) -}}
        {%- endif -%}
        {%- if surplus -%}{%- do cells.append((cells.pop() or '') ~ ',' ~ surplus | join(',')) -%}{%- endif -%}
        {%- do rows.append(dict(zip(columns, cells))) -%}
    {%- endfor -%}
    {{- return(reader.from_object(rows, column_types=[text] * width) if rows else wide.select(columns)) -}}
{% endmacro %}


{% macro suppresses(suppression, finding) %}
    {#- A condition: a finding with keys of its addresses meets all conditions of a row of stg_suppressions. One without an interval meets * alone. -#}
    {{ finding }}.destination_ip_key between {{ suppression }}.destination_range.first_key and {{ suppression }}.destination_range.last_key
    and {{ finding }}.source_ip_key between {{ suppression }}.source_range.first_key and {{ suppression }}.source_range.last_key
    and coalesce({{ finding }}.destination_port = {{ suppression }}.destination_port, {{ suppression }}.destination_port is null)
    and coalesce({{ finding }}.device_vendor = {{ suppression }}.device_vendor, {{ suppression }}.device_vendor is null)
    and coalesce(
        coalesce({{ finding }}.period_seconds, {{ finding }}.time_delta) between {{ suppression }}.shortest_seconds and {{ suppression }}.longest_seconds,
        {{ suppression }}.shortest_seconds = 0 and {{ suppression }}.longest_seconds = 1e9D
    )
{%- endmacro %}


{% macro with_address_keys() %}
    {#- Columns of findings by which suppressions know them. A name is in no network but *. -#}
    {{ ip_key('source_ip') }} as source_ip_key,
    coalesce({{ ip_key('destination_ip') }}, repeat('0', 32)) as destination_ip_key
{%- endmacro %}


{% macro say_which_suppressions_are_wrong() %}
    {#- Post-hook of stg_suppressions: names the rows of the seed that hide nothing because they are wrong, or have expired. -#}
    {%- if execute and not invocation_args_dict.empty -%}
        {%- for said, condition in [('cannot be used', 'problem is not null'), ('have expired', 'problem is null and is_expired')] -%}
            {%- set rows = run_query('select suppression, problem from ' ~ this ~ ' where ' ~ condition ~ ' order by 1').rows -%}
            {%- if rows -%}
                {%- set some = [] -%}
                {%- for row, problem in rows[:10] -%}{%- do some.append('\n  ' ~ shown(row) ~ (': ' ~ shown(problem) if problem else '')) -%}{%- endfor -%}
                {%- do exceptions.warn(
                    'seed suppressions: ' ~ rows | length ~ ' row(s) ' ~ said ~ ' and hide nothing:' ~ some | join ~ ('\n  …' if rows | length > 10 else '')
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{% macro plain_number() %}
    {#- A pattern, as a literal, for numbers of a seed: 60, 7.5 or 1e+03, but neither NaN nor a sign. -#}
    '^([0-9]+[.]?[0-9]*|[.][0-9]+)(e[+]?[0-9]{1,2})?$'
{%- endmacro %}
