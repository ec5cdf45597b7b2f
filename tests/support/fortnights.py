"""Two weeks of hunts, pushes and hourly runs of the analytics rule, with faults.

Times are hours since the first midnight; a night's hunt judges the day that it names.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field

NIGHTS = 13
END = 14 * 24
FAULTLESS_FROM = (NIGHTS - 1) * 24  # the last night has no faults, so that all can be made good
GRADES = ["low", "medium", "high", "critical"]
MOST_ALERTS_OF_A_RUN = 150  # Sentinel's: the last of them sums the others up


@dataclass
class Fortnight:
    """What happened: rows of the table, alerts with their time, and when the rule ran."""

    rows: list[dict] = field(default_factory=list)
    alerts: list[dict] = field(default_factory=list)
    runs: list[float] = field(default_factory=list)
    has_second_hunts: bool = False


def a_beacon(chance: random.Random, number: int) -> dict:
    """The story of one beacon: its severity on each day, and from when it is known as bad."""
    began = chance.randrange(-3, NIGHTS)
    ended = began + chance.choice([1, 2, 5, 30])
    severity, severities = chance.choice(GRADES), {}
    for day in range(began, ended):
        if chance.random() < 0.15:
            severity = chance.choice(GRADES)
        severities[day] = severity
    suppressed = chance.randrange(NIGHTS) if chance.random() < 0.15 else None
    return {
        "id": f"beacon-{number}",
        "began": began,
        "severities": severities,
        "named_from": chance.randrange(NIGHTS) if chance.random() < 0.3 else 99,
        "suppressed": range(0)
        if suppressed is None
        else range(suppressed, suppressed + chance.choice([2, 30])),
    }


def a_row(beacon: dict, day: int, run_id: str, started: float, severity: str, named: bool) -> dict:
    """A row of the table, as the push makes it."""
    raised = GRADES[min(GRADES.index(severity) + 1, 3)] if named else severity
    return {
        "BeaconId": beacon["id"],
        "EndDate": day,
        "BeganOn": beacon["began"],
        "DeviceVendor": "Fortinet",
        "RunId": run_id,
        "RunStartedAt": started,
        "Severity": severity,
        "EffectiveSeverity": raised,
        "KnownBad": "named" if named else "not named",
        "Suppressed": day in beacon["suppressed"],
    }


def hunts(chance: random.Random, beacons: list[dict], happened: Fortnight) -> list[tuple]:
    """Make the pushes of two weeks: (time, rows)."""
    pushes = []
    for day in range(NIGHTS):
        is_faultless = day * 24 >= FAULTLESS_FROM
        if not is_faultless and chance.random() < 0.1:
            continue  # no hunt that night
        starts = [day * 24 + 1.0]
        if not is_faultless and chance.random() < 0.2:
            starts.append(day * 24 + chance.uniform(4, 20))
            happened.has_second_hunts = True
        for number, start in enumerate(starts):
            rows, late = [], []
            for beacon in beacons:
                severity = beacon["severities"].get(day)
                if severity is None or (number and chance.random() < 0.2):
                    continue  # a second hunt does not find all that the first found
                if number and chance.random() < 0.2:
                    severity = chance.choice(GRADES)
                named = day >= beacon["named_from"]
                is_looked_up = not named or chance.random() < 0.7
                facts = (beacon, day, f"run-{day}-{number}", start, severity)
                rows.append(a_row(*facts, named and is_looked_up))
                if named and not is_looked_up:
                    late.append(a_row(*facts, True))
            pushes.append((start + chance.uniform(0.5, 2), rows))
            if late:  # the lookups were done after the push, and their rows are sent again
                pushes.append((start + chance.uniform(2, 3), late))
    return sorted(pushes, key=lambda push: push[0])


def push_all(chance: random.Random, pushes: list[tuple], happened: Fortnight) -> None:
    """Send the rows; some wait in the outbox for the next push, some arrive twice."""
    outbox = []
    for time, rows in pushes:
        outbox += [(time, row) for row in rows]
        kept = []
        for queued, row in outbox:
            if time < FAULTLESS_FROM and chance.random() < 0.1:
                kept.append((queued, row))
                continue
            for _ in range(1 + (chance.random() < 0.05)):
                ingested = time + chance.uniform(0, 0.1)
                happened.rows.append(
                    row
                    | {
                        # The service replaces a time older than two days.
                        "TimeGenerated": queued if ingested - queued < 48 else ingested,
                        "IngestedAt": ingested,
                        "queryable_at": ingested + chance.uniform(0.02, 0.7),
                    }
                )
        outbox = kept
    assert not outbox, "the last push is without faults"


def times_of_the_rule(chance: random.Random, pushes: list[tuple]) -> list[float]:
    """When the rule runs: hourly, but it may be off for a week, and runs are skipped."""
    phase = chance.random()
    off = chance.choice([0, 0, 5, 30, 168])
    off_from = chance.uniform(0, FAULTLESS_FROM - off)
    times = [hour + phase for hour in range(END - 1)]
    # The run after a push is the one whose loss would matter most.
    after_pushes = {next((t for t in times if t > time), END) for time, _ in pushes}
    return [
        time
        for time in times
        if time >= FAULTLESS_FROM
        or not (
            off_from <= time < off_from + off
            or chance.random() < 0.05
            or (time in after_pushes and chance.random() < 0.2)
        )
    ]


def simulate(seed: int, rule, constants, beacons: int | None = None) -> Fortnight:
    """Play one fortnight with a rule that takes rows, alerts, time and constants."""
    chance = random.Random(seed)
    happened = Fortnight()
    stories = [a_beacon(chance, n) for n in range(beacons or chance.randint(1, 5))]
    pushes = hunts(chance, stories, happened)
    push_all(chance, pushes, happened)
    happened.rows.sort(key=lambda row: row["queryable_at"])
    happened.runs = times_of_the_rule(chance, pushes)
    seen, day, busy = (0, 0), -1, True
    for now in happened.runs:
        rows = [row for row in happened.rows if row["queryable_at"] <= now]
        visible = [alert for alert in happened.alerts if alert["visible_at"] <= now]
        # A run that sees what the last quiet one saw is quiet, too; only time can change that.
        if (len(rows), len(visible)) == seen and not busy and int(now / 24) == day:
            continue
        seen, day = (len(rows), len(visible)), int(now / 24)
        found = rule(rows, visible, now, constants)
        busy = bool(found)
        if len(found) > MOST_ALERTS_OF_A_RUN:
            found = found[: MOST_ALERTS_OF_A_RUN - 1]
        happened.alerts += [an_alert(chance, row, now) for row in found]
    return happened


def an_alert(chance: random.Random, row: dict, now: float) -> dict:
    """A row of SecurityAlert as Sentinel writes it: custom details are JSON in a text in JSON."""
    details = {
        "BeaconId": [row["BeaconId"]],
        "Grade": [str(row["WorstGrade"])],
        "KnownBad": [row["KnownBad"]],
    }
    return {
        "TimeGenerated": now,
        "visible_at": now + chance.uniform(0.02, 0.6),
        "ExtendedProperties": json.dumps({"Custom Details": json.dumps(details)}),
        "row": row,
    }
