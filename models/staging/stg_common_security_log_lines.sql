{{ config(
    materialized='incremental',
    partition_by='log_date',
    on_schema_change='append_new_columns',
    pre_hook="{{ clear_days_to_load(source('raw', 'common_security_log_days')) }}",
) }}

{% set fields = [
    'TimeGenerated', 'DeviceVendor', 'DeviceProduct', 'DeviceEventClassID', 'Activity', 'DeviceAction', 'SourceIP', 'SourcePort', 'DestinationIP',
    'DestinationPort', 'Protocol', 'SentBytes', 'ReceivedBytes', 'ExternalID', 'AdditionalExtensions', '_ItemId',
] %}

-- render(): under --empty the source would be a subquery, which has no _metadata.
with log_lines as (
    select
        *,
        {{ log_date_of('_metadata.file_path') }} as log_date
    from {{ source('raw', 'common_security_log').render() }}
),

changed_days as (
    select * from {{ source('raw', 'common_security_log_days') }}
    where {{ in_days_to_load(source('raw', 'common_security_log_days')) }}
),

-- An empty text is an absent value.
texts as (
    select /*+ broadcast(changed_days) */
        log_lines.log_date,
        changed_days.log_version,
        _corrupt_record as corrupt_record,
        {% for field in fields %}
            nullif(trim({{ field }}), '') as {{ field }},
        {% endfor %}
        nullif(lower(trim(SourceIP)), '') as source_address,
        nullif(lower(trim(DestinationIP)), '') as destination_address
    from log_lines
    inner join changed_days on log_lines.log_date = changed_days.log_date
),

typed as (
    select
        *,
        {{ event_time('TimeGenerated') }} as time_generated,
        {{ ip_key('source_address') }} as source_ip_key,
        {{ ip_key('destination_address') }} as destination_ip_key,
        {{ whole_number('SourcePort') }} as source_port,
        {{ whole_number('DestinationPort') }} as destination_port
    from texts
),

-- The first thing that is wrong with a line. A line without addresses or ports is some other event of the firewall, not a mistake.
judged as (
    select
        *,
        case
            when corrupt_record is not null then 'malformed JSON'
            when TimeGenerated is null then 'no time'
            when time_generated is null then 'unreadable time'
            when SourceIP is not null and source_ip_key is null then 'unreadable source address'
            when DestinationIP is not null and destination_ip_key is null then 'unreadable destination address'
            when SourcePort is not null and coalesce(source_port, 65536) > 65535 then 'unreadable source port'
            when DestinationPort is not null and coalesce(destination_port, 65536) > 65535 then 'unreadable destination port'
        end as reject_reason
    from typed
)

-- Few files a day: each reader of the log files has rows of many days, and would write a file for each of them.
select /*+ rebalance(log_date) */
    time_generated,
    DeviceVendor as device_vendor,
    DeviceProduct as device_product,
    DeviceEventClassID as device_event_class_id,
    Activity as activity,
    DeviceAction as device_action,
    if(source_address like '%:%', {{ ip_text('source_ip_key') }}, source_address) as source_ip,
    source_ip_key,
    cast(source_port as int) as source_port,
    if(destination_address like '%:%', {{ ip_text('destination_ip_key') }}, destination_address) as destination_ip,
    destination_ip_key,
    cast(destination_port as int) as destination_port,
    Protocol as protocol,
    {{ whole_number('SentBytes') }} as sent_bytes,
    {{ whole_number('ReceivedBytes') }} as received_bytes,
    -- How long the session lasted, where the vendor says so.
    coalesce({{ extension_number('AdditionalExtensions', 'FTNTFGTduration') }}, {{ extension_number('AdditionalExtensions', 'duration') }})
        as duration_seconds,
    -- Two rows without an id are the same when all that is read of them is.
    coalesce(_ItemId, md5(to_json(struct({{ fields | join(', ') }})))) as row_id,
    reject_reason,
    if(
        reject_reason is not null, left(coalesce(corrupt_record, to_json(struct({{ fields | join(', ') }}))), 10000), null
    ) as raw_record,
    log_version,
    log_date
from judged
