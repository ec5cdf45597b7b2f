"""Real dbt on a real engine, in one process with one session for the whole suite.

The engine is that of target ``local``; with ``TEST_ENGINE=spark`` (``make test-spark``) it is
Apache Spark. With PySpark 4 (``make test-matrix``) the tables are then Delta tables and ANSI mode
is on, as in Fabric and Databricks.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark
import yaml
from dbt.adapters.sail.connections import SailConnectionManager
from dbt.adapters.spark.connections import SparkCredentials
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession

from tests.support import few_rows

PROJECT = Path(__file__).parents[2]
# Nobody reads the log of a test.
SAYING = ["--no-use-colors", "--quiet", "--log-level-file", "none"]
OF_THE_RUN = {"run_id", "run_started_at", "duration_seconds"}  # columns that differ from run to run
ENGINE = os.environ.get("TEST_ENGINE", "local")


def copy_project(folder: Path) -> Path:
    """Copy what dbt reads of the project into a folder, whose seeds a test edits; return it."""
    for name in ("models", "macros", "seeds", "tests/data"):
        shutil.copytree(PROJECT / name, folder / name)
    for name in ("dbt_project.yml", "selectors.yml"):
        shutil.copy(PROJECT / name, folder)
    return folder


LOCAL_PROFILE = """
network_beaconing:
  target: local
  outputs:
    local:
      type: embedded
      folder: {folder}/tables
      schema: beaconing
      server_side_parameters:
        spark.sql.ansi.enabled: "false"
        spark.sql.session.timeZone: UTC
"""

# Small and closed: catalog in memory, files in a temporary folder, no port open to the network.
PROFILE = """
network_beaconing:
  target: memory
  outputs:
    memory:
      type: guarded
      method: session
      host: none
      schema: beaconing
      server_side_parameters:
        spark.master: local[2]
        spark.driver.memory: 2g
        spark.driver.host: 127.0.0.1
        spark.driver.bindAddress: 127.0.0.1
        spark.driver.extraJavaOptions: {java}
        spark.ui.enabled: "false"
        spark.ui.showConsoleProgress: "false"
        spark.log.level: ERROR
        spark.local.dir: {folder}/spark
        spark.sql.catalogImplementation: in-memory
        spark.sql.warehouse.dir: {folder}/warehouse
        spark.sql.legacy.createHiveTableByDefault: "false"
        spark.sql.session.timeZone: UTC
        spark.sql.shuffle.partitions: "2"
"""

SPARK_4 = ENGINE == "spark" and pyspark.__version__.startswith("4.")
FILE_FORMAT = "delta" if SPARK_4 or ENGINE == "local" else "parquet"
# Statistics and checksums of Delta are for large tables: a sixth less time was measured.
DELTA_PROFILE = (
    PROFILE
    + """\
        spark.sql.extensions: io.delta.sql.DeltaSparkSessionExtension
        spark.sql.catalog.spark_catalog: org.apache.spark.sql.delta.catalog.DeltaCatalog
        spark.databricks.delta.snapshotPartitions: "1"
        spark.databricks.delta.stats.collect: "false"
        spark.databricks.delta.stats.skipping: "false"
        spark.databricks.delta.writeChecksumFile.enabled: "false"
        spark.sql.ansi.enabled: "true"
