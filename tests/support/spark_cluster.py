"""A Spark cluster on this machine: a master, two workers of one core, and what runs on it."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyspark

from tests.support import few_rows

PROJECT = Path(__file__).parents[2]
SPARK = Path(pyspark.__file__).parent
BIN = Path(sys.executable).parent
END = dt.date(2026, 9, 30)

# Variables that the shell has set for another Spark or dbt must not reach ours.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("DBT_", "SPARK_", "BEACONING_", "PYTHONPATH", "PYTHONHOME"))
} | {"SPARK_HOME": str(SPARK)}


def wait_for(
    what: str,
    condition: Callable[[], Any],
    process: subprocess.Popen | None = None,
    seconds: float = 300,
) -> None:
    """Wait until `condition` holds; fail if `process` ends before."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        assert process is None or process.poll() is None, f"{what}: its process has ended"
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def get_json(url: str) -> Any:
    """JSON of a Spark page; None while nobody listens or Spark says that it is starting."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return None


def children(pid: int) -> dict[int, str]:
    """Command lines of the processes that a process has started, by id."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,command="], capture_output=True, text=True
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    return {int(row[0]): row[2] for row in rows if len(row) == 3 and row[1] == str(pid)}


class Cluster:
    """Starts processes of Spark in a folder, and ends each one of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen] = []
        port, page = free_port(), free_port()
        self.url, self.page = f"spark://127.0.0.1:{port}", f"http://127.0.0.1:{page}/json/"
        self.start(
            "master",
            *("bin/spark-class", "org.apache.spark.deploy.master.Master"),
            *("--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page)),
            SPARK_DAEMON_MEMORY="256m",
        )
        wait_for("master", lambda: get_json(self.page), self.processes[0])
        self.workers = [self.start_worker(), self.start_worker()]
        wait_for("two workers", lambda: self.alive_workers() == 2)

    def start(self, name: str, program: str, *args: str, **environment: str) -> subprocess.Popen:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(SPARK / program), *args],
                cwd=self.folder,
                env=ENVIRONMENT | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def start_worker(self) -> subprocess.Popen:
        return self.start(
            "worker",
            *("bin/spark-class", "org.apache.spark.deploy.worker.Worker", self.url),
            *("--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "1g"),
            *("--work-dir", str(self.folder / "work")),
            SPARK_DAEMON_MEMORY="256m",
        )

    def alive_workers(self) -> int:
        return get_json(self.page)["aliveworkers"]

    def stop(self, process: subprocess.Popen) -> None:
        """End a process, and the executors that it started."""
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        # The process leads a group of its own; only what it started is left in it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop_all(self) -> None:
        for process in reversed(self.processes):
            self.stop(process)


def session_settings(folder: Path) -> list[str]:
    """Settings of an application on the cluster, as options of spark-submit."""
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.executor.memory": "1g",
        "spark.executor.cores": "1",
        "spark.driver.extraJavaOptions": f"{few_rows.JAVA} -Dderby.system.home={folder}",
        "spark.executor.extraJavaOptions": few_rows.JAVA,
        **few_rows.PLANNING,
        "spark.sql.shuffle.partitions": "4",
        "spark.local.dir": f"{folder}/local",
    }
    return [text for name, value in settings.items() for text in ("--conf", f"{name}={value}")]


class ThriftServer:
    """A thrift server on the cluster, and dbt's target `cluster` on it."""

    def __init__(self, cluster: Cluster, folder: Path, raw_root: Path) -> None:
        self.folder, self.raw_root = folder, raw_root
        self.port, page = free_port(), free_port()
        self.page = f"http://127.0.0.1:{page}/api/v1/applications"
        self.process = cluster.start(
            "thriftserver",
            *("bin/spark-submit", "--master", cluster.url, *session_settings(folder)),
            *("--conf", f"spark.ui.port={page}"),
            *("--conf", f"spark.sql.warehouse.dir={folder}/warehouse"),
            *("--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"),
            *("spark-internal", "--hiveconf", "hive.server2.thrift.bind.host=127.0.0.1"),
            *("--hiveconf", f"hive.server2.thrift.port={self.port}"),
        )
        wait_for("two executors", lambda: len(self.executors()) == 2, self.process)
        wait_for("thrift server", lambda: listens(self.port), self.process)

    def ask(self, what: str) -> list[dict[str, Any]]:
        """List what Spark knows of this application."""
        applications = get_json(self.page)
        return get_json(f"{self.page}/{applications[0]['id']}/{what}") or [] if applications else []

    def executors(self, which: str = "executors") -> dict[str, dict[str, Any]]:
        """Executors by id: those that run, or with `allexecutors` also those that were lost."""
        return {each["id"]: each for each in self.ask(which) if each["id"] != "driver"}

    def failed_tasks(self) -> int:
        return sum(stage["numFailedTasks"] for stage in self.ask("stages"))

    def dbt(self, *args: str, export_root: Path) -> subprocess.Popen:
        """Start dbt; its output is in stdout."""
        given = {
            "raw_root": str(self.raw_root),
            "export_root": str(export_root),
            "end_date": str(END),
            "lookback_days": 1,
        }
        profiles = self.folder / "profiles.yml"
        profiles.write_bytes((PROJECT / "profiles.yml.example").read_bytes())
        return subprocess.Popen(
            [
                *(str(BIN / "dbt"), *args, "--target", "cluster", "--vars", json.dumps(given)),
                *("--profiles-dir", str(self.folder), "--project-dir", str(PROJECT)),
                *("--target-path", str(self.folder / "target"), "--no-use-colors"),
                *("--log-path", str(self.folder / "logs")),
            ],
            env=ENVIRONMENT | {"BEACONING_CLUSTER_PORT": str(self.port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def finish(process: subprocess.Popen, printed: str = "") -> str:
    """Wait for a command, which must succeed; give all that it printed."""
    printed += process.communicate(timeout=1800)[0]
    assert process.returncode == 0, printed[-6000:]
    return printed


def read_findings(export_root: Path) -> list[dict[str, Any]]:
    """Findings in the export, sorted, without the columns that differ from run to run."""
    lines = [
        json.loads(line)
        for part in (export_root / "network_beaconing_anomalies").glob("*.json")
        for line in part.read_text("utf-8").split("\n")
        if line
    ]
    for line in lines:
        for column in [name for name in line if re.match(r"run_|invocation", name)]:
            del line[column]
    return sorted(lines, key=lambda line: (line["source_ip"], line["destination_ip"]))


def connections(rows: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(row["source_ip"], row["destination_ip"]) for row in rows}
