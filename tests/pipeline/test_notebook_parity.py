"""With vars/notebook.yml, percent_beacon equals the notebook's, row by row and column by column."""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.dbt_in_process import PROJECT, Dbt
from tests.support.export_tree import at, lay_out
from tests.support.notebook_reference import PRIVATE, percent_beacon

DAY = dt.date(2026, 9, 30)
VENDOR, OTHER_VENDOR = "Fortinet", "Palo Alto Networks"
CASES = 300
BOTH_AT_0 = {"daily_event_count_threshold": 0, "percent_beacon_threshold": 0}
KEY = ["source_ip", "destination_ip", "destination_port", "protocol", "time_delta"]


# ------------------------------------------------------------------------------- made by hypothesis

MICROSECONDS = st.sampled_from([0, 1, 500_000, 999_999]) | st.integers(0, 999_999)
# Gaps at and around the thresholds 15 and 2, and ordinary ones.
GAPS = st.sampled_from([0, 1, 2, 3, 14, 15, 16, 17, 60, 61, 62, 300]) | st.integers(0, 1500)
ENDPOINTS = st.tuples(st.integers(0, 5), st.sampled_from([443, 80, 53, 0, 65535]))
PROTOCOLS = st.sampled_from(["tcp", "udp", "icmp"])
NULLABLE = ["SourcePort", "DestinationPort", "Protocol", "ReceivedBytes", "SentBytes"]


