"""How dbt reaches the embedded engine: the profile's fields."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dbt.adapters.sail.connections import SailConnectionManager, SailCredentials
from dbt_common.exceptions import DbtConfigError


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
