"""The notebook of the data lake finds what dbt does: on Spark 3.4, over a stand-in of its tables.

`make test-lake` runs this, with Spark 3.4 before the Spark of .venv.
"""

from __future__ import annotations

import ast
import datetime as dt
import json
import os
import re
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from deploy.lake.notebook import NOTEBOOK, PROJECT, columns_of_staging
from samples.implants import IMPLANTS, INTERIM_PAIR, PLANTED
from samples.vendors import GATEWAYS
from tests.support import few_rows, sentinel_lake
from tests.support.kql import Query

WORKSPACE = "soc-ws"
DAYS = ["2026-09-28", "2026-09-29", "2026-09-30"]
LATE = DAYS[0]  # a day of which some rows come only after the second day was judged
MAKERS = sorted({gateway.vendor for gateway in GATEWAYS} - {""})
GIVEN = {"lookback_days": len(DAYS) - 1, "device_vendor": MAKERS}
# Spark takes long over rows, so only some of what is planted stays: that of two vendors and of both
# address families, a slow beacon, and one whose events fill more than a field of the lake.
PLANTED_IDS = ("hourly", "palo_alto_60s", "denied_30s", "ipv6_60s")
KEPT = {pair.destination for i, pair in zip(IMPLANTS, PLANTED) if i.id in PLANTED_IDS}
KEPT.add(PLANTED[INTERIM_PAIR].destination)
OF_THE_RUN = {"run_id", "run_started_at"}
WRONG = {
    "end_date": "2026-09-31",
    "lookback_days": -1,
    "device_vendor": ["Fortinet", "x' or 1=1"],
    "beacon_score_threshold": "high",
    "workspace_name": "",
    "analytics_tier": "yes",
}
# What CommonSecurityLog has as other than text.
TYPES = {
    "TimeGenerated": "timestamp",
    "StartTime": "timestamp",
    "EndTime": "timestamp",
    "SourcePort": "int",
    "DestinationPort": "int",
    "SentBytes": "bigint",
    "ReceivedBytes": "bigint",
}


def is_of_few(host: str) -> bool:
    """Whether an address is one of the sixteenth that stays."""
    return zlib.crc32(host.encode()) % 16 == 0


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    """Generate the lines of each day, and below `late` those of one day that come late.

    Implants are only active on the last day that is generated, so each day comes from a tree of its
    own. Of the hosts without one, a sixteenth stays.
    """
    lines: dict[str, list[bytes]] = {"late": []}
    for day in DAYS:
        folder = tmp_path_factory.mktemp("sample")
        options = ["--end-date", day, "--days", "1", "--rows-per-day", "20000", "--seed", "7"]
        command = [sys.executable, "-m", "samples", str(folder), "--overwrite", *options]
        subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
        lines[day] = []
        for part in sorted(folder.rglob("*.json")):
            for line in part.read_bytes().splitlines() if part.name != "truth.json" else []:
                row = json.loads(line)
                assert row["TimeGenerated"].startswith(day)
                if row.get("DestinationIP") in KEPT or is_of_few(row.get("SourceIP", "")):
                    is_late = day == LATE and "T13:" in row["TimeGenerated"]
                    lines["late" if is_late else day].append(line)
    return lines


