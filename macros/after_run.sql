{% macro after_run(results) %}
{% endmacro %}
