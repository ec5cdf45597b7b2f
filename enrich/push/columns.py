"""Convert columns of the dbt contract, and rows of the export, to those of the Sentinel table.

``python -m enrich.push.columns > deploy/sentinel/columns.json`` writes the columns for Azure, and
``python -m enrich.push.columns runs > deploy/sentinel/runs_columns.json`` those of the runs.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

from enrich.contract import all_columns, run_columns
from enrich.lookups.addresses import usual_spelling

# Sentinel's data lake takes 32 kB a field, its analytics tier 64 kB; it cuts the rest silently.
LONGEST_FIELD = 32_000  # bytes of UTF-8
SHORTEST_CUT = 100  # fields are not cut below that
LARGEST_REQUEST = 1_000_000  # bytes; the service takes no more, compressed or not
CUT_MARK = " …[cut]"

# Types of the contract and of Log Analytics; arrays are dynamic.
TYPES = {
    "string": "string",
    "boolean": "boolean",
    "int": "int",
    "bigint": "long",
    "double": "real",
    "date": "datetime",
    "timestamp": "datetime",
}
# Parts of names that Sentinel writes in capitals, as CommonSecurityLog does.
CAPITALS = {"ip": "IP", "as": "AS", "asn": "ASN", "dns": "DNS", "ti": "TI"}


def column_name(name: str) -> str:
    """Write a snake_case name as Sentinel does: ``source_ip`` is ``SourceIP``."""
    return "".join(CAPITALS.get(part, part[:1].upper() + part[1:]) for part in name.split("_"))


def table_columns(columns: dict[str, str]) -> list[dict[str, str]]:
    """List name and type of a table's columns, as Azure's templates expect them."""
    # Every table in Log Analytics has TimeGenerated.
    return [{"name": "TimeGenerated", "type": "datetime"}] + [
        {"name": column_name(name), "type": TYPES.get(data_type, "dynamic")}
        for name, data_type in columns.items()
    ]


def to_row(
    finding: dict[str, Any],
    columns: dict[str, str],
    time_generated: str,
    longest: int = LONGEST_FIELD,
) -> dict[str, Any]:
    """Turn a finding into a row of the table.

    Parameters
    ----------
    finding
        As exported, with or without lookup columns.
    columns
        As `enrich.contract.all_columns` returns them.
    time_generated
        ISO time at which the row is queued. The service replaces a time older than two days by
        the time of arrival, so event times stay in columns of their own.
    longest
        Bytes of a field.

    Returns
    -------
    dict
        Valid JSON whatever the finding holds: NaN and infinities become null, and text beyond
        `longest` is truncated with a mark. Null columns are left out, which the service
        reads as null.
    """
    row = {"TimeGenerated": time_generated}
    for name, data_type in columns.items():
        value = cleaned(finding.get(name))
        # A destination without an address is known by its name, which has a column of its own.
        if value is None or (name == "destination_ip" and usual_spelling(value) is None):
            continue
        if data_type == "date":
            value = f"{value}T00:00:00Z"
        elif isinstance(value, (list, dict)):
            value = cut_items(value, longest)
        elif isinstance(value, str):
            value = cut_text(value, longest)
        row[column_name(name)] = value
    return row


def row_text(finding: dict[str, Any], columns: dict[str, str], time_generated: str) -> str:
    """Write a row as it is sent, with shorter fields where it would be too large for a request.

    Log text may be all control characters, each of which takes six bytes of JSON.
    """
    longest = LONGEST_FIELD
    while True:
        text = json_text(to_row(finding, columns, time_generated, longest))
        if len(text.encode()) + 2 <= LARGEST_REQUEST or longest < SHORTEST_CUT:
            return text
        longest //= 2


def cleaned(value: Any) -> Any:  # noqa: ANN401
    """Replace what JSON and UTF-8 lack: NaN and infinities by None, lone surrogates by U+FFFD."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    if isinstance(value, dict):
        return {cleaned(key): cleaned(item) for key, item in value.items()}
    return value


def cut_text(text: str, limit: int = LONGEST_FIELD) -> str:
    """Truncate text to `limit` bytes of UTF-8, mark included, never within a character."""
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    room = limit - len(CUT_MARK.encode())
    return encoded[:room].decode(errors="ignore") + CUT_MARK


def cut_items(value: list[Any] | dict[str, Any], limit: int = LONGEST_FIELD) -> Any:  # noqa: ANN401
    """Truncate a list or object to `limit` bytes of JSON with a space after commas and colons.

    Return the value itself if it fits, else the first items of a list and the mark, or an object as
    truncated text.
    """
    if stored_size(value) <= limit:
        return value
    if isinstance(value, dict):
        return cut_text(json_text(value), limit // 2)  # half: its quotes are escaped again
    kept: list[Any] = []
    room = limit - stored_size([CUT_MARK])
    for item in value:
        size = stored_size(item) + 2
        if size > room:
            # The start of a long text says more than nothing.
            if isinstance(item, str) and room > 1000:
                kept.append(cut_text(item, room // 6))
            break
        room -= size
        kept.append(item)
    return [*kept, CUT_MARK.strip()]


def stored_size(value: Any) -> int:  # noqa: ANN401
    """Return the number of bytes of JSON with a space after commas and colons."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def json_text(value: Any) -> str:  # noqa: ANN401
    """Write JSON as it is sent: no spaces, no needless escapes, no NaN."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


if __name__ == "__main__":
    chosen = run_columns() if sys.argv[1:] == ["runs"] else all_columns()
    lines = ",\n".join(f"  {json.dumps(column)}" for column in table_columns(chosen))
    print(f"[\n{lines}\n]")
