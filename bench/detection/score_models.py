"""Run the models from the scores on, unchanged, over given tables instead of the layers before."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from dbt.cli.main import dbtRunner
from pyspark.sql import DataFrame, SparkSession

from bench import PROJECT

SCHEMA = "score_models"  # removed from the compiled SQL
MODELS = (
    "connection_days",
    "group_members",
    "scored_days",
    "connection_intervals",
    "interval_measures",
    "rita_scores",
    "beacon_scores",
)
FINDINGS = "beacon_findings"  # the model whose rows are what an analyst sees
Variable = str | int | float | list[str]


def score_window(*vendors: str) -> str:
    """Write a query that gives the model score_window for 2026-03-10, without gaps in the logs."""
    return f"""
        select
            device_vendor,
            timestamp'2026-03-09 23:00:00' as rita_start,
            timestamp'2026-03-10 23:59:59' as rita_end,
            cast(array() as array<struct<gap_start: timestamp, gap_end: timestamp>>) as log_gaps
        from values {", ".join(f"('{vendor}')" for vendor in vendors)} as t(device_vendor)
    """


# Models that others read and that are not compiled themselves; any other is empty.
DEFAULT_INPUTS = {
    "score_window": score_window("Fortinet"),
    "destination_rarity": """
        select
            device_vendor,
            destination_ip,
            1L as sources,
            1L as active_sources,
            min(log_date) as first_seen_on,
            1 as days_seen,
            0 as history_days,
            0D as known_share
        from connection_days
        group by device_vendor, destination_ip
    """,
}


@dataclass(frozen=True)
class Compiled:
    """A model, a seed, or an input that is not compiled.

    Attributes
    ----------
    sql
        Its query, with bare table names.
    is_table
        Whether dbt keeps its rows.
    description
        What dbt's docs say of it.
    """

    sql: str
    is_table: bool = False
    description: str = ""


@contextmanager
def start_sail() -> Iterator[SparkSession]:
    """Start Sail, the engine of target `local`, in this process.

    Yields
    ------
    SparkSession
        A session of it, with the settings of target `local`.
    """
    os.environ.setdefault("RUST_LOG", "error")
    from pysail.spark import SparkConnectServer  # reads RUST_LOG

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    settings = {
        "spark.remote": "sc://{}:{}".format(*server.listening_address),
        "spark.sql.ansi.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
    }
    session = SparkSession.builder.config(map=settings).getOrCreate()
    try:
        yield session
    finally:
        session.stop()
        server.stop()


def compile_scores(**variables: Variable) -> dict[str, Compiled]:
    """Compile the score models with dbt, which needs a running Spark session and no tables.

    Parameters
    ----------
    **variables
        Vars of dbt_project.yml that differ from their defaults.

    Returns
    -------
    dict of str to Compiled
        By name, each after what it reads: `MODELS`, and the inputs that they read.

    Raises
    ------
    RuntimeError
        If dbt cannot compile them; the message is dbt's.
    """
    return compile_models(MODELS, variables)


def compile_findings(**variables: Variable) -> dict[str, Compiled]:
    """Compile all models from connection_days to the findings, as `compile_scores` does.

    Parameters
    ----------
    **variables
        Vars of dbt_project.yml that differ from their defaults.

    Returns
    -------
    dict of str to Compiled
        By name, each after what it reads. Inputs that come neither from connection_days nor from
        seeds alone are empty.

    Raises
    ------
    RuntimeError
        If dbt cannot compile them; the message is dbt's.
    """
    return compile_models([f"connection_days+,+{FINDINGS}"], variables)


def compile_models(
    select: Sequence[str],
    variables: Mapping[str, Variable],
    exclude: Sequence[str] = (),
    macros: Mapping[str, str] | None = None,
) -> dict[str, Compiled]:
    """Compile what dbt selects, for the two functions above and for the notebook of the data lake.

    Parameters
    ----------
    select, exclude
        As dbt's options of these names.
    variables
        Vars of dbt_project.yml that differ from their defaults.
    macros
        Macros of the project to replace, by name, each as its whole text.

    Returns
    -------
    dict of str to Compiled
        By name, each after what it reads. Inputs that were not selected are empty.

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
        given = ["--vars", json.dumps(variables), "--log-level", "none", "--log-path", folder]
        options = [*map(str, places), *given, "--no-populate-cache"]
        parsed = dbtRunner().invoke(["parse", *options])
        if not parsed.success:
            raise RuntimeError(f"dbt cannot parse the project: {parsed.exception or 'see above'}")
        manifest = parsed.result
        for name, text in (macros or {}).items():
            manifest.macros[f"macro.{manifest.metadata.project_name}.{name}"].macro_sql = text
        # Models of seeds alone need no logs.
        of_seeds = [
            node.name
            for node in manifest.nodes.values()
            if node.resource_type == "model"
            and {key.split(".")[0] for key in node.depends_on.nodes} == {"seed"}
        ]
        selected = ["--select", *select, *of_seeds, *(["--exclude", *exclude] if exclude else [])]
        outcome = dbtRunner(manifest).invoke(["compile", *selected, *options])
        if not outcome.success:
            raise RuntimeError(f"dbt cannot compile the models: {outcome.exception or 'see above'}")
    nodes = {
        result.node.unique_id: result.node
        for result in outcome.result.results
        if result.node.resource_type == "model"
    }
    # In the same order always: the notebook of the data lake is compared with what is committed.
    reads = {key: sorted(nodes[key].depends_on.nodes) for key in sorted(nodes)}
    compiled = {}
    for key in TopologicalSorter(reads).static_order():
        if key in manifest.sources:
            continue
        node = nodes.get(key, manifest.nodes[key])
        if key in nodes:
            sql = node.compiled_code.replace(f"{SCHEMA}.", "")
            kept = node.config.materialized != "view"
            compiled[node.name] = Compiled(sql, kept, node.description)
        elif node.resource_type == "seed":
            path = PROJECT / node.original_file_path
            sql = seed_query(path, node.config.column_types)
            compiled[node.name] = Compiled(sql, description=node.description)
        else:
            nulls = ", ".join(
                f"cast(null as {column.data_type}) as {column.name}"
                for column in node.columns.values()
            )
            default = f"select {nulls} from values (1) as t(x) where false"
            compiled[node.name] = Compiled(DEFAULT_INPUTS.get(node.name, default))
    return compiled


