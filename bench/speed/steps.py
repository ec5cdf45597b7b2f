"""What `bench.speed.benchmark` measures this project against, each in a process of its own.

    python -m bench.speed.steps notebook|notebook_lean|scan|staging|duckdb SETTINGS

SETTINGS is JSON: `folders` (day folders, oldest first), `out` (folder for the result) and, for
staging, `rounds` and the `dbt` arguments. The last line that is printed is JSON again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import PROJECT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# The notebook's parameters, which are this project's defaults too.
VENDOR = "Fortinet"
EVENTS, DEGREE, DELTA_SECONDS, PERCENT = 100, 25, 15, 75
COLUMNS = [
    "TimeGenerated",
    "SourceIP",
    "SourcePort",
    "DestinationIP",
    "DestinationPort",
    "Protocol",
    "ReceivedBytes",
    "SentBytes",
    "DeviceVendor",
]
# What the bare scan reads: the columns that staging takes out of a line, all as text.
SCANNED_COLUMNS = [
    *COLUMNS,
    "DeviceProduct",
    "DeviceEventClassID",
    "Activity",
    "DeviceAction",
    "ExternalID",
    "AdditionalExtensions",
    "_ItemId",
    "_corrupt_record",
]
PRIVATE = r"^(127\.|10\.|172\.(1[6-9]|2[0-9]|3[01])\.|192\.168\.)"


def start_spark(out: Path) -> SparkSession:
    """Start Spark with the settings of target spark, without its metastore."""
    import yaml
    from pyspark.sql import SparkSession

    text = re.sub(r"\{\{.*?\}\}", "", (PROJECT / "profiles.yml.example").read_text("utf-8"))
    target = yaml.safe_load(text)["network_beaconing"]["outputs"]["spark"]
    settings = {
        name: value
        for name, value in target["server_side_parameters"].items()
        if "derby" not in value and "warehouse" not in name and "catalog" not in name
    }
    settings["spark.sql.warehouse.dir"] = str(out / "warehouse")
    return SparkSession.builder.config(map=settings).getOrCreate()


# ------------------------------------------------------------------------------- the notebook


def notebook(
    spark: SparkSession, folders: Sequence[str], out: Path | None, *, lean: bool = False
) -> DataFrame:
    """Do what Microsoft's published notebook does over all days, cell after cell.

    The notebook is "Guided Hunting - Detect potential network beaconing using Apache Spark via
    Azure Synapse" of Azure/Azure-Sentinel-Notebooks; this is what its cells do, not its text.

    Parameters
    ----------
    spark
        Session to use.
    folders
        Day folders; each is read by itself and its schema is inferred, as there.
    out
        Folder for the JSON file, or None to write nothing.
    lean
        Leave out the counts and previews that end the notebook's cells.

    Returns
    -------
    DataFrame
        The result, sorted by its percentage.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F  # noqa: N812

    def look(frame: DataFrame) -> None:
        if not lean:
            frame.show()

    def load(days: Sequence[str]) -> DataFrame:
        frames = [
            spark.read.json(day).select(*COLUMNS).filter(F.col("DeviceVendor") == VENDOR)
            for day in days
        ]
        union = frames[-1]
        for frame in frames[:-1]:
            union = union.union(frame)
        if not lean:
            print(union.count(), "rows")
        return union

    rows = load(folders[-1:])
    if len(folders) > 1:
        rows = load(folders[:-1]).union(rows)
    egress = rows.filter(~F.col("DestinationIP").rlike(PRIVATE)).withColumn(
        "TimeGenerated", F.col("TimeGenerated").cast("timestamp")
    )
    look(egress)

    busy = egress.groupBy("SourceIP").count().filter(F.col("count") > EVENTS)
    busy = busy.orderBy("count", ascending=False)
    rare = egress.groupBy("DestinationIP").agg(F.countDistinct("SourceIP").alias("degree"))
    rare = rare.filter(F.col("degree") < DEGREE)
    baseline = egress.join(busy, ["SourceIP"]).join(rare, ["DestinationIP"]).select(*COLUMNS)
    look(baseline)

    of_source = Window.partitionBy("SourceIP").orderBy("TimeGenerated")
    before = baseline.withColumn("before", F.lag("TimeGenerated").over(of_source)).na.drop()
    seconds = F.unix_timestamp("TimeGenerated") - F.unix_timestamp("before")
    deltas = before.withColumn("delta", seconds).filter(F.col("delta") > DELTA_SECONDS)
    pair = ["SourceIP", "DestinationIP", "DestinationPort"]
    counted = deltas.groupBy("DeviceVendor", *pair, "Protocol", "delta").agg(
        F.count("delta").alias("delta_count"),
        F.sum("SentBytes").alias("sent_bytes"),
        F.sum("ReceivedBytes").alias("received_bytes"),
        F.count("*").alias("events"),
    )
    # By an address cast to a number, as there, which is null: no order at all.
    nothing = F.col("SourceIP").cast("long")
    three = Window.partitionBy("DeviceVendor", *pair).orderBy(nothing).rowsBetween(-2, 0)
    windowed = F.sum("in_three").over(Window.partitionBy("DeviceVendor", *pair))
    beacons = (
        counted.join(rare, ["DestinationIP"])
        .withColumn("delta_list", F.collect_list("delta_count").over(three))
        .withColumn("in_three", F.aggregate("delta_list", F.lit(0.0), lambda a, x: a + x))
        .withColumn("in_three", F.col("in_three").cast("long"))
        .withColumn("total_events", F.sum("in_three").over(Window.partitionBy(*pair)))
        .withColumn("percent_beacon", F.col("in_three") / windowed * 100)
        .filter(F.col("percent_beacon") > PERCENT)
        .filter(F.col("total_events") > EVENTS)
        .orderBy("percent_beacon", ascending=False)
    )
    look(beacons)
    if out:
        beacons.coalesce(1).write.mode("overwrite").json(str(out / "notebook"))
    return beacons


