"""make server and make stop: a Spark that stays up on the tables of target spark."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbt.adapters.guarded.adapter import METASTORE
from dbt.adapters.guarded.lock import lock_tables

from tests.support.spark_cluster import BIN, ENVIRONMENT, PROJECT, free_port


class Server:
    """deploy/spark/server.py, with tables, profile and port of its own."""

    def __init__(self, folder: Path) -> None:
        shutil.copy(PROJECT / "profiles.yml.example", folder / "profiles.yml")
        self.pid_file = folder / "output/server/pid"
        self.environment = ENVIRONMENT | {
            "BEACONING_OUTPUT": str(folder / "output"),
            "BEACONING_SERVER_PORT": str(free_port()),
            "DBT_PROFILES_DIR": str(folder),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
        }

    def __call__(self, *command: str, code: int = 0) -> str:
        """What `start`, `stop` or another command printed; it must end with this code."""
        if command[0] in ("start", "stop"):
            command = (sys.executable, str(PROJECT / "deploy/spark/server.py"), *command)
        done = subprocess.run(
            command, cwd=PROJECT, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server("stop")


def test_it_starts_once_serves_dbt_and_stops(server: Server):
    assert "Spark answers on 127.0.0.1:" in server("start")
    pid = int(server.pid_file.read_text())
    assert f"runs already on 127.0.0.1:{server.environment['BEACONING_SERVER_PORT']}" in server(
        "start"
    )
    assert int(server.pid_file.read_text()) == pid
    seeded = server(str(BIN / "dbt"), "seed", "--target", "server", "--no-use-colors")
    assert "Done. PASS=" in seeded
    wrong = server(
        *(str(BIN / "dbt"), "--quiet", "show", "--target", "server", "--no-use-colors"),
        *("--inline", "select * from not_there"),
        code=2,
    )
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in wrong and len(wrong.splitlines()) <= 10
    assert not re.search(r"\tat |org[.]apache|Traceback", wrong)
    refused = server(str(BIN / "dbt"), "seed", "--target", "spark", code=2)
    assert f"are held by process {pid} (make server, since 2" in refused
    assert "Use --target server, or run make stop" in refused and "Derby" not in refused
    assert f"Stopped the server (process {pid})" in server("stop")
    shown = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True)
    assert "HiveThriftServer2" not in shown.stdout
    assert "No server runs" in server("stop")


def test_it_does_not_start_while_a_command_holds_the_tables(server: Server):
    output = server.pid_file.parents[1]
    lock = lock_tables(output, "dbt build", METASTORE)
    said = server("start", code=1)
    assert f"are held by process {os.getpid()} (dbt build, since 2" in said
    assert len(said.splitlines()) < 4 and not server.pid_file.exists()
    lock.close()


def test_stop_spares_a_process_that_got_the_number(server: Server):
    server.pid_file.parent.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as other:
        server.pid_file.write_text(str(other.pid))
        assert "No server runs" in server("stop")
        assert other.poll() is None
        other.kill()
