{% macro staged_days(listing, version) %}
    {#-
        Compares the listed days with the days that staging holds. `version` is an expression over `listing`: the log_version that staged rows would
        get. Returns a dict of lists of days (YYYY-MM-DD): listed, to_read (new or changed), kept (staged, without files), gone (the same, but not to
        be kept), to_replace (to_read and gone); and versions and formats, dicts from day to log_version and to how its files
        are read.
    -#}
    {%- set listed, to_read, kept, gone, versions, formats = [], [], [], [], {}, {} -%}
    {%- set days = run_query(
        'with wanted as (select log_date, files, file_format, ' ~ version ~ ' as log_version from ' ~ listing.render() ~ '), held as (' ~ held_versions() ~ ') '
        ~ 'select cast(log_date as string), files, wanted.log_version, held.log_version, file_format from wanted full join held using (log_date) order by log_date'
    ).rows if execute else [] -%}
    {%- for day, files, wanted, held, file_format in days -%}
        {%- if files is not none -%}{%- do listed.append(day) -%}{%- endif -%}
        {%- if files -%}
            {%- do versions.update({day: wanted}) -%}
            {%- do formats.update({day: file_format}) -%}
            {%- if wanted != held and not invocation_args_dict.empty -%}{%- do to_read.append(day) -%}{%- endif -%}
        {%- elif held is not none and var('keep_days_without_files') -%}
            {%- do kept.append(day) -%}
        {%- elif held is not none and not invocation_args_dict.empty -%}
            {%- do gone.append(day) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return({'listed': listed, 'to_read': to_read, 'kept': kept, 'gone': gone, 'to_replace': to_read + gone, 'versions': versions, 'formats': formats}) -}}
{% endmacro %}


{% macro open_days_to_load(days, fields) %}
    {#-
        Pre-hook of staging: logs which days (from staged_days) it reads and which have lost their files, and makes the lines of those to read available.
        It reads these `fields` of a row.
    -#}
    {%- if execute -%}
        {%- if days.listed != window_days() -%}
            {{- exceptions.raise_compiler_error(
                'the log files were listed for other days than ' ~ window_days()[0] ~ ' to ' ~ end_date()
                ~ '. No line was read. List them anew: select +' ~ this.identifier
            ) -}}
        {%- endif -%}
        {%- do refuse_to_lose_kept_days(days.versions) -%}
        {%- do log('Days to read, new or changed: ' ~ (days.to_read | join(', ') or 'none'), info=True) -%}
        {%- if days.kept -%}{%- do log('Days without log files, kept as they were staged: ' ~ days.kept | join(', '), info=True) -%}{%- endif -%}
        {%- if days.gone -%}
            {%- do exceptions.warn(
                'the log files of ' ~ days.gone | join(', ') ~ ' are gone, and what was staged of them goes too. '
                ~ 'Where files are deleted on purpose, keep_days_without_files: true keeps what was staged.'
            ) -%}
        {%- endif -%}
        {%- do open_log_lines(days, fields) -%}
    {%- endif -%}
{% endmacro %}


{% macro refuse_to_lose_kept_days(versions) %}
    {#- Stops a full refresh that would lose days without log files which keep_days_without_files protects. -#}
    {%- set held = adapter.get_relation(none, this.schema, this.identifier) if flags.FULL_REFRESH and var('keep_days_without_files') else none -%}
    {%- if held -%}
        {%- set days = run_query('select distinct cast(log_date as string) from ' ~ held ~ ' where ' ~ in_window() ~ ' order by 1').columns[0].values() -%}
        {%- set lost = days | reject('in', versions) | list -%}
        {%- if lost -%}
            {{- exceptions.raise_compiler_error(
                '--full-refresh would lose days whose log files are gone, kept by keep_days_without_files: ' ~ lost | join(', ')
                ~ '. Nothing was read. Leave --full-refresh out, or give these days up with keep_days_without_files: false.'
            ) -}}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
