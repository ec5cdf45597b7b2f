-- Rows name many domains for the private address of a proxy, and few for that of a server.
with named as (
    select
        log_date,
        device_vendor,
        destination_ip,
        {{ scope_of('destination_ip_key') }} as destination_scope,
        substring_index(destination_name, '.', -2) as domain
    from {{ ref('stg_common_security_log') }}
    where destination_name is not null and destination_ip is not null
)

select
    log_date,
    device_vendor,
    destination_ip as proxy_ip
from named
where destination_scope in ({{ internal_scopes() }})
group by log_date, device_vendor, destination_ip
having count(distinct domain) >= 20
