"""Write the notebook that runs the models in the Microsoft Sentinel data lake, where dbt cannot.

    python -m deploy.lake.notebook

dbt compiles the models for Apache Spark without any engine. What a run decides (the day, the
vendors, thresholds, the run's id) stays a name in braces in their SQL, which the notebook fills in.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import ipaddress
import json
import re
import textwrap
from pathlib import Path
from typing import Any

import jinja2
import yaml

from bench.detection.score_models import Compiled, compile_models
from enrich.contract import LOOKUP_COLUMNS
from enrich.push.columns import CAPITALS, column_name

PROJECT = Path(__file__).parents[2]
NOTEBOOK = Path(__file__).with_name("network_beaconing.ipynb")
COMMAND = "python -m deploy.lake.notebook"
STAGING = "stg_common_security_log_lines"
HISTORY = "connection_days"  # what models read of days before the judged one
# What the rows of history depend on besides the logs, as the macro session_version says.
HISTORY_SEEDS = ("organisation/internal_networks", "vendors/vendor_facts", "vendors/protocols")
HISTORY_SETTINGS = ("event_times", "event_unit", "events_per_connection_day")
# Vars that are parameters of the notebook; models use them as they are. All others keep the value
# of dbt_project.yml.
NUMBERS = (
    "daily_event_count_threshold",
    "degree_of_srcip_threshold",
    "time_delta_threshold",
    "percent_beacon_threshold",
    "beacon_score_threshold",
    "long_session_hours",
)
ANALYTICS_TABLE = "network_beaconing_anomalies_SPRK_CL"
PARAMETERS = ("end_date", "lookback_days", "device_vendor", "workspace_name", *NUMBERS)
SELECT = ["+export_network_beaconing_runs", "+beaconing_sources"]
# What the notebook makes itself.
EXCLUDE = ["log_files", "log_days"]
# Texts that macros give in place of what only a run knows.
GIVEN = {
    "end_date": "{end_date}",
    "days_of_status": "{days_of_status}",
    "judged_vendor_texts": "{device_vendors}",
    "run_id": "'{run_id}'",
    "run_start": "timestamp '{run_started_at}'",
    "version_with": "log_version",  # tells days apart that tables hold; the lake's are made anew
}


def write_notebook() -> str:
    """Compile the models and return the notebook, as the text of an .ipynb file.

    Raises
    ------
    RuntimeError
        If dbt cannot compile the models; the message is dbt's.
    """
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text("utf-8"))
    models = compile_for_lake()
    cells = [
        *opening(project["vars"]),
        markdown("## What earlier runs left", EARLIER_TEXT),
        code(
            EARLIER.replace("VERSION_OF_HISTORY", version_of_history(project["vars"])).replace(
                "SLOW_WINDOW_DAYS", str(project["vars"]["slow_window_days"])
            )
        ),
        markdown("## The logs", READ_LOGS_TEXT),
        code(READ_LOGS.replace("COLUMNS_OF_STAGING", columns_of_staging())),
    ]
    for name, model in models.items():
        cells += [markdown(f"## {name}", model.description), code(sql_cell(name, model))]
        if name == HISTORY:
            cells += [markdown("### The days before", HISTORY_TEXT), code(ADD_HISTORY)]
    cells += [
        markdown("## Summary", "What became of the lines of the day, and how many findings."),
        code(SUMMARY),
        markdown("## Findings", "The most severe first."),
        code(FINDINGS),
        markdown("When they spoke: the connections of each finding by hour of the day (UTC)."),
        code(PICTURE),
        markdown("## Write the results", WRITE_TEXT),
        code(
            WRITE.replace("NAMES_IN_CAPITALS", repr(CAPITALS)).replace(
                "COLUMNS_OF_LOOKUPS", repr(columns_of_lookups())
            )
        ),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def compile_for_lake() -> dict[str, Compiled]:
    """Compile the models in their order, with the names of parameters in braces."""
    macros = {
        name: f"{{% macro {name}(seeds=none, settings=none) %}}{text}{{% endmacro %}}"
        for name, text in GIVEN.items()
    }
    values = {
        "window_days": ["{window_start}"],
        "judged_vendors": ["{device_vendor}"],
        "vendor_facts": vendor_facts(),
        "own_networks": own_networks(),
        "replaces_partitions": True,  # earlier findings are read
    }
    for name, value in values.items():
        macros[name] = f"{{% macro {name}() %}}{{{{ return({value!r}) }}}}{{% endmacro %}}"
    variables = {name: f"{{{name}}}" for name in NUMBERS}
    models = compile_models(SELECT, variables, EXCLUDE, macros)
    # What a bench measured would make the notebook older than the models with each new figure.
    text = (PROJECT / "models/scores/detection_bench.md").read_text("utf-8")
    bench = re.search(r"{% docs detection_bench %}\s*(.*?)\s*{% enddocs %}", text, re.DOTALL)[1]
    compiled = {}
    for name, model in models.items():
        if name in EXCLUDE:
            continue
        sql = model.sql.replace("raw.common_security_log", "common_security_log")
        if name == "network_beaconing_anomalies":
            # Its own rows of earlier days.
            sql = sql.replace(f"from {name}", "from earlier_findings")
        description = model.description.replace(bench, "")
        compiled[name] = Compiled(sql, model.is_table, description.strip())
    return compiled


def rows_of_seed(path: str) -> list[dict[str, str]]:
    """Read a seed."""
    with (PROJECT / "seeds" / path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def vendor_facts() -> list[list[str]]:
    """Return what the macro of this name reads from the loaded seed."""
    rows = rows_of_seed("vendors/vendor_facts.csv")
    rows.sort(key=lambda row: (-len(row["pattern"]), row["pattern"], row["device_vendor"]))
    return [
        [row["fact"], row["column_name"], row["pattern"], row["meaning"], vendor.replace("*", "%")]
        for row in rows
        for vendor in [row["device_vendor"]]
    ]


def own_networks() -> list[list[str]]:
    """Return what the macro of this name reads from stg_internal_networks."""
    ranges = []
    for row in rows_of_seed("organisation/internal_networks.csv"):
        try:
            network = ipaddress.ip_network(row["network"].strip(), strict=False)
        except ValueError:
            continue
        offset = 0xFFFF << 32 if network.version == 4 else 0
        ends = (network.network_address, network.broadcast_address)
        ranges.append([f"{offset + int(address):032x}" for address in ends])
    return sorted(ranges)


def version_of_history(variables: dict[str, Any]) -> str:
    """Return a hash of what history is made with: days that were made with other do not count."""
    texts = [(PROJECT / f"seeds/{seed}.csv").read_text("utf-8") for seed in HISTORY_SEEDS]
    settings = [f"{name} {variables[name]}" for name in HISTORY_SETTINGS]
    return hashlib.sha256("\n".join([*texts, *settings]).encode()).hexdigest()[:12]


def columns_of_lookups() -> dict[str, str]:
    """Name the columns that lookups add to a finding; the lake holds lists as text."""
    lists = ("array", "struct")
    return {
        column_name(name): "string" if data_type.startswith(lists) else data_type
        for name, data_type in LOOKUP_COLUMNS.items()
    }


def columns_of_staging() -> str:
    """Write the list of the columns of CommonSecurityLog that staging reads."""
    text = (PROJECT / f"models/staging/{STAGING}.sql").read_text("utf-8")
    columns = ast.literal_eval(re.search(r"set fields = (\[.*?\])", text, re.DOTALL)[1])
    lines = textwrap.wrap(", ".join(f'"{name}"' for name in columns), 90)
    return "[\n    " + "\n    ".join(lines) + ",\n]"


def rules() -> dict[str, Any]:
    """Return the rules of the parameters, from the macro var_rules."""
    text = (PROJECT / "macros/run/check_vars.sql").read_text("utf-8")
    macro = re.search(r"{% macro var_rules.*?{% endmacro %}", text, re.DOTALL)[0]
    returned: list[dict[str, Any]] = []
    template = jinja2.Template(macro + "{{ var_rules() }}")
    template.render({"return": returned.append})
    return {name: returned[0][name] for name in PARAMETERS}


def opening(variables: dict[str, Any]) -> list[dict[str, Any]]:
    """Make the cells before the logs: what this is, the parameters and their check."""
    text = (PROJECT / "dbt_project.yml").read_text("utf-8")
    lines = []
    for name in PARAMETERS:
        value = "" if name == "workspace_name" else variables[name]
        comment = re.search(rf"^  {name}:.*?#\s*(.*)$", text, re.MULTILINE)[1]
        comment = comment.replace("[Fortinet, Check Point]", '["Fortinet", "Check Point"]')
        lines.append(f"{name} = {json.dumps(value)}  # {comment}")
    lines.append(
        f"analytics_tier = False  # True: findings also go to {ANALYTICS_TABLE}, for rules"
    )
    parameters = code("\n".join(lines))
    parameters["metadata"] = {"tags": ["parameters"]}
    checked = "\n".join(f"    {name!r}: {rule!r}," for name, rule in rules().items())
    return [
        markdown("# Beacons in firewall logs", OPENING),
        markdown("## Parameters", "Those of a scheduled job too. The next cell checks them."),
        parameters,
        code(CHECK.replace("RULES_OF_VARS", f"{{\n{checked}\n}}")),
    ]


def sql_cell(name: str, model: Compiled) -> str:
    """Write the code that makes a model a view."""
    sql = "\n".join(line for line in model.sql.strip().split("\n") if line.strip())
    assert '"""' not in sql and not sql.endswith(('"', "\\")), name
    keep = ", keep=True" if model.is_table else ""
    return f'add(\n    "{name}",\n    r"""\n{sql}\n"""{keep},\n)'


