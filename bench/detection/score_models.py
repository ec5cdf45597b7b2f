"""Run the score models, unchanged, over given tables instead of the layers before them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dbt.cli.main import dbtRunner
from pyspark.sql import DataFrame, SparkSession

from bench import PROJECT
from bench.detection.null_quantiles import SEED_FILE

SCHEMA = "score_models"  # removed from the compiled SQL
MODELS = (
    "connection_days",
    "connection_intervals",
    "interval_measures",
    "rita_scores",
    "beacon_scores",
)

SPARK_SETTINGS = {
    "spark.master": "local[2]",
    "spark.driver.memory": "4g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "32",  # as in profiles.yml.example
}


def start_spark(folder: Path) -> SparkSession:
    """Start a local Spark with its catalog in memory, or take the running one.

    Parameters
    ----------
    folder
        For spill files and the warehouse; the caller removes it.

    Returns
    -------
    SparkSession
        It stays up until its process ends.
    """
    places = {"spark.local.dir": folder / "spark", "spark.sql.warehouse.dir": folder / "warehouse"}
    settings = SPARK_SETTINGS | {name: str(place) for name, place in places.items()}
    return SparkSession.builder.config(map=settings).getOrCreate()


def compile_scores(**variables: str | int | float) -> dict[str, str]:
    """Compile the score models with dbt, which needs a running Spark session and no tables.

    Parameters
    ----------
    **variables
        Vars of dbt_project.yml that differ from their defaults.

    Returns
    -------
    dict of str to str
        SQL by model name, in the order of `MODELS`, with bare table names.

    Raises
    ------
    RuntimeError
        If dbt cannot compile them; the message is dbt's.
    """
    output = {"type": "spark", "method": "session", "host": "none", "schema": SCHEMA}
    profile = {"network_beaconing": {"target": "bench", "outputs": {"bench": output}}}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "profiles.yml").write_text(json.dumps(profile))
        places = ["--project-dir", PROJECT, "--profiles-dir", folder, "--target-path", folder]
        options = ["--vars", json.dumps(variables), "--no-populate-cache", "--log-level", "none"]
        outcome = dbtRunner().invoke(
            [*("compile", "--select", *MODELS), *map(str, places), "--log-path", folder, *options]
        )
    if not outcome.success:
        raise RuntimeError(
            f"dbt cannot compile the score models: {outcome.exception or 'see above'}"
        )
    compiled = {r.node.name: r.node.compiled_code for r in outcome.result.results}
    return {name: compiled[name].replace(f"{SCHEMA}.", "") for name in MODELS}


def put_over(
    spark: SparkSession, compiled: Mapping[str, str], tables: Mapping[str, DataFrame | str]
) -> DataFrame:
    """Create the score models as temporary views over given tables.

    Parameters
    ----------
    spark
        Session that gets the views.
    compiled
        From `compile_scores`.
    tables
        What the models read, by name: data frames, or queries. They replace models of the same
        name. `score_window`, `destination_rarity` and `null_quantiles` have defaults: a day without
        gaps in the logs, one source per destination, the seed.

    Returns
    -------
    DataFrame
        `beacon_scores`, not computed yet; columns that nobody selects cost nothing.
    """
    given = {
        "score_window": """
            select
                'Fortinet' as device_vendor,
                timestamp'2026-03-09 23:00:00' as rita_start,
                timestamp'2026-03-10 23:59:59' as rita_end,
                cast(array() as array<struct<gap_start: timestamp, gap_end: timestamp>>) as log_gaps
        """,
        "destination_rarity": """
            select
                device_vendor,
                destination_ip,
                1L as sources,
                1L as active_sources,
                min(log_date) as first_seen_on,
                1 as days_seen,
                0 as history_days
            from connection_days
            group by device_vendor, destination_ip
        """,
        "null_quantiles": spark.read.csv(
            str(SEED_FILE),
            header=True,
            schema="interval_count bigint, timing_score_quantile double",
        ),
        **tables,
    }
    order = [name for name in given if name not in ("destination_rarity", *MODELS)]
    for name in (*order, "connection_days", "destination_rarity", *MODELS[1:]):
        source = given.get(name, compiled.get(name))
        frame = spark.sql(source) if isinstance(source, str) else source
        frame.createOrReplaceTempView(name)
    return spark.table("beacon_scores")
