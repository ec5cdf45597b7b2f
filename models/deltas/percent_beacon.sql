{{ config(materialized='table') }}

select *
from {{ ref('time_delta_windows') }}
where
    percent_beacon > {{ var('percent_beacon_threshold') }}
    and total_event_count > {{ var('daily_event_count_threshold') }}