def markdown(*paragraphs: str) -> dict[str, Any]:
    """Write a cell of text."""
    return {"cell_type": "markdown", "metadata": {}, "source": lines_of("\n\n".join(paragraphs))}


def code(text: str) -> dict[str, Any]:
    """Write a cell of code that has not run."""
    source = lines_of(text.strip("\n"))
    return {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }


def lines_of(text: str) -> list[str]:
    """Cut a text as notebooks keep it, so that a change shows as changed lines."""
    return text.splitlines(keepends=True)


OPENING = f"""\
Finds connections that beat like the check-ins of malware, in the table CommonSecurityLog of the
Sentinel data lake, and appends what it finds to the table `network_beaconing_anomalies_SPRK`, what
the next days need to `network_beaconing_connection_days_SPRK`, and itself to
`network_beaconing_runs_SPRK`. How to set it up: docs/lake.md.

Made by `{COMMAND}` from the models of network_beaconing. Do not edit it: change the models, or the
parameters below."""

CHECK = r"""
import re
import uuid
from datetime import date, datetime, timedelta, timezone

from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StringType, StructType

RULES = RULES_OF_VARS


def problem_with(name, value):
    # What is wrong with the value of a parameter; None where nothing is.
    kind, *limits = RULES[name]
    if kind in ("integer", "number"):
        good = isinstance(value, int if kind == "integer" else (int, float))
        if isinstance(value, bool) or not good or not limits[0] <= value <= limits[1]:
            what = "a whole number" if kind == "integer" else "a number"
            return f"{what} from {limits[0]} to {limits[1]}"
    elif kind == "date":
        try:
            good = value == "yesterday" or date.fromisoformat(value).isoformat() == value
        except (TypeError, ValueError):
            good = False
        if not good:
            return "a day that exists, as YYYY-MM-DD, or yesterday"
    else:
        texts = value if isinstance(value, list) and kind == "texts" else [value]
        pattern, words = limits
        if not texts or not all(isinstance(t, str) and re.fullmatch(pattern, t) for t in texts):
            return words
    return None


problems = []
for name in RULES:
    cure = problem_with(name, globals()[name])
    if cure:
        problems.append(f"{name} is {globals()[name]!r}; give {cure}")
if not workspace_name:
    problems.append("workspace_name is empty; give the workspace that holds CommonSecurityLog")
if not isinstance(analytics_tier, bool):
    problems.append(f"analytics_tier is {analytics_tier!r}; give True or False")
if problems:
    raise ValueError(f"{len(problems)} problem(s) with the parameters, nothing was read:\n  - "
                     + "\n  - ".join(problems))

started = datetime.now(timezone.utc)
if end_date == "yesterday":
    last_day = started.date() - timedelta(days=1)
else:
    last_day = date.fromisoformat(end_date)
first_day = last_day - timedelta(days=lookback_days)
vendors = list(dict.fromkeys([device_vendor] if isinstance(device_vendor, str) else device_vendor))
run_id = str(uuid.uuid4())
# What the SQL below has in braces.
given = {name: globals()[name] for name, rule in RULES.items() if rule[0] in ("integer", "number")}
given.update(
    end_date=last_day,
    window_start=first_day,
    days_of_status=max(lookback_days, 1),
    device_vendors=", ".join(f"'{vendor}'" for vendor in vendors),
    run_id=run_id,
    run_started_at=f"{started:%Y-%m-%d %H:%M:%S}",
)
spark.conf.set("spark.sql.session.timeZone", "UTC")
spark.conf.set("spark.sql.ansi.enabled", "false")


def add(name, sql, keep=False):
    # Makes a model a temporary view. `keep` computes its rows now, once for all that read them.
    for parameter, value in given.items():
        sql = sql.replace("{" + parameter + "}", str(value))
    frame = spark.sql(sql)
    if keep:
        frame = frame.localCheckpoint()
    frame.createOrReplaceTempView(name)


print(f"{', '.join(vendors)} on {last_day}, with the history from {first_day}")
"""

