{% macro say_what_happened(results) %}
    {#- On-run-end: prints model run_summary where this run built it, figures of all vendors first, where the findings are, and what looks wrong. -#}
    {%- for result in results if result.node.unique_id == 'model.network_beaconing.run_summary' and result.status == 'success' -%}
        {%- do log('\n' ~ end_date() ~ ', ' ~ var('lookback_days') ~ ' day(s) of history', info=True) -%}
        {%- set figures_of, others, suppressions, at_once = {}, [], {}, {} -%}
        {%- for figure, amount, vendor in run_query(
            'select figure, amount, device_vendor from ' ~ result.node.relation_name ~ ' order by device_vendor nulls first, position, figure'
        ).rows -%}
            {%- if vendor is not none -%}{%- do figures_of.update({vendor: figures_of.get(vendor, 0) + 1}) -%}{%- endif -%}
            {%- if figure == 'lines of the day in the ten minutes that have most' -%}{%- do at_once.update({vendor: amount | int}) -%}{%- endif -%}
            {#- Anybody can write a vendor's name into a log, so few are printed. -#}
            {%- if vendor is none or vendor in judged_vendors() or vendor in others or others | length < 10 -%}
                {%- if figures_of.get(vendor) == 1 -%}
                    {%- do log(printable(vendor) ~ ('' if vendor in judged_vendors() else ' (not judged)'), info=True) -%}
                    {%- if vendor not in judged_vendors() -%}{%- do others.append(vendor) -%}{%- endif -%}
                {%- endif -%}
                {%- set kind = figure.split(':')[0] if figure.startswith('suppression ') else none -%}
                {%- if kind -%}{%- do suppressions.update({kind: suppressions.get(kind, 0) + 1}) -%}{%- endif -%}
                {%- if suppressions.get(kind, 0) <= 10 -%}{%- do log('%12s  %s' | format('{:,}'.format(amount | int), shown(figure)), info=True) -%}{%- endif -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set unsaid = figures_of | length - (judged_vendors() | select('in', figures_of) | list | length) - others | length -%}
        {%- if unsaid > 0 -%}{%- do log('… and ' ~ unsaid ~ ' vendors more: model row_fates', info=True) -%}{%- endif -%}
        {%- for kind, count in suppressions.items() if count > 10 -%}{%- do log('… and ' ~ (count - 10) ~ ' more: ' ~ kind ~ ' (model suppression_uses)', info=True) -%}{%- endfor -%}
        {%- do log('Findings: ' ~ result.node.schema ~ '.network_beaconing_anomalies, and as JSON in ' ~ export_location(), info=True) -%}
        {#- History would dilute what went wrong on one day. -#}
        {%- set of_day = run_query(
            'select device_vendor, fate, fate_detail, sum(line_count) as line_count from ' ~ graph.nodes['model.network_beaconing.row_fates'].relation_name
            ~ " where log_date = date '" ~ end_date() ~ "' group by device_vendor, fate, fate_detail order by line_count desc, fate_detail"
        ).rows -%}
        {%- do warn_of_rejected_lines(of_day) -%}
        {%- do warn_of_what_looks_wrong(of_day, at_once) -%}
    {%- endfor -%}
{% endmacro %}


{% macro printable(text) %}
    {#- A text from the logs, safe to print: at most 60 characters, and ? for what is not a letter, digit or mark of European scripts. -#}
    {{- return(modules.re.sub('[^ -~\u00a1-\u024f]', '?', text)[:60]) -}}
{% endmacro %}


{% macro is_named_alike(vendor, other) %}
    {#- Whether a name of a vendor is the other's, or its beginning, but for capitals, blanks and marks. -#}
    {%- set a, b = modules.re.sub('[^a-z0-9]', '', vendor | lower), modules.re.sub('[^a-z0-9]', '', other | lower) -%}
    {{- return(a != '' and b != '' and (a.startswith(b) or b.startswith(a))) -}}
{% endmacro %}


{% macro warn_of_rejected_lines(fates) %}
    {#- Warns in words where more than 1 % of the lines of end_date were rejected; the data test few_rejects, which only dbt build runs, looks at the history, too. -#}
    {%- set reasons, total = [], namespace(lines=0, rejected=0) -%}
    {%- for _, fate, reason, lines in fates -%}
        {%- set total.lines = total.lines + lines | int -%}
        {%- if fate == 'rejected' -%}
            {%- set total.rejected = total.rejected + lines | int -%}
            {%- do reasons.append('{:,}'.format(lines | int) ~ ' ' ~ reason) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if 100 * total.rejected > total.lines -%}
        {%- do exceptions.warn(
            '{:,}'.format(total.rejected) ~ ' of ' ~ '{:,}'.format(total.lines) ~ ' log lines of ' ~ end_date() ~ ' could not be used, and were left out: ' ~ reasons | join(', ')
            ~ '. Model stg_common_security_log_rejects has the lines.'
            ~ (' A line must be one JSON object, or an array of them, in UTF-8.' if modules.re.search('JSON|object', reasons | join) else '')
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro warn_of_what_looks_wrong(fates, at_once) %}
    {#-
        Warns in words where lines of end_date look as if they were not understood. `fates`: rows of vendor, fate, detail and lines; `at_once`: a dict from vendor
        to lines in ten minutes.
    -#}
    {%- set of_vendors, lines = {}, {} -%}
    {%- for vendor, fate, _, count in fates if fate != 'rejected' -%}
        {%- set vendor = vendor or '(no vendor)' -%}
        {%- set figures = of_vendors.setdefault(vendor, {}) -%}
        {%- do figures.update({fate: figures.get(fate, 0) + count | int}) -%}
        {%- do lines.update({vendor: lines.get(vendor, 0) + count | int}) -%}
    {%- endfor -%}
    {%- set there = [] -%}
    {%- for vendor, count in lines.items() | sort(attribute='1', reverse=true) -%}{%- do there.append(printable(vendor) ~ ' (' ~ '{:,}'.format(count) ~ ' lines)') -%}{%- endfor -%}
    {%- for vendor in judged_vendors() if vendor not in lines -%}
        {%- set alike = [] -%}
        {%- for other in lines if is_named_alike(vendor, other) -%}{%- do alike.append(other) -%}{%- endfor -%}
        {%- do exceptions.warn(
            'no line of ' ~ end_date() ~ ' is of ' ~ vendor ~ ', which is to be judged. The logs have ' ~ (there[:10] | join(', ') or 'no usable line') ~ '.'
            ~ (' Did you mean device_vendor: ' ~ printable(alike[0]) ~ '?' if alike else '')
        ) -%}
    {%- endfor -%}
    {#- Anybody can write vendors' names into a log, so few are warned of, beside those that are judged. -#}
    {%- set others = [] -%}
    {%- for vendor, total in lines.items() | sort(attribute='1', reverse=true) if total >= 100 -%}
        {%- set warnings = [] -%}
        {%- set figures = of_vendors[vendor] -%}
        {%- set of_public = figures.get('public to public', 0) -%}
        {%- set without_address = figures.get('no source address', 0) + figures.get('no destination', 0) -%}
        {%- set in_ten_minutes = at_once.get(vendor, 0) -%}
        {%- if 2 * of_public > total -%}
            {%- do warnings.append(
                '{:,}'.format(of_public) ~ ' of ' ~ '{:,}'.format(total) ~ ' lines of ' ~ printable(vendor) ~ ' go from a public address to a public address, and were left out. '
                ~ 'Where these sources are your own, name their networks in the seed internal_networks.'
            ) -%}
        {%- endif -%}
        {%- if 3 * without_address > total -%}
            {%- do warnings.append(
                '{:,}'.format(without_address) ~ ' of ' ~ '{:,}'.format(total) ~ ' lines of ' ~ printable(vendor) ~ ' have no source address, or neither address nor name of a destination, '
                ~ 'and were left out. If they are connections, the seed vendor_facts can say where the addresses stand.'
            ) -%}
        {%- endif -%}
        {%- set of_inspection = figures.get('inspection without a session', 0) -%}
        {%- if 3 * of_inspection > total -%}
            {%- do warnings.append(
                '{:,}'.format(of_inspection) ~ ' of ' ~ '{:,}'.format(total) ~ ' lines of ' ~ printable(vendor) ~ ' tell of an inspection, and no line of its session, and were left out. '
                ~ 'The firewall may log no traffic, or the seed vendor_facts may say what these lines are.'
            ) -%}
        {%- endif -%}
        {%- set by_collector = figures.get('time of a collector', 0) -%}
        {%- if by_collector -%}
            {%- do warnings.append(
                '{:,}'.format(by_collector) ~ ' lines of ' ~ printable(vendor) ~ ' have the time of a collector that sends in bursts, and none of their own: all its sources share a few seconds of '
                ~ 'the minute. They were left out, because each would look like a beacon. The seed vendor_facts can say where the device writes its time.'
            ) -%}
        {%- endif -%}
        {%- if 5 * in_ten_minutes > total and in_ten_minutes >= 100 -%}
            {%- do warnings.append(
                '{:,}'.format(in_ten_minutes) ~ ' lines of ' ~ printable(vendor) ~ ' on ' ~ end_date() ~ ' are of the same ten minutes. Beats in them cannot be seen: a collector may have been down '
                ~ 'before, or a clock may stand still (column time_source of the staged lines says which time was taken).'
            ) -%}
        {%- endif -%}
        {%- if not warnings and 100 * figures.get('egress', 0) < total - figures.get('another row of a session', 0) -%}
            {%- set most = [] -%}
            {%- for fate, amount in figures.items() | sort(attribute='1', reverse=true) if fate != 'egress' -%}
                {%- do most.append('{:,}'.format(amount) ~ ' ' ~ fate) -%}
            {%- endfor -%}
            {%- do warnings.append(
                '{:,}'.format(figures.get('egress', 0)) ~ ' of ' ~ '{:,}'.format(total) ~ ' lines of ' ~ printable(vendor) ~ ' are connections from inside to outside; the others: '
                ~ most[:3] | join(', ') ~ '. If that is not so, seeds say what rows mean (vendor_facts) and which networks are inside (internal_networks); a proxy is told by its port, or by the domains that its rows name.'
            ) -%}
        {%- endif -%}
        {%- if warnings and vendor not in judged_vendors() -%}{%- do others.append(vendor) -%}{%- endif -%}
        {%- if vendor in judged_vendors() or others | length <= 10 -%}
            {%- for warning in warnings -%}{%- do exceptions.warn(warning) -%}{%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if others | length > 10 -%}
        {%- do exceptions.warn('lines of ' ~ (others | length - 10) ~ ' vendors more, which are not judged, look as wrong. Model row_fates counts them.') -%}
    {%- endif -%}
{% endmacro %}


{% macro say_what_is_missing() %}
    {#- Post-hook of log_days: warns where days of the history have no files, and names files that are not read. -#}
    {%- if execute and not invocation_args_dict.empty -%}
        {%- set unread = run_query("select substring_index(path, '/', -1), log_date from " ~ ref('log_files') ~ ' where file_format is null order by log_date, path').rows -%}
        {%- set names = unread | map(attribute=0) | map('string') | unique | list -%}
        {%- if unread -%}
            {%- do exceptions.warn(
                unread | length ~ ' file(s) in the folders of these days are not read, because their names do not end in .json, .ndjson or .jsonl (or these and .gz), or in .parquet in folders of an export job: '
                ~ printable(names[:3] | join(', ')) ~ (', …' if names | length > 3 else '') ~ '. Model log_files lists them.'
            ) -%}
        {%- endif -%}
        {%- set missing = run_query('select cast(log_date as string) from ' ~ this ~ ' where files = 0 order by log_date').columns[0].values() -%}
        {%- set these = missing | length ~ ' of ' ~ var('lookback_days') ~ ' days of history have no files: ' ~ missing | join(', ') ~ '. ' -%}
        {%- if missing and var('keep_days_without_files') -%}
            {%- do exceptions.warn(these ~ 'Of those only what was staged before is known.') -%}
        {%- elif missing and var('baseline_source') == 'current' -%}
            {%- do exceptions.warn(these ~ 'Rarity and status know less.') -%}
        {%- elif missing and missing | length == var('lookback_days') -%}
            {%- do exceptions.warn('no history: no files on any of the ' ~ missing | length ~ ' days before ' ~ end_date() ~ '. The day itself is the baseline.') -%}
        {%- elif missing -%}
            {%- do exceptions.warn(these ~ 'The baseline is made without them.') -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro changed_days(judged) %}
    {#- Days of the history, oldest first, that were judged and whose log files have changed since: rows of [day, vendors, whether a vendor of this run is among them]. `judged` is model judged_days. -#}
    {%- set query -%}
        select
            cast(judged.end_date as string),
            concat_ws(', ', sort_array(collect_set(judged.device_vendor))),
            count_if(judged.{{ of_judged_vendors() }}) > 0
        from {{ judged }} as judged
        inner join {{ ref('log_days') }} as log_days on judged.end_date = log_days.log_date
        where judged.end_date < date '{{ end_date() }}' and log_days.log_version is not null and judged.log_version != log_days.log_version
        group by judged.end_date
        order by judged.end_date
    {%- endset -%}
    {{- return(run_query(query).rows) -}}
{% endmacro %}


{% macro say_which_days_changed() %}
    {#- Post-hook of judged_days: warns of these days. -#}
    {%- if execute and not invocation_args_dict.empty -%}
        {%- for day, vendors, _ in changed_days(this) -%}
            {%- do exceptions.warn(
                'the logs of ' ~ day ~ ' have changed since that day was judged (' ~ vendors ~ '): rows came late. Its findings are of what was there then. '
                ~ 'To judge it again: end_date: ' ~ day ~ '; scripts/judge.py does so by itself'
            ) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{% macro print_changed_days() %}
    {#- For scripts/judge.py: prints the newest `rejudge_days` of these days, as far as vendors of this run were judged on them. -#}
    {%- set judged = ref('judged_days') -%}
    {%- if execute and adapter.get_relation(none, judged.schema, judged.identifier) -%}
        {%- set days = [] -%}
        {%- for day, _, is_judged_now in changed_days(judged) if is_judged_now -%}{%- do days.append(day) -%}{%- endfor -%}
        {%- for day in days[[days | length - var('rejudge_days'), 0] | max:] -%}{%- do print('changed since it was judged: ' ~ day) -%}{%- endfor -%}
    {%- endif -%}
{% endmacro %}
