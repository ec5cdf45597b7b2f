{#- RITA v5's scores for comparison, from their definitions; quartiles are medians of the halves, the middle value left out of both when n is odd. -#}

{% macro rita_quartiles(sorted) %}
    {#- A struct (q1, q2, q3) of a sorted array of numbers; nulls where it is empty. -#}
    {%- set n = 'size(' ~ sorted ~ ')' -%}
    {%- set half = '(' ~ n ~ ' div 2)' -%}
    named_struct(
        'q1', {{ median_of(sorted, 0, half) }},
        'q2', {{ median_of(sorted, 0, n) }},
        'q3', {{ median_of(sorted, n ~ ' - ' ~ half, half) }}
    )
{%- endmacro %}


{% macro rita_spread_score(quartiles, deviations, without_spread) %}
    {#-
        Timestamp or data size score: the mean of 1 - |Bowley skewness| and of the share that the median deviation leaves of the median, which is
        `without_spread` where the median is below 1. `deviations` is the sorted array of distances from the median.
    -#}
    {%- set q = quartiles -%}
    round((
        1 - if(
            {{ q }}.q3 - {{ q }}.q1 < 10 or {{ q }}.q2 = {{ q }}.q1 or {{ q }}.q2 = {{ q }}.q3,
            0,
            abs(({{ q }}.q1 + {{ q }}.q3 - 2 * {{ q }}.q2) / ({{ q }}.q3 - {{ q }}.q1))
        )
        + if({{ q }}.q2 < 1, {{ without_spread }}, greatest(0, ({{ q }}.q2 - {{ median_of(deviations, 0, 'size(' ~ deviations ~ ')') }}) / {{ q }}.q2))
    ) / 2, 3)
{%- endmacro %}


{% macro rita_histogram_score(bins) %}
    {#-
        The larger of 1 - coefficient of variation of all bins (0 where it is above 1) and, where 11 or more bins are not empty,
        the share of these that the two largest groups hold; groups are counts within 5 % of the largest.
    -#}
    transform(
        array(named_struct(
            'mean', aggregate({{ bins }}, 0D, (total, x) -> total + x) / size({{ bins }}),
            'filled', filter({{ bins }}, x -> x > 0),
            'step', greatest(1, ceil(array_max({{ bins }}) * 0.05D))
        )),
        b -> round(greatest(
            greatest(0, 1 - sqrt(aggregate({{ bins }}, 0D, (total, x) -> total + pow(x - b.mean, 2)) / size({{ bins }})) / nullif(b.mean, 0)),
            if(
                size(b.filled) >= 11,
                least(1, aggregate(
                    slice(sort_array(transform(
                        array_distinct(transform(b.filled, x -> x div b.step)),
                        step -> size(filter(b.filled, x -> x div b.step = step))
                    ), false), 1, 2),
                    0, (total, bars) -> total + bars
                ) / (size(b.filled) - 1)),
                0
            )
        ), 3)
    )[0]
{%- endmacro %}


{% macro rita_duration_score(bins, first_second, last_second, window_seconds) %}
    {#- The larger of the share of the window between first and last event and the longest run of non-empty bins over 12, wrapping from the last to the first; 0 below 6 non-empty bins. -#}
    if(
        size(filter({{ bins }}, x -> x > 0)) >= 6,
        greatest(
            round(least(1, ({{ last_second }} - {{ first_second }}) / nullif({{ window_seconds }}, 0)), 3),
            round(least(1, least(size({{ bins }}), aggregate(
                concat({{ bins }}, {{ bins }}),
                named_struct('run', 0, 'best', 0),
                (runs, x) -> named_struct('run', if(x > 0, runs.run + 1, 0), 'best', greatest(runs.best, if(x > 0, runs.run + 1, 0))),
                runs -> runs.best
            )) / 12), 3)
        ),
        0
    )
{%- endmacro %}
