"""How dbt reaches the embedded engine: the profile's fields, and the lock on the tables."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import IO

from dbt.adapters.sail.connections import SailConnectionManager, SailCredentials
from dbt_common.exceptions import DbtConfigError, DbtRuntimeError

LOCK = ".lock"


@dataclass
class EmbeddedCredentials(SailCredentials):
    """The profile's fields: those of dbt-sail, and `folder`, which holds the tables."""

    folder: str = ""

    @property
    def type(self) -> str:
        """Return the adapter's name."""
        return "embedded"

    def _connection_keys(self) -> tuple[str, ...]:
        return ("folder", "schema")

    def __post_init__(self) -> None:
        """Make the folder absolute."""
        super().__post_init__()
        if not self.folder:
            raise DbtConfigError(
                "the target has no `folder` for the tables; see profiles.yml.example"
            )
        self.folder = str(Path(self.folder).resolve())


class EmbeddedConnectionManager(SailConnectionManager):
    """dbt-sail's connections: the engine starts once in this process."""

    TYPE = "embedded"


_lock: IO[str] | None = None


def lock_tables(folder: Path, command: str) -> bool:
    """Hold the tables in a folder for this process; return False if it holds them already.

    The operating system releases the lock when the process ends, however it ends.

    Raises
    ------
    DbtRuntimeError
        If another process holds them, and the message names it; or if the folder is not writable.
    """
    global _lock
    path = folder / LOCK
    if _lock is not None and _lock.name == str(path):
        return False
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
            f"the tables in {folder} are held by process {holder.get('process', 'unknown')} "
            f"(dbt {holder.get('command', '')}, since {holder.get('since', 'a moment ago')}). "
            "Nothing was changed. Wait until it has ended, or set BEACONING_OUTPUT to another one."
        ) from None
    _lock = file
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    # On a full disk the lock holds without its text.
    with contextlib.suppress(OSError):
        file.truncate(0)
        json.dump({"process": os.getpid(), "command": command, "since": now}, file)
        file.flush()
    return True


def cannot_write(folder: Path, error: OSError) -> str:
    """Say that a folder of tables cannot be written, and the cure."""
    cure = "Mend that, or set BEACONING_OUTPUT to another one."
    return f"the tables in {folder} cannot be written: {error.strerror}. {cure}"