EARLIER_TEXT = """\
Findings tell whether a beacon is new, and connections of the days before what is usual. All tables
are only appended to: of a day that was judged or read more than once, the rows of the last run
count. A run counts when its row is in `network_beaconing_runs_SPRK`, which is written last."""

EARLIER = r"""
from sentinel_lake.providers import MicrosoftSentinelProvider

SYSTEM_TABLES = "System tables"
FINDINGS_TABLE = "network_beaconing_anomalies_SPRK"
CONNECTIONS_TABLE = "network_beaconing_connection_days_SPRK"
RUNS_TABLE = "network_beaconing_runs_SPRK"
# Days that were read with other seeds do not count.
MADE_WITH = "VERSION_OF_HISTORY"

lake = MicrosoftSentinelProvider(spark)
days = [first_day + timedelta(days=n) for n in range(lookback_days + 1)]
# Slow beacons are judged over days before these too, where an earlier run has read them.
history_start = min(first_day, last_day - timedelta(days=SLOW_WINDOW_DAYS - 1))
held = {}  # by day and vendor: the row that the last run wrote of the day
if {FINDINGS_TABLE, CONNECTIONS_TABLE, RUNS_TABLE} <= set(lake.list_tables(SYSTEM_TABLES)):
    runs = lake.read_table(RUNS_TABLE, SYSTEM_TABLES)
    last_runs = (
        runs.withColumn("device_vendor", F.explode(F.from_json("device_vendors", "array<string>")))
        .groupBy("end_date", "device_vendor")
        .agg(F.max_by("run_id", "run_started_at").alias("run_id"))
    )
    earlier_findings = lake.read_table(FINDINGS_TABLE, SYSTEM_TABLES).join(
        last_runs, ["end_date", "device_vendor", "run_id"]
    )
    connections = (
        lake.read_table(CONNECTIONS_TABLE, SYSTEM_TABLES)
        .where(F.col("log_date").between(F.lit(history_start), F.lit(last_day)))
        .where(F.col("device_vendor").isin(vendors))
        .join(runs.select("run_id"), "run_id", "left_semi")
    )
    # A run whose rows are not all there yet is as if it had not been: the lake shows them late.
    whole = (
        connections.groupBy("log_date", "device_vendor", "run_id", "run_started_at", "made_with")
        .agg(
            F.max("log_rows").alias("log_rows"),
            F.max("history_rows").alias("expected"),
            F.count("source_ip").alias("rows"),
        )
        .where(F.expr("expected = rows and made_with = '" + MADE_WITH + "'"))
    )
    for row in whole.orderBy("run_started_at").collect():
        held[row.log_date, row.device_vendor] = row
else:
    earlier_findings = spark.createDataFrame(
        [],
        "beacon_id string, began_on date, period_seconds double, median_received_bytes bigint, "
        "end_date date, device_vendor string",
    )
earlier_findings.createOrReplaceTempView("earlier_findings")
"""

