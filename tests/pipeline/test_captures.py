"""Real C2 that nobody on this project made; skipped where the shared captures are absent."""

from __future__ import annotations

import csv

import pytest

from tests.support.captures import ABSENT, SHARED, lay_out_capture
from tests.support.dbt_in_process import PROJECT, Dbt

KOVTER = SHARED / "captures/strato_kovter_l7.jsonl.gz"
LABELS = SHARED / "captures/strato_kovter_l7.labels.csv"

pytestmark = pytest.mark.skipif(not (KOVTER.exists() and LABELS.exists()), reason=ABSENT)


@pytest.fixture(scope="module")
def kovter(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Lay the capture out; return the vars that hunt in it."""
    folder = tmp_path_factory.mktemp("kovter")
    lay_out_capture(KOVTER, folder / "raw")
    return f"raw_root: {folder}/raw\nexport_root: {folder}/export\nend_date: 2017-03-01\n"


def found_pairs(dbt: Dbt) -> set[tuple[str, str, int]]:
    rows = dbt.rows("select * from beaconing.network_beaconing_anomalies")
    return {(r["source_ip"], r["destination_ip"], r["destination_port"]) for r in rows}


def labelled_c2() -> set[tuple[str, str, int]]:
    with LABELS.open() as file:
        labels = [row for row in csv.DictReader(file) if row["kind"].startswith("c2")]
    return {(r["SourceIP"], r["DestinationIP"], int(r["DestinationPort"])) for r in labels}


def test_seven_of_eight_kovter_pairs_are_found(dbt: Dbt, kovter: str):
    # Only what the percentage finds: no score exceeds 1.
    used = kovter + "lookback_days: 1\nbaseline_source: current\nbeacon_score_threshold: 1\n"
    no_tests = ("--exclude-resource-type", "test", "unit_test")
    result = dbt("build", "--select", "+network_beaconing_anomalies", *no_tests, vars=used)
    assert result.success, result.messages[-5000:]
    assert len(labelled_c2()) == 8
    assert len(found_pairs(dbt) & labelled_c2()) == 7


def test_the_notebook_finds_none_of_them(dbt: Dbt, kovter: str):
    used = (PROJECT / "vars/notebook.yml").read_text() + kovter + "lookback_days: 1\n"
    assert dbt("seed", vars=used).success
    result = dbt("run", "--select", "+network_beaconing_anomalies", vars=used)
    assert result.success, result.messages[-5000:]
    assert not found_pairs(dbt)
    for layer in ("public_egress", "time_deltas", "time_delta_windows"):
        (row,) = dbt.rows(f"select count(*) as n from beaconing.{layer}")
        assert row["n"] > 0, f"{layer} is empty: nothing was judged"
