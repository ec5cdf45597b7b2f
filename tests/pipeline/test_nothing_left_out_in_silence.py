"""What a run did not look at, it names: files, vendors, rows without address, a relay's times."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from scripts.judge import judge
from tests.support.dbt_in_process import ENGINE, Dbt, Result
from tests.support.export_tree import at, lay_out

DAY = dt.date(2026, 3, 10)
NEXT_DAY = DAY + dt.timedelta(1)
NOON = 43_200
MAKERS = ("Fortinet", "Palo Alto Networks", "Zscaler")
OTHER_MAKERS = ("Check Point", "Sophos", "Cisco", "SonicWall", "Juniper", "Barracuda Networks")
Row = dict[str, Any]


def row(vendor: str, source: str, second: float, **columns: Any) -> Row:
    """One connection; a column of None is left out."""
    return {
        "TimeGenerated": at(DAY, second),
        "DeviceVendor": vendor,
        "SourceIP": source,
        "SourcePort": 40_000 + int(second) % 20_000,
        "DestinationIP": "203.0.113.1",
        "DestinationPort": 443,
        "Protocol": "tcp",
        "SentBytes": 640,
        "ReceivedBytes": 410,
        **columns,
    }


def beacon(vendor: str, source: str, beats: int = 120, **columns: Any) -> list[Row]:
    """Beats of 60 s with some jitter, so that no second of the minute is theirs."""
    dice = random.Random(source)
    return [
        row(vendor, source, NOON + n * 60 + dice.uniform(-9, 9), **columns) for n in range(beats)
    ]


def browsing(vendor: str, rows: int = 300, **columns: Any) -> list[Row]:
    """People who reach each destination once."""
    dice = random.Random(vendor)
    return [
        row(
            vendor,
            f"10.200.0.{dice.randrange(1, 13)}",
            dice.uniform(0, 86_000),
            **{"DestinationIP": f"198.51.{n // 250 + 1}.{n % 250 + 1}", **columns},
        )
        for n in range(rows)
    ]


def relayed(rows: list[Row]) -> list[Row]:
    """The same rows with the time of a relay that sends once a minute."""
    return [r | {"TimeGenerated": r["TimeGenerated"][:17] + "07.0000000Z"} for r in rows]


def write_files(root: Path) -> None:
    """A beacon in each kind of file that people have."""
    folder = root / f"y={DAY:%Y}/m={DAY:%m}/d={DAY:%d}/h=12/m=00"
    folder.mkdir(parents=True)

    def lines(host: int) -> str:
        return "".join(json.dumps(r) + "\n" for r in beacon("Fortinet", f"10.13.0.{host}"))

    def array(host: int, **how: Any) -> str:
        return json.dumps(beacon("Fortinet", f"10.13.0.{host}"), **how)

    (folder / "pt05m_4.json").write_text(lines(1))
    (folder / "PT1H.JSON").write_text(lines(2))
    (folder / "CommonSecurityLog_20260310.ndjson").write_text(lines(3))
    (folder / "PT05M.json.gz").write_bytes(gzip.compress(lines(4).encode()))
    # Half of a surrogate pair, as an attacker writes it, costs no row of its array.
    half = '"tcp", "RequestURL": "\\ud800"'
    (folder / "PT5M.json").write_text(array(5).replace('"tcp"', half, 1))
    (folder / "PT5M_1.json").write_text("\ufeff" + array(6, separators=(",", ":")) + "\r\n")
    (folder / "PT5M_2.json").write_text(array(7, indent=2))
    (folder / "history.parquet").write_text("PAR1")
    (folder / "\u202ehistory.csv").write_text("a,b\n")


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("left_out")
    write_files(folder / "raw")
    rows: list[Row] = []
    # Vendors that are judged: one without any row, but another spelling has some.
    rows += beacon("CheckPoint", "10.22.0.1")
    rows += browsing("Sophos", SourceIP="192.0.2.7")
    rows += browsing("Cisco", DestinationIP=None, DestinationPort=None)
    rows += relayed(browsing("SonicWall") + beacon("SonicWall", "10.9.0.1"))
    rows += browsing("Barracuda", 100)
    # An explicit proxy on a port that no list has.
    rows += browsing("WatchGuard", DestinationIP="10.1.1.1", DestinationPort=3_129)
    rows += browsing("Juniper", 100)
    rows += [r | {"TimeGenerated": at(DAY, NOON + n)} for n, r in enumerate(browsing("Juniper"))]
    # By its own clock the same backlog is a beacon.
    for number, (maker, clock) in enumerate(
        {
            "Fortinet": "AdditionalExtensions",
            "Palo Alto Networks": "ReceiptTime",
            "Zscaler": "EndTime",
        }.items()
    ):
        rows += browsing(maker)
        for n, beat in enumerate(
            beacon(maker, f"10.9.1.{number}", StartTime="1970-01-01T00:00:00Z")
        ):
            moment = dt.datetime.fromisoformat(beat["TimeGenerated"][:26] + "+00:00")
            text = {
                "AdditionalExtensions": f"FTNTFGTeventtime={int(moment.timestamp() * 1000)}000000",
                "ReceiptTime": f"{moment:%b %d %Y %H:%M:%S}",
                "EndTime": f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}",
            }[clock]
            rows.append(beat | {clock: text, "TimeGenerated": at(DAY, 80_000 + n / 10)})
        # Through a proxy, and without any address of the far end.
        name = f"c2-{number}.example.org"
        url = {"RequestURL": f"http://user@{name.upper()}:8080/a?b=c"}
        rows += beacon(
            maker, f"10.5.0.{number}", DestinationIP="10.1.1.1", DestinationPort=8080, **url
        )
        rows += beacon(maker, f"10.5.1.{number}", DestinationIP=None, DestinationHostName=name)
        # A server of the own network is none.
        rows += beacon(
            maker, f"10.5.2.{number}", DestinationIP="10.1.1.2", RequestURL=url["RequestURL"]
        )
        # Where rows name many domains for one address of the own network, it is a proxy.
        proxy = {"DestinationIP": "10.1.1.3"}
        rows += [
            row(maker, f"10.200.1.{n}", NOON + n, RequestURL=f"www.site-{n}.example/", **proxy)
            for n in range(30)
        ]
        rows += beacon(maker, f"10.5.3.{number}", RequestURL=url["RequestURL"], **proxy)
        # A URL holds the address; none that is written in one hides where a row went.
        asked = {"RequestURL": "http://203.0.113.2:8080/a"}
        rows += beacon(maker, f"10.5.4.{number}", DestinationIP=None, **asked)
        rows += beacon(maker, f"10.5.5.{number}", DestinationHostName="203.0.113.2", **proxy)
        rows += beacon(maker, f"10.5.6.{number}", RequestURL="http://10.4.4.4/a")
        rows += beacon(maker, f"10.5.7.{number}", RequestURL="http://10.4.4.4/a", **proxy)
        rows += beacon(maker, f"10.5.8.{number}", RequestURL="http://[2001:db8::74]:80/", **proxy)
        # Rows of a proxy may name the proxy; a placeholder is no address, and a date no time.
        named = {"DestinationHostName": "proxy.corp.example"}
        rows += beacon(maker, f"10.5.9.{number}", **url, **named, **proxy)
        no_address = {"DestinationIP": "0.0.0.0", "DestinationHostName": name}
        rows += beacon(maker, f"10.5.10.{number}", ReceiptTime="2026-03-10T00:00:00Z", **no_address)
    lay_out(folder / "raw", DAY, rows, file="PT05M_9.json")
    return {
        "raw_root": str(folder / "raw"),
        "export_root": str(folder / "export"),
        "end_date": str(DAY),
        "lookback_days": 1,
        "device_vendor": [*MAKERS, *OTHER_MAKERS],
    }


@pytest.fixture(scope="module")
def first(dbt: Dbt, used) -> Result:
    result = dbt("build", "--exclude-resource-type", "unit_test", vars=used)
    assert result.success, result.messages[-5000:]
    return result


@pytest.fixture(scope="module")
def found(dbt: Dbt, first) -> dict[str, Row]:
    rows = dbt.rows("select * from beaconing.network_beaconing_anomalies")
    return {r["source_ip"]: r for r in rows}


@pytest.mark.parametrize("host", range(1, 7))
def test_a_file_is_read_by_its_ending_and_an_array_is_its_rows(found, host: int):
    assert found[f"10.13.0.{host}"]["event_count"] == 120


def test_an_array_over_many_lines_is_rejected_line_by_line(dbt: Dbt, found):
    assert "10.13.0.7" not in found
    rejected = dbt.rows(
        "select fate_detail, sum(line_count) as n from beaconing.row_fates "
        "where fate = 'rejected' group by fate_detail"
    )
    assert {r["fate_detail"] for r in rejected} == {"malformed JSON", "an array, not one object"}


def test_files_that_are_not_read_are_named(first):
    (said,) = [line for line in first.messages.splitlines() if "are not read" in line]
    assert "2 file(s)" in said and "history.parquet" in said and "?history.csv" in said
    assert "\u202e" not in first.messages


def test_the_devices_own_time_is_used_where_it_is_there(found):
    for number in range(len(MAKERS)):
        assert 58 < found[f"10.9.1.{number}"]["period_seconds"] < 62


def test_a_name_is_a_destination(found):
    for number in range(len(MAKERS)):
        name = f"c2-{number}.example.org"
        for subnet in (0, 1, 3, 9, 10):
            source = f"10.5.{subnet}.{number}"
            assert found[source]["destination_ip"] == found[source]["destination_name"] == name
            assert f"the logs name the destination {name}" in found[source]["reasons"]
        assert f"10.5.2.{number}" not in found


def test_an_address_in_a_url_is_a_destination(found):
    for number in range(len(MAKERS)):
        assert found[f"10.5.4.{number}"]["destination_ip"] == "203.0.113.2"
        assert found[f"10.5.5.{number}"]["destination_ip"] == "203.0.113.2"
        assert found[f"10.5.6.{number}"]["destination_ip"] == "203.0.113.1"
        assert f"10.5.7.{number}" not in found
        assert found[f"10.5.8.{number}"]["destination_ip"] == "2001:db8::74"


def test_no_beacon_is_made_of_the_times_of_a_relay(found, first):
    assert not any(source.startswith("10.200.") or source == "10.9.0.1" for source in found)
    assert "420 lines of SonicWall have the time of a collector" in first.messages


@pytest.mark.parametrize(
    "words",
    [
        "no line of 2026-03-10 is of Check Point, which is to be judged. The logs have ",
        "CheckPoint (120 lines)",
        "Did you mean device_vendor: CheckPoint?",
        "Did you mean device_vendor: Barracuda?",
        "0 of 300 lines of WatchGuard are connections from inside to outside; the others: 300 int",
        "300 of 300 lines of Sophos go from a public address to a public address",
        "name their networks in the seed internal_networks",
        "300 of 300 lines of Cisco have no source address, or neither address nor name",
        "log lines of 2026-03-10 could not be used, and were left out: ",
        "lines of Juniper on 2026-03-10 are of the same ten minutes. Beats in them cannot be seen",
    ],
)
def test_what_looks_wrong_is_said(first, words: str):
    assert words in first.messages


def test_each_line_has_one_fate(dbt: Dbt, first):
    (lines,) = dbt.rows("select count(*) as n from beaconing.stg_common_security_log_lines")
    (fates,) = dbt.rows("select sum(line_count) as n from beaconing.row_fates")
    assert lines["n"] == fates["n"]


def test_an_empty_run_changes_no_findings(dbt: Dbt, used, found):
    """Tables that every run makes are empty then: the next test makes them again."""
    tables = ("network_beaconing_anomalies", "judged_days")
    before = [dbt.rows(f"select count(*) as n from beaconing.{table}") for table in tables]
    export = {file: file.read_bytes() for file in Path(used["export_root"]).rglob("*.json")}
    result = dbt("run", "--empty", vars=used)
    assert result.success, result.messages
    after = [dbt.rows(f"select count(*) as n from beaconing.{table}") for table in tables]
    assert before == after and before[0][0]["n"] > 0
    now = {file: file.read_bytes() for file in Path(used["export_root"]).rglob("*.json")}
    assert export == now and export


def test_a_judged_day_that_has_changed_since_is_named(dbt: Dbt, used, found):
    assert "10.14.0.1" not in found
    root = Path(used["raw_root"])
    lay_out(root, DAY, beacon("Fortinet", "10.14.0.1"), file="PT05M_late.json")
    lay_out(root, NEXT_DAY, [row("Fortinet", "10.200.0.1", 86_400)])
    if ENGINE == "spark":
        dbt.spark.catalog.clearCache()
    run = ("run", "--select", "+export_network_beaconing_anomalies", "+judged_days", "+run_summary")
    next_day = dbt(*run, vars=used | {"end_date": str(NEXT_DAY)})
    assert next_day.success, next_day.messages[-3000:]
    assert "no line of 2026-03-11 is of Zscaler" in next_day.messages, "history dilutes nothing"
    changed = "the logs of 2026-03-10 have changed since that day was judged"
    assert changed in next_day.messages and "end_date: 2026-03-10" in next_day.messages
    told: list[str] = []

    def run_dbt(command: list[str], given: dict[str, Any]) -> tuple[int, str]:
        command = [*run, *command[1:]] if command == ["run"] else command
        result = dbt(*command, vars=given)
        told.append(f"{' '.join(command[:2])} {given['end_date']}: {result.messages}")
        return int(not result.success), result.messages

    never = used | {"end_date": str(NEXT_DAY), "rejudge_days": 0}
    asked = dbt("run-operation", "print_changed_days", vars=never)
    assert asked.success and "changed since it was judged" not in asked.messages
    assert "10.14.0.1" not in sources_of(dbt, DAY)
    assert judge(run_dbt, used | {"end_date": str(NEXT_DAY)}) == 0
    # The day itself comes last, and has nothing more to warn of.
    assert [text[: text.index(":")] for text in told[-2:]] == [
        f"run --select {DAY}",
        f"run --select {NEXT_DAY}",
    ]
    assert changed not in told[-1]
    assert "10.14.0.1" in sources_of(dbt, DAY)


def sources_of(dbt: Dbt, day: dt.date) -> set[str]:
    """The hosts with findings of a day."""
    rows = dbt.rows(
        f"select source_ip from beaconing.network_beaconing_anomalies where end_date = '{day}'"
    )
    return {r["source_ip"] for r in rows}
