{% test unique_grain(model, columns) %}
    {#- Grains that occur more than once. Unlike dbt's unique test, it takes several columns and treats nulls as equal. -#}
    select
        {{ columns | join(', ') }},
        count(*) as row_count
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
