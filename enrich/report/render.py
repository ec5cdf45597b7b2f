"""The report: one HTML file that opens offline and loads nothing.

Values of the logs are written by whoever sends packets. They reach the page as JSON with no ``<``
in it, the script puts them on the page as text only, and a content security policy lets nothing run
but that script, and nothing be loaded from anywhere.
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

TEMPLATES = Path(__file__).parent
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
        A whole HTML page, pure ASCII apart from text of our own. Its pictures are drawn by the
        browser when they are looked at, so that 10,000 findings open as fast as ten.
    """
    template, style, script = (
        (TEMPLATES / name).read_text(encoding="utf-8")
        for name in ("page.html", "page.css", "page.js")
    )
    outline = re.search(r'd="([^"]+)"', (TEMPLATES / "world.svg").read_text(encoding="utf-8"))
    title = "No beaconing found"
    if findings:
        title = f"Beaconing on {findings[0]['end_date']}, {' and '.join(vendors_of(findings))}"
    parts = {
        "title": html.escape(title),
        "style": style,
        "script": script,
        "style_hash": csp_hash(style),
        "script_hash": csp_hash(script),
        "data": embedded(page_data(findings, outline[1] if outline else "")),
    }
    # In one pass: a value that looks like a placeholder stays what it is.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template)


def page_data(findings: list[dict[str, Any]], outline: str) -> dict[str, Any]:
    """Collect what the page shows.

    Parameters
    ----------
    findings
        As for `render`.
    outline
        SVG path of the land.

    Returns
    -------
    dict
        ``columns`` and ``rows``, so that no name is written 10,000 times; the outline; the time.
    """
    columns = list(contract())
    if is_looked_up(findings):
        columns += LOOKUP_COLUMNS
    return {
        "columns": columns,
        "rows": [[compact(finding.get(name)) for name in columns] for finding in findings],
        "lookups": list(LOOKUP_COLUMNS),
        "outline": outline,
        "made_at": dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }


def compact(value: Any) -> Any:  # noqa: ANN401 (anything that JSON can hold)
    """Shorten a value for the page: six digits of a number, histograms as pairs."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
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
