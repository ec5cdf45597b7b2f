"""The analytics rule over simulated fortnights: every beacon that should alert does, once."""

import collections
import datetime as dt
import importlib.util
import json
import re
from pathlib import Path

import pytest
import yaml

from tests.support.fortnights import GRADES, simulate
from tests.support.kql import Query

SENTINEL = Path(__file__).parents[2] / "deploy/sentinel"
RULE = yaml.safe_load((SENTINEL / "analytics_rule.yaml").read_text(encoding="utf-8"))
COLUMNS = json.loads((SENTINEL / "columns.json").read_text(encoding="utf-8"))
FORTNIGHTS = 1000
FORTNIGHTS_OF_THE_QUERY = 60  # its text is read a hundred times slower than its model runs

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


# --- The query itself ---------------------------------------------------------------------------

FIRST_DAY = dt.datetime(2026, 9, 1, tzinfo=dt.timezone.utc)
KQL = Query(RULE["query"])
FUNCTION = Query((SENTINEL / "network_beaconing.kql").read_text(encoding="utf-8"))
DETAILS = {
    "SourceIP": "10.0.0.1",
    "SourceHostName": "pc-17.corp.example",
    "SourceUserName": "CORP\\alice",
    "DestinationIP": "203.0.113.7",
    "DestinationName": "",
    "DestinationPort": 443,
    "Protocol": "tcp",
    "Reasons": ["beats every 60 s", "one source"],
    "EstimatedSleepSeconds": 60.4,
    "PeriodSeconds": 58.0,
    "TimeDelta": 60,
    "FeedMatches": None,
    "TIMatches": None,
    "RaisedBy": None,
    "SharedDestinationCampaignId": "",
    "RotatingDestinationCampaignId": "",
}  # fmt: skip


def at_hour(hours):
    return FIRST_DAY + dt.timedelta(hours=hours)


def as_kusto(row):
    """A row of the simulation, with the types and all the columns of the table."""
    times = {name: at_hour(row[name]) for name in ("TimeGenerated", "IngestedAt", "RunStartedAt")}
    days = {name: at_hour(24 * row[name]) for name in ("EndDate", "BeganOn")}
    nothing = dict.fromkeys(column["name"] for column in COLUMNS)
    return nothing | DETAILS | row | times | days


def run_kql(rows, security_alerts, now):
    tables = {
        "network_beaconing_anomalies_CL": [as_kusto(row) for row in rows],
        "SecurityAlert": [
            alert | {"TimeGenerated": at_hour(alert["TimeGenerated"])} for alert in security_alerts
        ],
        "NetworkBeaconing": FUNCTION,
    }
    return KQL.run(tables, at_hour(now))


def test_the_query_and_its_model_make_the_same_alerts():
    """Kusto does not run here; a small reader of KQL runs the text that is deployed."""
    alerts = 0

    def both(rows, security_alerts, now, these):
        nonlocal alerts
        expected = model.alerts(rows, security_alerts, now, these)
        found = run_kql(rows, security_alerts, now)
        shown = ("BeaconId", "RunId", "WorstGrade", "KnownBad")
        assert [[row[name] for name in shown] for row in found] == [
            [row[name] for name in shown] for row in expected
        ]
        for row, other in zip(found, expected):
            day = f"{at_hour(24 * other['BeganOn']):%Y-%m-%d}"
            assert row["WhyNow"] == other["WhyNow"].replace(
                f"since {other['BeganOn']},", f"since {day},"
            )
        alerts += len(found)
        return expected

    for seed in range(FORTNIGHTS_OF_THE_QUERY):
        assert faults_of(simulate(seed, both, constants())) == {}
    assert alerts > FORTNIGHTS_OF_THE_QUERY


ONE_ROW = {
    "BeaconId": "b",
    "EndDate": 1,
    "BeganOn": 1,
    "DeviceVendor": "Fortinet",
    "RunId": "r",
    "RunStartedAt": 25.0,
    "TimeGenerated": 26.0,
    "IngestedAt": 26.0,
    "Severity": "high",
    "EffectiveSeverity": "high",
    "KnownBad": "not checked",
    "Suppressed": False,
}


