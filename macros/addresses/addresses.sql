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
        + try_cast(substring_index({{ quad }}, '.', 1) as bigint) * 16777216
        + try_cast(substring_index(substring_index({{ quad }}, '.', 2), '.', -1) as bigint) * 65536
        + try_cast(substring_index(substring_index({{ quad }}, '.', -2), '.', 1) as bigint) * 256
        + try_cast(substring_index({{ quad }}, '.', -1) as bigint)
    )), 2)
{%- endmacro %}


{% macro ip_key(address) %}
    {#- The key of the address in the column `address` (text, trimmed, lower case); null where the text is not an address. -#}
    {%- set quad = ([octet()] * 4) | join('[.]') -%}
    {%- set groups = '(([0-9a-f]{1,4}:)*([0-9a-f]{1,4}|' ~ quad ~ '))?' -%}
    {#- IPv6: ::ffff:192.0.2.1 as ::ffff:c000:0201:, then every group with four digits, without colons, and z where :: was. -#}
    {%- set digits -%}
        replace(regexp_replace(regexp_replace(replace(
            if(
                {{ address }} like '%.%',
                concat(regexp_extract({{ address }}, '^(.*:)', 1), regexp_replace({{ quad_key("substring_index(" ~ address ~ ", ':', -1)") }}, '(.{4})', '$1:')),
                {{ address }}
            ),
            '::', ':z:'
        ), '([0-9a-f]+)', '000$1'), '[0-9a-f]*([0-9a-f]{4})', '$1'), ':', '')
    {%- endset -%}
    case
        when {{ address }} rlike '^{{ quad }}\\z' then concat('00000000000000000000ffff', {{ quad_key(address) }})
        {#- A dotted quad may only end an address: a hostile 1.2.3.4::a must not reach quad_key. #}
        when {{ address }} like '%:%' and {{ address }} not like '%.%:%' and {{ address }} rlike '^{{ groups }}(::{{ groups }})?\\z' then
            {# The z stands for one group of zeros or more, so that there are 32 digits. #}
            nullif(regexp_extract(
                replace({{ digits }}, 'z', concat('0000', repeat('0', 29 - length({{ digits }})))), '^[0-9a-f]{32}$', 0
            ), '')
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
                regexp_replace(substr(regexp_replace({{ key }}, '(.{4})', '$1:'), 1, 39), '(^|:)0{1,3}([0-9a-f])', '$1$2'),
                '^(?:{{ runs | join("|") }})$', '{{ before | join }}::{{ after | join }}'
            )
    end
{%- endmacro %}


{% macro network_address(network) %}
    {#- The address in a network such as 192.0.2.0/24 or 2001:db8::/32, or a single address, as ip_key wants it. -#}
    lower(trim(split_part({{ network }}, '/', 1)))
{%- endmacro %}


{% macro network_bits(network) %}
    {#- How many of a key's 128 bits a network fixes; null where its prefix length is not one. -#}
    {%- set width = 'if(' ~ network ~ " like '%:%', 128, 32)" -%}
    128 - {{ width }} + case
        when {{ network }} not like '%/%' then {{ width }}
        when try_cast(split_part({{ network }}, '/', 2) as int) between if({{ network }} like '%:%', 1, 0) and {{ width }}
            then try_cast(split_part({{ network }}, '/', 2) as int)
    end
{%- endmacro %}


{% macro network_range(key, bits) %}
    {#-
        A struct (first_key, last_key) of a network, from the key of an address in it and the bits that it fixes; null where one of them is null.
        A digit has four bits. Where the bits end within a digit, that digit has a lowest and a highest value.
    -#}
    {%- set whole_digits = 'cast((' ~ bits ~ ' - 1) div 4 as int)' -%}
    {%- set ends = {
        'first_key': ['0', ['0000000088888888', '000044448888cccc', '0022446688aaccee', '0123456789abcdef']],
        'last_key': ['f', ['77777777ffffffff', '33337777bbbbffff', '1133557799bbddff', '0123456789abcdef']],
    } -%}
    if(
        {{ key }} is null or {{ bits }} is null,
        null,
        named_struct(
            {%- for name, (rest, digits) in ends.items() %}
            '{{ name }}', rpad(concat(
                substr({{ key }}, 1, {{ whole_digits }}),
                translate(
                    substr({{ key }}, {{ whole_digits }} + 1, 1),
                    '0123456789abcdef',
                    element_at(array('{{ digits | join("', '") }}'), cast(({{ bits }} - 1) % 4 + 1 as int))
                )
            ), 32, '{{ rest }}'){{ ',' if not loop.last }}
            {%- endfor %}
        )
    )
{%- endmacro %}


{% macro every_address() %}
    {#- The range of keys that holds every address. -#}
    named_struct('first_key', repeat('0', 32), 'last_key', repeat('f', 32))
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


{% macro is_private(address) %}
    {#- A condition: an address is private, or none at all: a proxy's may be. By its text, which is cheaper than by its key. -#}
    {{ address }} rlike '^(?:10|192[.]168|172[.](?:1[6-9]|2[0-9]|3[01])|0[.]0)[.]|^::$'
{%- endmacro %}


{% macro address_asked_for(address, texts) %}
    {#-
        The address that one of the texts (URLs, host:port) has as its host, where the row's own `address` is absent or private: what a client asks of a
        proxy. Attackers write URLs, so a public address stays, and what is no address is left out; so is IPv6 with more groups than usual on a side of ::.
    -#}
    {%- set quad = ([octet()] * 4) | join('[.]') -%}
    {%- set group = '[0-9A-Fa-f]{1,4}' -%}
    {%- set some = '(?:' ~ group ~ '(?::' ~ group ~ '){0,' -%}
    {%- set ipv6 = '(?:' ~ group ~ ':){7}' ~ group ~ '|' ~ some ~ '4})?::' ~ some ~ '1})?|' ~ some ~ '2})?::' ~ some ~ '3})?' -%}
    {%- set host = '^(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/@]*@)?(?:(' ~ quad ~ ')|\\\\[(' ~ ipv6 ~ ')\\\\])(?::[0-9]*)?(?:[/?#].*)?$|^(' ~ ipv6 ~ ')$' -%}
    case
        when {{ texts | join(' is null and ') }} is null then null
        when {{ address }} is null or {{ is_private(address) }}
            then coalesce({% for text in texts %}
                nullif(concat({% for n in (1, 2, 3) %}regexp_extract({{ text }}, '{{ host }}', {{ n }}){{ ', ' if not loop.last }}{% endfor %}), ''){{ ', ' if not loop.last }}
            {% endfor %})
    end
{%- endmacro %}
