{{ config(
    partition_by=['end_date', 'device_vendor'],
    full_refresh=false,
    replaces="{{ replaced_findings() }}",
) }}

with findings as (
    select
        *,
        {{ with_address_keys() }}
    from {{ ref('beacon_findings') }}
),

interval_histograms as (
    select * from {{ ref('interval_histograms') }}
),

names as (
    select * from {{ ref('connection_names') }}
),

suppressions as (
    select collect_list(struct(*)) as suppressions from {{ ref('stg_suppressions') }}
    where problem is null and not is_expired
),

-- The latest earlier finding of the same beacon within the history.
earlier as (
    {% if replaces_partitions() %}
        select
            beacon_id,
            max_by(struct(began_on, period_seconds, median_received_bytes), end_date) as finding
        from {{ this }}
        where
            end_date < date '{{ end_date() }}'
            and end_date >= date '{{ end_date() }}' - interval {{ days_of_status() }} days
            and {{ of_judged_vendors() }}
        group by beacon_id
    {% else %}
        select
            cast(null as string) as beacon_id,
            cast(null as struct<began_on: date, period_seconds: double, median_received_bytes: bigint>) as finding
        where false
    {% endif %}
),

completed as (
    select
        findings.*,
        names.destination_name,
        names.source_user_name,
        names.source_host_name,
        interval_histograms.interval_histogram,
        case
            when earlier.finding is null then 'new'
            when abs(findings.period_seconds - earlier.finding.period_seconds) > 0.25 * earlier.finding.period_seconds then 'changed'
            when
                abs(findings.median_received_bytes - earlier.finding.median_received_bytes) > 0.25 * earlier.finding.median_received_bytes
                then 'changed'
            else 'continuing'
        end as status,
        coalesce(earlier.finding.began_on, date '{{ end_date() }}') as began_on,
        filter(
            suppressions.suppressions,
            s -> {{ suppresses('s', 'findings') }}
        ) as suppressions
    from findings
    left join earlier
        on findings.beacon_id = earlier.beacon_id
    left join interval_histograms
        on findings.beacon_id = interval_histograms.beacon_id
    left join names
        on findings.beacon_id = names.beacon_id
    cross join suppressions
)

select
    beacon_id,
    status,
    began_on,
    severity,
    size(suppressions) > 0 as suppressed,
    transform(suppressions, s -> concat(s.reason, ' (', s.owner, ', until ', s.expires_on, ')')) as suppressed_by,
    found_by,
    known_service,
    filter(concat(
        reasons,
        array(
            if(destination_name is null, null, concat('the logs name the destination ', destination_name)),
            if(
                source_user_name is null and source_host_name is null,
                null,
                concat('the source is ', concat_ws(', ', source_host_name, concat('user ', source_user_name)))
            )
        )
    ), reason -> reason is not null) as reasons,
    shared_destination_campaign_id,
    rotating_destination_campaign_id,
    source_ip,
    source_host_name,
    source_user_name,
    destination_ip,
    destination_name,
    destination_port,
    protocol,
    several,
    members,
    window_days,
    event_count,
    denied_event_count,
    total_sent_bytes,
    total_received_bytes,
    longest_session_seconds,
    first_seen,
    last_seen,
    hourly_event_counts,
    interval_histogram,
    percent_beacon,
    time_delta,
    time_delta_list,
    time_delta_list_count,
    total_event_count,
    beacon_score,
    evidence,
    timing_score,
    null_quantile,
    bounded_share,
    bounded_null_quantile,
    phase_share,
    phase_null_quantile,
    timing_margin,
    timer_likeness,
    size_score,
    rarity_score,
    interval_count,
    period_seconds,
    second_period_seconds,
    estimated_sleep_seconds,
    estimated_jitter_percent,
    regularity,
    interval_share_10,
    interval_share_30,
    interval_share_50,
    jitter_share,
    harmonic_share,
    cadence_share,
    uniform_fit,
    clock_lock_share,
    sent_size_regularity,
    received_size_regularity,
    sent_modal_share,
    received_modal_share,
    median_sent_bytes,
    median_received_bytes,
    sources,
    active_sources,
    first_seen_on,
    days_seen,
    history_days,
    known_share,
    rita_event_count,
    rita_timestamp_score,
    rita_data_size_score,
    rita_histogram_score,
    rita_duration_score,
    rita_beacon_score,
    cast({{ var('percent_beacon_threshold') }} as double) as percent_beacon_threshold,
    {{ var('daily_event_count_threshold') }} as daily_event_count_threshold,
    {{ var('time_delta_threshold') }} as time_delta_threshold,
    cast({{ var('beacon_score_threshold') }} as double) as beacon_score_threshold,
    {{ var('score_window_days') }} as score_window_days,
    {{ run_id() }} as run_id,
    {{ run_start() }} as run_started_at,
    date '{{ end_date() }}' as end_date,
    device_vendor
from completed
