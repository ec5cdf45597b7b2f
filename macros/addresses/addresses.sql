{#-
    Addresses are compared as keys: 32 lower-case hexadecimal digits, IPv4 as ::ffff:a.b.c.d.
    Keys sort as addresses do, so a network is a range of keys.
-#}

{% macro octet() %}
    {#- A pattern for the numbers 0 to 255. Its group captures nothing, which is faster. -#}
    {{- return('(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])') -}}
{% endmacro %}


{% macro quad_key(quad) %}
    {#- The eight hexadecimal digits of a dotted quad. 4294967296 adds a leading 1 that keeps zeros. This runs twice per line, so no split into an array. -#}
    substr(lower(hex(
        4294967296
        + cast(substring_index({{ quad }}, '.', 1) as bigint) * 16777216
        + cast(substring_index(substring_index({{ quad }}, '.', 2), '.', -1) as bigint) * 65536
        + cast(substring_index(substring_index({{ quad }}, '.', -2), '.', 1) as bigint) * 256
        + cast(substring_index({{ quad }}, '.', -1) as bigint)
    )), 2)
{%- endmacro %}


{% macro ip_key(address) %}
    {#- The key of the address in the column `address` (text, trimmed, lower case); null where the text is not an address. -#}
    {%- set quad = ([octet()] * 4) | join('[.]') -%}
    {%- set groups = '(([0-9a-f]{1,4}:)*([0-9a-f]{1,4}|' ~ quad ~ '))?' -%}
    case
        when {{ address }} rlike '^{{ quad }}\\z' then concat('00000000000000000000ffff', {{ quad_key(address) }})
        {#- A dotted quad may only end an address: a hostile 1.2.3.4::a must not reach quad_key. #}
        when {{ address }} like '%:%' and {{ address }} not like '%.%:%' and {{ address }} rlike '^{{ groups }}(::{{ groups }})?\\z' then
            {# transform(array(x), name -> …)[0] names x. ::ffff:192.0.2.1 is first rewritten as ::ffff:c000:0201. -#}
            transform(
                transform(
                    if(
                        {{ address }} like '%.%',
                        transform(
                            array({{ quad_key("substring_index(" ~ address ~ ", ':', -1)") }}),
                            q -> concat(regexp_extract({{ address }}, '^(.*:)', 1), substr(q, 1, 4), ':', substr(q, 5, 4))
                        ),
                        array({{ address }})
                    ),
                    text -> transform(
                        split(text, '::'),
                        part -> if(part = '', '', array_join(transform(split(part, ':'), g -> lpad(g, 4, '0')), ''))
                    )
                ),
                parts -> case
                    when size(parts) = 1 and length(parts[0]) = 32 then parts[0]
                    when size(parts) = 2 and length(parts[0]) + length(parts[1]) <= 28
                        then concat(parts[0], repeat('0', 32 - length(parts[0]) - length(parts[1])), parts[1])
                end
            )[0]
    end
{%- endmacro %}


{% macro ip_text(key) %}
    {#- The address of a key in its usual spelling: dotted IPv4, or IPv6 by RFC 5952. -#}
    case
        when {{ key }} like '00000000000000000000ffff%'
            then concat_ws('.'{% for digit in range(25, 32, 2) %}, conv(substr({{ key }}, {{ digit }}, 2), 16, 10){% endfor %})
        else
            {#- A colon after every fourth digit, and no leading zeros. Then the longest run of two or more zero groups, the first among equals, becomes :: -#}
            {%- set runs, before, after = [], [], [] -%}
            {%- for groups in range(8, 1, -1) -%}
                {%- do runs.append('(.*?)(?:^|:)0(?::0){' ~ (groups - 1) ~ '}(?:$|:)(.*)') -%}
                {%- do before.append('$' ~ (2 * loop.index - 1)) -%}
                {%- do after.append('$' ~ 2 * loop.index) -%}
            {%- endfor %}
            regexp_replace(
                regexp_replace(regexp_replace({{ key }}, '(.{4})(?!$)', '$1:'), '(^|:)0{1,3}(?=[0-9a-f])', '$1'),
                '^(?:{{ runs | join("|") }})$', '{{ before | join }}::{{ after | join }}'
            )
    end
{%- endmacro %}


{% macro network_range(network) %}
    {#- A struct (first_key, last_key) of a network (192.0.2.0/24, 2001:db8::/32 or a single address); null where the text is not a network. -#}
    {%- set base = "lower(trim(split_part(" ~ network ~ ", '/', 1)))" -%}
    {# A key has 128 bits, four per digit. Where the prefix ends within a digit, that digit has a lowest and a highest value. #}
    transform(
        transform(
            array(named_struct(
                'key', {{ ip_key(base) }},
                'bits', if({{ network }} like '%:%', 0, 96) + case
                    when {{ network }} not like '%/%' then if({{ network }} like '%:%', 128, 32)
                    when try_cast(split_part({{ network }}, '/', 2) as int) between if({{ network }} like '%:%', 1, 0) and if({{ network }} like '%:%', 128, 32)
                        then cast(split_part({{ network }}, '/', 2) as int)
                end
            )),
            n -> named_struct(
                'step', cast(pow(2, 3 - (n.bits + 3) % 4) as int),
                'whole_digits', substr(n.key, 1, cast((n.bits - 1) div 4 as int)),
                'digit', cast(conv(substr(n.key, cast((n.bits - 1) div 4 + 1 as int), 1), 16, 10) as int)
            )
        ),
        n -> if(
            n.digit is null or n.step is null,
            null,
            named_struct(
                'first_key', rpad(concat(n.whole_digits, lower(hex(n.digit - n.digit % n.step))), 32, '0'),
                'last_key', rpad(concat(n.whole_digits, lower(hex(n.digit - n.digit % n.step + n.step - 1))), 32, 'f')
            )
        )
    )[0]
{%- endmacro %}


{% macro address_scope(key) %}
    {#-
        Scope of an address by its key: public, private, cgnat, link_local, loopback, multicast, broadcast or reserved (IANA special-purpose registries).
        The documentation and benchmark ranges count as public, because samples and tests use only these.
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
