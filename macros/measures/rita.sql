{#- RITA v5's scores for comparison, written from their definitions. Quartiles are the medians of the two halves; an odd n leaves the middle value out of both. -#}

{% macro rita_rounded(score) %}
    {#- A score rounded to three decimals. Not by round(), in which engines differ where a score lies between two. -#}
    floor(({{ score }}) * 1000 + 0.5D) / 1000
{%- endmacro %}


{% macro rita_quartiles(sorted) %}
    {#- A struct (q1, q2, q3) of a sorted array of numbers; nulls where the array is empty. -#}
    {%- set n = 'size(' ~ sorted ~ ')' -%}
    {%- set half = '(' ~ n ~ ' div 2)' -%}
    named_struct(
        'q1', {{ median_of(sorted, 0, half) }},
        'q2', {{ median_of(sorted, 0, n) }},
        'q3', {{ median_of(sorted, n ~ ' - ' ~ half, half) }}
    )
{%- endmacro %}


{% macro rita_skewness(q) %}
    {#- Bowley's skewness of quartiles; 0 where RITA calls it unreliable. -#}
    if(
        {{ q }}.q3 - {{ q }}.q1 < 10 or {{ q }}.q2 = {{ q }}.q1 or {{ q }}.q2 = {{ q }}.q3,
        0,
        ({{ q }}.q1 + {{ q }}.q3 - 2 * {{ q }}.q2) / ({{ q }}.q3 - {{ q }}.q1)
    )
{%- endmacro %}


{% macro rita_closeness(q, deviations, without_spread) %}
    {#- (median - median of the sorted `deviations` from it) / median, at least 0; `without_spread` where the median is below 1. -#}
    if(
        {{ q }}.q2 < 1,
        {{ without_spread }},
        greatest(0, ({{ q }}.q2 - {{ median_of(deviations, 0, 'size(' ~ deviations ~ ')') }}) / {{ q }}.q2)
    )
{%- endmacro %}


{% macro rita_spread_score(q, deviations, without_spread) %}
    {#- The timestamp or data size score: the mean of 1 - |skewness| and closeness. -#}
    {{ rita_rounded('(1 - abs(' ~ rita_skewness(q) ~ ') + ' ~ rita_closeness(q, deviations, without_spread) ~ ') / 2') }}
{%- endmacro %}


{% macro rita_bin_numbers(seconds, first, last, count=24) %}
    {#-
        Into which of `count` equal bins from `first` to `last` each of `seconds` falls, from 0, sorted. The last second belongs to the last bin.
        With one more of each bin, so that every bin is a run.
    -#}
    {%- set bin = 'least(' ~ (count - 1) ~ ', (s - ' ~ first ~ ') * ' ~ count ~ ' div nullif(' ~ last ~ ' - ' ~ first ~ ', 0))' -%}
    sort_array(concat(sequence(0L, {{ count - 1 }}L), transform({{ seconds }}, s -> {{ never_null(bin) }})))
{%- endmacro %}


{% macro rita_bins(ends) %}
    {#- How many events each bin has; `ends` are the run_ends of rita_bin_numbers. -#}
    transform({{ run_lengths(ends) }}, x -> x - 1)
{%- endmacro %}


{% macro rita_filled_bins(bins) %}
    {#- The bins that are not empty. -#}
    filter({{ bins }}, x -> x > 0)
{%- endmacro %}


{% macro rita_bin_mean(bins) %}
    {#- The mean of all bins. -#}
    aggregate({{ bins }}, 0D, (total, x) -> total + x) / size({{ bins }})
{%- endmacro %}


{% macro rita_bin_step(bins) %}
    {#- 5 % of the largest bin: bins form a group when they have the same count in such steps. -#}
    greatest(1, ceil(array_max({{ bins }}) * 0.05D))
{%- endmacro %}


{% macro rita_evenness(bins, mean) %}
    {#- 1 - coefficient of variation of all bins; 0 where the coefficient is above 1. -#}
    greatest(0, 1 - sqrt(aggregate({{ bins }}, 0D, (total, x) -> total + pow(x - {{ mean }}, 2)) / size({{ bins }})) / nullif({{ mean }}, 0))
{%- endmacro %}


{% macro rita_bimodality(filled_bins, step, minimum=11) %}
    {#-
        The share of the non-empty bins that the two largest groups hold, with one bin left out as an outlier; 0 for fewer than `minimum` non-empty
        bins. `step` is from rita_bin_step.
    -#}
    if(
        size({{ filled_bins }}) >= {{ minimum }},
        least(1, aggregate(
            slice(sort_array(transform(
                array_distinct(transform({{ filled_bins }}, x -> x div {{ step }})),
                height -> size(filter({{ filled_bins }}, x -> x div {{ step }} = height))
            ), false), 1, 2),
            0, (total, bars) -> total + bars
        ) / greatest(1, size({{ filled_bins }}) - 1)),
        0
    )
{%- endmacro %}


{% macro rita_duration_score(bins, filled_bins, first_second, last_second, window_seconds) %}
    {#-
        The larger of two shares: the time between first and last event over the window, and the longest run of non-empty bins over 12. The run may
        wrap from the last bin to the first. 0 for fewer than 6 non-empty bins.
    -#}
    if(
        size({{ filled_bins }}) >= 6,
        greatest(
            {{ rita_rounded('least(1, (' ~ last_second ~ ' - ' ~ first_second ~ ') / nullif(' ~ window_seconds ~ ', 0))') }},
            {{ rita_rounded('least(1, ' ~ rita_longest_run(bins) ~ ' / 12)') }}
        ),
        0
    )
{%- endmacro %}


{% macro rita_longest_run(bins) %}
    {#- The longest run of non-empty bins, which may wrap from the last bin to the first. -#}
    least(size({{ bins }}), aggregate(
        concat({{ bins }}, {{ bins }}),
        named_struct('run', 0, 'best', 0),
        (runs, x) -> named_struct('run', if(x > 0, runs.run + 1, 0), 'best', greatest(runs.best, if(x > 0, runs.run + 1, 0))),
        runs -> runs.best
    ))
{%- endmacro %}
