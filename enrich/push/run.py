"""Push findings to a Microsoft Sentinel table through Azure Monitor's Logs Ingestion API.

Every row goes through the ledger: it enters the outbox before anything is sent, and leaves it when
the service has confirmed it. If the push is killed at any point and run again, every row arrives,
and no row is sent again after its confirmation was read. If the service accepts a row but its
answer is lost, the row is sent a second time, because the service cannot be asked what it has; the
KQL function hides the copy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from enrich.contract import all_columns
from enrich.push import bookmarks
from enrich.push.azure_clients import ingestion_client
from enrich.push.columns import json_text, to_row
from enrich.push.ledger import Key, Ledger, Queued, now
from enrich.push.results import PushResult, PushStatus
from enrich.push.sender import Progress, Sender
from enrich.push.settings import PushError, PushSettings


def push(
    findings: list[dict[str, Any]],
    settings: PushSettings,
    progress: Progress | None = None,
    dry_run: bool = False,
) -> PushResult:
    """Send findings, and what earlier pushes left in the outbox, to the Sentinel table.

    Parameters
    ----------
    findings
        As `enrich.export.read_findings` returns them, with or without lookup columns.
    settings
        Where and how.
    progress
        Called after every request with the number of rows done and the total.
    dry_run
        Only say what would be sent; nothing is written either.

    Returns
    -------
    PushResult
        Returned also if the service cannot be reached; the rows then wait in the outbox.

    Raises
    ------
    PushError
        If a setting is invalid, a finding has no key, or two findings have the same key.
    enrich.push.ledger.LedgerError
        If the ledger cannot be used, or another push is using it.
    """
    settings.check()
    rows = rows_of(findings)
    result = PushResult(findings=len(findings), dry_run=dry_run)
    if dry_run:
        foresee(rows, settings, result)
        return result
    with Ledger(settings.ledger) as ledger:
        states = ledger.states(settings.destination, rows)
        result.already_accepted = count(states, "accepted")
        ledger.add(settings.destination, rows.values())
        outbox = ledger.outbox(settings.destination)
        if outbox:
            with ingestion_client(settings) as client:
                Sender(ledger, client, settings, result, progress).send(outbox)
        result.waiting = len(ledger.outbox(settings.destination))
        result.rejected = count(ledger.states(settings.destination, rows), "rejected")
        if result.rejected and not result.problems:
            result.problems = ledger.summary(settings.destination)[2]
    if settings.bookmarks:
        bookmarks.make_all(findings, settings, result)
    return result


def status(settings: PushSettings) -> list[PushStatus]:
    """Say what the ledger holds, without sending or writing anything.

    Parameters
    ----------
    settings
        Only `ledger` is used.

    Returns
    -------
    list of PushStatus
        One item per destination; empty if nothing was ever pushed.

    Raises
    ------
    enrich.push.ledger.LedgerError
        If the file is not a ledger.
    """
    if not settings.ledger.exists():
        return []
    with Ledger(settings.ledger, writes=False) as ledger:
        return [
            PushStatus(
                destination,
                counts.get("accepted", 0),
                counts.get("waiting", 0),
                counts.get("sending", 0),
                counts.get("rejected", 0),
                *ledger.summary(destination),
            )
            for destination, counts in ledger.counts().items()
        ]


def foresee(rows: dict[Key, Queued], settings: PushSettings, result: PushResult) -> None:
    """Fill in what a push would do, according to the ledger."""
    states: dict[Key, str] = {}
    if settings.ledger.exists():
        with Ledger(settings.ledger, writes=False) as ledger:
            states = ledger.states(settings.destination, rows)
    unknown = len(rows) - len(states)
    result.already_accepted = count(states, "accepted")
    result.rejected = count(states, "rejected")
    result.waiting = unknown + count(states, "waiting", "sending")


def count(states: dict[Key, str], *wanted: str) -> int:
    """Count the rows in one of these states."""
    return sum(state in wanted for state in states.values())


def rows_of(findings: Iterable[dict[str, Any]]) -> dict[Key, Queued]:
    """Make the rows that are sent; raise `PushError` if two findings have the same key."""
    columns, time_generated = all_columns(), now()
    rows: dict[Key, Queued] = {}
    for number, finding in enumerate(findings, start=1):
        key = row_key(finding, number)
        if key in rows:
            raise PushError(
                f"finding {number} is there twice (beacon_id {key.beacon_id}, "
                f"run_id {key.run_id}). The export is damaged: run `dbt build` again. "
                "Nothing was sent."
            )
        rows[key] = Queued(key, json_text(to_row(finding, columns, time_generated)))
    return rows


def row_key(finding: dict[str, Any], number: int) -> Key:
    """Return the key of a finding, the same in every push; `number` is its place in the export.

    Raise `PushError` if a part of the key is missing.
    """
    for name in Key._fields:
        if not isinstance(finding.get(name), str) or not finding[name]:
            raise PushError(
                f"finding {number} has {name} = {finding.get(name)!r}; without it, it cannot be "
                "known again. Run `dbt build` again. Nothing was sent."
            )
    return Key(*(finding[name] for name in Key._fields))
