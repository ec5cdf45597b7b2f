"""dbt's command line, and the tables that target `local` leaves, read without its engine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from tests.support.dbt_in_process import OF_THE_RUN, PROJECT
from tests.support.spark_cluster import ENVIRONMENT

DBT = PROJECT / ".venv/bin/dbt"


class LocalDbt:
    """dbt as a process of its own, with tables below a folder of its own."""

    def __init__(
        self,
        folder: Path,
        vars: dict[str, Any],
        project: Path = PROJECT,
        target: str = "local",
        environment: Mapping[str, str] = {},
    ) -> None:
        self.folder, self.vars, self.project, self.target = folder, vars, project, target
        self.environment = {"BEACONING_OUTPUT": str(folder / "output")}
        self.environment |= environment
        self.tables = folder / "output/tables/beaconing"

    def start(self, *args: str, start_new_session: bool = False) -> subprocess.Popen:
        """Start a command; its output is in stdout. In a session of its own it is killed whole."""
        places = ["--project-dir", self.project, "--profiles-dir", self.folder]
        places += ["--target-path", self.folder / "target", "--log-path", self.folder / "logs"]
        (self.folder / "profiles.yml").write_text(self.profiles(), "utf-8")
        return subprocess.Popen(
            [DBT, *args, *places, "--target", self.target, "--no-use-colors"]
            + ["--vars", json.dumps(self.vars)],
            env=ENVIRONMENT | self.environment,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=start_new_session,
        )

    def profiles(self) -> str:
        """The profiles that commands use."""
        return (PROJECT / "profiles.yml.example").read_text("utf-8")

    def __call__(self, *args: str) -> str:
        """Run a command, which must succeed; return what it printed."""
        process = self.start(*args)
        printed, _ = process.communicate()
        assert process.returncode == 0, printed[-6000:]
        return printed

    def held(self) -> dict[str, list[str]]:
        """Every row of every table, sorted, without what differs from run to run."""
        return {
            log.parent.name: sorted(
                repr({name: row[name] for name in sorted(row) if name not in OF_THE_RUN})
                for row in read_table(log.parent)
            )
            for log in self.tables.glob("*/_delta_log")
        }


def read_table(folder: Path) -> list[dict[str, Any]]:
    """Read the rows of a Delta table."""
    return DeltaTable(folder).to_pyarrow_table().to_pylist()
