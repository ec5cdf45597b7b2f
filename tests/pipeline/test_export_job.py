"""Days of an export job: Parquet gives what JSON of the same rows gives, and JSON goes first."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from samples import EXPORT_ROOT, generate
from tests.support.dbt_in_process import ENGINE, OF_THE_RUN, Dbt, Result, plain
from tests.support.export_tree import at, lay_out, lay_out_job
from tests.support.spark_tables import SparkDbt

DAY = dt.date(2026, 9, 30)
DAYS = [DAY - dt.timedelta(back) for back in range(8)]
ODD_ROWS: list[dict[str, Any]] = [
    {"SourcePort": "65536"},
    {"DestinationIP": "198.51.100.256"},
    {"TimeGenerated": None},
    {"StartTime": at(DAY, 60), "EndTime": at(DAY, 90.5), "DestinationIP": "198.51.100.7"},
    {"Message": 'a "quoted" text;\\\t\u00e9\U0001f600', "DestinationIP": "198.51.100.8"},
    {"DestinationIP": "198.51.100.9", "DestinationPort": None, "Activity": "", "SentBytes": 0},
    {"DestinationIP": "198.51.100.9", "SentBytes": 2**40},
]
# Of a file or the run; the JSON of a rejected line; and sums whose order no engine promises.
OTHER = OF_THE_RUN | {"log_version", "rejected_line"}
TABLES = (
    "stg_common_security_log_lines",
    "row_kinds",
    "sessions",
    "row_fates",
    "connection_days",
    "baseline",
    "beacon_scores",
    "destination_rarity",
    "network_beaconing_anomalies",
)


def some_rows(root: Path, day: dt.date, sources: set[str]) -> list[dict[str, Any]]:
    """The rows of a day from these sources, and odd ones without an id."""
    source = re.compile('"SourceIP":"({})"'.format("|".join(map(re.escape, sources))))
    files = sorted((root / f"y={day:%Y}/m={day:%m}/d={day:%d}").rglob("*.json"))
    lines = (line for file in files for line in file.read_text("utf-8").splitlines())
    rows = [json.loads(line) for line in lines if source.search(line)]
    ends = {"DeviceVendor": "Fortinet", "SourceIP": "10.0.0.1", "DestinationIP": "198.51.100.1"}
    return rows + [{"TimeGenerated": at(day, 100 + n), **ends, **r} for n, r in enumerate(ODD_ROWS)]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same rows of some days in two trees: `json`, and a job whose days have either layout."""
    folder = tmp_path_factory.mktemp("job")
    truth = generate(folder / "all", end_date=DAY, days=len(DAYS), rows_per_day=20_000)
    planted = [implant["source_ip"] for implant in truth["implants"][1::4]]
    sources = {*planted, *(f"10.20.0.{host}" for host in range(1, 30))}
    for number, day in enumerate(DAYS):
        rows = some_rows(folder / "all" / EXPORT_ROOT, day, sources)
        lay_out(folder / "json", day, rows)
        lay_out_job(folder / "job", day, rows, ("timestamp", "year")[number % 2])
    shutil.rmtree(folder / "all")
    return folder


def build(dbt: Dbt, folder: Path, *select: str, **vars: Any) -> Result:
    no_tests = ("--exclude-resource-type", "test", "unit_test")
    given = {"end_date": str(DAY), "lookback_days": 7, "export_root": str(folder / "export")}
    result = dbt("build", *no_tests, *select, vars=given | vars)
    assert result.success, result.messages[-5000:]
    return result


def held(dbt: Dbt) -> dict[str, list[str]]:
    """Every row of the tables, sorted, without what differs by the files."""
    return {
        table: sorted(
            repr({name: plain(row[name]) for name in sorted(row.keys() - OTHER)})
            for row in dbt.rows(f"select * from beaconing.{table}")
        )
        for table in TABLES
    }


@pytest.fixture(scope="module")
def of_json(dbt: Dbt, logs: Path) -> dict[str, list[str]]:
    """The tables of all days as JSON."""
    dbt.wipe()
    build(dbt, logs, raw_root=str(logs / "json"))
    tables = held(dbt)
    sizes = {name: len(rows) for name, rows in tables.items()}
    assert min(sizes.values()) > 0, sizes
    return tables


