"""What stands in the seed suppressions as people edit it: no row of it stops a run."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dbt_in_process import ENGINE, PROJECT, Dbt, copy_project
from tests.support.export_tree import at, lay_out

DAY = dt.date(2026, 3, 10)
HEADER = (PROJECT / "seeds/organisation/suppressions.csv").read_text().splitlines()[0]
REASON = "O'Neill's \"own\" \\ updates, nightly"
QUOTED = REASON.replace('"', '""')
GOOD = f'198.51.100.1,443,10.0.0.0/24,Fortinet,50,70,"{QUOTED}",SOC,2099-01-01'
HIDES_NOTHING = '203.0.113.0/24,*,*,*,*,*,"printers, all",SOC,2099-01-01'
EXPIRED = "198.51.100.1,*,*,*,*,*,migration,SOC,2026-03-09"
WRONG = {
    "198.51.100.1,*,*,*,*,*,updates, nightly,SOC,2099-01-01": "expires_on is no day",
    "198.51.100.1,*,*,*,*,*,lacks a cell,SOC": "expires_on is no day",
    "198.51.100.1,443": "device_vendor is empty",
    "198.51.100.0/42,*,*,*,*,*,bad network,SOC,2099-01-01": "destination_network is neither",
    "198.51.100.1,*,*,*,*,*,bad day,SOC,2099-02-30": "expires_on is no day",
    "198.51.100.1,*,*,*,*,*,,SOC,2099-01-01": "reason is empty",
    "*,*,*,*,*,*,everything,SOC,2099-01-01": "it would hide every finding",
    "*,*,*,*,0,1e9,in numbers,SOC,2099-01-01": "it would hide every finding",
    "\x1b[31m,*,*,*,*,*,red,SOC,2099-01-01": "destination_network is neither",
}


@pytest.fixture(scope="module")
def edited(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dbt]:
    """A copy of the project, whose seeds a test edits."""
    folder = copy_project(tmp_path_factory.mktemp("suppressions"))
    copied = copy.copy(dbt)
    copied.project, copied.target = folder, folder / "target"
    yield copied


def write(project: Path, *rows: str, header: str = HEADER) -> None:
    file = project / "seeds/organisation/suppressions.csv"
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8-sig")


def test_wrong_rows_are_named_hide_nothing_and_the_run_goes_on(edited: Dbt, tmp_path: Path):
    write(edited.project, GOOD, *WRONG, HIDES_NOTHING, EXPIRED)
    beats = [
        {
            "TimeGenerated": at(DAY, 60 * beat),
            "DeviceVendor": "Fortinet",
            "SourceIP": f"10.0.{host}.1",
            "DestinationIP": "198.51.100.1",
            "DestinationPort": 443,
            "Protocol": "6",
        }
        for beat in range(300)
        for host in (0, 1)
    ]
    lay_out(tmp_path / "raw", DAY, beats)
    vars = {"raw_root": str(tmp_path / "raw"), "export_root": str(tmp_path / "export")}
    vars |= {"end_date": str(DAY), "lookback_days": 1}
    result = edited("build", "--exclude-resource-type", "test", "unit_test", vars=vars)
    assert result.success, result.messages[-5000:]
    for row, problem in WRONG.items():
        shown = row.replace("\x1b", "\\u001b")
        assert any(shown in line and problem in line for line in result.messages.splitlines()), row
    assert "2 row(s)" not in result.messages and f"{len(WRONG)} row(s)" in result.messages
    assert "\x1b" not in result.messages
    found = edited.rows("select * from beaconing.network_beaconing_anomalies")
    by = [f"{REASON} (SOC, until 2099-01-01)"]
    assert {row["source_ip"]: row["suppressed_by"] for row in found} == {
        "10.0.0.1": by,
        "10.0.1.1": [],
    }
    said = {
        row["figure"].split(": ")[0]
        for row in edited.rows("select figure from beaconing.run_summary where position = 17")
    }
    assert said == {
        "suppression cannot be used",
        "suppression expired",
        "suppression hid nothing",
    }
    (run,) = edited.rows("select idle_suppressions from beaconing.export_network_beaconing_runs")
    states = [row["state"].partition(":")[0] for row in run["idle_suppressions"]]
    assert states == ["cannot be used"] * len(WRONG) + ["expired", "hid nothing"]


@pytest.mark.skipif(ENGINE == "local", reason="make test runs them at its end")
def test_the_models_of_suppressions(edited: Dbt):
    models = ("stg_suppressions", "suppression_uses", "network_beaconing_anomalies")
    vars = {"end_date": str(DAY), "raw_root": "/nowhere"}
    result = edited("test", "--select", *models, "--exclude-resource-type", "test", vars=vars)
    assert result.success, result.messages


def test_a_seed_of_suppressions_without_rows_is_one(edited: Dbt):
    write(edited.project)
    result = edited(
        "build", "--select", "suppressions", "stg_suppressions", vars={"end_date": str(DAY)}
    )
    assert result.success, result.messages
    assert "hide nothing" not in result.messages
    assert edited.rows("select * from beaconing.stg_suppressions") == []
