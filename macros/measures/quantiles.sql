{% macro sorted(values) %}
    {#- The non-null values of an array, sorted. Not array_compact: Sail takes elements of other rows in it (embedded_engine.md). -#}
    sort_array(transform(filter({{ values }}, x -> x is not null), x -> {{ never_null('x') }}))
{%- endmacro %}


{% macro never_null(value) %}
    {#- A number that is never null anyway. Spark sorts an array several times faster when its type excludes nulls. -#}
    coalesce({{ value }}, 0)
{%- endmacro %}


{% macro at_quantile(sorted, percent) %}
    {#- The `percent` percentile of a sorted array, without interpolation; null where the array is empty. -#}
    try_element_at({{ sorted }}, greatest(1, cast(({{ percent }} * size({{ sorted }}) + 99) div 100 as int)))
{%- endmacro %}


{% macro median_of(sorted, offset, count) %}
    {#- The median of `count` elements of a sorted array, after the first `offset` elements; null where there are none. -#}
    (
        try_element_at({{ sorted }}, greatest(1, cast({{ offset }} + ({{ count }} + 1) div 2 as int)))
        + try_element_at({{ sorted }}, greatest(1, cast({{ offset }} + {{ count }} div 2 + 1 as int)))
    ) / 2
{%- endmacro %}


{% macro share_of(condition, sorted) %}
    {#- The share of an array's elements x for which `condition` holds; null where the array is empty. -#}
    size(filter({{ sorted }}, x -> {{ condition }})) / nullif(size({{ sorted }}), 0)
{%- endmacro %}


{% macro sixths(values) %}
    {#- An array of six: the sixths of an array, each sorted. Not by a lambda, which would hold the array six times. -#}
    array(
        {%- for n in range(6) -%}
        {%- set before, beyond = n ~ ' * size(' ~ values ~ ') div 6', (n + 1) ~ ' * size(' ~ values ~ ') div 6' -%}
        sort_array(slice({{ values }}, cast({{ before }} + 1 as int), cast({{ beyond }} - {{ before }} as int))){{ ', ' if not loop.last }}
        {%- endfor -%}
    )
{%- endmacro %}


{% macro near_centres(parts, centres) %}
    {#- How many elements of the six arrays of `sixths` are within 50 % of the centre of their own. -#}
    (
        {%- for n in range(6) -%}
        size(filter({{ parts }}[{{ n }}], x -> abs(x - {{ centres }}[{{ n }}]) < 0.5 * {{ centres }}[{{ n }}])){{ ' + ' if not loop.last }}
        {%- endfor -%}
    )
{%- endmacro %}


{% macro run_ends(sorted) %}
    {#- The position, from 1, of the last of each run of equal elements in a sorted array without nulls. -#}
    filter(
        transform(
            arrays_zip(slice({{ sorted }}, 1, size({{ sorted }})), slice({{ sorted }}, 2, size({{ sorted }}))),
            (n, i) -> if(n.`0` = n.`1`, null, i + 1)
        ),
        x -> x is not null
    )
{%- endmacro %}


{% macro run_lengths(ends) %}
    {#- How long each run is, from run_ends. -#}
    transform(
        arrays_zip(slice({{ ends }}, 1, size({{ ends }})), slice(concat(array(0), {{ ends }}), 1, size({{ ends }}))),
        n -> n.`0` - n.`1`
    )
{%- endmacro %}


{% macro size_regularity(sorted, ends, median) %}
    {#-
        How constant the sizes in a sorted array are, 0 to 1: the larger of the share of repeated sizes and the share within `size_tolerance` of
        the median. Null where there are fewer than `minimum_intervals` sizes or all are zero. `ends` are from run_ends.
    -#}
    if(
        size({{ sorted }}) >= {{ var('minimum_intervals') }} and array_max({{ sorted }}) > 0,
        greatest(
            1 - (size({{ ends }}) - 1) / (size({{ sorted }}) - 1),
            {{ share_of('abs(x - ' ~ median ~ ') <= ' ~ size_tolerance() ~ 'D * ' ~ median, sorted) }}
        ),
        null
    )
{%- endmacro %}


{% macro of_neighbours(values, result) %}
    {#- `result` for each two neighbouring elements of an array, the earlier n.`0` and the later n.`1`. Not zip_with, which Sail does not have. -#}
    transform(
        arrays_zip(slice({{ values }}, 1, greatest(0, size({{ values }}) - 1)), slice({{ values }}, 2, size({{ values }}))),
        n -> {{ result }}
    )
{%- endmacro %}
