{{ config(
    partition_by='log_date',
    pre_hook="{{ open_days_to_load(ref('log_days'), staging_version()) }}",
) }}

-- depends_on: {{ ref('log_days') }}
{% set fields = [
    'TimeGenerated', 'DeviceVendor', 'DeviceProduct', 'DeviceEventClassID', 'Activity', 'DeviceAction', 'SourceIP', 'SourcePort', 'DestinationIP',
    'DestinationPort', 'Protocol', 'SentBytes', 'ReceivedBytes', 'ExternalID', 'AdditionalExtensions', '_ItemId',
] %}
-- Every field as text: a number in quotes would read as null under a numeric type.
{% set schema = 'array<struct<' ~ fields | join(': string, ') ~ ': string, line_end: string>>' %}

with log_lines as (
    select
        log_date,
        log_version,
        line
    from {{ source('raw', 'common_security_log') }}
    where is_new
),

-- In brackets, from_json also returns a second object on the line. The object line_end, which no log can know, shows that all of the line
-- was parsed: from_json ignores text after a closing bracket in the line itself. A byte order mark before the line and a comma after it are
-- removed.
parsed as (
    select
        log_date,
        log_version,
        line,
        explode(array(from_json(
            concat(
                '[',
                trim(leading '\uFEFF' from if(endswith(line, '}'), line, trim(trailing ', ' from line))),
                ',{"line_end":"', {{ run_id() }}, '"}]'
            ),
            '{{ schema }}'
        ))) as objects
    from log_lines
),

-- An empty text is an absent value. A line of white space is skipped.
texts as (
    select
        log_date,
        log_version,
        line,
        case
            when objects is null and line rlike '^\\s*\\[' then 'an array, not one object'
            when size(objects) > 2 or (objects is null and line rlike '[}]\\s*[{]') then 'several objects on a line'
            when try_element_at(objects, 1) is null or not try_element_at(objects, 2).line_end <=> {{ run_id() }} then 'malformed JSON'
            when {{ is_no_utf8('line') }} then 'malformed JSON'
        end as json_problem,
        {% for field in fields %}
            nullif(trim(try_element_at(objects, 1).{{ field }}), '') as {{ field }},
        {% endfor %}
        nullif(lower(trim(try_element_at(objects, 1).SourceIP)), '') as source_address,
        nullif(lower(trim(try_element_at(objects, 1).DestinationIP)), '') as destination_address
    from parsed
    where objects is not null or line rlike '[^ \\t\\r\\n]'
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