@pytest.fixture(scope="module")
def dbt_findings(
    logs: dict[str, list[bytes]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[dict]]:
    """Judge the days with dbt on target local, in processes with the project's own Spark."""
    folder = tmp_path_factory.mktemp("dbt")
    root = folder / "logs"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"BEACONING_OUTPUT": str(folder), "PWD": str(PROJECT)}
    (folder / "profiles.yml").write_bytes((PROJECT / "profiles.yml.example").read_bytes())
    places = ["--profiles-dir", folder, "--target-path", folder / "target", "--log-path", folder]

    def dbt(*words: str, **variables: Any) -> None:
        given = json.dumps({"raw_root": str(root), **variables})
        command = [Path(sys.executable).with_name("dbt"), "--quiet", *words, *places]
        command += ["--target", "local", "--vars", given]
        ran = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout

    def put(day: str, hour: str, lines: list[bytes]) -> None:
        place = root / f"y={day[:4]}/m={day[5:7]}/d={day[8:]}/h={hour}/m=00"
        place.mkdir(parents=True)
        (place / "PT1H.json").write_bytes(b"\n".join(lines) + b"\n")

    dbt("seed")
    found = {}
    for day in DAYS:
        put(day, "00", logs[day])
        if day == DAYS[-1]:
            put(LATE, "13", logs["late"])
        export = folder / day
        selected = ["run", "--select", "+export_network_beaconing_anomalies"]
        dbt(*selected, end_date=day, export_root=str(export), **GIVEN)
        (part,) = export.glob("network_beaconing_anomalies/*.json")
        found[day] = [json.loads(line) for line in part.read_text("utf-8").splitlines() if line]
    return found


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    settings = {
        "spark.master": "local[2]",
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": few_rows.JAVA,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(tmp_path_factory.mktemp("spark")),
        # With statistics in its files, as Delta has them, so that a scan skips other days.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        **few_rows.PLANNING,
    }
    session = SparkSession.builder.config(map=settings).getOrCreate()
    assert session.version.startswith("3.4."), "run it by make test-lake"
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake without tables."""
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    folder = tmp_path_factory.mktemp("lake")
    sentinel_lake.install(folder)
    return folder


def add_to_lake(spark: SparkSession, lake: Path, lines: list[bytes]) -> None:
    """Add rows to the table of the stand-in, in a file of their own."""
    columns = ast.literal_eval(columns_of_staging())
    text = spark.sparkContext.parallelize([line.decode() for line in lines], 1)
    rows = spark.read.json(text, schema=", ".join(f"{name} string" for name in columns))
    typed = [F.col(name).cast(TYPES.get(name, "string")).alias(name) for name in columns]
    sentinel_lake.add_rows(lake, WORKSPACE, "CommonSecurityLog", rows.select(*typed))


def run_notebook(spark: SparkSession, stop_before: str = "", **parameters: Any) -> dict[str, Any]:
    """Run the cells as a job does: its parameters come right after the cell of parameters."""
    names: dict[str, Any] = {"spark": spark}
    for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"]:
        source = "".join(cell["source"])
        if stop_before and stop_before in source:
            break
        if cell["cell_type"] == "code":
            exec(compile(source, NOTEBOOK.name, "exec"), names)
        if "parameters" in cell["metadata"].get("tags", []):
            names |= {"workspace_name": WORKSPACE, **GIVEN, **parameters}
    return names


def findings_of(spark: SparkSession) -> list[dict[str, Any]]:
    """The findings that the notebook shows."""
    rows = spark.table("export_network_beaconing_anomalies").select(F.to_json(F.struct("*")))
    return [json.loads(text) for (text,) in rows.collect()]


def alerts_of(table: DataFrame) -> dict[str, str]:
    """What the alerts of the analytics rule say, by beacon, when its function reads this table."""
    rows = [row.asDict() for row in table.collect()]
    for row in rows:
        for field in table.schema:
            value = row[field.name]
            if isinstance(value, dt.date):
                time = (
                    value if isinstance(value, dt.datetime) else dt.datetime(*value.timetuple()[:3])
                )
                row[field.name] = time.replace(tzinfo=dt.timezone.utc)
            elif value is None and field.dataType == StringType():
                row[field.name] = ""  # Kusto has no null texts
        row["IngestedAt"] = row["TimeGenerated"]
    function = (PROJECT / "deploy/sentinel/network_beaconing.kql").read_text("utf-8")
    rule = yaml.safe_load((PROJECT / "deploy/sentinel/analytics_rule.yaml").read_text("utf-8"))
    tables = {
        "network_beaconing_anomalies_CL": rows,
        "NetworkBeaconing": Query(function),
        "SecurityAlert": [],
    }
    now = max(row["TimeGenerated"] for row in rows)
    return {alert["BeaconId"]: alert["Why"] for alert in Query(rule["query"]).run(tables, now)}


def plain(findings: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Findings to compare, by beacon: no nulls, doubles to nine digits."""

    def rounded(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: rounded(v) for k, v in value.items() if v is not None}
        if isinstance(value, list):
            return [rounded(item) for item in value]
        return float(f"{value:.9g}") if isinstance(value, float) else value

    return {
        row["beacon_id"]: {k: v for k, v in rounded(row).items() if k not in OF_THE_RUN}
        for row in findings
    }