READ_LOGS_TEXT = """\
Read are the day itself, and the days before that no earlier run has read, or whose number of rows
has changed since: rows came late. Their rows become lines of JSON, as data export would have
written them, so that everything from staging on is the same. A column that the table does not have
counts as empty. A day without rows makes the history shorter. Without rows on the day itself,
nothing is judged."""

READ_LOGS = r"""
COLUMNS = COLUMNS_OF_STAGING
logs = lake.read_table("CommonSecurityLog", workspace_name)


def between(first, last):
    # A condition: TimeGenerated is on one of these days.
    time = F.col("TimeGenerated")
    end = str(last + timedelta(days=1))
    return (time >= F.lit(str(first)).cast("timestamp")) & (time < F.lit(end).cast("timestamp"))


rows_of_day = dict(
    logs.where(between(first_day, last_day))
    .groupBy(F.to_date("TimeGenerated"))
    .count()
    .collect()
)
if last_day not in rows_of_day:
    raise ValueError(
        f"CommonSecurityLog of {workspace_name} has no row on {last_day}. Nothing was judged. "
        "Check workspace_name and end_date; rows may come late."
    )


def is_held(day):
    kept = [held.get((day, vendor)) for vendor in vendors]
    # Of a day that is no longer in the logs, what was read then stays.
    return all(row and row.log_rows == rows_of_day.get(day, row.log_rows) for row in kept)


days_to_read = [
    day for day in days if day in rows_of_day and (day == last_day or not is_held(day))
]
for day in days:
    source = "the logs" if day in days_to_read else "an earlier run" if is_held(day) else "nowhere"
    print(day, f"{rows_of_day.get(day, 0):>12,} rows, read from {source}")
missing = [day for day in days if day not in days_to_read and not is_held(day)]
if missing:
    print(f"warning: {len(missing)} of {lookback_days} days of history have no rows")

is_read = F.lit(False)
for day in days_to_read:
    is_read = is_read | between(day, day)
logs.where(is_read).select(
    F.to_date("TimeGenerated").alias("log_date"),
    F.lit(0).cast("bigint").alias("log_version"),
    F.lit(True).alias("is_new"),
    F.lit(True).alias("is_utf8"),
    F.to_json(
        F.struct(
            *[F.col(name).cast("string").alias(name) for name in COLUMNS if name in logs.columns]
        )
    ).alias("line"),
).createOrReplaceTempView("common_security_log")
"""

