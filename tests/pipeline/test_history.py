"""A raw day is read once, and again only if its files change, however the files arrive."""

from __future__ import annotations

import datetime as dt
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from tests.support.dbt_in_process import ENGINE, FILE_FORMAT, Dbt, Result
from tests.support.export_tree import at, lay_out

DAY = dt.date(2026, 3, 10)
STAGED = ("--select", "+connection_days", "+row_fates")
TABLES = ("stg_common_security_log_lines", "row_kinds", "sessions", "row_fates", "connection_days")


def days_back(days: int) -> dt.date:
    return DAY - dt.timedelta(days)


def row(day: dt.date, second: float, **fields: Any) -> dict[str, Any]:
    """One connection to the outside."""
    ends = {"SourceIP": "10.0.0.1", "DestinationIP": "198.51.100.1", "DestinationPort": "443"}
    return {"TimeGenerated": at(day, second), "DeviceVendor": "Fortinet", **ends, **fields}


def folder_of(root: Path, day: dt.date) -> Path:
    return root / f"y={day:%Y}/m={day:%m}/d={day:%d}"


class Logs:
    """Log files that arrive, grow, are rewritten and vanish, at random."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.random = random.Random(seed)

    def files(self, day: dt.date) -> list[Path]:
        return sorted(folder_of(self.root, day).rglob("PT*M*.json"))

    def line(self, day: dt.date) -> Any:
        if self.random.random() < 0.1:
            return "{half a line"
        inside = self.random.random() < 0.2
        return row(
            day,
            self.random.uniform(-600, 86400),
            SourceIP=f"10.0.0.{self.random.randrange(4)}",
            DestinationIP="10.9.9.9" if inside else f"198.51.100.{self.random.randrange(3)}",
            _ItemId=str(self.random.randrange(200)),
        )

    def arrive(self, day: dt.date) -> None:
        """A file is new, or an old one grows."""
        slot = f"h={self.random.randrange(2):02d}/m={self.random.choice(['00', '05'])}"
        lines = [self.line(day) for _ in range(self.random.randrange(6))]
        file = self.random.choice(["PT05M.json", "PT05M_1.json"])
        lay_out(self.root, day, lines, file=file, slot=slot)

    def shrink(self, day: dt.date) -> None:
        """A file loses its first line, which may leave it empty."""
        for path in self.files(day)[:1]:
            path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))

    def replace(self, day: dt.date) -> None:
        """A file is rewritten, with the same length."""
        for path in self.files(day)[-1:]:
            path.write_bytes(path.read_bytes().replace(b"198.51.100.1", b"198.51.100.2"))

    def remove(self, day: dt.date) -> None:
        for path in self.files(day)[:1]:
            path.unlink()

    def remove_all(self, day: dt.date) -> None:
        shutil.rmtree(folder_of(self.root, day), ignore_errors=True)

    def private_only(self, day: dt.date) -> None:
        """The day has no connection to the outside any more."""
        self.remove_all(day)
        lay_out(self.root, day, [row(day, 1, DestinationIP="10.9.9.9")])

    def change(self) -> None:
        chances: list[Callable[[dt.date], None]] = [self.arrive] * 6
        chances += [self.shrink, self.replace, self.remove, self.remove_all, self.private_only]
        self.random.choice(chances)(days_back(self.random.randrange(5)))


def given(root: Path, end: dt.date = DAY, **more: Any) -> dict[str, Any]:
    places = {"raw_root": str(root / "raw"), "export_root": str(root / "export")}
    return {**places, "end_date": str(end), "lookback_days": 2, **more}


def run(dbt: Dbt, *args: str, vars: dict[str, Any]) -> Result:
    """Seeds are loaded once: they take as long as the models."""
    if "internal_networks" not in dbt.tables():
        assert dbt("seed").success
    result = dbt("run", *(args if "--select" in args else (*STAGED, *args)), vars=vars)
    assert result.success, result.messages
    return result


def held(dbt: Dbt, vars: dict[str, Any]) -> dict[str, list[str]]:
    """Every row of the days of the window, sorted."""
    end = dt.date.fromisoformat(vars["end_date"])
    first = end - dt.timedelta(vars["lookback_days"])
    window = f"log_date between '{first}' and '{end}'"
    return {
        table: sorted(map(repr, dbt.rows(f"select * from beaconing.{table} where {window}")))
        for table in TABLES
    }


def staged_days(result: Result) -> str:
    (said,) = [m for m in result.messages.splitlines() if "Days to read" in m]
    return said.partition(": ")[2]


@pytest.mark.parametrize("seed", [1, 2] if ENGINE == "local" else [1])
def test_any_arrivals_give_what_a_full_refresh_gives(dbt: Dbt, tmp_path: Path, seed: int):
    dbt.wipe()
    logs = Logs(tmp_path / "raw", seed)
    for step in range(5):
        end = days_back(logs.random.choice([0, 0, 1, 2]))
        for _ in range(logs.random.randrange(4)):
            logs.change()
        lay_out(logs.root, end, [row(end, 3600 + step)])  # a run needs files of its day
        vars = given(tmp_path, end)
        run(dbt, vars=vars)
    increments = held(dbt, vars)
    run(dbt, "--full-refresh", vars=vars)
    assert increments == held(dbt, vars)
    assert increments["connection_days"], "the comparison is of something"


def test_a_day_of_many_log_files_is_staged_as_one(dbt: Dbt, tmp_path: Path):
    dbt.wipe()
    for day in (days_back(1), DAY):
        lay_out(tmp_path / "raw", day, [row(day, 300 * slot) for slot in range(200)])
    # Two days at once, as a first run reads them: 400 files of the export, several tasks.
    run(dbt, vars=given(tmp_path))
    lines = dbt.spark.table("beaconing.stg_common_security_log_lines")
    assert sorted(row["count"] for row in lines.groupBy("log_date").count().collect()) == [200, 200]
    place = dbt.folder / "tables/beaconing/stg_common_security_log_lines"
    uris = DeltaTable(place).file_uris() if ENGINE == "local" else lines.inputFiles()
    files = [Path(uri).parent.name for uri in uris]
    # Sail writes a file for each core, Spark one in all.
    most = os.cpu_count() if ENGINE == "local" else 1
    assert set(files) == {"log_date=2026-03-09", "log_date=2026-03-10"}
    assert max(map(files.count, files)) <= most


@pytest.fixture(scope="module")
def three_days(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Three staged days; each test adds to them."""
    dbt.wipe()
    folder = tmp_path_factory.mktemp("three_days")
    for back in range(3):
        lay_out(folder / "raw", days_back(back), [row(days_back(back), s) for s in (60, 7200)])
    vars = given(folder)
    assert staged_days(run(dbt, vars=vars)) == "2026-03-08, 2026-03-09, 2026-03-10"
    return vars


