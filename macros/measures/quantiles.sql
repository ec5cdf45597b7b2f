{% macro sorted(values) %}
    {#- The non-null values of an array, sorted. -#}
    sort_array(transform(array_compact({{ values }}), x -> {{ never_null('x') }}))
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


{% macro longest_run(sorted) %}
    {#- How often the most frequent element of a sorted array of whole numbers without nulls occurs; null where the array is empty. -#}
    if(
        size({{ sorted }}) > 0,
        aggregate(
            {{ sorted }},
            named_struct('last', -1L, 'run', 0, 'longest', 0),
            (r, x) -> named_struct(
                'last', cast(x as bigint),
                'run', if(x = r.last, r.run + 1, 1),
                'longest', greatest(r.longest, if(x = r.last, r.run + 1, 1))
            ),
            r -> r.longest
        ),
        null
    )
{%- endmacro %}


{% macro size_regularity(sorted, median) %}
    {#-
        How constant the sizes in a sorted array are, 0 to 1: the larger of the share of repeated sizes and the share within `size_tolerance` of
        the median. Null where there are fewer than `minimum_intervals` sizes or all are zero.
    -#}
    if(
        size({{ sorted }}) >= {{ var('minimum_intervals') }} and array_max({{ sorted }}) > 0,
        greatest(
            1 - (size(array_distinct({{ sorted }})) - 1) / (size({{ sorted }}) - 1),
            {{ share_of('abs(x - ' ~ median ~ ') <= ' ~ size_tolerance() ~ 'D * ' ~ median, sorted) }}
        ),
        null
    )
{%- endmacro %}


{% macro neighbours(values) %}
    {#- Each two neighbouring elements of an array, as structs (earlier, later). Not zip_with, which Sail does not have. -#}
    transform(
        arrays_zip(slice({{ values }}, 1, greatest(0, size({{ values }}) - 1)), slice({{ values }}, 2, size({{ values }}))),
        pair -> struct(pair.`0` as earlier, pair.`1` as later)
    )
{%- endmacro %}