HISTORY_TEXT = """\
The rows above are of the days that were read from the logs. Those of the other days come from the
table in which earlier runs kept theirs."""

ADD_HISTORY = r"""
KEYS = ["log_date", "device_vendor", "source_ip", "destination_ip", "destination_port", "protocol"]
EVENTS_IN_A_ROW = 500  # as JSON, less than the 32 kB of a field

read_now = spark.table("connection_days").where(F.col("device_vendor").isin(vendors))
kept = [(*key, row.run_id) for key, row in held.items() if key[0] not in days_to_read]
if kept:
    runs_of_days = spark.createDataFrame(kept, "log_date date, device_vendor string, run_id string")
    rows = connections.where("source_ip is not null").join(
        F.broadcast(runs_of_days), ["log_date", "device_vendor", "run_id"], "left_semi"
    )
    values = [name for name in read_now.columns if name not in [*KEYS, "events"]]
    # Only busy connections have several rows: the others need no shuffle.
    several = rows.where("parts > 1").groupBy(*KEYS).agg(
        *[F.first(name).alias(name) for name in values],
        F.to_json(F.flatten(F.collect_list(F.from_json("events", "array<array<bigint>>")))).alias(
            "events"
        ),
    )
    history = (
        rows.where("parts = 1")
        .select(several.columns)
        .unionByName(several)
        .withColumn("hourly_event_counts", F.from_json("hourly_event_counts", "array<bigint>"))
        .withColumn(
            "events",
            F.expr(
                "transform(from_json(events, 'array<array<bigint>>'), e -> named_struct("
                "'event_micros', e[0], 'sent_bytes', e[1], 'received_bytes', e[2]))"
            ),
        )
    )
    read_now.unionByName(history).localCheckpoint().createOrReplaceTempView("connection_days")
"""

