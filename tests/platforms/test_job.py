"""deploy/spark/job.py, submitted to the cluster; no metastore, so files alone carry the history."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.findings import beacons_of
from tests.support.spark_cluster import (
    END,
    ENVIRONMENT,
    PROJECT,
    SPARK,
    Cluster,
    connections,
    read_findings,
    session_settings,
)


class Jobs:
    """Submits jobs that share a warehouse, and nothing else."""

    def __init__(self, cluster: Cluster, folder: Path, raw_root: Path) -> None:
        self.cluster, self.folder, self.raw_root = cluster, folder, raw_root
        self.submitted = 0

    def __call__(self, *options: str, end_date: dt.date, project: Path = PROJECT):
        self.submitted += 1
        folder = self.folder / f"job{self.submitted}"
        folder.mkdir()
        given = {
            "raw_root": str(self.raw_root),
            "export_root": str(folder / "export"),
            "end_date": str(end_date),
            "lookback_days": 1,
        }
        entry = shutil.copy(PROJECT / "deploy/spark/job.py", folder)
        done = subprocess.run(
            [
                *(str(SPARK / "bin/spark-submit"), "--master", self.cluster.url),
                *session_settings(folder),
                *("--conf", "spark.ui.enabled=false", entry, "--project", str(project)),
                *("--warehouse", f"{self.folder}/warehouse", *options),
                *("--vars", json.dumps(given), "--no-use-colors"),
            ],
            cwd=folder,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=1800,
        )
        return done, folder / "export"


@pytest.fixture(scope="module")
def two_days(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, logs
) -> list[tuple[str, list[dict[str, Any]]]]:
    """What jobs of two consecutive days printed and found."""
    jobs = Jobs(cluster, tmp_path_factory.mktemp("jobs"), logs[0])
    project = jobs.folder / "network_beaconing.zip"
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    with zipfile.ZipFile(project, "w") as archive:
        for name in tracked.stdout.splitlines():
            archive.write(PROJECT / name, name)
    done = []
    for day in (END - dt.timedelta(days=1), END):
        # Data tests run on the cluster in test_thrift_server.py.
        no_tests = ("--exclude-resource-type", "test", "unit_test")
        job, export = jobs(*no_tests, end_date=day, project=project)
        assert job.returncode == 0, job.stdout[-5000:] + job.stderr[-5000:]
        done.append((job.stdout, read_findings(export)))
    return done


def test_the_second_job_finds_the_tables_of_the_first(two_days):
    (first, _), (second, _) = two_days
    none = re.compile(r"(?<!\d)0 tables of earlier jobs found")
    assert none.search(first)
    assert not none.search(second)


def test_the_second_job_knows_what_the_first_found(two_days, logs):
    (_, first), (_, second) = two_days
    already = connections(first)
    assert already
    assert connections(beacons_of(second)) == connections(logs[1])
    status = {(row["source_ip"], row["destination_ip"]): row["status"] for row in second}
    assert {status[c] for c in already & set(status)} == {"continuing"}
    assert {status[c] for c in set(status) - already} == {"new"}


def test_the_exit_code_and_the_message_are_dbts(cluster: Cluster, tmp_path: Path, logs):
    jobs = Jobs(cluster, tmp_path, logs[0])
    job, _ = jobs(end_date=END + dt.timedelta(days=40))
    assert job.returncode == 1  # as dbt itself where a model fails
    assert f"no log files for end_date {END + dt.timedelta(days=40)}" in job.stdout
