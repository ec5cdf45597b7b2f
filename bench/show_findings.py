"""Print the findings of a run as a table: which connections beacon, and why.

Usage: python bench/show_findings.py EXPORT_ROOT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

LONGEST_TEXT = 300  # characters shown of one value
SEVERITIES = ["critical", "high", "medium", "low"]


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


def read_findings(export_root: Path) -> list[dict[str, Any]]:
    """Read the export of a run, the strongest finding first.

    Parameters
    ----------
    export_root
        The folder that the var `export_root` names.

    Returns
    -------
    list of dict
        One item a finding, as exported; by severity, then beacon_score, then percent_beacon, the
        suppressed ones last. Empty if the run found nothing.

    Raises
    ------
    FileNotFoundError
        If no run has written an export there.
    ValueError
        If a line is not a JSON object, naming file and line.
    """
    folder = export_root / "network_beaconing_anomalies"
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no export in {folder}. Run `make demo` or `dbt build`.")
    findings = []
    for file in sorted(folder.glob("*.json")):
        lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                finding = json.loads(line)
            except json.JSONDecodeError:
                finding = None
            if not isinstance(finding, dict):
                raise ValueError(f"{file}, line {number} is not a finding. Run `dbt build` again.")
            findings.append(finding)
    return sorted(
        findings,
        key=lambda f: (
            f.get("suppressed") is True,
            SEVERITIES.index(f["severity"]) if f.get("severity") in SEVERITIES else len(SEVERITIES),
            -(f.get("beacon_score") or 0),
            -(f.get("percent_beacon") or 0),
        ),
    )


def findings_table(findings: list[dict[str, Any]]) -> Table:
    """Lay findings out as a table, one row each.

    Parameters
    ----------
    findings
        As `read_findings` returns them; a missing column shows as an en dash.

    Returns
    -------
    rich.table.Table
        Severity (and status or suppression), source, destination with port and protocol,
        beacon_score, percent_beacon, number of events, and the reasons, one a line.
    """
    table = Table(box=box.SIMPLE_HEAD, title=f"{len(findings)} beaconing connection(s)")
    for name in ("severity", "source", "destination"):
        table.add_column(name, overflow="fold")
    for name in ("beacon_score", "percent_beacon", "events"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("reasons", overflow="fold")
    for finding in findings:
        state = "suppressed" if finding.get("suppressed") is True else finding.get("status")
        destination = endpoint(finding.get("destination_ip"), finding.get("destination_port"))
        cells = [
            f"{visible(finding.get('severity'))}\n{visible(state)}",
            visible(finding.get("source_ip")),
            f"{destination} {visible(finding.get('protocol'))}",
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


def main(
    export_root: Annotated[Path, typer.Argument(help="folder that the var export_root names")],
) -> None:
    """Print the findings of the run that wrote to EXPORT_ROOT."""
    try:
        findings = read_findings(export_root)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    # Off a terminal there is no width to keep to, and narrow columns are hard to read in a log.
    console = Console(width=None if sys.stdout.isatty() else 160)
    if findings:
        console.print(findings_table(findings))
    else:
        console.print("No connection beacons at these thresholds: the export is there, and empty.")


if __name__ == "__main__":
    typer.run(main)
