"""The ledger of what the service accepted, and the outbox of what it did not, in one SQLite file.

A row of the file is a finding on its way to one destination: waiting, sending, accepted or
rejected. The file is written before anything is sent and after every answer, and is on disk before
the next step. If the process is killed at any point, the file says what is left to do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from enrich.words import UserError

VERSION = 1
SCHEMA = """
create table findings (
    destination text not null,   -- endpoint, rule and stream
    run_id text not null,
    beacon_id text not null,
    end_date text not null,
    state text not null check (state in ('waiting', 'sending', 'accepted', 'rejected')),
    body text,                   -- the row as it is sent; emptied when it was accepted
    attempts integer not null default 0,
    queued_at text not null,
    answered_at text,            -- when it was accepted or rejected
    error text,                  -- of the last attempt
    primary key (destination, run_id, beacon_id, end_date)
) without rowid;
create index findings_by_state on findings (destination, state, queued_at);
"""


class LedgerError(UserError):
    """The ledger cannot be used; the message says which file and what to do."""


class Key(NamedTuple):
    """What identifies a row in every run of the push."""

    run_id: str
    beacon_id: str
    end_date: str


class Queued(NamedTuple):
    """A row of the outbox: its key and the JSON text that is sent."""

    key: Key
    body: str


def now() -> str:
    """Return the time as ISO text, UTC, such as ``2026-09-30T12:00:00.123456Z``."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Ledger:
    """An open ledger, used as a context manager.

    In its methods, `destination` is endpoint, rule and table, as in `PushSettings.destination`.

    Parameters
    ----------
    path
        The SQLite file, on a local disk; created if missing.
    writes
        False to read only: the file must exist, and another push may be running.

    Raises
    ------
    LedgerError
        If the file is not a ledger, has another version, cannot be written, or is in use by another
        push.
    """

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self.path = path
        self._open: list[sqlite3.Connection] = []
        try:
            with self._explained():
                if writes:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    self._lock()
                # Not "ro": a reader may have to roll back what a killed process left half done.
                self._database = self._connect(path, "rwc" if writes else "rw")
                self._database.execute("pragma synchronous = full")
                self._check_version(writes)
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Ledger:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file and let the next push in."""
        self._close()

    def add(self, destination: str, rows: Iterable[Queued]) -> int:
        """Put rows into the outbox; return how many of them were new to the ledger."""
        time = now()
        with self._explained(), self._transaction():
            before = self._database.total_changes
            self._database.executemany(
                "insert into findings (destination, run_id, beacon_id, end_date, state, body,"
                " queued_at) values (?, ?, ?, ?, 'waiting', ?, ?) on conflict do nothing",
                ((destination, *row.key, row.body, time) for row in rows),
            )
            return self._database.total_changes - before

    def outbox(self, destination: str) -> list[Queued]:
        """List rows that are not confirmed yet, oldest first, also those sent without an answer."""
        with self._explained():
            found = self._database.execute(
                "select run_id, beacon_id, end_date, body from findings where destination = ?"
                " and state in ('waiting', 'sending') order by queued_at, end_date, beacon_id",
                (destination,),
            )
            return [Queued(Key(*row[:3]), row[3]) for row in found]

    def states(self, destination: str, keys: Iterable[Key]) -> dict[Key, str]:
        """Return the state of each of these rows, without those that the ledger does not know."""
        query = (
            "select state from findings where destination = ? and run_id = ? and beacon_id = ?"
            " and end_date = ?"
        )
        states = {}
        with self._explained():
            for key in keys:
                found = self._database.execute(query, (destination, *key)).fetchone()
                if found:
                    states[key] = found[0]
        return states

    def sending(self, destination: str, keys: Sequence[Key]) -> None:
        """Note that these rows are being sent: without an answer, they may have arrived or not."""
        self._update(destination, keys, "state = 'sending', attempts = attempts + 1", ())

    def accepted(self, destination: str, keys: Sequence[Key]) -> None:
        """Note that the service confirmed these rows: they are never sent again."""
        changes = "state = 'accepted', body = null, error = null, answered_at = ?"
        self._update(destination, keys, changes, (now(),))

    def failed(self, destination: str, keys: Sequence[Key], error: str, *, for_good: bool) -> None:
        """Note why these rows were not accepted, in words without secrets.

        With `for_good` they are rejected and never sent again; else they wait for the next push.
        """
        if for_good:
            changes = "state = 'rejected', answered_at = ?, error = ?"
            self._update(destination, keys, changes, (now(), error))
        else:
            self._update(destination, keys, "state = 'waiting', error = ?", (error,))

    def counts(self) -> dict[str, dict[str, int]]:
        """Count rows, as in ``{destination: {"accepted": 10, "waiting": 2}}``."""
        counts: dict[str, dict[str, int]] = {}
        with self._explained():
            for destination, state, rows in self._database.execute(
                "select destination, state, count(*) from findings group by 1, 2 order by 1, 2"
            ):
                counts.setdefault(destination, {})[state] = rows
        return counts

    def summary(self, destination: str) -> tuple[str | None, str | None, list[str]]:
        """Summarize a destination.

        Returns
        -------
        tuple
            When the service last accepted a row, when the oldest waiting row was queued (both ISO
            text, UTC, or None), and up to 10 distinct errors of waiting or rejected rows.
        """
        with self._explained():
            accepted, waiting = self._database.execute(
                "select max(case when state = 'accepted' then answered_at end),"
                " min(case when state in ('waiting', 'sending') then queued_at end)"
                " from findings where destination = ?",
                (destination,),
            ).fetchone()
            errors = self._database.execute(
                "select distinct error from findings where destination = ? and error is not null"
                " order by error limit 10",
                (destination,),
            )
            return accepted, waiting, [error for (error,) in errors]

    def _update(
        self, destination: str, keys: Sequence[Key], changes: str, values: tuple[str, ...]
    ) -> None:
        """Change rows in one transaction: if the process dies, none of them is changed."""
        with self._explained(), self._transaction():
            self._database.executemany(
                f"update findings set {changes} where destination = ? and run_id = ?"
                " and beacon_id = ? and end_date = ? and state <> 'accepted'",
                ((*values, destination, *key) for key in keys),
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._database.execute("rollback")
            raise
        self._database.execute("commit")

    def _connect(self, path: Path, mode: str, wait_seconds: float = 5) -> sqlite3.Connection:
        # No implicit transactions: we begin each one ourselves.
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=wait_seconds,
            isolation_level=None,
        )
        self._open.append(connection)
        return connection

    def _close(self) -> None:
        for connection in self._open:
            connection.close()

    def _lock(self) -> None:
        """Hold a lock that the operating system releases however the process ends."""
        lock = self._connect(self.path.with_name(self.path.name + ".lock"), "rwc", 0)
        try:
            lock.execute("begin exclusive")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            raise LedgerError(
                f"another push is at work with the ledger {self.path}. Wait until it is done."
            ) from error

    def _check_version(self, writes: bool) -> None:
        version = self._database.execute("pragma user_version").fetchone()[0]
        if version == 0:
            if not writes:  # its creator was killed before it wrote the schema: read an empty one
                self._database = sqlite3.connect(":memory:", isolation_level=None)
                self._open.append(self._database)
            with self._transaction():
                for statement in SCHEMA.split(";\n"):
                    self._database.execute(statement)
                self._database.execute(f"pragma user_version = {VERSION}")
        elif version != VERSION:
            raise LedgerError(
                f"the ledger {self.path} has version {version}, this program knows {VERSION}. "
                "Use the newer program, or name another file in push.ledger."
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors of SQLite and of the file system into a `LedgerError`."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise LedgerError(
                f"the ledger {self.path} cannot be used: {error}. If it is broken, restore it from "
                "a copy; without it, rows of exports that are pushed again arrive twice, and the "
                "KQL function hides the second copy."
            ) from error
