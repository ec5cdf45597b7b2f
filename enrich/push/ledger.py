"""The ledger of what the service accepted, and the outbox of what it did not, in one SQLite file.

A row of the file is a finding, or the row of a run, on its way to one destination: waiting,
sending, accepted or rejected. The file is written before anything is sent and after every answer,
and is on disk before the next step. If the process is killed at any point, the file says what is
left to do. A row that was sent without an answer stays in the state sending, whatever answers
later attempts get, until one is accepted: it may have arrived.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from enrich.storage import make_private
from enrich.words import UserError

VERSION = 2
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
# What each later version added: how many answers about a row were lost, which version of a row
# was queued (by what the lookups found), and the columns with which rows last arrived.
ADDED = {
    2: """
alter table findings add column doubts integer not null default 0;
alter table findings add column version text not null default '';
create table columns_sent (destination text primary key, columns text not null) without rowid;
""",
}


class LedgerError(UserError):
    """The ledger cannot be used; the message says which file and what to do."""


class Key(NamedTuple):
    """What identifies a row in every run of the push."""

    run_id: str
    beacon_id: str
    end_date: str


class Queued(NamedTuple):
    """A row of the outbox: its key, the JSON text that is sent, and the version of that text.

    A row with another version, unless that is empty, is sent again, also after it was accepted.
    """

    key: Key
    body: str
    version: str = ""


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
                    make_private(path)
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

    def add(self, destination: str, rows: Iterable[Queued]) -> None:
        """Put rows into the outbox: those that the ledger does not know, and other versions."""
        time = now()
        with self._explained(), self._transaction():
            # What a killed push was sending may have arrived.
            self._database.execute(
                "update findings set doubts = 1"
                " where destination = ? and state = 'sending' and doubts = 0",
                (destination,),
            )
            self._database.executemany(
                "insert into findings (destination, run_id, beacon_id, end_date, state, body,"
                " queued_at, version) values (?, ?, ?, ?, 'waiting', ?, ?, ?)"
                " on conflict do update set body = excluded.body, version = excluded.version,"
                " queued_at = excluded.queued_at, error = null,"
                " state = case state when 'sending' then state else 'waiting' end"
                " where excluded.version <> '' and version <> excluded.version",
                ((destination, *row.key, row.body, time, row.version) for row in rows),
            )

    def outbox(self, destination: str) -> list[Queued]:
        """List rows that are not confirmed yet, also those sent without an answer.

        Rows in doubt come first, so that few rows are; then new ones, then those that failed, least
        tried first: rows that fail again and again block no others.
        """
        with self._explained():
            found = self._database.execute(
                "select run_id, beacon_id, end_date, body, version from findings"
                " where destination = ? and state in ('waiting', 'sending')"
                " order by case when state = 'sending' and attempts < 4 then 0"
                " when error is null then 1 else 2 end, attempts, queued_at, end_date, beacon_id",
                (destination,),
            )
            return [Queued(Key(*row[:3]), *row[3:]) for row in found]

    def states(self, destination: str, keys: Iterable[Key]) -> dict[Key, str]:
        """Return the state of each of these rows, without those that the ledger does not know."""
        return {key: state for key, (state, _) in self.versions(destination, keys).items()}

    def versions(self, destination: str, keys: Iterable[Key]) -> dict[Key, tuple[str, str]]:
        """Return state and version of each of these rows that the ledger knows."""
        query = (
            "select state, version from findings where destination = ? and run_id = ?"
            " and beacon_id = ? and end_date = ?"
        )
        versions = {}
        with self._explained():
            for key in keys:
                found = self._database.execute(query, (destination, *key)).fetchone()
                if found:
                    versions[key] = found
        return versions

    def sending(self, destination: str, keys: Sequence[Key]) -> None:
        """Note that these rows are being sent: without an answer, they may have arrived or not."""
        self._update(destination, keys, "state = 'sending', attempts = attempts + 1", ())

    def accepted(self, destination: str, keys: Sequence[Key]) -> None:
        """Note that the service confirmed these rows: they are never sent again."""
        changes = "state = 'accepted', body = null, error = null, doubts = 0, answered_at = ?"
        self._update(destination, keys, changes, (now(),))

    def lost(self, destination: str, keys: Sequence[Key], error: str) -> None:
        """Note that the answer about these rows was lost: they may have arrived, or not."""
        self._update(destination, keys, "doubts = doubts + 1, error = ?", (error,))

    def refused(self, destination: str, keys: Sequence[Key], error: str) -> None:
        """Note why these rows were not accepted, in words without secrets; they wait."""
        state = "case when doubts > 0 then 'sending' else 'waiting' end"
        self._update(destination, keys, f"state = {state}, error = ?", (error,))

    def rejected(self, destination: str, keys: Sequence[Key], error: str) -> None:
        """Set these rows aside: they are not sent again unless somebody asks for it."""
        changes = "state = 'rejected', answered_at = ?, error = ?"
        self._update(destination, keys, changes, (now(), error))

    def retry_rejected(self, destination: str) -> int:
        """Put the rows that were set aside back into the outbox; return how many."""
        return self._change(
            "update findings set state = 'waiting', attempts = 0"
            " where destination = ? and state = 'rejected'",
            (destination,),
        )

    def forget_rejected(self, destination: str) -> int:
        """Delete the rows that were set aside; return how many."""
        return self._change(
            "delete from findings where destination = ? and state = 'rejected'", (destination,)
        )

    def move(self, old: str, new: str) -> int:
        """Move what was not accepted from one destination to another; return how many rows."""
        with self._explained(), self._transaction():
            self._database.execute(
                "insert or ignore into findings (destination, run_id, beacon_id, end_date, state,"
                " body, queued_at, doubts, version) select ?, run_id, beacon_id, end_date,"
                " case state when 'rejected' then 'waiting' else state end, body, queued_at,"
                " doubts, version from findings where destination = ? and state <> 'accepted'",
                (new, old),
            )
            return self._database.execute(
                "delete from findings where destination = ? and state <> 'accepted'", (old,)
            ).rowcount

    def columns_sent(self, destination: str) -> set[str] | None:
        """Return the columns of the last push that arrived; None if it is not known."""
        with self._explained():
            row = self._database.execute(
                "select columns from columns_sent where destination = ?", (destination,)
            ).fetchone()
            return set(row[0].split()) if row else None

    def note_columns(self, destination: str, columns: Iterable[str]) -> None:
        """Note with which columns rows have arrived."""
        self._change(
            "insert or replace into columns_sent values (?, ?)", (destination, " ".join(columns))
        )

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

    def _change(self, statement: str, values: tuple[str, ...]) -> int:
        with self._explained(), self._transaction():
            return self._database.execute(statement, values).rowcount

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
            if self._database.in_transaction:  # SQLite itself rolls back where the disk is full
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
        path = self.path.with_name(self.path.name + ".lock")
        make_private(path)
        lock = self._connect(path, "rwc", 0)
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
        if version > VERSION:
            raise LedgerError(
                f"the ledger {self.path} has version {version}, this program knows {VERSION}. "
                "Use the newer program, or name another file in push.ledger."
            )
        if version == VERSION:
            return
        if not writes:  # the file is left as it is: look at an updated copy in memory
            file, self._database = self._database, sqlite3.connect(":memory:", isolation_level=None)
            self._open.append(self._database)
            file.backup(self._database)
        with self._transaction():
            for added in [SCHEMA] * (version == 0) + [
                ADDED[later] for later in sorted(ADDED) if later > version
            ]:
                for statement in added.split(";\n"):
                    self._database.execute(statement)
            self._database.execute(f"pragma user_version = {VERSION}")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors of SQLite and of the file system into a `LedgerError`."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if "disk is full" in str(error) or getattr(error, "errno", 0) == errno.ENOSPC:
                raise LedgerError(
                    f"the disk of the ledger {self.path} is full. Free some space and push again: "
                    "no row is lost, and a row whose answer could not be noted is sent again."
                ) from error
            raise LedgerError(
                f"the ledger {self.path} cannot be used: {error}. If it is broken, restore it from "
                "a copy; without it, rows of exports that are pushed again arrive twice, and the "
                "KQL function hides the second copy."
            ) from error
