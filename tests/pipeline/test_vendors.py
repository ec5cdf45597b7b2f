"""Several vendors in one run: each is judged by its own rows alone, as in a run of its own."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from pyspark.sql.functions import lit

from tests.support.dbt_in_process import OF_THE_RUN, Dbt, Result, plain, read_export
from tests.support.export_tree import at, lay_out

FORTINET, PALO_ALTO = "Fortinet", "Palo Alto Networks"
ABSENT = "Check Point"  # judged, and without any row
OTHER = "Zscaler"  # not judged
END = dt.date(2026, 3, 10)
HOUR = 3600

# Tables that are judged per vendor.
JUDGED = (
    *("score_window", "baseline", "time_deltas", "time_delta_windows", "percent_beacon"),
    *("destination_rarity", "beacon_scores"),
    *("campaigns", "campaign_members"),
    *("network_beaconing_anomalies", "beacon_lifecycle", "run_summary"),
)


def beacon(
    vendor: str,
    source: int,
    destination: int,
    *,
    gap: float = 60,
    beats: int = 120,
    start: float = 0,
    bytes_sent: int = 100,
    days_back: int = 0,
) -> list[dict[str, Any]]:
    """Make connections of host 10.0.0.SOURCE to 203.0.113.DESTINATION, `gap` seconds apart."""
    return [
        {
            "TimeGenerated": at(END - dt.timedelta(days_back), start + n * gap),
            "DeviceVendor": vendor,
            "SourceIP": f"10.0.0.{source}",
            "SourcePort": 50_000,
            "DestinationIP": f"203.0.113.{destination}",
            "DestinationPort": 443,
            "Protocol": "tcp",
            "SentBytes": bytes_sent,
            "ReceivedBytes": 1,
        }
        for n in range(beats)
    ]


def rows_of_both() -> list[dict[str, Any]]:
    """The same addresses behind both vendors' firewalls: mixing the vendors changes each case."""
    rows = []
    # The same connection, with another period and size; known for longer behind one of them.
    rows += beacon(FORTINET, 1, 1, start=7)
    rows += beacon(PALO_ALTO, 1, 1, gap=90, bytes_sent=900)
    rows += beacon(FORTINET, 1, 1, beats=1, days_back=2)
    # Too quiet behind each, busy enough in all.
    for vendor in (FORTINET, PALO_ALTO):
        rows += beacon(vendor, 2, 2, beats=70, start=HOUR if vendor == FORTINET else 5 * HOUR)
    # Popular means 3 sources: in total but behind neither vendor; and behind one vendor.
    for source in (31, 32):
        rows += beacon(FORTINET, source, 3) + beacon(PALO_ALTO, source + 10, 3)
    for source in (4, 51, 52):
        rows += beacon(FORTINET, source, 4)
    rows += beacon(PALO_ALTO, 4, 4)
    # One has logs all day, the other none for three hours and none after 20:30, so that RITA's
    # window begins at 20:00 of the day before, for Fortinet's at 23:00.
    rows += beacon(FORTINET, 5, 5, gap=300, beats=288)
    rows += beacon(PALO_ALTO, 5, 5, gap=300, beats=120)
    rows += beacon(PALO_ALTO, 5, 5, gap=300, beats=91, start=13 * HOUR)
    rows += beacon(FORTINET, 6, 6, gap=300, beats=118)
    rows += beacon(FORTINET, 6, 6, gap=300, beats=60, start=13.5 * HOUR)
    for vendor in (FORTINET, PALO_ALTO):
        rows += beacon(vendor, 5, 5, gap=600, beats=23, start=20.1 * HOUR, days_back=1)
    # Two sources to one destination, and one source to two, behind one of them only.
    for source in (7, 8):
        rows += beacon(FORTINET, source, 7)
    rows += beacon(PALO_ALTO, 7, 7)
    for destination in (91, 92):
        rows += beacon(FORTINET, 9, destination)
    rows += beacon(PALO_ALTO, 9, 91)
    return rows


def look(dbt: Dbt) -> dict[str, list[dict[str, Any]]]:
    return {
        table: [
            {name: plain(value) for name, value in row.items() if name not in OF_THE_RUN}
            for row in dbt.rows(f"select * from beaconing.{table}")
        ]
        for table in JUDGED
    }


