"""Findings as a table in a terminal, where text of the logs is shown and never obeyed."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from enrich.export import vendors_of

LONGEST_TEXT = 300  # characters shown of one value


def visible(value: object) -> str:
    r"""Render a value of the logs so that a terminal shows it and obeys none of it.

    Parameters
    ----------
    value
        Anything that JSON can hold. Log text is written by whoever sends packets.

    Returns
    -------
    str
        One line. Control, direction and other unprintable characters are spelt out (``\x1b``),
        text beyond ``LONGEST_TEXT`` characters is cut, null is an en dash.
    """
    if value is None:
        return "–"
    text = str(value)
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def findings_table(findings: list[dict[str, Any]]) -> Table:
    """Lay findings out as a table, one row each.

    Parameters
    ----------
    findings
        As `read_findings` returns them, with or without what the lookups add.

    Returns
    -------
    rich.table.Table
        Severity (and status or suppression), source (and vendor where there are several),
        destination with port and protocol (and country, owner and feed where they are known),
        beacon_score, percent_beacon, number of events, and the reasons, one a line.
    """
    table = Table(box=box.SIMPLE_HEAD, title=f"{len(findings)} beaconing connection(s)")
    for name in ("severity", "source", "destination"):
        table.add_column(name, overflow="fold")
    for name in ("beacon_score", "percent_beacon", "events"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("reasons", overflow="fold")
    several_vendors = len(vendors_of(findings)) > 1
    for finding in findings:
        source = visible(finding.get("source_ip"))
        if several_vendors:
            source += f"\n{visible(finding.get('device_vendor'))}"
        state = "suppressed" if finding.get("suppressed") is True else finding.get("status")
        destination = endpoint(finding.get("destination_ip"), finding.get("destination_port"))
        known = [finding.get(name) for name in ("country", "as_organization")]
        known += finding.get("feed_matches") or []
        known += finding.get("ti_matches") or []
        lines = [f"{destination} {visible(finding.get('protocol'))}"]
        cells = [
            f"{visible(finding.get('severity'))}\n{visible(state)}",
            source,
            "\n".join(lines + [visible(text) for text in known if text]),
            rounded(finding.get("beacon_score"), 2),
            rounded(finding.get("percent_beacon"), 1),
            visible(finding.get("event_count")),
            "\n".join(visible(reason) for reason in finding.get("reasons") or []),
        ]
        # Text, not str: in a str, rich would read [brackets] as markup.
        table.add_row(*(Text(cell) for cell in cells))
    return table


def rounded(value: object, places: int) -> str:
    """Write a number with so many decimal places, and anything else as `visible` does.

    Parameters
    ----------
    value
        As exported; null where the measure says nothing.
    places
        Decimal places.

    Returns
    -------
    str
        Such as ``0.95``.
    """
    return f"{value:.{places}f}" if isinstance(value, (int, float)) else visible(value)


def endpoint(address: object, port: object) -> str:
    """Write an address and its port, if it has one, the way a URL does (IPv6 in brackets).

    Parameters
    ----------
    address, port
        As exported; the port may be null.

    Returns
    -------
    str
        Such as ``192.0.2.1:443`` or ``[2001:db8::1]:443``.
    """
    shown = visible(address)
    if port is None:
        return shown
    return f"[{shown}]:{visible(port)}" if ":" in shown else f"{shown}:{visible(port)}"