@pytest.fixture(scope="module")
def runs(
    spark: SparkSession, lake: Path, logs: dict[str, list[bytes]]
) -> dict[str, dict[str, Any]]:
    """Run the notebook for the days in a row, as rows come; by day, what it found and read."""
    told = {}
    for day in DAYS:
        add_to_lake(spark, lake, logs[day])
        if day == DAYS[-1]:
            add_to_lake(spark, lake, logs["late"])
        run_notebook(spark, end_date=day)
        told[day] = {
            "findings": findings_of(spark),
            "days_read": days_read(spark),
            "connection_days": connection_days(spark),
            "scan": scan_of(spark.table("common_security_log")),
        }
    return told


def days_read(spark: SparkSession) -> set[str]:
    """The days of which the notebook read logs."""
    rows = spark.table("common_security_log").select("log_date").distinct().collect()
    return {str(row.log_date) for row in rows}


def connection_days(spark: SparkSession) -> Counter[str]:
    """The rows that the models behind the day read, of the judged vendors, as texts."""
    rows = spark.table("connection_days").where(F.col("device_vendor").isin(GIVEN["device_vendor"]))
    in_order = rows.withColumn("events", F.sort_array("events")).drop("log_version")
    return Counter(text for (text,) in in_order.select(F.to_json(F.struct("*"))).collect())


def scan_of(frame: Any) -> int:
    """How many rows a query reads from files: the metric that Spark shows of its scan."""
    frame.collect()
    plan = frame._jdf.queryExecution().executedPlan()
    leaves = plan.collectLeaves()
    return sum(
        leaves.apply(n).metrics().apply("numOutputRows").value() for n in range(leaves.size())
    )


@pytest.mark.parametrize("day", DAYS)
def test_the_findings_are_those_of_dbt(day, runs, dbt_findings):
    ours, theirs = plain(runs[day]["findings"]), plain(dbt_findings[day])
    assert len(ours) >= 5
    assert ours.keys() == theirs.keys()
    for beacon in theirs:
        assert ours[beacon] == theirs[beacon]


def test_a_beacon_is_new_once(runs):
    first, *later = (plain(runs[day]["findings"]) for day in DAYS)
    assert {row["status"] for row in first.values()} == {"new"}
    for found in later:
        again = first.keys() & found.keys()
        assert again
        assert all(found[beacon]["status"] in ("continuing", "changed") for beacon in again)
        assert all(found[beacon]["began_on"] == DAYS[0] for beacon in again)


def test_a_run_reads_its_own_day_and_days_whose_rows_came_late(runs):
    assert [runs[day]["days_read"] for day in DAYS] == [{DAYS[0]}, {DAYS[1]}, {LATE, DAYS[2]}]


def test_the_second_run_scans_one_day_of_logs(runs, logs):
    assert runs[DAYS[1]]["scan"] == len(logs[DAYS[1]])
    assert runs[DAYS[2]]["scan"] == len(logs[DAYS[2]]) + len(logs[LATE]) + len(logs["late"])


def test_history_is_what_the_logs_of_its_days_give(spark, lake, runs, tmp_path):
    (tmp_path / WORKSPACE).mkdir()
    for place in (WORKSPACE + "/CommonSecurityLog", WORKSPACE + ".CommonSecurityLog.json"):
        (tmp_path / place).symlink_to(lake / place)
    sentinel_lake.install(tmp_path)
    try:
        run_notebook(spark, stop_before='"group_members"', end_date=DAYS[-1])
    finally:
        sentinel_lake.install(lake)
    assert days_read(spark) == set(DAYS)
    assert connection_days(spark) == runs[DAYS[-1]]["connection_days"]