@st.composite
def cases(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw what one host does: few endpoints and gaps, so that deltas repeat and tie."""
    endpoints = draw(st.lists(ENDPOINTS, min_size=1, max_size=3))
    gaps = draw(st.lists(GAPS, min_size=1, max_size=4))
    nulls = draw(st.sampled_from([[], [], NULLABLE]))
    steps = st.tuples(st.sampled_from(endpoints), PROTOCOLS, st.sampled_from(gaps), MICROSECONDS)
    # By default, hypothesis makes mostly short lists, in which nothing repeats.
    length = draw(st.sampled_from([40, 40, 20, 5, 1]))
    second, before, rows = draw(st.integers(0, 3600)), None, []
    for (destination, port), protocol, gap, micro in draw(
        st.lists(steps, min_size=length, max_size=length)
    ):
        second += gap
        time = at(DAY, second + micro / 1e6)
        if before is not None and time <= before:
            continue  # (source, time) must be unique
        before = time
        row = {
            "TimeGenerated": time,
            "DestinationIP": destination,
            "SourcePort": draw(st.integers(0, 65535)),
            "DestinationPort": port,
            "Protocol": protocol,
            "ReceivedBytes": draw(st.sampled_from([0, 1, 2**31, 10**12])),
            "SentBytes": draw(st.integers(0, 5000)),
        }
        if nulls and draw(st.booleans()):
            row[draw(st.sampled_from(nulls))] = None
        rows.append(row)
    return rows


def hypothesis_rows() -> list[dict[str, Any]]:
    """Draw CASES hosts, the same in every run; one Spark run per case would take hours."""
    hosts: list[list[dict[str, Any]]] = []

    @settings(
        max_examples=CASES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases())
    def collect(host: list[dict[str, Any]]) -> None:
        hosts.append(host)

    collect()
    rows = []
    for number, host in enumerate(hosts):
        source = f"10.200.{number // 250}.{number % 250 + 1}"
        # Three of its own, one that 24 hosts share (rare), one that 25 share (popular), a private.
        destinations = [
            f"198.18.{number // 250}.{number % 250 + 1}",
            f"198.19.{number // 250}.{number % 250 + 1}",
            f"2001:db8:0:{number + 1:x}::1",
            f"192.0.2.{number // 24 + 1}",
            f"203.0.113.{number // 25 + 1}",
            ["10.9.9.9", "172.16.0.1", "172.31.255.254", "192.168.1.1", "127.0.0.1"][number % 5],
        ]
        for row in host:
            rows.append(
                {
                    **row,
                    "SourceIP": source,
                    "DestinationIP": destinations[row["DestinationIP"]],
                    "DeviceVendor": OTHER_VENDOR if number % 10 == 9 else VENDOR,
                }
            )
        # One row to each shared destination, so that they have 24 and 25 sources for certain.
        for n, destination in enumerate(destinations[3:5]):
            rows.append(
                {
                    "TimeGenerated": at(DAY, 86_000 + n * 100),
                    "SourceIP": source,
                    "SourcePort": 1,
                    "DestinationIP": destination,
                    "DestinationPort": 443,
                    "Protocol": "tcp",
                    "ReceivedBytes": 1,
                    "SentBytes": 1,
                    "DeviceVendor": VENDOR,
                }
            )
    return rows


# ---------------------------------------------------------------------------- made by the generator

ALIKE = re.compile(r"^10\.|^192\.0\.2\.|^198\.51\.100\.|^203\.0\.113\.|^198\.1[89]\.|^2001:db8:")
PROTOCOL_NAMES = {"1": "icmp", "6": "tcp", "17": "udp"}


def generated_rows(folder: Path) -> list[dict[str, Any]]:
    """Generate logs and keep what staging passes unchanged: the conditions of parity."""
    subprocess.run(
        [
            *(sys.executable, "-m", "samples", folder, "--days", "1"),
            *("--rows-per-day", "20000", "--end-date", str(DAY)),
        ],
        check=True,
        capture_output=True,
    )
    rows, seen = [], set()
    for file in sorted(folder.rglob("PT*.json")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            is_connection = row.get("Activity", "").startswith("traffic:forward") or (
                row.get("DeviceVendor") == OTHER_VENDOR
            )
            # To the notebook, outside sources are egress too, and multicast is not known.
            if not (is_connection and row.get("DeviceEventClassID") != "00020"):
                continue
            if not (PRIVATE.search(row["SourceIP"]) and ALIKE.search(row["DestinationIP"])):
                continue
            if (moment := (row["SourceIP"], row["TimeGenerated"][:26])) in seen:
                continue
            seen.add(moment)
            name = str(row.get("Protocol", "")).lower()
            row["Protocol"] = PROTOCOL_NAMES.get(name, name) or None
            rows.append(row)
    return rows


# ---------------------------------------------------------------------------------------- the tests


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return generated_rows(tmp_path_factory.mktemp("generated")) + hypothesis_rows()


@pytest.fixture(scope="module")
def notebook_vars(rows, tmp_path_factory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("parity")
    lay_out(root / "raw", DAY, rows)
    return {
        **yaml.safe_load((PROJECT / "vars/notebook.yml").read_text()),
        "raw_root": str(root / "raw"),
        "export_root": str(root / "export"),
        "end_date": str(DAY),
        "lookback_days": 0,
        "device_vendor": VENDOR,
        **BOTH_AT_0,
    }


def compare(ours: list[dict[str, Any]], reference: list[dict[str, Any]]) -> None:
    """Fail on the first host whose rows differ, showing both sides."""

    def by_key(table: list[dict[str, Any]]) -> dict[tuple, dict[str, Any]]:
        keyed = {tuple(row[column] for column in KEY): row for row in table}
        assert len(keyed) == len(table), "one row a connection and delta"
        return keyed

    ours_by_key, reference_by_key = by_key(ours), by_key(reference)
    differing = [
        key
        for key in ours_by_key.keys() | reference_by_key.keys()
        if ours_by_key.get(key) != reference_by_key.get(key)
    ]
    shown = sorted(differing, key=str)[:5]
    assert not differing, f"{len(differing)} of {len(reference)} rows differ:\n" + "\n".join(
        f"{key}\n  ours      {ours_by_key.get(key)}\n  reference {reference_by_key.get(key)}"
        for key in shown
    )


def thresholds(used: dict[str, Any]) -> dict[str, Any]:
    return {
        "device_vendor": VENDOR,
        "daily_event_count_threshold": used["daily_event_count_threshold"],
        "degree_of_srcip_threshold": used.get("degree_of_srcip_threshold", 25),
        "time_delta_threshold": used.get("time_delta_threshold", 15),
        "percent_beacon_threshold": used["percent_beacon_threshold"],
    }


def test_the_reference_on_a_case_worked_by_hand():
    def row(second: int, port: int | None, protocol: str, sent: int) -> dict[str, Any]:
        return {
            **{"TimeGenerated": at(DAY, second), "DeviceVendor": VENDOR, "SentBytes": sent},
            **{"SourceIP": "10.0.0.1", "SourcePort": port, "ReceivedBytes": 1},
            **{"DestinationIP": "192.0.2.1", "DestinationPort": 443, "Protocol": protocol},
        }

    rows = [
        row(0, 1, "tcp", 1),  # no predecessor
        row(60, 1, "tcp", 2),  # 60
        row(120, 1, "udp", 4),  # 60, other protocol
        row(180, 1, "tcp", 8),  # 60
        row(190, None, "tcp", 16),  # dropped, but a predecessor
        row(220, 1, "tcp", 32),  # 30
        row(235, 1, "tcp", 64),  # 15 is not above 15
        row(305, 1, "tcp", 128),  # 70
    ]
    found = percent_beacon(
        rows,
        device_vendor=VENDOR,
        daily_event_count_threshold=0,
        degree_of_srcip_threshold=25,
        time_delta_threshold=15,
        percent_beacon_threshold=0,
    )
    # Windowed sums 1, 3, 4, 4: each event counts up to three times.
    assert [
        (r["time_delta"], r["protocol"], r["time_delta_list"], r["total_sent_bytes"]) for r in found
    ] == [
        (30, "tcp", [1], 32),
        (60, "tcp", [1, 2], 10),
        (60, "udp", [1, 2, 1], 4),
        (70, "tcp", [2, 1, 1], 128),
    ]
    assert {r["total_event_count"] for r in found} == {12}
    assert found[1]["percent_beacon"] == 3 / 12 * 100


def test_the_cases_are_worth_comparing(rows):
    """Without repeats, nulls, ties and both sides of each threshold, parity would say little."""
    reference = percent_beacon(rows, **thresholds(BOTH_AT_0))
    drawn = [row for row in reference if row["source_ip"].startswith("10.200.")]
    assert len(drawn) > 500 and len(reference) - len(drawn) > 500
    assert sum(row["time_delta_count"] > 1 for row in drawn) > 100
    assert sum(len(row["time_delta_list"]) == 3 for row in drawn) > 100
    assert any(row["time_delta"] == 16 for row in drawn)
    protocols = defaultdict(set)
    for row in drawn:
        protocols[(*(row[c] for c in KEY[:3]), row["time_delta"])].add(row["protocol"])
    assert sum(len(tied) > 1 for tied in protocols.values()) > 20, "ties of deltas over protocols"
    nulls = Counter(column for row in rows for column in NULLABLE if row.get(column) is None)
    assert all(nulls[column] > 20 for column in NULLABLE), nulls
    destinations = {row["destination_ip"] for row in drawn}
    assert "192.0.2.1" in destinations, "24 sources are kept"
    assert "203.0.113.1" not in destinations, "25 sources are not"


def test_percent_beacon_is_the_notebooks(dbt: Dbt, rows, notebook_vars):
    assert dbt("seed", vars=notebook_vars).success
    result = dbt("run", "--select", "+percent_beacon", vars=notebook_vars)
    assert result.success, result.messages[-5000:]
    ours = dbt.rows("select * from beaconing.percent_beacon")
    compare(ours, percent_beacon(rows, **thresholds(notebook_vars)))

    # Shorter deltas, and destinations that few sources reach.
    changed = {**notebook_vars, "time_delta_threshold": 2, "degree_of_srcip_threshold": 3}
    result = dbt("run", "--select", "baseline+,+percent_beacon", vars=changed)
    assert result.success, result.messages[-5000:]
    ours = dbt.rows("select * from beaconing.percent_beacon")
    compare(ours, percent_beacon(rows, **thresholds(changed)))


def test_an_implant_is_among_the_rows(rows):
    """The generator's implants reach the comparison, not just its noise."""
    assert any(row["DestinationIP"].startswith("203.0.113.") for row in rows if "_ItemId" in row)
