{% set in_order = 'partition by log_date, session_key order by place' %}

-- Most rows are alone, and need no sorting. Copies are equal in all, so the place is given once.
with ordered as (
    select
        *,
        row_number() over (partition by log_date, session_key order by seen_at, row_id) as place
    from {{ ref('session_rows') }}
    where is_repeated
),

followed as (
    select
        *,
        row_number() over (partition by log_date, session_key, row_id order by place) > 1 as is_copy,
        lag(struct(kind, began_at, seen_at, session_id, sent_bytes, received_bytes, duration_seconds)) over ({{ in_order }}) as previous
    from ordered
),

compared as (
    select
        *,
        {{ continues_session() }} as continues,
        {{ grows() }} as grows
    from followed
),

-- Sizes that grow in two rows may do so by chance; in six they are the sums of one session.
growing as (
    select
        *,
        sum(if(grows or is_copy, 0, 1)) over ({{ in_order }} rows unbounded preceding) as growth
    from compared
),

grown as (
    select
        *,
        is_copy or continues or (grows and count(*) over (partition by log_date, session_key, growth) >= 6) as is_continued
    from growing
),

numbered as (
    select
        *,
        sum(if(is_continued, 0, 1)) over ({{ in_order }} rows unbounded preceding) as session_number
    from grown
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