def test_days_of_parquet_and_one_of_json_are_days_of_json(dbt: Dbt, logs: Path, of_json):
    dbt.wipe()
    rule = logs / "rule"
    folder = f"y={DAY:%Y}/m={DAY:%m}/d={DAY:%d}"
    shutil.copytree(logs / "json" / folder, rule / folder)
    # The job has the last day, too: it counts once.
    build(dbt, logs, raw_root=str(rule), export_job_root=str(logs / "job"))
    compare(held(dbt), of_json)
    formats = dbt.rows("select file_format, count(*) as n from beaconing.log_days group by 1")
    assert {row["file_format"]: row["n"] for row in formats} == {"json": 1, "parquet": 7}


def test_all_days_may_be_parquet(dbt: Dbt, logs: Path, of_json):
    dbt.wipe()
    build(dbt, logs, export_job_root=str(logs / "job"))
    compare(held(dbt), of_json)


def compare(tables: dict[str, list[str]], others: dict[str, list[str]]) -> None:
    for name in TABLES:
        ours, theirs = Counter(tables[name]), Counter(others[name])
        assert list(ours - theirs)[:2] == list(theirs - ours)[:2] == [], name


# --- Files that come, go and break ----------------------------------------------------------------

STAGED = ("--select", "+stg_common_security_log_rejects", "stg_common_security_log")


def row(day: dt.date, second: float, **fields: Any) -> dict[str, Any]:
    """One connection to the outside."""
    ends = {"SourceIP": "10.0.0.1", "DestinationIP": "198.51.100.1", "DestinationPort": "443"}
    return {"TimeGenerated": at(day, second), "DeviceVendor": "Fortinet", **ends, **fields}


def run(dbt: Dbt, folder: Path, **vars: Any) -> Result:
    """Stage, with the data test that counts lines."""
    given = {"end_date": str(DAY), "lookback_days": 2, "export_root": str(folder / "export")}
    others = ("--exclude", "every_line_has_a_fate", "--exclude-resource-type", "unit_test")
    return dbt("build", *STAGED, *others, vars=given | vars)


def read(result: Result) -> str:
    assert result.success, result.messages[-5000:]
    (said,) = [m for m in result.messages.splitlines() if "Days to read" in m]
    return said.partition(": ")[2]


def rows_of_days(dbt: Dbt) -> dict[str, int]:
    rows = dbt.rows(
        "select cast(log_date as string) as day, count(*) as n "
        "from beaconing.stg_common_security_log_lines group by 1"
    )
    return {row["day"]: row["n"] for row in rows}


def test_a_day_is_read_again_when_its_files_change_and_json_goes_first(dbt: Dbt, tmp_path: Path):
    dbt.wipe()
    job, rule = tmp_path / "job", tmp_path / "rule"
    before, first = DAYS[1], DAYS[2]
    places = {"raw_root": str(rule), "export_job_root": str(job)}
    for day in (DAY, before, first):
        lay_out_job(job, day, [row(day, 7200 * n) for n in range(4)])
    # Neither does the rule have a day of the window yet, nor a folder.
    assert read(run(dbt, tmp_path, **places)) == f"{first}, {before}, {DAY}"
    assert read(run(dbt, tmp_path, **places)) == "none"
    lay_out_job(job, before, [row(before, 60)], file="late.parquet")
    lay_out_job(job, DAY, [row(DAY, 90_000)], "year")
    fresh(dbt)
    assert read(run(dbt, tmp_path, **places)) == f"{before}, {DAY}"
    assert rows_of_days(dbt) == {str(first): 4, str(before): 5, str(DAY): 5}
    # JSON of the middle day alone, and then of the last.
    lay_out(rule, before, [row(before, 60 * n) for n in range(7)])
    fresh(dbt)
    assert read(run(dbt, tmp_path, **places)) == str(before)
    lay_out(rule, DAY, [row(DAY, 60 * n) for n in range(8)])
    lay_out_job(job, before, [row(before, 60)], file="later.parquet")
    fresh(dbt)
    assert read(run(dbt, tmp_path, **places)) == str(DAY)
    assert rows_of_days(dbt) == {str(first): 4, str(before): 7, str(DAY): 8}
    # And back, where the JSON is removed.
    shutil.rmtree(rule)
    fresh(dbt)
    assert read(run(dbt, tmp_path, **places)) == f"{before}, {DAY}"
    assert rows_of_days(dbt) == {str(first): 4, str(before): 6, str(DAY): 5}


