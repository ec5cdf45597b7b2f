"""Rows for the seed suppressions: of a finding, of a watchlist, of incidents closed as benign."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from enrich.fields import PROJECT
from enrich.lookups.addresses import is_in, network_of
from enrich.words import UserError, decoded, visible

SEED = PROJECT / "seeds/organisation/suppressions.csv"
COLUMNS = (
    "destination_network",
    "destination_port",
    "source_network",
    "device_vendor",
    "shortest_seconds",
    "longest_seconds",
    "reason",
    "owner",
    "expires_on",
)
CONDITIONS = COLUMNS[:6]
DAYS = 90
TOLERANCE = 0.25  # of the period, as for the status changed; what beats otherwise is shown again
ANY = "*"
LONGEST = 1e9  # seconds, of the pipeline's *
LONGEST_PERIOD = 1e6  # no finding has a longer one
NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)(e\+?\d{1,2})?")
# As Sentinel, SecurityIncident and Defender write them, without blanks and in lower case.
BENIGN = {"benignpositive", "informationalexpectedactivity"}
CLOSED = {"closed", "resolved"}

Row = dict[str, str]


def row_of(finding: dict[str, Any], reason: str, owner: str, expires_on: dt.date) -> Row:
    """Make the row that hides a finding: this connection, a quarter around its period.

    Parameters
    ----------
    finding
        As exported.
    reason, owner
        Free text; white space becomes a blank.
    expires_on
        The last day on which it applies.

    Returns
    -------
    dict of str to str
        A cell for each of `COLUMNS`. A destination without an address becomes an asterisk, because
        the seed knows networks only. The pipeline compares the median interval, else the delta.
    """
    period = finding.get("period_seconds") or finding.get("time_delta")
    port = finding.get("destination_port")
    return {
        "destination_network": finding["destination_ip"] if has_address(finding) else ANY,
        "destination_port": ANY if port is None else str(port),
        "source_network": str(finding["source_ip"]),
        "device_vendor": str(finding["device_vendor"]),
        "shortest_seconds": rounded(period * (1 - TOLERANCE)) if period else ANY,
        "longest_seconds": rounded(period * (1 + TOLERANCE)) if period else ANY,
        "reason": plain(reason),
        "owner": plain(owner),
        "expires_on": expires_on.isoformat(),
    }


def rounded(seconds: float) -> str:
    """Write seconds with three digits, as the report does."""
    return f"{float(f'{seconds:.3g}'):g}"


def has_address(finding: dict[str, Any]) -> bool:
    """Tell whether the destination of a finding is an address, not a name."""
    return network_of(str(finding.get("destination_ip"))) is not None


def plain(text: object) -> str:
    """Write a text as one line without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def problems(row: Row) -> list[str]:
    """Say what is wrong with a row, as the model stg_suppressions does; empty if nothing is."""
    row = {name: cell.strip() for name, cell in row.items()}
    said = []
    for end in ("destination", "source"):
        if row[f"{end}_network"] != ANY and not network_of(row[f"{end}_network"]):
            said.append(f"{end}_network is neither network nor address nor *")
        port = row["destination_port"] if end == "destination" else ANY
        if port != ANY and not (re.fullmatch(r"[0-9]{1,5}", port) and int(port) <= 65535):
            said.append("destination_port is neither a port nor *")
    if is_nothing(row["device_vendor"]):
        said.append("device_vendor is empty; * is all")
    seconds = [row["shortest_seconds"], row["longest_seconds"]]
    wrong = [text != ANY and not NUMBER.fullmatch(text) for text in seconds]
    said += [
        f"{name}_seconds is neither a number nor *"
        for name, is_wrong in zip(("shortest", "longest"), wrong)
        if is_wrong
    ]
    if not any(wrong) and ANY not in seconds and float(seconds[0]) > float(seconds[1]):
        said.append("shortest_seconds is more than longest_seconds")
    spans_all = not any(wrong) and span(row)[0] == 0 and span(row)[1] >= LONGEST_PERIOD
    if spans_all and all(row[name] == ANY for name in CONDITIONS[:4]):
        said.append("it would hide every finding")
    said += [f"{name} is empty" for name in ("reason", "owner") if is_nothing(row[name])]
    if day_of(row["expires_on"]) is None:
        said.append("expires_on is no day as YYYY-MM-DD")
    return said


def is_nothing(text: str) -> bool:
    """Tell whether a cell is empty; the pipeline reads the word null as nothing, too."""
    return text.lower() in ("", "null")


def day_of(text: str) -> dt.date | None:
    """Read a day as YYYY-MM-DD; None if it is none."""
    try:
        return dt.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else None
    except ValueError:
        return None


