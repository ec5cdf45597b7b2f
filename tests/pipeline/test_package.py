"""Another project installs this one as a package: its own models, vars and tables stay its own."""

from __future__ import annotations

import copy
import datetime as dt

import pytest
import yaml
from dbt.cli.main import dbtRunner

from tests.support.dbt_in_process import FILE_FORMAT, PROJECT, Dbt
from tests.support.export_tree import at, lay_out

DAY = dt.date(2026, 3, 10)
OURS = ("--select", "package:network_beaconing")
THEIRS = ("--select", "package:soc_platform")
# The host's own seed, in place of ours.
SUPPRESSION = {
    "destination_network": "198.51.100.0/24",
    "destination_port": "443",
    "source_network": "*",
    "device_vendor": "*",
    "shortest_seconds": "*",
    "longest_seconds": "*",
    "reason": "O'Neill's monitoring",
    "owner": "SOC",
    "expires_on": "2099-01-01",
}


@pytest.fixture(scope="module")
def host(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    """A project with a model, vars and a table of its own, and our vars under our name."""
    folder = tmp_path_factory.mktemp("host")
    for back in (0, 1):
        day = DAY - dt.timedelta(back)
        beats = [
            {
                "TimeGenerated": at(day, 60 * beat),
                "DeviceVendor": "Fortinet",
                "SourceIP": "10.0.0.1",
                "DestinationIP": "198.51.100.1",
                "DestinationPort": 443,
                "Protocol": "6",
            }
            for beat in range(200)
        ]
        lay_out(folder / "raw", day, beats)
    project = {
        "name": "soc_platform",
        "version": "1.0.0",
        "profile": "network_beaconing",
        "models": {"soc_platform": {"+materialized": "table", "+file_format": FILE_FORMAT}},
        "seeds": {
            "soc_platform": {
                "+file_format": FILE_FORMAT,
                "suppressions": {"+column_types": dict.fromkeys(SUPPRESSION, "string")},
            },
            "network_beaconing": {"organisation": {"suppressions": {"+enabled": False}}},
        },
        "dispatch": [
            {"macro_namespace": "dbt", "search_order": ["soc_platform", "network_beaconing", "dbt"]}
        ],
        "vars": {
            "soc_floor": 3,
            "network_beaconing": {
                "raw_root": str(folder / "raw"),
                "export_root": str(folder / "export"),
                "end_date": str(DAY),
                "lookback_days": 1,
                "retention_days": 400,
            },
        },
    }
    (folder / "dbt_project.yml").write_text(yaml.safe_dump(project))
    (folder / "packages.yml").write_text(yaml.safe_dump({"packages": [{"local": str(PROJECT)}]}))
    (folder / "seeds").mkdir()
    rows = (",".join(texts) for texts in (SUPPRESSION, SUPPRESSION.values()))
    (folder / "seeds/suppressions.csv").write_text("\n".join(rows) + "\n")
    (folder / "models").mkdir()
    (folder / "models/soc_beacons.sql").write_text(
        "select beacon_id, {{ var('soc_floor') }} as floor, date '2020-01-01' as log_date\n"
        "from {{ ref('network_beaconing', 'network_beaconing_anomalies') }}\n"
    )
    (folder / "models/soc_numbers.sql").write_text("select {{ var('soc_floor') }} as floor\n")
    hosted = copy.copy(dbt)
    hosted.project, hosted.target = folder, folder / "target"
    places = ("--project-dir", str(folder), "--profiles-dir", str(dbt.folder))
    assert dbtRunner().invoke(["--quiet", "deps", *places]).success
    return hosted


def test_a_host_without_our_vars_runs_its_own_models(host: Dbt):
    result = host("run", *THEIRS[:1], "soc_numbers", vars={"soc_floor": 4})
    assert result.success, result.messages
    assert host.rows("select * from beaconing.soc_numbers") == [{"floor": 4}]
    assert host.tables() == {"soc_numbers"}, "nothing of ours is made, or cleared"


def test_a_host_builds_with_our_vars_under_our_name(host: Dbt):
    host.rows("create schema if not exists raw")
    place = host.folder / "of_the_host"
    theirs = f"create table raw.common_security_log using parquet location '{place}'"
    host.rows(f"{theirs} as select 1 as id")
    result = host("build")
    assert result.success, result.messages
    assert host.rows("select * from raw.common_security_log") == [{"id": 1}]
    (found,) = host.rows("select * from beaconing.soc_beacons")
    assert found["floor"] == 3
    (ours,) = host.rows("select * from beaconing.network_beaconing_anomalies")
    assert (ours["beacon_id"], ours["end_date"]) == (found["beacon_id"], DAY)
    assert ours["suppressed_by"] == ["O'Neill's monitoring (SOC, until 2099-01-01)"]
    assert "1  beaconing" in result.messages, "the end of the run says what was found"


def test_a_var_of_ours_is_checked_and_one_of_the_hosts_is_not(host: Dbt):
    config = host.project / "dbt_project.yml"
    before = config.read_text()
    project = yaml.safe_load(before)
    project["vars"]["network_beaconing"]["lookback_days"] = "many"
    project["vars"]["lookback"] = "no var of ours"
    config.write_text(yaml.safe_dump(project))
    try:
        refused = host("run", *OURS)
        assert not refused.success and refused.models == []
        assert "'lookback_days' is \"many\"; give a whole number" in refused.messages
        assert "no var 'lookback'" not in refused.messages
        theirs = host("run", *THEIRS[:1], "soc_numbers")
        assert theirs.success, theirs.messages
    finally:
        config.write_text(before)


def test_old_days_of_ours_go_and_the_hosts_stay(host: Dbt):
    before = host.rows("select * from beaconing.soc_beacons")
    assert before and str(before[0]["log_date"]) == "2020-01-01"
    result = host(
        *("run-operation", "network_beaconing.drop_old_days"),
        vars={"end_date": "2028-01-01", "lookback_days": 1},
    )
    assert result.success, result.messages
    assert "sessions: dropped" in result.messages
    assert host.rows("select * from beaconing.public_egress") == []
    assert host.rows("select * from beaconing.soc_beacons") == before
