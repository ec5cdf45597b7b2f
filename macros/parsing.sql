{% macro event_time(text) %}
    {#-
        The timestamp in a text column: ISO 8601 as data export writes it, or as the portal writes it (8/17/2023, 6:52:13 AM); null where the text is neither, or
        its year is outside 1970 to 2199: engines fail on years far off.
    -#}
    {%- set portal = '^([0-9]{1,2})/([0-9]{1,2})/(19[7-9][0-9]|2[01][0-9]{2}), (0?[1-9]|1[0-2])(:[0-9]{2}:[0-9]{2}([.][0-9]+)?) ([AP])M$' -%}
    {#- No date pattern: to_timestamp throws where Spark's old parser was more lenient. A cast would also accept a date or a time alone. -#}
    case
        when substr({{ text }}, 5, 1) = '-' and substr({{ text }}, 11, 1) in ('T', ' ') and substr({{ text }}, 14, 1) = ':'
            and substr({{ text }}, 1, 4) between '1970' and '2199'
            then try_cast({{ text }} as timestamp)
        when {{ text }} rlike '{{ portal }}'
            then try_cast(concat(
                regexp_replace({{ text }}, '{{ portal }}', '$3-$1-$2 '),
                try_cast(regexp_extract({{ text }}, '{{ portal }}', 4) as int) % 12
                + if(regexp_extract({{ text }}, '{{ portal }}', 7) = 'P', 12, 0),
                regexp_extract({{ text }}, '{{ portal }}', 5)
            ) as timestamp)
    end
{%- endmacro %}


{% macro whole_number(text) %}
    {#- The whole number in a text column (443, 443.0); null where the text is not one. -#}
    case when {{ text }} rlike '^[0-9]{1,18}([.]0*)?$' then try_cast(substring_index({{ text }}, '.', 1) as bigint) end
{%- endmacro %}


{% macro device_time(text) %}
    {#-
        The timestamp in a text that a device wrote: seconds, milliseconds, microseconds or nanoseconds since 1970, Nov 14 2023 22:14:20,
        Tue Nov 14 22:14:20 2023, 2023/11/14 22:14:20 (without a zone, taken as UTC; without a year, as that of `time_generated`), or as event_time reads it; null where it is no time, and with
        event_times `generated`.
    -#}
    {%- if var('event_times') == 'generated' -%}{{- return('cast(null as timestamp)') -}}{%- endif -%}
    {%- set in_words = '^(?:[A-Z][a-z]{2},? )?([A-Z][a-z]{2}) {1,2}([0-9]{1,2})(?: ([0-9]{4}))? ([0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,9})?)(?: ?(?:UTC|GMT|Z))?(?: ([0-9]{4}))?$' -%}
    case
        when {{ text }} is null then null
        when {{ text }} rlike '^[0-9]{10}([0-9]{3}){0,3}$'
            then timestamp_micros(cast(rpad(substr({{ text }}, 1, 16), 16, '0') as bigint))
        when {{ text }} rlike '^[0-9]{10}[.][0-9]{1,6}$' then timestamp_micros(cast(cast({{ text }} as decimal(16, 6)) * 1000000 as bigint))
        when {{ text }} rlike '{{ in_words }}'
            then try_cast(concat(
                coalesce(
                    nullif(concat(regexp_extract({{ text }}, '{{ in_words }}', 3), regexp_extract({{ text }}, '{{ in_words }}', 5)), ''), cast(year(time_generated) as string)
                ), '-',
                lpad(cast((locate(regexp_extract({{ text }}, '{{ in_words }}', 1), 'JanFebMarAprMayJunJulAugSepOctNovDec') + 2) div 3 as string), 2, '0'), '-',
                lpad(regexp_extract({{ text }}, '{{ in_words }}', 2), 2, '0'), ' ', regexp_extract({{ text }}, '{{ in_words }}', 4)
            ) as timestamp)
        when {{ text }} rlike '^[0-9]{4}/[0-9]{2}/[0-9]{2} ' then {{ event_time("replace(" ~ text ~ ", '/', '-')") }}
        when {{ text }} rlike '[+-][0-9]{4}$' then {{ event_time("regexp_replace(" ~ text ~ ", '([0-9]{2})$', ':$1')") }}
        else {{ event_time(text) }}
    end
{%- endmacro %}


{% macro is_believable(moment) %}
    {#-
        A condition: a device's time is near `time_generated`, two days before (rows that came late) to 15 minutes after it. 1970 is not. Midnight must be
        nearer: it is what a date without a time is read as.
    -#}
    {{ moment }} between time_generated - interval 2 days and time_generated + interval 15 minutes
    and (unix_micros({{ moment }}) % 86400000000 != 0 or {{ moment }} >= time_generated - interval 15 minutes)
{%- endmacro %}


{% macro seconds_of(text) %}
    {#- Seconds in a text such as 95, 95.2 or 0:01:35; null where it is neither. -#}
    case
        when {{ text }} rlike '^[0-9]{1,5}:[0-9]{2}:[0-9]{2}$'
            then try_cast(substring_index({{ text }}, ':', 1) as bigint) * 3600
                + try_cast(substring_index(substring_index({{ text }}, ':', 2), ':', -1) as bigint) * 60
                + try_cast(substring_index({{ text }}, ':', -1) as bigint)
        else {{ whole_number("substring_index(" ~ text ~ ", '.', 1)") }}
    end
{%- endmacro %}


{% macro host_name(text) %}
    {#- The host of a URL or of host:port, in lower case; null where it is no name with a dot, or an address. -#}
    {%- set host = "regexp_extract(lower(" ~ text ~ "), '^(?:[a-z][a-z0-9+.-]*://)?(?:[^/@]*@)?([^/:?#]+)', 1)" -%}
    case
        when {{ host }} rlike '^[a-z0-9_-]{1,63}([.][a-z0-9_-]{1,63})+[.]?$' and not {{ host }} rlike '[.][0-9]+$'
            then trim(trailing '.' from {{ host }})
    end
{%- endmacro %}