"""
)


def leave_ansi_as_it_is() -> None:
    """Keep dbt-spark from turning ANSI mode off: the adapters of Fabric and Databricks do not."""
    original = SparkCredentials.__post_init__

    def keep_ansi(self: SparkCredentials) -> None:
        original(self)
        del self.server_side_parameters["spark.sql.ansi.enabled"]

    SparkCredentials.__post_init__ = keep_ansi


@dataclass(frozen=True)
class Result:
    """What a dbt command did.

    Attributes
    ----------
    success
        Whether it ended without an error.
    messages
        All that it printed, warnings and errors included.
    models
        Names of the models that were built, in order.
    """

    success: bool
    messages: str
    models: list[str]


class Dbt:
    """dbt with an empty catalog of its own, on this project unless `project` is changed."""

    def __init__(self, folder: Path) -> None:
        self.project = PROJECT
        self.folder = folder
        self.target = folder / "target"
        self.manifests: dict[Path, Manifest] = {}
        if SPARK_4:
            leave_ansi_as_it_is()
        text = LOCAL_PROFILE if ENGINE == "local" else DELTA_PROFILE if SPARK_4 else PROFILE
        profile = yaml.safe_load(text.format(folder=folder, java=few_rows.JAVA))
        (target,) = profile["network_beaconing"]["outputs"].values()
        settings = target["server_side_parameters"]
        if SPARK_4:
            settings |= few_rows.PLANNING
        (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
        if ENGINE == "local":
            # dbt uses the server that runs.
            server = SailConnectionManager._server = SparkConnectServer("127.0.0.1", 0)
            server.start(background=True)
            settings = settings | {"spark.remote": "sc://{}:{}".format(*server.listening_address)}
        # dbt uses the session that exists.
        self.spark = SparkSession.builder.config(map=settings).getOrCreate()

    def __call__(self, *args: str, vars: dict[str, Any] | str | None = None) -> Result:
        """Run a dbt command.

        Parameters
        ----------
        args
            As on the command line.
        vars
            As a dict, or as the text that --vars would get.

        Returns
        -------
        Result
            Also if dbt fails; the test says what it expects.
        """
        printed: list[str] = []

        def listen(event: Any) -> None:
            if event.info.level != "debug":
                printed.append(event.info.msg)

        places = ["--project-dir", self.project, "--profiles-dir", self.folder]
        places += ["--target-path", self.target, "--log-path", self.folder / "logs"]
        if SPARK_4 and not isinstance(vars, str):
            vars = {"table_format": FILE_FORMAT, **(vars or {})}
        elif SPARK_4 and not vars.startswith("{"):
            vars += f"table_format: {FILE_FORMAT}\n"
        text = json.dumps(vars) if isinstance(vars, dict) else vars
        given = [] if text is None else ["--vars", text]
        outcome = dbtRunner(self.parsed(places), callbacks=[listen]).invoke(
            [*args, *map(str, places), *given, *SAYING]
        )
        assert self.spark.conf.get("spark.sql.ansi.enabled") == str(SPARK_4).lower()
        nodes = getattr(outcome.result, "results", None) or []
        return Result(
            success=outcome.success,
            messages="\n".join([*printed, str(outcome.exception or "")]),
            # Operations have no node.
            models=[
                n.node.name
                for n in nodes
                if hasattr(n, "node") and n.node.resource_type == "model" and n.status == "success"
            ],
        )

    def parsed(self, places: list[Any]) -> Manifest:
        """Parse the project once, as far as no var but the format of tables counts in it."""
        if self.project not in self.manifests:
            format_ = json.dumps({"table_format": FILE_FORMAT}) if SPARK_4 else "{}"
            outcome = dbtRunner().invoke(
                ["--quiet", "parse", *map(str, places), "--vars", format_, "--no-use-colors"]
            )
            assert outcome.success, outcome.exception
            self.manifests[self.project] = outcome.result
        return self.manifests[self.project]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Run a query in the session that dbt uses."""
        return [row.asDict(recursive=True) for row in self.spark.sql(sql).collect()]

    def refresh(self, table: str) -> None:
        """Let Spark see the files that have come since; Sail lists files for each query."""
        if ENGINE == "spark":
            self.spark.catalog.refreshTable(table)

    def tables(self) -> set[str]:
        """Names of the tables and views that dbt has built."""
        if not any("beaconing" in row.values() for row in self.rows("show schemas")):
            return set()
        # dbt leaves temporary views in the session.
        tables = self.rows("show tables in beaconing")
        return {table["tableName"] for table in tables if not table["isTemporary"]}

    def wipe(self) -> None:
        """Start over with an empty catalog."""
        self.rows("drop schema if exists beaconing cascade")
        self.rows("drop schema if exists raw cascade")
        for name in ("warehouse", "tables"):
            shutil.rmtree(self.folder / name, ignore_errors=True)


def plain(value: Any) -> Any:
    """A value to compare: times in UTC, doubles to 12 digits, because the last may differ."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.timezone.utc)
    return float(f"{value:.12g}") if isinstance(value, float) else value


def read_export(export_root: Path) -> list[dict[str, Any]]:
    """Read the findings as `enrich` does, from every JSON part file.

    Raises
    ------
    AssertionError
        If there is no part file: even an empty result has one, without rows.
    """
    parts = list((export_root / "network_beaconing_anomalies").glob("*.json"))
    assert parts, f"no JSON file in {export_root}/network_beaconing_anomalies"
    # splitlines() would also split at characters that JSON may hold unescaped, such as U+2028.
    lines = [line for part in parts for line in part.read_text("utf-8").split("\n")]
    return [json.loads(line) for line in lines if line]