SUMMARY = r"""
run = spark.table("export_network_beaconing_runs").localCheckpoint()
(told,) = run.collect()
for fate in sorted(told.fates, key=lambda fate: -fate.line_count):
    print(f"{fate.line_count:>12,}  {fate.device_vendor[:40]!a}: {fate.fate}")
print(f"{told.finding_count:>12,}  findings, {told.suppressed_count:,} of them suppressed")
for vendor in vendors:
    if vendor not in {fate.device_vendor for fate in told.fates}:
        print(f"warning: no row of {last_day} is of {vendor}, which is to be judged")
"""

FINDINGS = r"""
findings = spark.table("export_network_beaconing_anomalies").withColumn(
    "rank", F.expr("array_position(array('critical', 'high', 'medium', 'low'), severity)")
)
ranked = findings.where("not suppressed").orderBy("rank", F.desc("beacon_score"), "beacon_id")
ranked.select(
    "severity",
    "status",
    "beacon_score",
    "source_ip",
    "destination_ip",
    "destination_port",
    "destination_name",
    "period_seconds",
    F.col("reasons")[0].alias("first_reason"),
).show(50, truncate=100)
"""

PICTURE = r"""
import matplotlib.pyplot as plt

shown = ranked.limit(30).collect()
if shown:
    figure, axes = plt.subplots(figsize=(11, 1.5 + 0.3 * len(shown)))
    # A share of the busiest hour, so that slow beacons show beside fast ones.
    # A slow beacon has the hours of two weeks: of all, those of the day.
    hours = [row.hourly_event_counts[-24:] for row in shown]
    shares = [[n / max(1, max(counts)) for n in counts] for counts in hours]
    axes.imshow(shares, aspect="auto", cmap="Blues", vmin=0)
    labels = [
        f"{row.severity}  {row.source_ip} to {row.destination_name or row.destination_ip}"
        f":{row.destination_port or '-'}".replace("$", r"\$")
        for row in shown
    ]
    axes.set_yticks(range(len(shown)), labels=labels)
    axes.set_xticks(range(0, 24, 3))
    axes.set_xlabel("hour of the day, UTC")
    axes.set_title(f"Findings of {last_day}")
    figure.tight_layout()
    plt.show()
"""

