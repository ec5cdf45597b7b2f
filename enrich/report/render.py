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
from pathlib import Path
from typing import Any

from enrich.contract import LOOKUP_COLUMNS, contract, is_looked_up
from enrich.export import vendors_of

FOLDER = Path(__file__).parent
# One script element holds them all, in this order: each uses names of those before it.
SCRIPTS = ("base.js", "axes.js", "charts.js", "overview.js", "table.js", "page.js")
SIGNIFICANT_DIGITS = 6


def render(findings: list[dict[str, Any]]) -> str:
    """Draw the report.

    Parameters
    ----------
    findings
        In the order in which they are to be shown, with or without `LOOKUP_COLUMNS`.

    Returns
    -------
    str
        A whole HTML page; only our own text in it is not pure ASCII. The browser draws a chart only
        when it is shown, so that 10,000 findings open as fast as ten.
    """
    style = read("page.css")
    script = "\n".join(map(read, SCRIPTS))
    parts = {
        "title": html.escape(title_of(findings)),
        "style": style,
        "script": script,
        "style_hash": csp_hash(style),
        "script_hash": csp_hash(script),
        "data": embedded(page_data(findings)),
    }
    # In one pass, so that a value that looks like a placeholder is not replaced.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], read("page.html"))


def read(name: str) -> str:
    """Read a file of this folder."""
    return (FOLDER / name).read_text(encoding="utf-8")


def title_of(findings: list[dict[str, Any]]) -> str:
    """Write the title of the page."""
    if not findings:
        return "No beaconing found"
    return f"Beaconing on {findings[0]['end_date']}, {' and '.join(vendors_of(findings))}"


def page_data(findings: list[dict[str, Any]]) -> dict[str, Any]:
    """Collect what the page shows.

    Column names and rows are separate, so that no name is written 10,000 times. `outline` is the
    land on the map.
    """
    columns = list(contract())
    if is_looked_up(findings):
        columns += LOOKUP_COLUMNS
    outline = re.search(r'd="([^"]+)"', read("world.svg"))
    return {
        "columns": columns,
        "rows": [[compact(finding.get(name)) for name in columns] for finding in findings],
        "lookups": list(LOOKUP_COLUMNS),
        "outline": outline[1] if outline else "",
        "made_at": dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }


def compact(value: Any) -> Any:  # noqa: ANN401 (anything that JSON can hold)
    """Shorten a value for the page: numbers to six digits, bars of a histogram to pairs."""
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, list):
        return [compact(item) for item in value]
    if isinstance(value, dict):
        return list(value.values())
    return value


def embedded(data: object) -> str:
    """Write data as JSON that no HTML parser can take for markup."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def csp_hash(text: str) -> str:
    """Return the hash by which a content security policy knows an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
