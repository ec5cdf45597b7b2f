{{ config(
    partition_by='log_date',
    pre_hook="{{ open_days_to_load(staged_days(ref('log_days'), staging_version())) }}",
    replaces="{{ replaced_days(staged_days(ref('log_days'), staging_version()).to_replace) }}",
) }}

-- depends_on: {{ ref('log_days') }}
{% set fields = [
    'TimeGenerated', 'DeviceVendor', 'DeviceProduct', 'DeviceEventClassID', 'Activity', 'DeviceAction', 'SourceIP', 'SourcePort', 'DestinationIP',
    'DestinationPort', 'Protocol', 'SentBytes', 'ReceivedBytes', 'ExternalID', 'AdditionalExtensions', '_ItemId',
] %}
-- A line of white space is skipped.
with log_lines as (
    select
        log_date,
        log_version,
        line,
        is_utf8
    from {{ source('raw', 'common_security_log') }}
    where is_new and line rlike '[^ \\t\\r\\n]'
),

parsed as (
    select
        log_date,
        log_version,
        line,
        is_utf8,
        {{ parsed_line(fields) }} as parsed
    from log_lines
),

-- An empty text is an absent value.
texts as (
    select
        log_date,
        log_version,
        line,
        {{ json_problem() }} as json_problem,
        {% for field in fields %}
            nullif(trim({{ record() }}.{{ field }}), '') as {{ field }},
        {% endfor %}
        nullif(lower(trim({{ record() }}.SourceIP)), '') as source_address,
        nullif(lower(trim({{ record() }}.DestinationIP)), '') as destination_address
    from parsed
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

-- The first problem of a line. A line without addresses or ports is another event of the firewall, not an error.
judged as (
    select
        *,
        case
            when json_problem is not null then json_problem
            when TimeGenerated is null then 'no time'
            when time_generated is null then 'unreadable time'
            when SourceIP is not null and source_ip_key is null then 'unreadable source address'
            when DestinationIP is not null and destination_ip_key is null then 'unreadable destination address'
            when SourcePort is not null and coalesce(source_port, 65536) > 65535 then 'unreadable source port'
            when DestinationPort is not null and coalesce(destination_port, 65536) > 65535 then 'unreadable destination port'
        end as reject_reason
    from typed
)

-- Few files per day: without the hint, each Spark task would write one file for every day of which it has rows.
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
    {{ extension_number('AdditionalExtensions', extension_fields('duration_seconds')) }} as duration_seconds,
    -- Two rows without an id count as the same row when all fields are equal.
    coalesce(_ItemId, md5(to_json(struct({{ fields | join(', ') }})))) as row_id,
    reject_reason,
    if(reject_reason is not null, line, null) as rejected_line,
    log_version,
    log_date
from judged
