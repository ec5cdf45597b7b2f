{% set fields = [
    'TimeGenerated', 'DeviceVendor', 'DeviceProduct', 'DeviceEventClassID', 'Activity', 'DeviceAction', 'SourceIP', 'SourcePort', 'DestinationIP',
    'DestinationPort', 'Protocol', 'SentBytes', 'ReceivedBytes', 'ExternalID', 'AdditionalExtensions', 'Message', 'CommunicationDirection',
    'ReceiptTime', 'StartTime', 'EndTime', 'DestinationHostName', 'DestinationDnsDomain', 'RequestURL', 'SourceUserName', 'SourceHostName',
    'DeviceCustomIPv6Address2', 'DeviceCustomIPv6Address3', 'DeviceCustomNumber1', 'DeviceCustomNumber1Label', 'DeviceCustomNumber2',
    'DeviceCustomNumber2Label', 'DeviceCustomNumber3', 'DeviceCustomNumber3Label', 'FieldDeviceCustomNumber1', 'FieldDeviceCustomNumber2',
    'FieldDeviceCustomNumber3', '_ItemId',
] %}
{{ config(
    partition_by='log_date',
    pre_hook="{{ open_days_to_load(staged_days(ref('log_days'), staging_version()), " ~ fields ~ ") }}",
    replaces="{{ replaced_days(staged_days(ref('log_days'), staging_version()).to_replace) }}",
) }}

-- depends_on: {{ ref('log_days') }}
{% set facts = vendor_facts() %}

-- A line of white space is skipped.
with log_lines as (
    select
        log_date,
        log_version,
        line,
        is_utf8
    from {{ source('raw', 'common_security_log') }}
    where is_new and (startswith(line, '{') or line rlike '[^ \\t\\r\\n]')
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
        {{ maker(facts, 'trim(' ~ record() ~ '.DeviceVendor)') }} as maker,
        -- Custom columns as fields like others, by their labels. Newer rows have the numbers in columns of longer names.
        concat_ws(
            ';', '', {{ record() }}.AdditionalExtensions
            {%- for n in (1, 2, 3) -%}
                , concat(
                    {{ record() }}.DeviceCustomNumber{{ n }}Label, '=',
                    coalesce({{ record() }}.DeviceCustomNumber{{ n }}, {{ record() }}.FieldDeviceCustomNumber{{ n }})
                )
            {%- endfor -%}
        ) as extensions
    from parsed
),

-- What is needed may stand in another column. A placeholder such as 0.0.0.0 or :: is no address.
placed as (
    select
        *,
        {{ event_time('TimeGenerated') }} as time_generated,
        {% for side, other in [('Source', 'DeviceCustomIPv6Address2'), ('Destination', 'DeviceCustomIPv6Address3')] %}
            lower(coalesce(
                {% if side == 'Destination' %}{{ address_asked_for('DestinationIP', ['RequestURL', 'DestinationHostName']) }},{% endif %}
                if({{ side }}IP in ('0.0.0.0', '::') and coalesce({{ other }}, {{ side }}HostName) is not null, null, {{ side }}IP),
                if({{ other }} in ('::', '::ffff:0:0', '::ffff:0.0.0.0'), null, {{ other }}),
                {{ in_message(facts, side | lower ~ '_ip') }},
                {{ extension(facts, side | lower ~ '_ip') }}
            )) as {{ side | lower }}_address,
            coalesce({{ side }}Port, {{ in_message(facts, side | lower ~ '_port') }}) as {{ side | lower }}_port_text,
        {% endfor %}
        {% for column, field in [('sent_bytes', 'SentBytes'), ('received_bytes', 'ReceivedBytes')] %}
            case
                when {{ field }} is null then coalesce({{ extension(facts, column) }}, {{ in_message(facts, column) }}) else {{ field }}
            end as {{ column }}_text,
        {% endfor %}
        coalesce({{ extension(facts, 'duration', 'seconds') }}, {{ in_message(facts, 'duration') }}) as duration_text,
        coalesce(
            {{ extension(facts, 'duration', 'milliseconds') }}, {{ in_column(facts, 'duration', 'DeviceCustomNumber3Label') }}
        ) as duration_milliseconds,
        {{ extension(facts, 'device_time') }} as device_time_text,
        coalesce({{ extension(facts, 'start_time') }}, {{ in_message(facts, 'start_time') }}) as start_time_text,
        {{ extension(facts, 'end_time') }} as end_time_text,
        coalesce({{ extension(facts, 'destination_name') }}, {{ in_message(facts, 'destination_name') }}) as destination_name_text
    from texts
),

