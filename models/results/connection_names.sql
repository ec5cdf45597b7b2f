-- Names are text that hosts and proxies write; those of found connections only.
with findings as (
    {{ connections_of(ref('beacon_findings')) }}
),

egress as (
    select * from {{ ref('public_egress') }}
    where {{ in_score_window() }} and {{ of_judged_vendors() }}
),

named as (
    select
        findings.beacon_id,
        stack(
            3,
            'destination_name', egress.destination_name,
            'source_user_name', egress.source_user_name,
            'source_host_name', egress.source_host_name
        ) as (kind, name)
    from egress
    inner join findings
        on {{ same_connection('egress', 'findings') }}
),

counted as (
    select
        beacon_id,
        kind,
        name,
        count(*) as event_count
    from named
    where name is not null
    group by beacon_id, kind, name
)

select
    beacon_id,
    max_by(name, if(kind = 'destination_name', struct(event_count, name), null)) as destination_name,
    max_by(name, if(kind = 'source_user_name', struct(event_count, name), null)) as source_user_name,
    max_by(name, if(kind = 'source_host_name', struct(event_count, name), null)) as source_host_name
from counted
group by beacon_id