# ------------------------------------------------------------------------- Spark's bare scan


def scan(spark: SparkSession, folders: Sequence[str]) -> None:
    """Read every line with the columns that staging needs, and throw them away."""
    schema = ", ".join(f"{name} string" for name in SCANNED_COLUMNS)
    options = {"recursiveFileLookup": "true", "pathGlobFilter": "PT*M*.json"}
    rows = spark.read.options(**options).schema(schema).json(list(folders))
    rows.write.format("noop").mode("overwrite").save()


def staging(folders: Sequence[str], rounds: int, dbt: Sequence[str]) -> dict[str, Any]:
    """Take turns with the staging model and the bare scan of the same files in one session.

    Gives the medians of both in seconds, over `rounds` rounds after one that warms up.
    """
    from dbt.cli.main import dbtRunner
    from pyspark.sql import SparkSession

    taken: dict[str, list[float]] = {"staging": [], "scan": []}
    for _ in range(rounds + 1):
        outcome = dbtRunner().invoke(list(dbt))
        if not outcome.success:
            sys.exit(f"error: dbt {' '.join(dbt)} failed: {outcome.exception or 'see above'}")
        nodes = outcome.result.results
        models = [node for node in nodes if node.node.resource_type == "model"]
        taken["staging"].append(sum(model.execution_time for model in models))
        start = time.perf_counter()
        scan(SparkSession.builder.getOrCreate(), folders)
        taken["scan"].append(time.perf_counter() - start)
    return {name: statistics.median(seconds[1:]) for name, seconds in taken.items()}


# ------------------------------------------------------------------------------------- DuckDB


def duckdb_steps(folders: Sequence[str], out: Path | None) -> list[tuple[Any, ...]]:
    """Do the notebook's steps in DuckDB, with a schema, reading each file once.

    Parameters
    ----------
    folders
        Day folders.
    out
        Folder for the JSON file, or None to get the rows.

    Returns
    -------
    list of tuple
        Source, destination, port, protocol, delta, count of the delta, percentage.
    """
    import duckdb

    types = {
        name: "BIGINT" if name.endswith(("Port", "Bytes")) else "VARCHAR" for name in COLUMNS
    } | {"TimeGenerated": "TIMESTAMP"}
    files = [f"{folder}/*/*/PT*M*.json" for folder in folders]
    session = duckdb.connect()
    session.execute(
        f"""
        create table egress as
        select * from read_json({files}, format='newline_delimited', columns={types})
        where DeviceVendor = '{VENDOR}' and not regexp_matches(DestinationIP, '{PRIVATE}')
        """
    )
    pair = "DeviceVendor, SourceIP, DestinationIP, DestinationPort"
    known = " and ".join(f"{name} is not null" for name in COLUMNS)
    result = f"""
        with busy as (
            select SourceIP from egress group by SourceIP having count(*) > {EVENTS}
        ),
        rare as (
            select DestinationIP from egress
            group by DestinationIP having count(distinct SourceIP) < {DEGREE}
        ),
        before as (
            select *,
                lag(TimeGenerated) over (partition by SourceIP order by TimeGenerated) as lagged
            from egress semi join busy using (SourceIP) semi join rare using (DestinationIP)
        ),
        deltas as (
            select *, floor(epoch(TimeGenerated)) - floor(epoch(lagged)) as delta
            from before where lagged is not null and {known}
        ),
        counted as (
            select {pair}, Protocol, delta, count(*) as delta_count,
                sum(SentBytes) as sent_bytes, sum(ReceivedBytes) as received_bytes
            from deltas where delta > {DELTA_SECONDS} group by all
        ),
        listed as (
            select *, sum(delta_count) over (
                partition by {pair} order by delta, Protocol
                rows between 2 preceding and current row
            ) as in_three
            from counted
        ),
        totalled as (
            select *, sum(in_three) over (partition by {pair}) as total_events from listed
        )
        select SourceIP, DestinationIP, DestinationPort, Protocol, delta, delta_count,
            100.0 * in_three / total_events as percent_beacon
        from totalled
        where percent_beacon > {PERCENT} and total_events > {EVENTS}
        order by percent_beacon desc
    """
    if out:
        session.execute(f"copy ({result}) to '{out}/duckdb.json'")
        return []
    return session.execute(result).fetchall()


def main() -> None:
    """Do the step that the command line names."""
    step, settings = sys.argv[1], json.loads(sys.argv[2])
    folders, out = settings["folders"], Path(settings["out"])
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    os.chdir(out)
    answer: dict[str, Any] = {}
    if step == "duckdb":
        duckdb_steps(folders, out)
    elif step == "staging":
        answer = staging(folders, settings["rounds"], settings["dbt"])
    else:
        spark = start_spark(out)
        if step == "scan":
            scan(spark, folders)
        else:
            notebook(spark, folders, out, lean=step == "notebook_lean")
        spark.stop()
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
