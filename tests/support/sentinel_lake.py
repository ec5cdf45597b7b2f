"""A stand-in for Microsoft's provider class in notebooks of the Sentinel data lake.

It keeps tables as Parquet in a folder, by what Microsoft documents: names of tables and their
databases, modes, reserved columns, schemas that must match on append, and fields cut at 32 kB.
"""

from __future__ import annotations

import json
import re
import sys
import types
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, MapType, StringType, StructType

SYSTEM_TABLES = "System tables"
LONGEST_FIELD = 32 * 1024  # bytes
RESERVED = {
    "TenantId",
    "_TimeReceived",
    "Type",
    "SourceSystem",
    "_ResourceId",
    "_SubscriptionId",
    "_ItemId",
    "_BilledSize",
    "_IsBillable",
    "_WorkspaceId",
}


class MicrosoftSentinelProvider:
    """The methods that the notebook calls, over the tables in `folder`."""

    folder: Path

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark

    def list_tables(self, database: str = SYSTEM_TABLES) -> list[str]:
        place = self.folder / database
        return sorted(table.name for table in place.iterdir()) if place.is_dir() else []

    def read_table(self, table: str, database: str = SYSTEM_TABLES) -> DataFrame:
        if table not in self.list_tables(database):
            raise ValueError(f"no table {table} in {database}")
        place = self.folder / database / table
        columns = self._schema_of(table, database).read_text("utf-8")
        schema = StructType.fromJson(json.loads(columns))
        return self.spark.read.schema(schema).parquet(str(place))

    def _schema_of(self, table: str, database: str) -> Path:
        return self.folder / f"{database}.{table}.json"

    def save_as_table(
        self,
        frame: DataFrame,
        table: str,
        database: str = SYSTEM_TABLES,
        write_options: dict[str, Any] | None = None,
    ) -> str:
        options = {"mode": "append", **(write_options or {})}
        is_analytics = table.endswith("_SPRK_CL")
        if not is_analytics and not table.endswith("_SPRK"):
            raise ValueError(f"{table}: the name of a table must end in _SPRK or _SPRK_CL")
        if is_analytics == (database == SYSTEM_TABLES):
            raise ValueError(f"{table} cannot be in {database}")
        unknown = set(options) - {"mode", "partitionBy"}
        if unknown or options["mode"] not in ("append", "overwrite"):
            raise ValueError(f"{table}: write_options {options}")
        if options["mode"] == "overwrite" and is_analytics:
            raise ValueError(f"{table}: tables of the analytics tier are only appended to")
        if "partitionBy" in options and is_analytics:
            raise ValueError(f"{table}: only system tables have partitions")
        for field in frame.schema:
            if not re.fullmatch("[A-Za-z][A-Za-z0-9_]*", field.name):
                raise ValueError(f"{table}: column {field.name!r} does not begin with a letter")
            # Microsoft names no type for these. Text is safe.
            if isinstance(field.dataType, (ArrayType, MapType, StructType)):
                raise ValueError(f"{table}: column {field.name} is a {field.dataType.typeName()}")
        # The lake's own columns win over the writer's.
        frame = frame.drop(*RESERVED)
        for field in frame.schema:
            if isinstance(field.dataType, StringType):
                start = f"substr(encode({field.name}, 'UTF-8'), 1, {LONGEST_FIELD})"
                frame = frame.withColumn(field.name, F.expr(f"decode({start}, 'UTF-8')"))
        place = self.folder / database / table
        columns = json.dumps(frame.schema.jsonValue(), sort_keys=True)
        schema = self._schema_of(table, database)
        if options["mode"] == "append" and schema.exists() and schema.read_text("utf-8") != columns:
            raise ValueError(f"{table}: columns, types or nullability are not those of the table")
        writer = frame.coalesce(1).write.mode(options["mode"])
        writer.partitionBy(*options.get("partitionBy", [])).parquet(str(place))
        schema.write_text(columns, "utf-8")
        return table


def install(folder: Path) -> type[MicrosoftSentinelProvider]:
    """Let notebooks import the stand-in as `sentinel_lake.providers`, over a folder."""
    MicrosoftSentinelProvider.folder = folder
    package = types.ModuleType("sentinel_lake")
    providers = types.ModuleType("sentinel_lake.providers")
    providers.MicrosoftSentinelProvider = MicrosoftSentinelProvider
    package.providers = providers
    sys.modules["sentinel_lake"], sys.modules["sentinel_lake.providers"] = package, providers
    return MicrosoftSentinelProvider


def add_rows(folder: Path, database: str, table: str, rows: DataFrame) -> None:
    """Add rows to a table that the service itself fills, such as CommonSecurityLog."""
    rows.coalesce(1).write.mode("append").parquet(str(folder / database / table))
    schema = folder / f"{database}.{table}.json"
    schema.write_text(json.dumps(rows.schema.jsonValue(), sort_keys=True), "utf-8")
