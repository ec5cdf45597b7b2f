"""dbt-spark's method `session`, with one session for all statements of this process."""

from __future__ import annotations

from functools import lru_cache

from dbt.adapters.spark.session import Connection, Cursor, SessionConnectionWrapper
from dbt_common.exceptions import DbtRuntimeError
from grpc import FutureTimeoutError, channel_ready_future
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

ANSWERS_WITHIN = 30  # seconds


@lru_cache(maxsize=1)
def session_with(*settings: tuple[str, str]) -> SparkSession:
    """Return the session of this process, with these names and values, which are set once.

    dbt-spark sets them anew before each statement, each by a call of its own, which on Spark
    Connect goes over the network.
    """
    if "spark.remote" in dict(settings):
        wait_for_server(dict(settings)["spark.remote"])
    return SparkSession.builder.config(map=dict(settings)).getOrCreate()


def wait_for_server(remote: str) -> None:
    """Raise `DbtRuntimeError` if no server answers there: PySpark would try on, without a word."""
    from pyspark.sql.connect.client import ChannelBuilder

    server = ChannelBuilder(remote)
    with server.toChannel() as channel:
        try:
            channel_ready_future(channel).result(timeout=ANSWERS_WITHIN)
        except FutureTimeoutError:
            raise DbtRuntimeError(
                f"no Spark Connect server answered at {server.endpoint} within {ANSWERS_WITHIN} "
                "seconds. Start it, or mend spark.remote of this target in profiles.yml"
            ) from None


class SharedCursor(Cursor):
    """dbt-spark's cursor, on a session that exists."""

    def __init__(self, session: SparkSession) -> None:
        super().__init__()
        self.session = session

    def execute(self, sql: str, *parameters: object) -> None:
        """Run a statement."""
        try:
            self._df = self.session.sql(sql % parameters if parameters else sql)
        except AnalysisException as error:
            raise DbtRuntimeError(str(error)) from error


class SharedConnection(Connection):
    """dbt-spark's connection, whose cursors share a session; the first of them starts it."""

    def cursor(self) -> Cursor:
        """Return a cursor on the session."""
        return SharedCursor(session_with(*self.server_side_parameters.items()))


def on_one_session(settings: dict[str, str]) -> SessionConnectionWrapper:
    """Return a connection of dbt on the session with these settings."""
    return SessionConnectionWrapper(SharedConnection(server_side_parameters=settings))
