"""Every table of a build is the same on Spark, the reference, and on target `local`."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from samples import EXPORT_ROOT, FAULT_OPTIONS, generate
from tests.support.captures import ABSENT, CAPTURES, INTERNAL, lay_out_capture
from tests.support.dbt_in_process import (
    ENGINE,
    OF_THE_RUN,
    PROJECT,
    SPARK_4,
    Dbt,
    copy_project,
    plain,
    read_export,
)
from tests.support.local_tables import LocalDbt, read_table

pytestmark = pytest.mark.skipif(ENGINE == "local", reason="needs Spark, see make test-spark")

# How an engine writes a path and the time of a file, and the hash of both.
OF_THE_ENGINE = OF_THE_RUN | {"log_version", "path", "modified_at"}


def counted(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(
        # Bytes that are not UTF-8: engines differ in how many characters they become.
        re.sub("\ufffd+", "\ufffd", repr({name: plain(row[name]) for name in sorted(names)}))
        for row in rows
        for names in (row.keys() - OF_THE_ENGINE,)
    )


def compare(dbt: Dbt, local: LocalDbt) -> dict[str, int]:
    """Compare every table; return the number of rows of each."""
    sizes = {}
    for folder in sorted(log.parent for log in local.tables.glob("*/_delta_log")):
        table = folder.name
        spark = counted(dbt.rows(f"select * from beaconing.{table}"))
        ours = counted(read_table(folder))
        assert list((ours - spark).items())[:2] == list((spark - ours).items())[:2] == [], table
        sizes[table] = spark.total()
    return sizes


def build_both(dbt: Dbt, folder: Path, project: Path, vars: dict[str, Any]) -> dict[str, int]:
    """Build on both engines, data tests aside, and compare."""
    dbt.wipe()
    dbt.project, kept = project, dbt.project
    no_tests = ("build", "--exclude-resource-type", "test", "unit_test")
    try:
        result = dbt(*no_tests, vars=vars | {"export_root": str(folder / "spark")})
    finally:
        dbt.project = kept
    assert result.success, result.messages[-5000:]
    local = LocalDbt(folder, vars | {"export_root": str(folder / "local")}, project)
    local(*no_tests)
    sizes = compare(dbt, local)
    exports = [read_export(folder / engine) for engine in ("spark", "local")]
    assert counted(exports[0]) == counted(exports[1])
    return sizes


def test_generated_logs_with_all_faults(dbt: Dbt, tmp_path: Path):
    generate(tmp_path / "logs", days=3, rows_per_day=20_000, faults=frozenset(FAULT_OPTIONS))
    sizes = build_both(
        dbt,
        tmp_path,
        PROJECT,
        {
            "raw_root": str(tmp_path / "logs" / EXPORT_ROOT),
            "end_date": "2026-09-30",
            "lookback_days": 2,
            "device_vendor": ["Fortinet", "Palo Alto Networks"],
        },
    )
    assert len(sizes) == 34
    empty = {name for name, rows in sizes.items() if not rows}
    assert empty == {
        "stg_internal_networks",
        "internal_networks",
        "stg_suppressions",
        "suppression_uses",
        "suppressions",
    }


# Spark 4 with Delta takes minutes for each, so it gets the smallest two.
BUILT = sorted(CAPTURES, key=lambda path: path.stat().st_size)[: 2 if SPARK_4 else None]


@pytest.mark.skipif(not CAPTURES, reason=ABSENT)
@pytest.mark.parametrize("capture", BUILT, ids=lambda path: path.name.partition(".")[0])
def test_captures(dbt: Dbt, tmp_path: Path, capture: Path):
    project = copy_project(tmp_path / "project")
    with (project / "seeds/organisation/internal_networks.csv").open("a", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(INTERNAL.items())
    days = lay_out_capture(capture, tmp_path / "raw")
    back = (days[-1] - days[0]).days
    sizes = build_both(
        dbt,
        tmp_path,
        project,
        {
            "raw_root": str(tmp_path / "raw"),
            "end_date": str(days[-1]),
            "lookback_days": back,
            "score_window_days": back + 1,
        },
    )
    assert sizes["beacon_scores"]
