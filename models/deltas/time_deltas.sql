{% set connection = connection_columns() %}
{% set scope = 'device_vendor, source_ip' if var('delta_scope') == 'source' else connection %}

with egress as (
    select * from {{ ref('public_egress') }}
    where
        log_date = date '{{ end_date() }}'
        and {{ of_judged_vendors() }}
),

baseline as (
    select * from {{ ref('baseline') }}
    where is_kept
),

kept as (
    select egress.*
    from egress
    left semi join baseline as sources
        on
            sources.role = 'source'
            and egress.device_vendor = sources.device_vendor
            and egress.source_ip = sources.ip_address
    left semi join baseline as destinations
        on
            destinations.role = 'destination'
            and egress.device_vendor = destinations.device_vendor
            and egress.destination_ip = destinations.ip_address
),

-- The row's id breaks ties in time: without a total order, the result of LAG is random.
lagged as (
    select
        *,
        lag(time_generated) over (partition by {{ scope }} order by time_generated, row_id) as previous_time_generated,
        count(*) over (partition by {{ connection }}) as connection_event_count
    from kept
)

select
    device_vendor,
    source_ip,
    source_port,
    destination_ip,
    destination_port,
    protocol,
    time_generated,
    previous_time_generated,
    unix_timestamp(time_generated) - unix_timestamp(previous_time_generated) as time_delta,
    sent_bytes,
    received_bytes,
    connection_event_count
from lagged
{% if var('drop_rows_with_nulls') -%}
    -- After the deltas are taken, as in the notebook.
    where
        source_port is not null
        and destination_port is not null
        and protocol is not null
        and sent_bytes is not null
        and received_bytes is not null
{%- endif %}
