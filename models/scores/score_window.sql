{{ config(materialized='table') }}

with vendor_rows as (
    select time_generated
    from {{ ref('stg_common_security_log') }}
    where
        {{ in_score_window() }}
        and device_vendor = '{{ var("device_vendor") }}'
        and time_generated < date '{{ end_date() }}' + interval 1 day
),

-- Times without any log, looked for in steps of five minutes.
slots as (
    select distinct unix_micros(time_generated) div 300000000 as slot
    from vendor_rows
),

neighbours as (
    select
        slot,
        lag(slot) over (order by slot) as previous_slot
    from slots
),

gaps as (
    select
        sort_array(collect_list(struct(
            timestamp_micros((previous_slot + 1) * 300000000) as gap_start,
            timestamp_micros(slot * 300000000) as gap_end
        ))) as log_gaps
    from neighbours
    where (slot - previous_slot - 1) * 5 >= {{ var('log_gap_minutes') }}
),

-- RITA looks at the last 24 hours of a data set, from the start of an hour on.
ends as (
    select date_trunc('second', max(time_generated)) as last_second
    from vendor_rows
)

select
    cast(date '{{ end_date() }}' - interval {{ var('score_window_days') | int - 1 }} days as timestamp) as score_start,
    date_trunc('hour', ends.last_second - interval 24 hours) as rita_start,
    ends.last_second as rita_end,
    gaps.log_gaps
from ends
cross join gaps
