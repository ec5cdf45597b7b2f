"""Push findings to a Microsoft Sentinel table through Azure Monitor's Logs Ingestion API.

Every row goes through the ledger: it enters the outbox before anything is sent, and leaves it when
the service has confirmed it. If the push is killed at any point and run again, every row arrives,
and no row is sent again after its confirmation was read, unless lookups have found more since. If
the service accepts a row but its answer is lost, the row is sent a second time, because the service
cannot be asked what it has; the KQL function hides the copy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from enrich import severity
from enrich.contract import LOOKUP_COLUMNS, all_columns, run_columns
from enrich.push import bookmarks
from enrich.push.azure_clients import ingestion_client
from enrich.push.columns import cleaned, json_text, row_text, table_columns
from enrich.push.ledger import Key, Ledger, Queued, now
from enrich.push.results import PushResult, PushStatus
from enrich.push.sender import Progress, Sender
from enrich.push.settings import PushError, PushSettings

OF_A_RUN = "run"  # the beacon_id in the ledger of a row that is a run's, not a finding's

Say = Callable[[str], None]


def push(
    findings: list[dict[str, Any]],
    settings: PushSettings,
    progress: Progress | None = None,
    dry_run: bool = False,
    run: dict[str, Any] | None = None,
    say: Say = lambda text: None,
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
    run
        The row of the run, as `enrich.export.read_run` returns it; it goes to a table of its own.
    say
        Told what the user should know before anything is sent.

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
    runs = dict([row_of_run(run)]) if run else {}
    with Ledger(settings.ledger) as ledger:
        say_of_other_rules(ledger, settings, say)
        batches = [(settings.table, rows, progress), (settings.runs_table, runs, None)]
        for table, batch, _ in batches:
            ledger.add(settings.destination_of(table), batch.values())
        states = ledger.states(settings.destination_of(settings.table), rows)
        result.already_accepted = count(states, "accepted")
        for table, _, counted in batches:
            if not send(ledger, settings, table, result, counted, say):
                break
        for table, _, _ in batches:
            add_what_is_left(ledger, settings.destination_of(table), result)
    if settings.bookmarks:
        bookmarks.make_all(findings, settings, result)
    return result


def send(
    ledger: Ledger,
    settings: PushSettings,
    table: str,
    result: PushResult,
    progress: Progress | None,
    say: Say,
) -> bool:
    """Send the outbox of one table; return False if the service cannot be reached."""
    destination = settings.destination_of(table)
    outbox = ledger.outbox(destination)
    if not outbox:
        return True
    columns = [column["name"] for column in table_columns(columns_of(settings, table))]
    say_of_columns(ledger, destination, table, columns, say)
    with ingestion_client(settings) as client:
        sender = Sender(ledger, client, settings, table, result, progress)
        sender.send(outbox)
    if sender.accepted:
        ledger.note_columns(destination, columns)
    return sender.is_reached


def add_what_is_left(ledger: Ledger, destination: str, result: PushResult) -> None:
    """Add to the result what waits in the outbox and what was set aside."""
    counts = ledger.counts().get(destination, {})
    result.waiting += counts.get("waiting", 0) + counts.get("sending", 0)
    result.in_doubt += counts.get("sending", 0)
    result.rejected += counts.get("rejected", 0)
    if counts.get("rejected") and not result.problems:
        result.problems = ledger.summary(destination)[2]


def columns_of(settings: PushSettings, table: str) -> dict[str, str]:
    """Return the columns of a finding or of a run, by the table."""
    return run_columns() if table == settings.runs_table else all_columns()


def say_of_columns(
    ledger: Ledger, destination: str, table: str, columns: list[str], say: Say
) -> None:
    """Say which columns the service may not know: it drops them without a word."""
    deploy = (
        "Deploy deploy/sentinel/main.bicep of this version before the push: the service drops "
        "columns that the rule does not have, and says nothing."
    )
    sent = ledger.columns_sent(destination)
    if sent is not None:
        if new := [name for name in columns if name not in sent]:
            say(f"{table} has new columns since the last push: {', '.join(new)}. {deploy}")
    elif ledger.counts().get(destination, {}).get("accepted"):
        say(f"{table} was last pushed by an older version. {deploy}")


def say_of_other_rules(ledger: Ledger, settings: PushSettings, say: Say) -> None:
    """Say that rows wait for a rule that is no longer the one in the settings."""
    for destination, counts in ledger.counts().items():
        endpoint, rule_id, table = destination.split(" ")
        waiting = sum(counts.values()) - counts.get("accepted", 0)
        if waiting and rule_id != settings.rule_id:
            say(
                f"{waiting} rows of {table} wait for the rule {rule_id} at {endpoint}. "
                f"push --from-rule {rule_id} moves them to {settings.rule_id}"
            )


def foresee(rows: dict[Key, Queued], settings: PushSettings, result: PushResult) -> None:
    """Fill in what a push would do, according to the ledger."""
    to_send, accepted, outbox = set(rows), 0, set()
    if settings.ledger.exists():
        with Ledger(settings.ledger, writes=False) as ledger:
            destination = settings.destination_of(settings.table)
            versions = ledger.versions(destination, rows)
            for key, (state, version) in versions.items():
                is_news = rows[key].version not in ("", version)
                if state in ("accepted", "rejected") and not is_news:
                    to_send.discard(key)
                    accepted += state == "accepted"
            outbox = {row.key for row in ledger.outbox(destination)} - to_send
            result.rejected = ledger.counts().get(destination, {}).get("rejected", 0)
            result.outbox = len(outbox) + len(
                ledger.outbox(settings.destination_of(settings.runs_table))
            )
    result.already_accepted = accepted
    result.waiting = len(to_send)


def change_outbox(
    settings: PushSettings,
    from_rule: str | None = None,
    retry_rejected: bool = False,
    forget_rejected: bool = False,
) -> list[str]:
    """Change what waits, before a push, and say in words what was done.

    Parameters
    ----------
    settings
        Where rows go now.
    from_rule
        Id of an earlier rule, whose unsent rows are moved to the one in the settings.
    retry_rejected, forget_rejected
        Send the rows that were set aside again, or delete them.

    Raises
    ------
    PushError
        If nothing waits for that rule, or a setting is invalid.
    enrich.push.ledger.LedgerError
        If the ledger cannot be used.
    """
    settings.check()
    said = []
    with Ledger(settings.ledger) as ledger:
        if from_rule:
            old = [name for name in ledger.counts() if name.split(" ")[1] == from_rule]
            if not old or from_rule == settings.rule_id:
                known = ", ".join(sorted({name.split(" ")[1] for name in ledger.counts()}))
                raise PushError(
                    f"the ledger {settings.ledger} knows no other rule {from_rule!r}, only "
                    f"{known or 'none'}."
                )
            moved = sum(
                ledger.move(name, settings.destination_of(name.split(" ")[2])) for name in old
            )
            said.append(f"{moved} rows moved from the rule {from_rule} to {settings.rule_id}")
        for table in (settings.runs_table, settings.table):
            destination = settings.destination_of(table)
            if forget_rejected and (rows := ledger.forget_rejected(destination)):
                said.append(f"{rows} rows of {table} that were set aside are deleted")
            if retry_rejected and (rows := ledger.retry_rejected(destination)):
                said.append(f"{rows} rows of {table} that were set aside are sent again")
    return said


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
        finding = finding | severity.columns_of(finding)
        body = row_text(finding, columns, time_generated)
        rows[key] = Queued(key, body, version_of(finding))
    return rows


def row_of_run(run: dict[str, Any]) -> tuple[Key, Queued]:
    """Make the row of a run that is sent, and its key."""
    key = Key(run["run_id"], OF_A_RUN, run["end_date"])
    return key, Queued(key, row_text(run, run_columns(), now()))


def version_of(finding: dict[str, Any]) -> str:
    """Name what the lookups found: another name, another version of the row; empty if not done.

    Their statuses are left out: it is no news that a lookup failed for another reason.
    """
    if not finding.keys() >= LOOKUP_COLUMNS.keys():
        return ""
    found = [finding[name] for name in LOOKUP_COLUMNS if not name.endswith("_status")]
    return hashlib.sha256(json_text(cleaned(found)).encode()).hexdigest()[:16]


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
