"""The analytics rule over simulated fortnights: every beacon that should alert does, once."""

import collections
import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from tests.support.fortnights import GRADES, simulate

SENTINEL = Path(__file__).parents[2] / "deploy/sentinel"
RULE = yaml.safe_load((SENTINEL / "analytics_rule.yaml").read_text(encoding="utf-8"))
FORTNIGHTS = 1000

spec = importlib.util.spec_from_file_location("alert_model", SENTINEL / "alert_model.py")
model = importlib.util.module_from_spec(spec)
spec.loader.exec_module(model)


def constants(**changes):
    """The constants that the query names at its head."""
    let = dict(re.findall(r"^let (\w+) = (.+?);", RULE["query"], re.MULTILINE))
    hours = {name: 24 * int(let[name].removesuffix("d")) for name in ("rows_for", "alerts_for")}
    read = model.Constants(
        least_severity=let["least_severity"].strip('"'),
        most_alerts=int(let["most_alerts"]),
        grades=re.findall(r'"(\w*)"', let["grades"]),
        **hours,
    )
    return read._replace(**changes)


def faults_of(happened, least="low"):
    """What went wrong in a fortnight: beacons that nobody was alerted of, and needless alerts."""
    wrong = collections.Counter()
    alerts = collections.defaultdict(list)
    for alert in happened.alerts:
        alerts[alert["row"]["BeaconId"]].append(alert)
    rows = collections.defaultdict(list)
    for row in model.network_beaconing(happened.rows):
        rows[row["BeaconId"]].append(row)
    for beacon_id, mine in rows.items():
        if max(mine, key=lambda row: row["EndDate"])["Suppressed"]:
            continue
        shown = [row for row in mine if not row["Suppressed"]]
        grade = max(GRADES.index(row["EffectiveSeverity"]) for row in shown) + 1
        if grade <= GRADES.index(least):
            continue
        told = [alert["row"] for alert in alerts[beacon_id]]
        if not told:
            wrong["never alerted"] += 1
        elif max(row["WorstGrade"] for row in told) < grade:
            wrong["not alerted of the severity"] += 1
        elif any(row["KnownBad"] == "named" for row in shown) and not any(
            row["KnownBad"] == "named" for row in told
        ):
            wrong["not alerted of the feed"] += 1
    for mine in alerts.values():
        grade, named = 0, False
        for row in (alert["row"] for alert in mine):
            is_news = row["WorstGrade"] > grade or (row["KnownBad"] == "named" and not named)
            wrong["alerted without a reason"] += not is_news
            grade, named = max(grade, row["WorstGrade"]), named or row["KnownBad"] == "named"
            wrong["suppressed, and alerted"] += row["Suppressed"]
    return +wrong


def late_alerts_of(happened):
    """Count beacons whose first alert was not made by the first run that could see them."""
    late = 0
    if happened.has_second_hunts:
        return late  # a second hunt may take a row back
    first_alert = {}
    for alert in happened.alerts:
        first_alert.setdefault(alert["row"]["BeaconId"], alert["TimeGenerated"])
    first_row = {}
    for row in happened.rows:
        if not row["Suppressed"]:
            first_row.setdefault(row["BeaconId"], row["queryable_at"])
    suppressed = {row["BeaconId"] for row in happened.rows if row["Suppressed"]}
    for beacon_id, time in first_row.items():
        if beacon_id not in suppressed:
            expected = next(run for run in happened.runs if run >= time)
            late += first_alert.get(beacon_id) != expected
    return late


def test_a_thousand_fortnights_every_beacon_alerts_once():
    wrong, alerts, beacons = collections.Counter(), 0, set()
    for seed in range(FORTNIGHTS):
        happened = simulate(seed, model.alerts, constants())
        for what, count in faults_of(happened).items():
            wrong[f"{what}, such as in fortnight {seed}"] += count
        wrong["late"] += late_alerts_of(happened)
        alerts += len(happened.alerts)
        beacons |= {(seed, row["BeaconId"]) for row in happened.rows}
    assert +wrong == {}
    assert alerts > len(beacons) > FORTNIGHTS, "something was simulated"


def test_a_least_severity_keeps_the_others_quiet():
    for seed in range(100):
        happened = simulate(seed, model.alerts, constants(least_severity="high"))
        assert faults_of(happened, "high") == {}
        assert all(alert["row"]["WorstGrade"] >= 3 for alert in happened.alerts)


def test_more_beacons_than_a_run_makes_alerts_of_come_with_the_next_runs():
    happened = simulate(1, model.alerts, constants(), beacons=600)
    assert faults_of(happened) == {}
    by_run = collections.Counter(alert["TimeGenerated"] for alert in happened.alerts)
    assert max(by_run.values()) == constants().most_alerts


def first_version(rows, security_alerts, now, constants):
    """The rule as it was: an older row counts as an alert, and a run sees one hour."""
    reported = {row["BeaconId"] for row in rows if row["IngestedAt"] <= now - 1}
    return [
        row | {"WorstGrade": GRADES.index(row["EffectiveSeverity"]) + 1}
        for row in model.network_beaconing(rows)
        if row["IngestedAt"] > now - 1 and not row["Suppressed"] and row["BeaconId"] not in reported
    ]


@pytest.mark.parametrize(
    ("rule", "changes", "beacons", "fault"),
    [
        (first_version, {}, None, "never alerted"),
        (model.alerts, {"alerts_for": 24}, None, "alerted without a reason"),
        (model.alerts, {"rows_for": 2}, None, "never alerted"),
        (model.alerts, {"most_alerts": 1000, "rows_for": 3}, 600, "never alerted"),
    ],
)
def test_the_simulation_finds_what_it_looks_for(rule, changes, beacons, fault):
    """A simulation that lets a worse rule pass would prove nothing."""
    found = collections.Counter()
    for seed in range(1 if beacons else 60):
        found += faults_of(simulate(seed, rule, constants(**changes), beacons))
    assert found[fault] > 0
