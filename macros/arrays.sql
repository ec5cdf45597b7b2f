{% macro sorted(values) %}
    {#- The known values of an array in order. (Spark sorts an array that cannot hold nulls several times faster.) -#}
    sort_array(array_compact({{ values }}))
{%- endmacro %}


{% macro at_quantile(sorted, percent) %}
    {#- The element of a sorted array below which `percent` of it lies, without interpolation; null where the array is empty. -#}
    try_element_at({{ sorted }}, greatest(1, cast(({{ percent }} * size({{ sorted }}) + 99) div 100 as int)))
{%- endmacro %}


{% macro median_of(sorted, offset, count) %}
    {#- The median of `count` elements of a sorted array, of which `offset` are skipped; null where there are none. -#}
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
    {#- How often the most frequent element of a sorted array is in it; 0 where the array is empty. -#}
    aggregate(
        {{ sorted }},
        named_struct('element', cast(null as bigint), 'run', 0, 'longest', 0),
        (seen, x) -> named_struct(
            'element', x,
            'run', if(x <=> seen.element, seen.run + 1, 1),
            'longest', greatest(seen.longest, if(x <=> seen.element, seen.run + 1, 1))
        ),
        seen -> seen.longest
    )
{%- endmacro %}


{% macro size_regularity(sorted, median) %}
    {#-
        How constant the sizes in a sorted array are, 0 to 1: the larger of the share that repeats another size and the share within 10 % of
        the middle one. Null where there are too few, or all are zero.
    -#}
    if(
        size({{ sorted }}) >= {{ var('minimum_intervals') }} and array_max({{ sorted }}) > 0,
        greatest(
            1 - (size(array_distinct({{ sorted }})) - 1) / (size({{ sorted }}) - 1),
            {{ share_of('abs(x - ' ~ median ~ ') <= 0.1D * ' ~ median, sorted) }}
        ),
        null
    )
{%- endmacro %}
