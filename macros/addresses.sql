{#-
    Addresses are compared as keys: 32 lower-case hexadecimal digits, IPv4 as ::ffff:a.b.c.d.
    Keys sort as the addresses do, so a network is a range of keys.
-#}

{% macro padded_groups(part) %}
    {#- The groups of a part of an IPv6 address (1:ff) as digits (000100ff). -#}
    if({{ part }} = '', '', array_join(transform(split({{ part }}, ':'), g -> lpad(g, 4, '0')), ''))
{%- endmacro %}


{% macro quad_hex(part) %}
    {#- A dotted quad as eight digits. -#}
    lpad(lower(hex(
        cast(split_part({{ part }}, '.', 1) as bigint) * 16777216
        + cast(split_part({{ part }}, '.', 2) as bigint) * 65536
        + cast(split_part({{ part }}, '.', 3) as bigint) * 256
        + cast(split_part({{ part }}, '.', 4) as bigint)
    )), 8, '0')
{%- endmacro %}


{% macro ip_key(address) %}
    {#- The key of the address in the column `address` (text, trimmed, lower case), null where it is no address. -#}
    {%- set octet = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])' -%}
    {%- set dotted = '(' ~ octet ~ '[.]){3}' ~ octet -%}
    {%- set groups = '(([0-9a-f]{1,4}:)*[0-9a-f]{1,4})?' -%}
    {#- ::ffff:192.0.2.1 is written as ::ffff:c000:0201 first. -#}
    {%- set quad = quad_hex("substring_index(" ~ address ~ ", ':', -1)") -%}
    {%- set text -%}
        if(
            {{ address }} like '%.%',
            concat(
                regexp_extract({{ address }}, '^(.*:)', 1),
                substr({{ quad }}, 1, 4), ':', substr({{ quad }}, 5, 4)
            ),
            {{ address }}
        )
    {%- endset -%}
    {%- set head = padded_groups("substring_index(" ~ text ~ ", '::', 1)") -%}
    {%- set tail = padded_groups("if(instr(" ~ text ~ ", '::') > 0, substr(" ~ text ~ ", instr(" ~ text ~ ", '::') + 2), '')") -%}
    case
        when {{ address }} rlike '^{{ dotted }}$'
            then concat('00000000000000000000ffff', {{ quad_hex(address) }})
        when
            {{ address }} like '%:%'
            and {{ address }} rlike '^([0-9a-f:]+|[0-9a-f:]+:{{ dotted }})$'
            and {{ text }} rlike '^{{ groups }}(::{{ groups }})?$'
            and case
                when {{ address }} like '%::%' then length({{ head }}) + length({{ tail }}) <= 28
                else length({{ head }}) = 32
            end
            then concat({{ head }}, repeat('0', 32 - length({{ head }}) - length({{ tail }})), {{ tail }})
    end
{%- endmacro %}


{% macro ip_text(key) %}
    {#- The address of a key in its usual spelling: dotted IPv4, or IPv6 as RFC 5952 recommends. -#}
    {%- set plain -%}
        array_join(
            transform(sequence(1, 29, 4), i -> regexp_replace(substr({{ key }}, i, 4), '^0{1,3}', '')), ':'
        )
    {%- endset -%}
    case
        when {{ key }} like '00000000000000000000ffff%'
            then array_join(transform(sequence(25, 31, 2), i -> conv(substr({{ key }}, i, 2), 16, 10)), '.')
        {#- The longest run of zero groups, the first of equals, becomes :: -#}
        {%- for zeros in range(8, 1, -1) %}
        when {{ plain }} rlike '(^|:)0(:0){{ "{%d}" % (zeros - 1) }}(:|$)'
            then regexp_replace({{ plain }}, '^(.*?)(^|:)0(:0){{ "{%d}" % (zeros - 1) }}(:|$)(.*)$', '$1::$5')
        {%- endfor %}
        else {{ plain }}
    end
{%- endmacro %}


{% macro address_scope(key) %}
    {#-
        What an address is for, by its key: public, private, cgnat, link_local, loopback, multicast, broadcast or reserved (IANA special-purpose registries).
        The documentation and benchmark ranges count as public: samples and tests use only these.
    -#}
    {%- set v4 = '00000000000000000000ffff' -%}
    {%- set ranges = [
        (v4 ~ '0a', v4 ~ '0b', 'private', '10.0.0.0/8'),
        (v4 ~ 'ac10', v4 ~ 'ac20', 'private', '172.16.0.0/12'),
        (v4 ~ 'c0a8', v4 ~ 'c0a9', 'private', '192.168.0.0/16'),
        ('fc', 'fe', 'private', 'fc00::/7'),
        ('fec', 'ff', 'private', 'fec0::/10, once site-local'),
        (v4 ~ '6440', v4 ~ '6480', 'cgnat', '100.64.0.0/10'),
        (v4 ~ 'a9fe', v4 ~ 'a9ff', 'link_local', '169.254.0.0/16'),
        ('fe8', 'fec', 'link_local', 'fe80::/10'),
        (v4 ~ '7f', v4 ~ '80', 'loopback', '127.0.0.0/8'),
        ('0' * 31 ~ '1', '0' * 31 ~ '2', 'loopback', '::1'),
        (v4 ~ 'e0', v4 ~ 'f0', 'multicast', '224.0.0.0/4'),
        ('ff', 'g', 'multicast', 'ff00::/8'),
        (v4 ~ 'ffffffff', v4 ~ 'g', 'broadcast', '255.255.255.255'),
        (v4 ~ 'f0', v4 ~ 'ffffffff', 'reserved', '240.0.0.0/4'),
        (v4 ~ '00', v4 ~ '01', 'reserved', '0.0.0.0/8'),
        (v4 ~ 'c00000', v4 ~ 'c00001', 'reserved', '192.0.0.0/24'),
        ('0' * 32, '0' * 31 ~ '1', 'reserved', '::'),
        ('0100000000000000', '0100000000000001', 'reserved', '100::/64'),
    ] -%}
    case
        {%- for first, beyond, scope, network in ranges %}
        when {{ key }} >= '{{ first }}' and {{ key }} < '{{ beyond }}' then '{{ scope }}'  -- {{ network }}
        {%- endfor %}
        when {{ key }} is not null then 'public'
    end
{%- endmacro %}