def events(dbt: Dbt) -> dict[str, int]:
    """Number of events by day in connection_days."""
    days = "select log_date, sum(event_count) as n from beaconing.connection_days group by log_date"
    return {str(day["log_date"]): day["n"] for day in dbt.rows(days)}


def test_a_second_run_reads_nothing(dbt: Dbt, three_days):
    before = held(dbt, three_days)
    # Other content with the same path, length and time: only a run that opens the file sees it.
    path = next(Path(three_days["raw_root"]).rglob("PT*M*.json"))
    times = path.stat()
    path.write_bytes(path.read_bytes().replace(b"198.51.100.1", b"198.51.100.2"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert staged_days(run(dbt, vars=three_days)) == "none"
    assert held(dbt, three_days) == before


def test_only_the_day_with_a_late_line_is_read(dbt: Dbt, three_days):
    root = Path(three_days["raw_root"])
    lay_out(root, days_back(1), [row(days_back(1), 7201)])
    assert staged_days(run(dbt, vars=three_days)) == "2026-03-09"
    assert events(dbt) == {"2026-03-08": 2, "2026-03-09": 3, "2026-03-10": 2}


def test_what_one_run_left_undone_the_next_one_does(dbt: Dbt, three_days):
    root = Path(three_days["raw_root"])
    lay_out(root, DAY, [row(DAY, 7202)])
    assert dbt("run", "--select", "+stg_common_security_log_lines", vars=three_days).success
    assert events(dbt)["2026-03-10"] == 2
    assert staged_days(run(dbt, vars=three_days)) == "none"
    assert events(dbt)["2026-03-10"] == 3


@pytest.mark.skipif(ENGINE == "local", reason="target local keeps no warehouse")
def test_a_run_that_was_killed_while_spark_made_a_table_is_in_no_ones_way(dbt: Dbt, three_days):
    run(dbt, "--select", "+baseline", vars=three_days)
    before = held(dbt, three_days)
    for table in ("baseline", "internal_networks"):
        dbt.rows(f"drop table beaconing.{table}")
        half_made = dbt.folder / f"warehouse/beaconing.db/{table}/_temporary/0/part-0"
        half_made.parent.mkdir(parents=True)
        half_made.write_bytes(b"PAR1")
    no_tests = ("--exclude-resource-type", "test", "unit_test")
    result = dbt("build", "--select", "+baseline", *no_tests, vars=three_days)
    assert result.success, result.messages
    assert staged_days(result) == "none"
    assert held(dbt, three_days) == before
    assert dbt.rows("select * from beaconing.baseline")


@pytest.mark.skipif(FILE_FORMAT == "delta", reason="of Parquet alone")
def test_a_first_run_that_was_killed_while_it_filled_a_table_by_day_is_in_no_ones_way(
    dbt: Dbt, three_days
):
    """The table is made first, then its rows; half of them may be files already."""
    run(dbt, vars=three_days)
    before = held(dbt, three_days)
    for table in TABLES:
        for partition in dbt.rows(f"show partitions beaconing.{table}"):
            day = partition["partition"].replace("log_date=", "log_date = date '") + "'"
            dbt.rows(f"alter table beaconing.{table} drop partition ({day})")
        folder = dbt.folder / f"warehouse/beaconing.db/{table}"
        for place in (f"log_date={DAY}", "_temporary/0", ".spark-staging-1"):
            (folder / place).mkdir(parents=True)
            (folder / place / "part-0.snappy.parquet").write_bytes(b"PAR1")
    run(dbt, vars=three_days)
    assert held(dbt, three_days) == before


@pytest.mark.skipif(FILE_FORMAT == "delta", reason="of Parquet alone")
def test_a_table_by_day_has_no_files_before_it_is_a_table(dbt: Dbt, three_days):
    """Spark refuses to make a table in a folder with files, as a kill would leave them."""
    made = [path.read_text() for path in (dbt.target / "run").rglob("connection_days.sql")]
    assert made and not any(re.match(r"\s*create table", sql) for sql in made)
    run(dbt, "--full-refresh", vars=three_days)
    made = [path.read_text() for path in (dbt.target / "run").rglob("connection_days.sql")]
    assert made and all(re.match(r"\s*insert overwrite", sql) for sql in made)


def test_lines_that_are_lost_are_found_and_lines_that_came_since_are_not(dbt: Dbt, three_days):
    root = Path(three_days["raw_root"])
    lay_out(root, DAY, [row(DAY, 9000)])
    test = "every_line_is_staged_or_rejected"
    result = dbt("build", "--select", f"+{test}", vars=three_days)
    assert result.success, result.messages
    lay_out(root, DAY, [row(DAY, 9001)])
    for table in dbt.rows("show tables in raw like 'common_security_log_*'"):
        dbt.refresh(f"raw.{table['tableName']}")
    result = dbt("test", "--select", test, vars=three_days)
    assert result.success, f"what came since is for the next run: {result.messages}"
    run(dbt, vars=three_days)
    lines = "beaconing.stg_common_security_log_lines"
    of_the_day = f"log_date = '{DAY}' and time_generated"
    if FILE_FORMAT == "delta":
        dbt.rows(f"delete from {lines} where {of_the_day} = timestamp '{DAY} 02:30:01'")
    else:
        kept = f"select * from {lines} where {of_the_day} != '{DAY} 02:30:01'"
        dbt.rows(f"insert overwrite {lines} {kept}")
    lost = dbt("test", "--select", test, vars=three_days)
    assert not lost.success, "a line is in the files, and not in staging"
    run(dbt, "--full-refresh", vars=three_days)


def test_a_listing_of_other_days_drops_nothing(dbt: Dbt, three_days):
    """Otherwise each day that is not in the listing would count as a day whose files are gone."""
    before = held(dbt, three_days)
    other = {**three_days, "end_date": str(days_back(1))}
    refused = dbt("run", "--select", "stg_common_security_log_lines", vars=other)
    assert not refused.success
    assert "select +stg_common_security_log_lines" in refused.messages
    assert held(dbt, three_days) == before


def test_an_edited_seed_counts_for_days_that_are_staged(dbt: Dbt, three_days):
    before = held(dbt, three_days)
    dbt.rows("insert into beaconing.internal_networks values ('198.51.100.0/24', 'ours now')")
    run(dbt, vars=three_days)
    assert held(dbt, three_days)["connection_days"] == [], "what is ours is no egress"
    assert dbt("seed", "--select", "internal_networks").success
    run(dbt, vars=three_days)
    assert held(dbt, three_days) == before


def test_another_limit_of_events_counts_for_days_that_are_there(dbt: Dbt, three_days):
    root = Path(three_days["raw_root"])
    lay_out(root, days_back(2), [row(days_back(2), 10000 + s) for s in range(120)])
    sizes = "select max(size(events)) as n from beaconing.connection_days"
    run(dbt, vars=three_days)
    assert dbt.rows(sizes) == [{"n": 122}]
    run(dbt, vars={**three_days, "events_per_connection_day": 100})
    assert dbt.rows(sizes) == [{"n": 100}]


def test_an_empty_build_clears_nothing(dbt: Dbt, three_days):
    before = held(dbt, three_days)
    result = dbt("run", "--empty", "--select", "+connection_days", vars=three_days)
    assert result.success, result.messages
    assert held(dbt, three_days) == before


def test_a_day_without_files_stays_only_when_told(dbt: Dbt, three_days):
    run(dbt, vars=three_days)
    before = held(dbt, three_days)
    shutil.rmtree(folder_of(Path(three_days["raw_root"]), days_back(2)))
    kept = run(dbt, vars={**three_days, "keep_days_without_files": True})
    assert "Days without log files, kept as they were staged: 2026-03-08" in kept.messages
    assert held(dbt, three_days) == before
    refused = dbt("run", "--full-refresh", vars={**three_days, "keep_days_without_files": True})
    assert not refused.success and not set(refused.models) & set(TABLES)
    assert "--full-refresh would lose days whose log files are gone" in refused.messages
    assert held(dbt, three_days) == before
    gone = run(dbt, vars=three_days)
    assert "the log files of 2026-03-08 are gone" in gone.messages
    assert "1 of 2 days of history have no files: 2026-03-08" in gone.messages
    assert days_held(dbt) == dict.fromkeys(TABLES, ["2026-03-09", "2026-03-10"])


def drop_old_days(dbt: Dbt, vars: dict[str, Any], args: str = "{}") -> str:
    result = dbt("run-operation", "drop_old_days", "--args", args, vars=vars)
    assert result.success, result.messages
    return result.messages


def days_held(dbt: Dbt) -> dict[str, list[str]]:
    days = "select distinct cast(log_date as string) as day from beaconing.{} order by day"
    return {table: [row["day"] for row in dbt.rows(days.format(table))] for table in TABLES}


def test_old_days_are_dropped_only_when_it_is_meant(dbt: Dbt, three_days):
    root = Path(three_days["raw_root"])
    for back in range(5):
        lay_out(root, days_back(back), [row(days_back(back), 1)])
    run(dbt, vars={**three_days, "lookback_days": 4})
    everything = days_held(dbt)
    assert set(map(len, everything.values())) == {5}

    old = {**three_days, "retention_days": 3}
    said = drop_old_days(dbt, old, "{dry_run: true}")
    assert "sessions: would drop 1 rows in 1 partition(s), 2026-03-06 to 2026-03-06" in said
    assert days_held(dbt) == everything
    assert "every day is kept" in drop_old_days(dbt, {**old, "retention_days": 0})
    assert days_held(dbt) == everything

    said = drop_old_days(dbt, old)
    assert "stg_common_security_log_lines: dropped" in said and "anomalies" not in said
    assert days_held(dbt) == {table: days[1:] for table, days in everything.items()}
    assert "sessions: nothing before 2026-03-07" in drop_old_days(dbt, old)
    assert (folder_of(root, days_back(4))).is_dir(), "log files are never touched"


def test_retention_shorter_than_the_history_is_refused(dbt: Dbt, three_days):
    result = dbt("run-operation", "drop_old_days", vars={**three_days, "retention_days": 2})
    assert not result.success
    assert "'retention_days' is 2 but 'lookback_days' 2; give more, or 0" in result.messages


def test_old_findings_are_dropped_only_on_demand(dbt: Dbt, three_days):
    dbt.rows("drop table if exists beaconing.network_beaconing_anomalies")
    dbt.rows(
        f"create table beaconing.network_beaconing_anomalies using {FILE_FORMAT} "
        "partitioned by (end_date, device_vendor) as select 1 as n, date '2026-03-01' as end_date, "
        "'O''Neill' as device_vendor union all select 2, date '2026-03-10', 'Fortinet'"
    )
    old = {**three_days, "retention_days": 3}
    drop_old_days(dbt, old)
    assert len(dbt.rows("select * from beaconing.network_beaconing_anomalies")) == 2
    drop_old_days(dbt, old, "{findings: true}")
    assert [r["n"] for r in dbt.rows("select * from beaconing.network_beaconing_anomalies")] == [2]
