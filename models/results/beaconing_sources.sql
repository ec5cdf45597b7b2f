with findings as (
    select
        *,
        case severity when 'critical' then 4 when 'high' then 3 when 'medium' then 2 else 1 end as severity_rank
    from {{ ref('export_network_beaconing_anomalies') }}
    where not suppressed
),

sources as (
    select
        device_vendor,
        source_ip,
        max(source_host_name) as source_host_name,
        max(source_user_name) as source_user_name,
        max_by(severity, severity_rank) as severity,
        max(severity_rank) as severity_rank,
        count(*) as findings,
        count_if(severity_rank >= 2) as findings_of_medium_or_above,
        count_if(status = 'new') as new_findings,
        count(distinct destination_ip) as destinations,
        size(collect_set(shared_destination_campaign_id)) as campaigns,
        count_if(window_days > score_window_days) as slow_beacons,
        count_if(found_by = 'long session') as long_sessions,
        min(began_on) as began_on,
        -- What else is known, as if each finding spoke for itself.
        1 - exp(sum(ln(greatest(0.0001D, 1 - coalesce(beacon_score, 0))))) as combined_score,
        slice(
            transform(
                sort_array(collect_list(struct(
                    severity_rank,
                    coalesce(beacon_score, 0) as beacon_score,
                    concat(coalesce(destination_name, destination_ip), ': ', reasons[0]) as reason
                )), false),
                f -> f.reason
            ),
            1, 10
        ) as reasons
    from findings
    group by device_vendor, source_ip
)

select
    cast(row_number() over (
        order by severity_rank desc, findings_of_medium_or_above desc, combined_score desc, device_vendor asc, source_ip asc
    ) as int) as position,
    device_vendor,
    source_ip,
    source_host_name,
    source_user_name,
    severity,
    floor(10000 * combined_score + 0.5D) / 10000 as combined_score,
    findings,
    findings_of_medium_or_above,
    new_findings,
    destinations,
    campaigns,
    slow_beacons,
    long_sessions,
    began_on,
    reasons,
    date '{{ end_date() }}' as end_date
from sources