def covers(row: Row, finding: dict[str, Any]) -> bool:
    """Tell whether a row without problems hides a finding, as the pipeline does."""
    period = finding.get("period_seconds")
    period = finding.get("time_delta") if period is None else period
    shortest, longest = span(row)
    return (
        all(
            row[f"{end}_network"] == ANY
            or is_in(str(finding.get(f"{end}_ip")), row[f"{end}_network"])
            for end in ("destination", "source")
        )
        and row["destination_port"] in (ANY, str(finding.get("destination_port")))
        and row["device_vendor"] in (ANY, finding.get("device_vendor"))
        and (
            (shortest, longest) == (0, LONGEST) if period is None else shortest <= period <= longest
        )
    )


def span(row: Row) -> tuple[float, float]:
    """Return the shortest and longest interval of a row without problems, in seconds."""
    shortest, longest = row["shortest_seconds"], row["longest_seconds"]
    return (
        0 if shortest == ANY else float(shortest),
        LONGEST if longest == ANY else float(longest),
    )


def line_of(row: Row) -> str:
    """Write a row as a line of CSV, without its end."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([row[name] for name in COLUMNS])
    return text.getvalue()


# --- The seed -----------------------------------------------------------------------------------


def read_seed(file: Path = SEED) -> tuple[str, dict[int, Row]]:
    """Read the seed.

    Returns
    -------
    tuple of str and dict
        Its text, and its rows by the number of the line on which they end.

    Raises
    ------
    UserError
        If the file cannot be read, or its columns are not `COLUMNS` in that order.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the seed {file} cannot be read: {error}") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows = {}
    try:
        head = next(reader, [])
        if tuple(head) != COLUMNS:
            raise UserError(
                f"the first line of {file} is {visible(','.join(head))}. "
                f"Make it {','.join(COLUMNS)}"
            )
        for cells in reader:
            if cells:
                rows[reader.line_num] = dict(zip(COLUMNS, [*cells, *[""] * len(COLUMNS)]))
    except csv.Error as error:
        raise UserError(
            f"the seed {file} cannot be read: {error}, before or in line {reader.line_num}. "
            "Look for a quote that is not closed"
        ) from None
    return text, rows


def same(row: Row, rows: dict[int, Row], today: dt.date) -> int | None:
    """Return the line of a row with the same conditions that has not expired; None without one."""
    for number, other in rows.items():
        is_same = all(row[name] == other[name].strip() for name in CONDITIONS)
        if is_same and not problems(other) and other["expires_on"] >= today.isoformat():
            return number
    return None


def add(new: Iterable[Row], file: Path = SEED) -> list[int]:
    """Append rows to the seed, which is replaced as a whole: no reader sees half of it.

    Returns
    -------
    list of int
        The line of each row.

    Raises
    ------
    UserError
        If the file cannot be read or written.
    """
    text, _ = read_seed(file)
    end = "\r\n" if "\r\n" in text else "\n"
    if not text.endswith("\n"):
        text += end
    lines = [line_of(row) for row in new]
    first = text.count("\n") + 1
    text += "".join(line + end for line in lines)
    mark = b"\xef\xbb\xbf" if file.read_bytes().startswith(b"\xef\xbb\xbf") else b""
    place = file.resolve()
    unfinished = place.with_name(f".{place.name}.{os.getpid()}.new")
    try:
        try:
            unfinished.write_bytes(mark + text.encode())
            shutil.copymode(place, unfinished)
            os.replace(unfinished, place)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"the seed {file} cannot be written: {error}") from None
    return list(range(first, first + len(lines)))


# --- What Sentinel exports ----------------------------------------------------------------------


def read_items(file: Path) -> list[dict[str, Any]]:
    """Read what a portal or an API exported, as a dict for each row or resource.

    CSV with a header; JSON as the REST API answers (``value`` and ``properties``, of watchlists
    ``itemsKeyValue``), as a query's answer (``tables``) or as a list of objects. Names of columns
    are in lower case and without blanks, underscores and the time zone that portals add.

    Raises
    ------
    UserError
        If the file cannot be read or is neither.
    """
    try:
        text = decoded(file.read_bytes()).removeprefix("\ufeff")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from None
    if text.lstrip()[:1] not in ("{", "["):
        try:
            return [named(row) for row in csv.DictReader(io.StringIO(text, newline=""))]
        except csv.Error as error:
            raise UserError(f"{file} cannot be read: {error}") from None
    try:
        return [named(item) for item in resources(json.loads(text))]
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise UserError(f"{file} is neither CSV nor JSON as Sentinel exports it: {error}") from None


