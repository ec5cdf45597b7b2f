{{ config(
    partition_by='log_date',
    replaces="{{ replaced_days(days_to_load(ref('stg_common_security_log'), session_version())) }}",
) }}

{% set log_version = session_version() %}
{% set in_these_days = in_days_to_load(ref('stg_common_security_log'), log_version) %}

-- There are few kinds of rows, so each is looked up once.
with kinds as (
    select
        log_date,
        kind_key,
        {% for column in kind_columns() %}
            max({{ column }}) as {{ column }},
        {% endfor %}
        is_denied_in_text,
        max(log_version) as log_version
    from {{ ref('stg_common_security_log') }}
    where {{ in_these_days }}
    group by log_date, kind_key, is_denied_in_text
),

-- What the text says comes first, a maker's own facts before those of all makers, whole values before patterns, and longer patterns before
-- shorter ones.
known as (
    select
        kinds.*,
        facts.fact,
        facts.pattern,
        facts.meaning,
        struct(
            facts.column_name not in ('Message', 'AdditionalExtensions') as is_in_column,
            facts.device_vendor = '*' as is_of_all,
            contains(facts.pattern, '%') as is_open,
            -length(facts.pattern) as shortness,
            facts.pattern as pattern
        ) as place
    from kinds
    left join {{ loaded_seed('vendor_facts') }} as facts
        on
            (facts.device_vendor = '*' or kinds.device_vendor ilike facts.device_vendor)
            and facts.fact in ('row_kind', 'denied', 'swapped')
            and case facts.column_name
                when 'DeviceProduct' then kinds.device_product ilike facts.pattern
                when 'DeviceEventClassID' then kinds.device_event_class_id ilike facts.pattern
                when 'Activity' then kinds.activity ilike facts.pattern
                when 'DeviceAction' then kinds.device_action ilike facts.pattern
                else facts.fact = 'row_kind' and kinds.kind_told_by = facts.pattern
            end
),

clocks as (
    select
        log_date,
        device_vendor
    from {{ ref('collector_clocks') }}
    where {{ in_these_days }}
),

proxies as (
    select
        log_date,
        device_vendor,
        sort_array(collect_list(proxy_ip)) as proxy_ips
    from {{ ref('proxies') }}
    where {{ in_these_days }}
    group by log_date, device_vendor
)

select
    known.kind_key,
    coalesce(max(protocols.protocol), max(lower(trim(substring_index(known.protocol, '/', 1))))) as protocol_name,
    min_by(known.meaning, if(known.fact = 'row_kind', known.place, null)) as kind,
    min_by(known.pattern, if(known.fact = 'row_kind', known.place, null)) as told_by,
    known.is_denied_in_text or count_if(known.fact = 'denied') > 0 as is_denied,
    count_if(known.fact = 'swapped') > 0 as may_be_swapped,
    count(clocks.device_vendor) > 0 as has_collector_clock,
    any_value(proxies.proxy_ips) as proxy_ips,
    max({{ log_version }}) as log_version,
    known.log_date
from known
left join {{ loaded_seed('protocols') }} as protocols on lower(trim(substring_index(known.protocol, '/', 1))) = protocols.protocol_number
left join clocks on known.log_date = clocks.log_date and known.device_vendor = clocks.device_vendor
left join proxies on known.log_date = proxies.log_date and known.device_vendor = proxies.device_vendor
group by known.log_date, known.kind_key, known.is_denied_in_text
