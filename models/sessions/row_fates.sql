{{ config(
    partition_by='log_date',
    replaces="{{ replaced_days(days_to_load(ref('stg_common_security_log_lines'), session_version())) }}",
) }}

{% set log_version = session_version() %}
{% set in_these_days = in_days_to_load(ref('stg_common_security_log_lines'), log_version) %}

with lines as (
    select * from {{ ref('stg_common_security_log_lines') }}
    where {{ in_these_days }}
),

days as (
    select
        log_date,
        max(log_version) as log_version
    from lines
    group by log_date
),

sessions as (
    select * from {{ ref('sessions') }}
    where {{ in_these_days }}
),

fates as (
    select
        log_date,
        device_vendor,
        fate,
        fate_detail,
        1 as line_count
    from sessions
    union all
    select
        log_date,
        device_vendor,
        'another row of a session' as fate,
        null as fate_detail,
        row_count - 1 as line_count
    from sessions
    where row_count > 1
    union all
    select
        log_date,
        device_vendor,
        'copy of a row' as fate,
        null as fate_detail,
        copies as line_count
    from sessions
    where copies > 0
    union all
    select
        log_date,
        device_vendor,
        'rejected' as fate,
        reject_reason as fate_detail,
        1 as line_count
    from lines
    where reject_reason is not null
),

counted as (
    select
        fates.log_date,
        fates.device_vendor,
        fates.fate,
        fates.fate_detail,
        days.log_version,
        sum(fates.line_count) as line_count
    from fates
    inner join days on fates.log_date = days.log_date
    group by fates.log_date, fates.device_vendor, fates.fate, fates.fate_detail, days.log_version
)

select
    device_vendor,
    fate,
    fate_detail,
    cast(line_count as bigint) as line_count,
    {{ log_version }} as log_version,
    log_date
from counted
