"""The query of analytics_rule.yaml and the function NetworkBeaconing, in Python.

Nothing here runs in Azure. The tests run it through simulated fortnights, and compare it with the
KQL beside it, whose names and order it keeps: change both together. Times are hours, days numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from operator import itemgetter
from typing import Any, NamedTuple

Row = dict[str, Any]
HIGHEST_GRADE = 4


class Constants(NamedTuple):
    """The constants at the head of the query; times in hours."""

    least_severity: str
    rows_for: float
    alerts_for: float
    most_alerts: int
    grades: list[str]


def network_beaconing(rows: Iterable[Row]) -> list[Row]:
    """Return one row for each beacon and day, as the function NetworkBeaconing does."""
    rows = list(rows)
    last_runs: dict[tuple[int, str], Row] = {}
    for row in rows:
        day = row["EndDate"], row["DeviceVendor"]
        if day not in last_runs or row["RunStartedAt"] > last_runs[day]["RunStartedAt"]:
            last_runs[day] = row
    newest: dict[tuple[str, int], Row] = {}
    for row in rows:
        if row["RunId"] == last_runs[row["EndDate"], row["DeviceVendor"]]["RunId"]:
            key = row["BeaconId"], row["EndDate"]
            if key not in newest or row["IngestedAt"] > newest[key]["IngestedAt"]:
                newest[key] = row
    return list(newest.values())


def alerted(security_alerts: Iterable[Row], now: float, constants: Constants) -> dict[str, Row]:
    """Return the highest grade, and how many alerts said known bad, of each alerted beacon."""
    memory: dict[str, Row] = {}
    for alert in security_alerts:
        properties = alert["ExtendedProperties"]
        if alert["TimeGenerated"] <= now - constants.alerts_for or "BeaconId" not in properties:
            continue
        details = json.loads(json.loads(properties)["Custom Details"])
        (beacon_id, *_) = details["BeaconId"]
        known = memory.setdefault(beacon_id, {"AlertedGrade": 0, "AlertsOfKnownBad": 0})
        (grade, *_) = details.get("Grade", [HIGHEST_GRADE])
        known["AlertedGrade"] = max(known["AlertedGrade"], int(grade))
        known["AlertsOfKnownBad"] += details.get("KnownBad", [""])[0] == "named"
    return memory


def alerts(
    rows: Iterable[Row], security_alerts: Iterable[Row], now: float, constants: Constants
) -> list[Row]:
    """Return the rows that one run of the rule makes alerts of.

    Parameters
    ----------
    rows
        Rows of the table that can be queried at `now`.
    security_alerts
        Rows of SecurityAlert that can be queried at `now`.
    now
        Time of the run, in hours.
    constants
        Those of the query.
    """
    memory = alerted(security_alerts, now, constants)
    grades = constants.grades
    findings = [
        row
        | {
            "Grade": grades.index(row["EffectiveSeverity"] or row["Severity"]),
            "IsKnownBad": row["KnownBad"] == "named",
        }
        for row in network_beaconing(rows)
        if row["TimeGenerated"] > now - constants.rows_for
    ]
    last_days: dict[str, Row] = {}
    chosen: dict[str, Row] = {}
    worst_grades: dict[str, int] = {}
    for row in findings:
        beacon_id = row["BeaconId"]
        if beacon_id not in last_days or row["EndDate"] > last_days[beacon_id]["EndDate"]:
            last_days[beacon_id] = row
        if not row["Suppressed"]:
            row["Order"] = row["IsKnownBad"] * 1_000_000 + row["Grade"] * 100_000 + row["EndDate"]
            if beacon_id not in chosen or row["Order"] > chosen[beacon_id]["Order"]:
                chosen[beacon_id] = row
            worst_grades[beacon_id] = max(worst_grades.get(beacon_id, 0), row["Grade"])
    found = []
    for beacon_id, row in chosen.items():
        worst = worst_grades[beacon_id]
        if worst < grades.index(constants.least_severity) or last_days[beacon_id]["Suppressed"]:
            continue
        known = memory.get(beacon_id)
        is_newly_known_bad = row["IsKnownBad"] and not (known and known["AlertsOfKnownBad"])
        if known is None or worst > known["AlertedGrade"] or is_newly_known_bad:
            found.append(row | {"WorstGrade": worst, "WhyNow": why_now(row, worst, known, grades)})
    found.sort(key=itemgetter("BeaconId"))
    found.sort(key=itemgetter("WorstGrade", "Order"), reverse=True)
    return found[: constants.most_alerts]


def why_now(row: Row, worst: int, known: Row | None, grades: list[str]) -> str:
    """Say why a beacon alerts now; a day is written as its number."""
    if row["IsKnownBad"] and not (known and known["AlertsOfKnownBad"]):
        return "Known bad address"
    if known:
        return f"Severity rose from {grades[known['AlertedGrade']]} to {grades[worst]}"
    if row["BeganOn"] < row["EndDate"]:
        return f"Beacon since {row['BeganOn']}, no alert in two weeks"
    return "New beacon"
