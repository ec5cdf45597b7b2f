{% test unique_grain(model, columns) %}
    {#- Rows that share their grain. Unlike a unique test it takes several columns, and two nulls are the same. -#}
    select
        {{ columns | join(', ') }},
        count(*) as row_count
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
{% endtest %}
