"""The shared captures: real traffic that is not part of the repository."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
from pathlib import Path

from tests.support.dbt_in_process import PROJECT
from tests.support.export_tree import lay_out

SHARED = Path(os.environ.get("NETWORK_BEACONING_CAPTURES", PROJECT.parent / "shared/data"))
CAPTURES = sorted((SHARED / "captures").glob("*.jsonl.gz"))
ABSENT = f"no captures in {SHARED}; say where they are by NETWORK_BEACONING_CAPTURES"
# The monitored hosts of some captures have public addresses.
INTERNAL = {"147.32.0.0/16": "monitored hosts", "73.54.0.0/16": "the host with the implant"}


def lay_out_capture(capture: Path, root: Path) -> list[dt.date]:
    """Lay a capture out as a Fortinet's, below `root`; return its days."""
    days: dict[dt.date, list[dict]] = {}
    with gzip.open(capture, "rt") as lines:
        for line in lines:
            row = json.loads(line)
            time = dt.datetime.fromisoformat(row["TimeGenerated"].replace("Z", "+00:00"))
            row |= {"TimeGenerated": f"{time:%Y-%m-%dT%H:%M:%S.%f}0Z", "DeviceVendor": "Fortinet"}
            days.setdefault(time.date(), []).append(row)
    for day, rows in days.items():
        lay_out(root, day, rows)
    return sorted(days)
