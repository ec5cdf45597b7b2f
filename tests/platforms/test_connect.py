"""Target `connect` against a Spark Connect server: Spark 4.1 on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import few_rows
from tests.support.local_tables import LocalDbt
from tests.support.spark_cluster import (
    END,
    ENVIRONMENT,
    PROJECT,
    connections,
    free_port,
    listens,
    read_findings,
    wait_for,
)

SPARK4 = PROJECT / "output/spark4/pyspark"


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[str]:
    """Start the server of `make test-matrix`'s Spark; it ends with the test."""
    if not SPARK4.exists():
        pytest.skip("no Spark 4.1 in output/spark4; see scripts/fetch.sh")
    port, log = free_port(), tmp_path / "server.log"
    settings = {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": port,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.driver.extraJavaOptions": few_rows.JAVA,
        **few_rows.PLANNING,
        "spark.sql.warehouse.dir": tmp_path / "warehouse",
    }
    words = [word for item in settings.items() for word in ("--conf", "{}={}".format(*item))]
    kind = ("--class", "org.apache.spark.sql.connect.service.SparkConnectServer")
    with log.open("wb") as out:
        server = subprocess.Popen(
            [SPARK4 / "bin/spark-submit", "--master", "local[2]", *words, *kind, "spark-internal"],
            cwd=tmp_path,
            env=ENVIRONMENT | {"SPARK_HOME": str(SPARK4)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for("Spark Connect", lambda: listens(port), server)
        yield f"sc://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def test_a_build_finds_what_target_local_finds(remote: str, tmp_path: Path, logs):
    raw_root, implants = logs
    vars = {"raw_root": str(raw_root), "end_date": str(END), "lookback_days": 1}
    found = {}
    for target in ("local", "connect"):
        folder = tmp_path / target
        folder.mkdir()
        given = vars | {"export_root": str(folder / "export")}
        server = {"BEACONING_CONNECT_REMOTE": remote}
        dbt = LocalDbt(folder, given, target=target, environment=server)
        dbt("build", "--exclude-resource-type", "test", "unit_test")
        found[target] = read_findings(folder / "export")
    assert found["connect"] == found["local"]
    assert connections(implants) & connections(found["connect"])
