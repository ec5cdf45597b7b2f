"""How dbt reaches the embedded engine: the profile's fields, and where its session comes from."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dbt.adapters.guarded.lock import cannot_write
from dbt.adapters.guarded.seeds import refuse_seeds_that_are_not_utf8
from dbt.adapters.guarded.session import on_one_session, session_with
from dbt.adapters.sail.connections import SailConnectionManager, SailCredentials
from dbt.adapters.spark.session import SessionConnectionWrapper
from dbt_common.exceptions import DbtConfigError


def plain_path(folder: Path) -> Path:
    """Return a path to a folder that the engine takes: a link, where its own has odd characters.

    Sail writes blanks, letters beyond ASCII, % and # of a table's path as a URL does, and then
    looks for a folder of that name. The link is the same for each command, so that dbt parses
    the project once.
    """
    place = Path(tempfile.gettempdir()).resolve()
    if is_plain(folder) or not is_plain(place):
        return folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    link = place / f"network_beaconing-{os.getuid()}-{name}" / "tables"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        link.parent.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileExistsError):
            link.symlink_to(folder)
    except OSError as error:
        raise DbtConfigError(cannot_write(folder, error)) from None
    # Others may write into the folder of temporary files.
    if link.parent.stat().st_uid != os.getuid() or link.resolve() != folder:
        raise DbtConfigError(f"{link} is not a link of yours to {folder}. Remove it")
    return link


def is_plain(path: Path) -> bool:
    """Tell whether a URL has the characters of a path as they are."""
    return re.fullmatch(r"[A-Za-z0-9_./=-]*", str(path)) is not None


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
        """Make the folder absolute, and one that the engine takes."""
        super().__post_init__()
        refuse_seeds_that_are_not_utf8()
        if not self.folder:
            raise DbtConfigError(
                "the target has no `folder` for the tables; see profiles.yml.example"
            )
        self.folder = str(plain_path(Path(self.folder).resolve()))


class EmbeddedConnectionManager(SailConnectionManager):
    """dbt-sail's connections: the engine, and a session of it, start once in this process."""

    TYPE = "embedded"

    @classmethod
    def _open_embedded(cls, creds: EmbeddedCredentials) -> SessionConnectionWrapper:
        settings = super()._open_embedded(creds).handle.server_side_parameters
        # No connection breaks within a process: results need not be kept for another one.
        session_with(*settings.items()).client.disable_reattachable_execute()
        return on_one_session(settings)
