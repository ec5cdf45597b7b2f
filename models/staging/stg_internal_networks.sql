with networks as (
    select
        network,
        description,
        lower(trim(split_part(network, '/', 1))) as base_address,
        try_cast(nullif(split_part(network, '/', 2), '') as int) as prefix_length
    from {{ ref('internal_networks') }}
),

keyed as (
    select
        *,
        {{ ip_key('base_address') }} as base_key
    from networks
),

-- A prefix counts in the 128 bits of a key; four bits are a digit, and the digit that it cuts has a lowest and a highest value.
cut as (
    select
        *,
        coalesce(prefix_length, if(base_address like '%:%', 128, 32)) + if(base_address like '%:%', 0, 96) as bits,
        cast(pow(2, 3 - (bits + 3) % 4) as int) as step,
        substr(base_key, 1, cast((bits - 1) div 4 as int)) as whole_digits,
        cast(conv(substr(base_key, cast((bits - 1) div 4 as int) + 1, 1), 16, 10) as int) as cut_digit
    from keyed
)

select
    network,
    rpad(concat(whole_digits, lower(hex(cut_digit - cut_digit % step))), 32, '0') as first_key,
    rpad(concat(whole_digits, lower(hex(cut_digit - cut_digit % step + step - 1))), 32, 'f') as last_key,
    description
from cut
where
    base_key is not null
    and bits between if(base_address like '%:%', 1, 96) and 128
    and (prefix_length is not null or network not like '%/%')
