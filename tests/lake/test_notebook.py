"""The notebook of the data lake finds what dbt does: on Spark 3.4, over a stand-in of its tables.

`make test-lake` runs this, with Spark 3.4 before the Spark of .venv.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from deploy.lake.notebook import NOTEBOOK, PROJECT, columns_of_staging
from tests.support import sentinel_lake

WORKSPACE = "soc-ws"
DAYS = ["2026-09-29", "2026-09-30"]
# All days that dbt's tables hold: slow beacons are judged over those before the history too.
LOOKBACK = {"2026-09-29": 1, "2026-09-30": 2}
GIVEN = {"device_vendor": ["Fortinet", "Palo Alto Networks"]}
OF_THE_RUN = {"run_id", "run_started_at"}
WRONG = {
    "end_date": "2026-09-31",
    "lookback_days": -1,
    "device_vendor": ["Fortinet", "x' or 1=1"],
    "beacon_score_threshold": "high",
    "workspace_name": "",
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


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate three days of logs, the same implants on the last two; give their y= folders' root.

    Implants are only active on the last day that is generated, so the days come from two trees.
    """
    roots = []
    for day, days in zip(DAYS, ("2", "1")):
        folder = tmp_path_factory.mktemp("sample")
        options = ["--end-date", day, "--days", days, "--rows-per-day", "20000", "--seed", "7"]
        command = [sys.executable, "-m", "samples", str(folder), "--overwrite", *options]
        subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
        roots.append(next(folder.rglob("y=2026")).parent)
    shutil.copytree(roots[1], roots[0], dirs_exist_ok=True)
    return roots[0]


@pytest.fixture(scope="module")
def dbt_findings(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict]]:
    """Judge the same days with dbt on target local, in processes with the project's own Spark."""
    folder = tmp_path_factory.mktemp("dbt")
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"BEACONING_OUTPUT": str(folder), "PWD": str(PROJECT)}
    (folder / "profiles.yml").write_bytes((PROJECT / "profiles.yml.example").read_bytes())
    places = ["--profiles-dir", folder, "--target-path", folder / "target", "--log-path", folder]

    def dbt(*words: str, **variables: Any) -> None:
        given = json.dumps({"raw_root": str(logs), **variables})
        command = [Path(sys.executable).with_name("dbt"), "--quiet", *words, *places]
        command += ["--target", "local", "--vars", given]
        ran = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout

    dbt("seed")
    found = {}
    for day in DAYS:
        root = folder / day
        selected = ["run", "--select", "+export_network_beaconing_anomalies"]
        dbt(*selected, end_date=day, lookback_days=LOOKBACK[day], export_root=str(root), **GIVEN)
        (part,) = root.glob("network_beaconing_anomalies/*.json")
        found[day] = [json.loads(line) for line in part.read_text("utf-8").splitlines() if line]
    return found


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    settings = {
        "spark.master": "local[2]",
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(tmp_path_factory.mktemp("spark")),
        "spark.sql.shuffle.partitions": "2",
    }
    session = SparkSession.builder.config(map=settings).getOrCreate()
    assert session.version.startswith("3.4."), "run it by make test-lake"
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="module")
def lake(spark: SparkSession, logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Put the logs into the table of the stand-in."""
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    folder = tmp_path_factory.mktemp("lake")
    # One file: Spark takes long over a thousand small ones.
    lines = folder / "lines.json"
    with lines.open("wb") as file:
        for part in sorted(logs.rglob("*.json")):
            file.write(part.read_bytes())
    columns = ast.literal_eval(columns_of_staging())
    rows = spark.read.json(str(lines), schema=", ".join(f"{name} string" for name in columns))
    typed = [F.col(name).cast(TYPES.get(name, "string")).alias(name) for name in columns]
    rows.select(*typed).write.parquet(str(folder / WORKSPACE / "CommonSecurityLog" / "0"))
    lines.unlink()
    sentinel_lake.install(folder)
    return folder


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
            days = LOOKBACK.get(parameters.get("end_date"), 1)
            names |= {"workspace_name": WORKSPACE, "lookback_days": days, **GIVEN, **parameters}
    return names


def findings_of(spark: SparkSession) -> list[dict[str, Any]]:
    """The findings that the notebook shows."""
    rows = spark.table("export_network_beaconing_anomalies").select(F.to_json(F.struct("*")))
    return [json.loads(text) for (text,) in rows.collect()]


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
def notebook_findings(spark: SparkSession, lake: Path) -> dict[str, list[dict[str, Any]]]:
    """Run the notebook for the days in a row."""
    found = {}
    for day in DAYS:
        run_notebook(spark, end_date=day)
        found[day] = findings_of(spark)
    return found


@pytest.mark.parametrize("day", DAYS)
def test_the_findings_are_those_of_dbt(day, notebook_findings, dbt_findings):
    ours, theirs = plain(notebook_findings[day]), plain(dbt_findings[day])
    assert len(ours) > 5
    assert ours.keys() == theirs.keys()
    for beacon in theirs:
        assert ours[beacon] == theirs[beacon]


def test_a_beacon_is_new_once(notebook_findings):
    first, second = (plain(notebook_findings[day]) for day in DAYS)
    assert {row["status"] for row in first.values()} == {"new"}
    again = first.keys() & second.keys()
    assert again
    assert all(second[beacon]["status"] in ("continuing", "changed") for beacon in again)
    assert all(second[beacon]["began_on"] == DAYS[0] for beacon in again)
    assert all(row["status"] == "new" for beacon, row in second.items() if beacon not in again)


def test_another_run_with_another_threshold_replaces_the_findings_of_its_day(
    spark, lake, notebook_findings
):
    names = run_notebook(
        spark, end_date=DAYS[0], beacon_score_threshold=1, percent_beacon_threshold=100
    )
    left = plain(findings_of(spark))
    assert left.keys() < plain(notebook_findings[DAYS[0]]).keys()
    # Both runs are in the tables; only the findings of the last one count.
    provider = names["lake"]
    written = provider.read_table("network_beaconing_anomalies_SPRK")
    assert written.where(f"end_date = '{DAYS[0]}'").count() == len(left) + len(
        notebook_findings[DAYS[0]]
    )
    run_notebook(spark, stop_before="add(\n", end_date=DAYS[1])
    counted = spark.table("earlier_findings").where(f"end_date = '{DAYS[0]}'")
    assert {row.beacon_id for row in counted.collect()} == left.keys()


def test_wrong_parameters_are_all_named(spark):
    with pytest.raises(ValueError) as refused:
        run_notebook(spark, **WRONG)
    message = str(refused.value)
    named = set(re.findall(r"^  - (\w+) is ", message, re.MULTILINE))
    assert named == WRONG.keys()


def test_a_day_without_rows_stops_the_run(spark, lake):
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
