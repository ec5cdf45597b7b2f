{% macro judged_vendors() %}
    {#- The vendors to judge as a list: the var `device_vendor`, one text or a list of texts. -#}
    {#- dbt renders models once before the vars are checked; that text is thrown away. -#}
    {%- if not execute -%}{{- return(['']) -}}{%- endif -%}
    {%- set given = var('device_vendor') -%}
    {{- return([given] if given is string else given | unique(case_sensitive=true) | list) -}}
{% endmacro %}


{% macro judged_vendor_texts() %}
    {#- The same as SQL texts with commas between. check_vars lets no quote and no backslash into a vendor's name. -#}
    {{- return("'" ~ judged_vendors() | join("', '") ~ "'") -}}
{% endmacro %}


{% macro of_judged_vendors() %}
    {#- A condition on column device_vendor: one of the vendors that this run judges, each by its own rows alone. -#}
    {{- return('device_vendor in (' ~ judged_vendor_texts() ~ ')') -}}
{% endmacro %}
