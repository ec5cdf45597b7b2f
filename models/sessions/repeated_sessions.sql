{% set share = 'partition by log_date, pmod(session_key, 64)' %}
{% set in_order = share ~ ' order by session_key, seen_at, row_id' %}

-- Most rows are alone, and need no sorting. A window holds the rows of many keys, one after the other: a window for each key costs Sail
-- ten times as much. Copies are equal in all: they are neighbours, told apart by their place.
with followed as (
    select
        *,
        row_number() over ({{ in_order }}) as place,
        coalesce(session_key = lag(session_key) over ({{ in_order }}) and row_id = lag(row_id) over ({{ in_order }}), false) as is_copy,
        if(
            session_key = lag(session_key) over ({{ in_order }}),
            lag(struct(kind, began_at, seen_at, session_id, sent_bytes, received_bytes, duration_seconds)) over ({{ in_order }}),
            null
        ) as previous
    from {{ ref('session_rows') }}
    where is_repeated
),

compared as (
    select
        *,
        is_copy or {{ continues_session() }} as continues,
        {{ grows() }} as grows
    from followed
),

-- Sizes that grow in two rows may do so by chance; in six they are sums of one session. It ends where a row is neither larger nor a copy,
-- as the first row of a key is. Backwards, because Spark would look at all rows that follow for each row anew.
growing as (
    select
        *,
        max(if(grows or is_copy, null, place)) over ({{ share }} order by place rows unbounded preceding) as growth_began,
        min(if(grows or is_copy, null, place)) over (
            {{ share }} order by place desc rows between unbounded preceding and 1 preceding
        ) as growth_ended,
        count(*) over ({{ share }}) as last_place
    from compared
),

numbered as (
    select
        *,
        sum(
            if(continues or (grows and coalesce(growth_ended, last_place + 1) - growth_began >= 6), 0, 1)
        ) over ({{ share }} order by place rows unbounded preceding) as session_number
    from growing
),

-- An inspection row tells least of the session.
headed as (
    select
        *,
        row_number() over (
            partition by log_date, session_key, session_number order by coalesce(kind = 'inspection', false), place
        ) = 1 as is_main
    from numbered
)

select
    log_date,
    session_key,
    {% for column in columns_of_main_row() %}
        max(if(is_main, {{ column }}, null)) as {{ column }},
    {% endfor %}
    max_by(is_denied, place) as is_denied,
    min(began_at) as began_at,
    max(seen_at) as last_seen_at,
    max(sent_bytes) as sent_bytes,
    max(received_bytes) as received_bytes,
    if(
        count_if(not is_copy) > 1,
        greatest(max(duration_seconds), unix_timestamp(max(seen_at)) - unix_timestamp(min(began_at))),
        max(duration_seconds)
    ) as duration_seconds,
    max(destination_name) as destination_name,
    max(source_user_name) as source_user_name,
    max(source_host_name) as source_host_name,
    count_if(not is_copy) as row_count,
    count_if(is_copy) as copies
from headed
group by log_date, session_key, session_number
