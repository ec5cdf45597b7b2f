"""A lock on tables of this machine, for one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

from dbt_common.exceptions import DbtRuntimeError

# Commands of dbt that change tables.
WRITING = ("build", "run", "seed", "snapshot", "retry", "clone", "run-operation")
OUTPUT = "or set BEACONING_OUTPUT to another one."
WAIT = "Wait until it has ended"

_held: dict[Path, IO[str]] = {}


def lock_tables(folder: Path, command: str, name: str = ".lock") -> IO[str] | None:
    """Hold the tables in a folder for this process, and those that get the file from it.

    The operating system releases the lock when the last of them ends, however it ends.

    Parameters
    ----------
    folder
        Where the tables are.
    command
        What holds them, for the message of another process.
    name
        The lock's file in the folder.

    Returns
    -------
    IO[str] or None
        The lock's file; None if this process holds it already.

    Raises
    ------
    DbtRuntimeError
        If another process holds them, and the message names it; or if the folder is not writable.
    """
    path = folder / name
    if path in _held:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")  # stays open: closing it would release the lock
    except OSError as error:
        raise DbtRuntimeError(cannot_write(folder, error)) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = json.loads(file.read() or "{}")
        raise DbtRuntimeError(
            f"the tables in {folder.resolve()} are held by process "
            f"{holder.get('process', 'unknown')} ({holder.get('command', 'of dbt')}, "
            f"since {holder.get('since', 'a moment ago')}). "
            f"Nothing was changed. {holder.get('cure', WAIT)}, {OUTPUT}"
        ) from None
    _held[path] = file
    note_holder(file, os.getpid(), command)
    return file


def note_holder(file: IO[str], process: int, command: str, cure: str = WAIT) -> None:
    """Write into a lock's file who holds it, since now, and what others can do about it."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    holder = {"process": process, "command": command, "since": now, "cure": cure}
    # On a full disk the lock holds without its text.
    with contextlib.suppress(OSError):
        file.truncate(0)
        json.dump(holder, file)
        file.flush()


def cannot_write(folder: Path, error: OSError) -> str:
    """Say that a folder of tables cannot be written, and the cure."""
    return (
        f"the tables in {folder.resolve()} cannot be written: {error.strerror}. Mend that, {OUTPUT}"
    )
