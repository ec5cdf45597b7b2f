"""Target `local` as people use it: each command a process, tables in a folder, kills anywhere."""

from __future__ import annotations

import datetime as dt
import json
import random
import shutil
import time
from collections import Counter
from pathlib import Path

import dbt.adapters.embedded.adapter as embedded
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from samples import EXPORT_ROOT, FAULT_OPTIONS, generate
from tests.support.dbt_in_process import ENGINE, read_export
from tests.support.local_tables import LocalDbt, read_table

pytestmark = pytest.mark.skipif(ENGINE != "local", reason="of target local alone")
KILLS = 10
END = dt.date(2026, 9, 30)
THE_DAY_BEFORE = END - dt.timedelta(1)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    generate(folder, days=2, rows_per_day=20_000, faults=frozenset(FAULT_OPTIONS))
    return folder / EXPORT_ROOT


def local(folder: Path, logs: Path) -> LocalDbt:
    vars = {"raw_root": str(logs), "end_date": str(END), "lookback_days": 1}
    return LocalDbt(folder, vars | {"export_root": f"file://{folder}/export"})


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, logs: Path) -> LocalDbt:
    """A build, data tests included."""
    dbt = local(tmp_path_factory.mktemp("built"), logs)
    dbt("build")
    return dbt


def test_every_command_finds_what_another_process_left(built: LocalDbt):
    before = built.held()
    assert len(before["network_beaconing_anomalies"]) > 0
    assert "WARN=0 ERROR=0 SKIP=0" in built("test"), "of tables, views and raw lines"
    assert "10.20." in built("show", "--select", "beacon_lifecycle", "--limit", "50")
    built("compile")
    built("run-operation", "drop_old_days")
    built("docs", "generate")
    catalog = json.loads((built.folder / "target/catalog.json").read_text())["nodes"]
    assert len(catalog) == 50, "every table and view"
    assert all(node["columns"] for node in catalog.values())
    assert built.held() == before
    # A command was killed before the first commit of a table.
    log = built.tables / "beacon_scores/_delta_log"
    shutil.rmtree(log.parent)
    log.mkdir(parents=True)
    (log.parent / "part-0.parquet").write_text("half")
    assert "Days to read, new or changed: none" in built("run")
    found = read_export(built.folder / "export")
    assert len(found) == len(before["network_beaconing_anomalies"]), "the export is of one run"
    assert built.held() == before


def test_tables_may_lie_in_a_folder_of_any_name(logs: Path, tmp_path: Path):
    folder = tmp_path / "J\u00fcrgen's 100 %#~"
    folder.mkdir()
    vars = {"raw_root": str(logs), "end_date": str(END), "lookback_days": 1}
    dbt = LocalDbt(folder, vars)
    dbt("seed", "--select", "protocols")
    dbt("run", "--select", "log_files", "log_days")
    listed = "select count(*) as listed from raw.common_security_log_files"
    assert "| 0 |" not in dbt("show", "--inline", listed)
    assert str(END) in dbt("show", "--inline", "select * from beaconing.log_days")
    assert list(tmp_path.iterdir()) == [folder]


def test_rows_that_a_killed_command_held_do_not_stay(built: LocalDbt):
    held = built.tables / "sessions__dbt_tmp"
    shutil.copytree(built.tables / "sessions", held)
    built("seed", "--select", "protocols")
    assert not held.exists()


def test_the_second_of_two_runs_says_who_holds_the_tables(built: LocalDbt):
    before = built.held()
    first = built.start("run")
    lock = built.folder / "output/tables/.lock"
    while str(first.pid) not in lock.read_text():
        time.sleep(0.1)
    second = built.start("run")
    said, _ = second.communicate()
    assert second.returncode == 2
    assert f"held by process {first.pid} (dbt run, since" in said
    assert "BEACONING_OUTPUT" in said
    assert "Traceback" not in said
    assert first.communicate() and first.returncode == 0
    assert built.held() == before


def test_a_run_that_was_killed_anywhere_is_made_good_by_the_next(
    built: LocalDbt, logs: Path, tmp_path: Path
):
    dbt = local(tmp_path, logs)
    dbt.environment["TZ"] = "Pacific/Kiritimati"  # nor does the machine's time zone change a row
    dbt("seed")
    moments = random.Random(14)
    for _ in range(KILLS):
        process = dbt.start("run", "--full-refresh")
        # A run takes some 15 s, of which 5 pass before the first table is written.
        time.sleep(moments.uniform(4, 14))
        process.kill()
        process.communicate()
    dbt("run")
    assert dbt.held() == built.held()
    assert "ERROR=0" in dbt("test")


def test_old_files_do_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "table"
    frame = pa.table({"day": ["1", "2"], "n": [1, 2]})
    for _ in range(embedded.COMMITS + 2):
        write_deltalake(folder, frame, mode="overwrite", partition_by=["day"])
    (folder / "day=1/half.parquet").write_text("of a killed command")
    written = len(list(folder.rglob("day=*/*.parquet")))
    embedded.tidy(folder)
    assert len(list(folder.rglob("day=*/*.parquet"))) == written, "a reader may still need them"
    assert list(folder.rglob("*.checkpoint.parquet"))
    monkeypatch.setattr(embedded, "VACUUM_HOURS", 0)
    embedded.tidy(folder)
    assert len(list(folder.rglob("day=*/*.parquet"))) == 2
    version = DeltaTable(folder).version()
    embedded.tidy(folder)
    assert DeltaTable(folder).version() == version, "nothing to remove is no commit"
    assert sorted(row["n"] for row in read_table(folder)) == [1, 2]


def test_tables_of_an_earlier_version_get_the_columns_that_they_lack(built: LocalDbt):
    sessions, findings = (
        built.tables / name for name in ("sessions", "network_beaconing_anomalies")
    )
    before, found = read_table(sessions), read_table(findings)
    assert any(row["phase_share"] is not None for row in found)
    make_older(sessions, "time_source", "log_date")
    make_older(findings, "phase_share", "end_date")
    built("run")

    def in_order(rows: list[dict]) -> list[str]:
        return sorted(repr(sorted(row.items())) for row in rows)

    assert in_order(read_table(sessions)) == in_order(before)
    shares = [(END, row["phase_share"]) for row in found] + [(THE_DAY_BEFORE, None)] * len(found)
    after = read_table(findings)
    assert Counter((row["end_date"], row["phase_share"]) for row in after) == Counter(shares)


def make_older(table: Path, column: str, day: str) -> None:
    """Make a table as it was the day before, before it had a column."""
    delta = DeltaTable(table)
    rows = delta.to_pyarrow_table().drop_columns([column])
    days = pa.array([THE_DAY_BEFORE] * len(rows))
    write_deltalake(
        table,
        rows.set_column(rows.schema.get_field_index(day), day, days),
        mode="overwrite",
        schema_mode="overwrite",
        partition_by=delta.metadata().partition_columns,
    )
