"""Findings made from the contract alone, so that they have whatever columns it has."""

from __future__ import annotations

from enrich.findings import contract

EXAMPLES = {
    "string": "text",
    "boolean": False,
    "int": 443,
    "bigint": 1_400,
    "double": 0.987,
    "date": "2026-09-30",
    "timestamp": "2026-09-30T12:00:04.974Z",
    "array<string>": ["beats every 30.1 s for 6.0 h", "sizes repeat"],
    "array<bigint>": [0, 120] * 12,
    "array<struct<time_delta: bigint, events: bigint>>": [{"time_delta": 30, "events": 611}] * 20,
}


def made_findings(count: int, run_id: str = "run-1", **changes) -> list[dict]:
    example = {name: EXAMPLES[data_type] for name, data_type in contract().items()}
    return [
        {
            **example,
            "beacon_id": f"beacon-{run_id}-{number}",
            "run_id": run_id,
            "source_ip": f"10.0.{number // 250}.{number % 250}",
            "destination_ip": "203.0.113.7",
            "end_date": "2026-09-30",
            **changes,
        }
        for number in range(count)
    ]
