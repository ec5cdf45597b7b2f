{% macro drop_partitions(relation, partitions, file_format) %}
    {#- The statement that removes partitions, each a dict from column to SQL literal. Empty where there are no partitions. -#}
    {%- set separator = ' and ' if file_format == 'delta' else ', ' -%}
    {%- set texts = [] -%}
    {%- for partition in partitions -%}
        {%- set values = [] -%}
        {%- for column, value in partition.items() -%}{%- do values.append(column ~ ' = ' ~ value) -%}{%- endfor -%}
        {%- do texts.append('(' ~ values | join(separator) ~ ')') -%}
    {%- endfor -%}
    {%- if texts and file_format == 'delta' -%}
        delete from {{ relation }} where {{ texts | join(' or ') }}
    {%- elif texts -%}
        alter table {{ relation }} drop if exists partition {{ texts | join(', partition ') }}
    {%- endif -%}
{% endmacro %}


{% macro clear_result_partition() %}
    {#- Pre-hook of the findings: empties this run's partitions. An overwrite would keep the old rows of a partition that now has none. -#}
    {%- if is_incremental() -%}
        {%- set partitions = [] -%}
        {%- for vendor in judged_vendors() -%}
            {%- do partitions.append({'end_date': "date '" ~ end_date() ~ "'", 'device_vendor': "'" ~ vendor ~ "'"}) -%}
        {%- endfor -%}
        {{- drop_partitions(this, partitions, config.get('file_format')) -}}
    {%- endif -%}
{% endmacro %}
