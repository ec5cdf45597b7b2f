"""The whole build through a thrift server on the cluster; a worker is killed meanwhile."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.findings import beacons_of
from tests.support.local_tables import LocalDbt
from tests.support.spark_cluster import (
    END,
    Cluster,
    ThriftServer,
    children,
    connections,
    finish,
    read_findings,
    wait_for,
)


@pytest.fixture(scope="module")
def server(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, logs
) -> Iterator[ThriftServer]:
    server = ThriftServer(cluster, tmp_path_factory.mktemp("server"), logs[0])
    yield server
    # Its executors hold the cores that the next module needs.
    cluster.stop(server.process)


@dataclass(frozen=True)
class Built:
    """A build during which a worker was killed.

    Attributes
    ----------
    printed
        What dbt said.
    export
        Where it exported.
    lost
        Id of the executor that was killed.
    executors
        All executors, the lost one included, by id.
    first
        Ids of the executors at the start.
    failed_tasks
        Tasks that had to be done again.
    """

    printed: str
    export: Path
    lost: str
    executors: dict[str, dict[str, Any]]
    first: set[str]
    failed_tasks: int


@pytest.fixture(scope="module")
def built(
    cluster: Cluster, server: ThriftServer, tmp_path_factory: pytest.TempPathFactory
) -> Built:
    export = tmp_path_factory.mktemp("built")
    first = set(server.executors())
    build = server.dbt("build", export_root=export)
    printed = ""
    # Staging and egress are there, their shuffle files lie with the executors.
    for line in build.stdout:
        printed += line
        if re.search(r"START sql replace_partitions model beaconing\.connection_days", line):
            break
    assert server.failed_tasks() == 0
    lost = kill_while_it_works(cluster, server)
    cluster.workers.append(cluster.start_worker())
    printed = finish(build, printed)
    executors = server.executors("allexecutors")
    return Built(printed, export, lost, executors, first, server.failed_tasks())


def test_the_build_and_its_data_tests_pass(built: Built):
    assert re.search(r"Done\. PASS=\d+ WARN=0 ERROR=0 SKIP=0", built.printed), built.printed[-2000:]


def test_every_implant_is_found_and_nothing_else(built: Built, logs):
    assert connections(beacons_of(read_findings(built.export))) == connections(logs[1])


def test_a_killed_worker_was_replaced(built: Built):
    ended = built.executors
    assert not ended[built.lost]["isActive"]
    assert built.failed_tasks > 0
    replaced = set(ended) - built.first
    assert [e for e in replaced if ended[e]["isActive"] and ended[e]["completedTasks"]]
    assert {ended[e]["completedTasks"] > 0 for e in built.first} == {True}


def test_a_killed_worker_changes_nothing(built: Built, tmp_path: Path, logs):
    given = {"raw_root": str(logs[0]), "end_date": str(END), "lookback_days": 1}
    undisturbed = LocalDbt(tmp_path, given | {"export_root": str(tmp_path / "export")})
    undisturbed("build", "--exclude-resource-type", "test", "unit_test")
    assert read_findings(built.export) == read_findings(tmp_path / "export")


def test_the_unit_tests_pass(server: ThriftServer, built: Built):
    # Their incremental models must be there.
    printed = finish(server.dbt("test", "--select", "test_type:unit", export_root=built.export))
    assert re.search(r"Done\. PASS=[1-9]\d+ WARN=0 ERROR=0 SKIP=0", printed), printed[-2000:]


def kill_while_it_works(cluster: Cluster, server: ThriftServer) -> str:
    """Kill a worker and its executor in the middle of a task; give the executor's id."""
    worker = cluster.workers[0]
    (executor,) = [pid for pid, line in children(worker.pid).items() if "--executor-id" in line]
    (name,) = re.findall(r"--executor-id (\d+)", children(worker.pid)[executor])

    def is_at_work() -> bool:
        return server.executors()[name]["activeTasks"] > 0

    def is_caught() -> bool:
        # Halted, it cannot end its task between the look and the kill.
        wait_for("a task", is_at_work)
        os.kill(executor, signal.SIGSTOP)
        time.sleep(0.5)
        if is_at_work():
            return True
        os.kill(executor, signal.SIGCONT)
        return False

    wait_for("a task to interrupt", is_caught)
    # The worker first: it would replace a lost executor.
    worker.kill()
    worker.wait()
    os.kill(executor, signal.SIGKILL)
    return name