def test_another_run_replaces_the_findings_of_its_day_and_doubles_nothing(spark, runs):
    """With another threshold, so that the last run tells from the first."""
    day = DAYS[-1]
    names = run_notebook(
        spark,
        end_date=day,
        beacon_score_threshold=1,
        percent_beacon_threshold=100,
        analytics_tier=True,
    )
    assert days_read(spark) == {day}
    left = plain(findings_of(spark))
    assert left.keys() < plain(runs[day]["findings"]).keys()
    # Both runs are in the tables; only the findings of the last one count.
    written = names["lake"].read_table("network_beaconing_anomalies_SPRK")
    assert written.where(f"end_date = '{day}'").count() == len(left) + len(runs[day]["findings"])
    for_rules = names["lake"].read_table("network_beaconing_anomalies_SPRK_CL", WORKSPACE)
    (rows_of_runs,) = for_rules.groupBy("RunId").count().collect()
    assert rows_of_runs == (names["run_id"], len(left))
    contract = json.loads((PROJECT / "deploy/sentinel/columns.json").read_text("utf-8"))
    assert set(for_rules.columns) == {column["name"] for column in contract}
    why = alerts_of(for_rules)
    assert why.keys() == {beacon_id for beacon_id, row in left.items() if not row["suppressed"]}
    assert all(
        text.endswith("; ".join(left[beacon_id]["reasons"])) for beacon_id, text in why.items()
    )
    run_notebook(spark, stop_before='"group_members"', end_date=day)
    counted = spark.table("earlier_findings").where(f"end_date = '{day}'")
    assert {row.beacon_id for row in counted.collect()} == left.keys()
    assert connection_days(spark) == runs[day]["connection_days"]


def test_a_run_that_did_not_end_does_not_count(spark, lake, runs):
    table = lake / "System tables" / "network_beaconing_runs_SPRK"
    aside = table.with_name("aside")
    table.rename(aside)
    try:
        run_notebook(spark, stop_before='"stg_internal_networks"', end_date=DAYS[-1])
    finally:
        aside.rename(table)
    assert days_read(spark) == set(DAYS)
    assert not spark.table("earlier_findings").count()


def test_wrong_parameters_are_all_named(spark):
    with pytest.raises(ValueError) as refused:
        run_notebook(spark, **WRONG)
    message = str(refused.value)
    named = set(re.findall(r"^  - (\w+) is ", message, re.MULTILINE))
    assert named == WRONG.keys()


def test_a_day_without_rows_stops_the_run(spark, lake, runs):
    with pytest.raises(ValueError, match="no row on 2026-10-15"):
        run_notebook(spark, end_date="2026-10-15")


def test_the_stand_in_has_the_rules_of_the_lake(spark, lake):
    provider = sentinel_lake.MicrosoftSentinelProvider(spark)
    columns = "text string, number int, TenantId string"
    row = spark.createDataFrame([("x" * 40000, 1, "mine")], columns)
    system = "System tables"
    for table, database in [("t", system), ("t_SPRK", WORKSPACE), ("t_SPRK_CL", system)]:
        with pytest.raises(ValueError, match=table):
            provider.save_as_table(row, table, database)
    provider.save_as_table(row, "t_SPRK")
    (kept,) = provider.read_table("t_SPRK").collect()
    assert len(kept.text) == 32 * 1024
    assert "TenantId" not in kept
    with pytest.raises(ValueError, match="types"):
        provider.save_as_table(row.withColumn("number", F.lit("1")), "t_SPRK")
    with pytest.raises(ValueError, match="write_options"):
        provider.save_as_table(row, "t_SPRK", write_options={"replaceWhere": "number = 1"})
    with pytest.raises(ValueError, match="only appended"):
        provider.save_as_table(row, "t_SPRK_CL", WORKSPACE, {"mode": "overwrite"})
    provider.save_as_table(row, "t_SPRK", write_options={"mode": "overwrite"})
    assert provider.read_table("t_SPRK").count() == 1