typed as (
    select
        *,
        {{ ip_key('source_address') }} as source_ip_key,
        {{ ip_key('destination_address') }} as destination_ip_key,
        {{ whole_number('source_port_text') }} as source_port,
        {{ whole_number('destination_port_text') }} as destination_port,
        {{ device_time('device_time_text') }} as maker_time,
        -- Most rows have a time of their own in its place. Where date and time are two fields, the name of the second stands between them.
        case
            when coalesce(device_time_text, ReceiptTime) is not null then null
            else coalesce(
                {{ extension(facts, 'other_time') }}, regexp_replace({{ in_message(facts, 'other_time') }}, '[^0-9]{1,3}time=[^0-9]?', ' ')
            )
        end as other_time_text,
        coalesce({{ device_time('start_time_text') }}, {{ device_time('StartTime') }}) as began_at,
        coalesce({{ device_time('end_time_text') }}, {{ device_time('EndTime') }}) as ended_at
    from placed
),

-- The first time of the device's own that is believable; most makers have one, so the others are seldom looked at.
timed as (
    select
        *,
        if({{ is_believable('maker_time') }}, maker_time, null) as device_event_time,
        case when {{ is_believable('maker_time') }} then null else {{ device_time('ReceiptTime') }} end as received_at,
        if({{ is_believable('began_at') }}, began_at, null) as start_time,
        {{ device_time('other_time_text') }} as other_time
    from typed
),

-- The first problem of a line. A line without addresses or ports is another event of the firewall, not an error.
judged as (
    select
        *,
        case
            when json_problem is not null then json_problem
            when TimeGenerated is null then 'no time'
            when time_generated is null then 'unreadable time'
            when source_address is not null and source_ip_key is null then 'unreadable source address'
            when destination_address is not null and destination_ip_key is null then 'unreadable destination address'
            when source_port_text is not null and coalesce(source_port, 65536) > 65535 then 'unreadable source port'
            when destination_port_text is not null and coalesce(destination_port, 65536) > 65535 then 'unreadable destination port'
        end as reject_reason
    from timed
),

staged as (
    select
        time_generated,
        DeviceVendor as device_vendor,
        DeviceProduct as device_product,
        DeviceEventClassID as device_event_class_id,
        Activity as activity,
        DeviceAction as device_action,
        if(source_address like '%:%', {{ ip_text('source_ip_key') }}, source_address) as source_ip,
        source_ip_key,
        try_cast(source_port as int) as source_port,
        if(destination_address like '%:%', {{ ip_text('destination_ip_key') }}, destination_address) as destination_ip,
        destination_ip_key,
        try_cast(destination_port as int) as destination_port,
        coalesce(Protocol, {{ in_message(facts, 'protocol') }}) as protocol,
        {{ whole_number('sent_bytes_text') }} as sent_bytes,
        {{ whole_number('received_bytes_text') }} as received_bytes,
        coalesce(
            {{ seconds_of('duration_text') }}, {{ whole_number('duration_milliseconds') }} div 1000,
            if(start_time <= ended_at and {{ is_believable('ended_at') }}, unix_timestamp(ended_at) - unix_timestamp(start_time), null)
        ) as duration_seconds,
        case
            when device_event_time is not null then device_event_time
            when {{ is_believable('received_at') }} then received_at
            when {{ is_believable('ended_at') }} then ended_at
            when start_time is not null then start_time
            when {{ is_believable('other_time') }} then other_time
        end as device_time,
        case
            when device_event_time is not null then 'event time in AdditionalExtensions'
            when {{ is_believable('received_at') }} then 'ReceiptTime'
            when {{ is_believable('ended_at') }} then 'EndTime'
            when start_time is not null then 'StartTime'
            when {{ is_believable('other_time') }} then 'a time in AdditionalExtensions or Message'
            else 'TimeGenerated'
        end as time_source,
        start_time,
        {{ session_id(facts) }} as session_id,
        {{ told_in_text(facts, 'row_kind') }} as kind_told_by,
        {{ told_in_text(facts, 'denied') }} is not null as is_denied_in_text,
        case
            when CommunicationDirection = '1' or lower(CommunicationDirection) = 'outbound' then 'outbound'
            when CommunicationDirection = '0' or lower(CommunicationDirection) = 'inbound' then 'inbound'
            else {{ told_in_text(facts, 'direction', 'meaning') }}
        end as direction,
        -- A proxy's row may name the proxy as destination.
        coalesce(
            if(RequestURL is not null and {{ is_private('DestinationIP') }}, {{ host_name('RequestURL') }}, null),
            {{ host_name('DestinationHostName') }}, {{ host_name('RequestURL') }}, {{ host_name('destination_name_text') }},
            {{ host_name('DestinationDnsDomain') }}
        ) as destination_name,
        SourceUserName as source_user_name,
        SourceHostName as source_host_name,
        -- Two rows without an id count as the same row when all fields are equal.
        coalesce(_ItemId, md5(to_json(struct({{ fields | join(', ') }})))) as row_id,
        reject_reason,
        if(reject_reason is not null, line, null) as rejected_line,
        log_version,
        log_date
    from judged
)

-- Hashed once here, and read by several steps. Few files per day: without the hint, each Spark task would write one file for every day of
-- which it has rows.
select /*+ rebalance(log_date) */
    *,
    {{ ends_key() }} as ends_key,
    {{ kind_key() }} as kind_key
from staged
