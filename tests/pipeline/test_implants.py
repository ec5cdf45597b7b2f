"""Generated logs with every fault: each implant is found, nothing else is, no line is lost."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from samples import FAULT_OPTIONS, Skew, generate
from tests.support.dbt_in_process import Dbt, read_export
from tests.support.findings import beacons_of

END = dt.date(2026, 9, 30)

# What the percentage cannot see at the default thresholds, and why.
UNSEEN_BY_PERCENTAGE = {
    "empire_5s": "beats faster than time_delta_threshold, 15 s",
    "cobalt_strike_60s_20": "12 s of jitter: three neighbouring seconds hold about a quarter",
    "cobalt_strike_60s_37": "22 s of jitter: three neighbouring seconds hold about a seventh",
    "cobalt_strike_60s_50": "30 s of jitter: three neighbouring seconds hold about a tenth",
    "sliver_60s": "30 s of jitter: three neighbouring seconds hold about a tenth",
    "hourly": "24 events a day are not above daily_event_count_threshold, 100",
}


@pytest.fixture(scope="module")
def hunted(
    dbt: Dbt, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The truth, and the findings of one run over both vendors, as the demo's."""
    folder = tmp_path_factory.mktemp("implants")
    truth = generate(
        folder / "logs",
        end_date=END,
        days=4,
        rows_per_day=20_000,
        seed=11,
        skew=Skew.NONE,
        faults=frozenset(FAULT_OPTIONS),
        overwrite=False,
        show_progress=False,
    )
    given = {
        "raw_root": str(folder / "logs" / truth["root"]),
        "export_root": str(folder / "export"),
        "end_date": str(END),
        "lookback_days": 3,
        "device_vendor": ["Fortinet", "Palo Alto Networks"],
    }
    result = dbt("build", vars=given)
    assert result.success, result.messages[-5000:]
    return truth, beacons_of(read_export(folder / "export"))


def key(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["device_vendor"], row["source_ip"], row["destination_ip"]


def names(truth: dict[str, Any]) -> dict[tuple[str, str, str], str]:
    return {key(implant): implant["id"] for implant in truth["implants"]}


def test_every_implant_is_found_and_nothing_else(hunted):
    truth, findings = hunted
    assert {key(finding) for finding in findings} == names(truth).keys()
    assert len(findings) == len(truth["implants"]) == 11


def test_the_percentage_sees_what_its_formula_can(hunted):
    truth, findings = hunted
    seen = {names(truth)[key(f)] for f in findings if f["found_by"].startswith("percent_beacon")}
    assert seen == set(names(truth).values()) - set(UNSEEN_BY_PERCENTAGE)


def test_reasons_name_the_sleep(hunted):
    truth, findings = hunted
    sleeps = {implant["id"]: implant["sleep_seconds"] for implant in truth["implants"]}
    for finding in findings:
        name = names(truth)[key(finding)]
        # Sliver adds its jitter of up to 30 s, the others subtract or have none.
        longest = sleeps[name] + (30 if name == "sliver_60s" else 0)
        assert finding["estimated_sleep_seconds"] == pytest.approx(longest, rel=0.1, abs=1), name
        assert finding["reasons"][0].startswith("beats every ")


def test_denied_beacons_say_so(hunted):
    truth, findings = hunted
    denied = {i["id"] for i in truth["implants"] if i["denied"]}
    said = {
        names(truth)[key(finding)]
        for finding in findings
        if any("were denied" in reason for reason in finding["reasons"])
    }
    assert said == denied


def test_every_line_is_where_the_generator_expects_it(dbt: Dbt, hunted):
    truth, _ = hunted
    expected = {"row": 0, "reject": 0, "duplicate": 0}
    for kind in truth["lines_by_kind"].values():
        expected[kind["expect"]] += kind["lines"]
    (staged,) = dbt.rows(
        "select count(*) as n, count(distinct row_id) as ids from beaconing.stg_common_security_log"
    )
    (rejected,) = dbt.rows("select count(*) as n from beaconing.stg_common_security_log_rejects")
    assert rejected["n"] == expected["reject"] > 0
    assert staged["n"] == expected["row"] + expected["duplicate"]
    assert staged["ids"] == expected["row"]
    assert staged["n"] + rejected["n"] == truth["lines"]