def fresh(dbt: Dbt) -> None:
    """Forget which files there were, as a new command does."""
    if ENGINE == "spark":
        dbt.spark.catalog.clearCache()


def test_what_is_no_parquet_is_named(dbt: Dbt, tmp_path: Path):
    dbt.wipe()
    lay_out_job(tmp_path / "job", DAY, [row(DAY, 60), {"SourceIP": "10.0.0.1"}])
    hour = tmp_path / f"job/timestamp={DAY}T00"
    (hour / "part.parquet").rename(hour / "part.parquet.gz")
    (hour / "rows.csv").write_text("a,b\n")
    (hour / "PT05M.json").write_text(json.dumps(row(DAY, 1)) + "\n")
    (hour / "_SUCCESS").write_text("")
    (tmp_path / "job/_SUCCESS").write_text("")
    (tmp_path / "job/README.md").write_text("")
    result = run(dbt, tmp_path, export_job_root=str(tmp_path / "job"))
    assert read(result) == str(DAY)
    (said,) = [line for line in result.messages.splitlines() if "are not read" in line]
    assert "2 file(s)" in said and "PT05M.json" in said and "rows.csv" in said
    assert ".parquet in folders of an export job" in said
    assert rows_of_days(dbt) == {str(DAY): 2}
    (rejected,) = dbt.rows("select * from beaconing.stg_common_security_log_rejects")
    assert rejected["reject_reason"] == "no time"
    assert json.loads(rejected["line"])["SourceIP"] == "10.0.0.1"
    vars = {"export_job_root": str(tmp_path / "job"), "end_date": str(DAY)}
    result = dbt("run", "--empty", "--select", "+stg_common_security_log_lines", vars=vars)
    assert result.success, result.messages
    assert rows_of_days(dbt) == {str(DAY): 2}, "an empty run changes nothing"


def broken_files(hour: Path) -> dict[str, bytes]:
    """Files that no engine reads."""
    whole = (hour / "part.parquet").read_bytes()
    middle = len(whole) // 3
    return {
        "cut.parquet": whole[:-30],
        "empty.parquet": b"",
        "damaged.parquet": whole[:8] + bytes(middle) + whole[8 + middle :],
        "text.parquet": b"{}\n",
    }


@pytest.mark.skipif(ENGINE != "local", reason="Spark stops, see the next test")
def test_target_local_rejects_a_file_that_cannot_be_read_and_reads_the_others(
    dbt: Dbt, tmp_path: Path
):
    dbt.wipe()
    lay_out_job(tmp_path / "job", DAY, [row(DAY, 60 + n) for n in range(50)])
    hour = tmp_path / f"job/timestamp={DAY}T00"
    for name, content in broken_files(hour).items():
        (hour / name).write_bytes(content)
    # Files of one day may differ in columns and types.
    lay_out_job(tmp_path / "job", DAY, [row(DAY, 60, Activity="b")], file="wider.parquet")
    long = {"TimeGenerated": [at(DAY, 61)], "DestinationPort": pa.array([443], pa.int64())}
    ends = {"SourceIP": [b"10.0.0.1"], "DestinationIP": ["198.51.100.1"]}
    pq.write_table(pa.table(long | ends), hour / "long.parquet")
    nothing = pa.table({"other": [1, 2], "SourcePort": [[1], [2]]})
    pq.write_table(nothing, hour / "nothing.parquet")
    outside = tmp_path / "outside.parquet"
    pq.write_table(nothing, outside)
    (hour / "link.parquet").symlink_to(outside)
    result = run(dbt, tmp_path, export_job_root=str(tmp_path / "job"))
    assert read(result) == str(DAY)
    assert "link.parquet: a link that leads out" in result.messages
    assert "4 file(s) or folder(s) of log files were left out" in result.messages
    rejected = dbt.rows("select reject_reason, line from beaconing.stg_common_security_log_rejects")
    assert len(rejected) == 6
    for name in broken_files(hour):
        (line,) = [row["line"] for row in rejected if f"/{name}: " in row["line"]]
        assert line.startswith("unreadable file ") and "no whole Parquet file (" in line
    assert rows_of_days(dbt) == {str(DAY): 50 + 2 + 6}


