"""The whole build through a thrift server on the cluster, and with a worker killed meanwhile."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.findings import beacons_of
from tests.support.spark_cluster import (
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


@pytest.fixture(scope="module")
def built(server: ThriftServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What dbt printed while it built, and where it exported."""
    export = tmp_path_factory.mktemp("built")
    build = server.dbt("build", export_root=export)
    return finish(build), export


def test_the_build_and_its_data_tests_pass(server: ThriftServer, built):
    assert re.search(r"Done\. PASS=\d+ WARN=0 ERROR=0 SKIP=0", built[0]), built[0][-2000:]
    assert {e["completedTasks"] > 0 for e in server.executors().values()} == {True}


def test_every_implant_is_found_and_nothing_else(built, logs):
    assert connections(beacons_of(read_findings(built[1]))) == connections(logs[1])


def test_a_killed_worker_changes_nothing(
    cluster: Cluster, server: ThriftServer, built, tmp_path: Path
):
    before = set(server.executors())
    assert server.failed_tasks() == 0
    run = server.dbt("run", "--full-refresh", export_root=tmp_path)
    printed = ""
    # Staging and egress are there, their shuffle files lie with the executors.
    for line in run.stdout:
        printed += line
        if re.search(r"START sql replace_partitions model beaconing\.connection_days", line):
            break
    lost = kill_while_it_works(cluster, server)
    cluster.workers.append(cluster.start_worker())
    finish(run, printed)

    executors = server.executors("allexecutors")
    assert not executors[lost]["isActive"]
    assert server.failed_tasks() > 0
    replaced = set(executors) - before
    assert [e for e in replaced if executors[e]["isActive"] and executors[e]["completedTasks"]]
    assert read_findings(tmp_path) == read_findings(built[1])


def test_the_unit_tests_pass(server: ThriftServer, built):
    # Their incremental models must be there.
    printed = finish(server.dbt("test", "--select", "test_type:unit", export_root=built[1]))
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
