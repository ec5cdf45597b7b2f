{% macro clear_result_partition() %}
    {#- Pre-hook of results: empties the partition of this end_date and vendor, because an overwrite leaves a partition alone that yields no rows. -#}
    {%- if is_incremental() -%}
        alter table {{ this }} drop if exists partition (end_date = date '{{ end_date() }}', device_vendor = '{{ var("device_vendor") }}')
    {%- endif -%}
{% endmacro %}