@pytest.mark.skipif(ENGINE == "local", reason="it reads the other files")
@pytest.mark.parametrize("name", ["cut.parquet", "text.parquet"])
def test_spark_names_a_file_that_it_cannot_read(dbt: Dbt, tmp_path: Path, name: str):
    dbt.wipe()
    lay_out_job(tmp_path / "job", DAY, [row(DAY, 60 + n) for n in range(50)])
    hour = tmp_path / f"job/timestamp={DAY}T00"
    (hour / name).write_bytes(broken_files(hour)[name])
    result = run(dbt, tmp_path, export_job_root=str(tmp_path / "job"))
    assert not result.success and name in result.messages
    assert "Target local would leave it out" in result.messages
    assert "Traceback" not in result.messages and "\tat org." not in result.messages


@pytest.mark.skipif(ENGINE == "local", reason="needs a metastore")
def test_a_metastore_makes_nothing_among_the_log_files(dbt_process: Dbt, tmp_path: Path):
    lay_out_job(tmp_path / "job", DAY, [row(DAY, 60)])
    lay_out_job(tmp_path / "job", DAYS[1], [row(DAYS[1], 60)], "year")
    before = sorted((tmp_path / "job").rglob("*"))
    vars = {"export_job_root": str(tmp_path / "job"), "raw_root": str(tmp_path / "rule")}
    dbt = SparkDbt(tmp_path, vars | {"end_date": str(DAY), "lookback_days": 2})
    said = dbt("build", *STAGED, "--exclude", "test_type:data", "test_type:unit")
    assert f"Days to read, new or changed: {DAYS[1]}, {DAY}" in said
    assert sorted((tmp_path / "job").rglob("*")) == before
    assert not (tmp_path / "rule").exists()


def refused(dbt: Dbt, folder: Path, **vars: Any) -> str:
    result = run(dbt, folder, **vars)
    assert not result.success and "Traceback" not in result.messages
    return result.messages


def test_a_misspelt_location_and_a_day_without_files_are_named(dbt: Dbt, tmp_path: Path):
    dbt.wipe()
    lay_out_job(tmp_path / "job", DAYS[1], [row(DAYS[1], 60)])
    lay_out(tmp_path / "rule", DAYS[1], [row(DAYS[1], 60)])
    job, rule = str(tmp_path / "job"), str(tmp_path / "rule")
    above = str(tmp_path / "rule")
    said = refused(dbt, tmp_path, export_job_root=above)
    assert f"'export_job_root' is \"{above}\"" in said and "holds these folders" in said
    said = refused(dbt, tmp_path, export_job_root=job)
    assert f"no log files for end_date {DAY}: looked below {job}/timestamp={DAY}T*" in said
    said = refused(dbt, tmp_path, export_job_root=job, raw_root=rule)
    assert f"looked below {rule}/y=2026/m=09/d=30" in said and f"below {job}/timestamp" in said
    # The job has no day of the window any more.
    lay_out(tmp_path / "rule", DAY, [row(DAY, 60)])
    fresh(dbt)
    vars = {"export_job_root": job, "raw_root": rule, "lookback_days": 0, "score_window_days": 1}
    assert read(run(dbt, tmp_path, **vars)) == str(DAY)
    said = refused(dbt, tmp_path, export_job_root=job, export_root=f"{job}/findings")
    assert "'export_root'" in said and f"log files are in {job}" in said
    if ENGINE == "local":
        said = refused(dbt, tmp_path, export_job_root="abfss://c@a.dfs.core.windows.net/job")
        assert "folders of this machine only" in said and "use target spark" in said
