"""Findings in words and for other programs: chosen, a line each, as CSV, in full, compared."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from enrich.contract import LOOKUP_COLUMNS, all_columns
from enrich.lookups.addresses import is_in
from enrich.severity import (
    NAMED,
    SEVERITIES,
    effective_severity,
    is_denied,
    known_bad,
    place_of,
    why_not_raised,
)
from enrich.words import SettingsError, UserError, duration, endpoint_of, escaped, visible

ID_SHOWN = 8  # characters of a beacon_id in a line: `explain` takes them
HEAD = ("SEVERITY", "STATUS", "ID", "SOURCE", "DESTINATION", "EVERY", "EVENTS", "KNOWN BAD", "WHY")
WIDEST = 48  # characters of a column, except the last
# A spreadsheet takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")

# What a part of a name is looked for in.
NAMES = {
    "source": (
        *("source_ip", "source_host_name", "source_user_name"),
        *("source_name", "source_owner", "source_site"),
    ),
    "destination": ("destination_ip", "destination_name", "as_organization"),
}


def chosen(
    findings: Iterable[dict[str, Any]],
    severity: str | None = None,
    only_new: bool = False,
    source: str | None = None,
    destination: str | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """Choose findings; those that are left stay in order.

    Parameters
    ----------
    findings
        As `enrich.export.read_findings` returns them.
    severity
        The least effective severity.
    only_new
        Whether the status must be new.
    source, destination
        An address, a network, or a part of a name.
    limit
        How many at most.

    Raises
    ------
    SettingsError
        If the severity does not exist.
    """
    if severity is not None and severity not in SEVERITIES:
        raise SettingsError(f"--severity {severity!r} is none of {', '.join(SEVERITIES)}.")
    least = SEVERITIES.index(severity) if severity else len(SEVERITIES)
    kept = [
        finding
        for finding in findings
        if place_of(finding) <= least
        and (not only_new or finding.get("status") == "new")
        and (source is None or is_end(finding, "source", source))
        and (destination is None or is_end(finding, "destination", destination))
    ]
    return kept if limit is None else kept[:limit]


def is_end(finding: dict[str, Any], end: str, wanted: str) -> bool:
    """Tell whether an end of a finding, source or destination, is meant by a text."""
    inside = is_in(str(finding.get(f"{end}_ip") or ""), wanted)
    if inside is not None:
        return inside
    return any(wanted.lower() in str(finding.get(name) or "").lower() for name in NAMES[end])


# --- A line each --------------------------------------------------------------------------------


def lines_of(findings: list[dict[str, Any]]) -> Iterator[str]:
    """Write findings in columns, a line each, below a line with the names of the columns."""
    rows = [HEAD, *map(cells_of, findings)]
    widths = [min(max(len(row[n]) for row in rows), WIDEST) for n in range(len(HEAD) - 1)]
    for row in rows:
        cells = [shortened(cell, width).ljust(width) for cell, width in zip(row, widths)]
        yield "  ".join([*cells, row[-1]]).rstrip()


def shortened(text: str, width: int) -> str:
    """Cut a text to a width, with a mark."""
    return text if len(text) <= width else text[: width - 1] + "…"


def cells_of(finding: dict[str, Any]) -> tuple[str, ...]:
    """Write the columns of one finding."""
    source = visible(finding.get("source_ip"))
    if name := finding.get("source_name") or finding.get("source_host_name"):
        source += f" ({visible(name)})"
    owner = [finding.get(name) for name in ("destination_name", "country", "as_organization")]
    if owner[0] == finding.get("destination_ip"):  # where there is no address
        owner = owner[1:]
    notes = ["all denied"] if is_denied(finding) else []
    notes += [", ".join(visible(text) for text in owner if text)]
    notes += [visible(why) for why in finding.get("raised_by") or []]
    if why := why_not_raised(finding):
        notes += [f"known as bad, but not raised: {visible(why)}"]
    notes += [visible(reason) for reason in finding.get("reasons") or []]
    state = "suppressed" if finding.get("suppressed") is True else finding.get("status")
    return (
        visible(effective_severity(finding)),
        visible(state),
        visible(finding.get("beacon_id"))[:ID_SHOWN],
        source,
        endpoint_of(finding),
        every(finding),
        visible(finding.get("event_count")),
        names_of(finding),
        "; ".join(note for note in notes if note),
    )


def every(finding: dict[str, Any]) -> str:
    """Write the interval of a finding, and how much less its jitter makes it, as the reasons do."""
    seconds = next(
        (
            finding[name]
            for name in ("estimated_sleep_seconds", "period_seconds", "time_delta")
            if finding.get(name) is not None
        ),
        None,
    )
    if seconds is None:
        return "–"
    has_sleep = finding.get("estimated_sleep_seconds") is not None
    jitter = finding.get("estimated_jitter_percent") if has_sleep else None
    return duration(seconds) + (f" − {int(jitter + 0.5)} %" if (jitter or 0) >= 0.5 else "")


def names_of(finding: dict[str, Any]) -> str:
    """Write who names the destination as bad, or that nobody was asked."""
    matches = [*(finding.get("feed_matches") or []), *(finding.get("ti_matches") or [])]
    said = known_bad(finding)
    return ", ".join(map(visible, matches)) or said if said == NAMED else said


# --- For other programs -------------------------------------------------------------------------


def write_csv(findings: Iterable[dict[str, Any]], file: TextIO) -> None:
    """Write findings as CSV with every column; no cell is a formula or has control characters."""
    columns = list(all_columns())
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for finding in findings:
        writer.writerow([cell_of(finding.get(name)) for name in columns])


def cell_of(value: object) -> object:
    """Write a value as a cell of a CSV file."""
    if value is None:
        return ""
    if isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, dict)):
        is_texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
        value = "; ".join(value) if is_texts else json.dumps(value)
    text = escaped(str(value))
    return f"'{text}" if str(value).startswith(FORMULA) else text


def write_json(findings: Iterable[dict[str, Any]], file: TextIO) -> None:
    """Write findings as JSON, an object a line, in ASCII: a terminal obeys nothing in it."""
    for finding in findings:
        file.write(json.dumps(finding) + "\n")


# --- One finding --------------------------------------------------------------------------------


def find(findings: list[dict[str, Any]], beacon_id: str) -> dict[str, Any]:
    """Find a finding by its id, or by the beginning of it that no other has.

    Raises
    ------
    UserError
        If there is none, or several.
    """
    found = [finding for finding in findings if finding["beacon_id"].startswith(beacon_id)]
    if len(found) != 1 or not beacon_id:
        number = "no finding has" if not found else f"{len(found)} findings have"
        raise UserError(
            f"{number} an id that begins with {visible(beacon_id)}. The command show lists them."
        )
    return found[0]


def explained(finding: dict[str, Any]) -> Iterator[str]:
    """Say all that is known of a finding, by line: who and where, why, lookups, measures."""
    yield f"{visible(finding.get('source_ip'))} beacons to {endpoint_of(finding)}"
    severity = effective_severity(finding)
    raised_by = "; ".join(map(visible, finding.get("raised_by") or []))
    raised = f" by the model, raised: {raised_by}" if raised_by else ""
    yield (
        f"{visible(severity)} ({visible(finding.get('severity'))}{raised}), "
        f"{visible(finding.get('status'))}, since {visible(finding.get('began_on'))}, "
        f"every {every(finding)}"
    )
    for text in finding.get("suppressed_by") or []:
        yield f"suppressed: {visible(text)}"
    if is_denied(finding):
        yield "the firewall denied every connection"
    yield ""
    yield "Why"
    for reason in finding.get("reasons") or []:
        yield f"  {visible(reason)}"
    yield ""
    why = why_not_raised(finding)
    yield f"Known bad: {names_of(finding)}" + (f"; not raised: {visible(why)}" if why else "")
    groups = {"Lookups": LOOKUP_COLUMNS, "All columns": all_columns().keys() - LOOKUP_COLUMNS}
    for title, names in groups.items():
        known = [name for name in all_columns() if name in names and finding.get(name) is not None]
        if known:
            yield ""
            yield title
            width = max(map(len, known))
            for name in known:
                yield f"  {name.ljust(width)}  {visible(finding[name])}"


# --- Two runs -----------------------------------------------------------------------------------


def differences(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[str]:
    """Say, a line a beacon, what is new, gone or changed since another run."""
    old = {finding["beacon_id"]: finding for finding in before}
    new = {finding["beacon_id"]: finding for finding in after}
    for beacon_id, finding in new.items():
        said = changes(old.get(beacon_id), finding)
        if said:
            yield line_of_change(said, finding)
    for beacon_id, finding in old.items():
        if beacon_id not in new:
            yield line_of_change("gone", finding)


def changes(before: dict[str, Any] | None, after: dict[str, Any]) -> str:
    """Say what is other about a finding; empty if nothing that matters is."""
    if before is None:
        return "new"
    said = []
    severities = effective_severity(before), effective_severity(after)
    if severities[0] != severities[1]:
        said.append(f"{visible(severities[0])} → {visible(severities[1])}")
    if known_bad(before) != NAMED and known_bad(after) == NAMED:
        said.append(f"now known bad ({names_of(after)})")
    if before.get("suppressed") != after.get("suppressed"):
        said.append("now suppressed" if after.get("suppressed") else "no longer suppressed")
    if after.get("status") == "changed":
        said.append(f"changed: every {every(before)} → {every(after)}")
    return ", ".join(said)


def line_of_change(said: str, finding: dict[str, Any]) -> str:
    """Write a change and the beacon that it is of."""
    beacon_id = visible(finding["beacon_id"])[:ID_SHOWN]
    ends = f"{visible(finding.get('source_ip'))} to {endpoint_of(finding)}"
    return f"{said}: {visible(effective_severity(finding))} {beacon_id} {ends}"
