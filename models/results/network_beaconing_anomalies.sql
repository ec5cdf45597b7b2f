{{ config(
    materialized='incremental',
    partition_by=['end_date', 'device_vendor'],
    on_schema_change='append_new_columns',
    full_refresh=false,
    pre_hook='{{ clear_result_partition() }}',
) }}

with percent_beacon as (
    select * from {{ ref('percent_beacon') }}
),

time_deltas as (
    select * from {{ ref('time_deltas') }}
),

baseline as (
    select * from {{ ref('baseline') }}
    where role = 'destination'
),

egress as (
    select * from {{ ref('public_egress') }}
    where
        log_date = date '{{ end_date() }}'
        and device_vendor = '{{ var("device_vendor") }}'
),

-- The highest percentage of a connection speaks for it; of equals, the shortest interval.
strongest as (
    select
        source_ip,
        destination_ip,
        destination_port,
        protocol,
        max_by(
            struct(time_delta, time_delta_list, time_delta_list_count, total_event_count, percent_beacon),
            struct(percent_beacon, -time_delta)
        ) as beacon
    from percent_beacon
    group by source_ip, destination_ip, destination_port, protocol
),

activity as (
    select
        egress.source_ip,
        egress.destination_ip,
        egress.destination_port,
        egress.protocol,
        count(*) as event_count,
        count_if(egress.is_denied) as denied_event_count,
        sum(egress.sent_bytes) as total_sent_bytes,
        sum(egress.received_bytes) as total_received_bytes,
        min(egress.time_generated) as first_seen,
        max(egress.time_generated) as last_seen,
        array(
            {%- for hour in range(24) %}
            count_if(hour(egress.time_generated) = {{ hour }}){{ ',' if not loop.last }}
            {%- endfor %}
        ) as hourly_event_counts
    from egress
    left semi join strongest
        on
            egress.source_ip = strongest.source_ip
            and egress.destination_ip = strongest.destination_ip
            and egress.destination_port <=> strongest.destination_port
            and egress.protocol <=> strongest.protocol
    group by egress.source_ip, egress.destination_ip, egress.destination_port, egress.protocol
),

interval_counts as (
    select
        time_deltas.source_ip,
        time_deltas.destination_ip,
        time_deltas.destination_port,
        time_deltas.protocol,
        time_deltas.time_delta,
        count(*) as events
    from time_deltas
    left semi join strongest
        on
            time_deltas.source_ip = strongest.source_ip
            and time_deltas.destination_ip = strongest.destination_ip
            and time_deltas.destination_port <=> strongest.destination_port
            and time_deltas.protocol <=> strongest.protocol
    where time_deltas.time_delta is not null
    group by
        time_deltas.source_ip, time_deltas.destination_ip, time_deltas.destination_port, time_deltas.protocol, time_deltas.time_delta
),

-- The most frequent intervals are enough to draw, and keep the row bounded.
interval_histograms as (
    select
        source_ip,
        destination_ip,
        destination_port,
        protocol,
        sort_array(
            transform(
                slice(sort_array(collect_list(struct(events, time_delta)), false), 1, 100),
                i -> struct(i.time_delta as time_delta, i.events as events)
            )
        ) as interval_histogram
    from interval_counts
    group by source_ip, destination_ip, destination_port, protocol
),

explained as (
    select
        md5(concat_ws(
            '|', '{{ var("device_vendor") }}', strongest.source_ip, strongest.destination_ip,
            coalesce(strongest.destination_port, '-'), coalesce(strongest.protocol, '-')
        )) as beacon_id,
        strongest.source_ip,
        strongest.destination_ip,
        strongest.destination_port,
        strongest.protocol,
        strongest.beacon.percent_beacon,
        strongest.beacon.time_delta,
        strongest.beacon.time_delta_list,
        strongest.beacon.time_delta_list_count,
        strongest.beacon.total_event_count,
        array(
            concat(
                round(strongest.beacon.percent_beacon, 1), ' % of ', strongest.beacon.total_event_count,
                ' events came in three neighbouring intervals up to ', strongest.beacon.time_delta, ' s'
            ),
            concat(baseline.degree_of_srcip, ' internal source(s) at most reached this destination in a day, over ', baseline.history_days + 1, ' day(s)'),
            if(
                activity.denied_event_count > 0,
                concat(activity.denied_event_count, ' of ', activity.event_count, ' connections were denied: the host still asks'),
                null
            )
        ) as reasons,
        activity.event_count,
        activity.denied_event_count,
        activity.total_sent_bytes,
        activity.total_received_bytes,
        activity.first_seen,
        activity.last_seen,
        activity.hourly_event_counts,
        interval_histograms.interval_histogram,
        baseline.degree_of_srcip,
        baseline.history_days
    from strongest
    left join activity
        on
            strongest.source_ip = activity.source_ip
            and strongest.destination_ip = activity.destination_ip
            and strongest.destination_port <=> activity.destination_port
            and strongest.protocol <=> activity.protocol
    left join interval_histograms
        on
            strongest.source_ip = interval_histograms.source_ip
            and strongest.destination_ip = interval_histograms.destination_ip
            and strongest.destination_port <=> interval_histograms.destination_port
            and strongest.protocol <=> interval_histograms.protocol
    left join baseline
        on strongest.destination_ip = baseline.ip_address
)

select
    beacon_id,
    source_ip,
    destination_ip,
    destination_port,
    protocol,
    percent_beacon,
    time_delta,
    time_delta_list,
    time_delta_list_count,
    total_event_count,
    array_compact(reasons) as reasons,
    event_count,
    denied_event_count,
    total_sent_bytes,
    total_received_bytes,
    first_seen,
    last_seen,
    hourly_event_counts,
    interval_histogram,
    degree_of_srcip,
    history_days,
    cast({{ var('percent_beacon_threshold') }} as double) as percent_beacon_threshold,
    {{ var('daily_event_count_threshold') }} as daily_event_count_threshold,
    {{ var('time_delta_threshold') }} as time_delta_threshold,
    '{{ invocation_id }}' as run_id,
    timestamp '{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}' as run_started_at,
    date '{{ end_date() }}' as end_date,
    '{{ var("device_vendor") }}' as device_vendor
from explained
