"""Answers of remote lookups on disk, each kept for its lookup's `lifetime_days`."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from pathlib import Path

from enrich.lookups.kind import Answer, Unavailable
from enrich.storage import make_private


class Cache:
    """A SQLite file of plain JSON: unpickling would run code that somebody wrote into the file.

    Parameters
    ----------
    path
        Created if missing, readable only by its owner, because it shows what is hunted. None
        keeps answers in memory.

    Raises
    ------
    Unavailable
        If the file is not a cache or cannot be created.
    """

    def __init__(self, path: Path | None) -> None:
        try:
            if path:
                make_private(path)
            self.db = sqlite3.connect(path or ":memory:", timeout=10, isolation_level=None)
            self.db.execute("pragma journal_mode = wal")
            self.db.execute(
                "create table if not exists answers "
                "(kind text, address text, expires real, status text, answer text, "
                "primary key (kind, address)) without rowid"
            )
            self.db.execute("delete from answers where expires < ?", (time.time(),))
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(f"the cache {path} cannot be used ({error}). Delete it.") from None

    def get(self, lookup: str, address: str) -> Answer | None:
        """Return a lookup's answer for an address; None if it is missing or expired."""
        query = "select status, answer from answers where kind = ? and address = ? and expires >= ?"
        try:
            row = self.db.execute(query, (lookup, address, time.time())).fetchone()
            return Answer(row[0], json.loads(row[1])) if row else None
        except (sqlite3.Error, ValueError):  # a broken cache costs new questions, not answers
            return None

    def put(self, lookup: str, address: str, answer: Answer, lifetime_days: float) -> None:
        """Keep an answer. Failures are never kept: the next run asks again."""
        if answer.status not in ("ok", "miss"):
            return
        expires = time.time() + lifetime_days * 86400
        row = (lookup, address, expires, answer.status, json.dumps(answer.values))
        with contextlib.suppress(sqlite3.Error):  # such as a full disk: the answer is not lost
            self.db.execute("insert or replace into answers values (?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        """Close the file."""
        self.db.close()
