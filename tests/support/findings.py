"""Exports that meet the contract of the findings."""

import json
from collections.abc import Iterable
from pathlib import Path

from enrich.contract import contract, run_columns
from enrich.export import FOLDER, RUNS_FOLDER

SAMPLES = {
    "string": "text",
    "boolean": False,
    "int": 7,
    "bigint": 2**40,
    "double": 0.5,
    "date": "2026-09-30",
    "timestamp": "2026-09-30T12:00:04.974Z",
    "array<string>": ["text"],
    "array<bigint>": [60] * 24,
    "array<struct<time_delta: bigint, events: bigint>>": [
        {"time_delta": 59, "events": 20},
        {"time_delta": 60, "events": 1400},
    ],
    "array<struct<ip: string, port: int>>": [{"ip": "203.0.113.7", "port": 443}],
    "array<struct<term: string, log_odds: double>>": [
        {"term": "start", "log_odds": -4.0},
        {"term": "timing", "log_odds": 7.9},
        {"term": "sizes", "log_odds": 1.0},
    ],
}


def a_finding(number: int = 1, **changes: object) -> dict:
    """One row that meets the contract; each `number` is another beacon."""
    row = {name: SAMPLES[data_type] for name, data_type in contract().items()}
    row |= {
        "beacon_id": f"{number:032x}",
        "status": "new",
        "severity": "high",
        "suppressed_by": [],
        "reasons": ["beats every 60.5 s − 2 % for 24 h", "one internal source reaches it"],
        "shared_destination_campaign_id": None,
        "rotating_destination_campaign_id": None,
        "known_service": None,
        "several": None,
        "members": None,
        "source_ip": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        "destination_ip": "203.0.113.7",
        "destination_port": 443,
        "protocol": "tcp",
        "event_count": 1440,
        "denied_event_count": 0,
        "first_seen": "2026-09-30T00:00:04.974Z",
        "last_seen": "2026-09-30T23:59:04.974Z",
        "percent_beacon": 99.25,
        "time_delta": 60,
        "beacon_score": 0.954,
        "rarity_score": 1.0,
        "period_seconds": 60.0,
        "estimated_sleep_seconds": 60.5,
        "estimated_jitter_percent": 2.0,
        "score_window_days": 1,
        "run_id": "run-1",
        "device_vendor": "Fortinet",
    }
    assert not changes.keys() - row.keys(), "no such column in the contract"
    return row | changes


def a_run(**changes: object) -> dict:
    """The row of a run that meets the contract; by default it found nothing."""
    row = {name: SAMPLES.get(data_type) for name, data_type in run_columns().items()}
    row |= {
        "run_id": "run-1",
        "run_started_at": "2026-10-01T01:00:00.000Z",
        "device_vendors": ["Fortinet"],
        "line_count": 1000,
        "rejected_line_count": 1,
        "fates": [
            {"device_vendor": "Fortinet", "fate": "egress", "line_count": 900},
            {"device_vendor": "Fortinet", "fate": "internal", "line_count": 99},
        ],
        "finding_count": 0,
        "suppressed_count": 0,
        "idle_suppressions": [],
        "duration_seconds": 300,
    }
    assert not changes.keys() - row.keys(), "no such column in the contract"
    return row | changes


def beacons_of(findings: list[dict]) -> list[dict]:
    """The findings of generated logs without the one session that is told of all day, in updates.

    It must be there, once, and of low severity.
    """
    (long,) = [f for f in findings if f["found_by"] == "long session"]
    assert long["severity"] == "low" and long["longest_session_seconds"] > 8 * 3600
    return [f for f in findings if f is not long]


def to(*addresses: str) -> list[dict]:
    """A finding for each of these destinations."""
    return [a_finding(n, destination_ip=address) for n, address in enumerate(addresses, start=1)]


def made_findings(count: int, run_id: str = "run-1", **changes: object) -> list[dict]:
    """Findings of one run; `changes` may have columns that the contract does not have."""
    histogram = [{"time_delta": n, "events": 611} for n in range(30, 50)]
    return [
        a_finding(n, run_id=run_id, beacon_id=f"beacon-{run_id}-{n}", interval_histogram=histogram)
        | changes
        for n in range(count)
    ]


def write_export(
    root: Path, *findings: dict, file: str = "part-00000.json", run: dict | None = None
) -> Path:
    """Write findings, and the row of their run if there is one, and return the export root."""
    write_folder(root / FOLDER, findings, file)
    if run:
        write_folder(root / RUNS_FOLDER, [run], "part-00000.json")
    return root


def write_folder(folder: Path, rows: Iterable[dict], file: str) -> None:
    """Write rows as an export does."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / file).write_text(lines, encoding="utf-8")
    (folder / "_SUCCESS").touch()