def resources(document: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Find the rows in a JSON document."""
    if isinstance(document, dict) and "tables" in document:
        for table in document["tables"]:
            names = [column["name"] for column in table["columns"]]
            yield from (dict(zip(names, row)) for row in table["rows"])
        return
    items = document.get("value", [document]) if isinstance(document, dict) else document
    for item in items:
        properties = item.get("properties", item)
        cells = properties.get("itemsKeyValue") or {}
        yield properties | (json.loads(cells) if isinstance(cells, str) else cells)


def named(item: dict[str, Any]) -> dict[str, Any]:
    """Spell the names of columns in one way."""
    return {
        re.sub(r"[\s_]|\[.*\]", "", str(name)).lower(): value
        for name, value in item.items()
        if name is not None
    }


def suggested(
    items: list[dict[str, Any]],
    findings: list[dict[str, Any]],
    owner: str,
    expires_on: dt.date,
) -> Iterator[tuple[str, Row | None, str]]:
    """Turn what was exported into rows of the seed.

    Parameters
    ----------
    items
        As `read_items` returns them: of a watchlist with the columns of the seed, or incidents.
    findings
        As exported: an incident names a finding by the column BeaconId, or by its title.
    owner
        Of rows and incidents that name none.
    expires_on
        Of rows that name no day, and of incidents.

    Yields
    ------
    tuple of str, dict and str
        What it is of, its row, and why there is no row that could be added; either of the last two
        is there. A row with a problem is none.

    Raises
    ------
    UserError
        If the items are neither.
    """
    names = set().union(*(item.keys() for item in items))
    if {"destinationnetwork", "sourcenetwork"} <= names:
        for number, item in enumerate(items, 1):
            yield from of_watchlist(f"item {number}", item, owner, expires_on)
    elif "classification" in names:
        for item in items:
            yield from of_incident(item, findings, owner, expires_on)
    elif items:
        raise UserError(
            "it has neither the columns destination_network and source_network, as a watchlist, "
            f"nor Classification, as incidents. It has {visible(', '.join(sorted(names)))}"
        )


def of_watchlist(
    what: str, item: dict[str, Any], owner: str, expires_on: dt.date
) -> Iterator[tuple[str, Row | None, str]]:
    """Read one item of a watchlist."""
    if item.get("isdeleted") is True or str(item.get("dtitemstatus")).lower() == "delete":
        return
    defaults = dict.fromkeys(CONDITIONS, ANY) | {"reason": "", "owner": owner}
    defaults["expires_on"] = expires_on.isoformat()
    row = {name: plain(item.get(name.replace("_", "")) or defaults[name]) for name in COLUMNS}
    # Watchlists write days as times.
    row["expires_on"] = re.sub(r"^(\d{4}-\d\d-\d\d)[T ].*", r"\1", row["expires_on"])
    wrong = "; ".join(problems(row))
    if not wrong and row["expires_on"] < dt.datetime.now(dt.timezone.utc).date().isoformat():
        wrong = f"it expired on {row['expires_on']}"
    yield what, None if wrong else row, wrong


def of_incident(
    item: dict[str, Any], findings: list[dict[str, Any]], owner: str, expires_on: dt.date
) -> Iterator[tuple[str, Row | None, str]]:
    """Read one incident, or one row of a query about incidents."""
    title = str(item.get("title") or item.get("incidentname") or "")
    what = f"incident {item.get('incidentnumber') or item.get('incidentid') or ''} {title}".strip()
    how = re.sub(r"[\s_-]", "", str(item.get("classification") or "")).lower()
    if str(item.get("status") or "closed").lower() not in CLOSED or how not in BENIGN:
        return
    beacon_id = item.get("beaconid")
    found = [
        finding
        for finding in findings
        if (finding["beacon_id"] == beacon_id if beacon_id else title_part(finding) in title)
    ]
    if not found:
        yield what, None, "no finding of this export is its"
    comment = plain(item.get("classificationcomment") or f"closed as benign: {what}")
    for finding in found:
        row = row_of(finding, comment, owner_of(item) or owner, expires_on)
        wrong = "; ".join(problems(row))
        yield what, None if wrong else row, wrong


def title_part(finding: dict[str, Any]) -> str:
    """Write what the analytics rule puts into a title about the two ends of a finding."""
    host = finding.get("source_host_name")
    port = finding.get("destination_port")
    return (
        f": {finding['source_ip']}{f' ({host})' if host else ''} to {finding['destination_ip']}"
        f"{'' if port is None else f' port {port}'} {finding.get('protocol') or ''}"
    )


def owner_of(item: dict[str, Any]) -> str:
    """Find who an incident was assigned to; in exported tables it is JSON in a text."""
    owner = item.get("owner") or item.get("assignedto") or ""
    if isinstance(owner, str) and owner.startswith("{"):
        try:
            owner = json.loads(owner)
        except ValueError:
            return ""
    if isinstance(owner, dict):
        names = ("assignedTo", "userPrincipalName", "email")
        owner = next((owner[name] for name in names if owner.get(name)), "")
    return plain(owner)
