{% macro judged_vendors() %}
    {#- The vendors to judge as a list: the var `device_vendor`, one text or a list of texts. -#}
    {#- dbt renders models once before the vars are checked, and discards that text. -#}
    {%- if not execute -%}{{- return(['']) -}}{%- endif -%}
    {%- set given = var('device_vendor') -%}
    {{- return([given] if given is string else given | unique(case_sensitive=true) | list) -}}
{% endmacro %}


{% macro judged_vendor_texts() %}
    {#- The judged vendors as SQL texts, separated by commas. check_vars refuses quotes and backslashes in a vendor's name. -#}
    {{- return("'" ~ judged_vendors() | join("', '") ~ "'") -}}
{% endmacro %}


{% macro of_judged_vendors() %}
    {#- A condition: column device_vendor is one of the judged vendors. Each vendor is judged by its own rows alone. -#}
    {{- return('device_vendor in (' ~ judged_vendor_texts() ~ ')') -}}
{% endmacro %}


{% macro replaced_findings() %}
    {#- Config `replaces` of the findings: end_date and each judged vendor; nothing with --empty, which judges no rows. -#}
    {%- set partitions = [] -%}
    {%- for vendor in judged_vendors() if not invocation_args_dict.empty -%}
        {%- do partitions.append({'end_date': "date '" ~ end_date() ~ "'", 'device_vendor': "'" ~ vendor ~ "'"}) -%}
    {%- endfor -%}
    {{- return(tojson(partitions)) -}}
{% endmacro %}