@pytest.fixture(scope="module")
def hunted(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each vendor's run leaves, in turn, and then what one run of all of them leaves."""
    folder = tmp_path_factory.mktemp("vendors")
    by_day: dict[str, list[dict[str, Any]]] = {}
    for row in rows_of_both():
        by_day.setdefault(row["TimeGenerated"][:10], []).append(row)
    for day, rows in by_day.items():
        lay_out(folder / "raw", dt.date.fromisoformat(day), rows)
    used = {
        "raw_root": str(folder / "raw"),
        "export_root": str(folder / "export"),
        "end_date": str(END),
        "lookback_days": 3,
        "degree_of_srcip_threshold": 3,
        # With these two, only the vendor separates what is added up.
        "delta_scope": "source",
        "percent_denominator": "windowed",
    }
    tables: dict[str, dict[str, list[dict[str, Any]]]] = {}

    def hunt(vendors: str | list[str], *command: str) -> Result:
        result = dbt(*command, vars={**used, "device_vendor": vendors})
        assert result.success, result.messages[-5000:]
        return result

    judged = ("baseline+", "score_window+", "destination_rarity+", "group_members+")
    judgement = ("--select", *judged)
    for vendor in (FORTINET, PALO_ALTO):
        if vendor == FORTINET:
            hunt(vendor, "build", "--exclude-resource-type", "unit_test", "test")
        else:
            hunt(vendor, "run", *judgement)
        tables[vendor] = look(dbt)
    # Stale findings of this day: of a vendor that is judged now, and of one that is not.
    results = dbt.spark.table("beaconing.network_beaconing_anomalies")
    one = results.where(results.device_vendor == FORTINET).limit(1).cache()
    for vendor in (ABSENT, OTHER):
        one.withColumn("device_vendor", lit(vendor)).write.insertInto(
            "beaconing.network_beaconing_anomalies"
        )
    of_all = ("build", *judgement, "--exclude-resource-type", "unit_test")
    together = hunt([FORTINET, PALO_ALTO, ABSENT], *of_all)
    return {
        "alone": tables,
        "together": look(dbt),
        "said": together.messages,
        "exported": read_export(folder / "export"),
    }


def of(vendor: str | None, rows: list[dict[str, Any]]) -> list[str]:
    chosen = [row for row in rows if row["device_vendor"] == vendor]
    return sorted(json.dumps(row, default=str) for row in chosen)


@pytest.mark.parametrize("table", JUDGED)
@pytest.mark.parametrize("vendor", [FORTINET, PALO_ALTO])
def test_a_run_of_all_says_what_a_run_of_each_says(hunted, table: str, vendor: str):
    together, alone = hunted["together"][table], hunted["alone"][vendor][table]
    assert of(vendor, together) == of(vendor, alone)
    assert of(None, together) == of(None, alone), "figures of the run_summary that are of all"
    assert of(vendor, together)


def test_the_cases_differ_between_the_vendors(hunted):
    """Otherwise the test above could not fail."""
    tables = hunted["together"]
    windows = {row["device_vendor"]: row for row in tables["score_window"]}
    assert windows.keys() == {FORTINET, PALO_ALTO, ABSENT}
    assert len(windows[PALO_ALTO]["log_gaps"]) == 1 and not windows[FORTINET]["log_gaps"]
    assert windows[PALO_ALTO]["rita_start"] < windows[FORTINET]["rita_start"]

    kept = {(b["device_vendor"], b["role"], b["ip_address"]): b for b in tables["baseline"]}
    for vendor in (FORTINET, PALO_ALTO):
        assert not kept[vendor, "source", "10.0.0.2"]["is_kept"]
        assert kept[vendor, "destination", "203.0.113.3"]["is_kept"]
    assert not kept[FORTINET, "destination", "203.0.113.4"]["is_kept"]
    assert kept[PALO_ALTO, "destination", "203.0.113.4"]["is_kept"]
    days = {(b["device_vendor"], b["history_days"]) for b in tables["baseline"]}
    assert days == {(FORTINET, 2), (PALO_ALTO, 1)}

    found = {
        (f["device_vendor"], f["source_ip"], f["destination_ip"]): f
        for f in tables["network_beaconing_anomalies"]
    }
    for source, destination in (("10.0.0.7", "203.0.113.7"), ("10.0.0.9", "203.0.113.91")):
        ours, theirs = (found[vendor, source, destination] for vendor in (FORTINET, PALO_ALTO))
        campaigns = "shared_destination_campaign_id", "rotating_destination_campaign_id"
        assert any(ours[name] for name in campaigns)
        assert not any(theirs[name] for name in campaigns)


def test_stale_findings_of_every_judged_vendor_go_and_others_stay(hunted):
    vendors = {row["device_vendor"] for row in hunted["together"]["network_beaconing_anomalies"]}
    assert vendors == {FORTINET, PALO_ALTO, OTHER}


def test_one_export_holds_all_that_were_judged(hunted):
    exported = {(row["device_vendor"], row["beacon_id"]) for row in hunted["exported"]}
    found = hunted["together"]["network_beaconing_anomalies"]
    expected = {(row["device_vendor"], row["beacon_id"]) for row in found}
    assert exported == {key for key in expected if key[0] != OTHER}
    assert len(hunted["exported"]) == len(exported)
    assert len({row["run_id"] for row in hunted["exported"]}) == 1


def test_the_end_of_a_run_says_what_each_vendor_had(hunted):
    said = hunted["said"].splitlines()
    places = [said.index(vendor) for vendor in (ABSENT, FORTINET, PALO_ALTO)]
    assert places == sorted(places)
    absent = said[places[0] + 1 : places[1]]
    assert absent[1].strip() == "0  connections from inside to public addresses"
    assert [line.split()[0] for line in absent] == ["0"] * 10
