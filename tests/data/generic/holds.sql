{% test holds(model, expression) %}
    {#- Rows for which an invariant is false or unknown. -#}
    select *
    from {{ model }}
    where not coalesce({{ expression }}, false)
{% endtest %}
