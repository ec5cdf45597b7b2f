"""Run `dbt build` inside a submitted Spark job, in the session that the job has.

    spark-submit deploy/spark/job.py [--project …] [--warehouse …] [options of dbt build]

The exit code is dbt's. `--project` is the project's folder, or a .zip of it by path or URL
(`git archive --format zip --output network_beaconing.zip HEAD`); where it is left out, the folder
that holds this file. `--warehouse` is for jobs without a metastore: a folder or URL, such as
abfss://…/warehouse, where the tables lie; each job finds there what earlier jobs left.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from dbt.cli.main import cli, dbtRunner
from dbt.contracts.graph.manifest import Manifest
from pyspark import SparkFiles
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

# Materializations that leave files.
TABLES = ("table", "replace_partitions")


def fail(what: str, cure: str) -> SystemExit:
    """Print an error with its cure; return what to raise: exit code 2, as dbt for wrong use."""
    print(f"error: {what}\n  {cure}", file=sys.stderr)
    return SystemExit(2)


def start_session(warehouse: str | None) -> SparkSession:
    """Take the session of the job, or start one; dbt then uses it.

    `warehouse` is the folder or URL of the tables of a job without a metastore, else None. Raise
    `SystemExit` if it does not fit the session: tables would be lost, or there is a metastore.
    """
    builder = SparkSession.builder.appName("network_beaconing")
    if warehouse:
        builder = builder.config("spark.sql.catalogImplementation", "in-memory")
        builder = builder.config("spark.sql.warehouse.dir", warehouse)
    spark = builder.getOrCreate()
    catalog = spark.conf.get("spark.sql.catalogImplementation")
    if warehouse and catalog != "in-memory":
        raise fail(
            "--warehouse is given, but this session was started with a metastore.",
            "Leave it out, or submit with --conf spark.sql.catalogImplementation=in-memory",
        )
    if not warehouse and catalog == "in-memory":
        raise fail(
            "this session has no metastore, so the tables would be forgotten at its end.",
            "Say where they lie: --warehouse abfss://…/warehouse",
        )
    return spark


def find_project(spark: SparkSession, project: str | None) -> Path:
    """Return the folder of the dbt project on this machine; raise `SystemExit` if there is none."""
    if project is None:
        folder = Path(__file__).resolve().parents[2]
    elif project.endswith(".zip"):
        # Spark fetches the .zip from any store that it can read, and unpacks it.
        spark.sparkContext.addArchive(f"{project}#network_beaconing")
        folder = Path(SparkFiles.get("network_beaconing"))
    else:
        folder = Path(project)
    if not (folder / "dbt_project.yml").is_file():
        cure = "Give the project's folder, or a .zip of it by path or URL: --project …"
        raise fail(f"no dbt_project.yml in {folder}.", cure)
    return folder


def register_tables(spark: SparkSession, manifest: Manifest, warehouse: str) -> list[str]:
    """Register the tables that earlier jobs left in the warehouse; return their names.

    A table lies in `SCHEMA.db/TABLE` of the warehouse. It becomes a managed table, so that dropping
    it or a partition removes the files, as with a metastore. Spark cannot create a managed table
    over existing files. So the schema is created in an empty folder, each table is created there
    and then pointed to its files, and the schema is moved last.
    """
    nodes = [
        node
        for node in manifest.nodes.values()
        if node.resource_type == "seed"
        or (node.resource_type == "model" and node.config.materialized in TABLES)
    ]
    registered = []
    for schema in {node.schema for node in nodes}:
        place = f"{warehouse}/{schema}.db"
        with tempfile.TemporaryDirectory() as empty:
            spark.sql(f"create schema {schema} location '{Path(empty).as_uri()}'")
            for node in nodes:
                table, files = f"{schema}.{node.alias}", f"{place}/{node.alias}"
                if node.schema == schema and register_table(spark, table, files, node.config):
                    registered.append(table)
            spark.sql(f"alter schema {schema} set location '{place}'")
    return registered


def register_table(spark: SparkSession, table: str, files: str, config: object) -> bool:
    """Register one table from its files; return False if there are none."""
    file_format = config.get("file_format") or "parquet"
    try:
        columns = spark.read.option("mergeSchema", "true").format(file_format).load(files).schema
    except AnalysisException as error:
        if error.getErrorClass() == "PATH_NOT_FOUND":
            return False
        if error.getErrorClass() != "UNABLE_TO_INFER_SCHEMA":
            raise
        # A killed job or an empty result leaves a folder without data in dbt's way: remove it.
        spark.sql(f"create table {table} (nothing int) using {file_format}")
        spark.sql(f"alter table {table} set location '{files}'")
        spark.sql(f"drop table {table}")
        return False
    ddl = ", ".join(f"`{column.name}` {column.dataType.simpleString()}" for column in columns)
    partitions = config.get("partition_by") or []
    partitions = [partitions] if isinstance(partitions, str) else partitions
    clause = f"partitioned by ({', '.join(partitions)})" if partitions else ""
    spark.sql(f"create table {table} ({ddl}) using {file_format} {clause}")
    spark.sql(f"alter table {table} set location '{files}'")
    if partitions:
        spark.sql(f"alter table {table} recover partitions")
    return True


def main() -> None:
    """Run dbt and exit with its code."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--project")
    parser.add_argument("--warehouse")
    ours, dbt_options = parser.parse_known_args()
    warehouse = ours.warehouse.rstrip("/") if ours.warehouse else None

    spark = start_session(warehouse)
    try:
        project = find_project(spark, ours.project)
        with tempfile.TemporaryDirectory() as scratch:
            # The project's folder may be read-only, and a fresh copy has no profiles.yml.
            os.environ.setdefault("DBT_TARGET_PATH", f"{scratch}/target")
            os.environ.setdefault("DBT_LOG_PATH", f"{scratch}/logs")
            os.environ["DBT_PROJECT_DIR"] = str(project)
            if "DBT_PROFILES_DIR" not in os.environ:
                os.environ["DBT_PROFILES_DIR"] = scratch
                shutil.copy(project / "profiles.yml.example", f"{scratch}/profiles.yml")
            os.environ.setdefault("DBT_TARGET", "job")
            if warehouse:
                parsed = dbtRunner().invoke(["--quiet", "parse", *vars_of(dbt_options)])
                if parsed.success:
                    found = register_tables(spark, parsed.result, warehouse)
                    print(f"{len(found)} tables of earlier jobs found in {warehouse}", flush=True)
            cli(["build", *dbt_options], prog_name="job.py", standalone_mode=True)
    finally:
        spark.stop()


def vars_of(dbt_options: list[str]) -> list[str]:
    """Return those options of dbt that parsing needs."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--vars")
    given, _ = parser.parse_known_args(dbt_options)
    return ["--vars", given.vars] if given.vars else []


if __name__ == "__main__":
    main()
