with vendors as (
    select explode(array({{ judged_vendor_texts() }})) as device_vendor
),

vendor_rows as (
    select
        device_vendor,
        time_generated
    from {{ ref('stg_common_security_log') }}
    where
        {{ in_score_window() }}
        and {{ of_judged_vendors() }}
        and time_generated < date '{{ end_date() }}' + interval 1 day
),

-- Gaps in the logs are found in steps of five minutes.
slots as (
    select distinct
        device_vendor,
        unix_micros(time_generated) div 300000000 as slot
    from vendor_rows
),

neighbours as (
    select
        device_vendor,
        slot,
        lag(slot) over (partition by device_vendor order by slot) as previous_slot
    from slots
),

gaps as (
    select
        device_vendor,
        sort_array(collect_list(if(
            (slot - previous_slot - 1) * 5 >= {{ var('log_gap_minutes') }},
            struct(
                timestamp_micros((previous_slot + 1) * 300000000) as gap_start,
                timestamp_micros(slot * 300000000) as gap_end
            ),
            null
        ))) as log_gaps
    from neighbours
    group by device_vendor
),

-- RITA's window is the last 24 hours of a data set, from the start of an hour.
ends as (
    select
        device_vendor,
        date_trunc('second', max(time_generated)) as last_second
    from vendor_rows
    group by device_vendor
)

select
    vendors.device_vendor,
    date_trunc('hour', ends.last_second - interval 24 hours) as rita_start,
    ends.last_second as rita_end,
    gaps.log_gaps
from vendors
left join ends on vendors.device_vendor = ends.device_vendor
left join gaps on vendors.device_vendor = gaps.device_vendor
