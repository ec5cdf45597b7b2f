-- With event_unit `row`, only copies meet.
with staged as (
    select
        *,
        {{ 'xxhash64(row_id)' if var('event_unit') == 'row' else 'ends_key' }} as session_key
    from {{ ref('stg_common_security_log') }}
),

repeated as (
    select
        log_date,
        session_key
    from staged
    group by log_date, session_key
    having count(*) > 1
),

keyed as (
    select
        staged.*,
        repeated.session_key is not null as is_repeated
    from staged
    left join repeated on staged.log_date = repeated.log_date and staged.session_key = repeated.session_key
),

kinds as (
    select
        log_date,
        kind_key,
        protocol_name,
        kind,
        told_by,
        is_denied,
        may_be_swapped,
        has_collector_clock,
        proxy_ips
    from {{ ref('row_kinds') }}
)

select /*+ broadcast(kinds) */
    keyed.*,
    kinds.protocol_name,
    kinds.kind,
    kinds.told_by,
    kinds.is_denied,
    kinds.may_be_swapped,
    kinds.has_collector_clock,
    coalesce(array_contains(kinds.proxy_ips, keyed.destination_ip), false) as is_to_proxy,
    {{ seen_at() }} as seen_at,
    {{ began_at('kinds.kind') }} as began_at
-- The few rows first: Sail holds the first side in memory.
from kinds
inner join keyed on kinds.log_date = keyed.log_date and kinds.kind_key = keyed.kind_key
