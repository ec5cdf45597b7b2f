{% macro clear_result_partition() %}
    {#- Pre-hook of results: empties the partition of this end_date and vendor, because an overwrite leaves a partition alone that yields no rows. -#}
    {%- if is_incremental() -%}
        {% if config.get('file_format') == 'delta' -%}
        delete from {{ this }} where end_date = date '{{ end_date() }}' and device_vendor = '{{ var("device_vendor") }}'
        {%- else -%}
        alter table {{ this }} drop if exists partition (end_date = date '{{ end_date() }}', device_vendor = '{{ var("device_vendor") }}')
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
