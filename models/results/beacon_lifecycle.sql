with findings as (
    select * from {{ ref('network_beaconing_anomalies') }}
    where
        end_date <= date '{{ end_date() }}'
        and end_date >= date '{{ end_date() }}' - interval {{ days_of_status() }} days
        and {{ of_judged_vendors() }}
)

select
    beacon_id,
    device_vendor,
    source_ip,
    destination_ip,
    destination_port,
    protocol,
    -- A beacon stops when it is not found on end_date; later days are not read.
    if(max(end_date) < date '{{ end_date() }}', 'stopped', max_by(status, end_date)) as status,
    max_by(began_on, end_date) as began_on,
    max(end_date) as last_found_on,
    count(*) as days_found
from findings
group by beacon_id, device_vendor, source_ip, destination_ip, destination_port, protocol
