"""dbt-spark that locks the tables of this machine, and says in a few lines what Spark says."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from agate import Table
from dbt.adapters.contracts.connection import AdapterResponse, Connection
from dbt.adapters.events.logging import AdapterLogger
from dbt.adapters.guarded.lock import WRITING, lock_tables
from dbt.adapters.guarded.seeds import refuse_seeds_that_are_not_utf8
from dbt.adapters.guarded.words import in_words
from dbt.adapters.spark.connections import SparkConnectionManager, SparkCredentials
from dbt.adapters.spark.impl import SparkAdapter
from dbt_common.exceptions import DbtDatabaseError, DbtRuntimeError

logger = AdapterLogger("Spark")

# What holds the lock: a process that has the metastore open, or a command that writes by `server`.
METASTORE, SERVER = ".metastore.lock", ".server.lock"
CATALOG = "spark.sql.catalogImplementation"


@dataclass
class GuardedCredentials(SparkCredentials):
    """The profile's fields: those of dbt-spark, and `folder`, which holds warehouse and locks."""

    folder: str = ""

    def __post_init__(self) -> None:
        """Look at the seeds, which dbt reads next."""
        super().__post_init__()
        refuse_seeds_that_are_not_utf8()

    @property
    def type(self) -> str:
        """Return the adapter's name."""
        return "guarded"


class SparkSaysError(DbtDatabaseError):
    """An error of Spark, in words."""


def hold_metastore(folder: Path, command: str) -> IO[str] | None:
    """Hold the tables in a folder with their metastore, and remove one that was never whole.

    Derby writes service.properties last, and refuses to open, or make anew, a database without it:
    that of a command that was killed while it made the metastore. Parameters, result and errors
    are those of `lock_tables`.
    """
    lock = lock_tables(folder, command, METASTORE)
    metastore = folder / "metastore"
    properties = metastore / "service.properties"
    is_whole = properties.is_file() and properties.stat().st_size > 0
    if lock and metastore.is_dir() and not is_whole:
        shutil.rmtree(metastore)
    return lock


class GuardedConnectionManager(SparkConnectionManager):
    """dbt-spark's connections, behind the lock, and those of method `session` on one session."""

    TYPE = "guarded"

    @classmethod
    def open(cls, connection: Connection) -> Connection:
        """Open a connection; the session starts with its first statement."""
        super().open(connection)
        credentials = connection.credentials
        if credentials.method == "session":
            from dbt.adapters.guarded.session import on_one_session  # PySpark takes its time

            settings = credentials.server_side_parameters
            # As dbt-spark does; a server's catalog is its own.
            catalog = {} if "spark.remote" in settings else {CATALOG: "hive"}
            connection.handle = on_one_session(catalog | settings)
        return connection

    def hold_tables(self) -> None:
        """Hold the tables: the metastore serves one process, and the server one that writes."""
        credentials, command = self.profile.credentials, self.profile.args.which
        if not credentials.folder:
            return
        folder = Path(credentials.folder).resolve()
        if credentials.method == "session":
            hold_metastore(folder, f"dbt {command}")
        elif command in WRITING:
            lock_tables(folder, f"dbt {command}", SERVER)

    @contextmanager
    def exception_handler(self, sql: str) -> Generator[None, None, None]:
        """Raise what Spark raises as `SparkSaysError`; all of it is in dbt's log."""
        self.hold_tables()
        try:
            yield
        except Exception as error:
            is_ours = isinstance(error, DbtRuntimeError) and not isinstance(error, DbtDatabaseError)
            if is_ours or isinstance(error, SparkSaysError):
                raise
            logger.debug(f"Error while running:\n{sql}\n{error}")
            status = getattr(error.args[0] if error.args else None, "status", None)
            said = status.errorMessage if status else getattr(error, "msg", str(error))
            raise SparkSaysError(in_words(said, sql)) from None

    def execute(
        self, sql: str, auto_begin: bool = False, fetch: bool = False, limit: int | None = None
    ) -> tuple[AdapterResponse, Table]:
        """Run a statement; Spark reads files only when its rows are fetched."""
        with self.exception_handler(sql):
            return super().execute(sql, auto_begin, fetch, limit)


class GuardedAdapter(SparkAdapter):
    """dbt-spark's adapter, with these connections."""

    ConnectionManager = GuardedConnectionManager

    @classmethod
    def type(cls) -> str:
        """Return the adapter's name."""
        return "guarded"
