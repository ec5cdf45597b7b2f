"""Lay rows out as the folder trees that data export and export jobs of Log Analytics write."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

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


# Columns of CommonSecurityLog that are no text.
TYPES = dict.fromkeys(("TimeGenerated", "StartTime", "EndTime"), pa.timestamp("us", "UTC"))
TYPES |= dict.fromkeys(("SourcePort", "DestinationPort", "ExternalID"), pa.int32())
TYPES |= {f"DeviceCustomNumber{number}": pa.int32() for number in (1, 2, 3)}
TYPES |= dict.fromkeys(("SentBytes", "ReceivedBytes"), pa.int64())
LAYOUTS = {
    "timestamp": "timestamp={day:%Y-%m-%d}T{hour:02d}",
    "year": "year={day:%Y}/month={day:%m}/day={day:%d}/hour={hour:02d}",
}


def lay_out_job(
    root: Path,
    day: dt.date,
    rows: Iterable[Row],
    layout: str = "timestamp",
    file: str = "part.parquet",
) -> None:
    """Write rows as an export job of Log Analytics does: Parquet with gzip, a folder for each hour.

    Parameters
    ----------
    root
        Folder that holds the folders of hours.
    day
        Day of the folders, whatever the times of the rows.
    rows
        Rows of the hour of their TimeGenerated; a file has the columns that a row of it has.
    layout
        One of LAYOUTS.
    file
        Name of the files.
    """
    hours: dict[int, list[Row]] = {}
    for row in rows:
        time = row.get("TimeGenerated")
        hours.setdefault(int(time[11:13]) if time else 0, []).append(row)
    for hour, some in hours.items():
        folder = root / LAYOUTS[layout].format(day=day, hour=hour)
        folder.mkdir(parents=True, exist_ok=True)
        names = dict.fromkeys(name for row in some for name in row)
        columns = {name: column(name, [row.get(name) for row in some]) for name in names}
        pq.write_table(pa.table(columns), folder / file, compression="gzip")


def column(name: str, values: list[Any]) -> pa.Array:
    """Make a column of the type that it has in Log Analytics."""
    if pa.types.is_timestamp(TYPES.get(name, pa.string())):
        values = [value and dt.datetime.fromisoformat(value[:26] + "+00:00") for value in values]
    elif name in TYPES:
        values = [value if value is None else int(value) for value in values]
    return pa.array(values, TYPES.get(name, pa.string()))
