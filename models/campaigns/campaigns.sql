with campaign_members as (
    select * from {{ ref('campaign_members') }}
)

select
    campaign_id,
    kind,
    device_vendor,
    if(kind = 'rotating destinations', max(source_ip), null) as source_ip,
    if(kind = 'shared destination', max(destination_ip), null) as destination_ip,
    destination_port,
    protocol,
    max(campaign_period_seconds) as period_seconds,
    if(kind = 'shared destination', max(campaign_sent_bytes), null) as median_sent_bytes,
    count(distinct source_ip) as source_count,
    count(distinct destination_ip) as destination_count,
    min(first_seen) as first_seen,
    max(last_seen) as last_seen
from campaign_members
group by campaign_id, kind, device_vendor, destination_port, protocol
