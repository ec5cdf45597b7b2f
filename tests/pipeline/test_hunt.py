"""One small network, four runs: each host shows one thing that the hunt must get right."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.dbt_in_process import Dbt, Result, read_export
from tests.support.export_tree import at, lay_out

FORTINET, PALO_ALTO = "Fortinet", "Palo Alto Networks"
END = dt.date(2026, 3, 10)
LOOKBACK_DAYS = 2
BEFORE_WINDOW, FIRST_DAY, MISSING_DAY, NEXT_DAY = (END + dt.timedelta(n) for n in (-3, -2, -1, 1))
HOSTILE = "\"><script>alert('x')<\\script>;\n-- \\' drop table `x`; ${1} {{ 1 }} ü\u2028\U0001f600"
ONE_MEGABYTE = "x'\"\\" * 250_000


def beacon(
    source: str,
    destination: str,
    beats: int = 120,
    gap: float = 60,
    start: float = 0,
    **columns: Any,
) -> list[dict[str, Any]]:
    """Make `beats` connections `gap` seconds apart from second `start` of END on.

    `columns` replace or add; None leaves a column out.
    """
    return [
        {
            "TimeGenerated": at(END, start + n * gap),
            "DeviceVendor": FORTINET,
            "SourceIP": source,
            "SourcePort": 49152 + n,
            "DestinationIP": destination,
            "DestinationPort": 443,
            "Protocol": "tcp",
            "SentBytes": 10,
            "ReceivedBytes": 20,
            **columns,
        }
        for n in range(beats)
    ]


def on(day: dt.date, source: str, destination: str, vendor: str = FORTINET) -> dict[str, Any]:
    """Make one connection at noon."""
    (row,) = beacon(source, destination, beats=1)
    return row | {"TimeGenerated": at(day, 43_200), "DeviceVendor": vendor}


ODD = on(END, "10.0.0.1", "192.0.2.1")
# The reason that a line is kept with, and the line.
BAD_LINES: list[tuple[str, str | bytes | dict[str, Any]]] = [
    ("malformed JSON", "{not json"),
    ("malformed JSON", '{"TimeGenerated":"2026-03-10T00:00:00.0000000Z","SourceIP":"10.'),
    ("malformed JSON", "null"),
    ("malformed JSON", "42"),
    ("malformed JSON", b'{"SourceIP":"10.0.0.1\xff\xfe"}'),
    ("malformed JSON", b'{"SourceIP":"10.0.0.1\x00"}'),
    ("no time", "{}"),
    ("no time", {"SourceIP": "10.0.0.1"}),
    *(
        ("unreadable time", ODD | {"TimeGenerated": text})
        for text in ("yesterday", "2026-02-30T00:00:00.0000000Z", "2026-03-10T25:00:00Z", "0")
    ),
    *(
        ("unreadable source address", ODD | {"SourceIP": text})
        for text in ("10.0.0.256", "10.0.0", "010.0.0.1", "10.0.0.1'", "-", "10.0.0.1\n")
    ),
    *(
        ("unreadable source address", ODD | {"SourceIP": text})
        for text in ("fe80::1::2", "g::1", "1:2:3:4:5:6:7", "::12345", "fe80::1\n", "10.0.0.1.5")
    ),
    *(
        ("unreadable source address", ODD | {"SourceIP": text})
        for text in ("192.0.2.1::a", "a:192.0.2.1::b", "192.0.2.1::", "192.0.2.1::1")
    ),
    *(
        ("unreadable destination address", ODD | {"DestinationIP": text})
        for text in (
            "example.com",
            "1:2:3:4:5:6:7:8:9",
            "::ffff:192.0.2.256",
            ":",
            ":::",
            '{"a":1}',
        )
    ),
    *(
        ("unreadable source port", ODD | {"SourcePort": port})
        for port in (65536, -1, "80.5", "http")
    ),
    *(
        ("unreadable destination port", ODD | {"DestinationPort": port})
        for port in ("65536", "0x50", 10**30, HOSTILE)
    ),
]


def fortinet_lines() -> dict[str, list[Any]]:
    """Lines of END by file name."""
    rows: list[Any] = []

    # -- baseline, with 3 sources making a destination popular
    rows += beacon("10.1.0.1", "203.0.113.1")  # popular on the first day of history
    rows += beacon("10.1.0.2", "203.0.113.2")  # popular on the day before that
    rows += beacon("10.1.0.3", "203.0.113.3") + [on(END, "10.1.0.13", "203.0.113.3")]
    rows += beacon("10.1.0.4", "203.0.113.4")  # popular on END
    rows += [on(END, f"10.1.0.{n}", "203.0.113.4") for n in (14, 15)]
    rows += beacon("10.1.0.5", "203.0.113.5")  # neither source nor destination has a history
    rows += beacon("10.1.0.6", "203.0.113.6", beats=60)  # loud only in history

    # -- exactly at thresholds
    rows += beacon("10.2.0.1", "203.0.113.11", beats=100)
    rows += beacon("10.2.0.1", "203.0.113.12", beats=5)
    rows += beacon("10.2.0.2", "203.0.113.13", beats=101)
    rows += beacon("10.2.0.3", "203.0.113.14", beats=100)
    for ends, beats in (("10.2.0.4", "203.0.113.15"), 90), (("10.2.0.5", "203.0.113.16"), 91):
        # `beats` of 120 connections come after 60 s, the others too soon to be beats.
        rows += beacon(*ends, beats=beats + 1)
        rows += beacon(*ends, beats=119 - beats, gap=5, start=beats * 60 + 5)
    rows += beacon("10.2.0.6", "203.0.113.17", beats=200, gap=15)
    rows += beacon("10.2.0.7", "203.0.113.18", beats=200, gap=16)
    # 60, 61, 62, 63 s, 10, 50, 50, 10 times: the windows up to 62 and to 63 hold 110 each.
    second = 0
    for gap in [60] * 10 + [61] * 50 + [62] * 50 + [63] * 10:
        rows += beacon("10.2.0.8", "203.0.113.19", beats=1, start=second)
        second += gap
    rows += beacon("10.2.0.8", "203.0.113.19", beats=1, start=second)
    # Two connections in each beat: half of the deltas are 0.
    for port in (1, 2):
        rows += beacon("10.2.0.9", "203.0.113.20", SourcePort=port)

    # -- midnight
    rows += beacon("10.3.0.1", "203.0.113.21", gap=720) + [
        on(END, "10.3.0.1", "203.0.113.21") | {"TimeGenerated": f"{END}T23:59:59.9999999Z"}
    ]

    # -- unusual, but usable
    without = {"SentBytes": None, "ReceivedBytes": None, "SourcePort": None}
    rows += beacon("10.4.0.1", "203.0.113.31", **without)
    quoted = {"DestinationPort": "443", "SourcePort": "1", "SentBytes": "10"}
    rows += beacon("10.4.0.2", "203.0.113.32", gap=120, ReceivedBytes=" 20 ", **quoted)
    rows += beacon("10.4.0.2", "203.0.113.32", gap=120, start=60)
    without = {"DestinationPort": None, "SourcePort": None, "Protocol": None}
    rows += beacon("10.4.0.3", "203.0.113.33", **without)
    hostile = {"Protocol": HOSTILE, "Activity": HOSTILE, "DeviceAction": HOSTILE}
    rows += beacon("10.4.0.4", "203.0.113.34", **hostile)
    rows[-1] |= {"AdditionalExtensions": ONE_MEGABYTE}
    rows += beacon("fd00::5", "2001:db8::5", gap=120)
    rows += beacon(" FD00:0:0::0:0005", "2001:0DB8:0000:0:0:0:0:0005 ", gap=120, start=60)
    rows += beacon("10.4.0.6", "203.0.113.36", gap=180)
    rows += beacon("10.4.0.6", "::ffff:203.0.113.36", gap=180, start=60)
    rows += beacon("::FFFF:0A04:0006", "::ffff:cb00:7124", gap=180, start=120)
    rows += beacon("10.4.0.7", "::ffff:10.9.9.9")  # private, in disguise
    rows += beacon("10.4.0.8", "203.0.113.38", DeviceAction="deny")
    for n, protocol in enumerate(["6", 6, "TCP", "tcp/https"]):
        rows += beacon("10.4.0.9", "203.0.113.39", 30, 240, n * 60, Protocol=protocol)
    portal = dt.datetime.combine(END, dt.time(11))
    for n in range(120):
        (row,) = beacon("10.4.0.10", "203.0.113.40", beats=1)
        moment = portal + dt.timedelta(minutes=n)
        date = f"{moment.month}/{moment.day}/{moment.year}"
        text = f"{date}, {moment.hour % 12 or 12}:{moment:%M:%S %p}"
        # Every other one with the offset of another time zone.
        offset = f"{moment + dt.timedelta(hours=2):%Y-%m-%dT%H:%M:%S}+02:00"
        rows += [row | {"TimeGenerated": offset if n % 2 else text}]

    rows += beacon("10.4.0.14", "203.0.113.44", SentBytes=10**18 - 1)

    # -- no connections
    rows += beacon("10.4.0.11", "203.0.113.41", DeviceEventClassID="00020", SourcePort=1)
    rows += beacon("10.4.0.12", "203.0.113.42", Activity="utm:webfilter ftgd_blk")
    rows += beacon("198.51.100.1", "203.0.113.43")  # from outside

    # -- what export writes twice, and where
    with_ids = beacon("10.5.0.1", "203.0.113.51", beats=101)
    with_ids = [row | {"_ItemId": f"id {n}"} for n, row in enumerate(with_ids)]
    without_ids = beacon("10.5.0.2", "203.0.113.52", beats=101)
    alike = [
        [row | {"_ItemId": f"{letter} {n}"} for n, row in enumerate(rows_alike)]
        for letter in "ab"
        for rows_alike in [beacon("10.5.0.3", "203.0.113.53", beats=101, SourcePort=1)]
    ]
    spread = beacon("10.5.0.4", "203.0.113.54", beats=150)
    late = beacon("10.5.0.5", "203.0.113.55", beats=105, start=-300)  # begins on the day before

    return {
        "PT05M.json": [
            *rows,
            *with_ids,
            *without_ids,
            *without_ids,
            *alike[0],
            *spread[:50],
            *late,
            *(line for _, line in BAD_LINES),
            *("", "   ", json.dumps(on(END, "10.5.0.6", "203.0.113.56")) + "\r"),
        ],
        "PT05M_1.json": [*spread[50:100], *with_ids, *alike[1]],
        "PT5M.json": spread[100:],
        "notes.json": beacon("10.5.0.4", "203.0.113.54", start=20_000),
        "PT05M.json.tmp": beacon("10.5.0.4", "203.0.113.54", start=30_000),
    }


def write_network(root: Path) -> None:
    """Lay all lines out: two days of history, one of them missing, END, and the days around."""
    for file, lines in fortinet_lines().items():
        lay_out(root, END, lines, file)
    before = [on(BEFORE_WINDOW, f"10.1.0.{n}", "203.0.113.2") for n in range(11, 14)]
    lay_out(root, BEFORE_WINDOW, before)
    history = [on(FIRST_DAY, f"10.1.0.{n}", "203.0.113.1") for n in range(11, 14)]
    history += [on(FIRST_DAY, f"10.1.0.{n}", "203.0.113.3") for n in range(11, 13)]
    history += [
        row | {"TimeGenerated": row["TimeGenerated"].replace(str(END), str(FIRST_DAY))}
        for row in beacon("10.1.0.6", "203.0.113.6", beats=200)
    ]
    # Two hosts behind the other firewall, one of which reaches .63: half of the hosts.
    history += [on(FIRST_DAY, "10.6.0.1", "192.0.2.1", PALO_ALTO)]
    history += [on(FIRST_DAY, "10.6.0.6", "203.0.113.63", PALO_ALTO)]
    lay_out(root, FIRST_DAY, history)

    # Ten hosts there on END: 2 of them reach .61, 3 reach .62.
    palo_alto = beacon("10.6.0.1", "203.0.113.61", DeviceVendor=PALO_ALTO)
    palo_alto += beacon("10.6.0.2", "203.0.113.62", DeviceVendor=PALO_ALTO)
    palo_alto += [on(END, "10.6.0.3", "203.0.113.61", PALO_ALTO)]
    palo_alto += [on(END, f"10.6.0.{n}", "203.0.113.62", PALO_ALTO) for n in (4, 5)]
    palo_alto += [on(END, f"10.6.0.{n}", f"203.0.113.{60 + n}", PALO_ALTO) for n in range(7, 11)]
    palo_alto += beacon("10.6.0.6", "203.0.113.63", DeviceVendor=PALO_ALTO)
    lay_out(root, END, palo_alto)

    # What END's last minutes sent late lies in the folders of the next day; a beacon goes on there.
    stragglers = beacon("10.1.0.5", "203.0.113.5", beats=5, start=86_000)
    going_on = beacon("10.1.0.5", "203.0.113.5", start=86_400)
    lay_out(root, NEXT_DAY, stragglers + going_on)


RESULTS = ("--select", "+export_network_beaconing_anomalies")


@dataclass(frozen=True)
class State:
    """What there was after a run."""

    result: Result
    findings: list[dict[str, Any]]
    exported: list[dict[str, Any]]
    tables: dict[str, list[dict[str, Any]]]

    def found(self, vendor: str = FORTINET, end_date: dt.date = END) -> dict[str, dict[str, Any]]:
        """Findings by source."""
        key = {"device_vendor": vendor, "end_date": end_date}
        chosen = [row for row in self.findings if key.items() <= row.items()]
        assert len({r["source_ip"] for r in chosen}) == len(chosen), "one finding a host here"
        return {row["source_ip"]: row for row in chosen}

    def baseline(self, address: str) -> dict[str, Any]:
        """The row that says whether an address is kept."""
        (row,) = [row for row in self.tables["baseline"] if row["ip_address"] == address]
        return row


@pytest.fixture(scope="module")
def network(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("network")
    write_network(folder / "raw")
    return {
        "raw_root": str(folder / "raw"),
        "export_root": str(folder / "export"),
        "end_date": str(END),
        "lookback_days": LOOKBACK_DAYS,
        "device_vendor": FORTINET,
        "degree_of_srcip_threshold": 3,
        "beacon_score_threshold": 1,  # the percentage alone decides here
    }


def look(dbt: Dbt, result: Result, used: dict[str, Any], *tables: str) -> State:
    return State(
        result,
        dbt.rows("select * from beaconing.network_beaconing_anomalies"),
        read_export(Path(used["export_root"])),
        {table: dbt.rows(f"select * from beaconing.{table}") for table in tables},
    )


@pytest.fixture(scope="module")
def first(dbt: Dbt, network) -> State:
    """Fortinet on END, from an empty catalog, with every data test."""
    result = dbt("build", vars=network)
    staged = ("baseline", "time_delta_windows", "public_egress", "stg_common_security_log")
    return look(dbt, result, network, *staged, "stg_common_security_log_rejects")


@pytest.fixture(scope="module")
def other_vendor(dbt: Dbt, network, first) -> State:
    """Then Palo Alto Networks on the same day; a percentage says which destination is popular."""
    used = {**network, "device_vendor": PALO_ALTO, "degree_of_srcip_percent": 30}
    return look(dbt, dbt("run", *RESULTS, vars=used), used, "baseline")


@pytest.fixture(scope="module")
def next_day(dbt: Dbt, network, other_vendor) -> State:
    """Then Fortinet on the next day, everything else rebuilt."""
    used = {**network, "end_date": str(NEXT_DAY)}
    result = dbt("run", *RESULTS, "--full-refresh", vars=used)
    return look(dbt, result, used, "public_egress", "stg_common_security_log")


@pytest.fixture(scope="module")
def nothing_found(dbt: Dbt, network, next_day) -> State:
    """Then Fortinet on END again, with a threshold that nothing exceeds, judged on END alone."""
    used = {**network, "percent_beacon_threshold": 100, "baseline_source": "current"}
    return look(dbt, dbt("run", *RESULTS, vars=used), used, "baseline")


def test_every_run_succeeds_data_tests_included(first, other_vendor, next_day, nothing_found):
    for state in (first, other_vendor, next_day, nothing_found):
        assert state.result.success, state.result.messages[-5000:]


# ----------------------------------------------------------------------------------------- baseline


def test_history_begins_lookback_days_before_end_date(first):
    assert "10.1.0.1" not in first.found(), "popular on the first day of history"
    assert "10.1.0.2" in first.found(), "popular only on the day before that"
    assert first.baseline("203.0.113.1")["degree_of_srcip"] == 3
    assert first.baseline("203.0.113.2")["degree_of_srcip"] == 1


def test_popular_is_the_largest_day_not_the_union_of_days(first):
    assert "10.1.0.3" in first.found(), "4 sources, but never 3 in a day"
    assert first.baseline("203.0.113.3")["degree_of_srcip"] == 2
    assert "10.1.0.4" not in first.found(), "3 sources on END itself"


def test_a_destination_never_seen_before_stays(first):
    assert "10.1.0.5" in first.found()
    assert first.baseline("203.0.113.5")["degree_of_srcip"] == 1


def test_a_quiet_source_is_judged_on_end_date_alone(first):
    assert first.baseline("10.1.0.6")["event_count"] == 60
    assert not first.baseline("10.1.0.6")["is_kept"], "its 200 events in history do not count"


def test_the_baseline_says_how_many_days_it_had(first):
    assert {row["history_days"] for row in first.tables["baseline"]} == {1}


def test_current_learns_from_the_day_itself(nothing_found):
    assert nothing_found.baseline("203.0.113.1")["is_kept"], "was popular in history only"
    assert not nothing_found.baseline("203.0.113.4")["is_kept"]


def test_degree_as_percentage_of_active_sources(other_vendor):
    kept = {n: other_vendor.baseline(f"203.0.113.{n}") for n in (61, 62, 63)}
    assert kept[61]["is_kept"] and kept[61]["percent_of_active_sources"] == pytest.approx(20)
    assert not kept[62]["is_kept"] and kept[62]["percent_of_active_sources"] == pytest.approx(30)
    assert not kept[63]["is_kept"] and kept[63]["percent_of_active_sources"] == pytest.approx(50)
    assert other_vendor.found(PALO_ALTO).keys() == {"10.6.0.1"}


# ----------------------------------------------------------------------------- thresholds and edges


def test_event_counts_must_exceed_the_threshold(first):
    assert first.baseline("10.2.0.1")["is_kept"]
    assert "10.2.0.1" not in first.found(), "100 events of the connection are not above 100"
    assert first.found()["10.2.0.2"]["total_event_count"] == 101
    assert not first.baseline("10.2.0.3")["is_kept"], "100 events of the source are not above 100"
    assert first.baseline("10.2.0.2")["is_kept"]


def test_percent_must_exceed_the_threshold(first):
    (at_it,) = [r for r in first.tables["time_delta_windows"] if r["source_ip"] == "10.2.0.4"]
    assert at_it["percent_beacon"] == 75 and "10.2.0.4" not in first.found()
    assert first.found()["10.2.0.5"]["percent_beacon"] == pytest.approx(91 / 120 * 100)


def test_deltas_must_exceed_the_threshold(first):
    assert "10.2.0.6" not in first.found()
    assert first.found()["10.2.0.7"]["percent_beacon"] == pytest.approx(199 / 200 * 100)
    assert min(row["time_delta"] for row in first.tables["time_delta_windows"]) == 16


def test_of_equal_percentages_the_smallest_delta_speaks(first):
    row = first.found()["10.2.0.8"]
    assert (row["time_delta"], row["time_delta_list"]) == (62, [10, 50, 50])
    assert row["percent_beacon"] == pytest.approx(110 / 121 * 100)


def test_connections_in_one_instant_are_one_beat(first):
    (row,) = [r for r in first.tables["time_delta_windows"] if r["source_ip"] == "10.2.0.9"]
    assert (row["time_delta"], row["time_delta_count"], row["total_event_count"]) == (60, 119, 240)
    assert "10.2.0.9" not in first.found()


def test_a_day_goes_from_midnight_to_midnight(first):
    row = first.found()["10.3.0.1"]
    assert row["event_count"] == 121
    assert row["first_seen"] == dt.datetime.combine(END, dt.time())
    assert row["last_seen"] == dt.datetime.combine(END, dt.time.max)
    assert row["hourly_event_counts"] == [5] * 23 + [6]


def test_nobody_else_beacons(first):
    """Every finding is one that a test above or below expects."""
    expected = {f"10.1.0.{n}" for n in (2, 3, 5)} | {f"10.2.0.{n}" for n in (2, 5, 7, 8)}
    expected |= {f"10.4.0.{n}" for n in (1, 2, 3, 4, 6, 8, 9, 10, 14)}
    expected |= {f"10.5.0.{n}" for n in (1, 2, 3, 4, 5)}
    assert first.found().keys() == expected | {"10.3.0.1", "fd00::5"}


# ---------------------------------------------------------------------------------------- bad input


def test_bad_lines_are_rejected_with_the_reason(first):
    rejects = first.tables["stg_common_security_log_rejects"]
    reasons = Counter(row["reject_reason"] for row in rejects)
    assert reasons == Counter(reason for reason, _ in BAD_LINES)
    assert {row["log_date"] for row in rejects} == {END}
    kept = "\n".join(row["line"] for row in rejects)
    for _, line in BAD_LINES:
        if isinstance(line, dict) and line.get("TimeGenerated") == "yesterday":
            assert "yesterday" in kept
        elif isinstance(line, str):
            assert line in kept


def test_every_line_is_staged_or_rejected(first, network):
    written = sum(
        bool(line.strip())
        for day in (FIRST_DAY, END)
        for file in Path(network["raw_root"], f"y=2026/m=03/d={day:%d}").rglob("*.json")
        if file.suffix == ".json"
        for line in file.read_bytes().split(b"\n")
    )
    staged = len(first.tables["stg_common_security_log"])
    assert staged + len(BAD_LINES) == written


def test_rows_without_bytes_or_ports_are_used(first):
    row = first.found()["10.4.0.1"]
    assert (row["total_sent_bytes"], row["total_received_bytes"]) == (None, None)
    row = first.found()["10.4.0.3"]
    assert (row["destination_port"], row["protocol"], row["event_count"]) == (None, None, 120)


def test_bytes_beyond_what_a_number_holds_have_no_sum(first):
    """ANSI mode stops at an overflow, and without it the sum turns negative."""
    row = first.found()["10.4.0.14"]
    assert (row["total_sent_bytes"], row["event_count"]) == (None, 120)
    assert row["total_received_bytes"] > 0


def test_quoted_numbers_are_numbers(first):
    row = first.found()["10.4.0.2"]
    assert (row["event_count"], row["destination_port"]) == (240, 443)
    assert (row["total_sent_bytes"], row["total_received_bytes"]) == (2400, 4800)


def test_hostile_text_survives(first):
    row = first.found()["10.4.0.4"]
    assert (row["event_count"], row["protocol"]) == (120, HOSTILE.lower())
    (exported,) = [r for r in first.exported if r["source_ip"] == "10.4.0.4"]
    assert exported["protocol"] == HOSTILE.lower()


def test_spellings_of_an_address_are_one_connection(first):
    for source, destination, events in (
        ("fd00::5", "2001:db8::5", 240),
        ("10.4.0.6", "203.0.113.36", 360),
    ):
        row = first.found()[source]
        assert (row["destination_ip"], row["event_count"]) == (destination, events)
        assert row["time_delta"] == 60


def test_spellings_of_a_protocol_are_one_connection(first):
    row = first.found()["10.4.0.9"]
    assert (row["protocol"], row["event_count"], row["time_delta"]) == ("tcp", 120, 60)


def test_times_of_the_portal_and_of_other_zones(first):
    row = first.found()["10.4.0.10"]
    assert (row["event_count"], row["time_delta_list"]) == (120, [119])
    assert row["first_seen"] == dt.datetime.combine(END, dt.time(11)), "am, then noon, then pm"


def test_denied_beacons_are_found_and_said_so(first):
    row = first.found()["10.4.0.8"]
    assert row["denied_event_count"] == 120
    assert any("denied" in reason for reason in row["reasons"])


def test_only_connections_from_inside_to_outside_are_egress(first):
    egress = first.tables["public_egress"]
    sources = {row["source_ip"] for row in egress}
    assert not {"10.4.0.7", "10.4.0.12", "198.51.100.1"} & sources
    (session,) = [row for row in egress if row["source_ip"] == "10.4.0.11"]
    assert session["row_count"] == 120, "updates of one session"
    assert "10.5.0.6" in sources, "a line may end as Windows ends it"


def test_what_was_exported_twice_counts_once(first):
    egress = first.tables["public_egress"]
    for source in ("10.5.0.1", "10.5.0.2"):
        assert first.found()[source]["event_count"] == 101, "by _ItemId, and by the whole row"
        assert {r["copies"] for r in egress if r["source_ip"] == source} == {1}
    assert first.found()["10.5.0.3"]["event_count"] == 101, "by ports and time, whatever the ids"


def test_files_are_read_by_their_ending_and_others_are_named(first):
    assert first.found()["10.5.0.4"]["event_count"] == 150 + 120
    said = [line for line in first.result.messages.splitlines() if "are not read" in line]
    assert len(said) == 1 and said[0].count("PT05M.json.tmp") == 1


def test_a_row_belongs_to_the_day_of_its_folder(first, next_day):
    assert first.found()["10.5.0.5"]["event_count"] == 105, "began before midnight"
    assert first.found()["10.1.0.5"]["event_count"] == 120, "the next day's folder is not read"
    staged = next_day.tables["stg_common_security_log"]
    of_end = Counter(r["log_date"] for r in staged if r["time_generated"].date() == END)
    assert of_end[NEXT_DAY] == 5
    assert of_end[END] > 5000, "and overwrites nothing of END"


# --------------------------------------------------------------------------- one run beside another


def test_another_vendors_run_leaves_the_findings_alone(first, other_vendor):
    assert other_vendor.found(FORTINET) == first.found(FORTINET)
    assert other_vendor.found(PALO_ALTO).keys() == {"10.6.0.1"}
    assert first.found(PALO_ALTO) == {}


def test_earlier_findings_stay_and_survive_a_full_refresh(first, other_vendor, next_day):
    assert next_day.found(FORTINET) == first.found(FORTINET)
    assert next_day.found(PALO_ALTO) == other_vendor.found(PALO_ALTO)
    assert next_day.found(FORTINET, NEXT_DAY).keys() == {"10.1.0.5"}
    assert next_day.found(FORTINET, NEXT_DAY)["10.1.0.5"]["event_count"] == 125


def test_a_rerun_without_findings_replaces_its_own_only(other_vendor, next_day, nothing_found):
    assert nothing_found.found(FORTINET) == {}
    assert nothing_found.found(PALO_ALTO) == other_vendor.found(PALO_ALTO)
    assert nothing_found.found(FORTINET, NEXT_DAY) == next_day.found(FORTINET, NEXT_DAY)


def test_the_export_holds_this_run_only(first, other_vendor, next_day, nothing_found):
    def exported(state: State) -> set[tuple[str, str, str]]:
        return {(r["end_date"], r["device_vendor"], r["source_ip"]) for r in state.exported}

    assert exported(first) == {(str(END), FORTINET, source) for source in first.found()}
    assert exported(other_vendor) == {(str(END), PALO_ALTO, "10.6.0.1")}
    assert exported(next_day) == {(str(NEXT_DAY), FORTINET, "10.1.0.5")}
    assert nothing_found.exported == [], "an empty result is a file without rows"


def test_a_row_of_the_export_names_every_column(first):
    assert {frozenset(row) for row in first.exported} == {frozenset(first.findings[0])}


def test_missing_days_of_history_are_named(first):
    said = first.result.messages.splitlines()
    warnings = [line for line in said if "history have no files" in line]
    assert len(warnings) == 1 and str(MISSING_DAY) in warnings[0]
    assert str(FIRST_DAY) not in warnings[0]


def test_the_end_of_a_run_says_what_happened(first, network):
    said = first.result.messages
    egress = Counter(row["device_vendor"] for row in first.tables["public_egress"])
    figures = Counter(f"rejected: {reason}" for reason, _ in BAD_LINES)
    figures["log lines read"] = len(first.tables["stg_common_security_log"]) + len(BAD_LINES)
    figures["connections from inside to public addresses"] = egress[FORTINET]
    figures["beaconing"] = len(first.exported)
    for figure, amount in figures.items():
        line = rf"^ +{amount:,}  {re.escape(figure)}$"
        assert re.search(line, said, re.MULTILINE), (figure, amount)
    assert f"{network['export_root']}/network_beaconing_anomalies" in said


# --------------------------------------------------------------------------------------------- docs


def test_every_column_that_exists_is_described(dbt, first):
    """A step without a contract describes what it adds; the rest is described where it was made."""
    nodes = json.loads((dbt.target / "manifest.json").read_text())["nodes"]

    def is_described(id: str, column: str) -> bool:
        if id not in nodes:
            return False
        node = nodes[id]
        if node["columns"].get(column, {}).get("description"):
            return True
        is_step = node["resource_type"] == "model" and not node["contract"]["enforced"]
        return is_step and any(is_described(up, column) for up in node["depends_on"]["nodes"])

    undescribed = [
        f"{node['name']}.{column}"
        for id, node in nodes.items()
        if node["resource_type"] in ("model", "seed")
        for column in dbt.spark.table(f"beaconing.{node['alias']}").columns
        if not is_described(id, column)
    ]
    assert not undescribed, "\n".join(undescribed)
