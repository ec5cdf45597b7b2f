"""dbt's command line with target `spark`, and its tables, read by a Spark of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.support import few_rows
from tests.support.dbt_in_process import OF_THE_RUN, PROJECT
from tests.support.local_tables import LocalDbt
from tests.support.spark_cluster import ENVIRONMENT

READ = f"""
import json, sys
from pyspark.sql import SparkSession
output, to = sys.argv[1:]
builder = SparkSession.builder.master("local[2]").enableHiveSupport()
for name, value in {{
    **{few_rows.PLANNING},
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.warehouse.dir": output + "/warehouse",
    "spark.hadoop.javax.jdo.option.ConnectionURL":
        "jdbc:derby:;databaseName=" + output + "/metastore;create=true",
    "spark.driver.extraJavaOptions":
        "{few_rows.JAVA} -Dderby.stream.error.file=" + output + "/derby.log",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.jsonGenerator.ignoreNullFields": "false",
}}.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
tables = {{}}
for table in spark.sql("show tables in beaconing").collect():
    if table.tableName in {{v.viewName for v in spark.sql("show views in beaconing").collect()}}:
        continue
    frame = spark.table("beaconing." + table.tableName)
    tables[table.tableName] = frame.toJSON().collect()
json.dump(tables, open(to, "w"))
"""


class SparkDbt(LocalDbt):
    """dbt as a process of its own, with a metastore and a warehouse below a folder of its own."""

    def __init__(self, folder: Path, vars: dict[str, Any]) -> None:
        super().__init__(folder, vars, target="spark")

    def profiles(self) -> str:
        """The target's own, with what suits few rows."""
        profiles = yaml.safe_load(super().profiles())
        settings = profiles["network_beaconing"]["outputs"]["spark"]["server_side_parameters"]
        _, log, place = settings["spark.driver.extraJavaOptions"].partition("-Dderby")
        settings |= few_rows.PLANNING
        settings["spark.driver.extraJavaOptions"] = f"{few_rows.JAVA} {log}{place}"
        return yaml.safe_dump(profiles)

    def held(self) -> dict[str, list[str]]:
        """Every row of every table, sorted, without what differs from run to run."""
        to = self.folder / "held.json"
        arguments = [str(self.folder / "output"), str(to)]
        subprocess.run(
            [sys.executable, "-c", READ, *arguments],
            env=ENVIRONMENT,
            cwd=PROJECT,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        tables = json.loads(to.read_text("utf-8"))
        return {name: sorted(map(plain, rows)) for name, rows in tables.items()}


def plain(row: str) -> str:
    """A row as text, without what differs from run to run."""
    values = json.loads(row)
    return repr({name: values[name] for name in sorted(values) if name not in OF_THE_RUN})
