"""Tables that persist without a metastore: Delta in a folder, registered when dbt lists a schema.

A table lies in `FOLDER/SCHEMA/TABLE`, a view as its text in `FOLDER/SCHEMA/VIEW.sql`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from pathlib import Path
from typing import Any

from dbt.adapters.base import available
from dbt.adapters.base.relation import BaseRelation
from dbt.adapters.embedded.connections import EmbeddedConnectionManager
from dbt.adapters.embedded.log_files import (
    LISTING,
    Problems,
    listed_location,
    prepare_day,
    prepare_root,
    write_listing,
)
from dbt.adapters.embedded.parquet_files import link_job, prepare_job_day
from dbt.adapters.guarded.lock import WRITING, cannot_write, lock_tables
from dbt.adapters.sail.impl import SailAdapter
from dbt.adapters.spark.column import SparkColumn
from dbt_common.exceptions import DbtRuntimeError
from dbt_common.invocation import get_invocation_id
from deltalake import DeltaTable, Field
from pyspark.sql.types import StructType

from enrich.storage import SUCCESS, list_files, write_text
from enrich.words import UserError

# A command that reads while another one writes may still need files of an hour ago.
VACUUM_HOURS = 1
# With more commits than this, a table gets a checkpoint: else every reader reads them all.
COMMITS = 20
# How the tables of macro hold_rows end.
HELD_ROWS = "__dbt_tmp"
BETWEEN_STATEMENTS = "\n;\n"
# In what is written down, in place of the folder: its path may be a link's, which can change.
FOLDER = "\ue03f"
# Links to log files, and mended copies, where some files cannot be read as they are.
READABLE = ".readable"


class EmbeddedAdapter(SailAdapter):
    """dbt-sail, with tables that outlive the process."""

    ConnectionManager = EmbeddedConnectionManager
    is_registered = False
    roots: dict[tuple[str, ...], tuple[Path, Problems]] = {}

    @classmethod
    def type(cls) -> str:
        """Return the adapter's name."""
        return "embedded"

    @property
    def folder(self) -> Path:
        """Where the schemas' folders are."""
        return Path(self.config.credentials.folder)

    def list_relations_without_caching(self, schema_relation: BaseRelation) -> list[BaseRelation]:
        """List a schema; first, once a command, register what earlier commands left.

        A command that writes locks the tables before, and removes files that no table needs.
        """
        if not self.is_registered:
            command = self.config.args.which
            schemas = [place for place in self.folder.glob("[!.]*") if place.is_dir()]
            if command in WRITING and lock_tables(self.folder, f"dbt {command}"):
                for table in (table for schema in schemas for table in tables_in(schema)):
                    # A killed command may leave the rows that it held; they are made again.
                    if table.name.endswith(HELD_ROWS):
                        shutil.rmtree(table)
                    else:
                        tidy(table)
            for schema in schemas:
                self.register(schema)
            self.is_registered = True
        self.execute(f"create schema if not exists {schema_relation.schema}")
        # The materializations replace a table in one statement where it is Delta; Sail refuses
        # that where the columns have changed, so they are to drop the old table first.
        return [
            relation.incorporate(is_delta=False)
            for relation in super().list_relations_without_caching(schema_relation)
        ]

    def register(self, schema: Path) -> None:
        """Make the tables and views of a schema known again, each view after what it reads."""
        self.execute(f"create schema if not exists {schema.name}")
        for table in tables_in(schema):
            name = f"{schema.name}.{table.name}"
            self.execute(f"create table if not exists {name} using delta location '{table}'")
        waiting = list(schema.glob("*.sql"))
        while waiting:
            failed = [file for file in waiting if not self.made_again(file)]
            # What is left reads a table that is not there: the next run makes both.
            waiting = failed if len(failed) < len(waiting) else []

    def made_again(self, file: Path) -> bool:
        """Run what `keep_statements` wrote into a file; return False if it cannot be run yet."""
        try:
            text = file.read_text("utf-8").replace(FOLDER, str(self.folder))
            for statement in text.split(BETWEEN_STATEMENTS):
                self.execute(statement)
        except DbtRuntimeError:
            return False
        return True

    @available
    def keep_statements(self, relation: BaseRelation, statements: list[str]) -> None:
        """Write down what makes a view and what only it reads; later commands make them again.

        The statements are `create table`, `create view` or `create or replace view`.
        """
        folder = self.folder / relation.schema
        folder.mkdir(parents=True, exist_ok=True)
        again = [
            re.sub(r"^\s*create (table|view) ", r"create \1 if not exists ", statement)
            for statement in statements
        ]
        text = BETWEEN_STATEMENTS.join(again).replace(str(self.folder), FOLDER)
        (folder / f"{relation.identifier}.sql").write_text(text, "utf-8")

    def drop_relation(self, relation: BaseRelation) -> None:
        """Drop a table or view, and its files."""
        super().drop_relation(relation)
        place = self.folder / relation.schema / relation.identifier
        shutil.rmtree(place, ignore_errors=True)
        place.with_suffix(".sql").unlink(missing_ok=True)

    def get_columns_in_relation(self, relation: BaseRelation) -> list[SparkColumn]:
        """Return the columns of a relation; Sail's `describe table` has none for Delta tables."""
        # A temporary view is in no schema.
        in_schema = relation.include_policy.schema
        if in_schema and not self.get_relation(None, relation.schema, relation.identifier):
            return []
        columns = self.get_column_schema_from_query(f"select * from {relation} limit 0")
        return [
            SparkColumn(
                table_schema=relation.schema,
                table_name=relation.name,
                table_type=relation.type,
                column=column.column,
                column_index=index,
                dtype=column.dtype,
            )
            for index, column in enumerate(columns)
        ]

    @available
    def add_columns(self, relation: BaseRelation, columns: list[SparkColumn]) -> None:
        """Add columns to a Delta table, which Sail's `alter table` cannot."""
        nulls = ", ".join(f"cast(null as {c.dtype}) as {c.name}" for c in columns)
        table = DeltaTable(self.folder / relation.schema / relation.identifier)
        table.alter.add_columns([Field.from_json(f.json()) for f in self.schema_of(nulls).fields])

    @available
    def write_json(self, sql: str, folder: str) -> None:
        """Write the rows of a query as one JSON file, an object a line, as Spark writes them.

        Sail's own writer leaves nulls out, writes no file for an empty result, and times in
        microseconds where Spark has milliseconds. Raise `DbtRuntimeError` if the folder is among
        tables, or cannot be written.
        """
        ours, place = Path(self.real_path(folder)), self.folder.resolve()
        if ours.is_relative_to(place) or place.is_relative_to(ours):
            raise DbtRuntimeError(f"the export in {folder} would replace tables in {place}.")
        schema = self.schema_of(f"* from ({sql})")
        times = [field.name for field in schema if field.dataType.typeName() == "timestamp"]
        _, rows = self.execute(f"select to_json(struct(*)) as row from ({sql})", fetch=True)
        lines = []
        for (text,) in rows:
            row = dict.fromkeys(schema.names) | json.loads(text)
            for name in times:
                row[name] = row[name] and f"{row[name][:23]}Z"
            lines.append(json.dumps(row, ensure_ascii=False) + "\n")
        try:
            file_system, old = list_files(folder)
            # A folder without _SUCCESS is unfinished: its readers wait for the next run.
            for file in old or []:
                if file.endswith(f"/{SUCCESS}"):
                    file_system.rm_file(file)
            write_text(f"{folder}/part-00000-{uuid.uuid4()}.json", "".join(lines))
            for file in old or []:
                if file.endswith((".json", ".crc")):
                    file_system.rm_file(file)
            write_text(f"{folder}/{SUCCESS}", "")
        except UserError as error:
            raise DbtRuntimeError(str(error)) from None

    @available
    def real_path(self, path: str) -> str:
        """Return a path with its links followed, and a URL as it is."""
        path = local_path(path)
        return path if "://" in path else str(Path(path).resolve())

    @available
    def readable_root(self, root: str, days: list[str]) -> dict[str, Any]:
        """Return the folder to read instead of `root` as `root`, and `problems`, as texts.

        `days` are the folders of days below it. See `prepare_root`; asked once a command.
        """
        local = local_path(root)
        if "://" in local:
            return {"root": root, "problems": []}
        asked = (get_invocation_id(), root, *days)
        if asked not in self.roots:
            place = self.folder / READABLE / "days"
            try:
                self.roots = {asked: prepare_root(Path(local), place, days)}
            except OSError as error:
                raise DbtRuntimeError(cannot_write(place, error)) from None
        folder, problems = self.roots[asked]
        return {
            "root": root if folder == Path(local) else str(folder),
            "problems": as_texts(problems),
        }

    @available
    def listing(self, name: str, location: str) -> str:
        """List the files below a folder, or below several: `…/{a,b}`. Return a folder of Parquet.

        Its columns are those of Spark's source binaryFile, but for the content. `name` is that of
        the table to be made. See `write_listing`.
        """
        place = self.folder / READABLE / name
        try:
            return str(write_listing(local_path(location), place))
        except OSError as error:
            raise DbtRuntimeError(cannot_write(place, error)) from None

    @available
    def list_again(self, name: str) -> None:
        """Make the listings whose tables' names begin with `name` as new as the files."""
        for file in (self.folder / READABLE).glob(f"{name}*/{LISTING}"):
            place = file.parent
            try:
                write_listing(listed_location(place), place)
            except OSError as error:
                raise DbtRuntimeError(cannot_write(place, error)) from None

    @available
    def readable_day(self, location: str, endings: list[str]) -> dict[str, Any]:
        """Return how to read the files of a day, as `prepare_day` does, with texts for paths."""
        if "://" in location:
            whole = {"location": location, "broken": None, "plain": True, "packed": True}
            return whole | {"has_array": True, "problems": []}
        folder = Path(local_path(location))
        name = "-".join(folder.parts[-3:])
        place = self.folder / READABLE / name
        try:
            day = prepare_day(folder, place, tuple(endings))
        except OSError as error:
            raise DbtRuntimeError(cannot_write(place, error)) from None
        to_read = location if day.location == folder else str(day.location)
        places = {"location": to_read, "broken": day.broken and str(day.broken)}
        return vars(day) | places | {"problems": as_texts(day.problems)}

    @available
    def readable_job(self, root: str, folders: list[str]) -> dict[str, Any]:
        """Return how to list the files of an export job, as `link_job` does, with texts for paths.

        `folders` are globs of the folders of days below the root.
        """
        place = self.folder / READABLE / "job"
        try:
            location, is_there, problems = link_job(Path(local_path(root)), place, folders)
        except OSError as error:
            raise DbtRuntimeError(cannot_write(place, error)) from None
        return {
            "location": str(location),
            "is_there": is_there,
            "problems": as_texts(problems),
        }

    @available
    def readable_job_day(self, root: str, folders: list[str], columns: list[str]) -> dict[str, Any]:
        """Return how to read a day of an export job, as `prepare_job_day` does, with texts."""
        place = self.folder / READABLE / f"job-{folders[0]}".removesuffix("T*")
        try:
            kinds, problems = prepare_job_day(Path(local_path(root)), place, folders, columns)
        except OSError as error:
            raise DbtRuntimeError(cannot_write(place, error)) from None
        return {
            "kinds": [{"location": str(kind.location), "columns": kind.columns} for kind in kinds],
            "problems": as_texts(problems),
        }

    def schema_of(self, selected: str) -> StructType:
        """Return the schema of a query."""
        _, cursor = self.connections.add_query(f"select {selected} limit 0")
        return cursor._cursor._df.schema


def local_path(path: str) -> str:
    """Return a path of this machine, which may be written as a URL; another URL as it is."""
    return re.sub("^file:/+", "/", path)


def as_texts(problems: Problems) -> list[str]:
    """Write problems with files as text; a name may hold any bytes."""
    return [
        f"{os.fsencode(path).decode('utf-8', 'replace')}: {said}" for path, said in problems.items()
    ]


def tables_in(schema: Path) -> list[Path]:
    """Return the folders of a schema's tables; one without a first commit is no table yet."""
    return [log.parent for log in schema.glob("*/_delta_log") if any(log.glob("*.json"))]


def tidy(table: Path) -> None:
    """Remove the files that a table no longer needs, also those of a killed command."""
    delta = DeltaTable(table)
    options = {"retention_hours": VACUUM_HOURS, "enforce_retention_duration": False, "full": True}
    # Removing writes two commits, so it is asked first; the answer names removed files, too.
    if any((table / file).exists() for file in delta.vacuum(dry_run=True, **options)):
        delta.vacuum(dry_run=False, **options)
    if len(list((table / "_delta_log").glob("*.json"))) > COMMITS:
        delta.create_checkpoint()
        delta.cleanup_metadata()