def seed_query(path: Path, types: Mapping[str, str]) -> str:
    """Write a query that gives the rows of a seed."""
    with path.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    columns = ", ".join(f"cast({name} as {types.get(name, 'string')}) as {name}" for name in names)
    values = ", ".join(f"({', '.join(map(sql_text, row))})" for row in rows or [[""] * len(names)])
    only = "" if rows else " where false"
    return f"select {columns} from values {values} as t({', '.join(names)}){only}"


def sql_text(text: str) -> str:
    """Write a text as SQL; dbt loads an empty one as null."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'" if text else "cast(null as string)"


def put_over(
    spark: SparkSession,
    compiled: Mapping[str, Compiled],
    tables: Mapping[str, DataFrame | str],
    folder: Path | None = None,
) -> DataFrame:
    """Create compiled models as temporary views over given tables.

    Parameters
    ----------
    spark
        Session that gets the views.
    compiled
        From `compile_scores` or `compile_findings`.
    tables
        Data frames, or queries, by name: `connection_days`, and any model to replace.
    folder
        Where to keep the rows of the models that dbt keeps, so that each is computed once. None
        keeps nothing, and then columns that nobody selects cost nothing.

    Returns
    -------
    DataFrame
        `beacon_scores`.
    """
    for name, source in tables.items():
        frame = spark.sql(source) if isinstance(source, str) else source
        frame.createOrReplaceTempView(name)
    for name, model in compiled.items():
        if name in tables:
            continue
        frame = spark.sql(model.sql)
        if folder and model.is_table:
            # Sail writes no file where there is no row.
            (folder / name).mkdir(exist_ok=True)
            frame.write.mode("overwrite").parquet(str(folder / name))
            frame = spark.read.schema(frame.schema).parquet(str(folder / name))
        frame.createOrReplaceTempView(name)
    return spark.table("beacon_scores")