def one_alert(**columns):
    """The alert that one row makes, new and alone."""
    (alert,) = run_kql([ONE_ROW | columns], [], 27)
    return alert


@pytest.mark.parametrize(("first", "second", "alerts"), [(False, True, 0), (True, False, 1)])
def test_whether_a_beacon_is_suppressed_is_what_its_last_day_says(first, second, alerts):
    next_day = {"EndDate": 2, "RunId": "s", "RunStartedAt": 49.0}
    rows = [ONE_ROW | {"Suppressed": first}, ONE_ROW | next_day | {"Suppressed": second}]
    assert len(run_kql(rows, [], 51)) == len(model.alerts(rows, [], 51, constants())) == alerts


def test_an_alert_says_why_now_and_who():
    alert = one_alert()
    assert alert["Title"] == (
        "New beacon: 10.0.0.1 (pc-17.corp.example) to 203.0.113.7 port 443 tcp every 60 s"
    )
    assert alert["Why"] == "New beacon. beats every 60 s; one source"
    assert (alert["HostName"], alert["DnsDomain"]) == ("pc-17", "corp.example")
    assert (alert["AccountName"], alert["NTDomain"], alert["UPNSuffix"]) == ("alice", "CORP", "")
    alert = one_alert(SourceUserName="bob@corp.example", SourceHostName="")
    assert (alert["AccountName"], alert["UPNSuffix"]) == ("bob", "corp.example")
    assert alert["HostName"] == "" and "10.0.0.1 to" in alert["Title"]
    alert = one_alert(KnownBad="named", FeedMatches=["feed.csv: C2"], EffectiveSeverity="critical")
    assert alert["Title"].startswith("Known bad address: ")
    assert alert["Why"].endswith(". Named by: feed.csv: C2") and alert["AlertSeverity"] == "High"
    alert = one_alert(BeganOn=0, EstimatedSleepSeconds=None, PeriodSeconds=None, TimeDelta=None)
    assert alert["WhyNow"] == "Beacon since 2026-09-01, no alert in two weeks"
    assert alert["Title"].endswith("tcp"), "no interval, none said"
    assert one_alert(EffectiveSeverity="")["WorstGrade"] == 3, "a row of an older version"


def test_an_alert_says_what_raised_its_severity():
    why = ["the destination is known as bad", "the source is critical: payroll, HR"]
    alert = one_alert(Severity="medium", EffectiveSeverity="critical", RaisedBy=why)
    raised = f"critical, raised from medium: {'; '.join(why)}"
    assert alert["Title"].endswith(f" every 60 s, {raised}")
    assert alert["Why"] == f"New beacon. Severity {raised}. beats every 60 s; one source"
    for nothing in (None, []):
        assert "raised" not in str(one_alert(RaisedBy=nothing)), "no list, or an empty one"


@pytest.mark.parametrize(
    ("port", "techniques"),
    [(443, ["T1071"]), (53, ["T1071"]), (None, ["T1071"]), (4444, ["T1071", "T1571"])],
)
def test_only_an_unusual_port_is_a_technique(port, techniques):
    assert one_alert(DestinationPort=port)["Techniques"] == techniques


def test_hosts_of_one_destination_are_one_incident_and_a_rotating_host_is_one():
    key = one_alert()["IncidentKey"]
    assert key == one_alert(SourceIP="10.0.0.2", SharedDestinationCampaignId="s")["IncidentKey"]
    both = {"SharedDestinationCampaignId": "s", "RotatingDestinationCampaignId": "r"}
    assert one_alert(**both)["IncidentKey"] == key == "203.0.113.7"
    assert one_alert(RotatingDestinationCampaignId="r")["IncidentKey"] == "r"
    unnamed = one_alert(DestinationIP="", DestinationName="c2.example")
    assert unnamed["IncidentKey"] == "c2.example" and "to c2.example port 443" in unnamed["Title"]


def test_a_hostile_name_is_cut_and_nothing_else_happens():
    alert = one_alert(SourceHostName="x" * 9_000, Reasons=["{{Title}}" * 2_000])
    assert len(alert["Title"]) == 250 and len(alert["Why"]) == 4_500