WRITE_TEXT = """\
Only appended, for the lake can replace no part of a table. Lists and structures become JSON. The
run's row comes last: what a run without one wrote is of a run that did not end, and does not
count. Each day that was read also has a row without a source, so that a day without connections is
known, too. In the analytics tier, whose tables rules read, rows of a run are told by `RunId`."""

WRITE = r'''
ANALYTICS_TABLE = "network_beaconing_anomalies_SPRK_CL"
CAPITALS = NAMES_IN_CAPITALS
# Rules read them; the notebook looks nothing up.
LOOKUP_COLUMNS = COLUMNS_OF_LOOKUPS


def append(frame, table, database=SYSTEM_TABLES, **options):
    columns = []
    for field in frame.schema:
        column = F.col(field.name)
        if isinstance(field.dataType, (ArrayType, StructType)):
            column = F.to_json(column)
        if isinstance(field.dataType, (ArrayType, StructType, StringType)):
            # A field holds 32 kB, and a character has at most four bytes.
            start = F.concat(F.substring(column, 1, 8000), F.lit("…"))
            column = F.when(F.octet_length(column) > 32768, start).otherwise(column)
        columns.append(column.alias(field.name))
    time = F.col("run_started_at").alias("TimeGenerated")
    rows = frame.select(time, *columns)
    if database != SYSTEM_TABLES:
        # Columns are those of the table that the push fills. A destination without an address has
        # its name in a column of its own.
        is_address = F.col("destination_ip").rlike("^[0-9.]+$|:")
        rows = rows.withColumn("destination_ip", F.when(is_address, F.col("destination_ip")))
        words = [name.split("_") for name in rows.columns]
        rows = rows.toDF(
            *["".join(CAPITALS.get(w, w[:1].upper() + w[1:]) for w in name) for name in words]
        )
        empty = [F.lit(None).cast(of).alias(name) for name, of in LOOKUP_COLUMNS.items()]
        rows = rows.select("*", *empty)
    lake.save_as_table(rows, table, database, write_options={"mode": "append", **options})


# Without the names of fields, events take half of the space.
in_parts = """
transform(
    sequence(0, (size(events) - 1) div {n}),
    part -> to_json(transform(
        slice(events, part * {n} + 1, {n}),
        e -> array(e.event_micros, e.sent_bytes, e.received_bytes)
    ))
)
""".replace("{n}", str(EVENTS_IN_A_ROW))
connection_rows = read_now.withColumn("in_parts", F.expr(in_parts)).select(
    *[name for name in read_now.columns if name != "events"],
    F.size("in_parts").alias("parts"),
    F.explode("in_parts").alias("events"),
)
count_of_day = {
    (row.log_date, row.device_vendor): row["count"]
    for row in connection_rows.groupBy("log_date", "device_vendor").count().collect()
}
rows_of_days = spark.createDataFrame(
    [
        (day, vendor, rows_of_day[day], count_of_day.get((day, vendor), 0))
        for day in days_to_read
        for vendor in vendors
    ],
    "log_date date, device_vendor string, log_rows bigint, history_rows bigint",
)
append(
    connection_rows.unionByName(rows_of_days, allowMissingColumns=True)
    .withColumn("made_with", F.lit(MADE_WITH))
    .withColumn("run_id", F.lit(run_id))
    .withColumn("run_started_at", F.lit(given["run_started_at"]).cast("timestamp")),
    CONNECTIONS_TABLE,
    partitionBy=["log_date"],
)
found = spark.table("export_network_beaconing_anomalies")
append(found, FINDINGS_TABLE)
if analytics_tier:
    append(found, ANALYTICS_TABLE, workspace_name)
append(run, RUNS_TABLE)
print(f"{told.finding_count} findings written to {FINDINGS_TABLE}, run {run_id} to {RUNS_TABLE}")
'''

if __name__ == "__main__":
    NOTEBOOK.write_text(write_notebook(), "utf-8")
    print(f"{NOTEBOOK.relative_to(PROJECT)} is written.")
