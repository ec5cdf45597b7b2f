"""The report: one HTML file that opens offline and loads nothing.

Values of the logs are hostile: anyone who sends packets can write them. They reach the page as JSON
without ``<``, and the script puts them on the page as text only. A content security policy lets
only that script run, and nothing be loaded.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import html
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from enrich.contract import LOOKUP_COLUMNS, all_columns, contract, is_looked_up
from enrich.export import vendors_of
from enrich.severity import why_not_raised

FOLDER = Path(__file__).parent
# One script element holds them all, in this order: each uses names of those before it.
SCRIPTS = (
    "text.js",
    "base.js",
    "axes.js",
    "charts.js",
    "verdicts.js",
    "filters.js",
    "listing.js",
    "pivots.js",
    "pane.js",
    "views.js",
    "overview.js",
    "page.js",
)
SIGNIFICANT_DIGITS = 6
as_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def render(
    findings: list[dict[str, Any]],
    *,
    run: dict[str, Any] | None = None,
    warnings: Sequence[str] = (),
    before: Sequence[dict[str, Any]] | None = None,
    links: Sequence[str] = (),
) -> str:
    """Draw the report.

    Parameters
    ----------
    findings
        In the order in which they are to be shown, with or without `LOOKUP_COLUMNS`.
    run
        The row of their run, by the contract of export_network_beaconing_runs; None if unknown.
    warnings
        What the reader should know of the export first, each a sentence.
    before
        The findings of the run before; those of judged vendors that are not among `findings` have
        stopped. None if unknown.
    links
        URLs of services that know addresses, with ``{address}`` in each; a click tells the service
        what is hunted.

    Returns
    -------
    str
        A whole HTML page; only our own text in it is not pure ASCII. ``#`` and a beacon_id after
        its address open that finding.
    """
    style = read("page.css")
    script = "\n".join(map(read, SCRIPTS))
    types = all_columns() if is_looked_up(findings) else contract()
    head = head_of(types) | {"run": run, "warnings": list(warnings), "links": list(links)}
    head["not_raised"] = {f["beacon_id"]: why for f in findings if (why := why_not_raised(f))}
    gone = "null"
    if before is not None:
        vendors = run["device_vendors"] if run else vendors_of(findings)
        gone = embedded_rows(stopped(findings, before, vendors), types)
    rows = embedded_rows(findings, types)
    parts = {
        "title": html.escape(title_of(findings, run)),
        "style": style,
        "script": script,
        "style_hash": csp_hash(style),
        "script_hash": csp_hash(script),
        "data": f'{embedded(head)[:-1]},"rows":{rows},"stopped":{gone}}}',
    }
    # In one pass, so that a value that looks like a placeholder is not replaced.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], read("page.html"))


def read(name: str) -> str:
    """Read a file of this folder."""
    return (FOLDER / name).read_text(encoding="utf-8")


def title_of(findings: list[dict[str, Any]], run: dict[str, Any] | None) -> str:
    """Write the title of the page."""
    if not findings and not run:
        return "No findings, and no run that is known"
    day = (run or findings[0])["end_date"]
    vendors = run["device_vendors"] if run else vendors_of(findings)
    judged = " and ".join(vendors) if len(vendors) <= 2 else f"{len(vendors)} vendors"
    return f"{'Beaconing' if findings else 'No beaconing found'} on {day}, {judged}"


def head_of(types: dict[str, str]) -> dict[str, Any]:
    """Collect what the page needs to read the rows.

    Column names and rows are separate, so that no name is written 10,000 times; so are `fields`,
    the names in structs, by column. `outline` is the land on the map.
    """
    outline = re.search(r'd="([^"]+)"', read("world.svg"))
    return {
        "columns": list(types),
        "packed": [name for name, kind in types.items() if is_packed(kind)],
        "fields": {
            name: re.findall(r"(\w+) *:", kind) for name, kind in types.items() if "struct" in kind
        },
        "lookups": list(LOOKUP_COLUMNS),
        "outline": outline[1] if outline else "",
        "made_at": dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }


def stopped(
    findings: list[dict[str, Any]], before: Sequence[dict[str, Any]], vendors: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the findings of the run before that are not found any more."""
    found = {finding["beacon_id"] for finding in findings}
    return [
        old | {"status": "stopped"}
        for old in before
        if old["beacon_id"] not in found and old["device_vendor"] in vendors
    ]


def embedded_rows(findings: list[dict[str, Any]], types: dict[str, str]) -> str:
    """List the values of findings in the order of the columns, row by row to save memory."""
    columns = [(name, is_packed(kind)) for name, kind in types.items()]
    rows = (
        embedded([cell(finding.get(name), packed) for name, packed in columns])
        for finding in findings
    )
    return f"[{','.join(rows)}]"


def is_packed(kind: str) -> bool:
    """Tell whether values of a type are written as JSON in a text.

    The page reads such a text only where its finding is looked at: to parse the histograms of
    10,000 findings takes most of a second.
    """
    return kind.startswith("array<") and kind != "array<string>"


def cell(value: Any, packed: bool) -> Any:  # noqa: ANN401
    """Write a value as the page reads it."""
    small = compact(value)
    return as_json(small) if packed and small is not None else small


def compact(value: Any) -> Any:  # noqa: ANN401 (anything that JSON can hold)
    """Shorten a value for the page: numbers to six digits, structs to the list of their values."""
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, list):
        # Not compact for each of a million bars.
        return [list(i.values()) if isinstance(i, dict) else compact(i) for i in value]
    if isinstance(value, dict):
        return list(value.values())
    return value


def embedded(data: object) -> str:
    """Write data as JSON that no HTML parser can take for markup."""
    text = as_json(data)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def csp_hash(text: str) -> str:
    """Return the hash by which a content security policy knows an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
