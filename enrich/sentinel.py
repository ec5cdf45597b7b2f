"""From columns of the dbt contract to columns of the Sentinel table, and from rows to rows.

``python -m enrich.sentinel > deploy/columns.json`` writes the columns for Azure.
"""

from __future__ import annotations

import functools
import json
import math
from pathlib import Path
from typing import Any

import yaml

MODELS_FILE = Path(__file__).parents[1] / "models" / "results" / "_results__models.yml"
MODEL = "export_network_beaconing_anomalies"

# Log Analytics cuts a field at 64 kB silently; a little less leaves room for the mark.
LONGEST_FIELD = 64_000  # bytes of UTF-8
CUT_MARK = " …[cut at 64 kB]"

# What lookups add to a finding, by the types of the contract. A lookup's column that is not here
# stays in the report and the file, and is not pushed.
LOOKUP_COLUMNS = {
    "country": "string",
    "city": "string",
    "latitude": "double",
    "longitude": "double",
    "location_status": "string",
    "asn": "bigint",
    "as_organization": "string",
    "asn_status": "string",
}

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
CAPITALS = {"ip": "IP", "asn": "ASN", "dns": "DNS", "ti": "TI"}


def column_name(name: str) -> str:
    """Write a snake_case name as Sentinel does.

    Parameters
    ----------
    name
        Such as ``source_ip``.

    Returns
    -------
    str
        Such as ``SourceIP``.
    """
    return "".join(CAPITALS.get(part, part[:1].upper() + part[1:]) for part in name.split("_"))


@functools.cache
def contract_columns(models_file: Path = MODELS_FILE) -> dict[str, str]:
    """Read the columns of the export from the dbt contract.

    Parameters
    ----------
    models_file
        The YAML file with the model.

    Returns
    -------
    dict of str to str
        Spark's data type by snake_case name, in the order of the contract.
    """
    # The C loader is ten times faster, and not in every build of PyYAML.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    models = yaml.load(models_file.read_text(encoding="utf-8"), loader)["models"]
    (model,) = (model for model in models if model["name"] == MODEL)
    return {column["name"]: column["data_type"] for column in model["columns"]}


def table_columns(models_file: Path = MODELS_FILE) -> list[dict[str, str]]:
    """List the columns of the table in Log Analytics.

    Parameters
    ----------
    models_file
        The YAML file with the model.

    Returns
    -------
    list of dict
        Name and type, as Azure's templates want them: TimeGenerated, the contract, the lookups.
    """
    columns = contract_columns(models_file) | LOOKUP_COLUMNS
    return [{"name": "TimeGenerated", "type": "datetime"}] + [
        {"name": column_name(name), "type": TYPES.get(data_type, "dynamic")}
        for name, data_type in columns.items()
    ]


def to_row(finding: dict[str, Any], columns: dict[str, str], time_generated: str) -> dict[str, Any]:
    """Turn a finding into a row of the table.

    Parameters
    ----------
    finding
        As exported, with or without what lookups added.
    columns
        Names and data types of the contract and the lookups: `contract_columns` | `LOOKUP_COLUMNS`.
    time_generated
        ISO time at which the row is queued. The service replaces one older than two days by the
        time of arrival, so event times stay in columns of their own.

    Returns
    -------
    dict
        Valid JSON whatever the finding holds: NaN and infinities left out as null, text beyond
        `LONGEST_FIELD` cut with a mark. Nulls are left out, which the service reads the same.
    """
    row = {"TimeGenerated": time_generated}
    for name, data_type in columns.items():
        value = cleaned(finding.get(name))
        if value is None:
            continue
        if data_type == "date":
            value = f"{value}T00:00:00Z"
        elif isinstance(value, (list, dict)):
            value = cut_items(value)
        elif isinstance(value, str):
            value = cut_text(value)
        row[column_name(name)] = value
    return row


def cleaned(value: Any) -> Any:  # noqa: ANN401
    """Replace what JSON or UTF-8 cannot carry.

    Parameters
    ----------
    value
        Anything that Python's JSON reader returns.

    Returns
    -------
    Any
        The same with None for NaN and infinities, and with U+FFFD for lone surrogates.
    """
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
    """Cut text to a number of bytes, never within a character, and mark the cut.

    Parameters
    ----------
    text
        Any text.
    limit
        Bytes of UTF-8, mark included.

    Returns
    -------
    str
        The text itself if it fits.
    """
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    room = limit - len(CUT_MARK.encode())
    return encoded[:room].decode(errors="ignore") + CUT_MARK


def cut_items(value: list[Any] | dict[str, Any], limit: int = LONGEST_FIELD) -> Any:  # noqa: ANN401
    """Cut a list or object to a number of bytes of JSON, and mark the cut.

    Parameters
    ----------
    value
        Valid JSON.
    limit
        Bytes of UTF-8 of its JSON with a space after commas and colons, the longest way to store it.

    Returns
    -------
    list, dict or str
        The value itself if it fits; else its first items and the mark; an object as cut text.
    """
    if stored_size(value) <= limit:
        return value
    if isinstance(value, dict):
        return cut_text(json_text(value), limit // 2)  # as text, its quotes are escaped again
    kept: list[Any] = []
    room = limit - stored_size([CUT_MARK])
    for item in value:
        size = stored_size(item) + 2
        if size > room:
            # The start of one long text says more than nothing.
            if isinstance(item, str) and room > 1000:
                kept.append(cut_text(item, room // 6))
            break
        room -= size
        kept.append(item)
    return [*kept, CUT_MARK.strip()]


def stored_size(value: Any) -> int:  # noqa: ANN401
    """Return the bytes of JSON with a space after commas and colons."""
    return len(json.dumps(value, ensure_ascii=False).encode())


def json_text(value: Any) -> str:  # noqa: ANN401
    """Write JSON as it is sent: no spaces, no escapes without need, never NaN."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


if __name__ == "__main__":
    lines = ",\n".join(f"  {json.dumps(column)}" for column in table_columns())
    print(f"[\n{lines}\n]")
