{% test holds(model, expression) %}
    {#- Rows for which the expression is false or null. By explode, because Sail cannot filter a table by a lambda. -#}
    select
        *,
        explode(array_repeat(true, if(coalesce({{ expression }}, false), 0, 1))) as is_violated
    from {{ model }}
{% endtest %}
