"""Lay rows out as the folder tree that data export of Log Analytics writes."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]


def at(day: dt.date, seconds: float) -> str:
    """Write a moment as data export does: ISO 8601, UTC, with seven fractional digits.

    `seconds` count from the midnight that begins `day`, and may pass its end.
    """
    moment = dt.datetime.combine(day, dt.time()) + dt.timedelta(seconds=seconds)
    return moment.isoformat(timespec="microseconds") + "0Z"


def lay_out(
    root: Path,
    day: dt.date,
    lines: Iterable[Row | str | bytes],
    file: str = "PT05M.json",
    slot: str = "h=00/m=00",
) -> None:
    """Append lines to the files of one day.

    Parameters
    ----------
    root
        Folder that holds the y= folders.
    day
        Day of the folders, whatever the times of the rows.
    lines
        Rows are written as JSON without their null columns, into the five minutes of their
        TimeGenerated; text and bytes are raw lines, written as they are into `slot`.
    file
        Name of the files.
    slot
        Folder of raw lines, and of rows without a time that export could write.
    """
    files: dict[Path, list[bytes]] = {}
    for line in lines:
        folder = slot
        if isinstance(line, Mapping):
            time = str(line.get("TimeGenerated"))
            if len(time) == 28 and time[11:13].isdigit() and time[14:16].isdigit():
                folder = f"h={time[11:13]}/m={int(time[14:16]) // 5 * 5:02d}"
            line = json.dumps({k: v for k, v in line.items() if v is not None})
        raw = line.encode() if isinstance(line, str) else line
        path = root / f"y={day:%Y}/m={day:%m}/d={day:%d}" / folder / file
        files.setdefault(path, []).append(raw + b"\n")
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as out:
            out.write(b"".join(content))
