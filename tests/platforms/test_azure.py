"""The whole way over Azure storage: logs in Azurite, Spark over abfs://, enrich through adlfs.

`make test-azure` brings what this needs: Spark 4.1 with hadoop-azure, and Azurite. The settings of
Spark are the block of docs/azure.md for an account key, and what an emulator needs besides.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark
import pytest
import yaml
from azure.storage.blob import BlobServiceClient, ContainerClient

from samples import EXPORT_ROOT, TABLE_FOLDER, Skew, generate
from tests.support import few_rows
from tests.support.findings import beacons_of

PROJECT = Path(__file__).parents[2]
AZURITE = PROJECT / "output/azurite/node_modules/.bin/azurite-blob"

pytestmark = pytest.mark.skipif(
    not (pyspark.__version__.startswith("4.") and AZURITE.exists()),
    reason="needs Spark 4.1 and Azurite: make test-azure",
)

END = dt.date(2026, 9, 30)
ACCOUNT = "devstoreaccount1"
HOST = f"{ACCOUNT}.dfs.core.windows.net"
# Every Azurite has this key; it is in its documentation.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
RESULTS = "beaconing"

# An emulator has the blob endpoint only, at an address of its own, and no TLS.
EMULATOR = """
spark.hadoop.fs.azure.abfs.endpoint: 127.0.0.1:{port}
spark.hadoop.fs.azure.always.use.https: "false"
spark.hadoop.fs.azure.account.hns.enabled: "false"
spark.hadoop.fs.azure.fns.account.service.type: BLOB
"""
SPARK = """
spark.master: local[2]
spark.driver.memory: 2g
spark.driver.host: 127.0.0.1
spark.driver.bindAddress: 127.0.0.1
spark.driver.extraJavaOptions: {java} -Dderby.stream.error.file={folder}/derby.log
spark.ui.enabled: "false"
spark.ui.showConsoleProgress: "false"
spark.local.dir: {folder}/spark
spark.sql.catalogImplementation: hive
spark.hadoop.javax.jdo.option.ConnectionURL: jdbc:derby:;databaseName={folder}/metastore;create=true
spark.sql.legacy.createHiveTableByDefault: "false"
spark.sql.session.timeZone: UTC
spark.sql.extensions: io.delta.sql.DeltaSparkSessionExtension
spark.sql.catalog.spark_catalog: org.apache.spark.sql.delta.catalog.DeltaCatalog
spark.databricks.delta.snapshotPartitions: "1"
spark.sql.warehouse.dir: abfs://{results}@{host}/warehouse
"""


@dataclass(frozen=True)
class Hunt:
    """A run over the emulator.

    Attributes
    ----------
    truth
        What was planted.
    results
        The container that tables and export are in.
    folder
        On this disk: the profile, the catalog, logs.
    given
        The vars.
    environment
        Tells Spark and adlfs where the emulator is.
    """

    truth: dict[str, Any]
    results: ContainerClient
    folder: Path
    given: dict[str, Any]
    environment: dict[str, str]

    def dbt(self, *command: str) -> None:
        """Run dbt in a process of its own; it must succeed."""
        places = ["--profiles-dir", self.folder, "--target-path", self.folder / "target"]
        places += ["--log-path", self.folder / "dbt", "--vars", json.dumps(self.given)]
        run = subprocess.run(
            [sys.executable, "-m", "dbt.cli.main", *command, *places, "--no-use-colors"],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]

    def exported(self) -> list[dict[str, Any]]:
        """Read the one file of the export."""
        names = [
            b.name for b in self.results.list_blobs("export/network_beaconing_anomalies/part-")
        ]
        (name,) = names
        text = self.results.download_blob(name).readall().decode("utf-8")
        return [json.loads(line) for line in text.splitlines()]


def account_key_block() -> dict[str, str]:
    """Read the settings in docs/azure.md for an account key, for the emulator's account."""
    text = (PROJECT / "docs/azure.md").read_text()
    (block,) = re.findall(r"^# Account key.*?\n(.*?)^(?:#|```)", text, re.MULTILINE | re.DOTALL)
    return yaml.safe_load(block.replace("ACCOUNT", ACCOUNT))


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlobServiceClient]:
    """Start Azurite, empty; it ends with the module."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("azurite")
    options = ("--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder))
    quiet = ("--silent", "--disableTelemetry", "--skipApiVersionCheck")
    with (folder / "azurite.log").open("w") as log:
        server = subprocess.Popen([AZURITE, *options, *quiet], stdout=log, stderr=log)
    try:
        for _ in range(120):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None, (folder / "azurite.log").read_text()
            time.sleep(0.5)
        else:
            pytest.fail("Azurite did not start within 60 s")
        yield BlobServiceClient(f"http://127.0.0.1:{port}/{ACCOUNT}", credential=KEY)
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="module")
def hunt(blobs: BlobServiceClient, tmp_path_factory: pytest.TempPathFactory) -> Hunt:
    """Generate logs, upload them as data export does, and hunt in them."""
    folder = tmp_path_factory.mktemp("hunt")
    truth = generate(
        folder / "logs",
        end_date=END,
        days=2,
        rows_per_day=20_000,
        seed=7,
        skew=Skew.NONE,
        faults=frozenset(),
        overwrite=False,
        show_progress=False,
    )
    container = blobs.create_container(TABLE_FOLDER)
    top = folder / "logs" / TABLE_FOLDER
    for file in top.rglob("*.json"):
        container.upload_blob(str(file.relative_to(top)), file.read_bytes())
    results = blobs.create_container(RESULTS)

    port = blobs.url.split(":")[2].split("/")[0]
    spark = SPARK.format(folder=folder, results=RESULTS, host=HOST, java=few_rows.JAVA)
    settings = yaml.safe_load(spark + EMULATOR.format(port=port))
    target = {"type": "spark", "method": "session", "host": "none", "schema": "beaconing"}
    target["server_side_parameters"] = settings | few_rows.PLANNING | account_key_block()
    profile = {"network_beaconing": {"target": "azure", "outputs": {"azure": target}}}
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    given = {
        "raw_root": f"abfs://{TABLE_FOLDER}@{HOST}/{EXPORT_ROOT.partition('/')[2]}",
        "export_root": f"abfs://{RESULTS}@{HOST}/export",
        "end_date": str(END),
        "lookback_days": 1,
        "table_format": "delta",
    }
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("DBT_", "ENRICH_"))}
    environment |= {
        "ADLS_KEY": KEY,
        "AZURE_STORAGE_CONNECTION_STRING": (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
        ),
    }
    hunt = Hunt(truth, results, folder, given, environment)
    hunt.dbt("build", "--exclude-resource-type", "test", "unit_test")
    return hunt


def test_every_implant_is_found_over_azure_storage(hunt: Hunt):
    planted = {
        (implant["source_ip"], implant["destination_ip"])
        for implant in hunt.truth["implants"]
        if implant["device_vendor"] == "Fortinet"
    }
    assert {(f["source_ip"], f["destination_ip"]) for f in beacons_of(hunt.exported())} == planted


def test_the_tables_are_delta_tables_in_the_container(hunt: Hunt):
    table = "warehouse/beaconing.db/network_beaconing_anomalies/"
    names = [blob.name for blob in hunt.results.list_blobs(table)]
    assert f"{table}_delta_log/00000000000000000000.json" in names
    assert any(name.endswith(".parquet") for name in names)


def test_enrich_reads_the_export_through_adlfs(hunt: Hunt, tmp_path: Path):
    report = tmp_path / "report.html"
    run = subprocess.run(
        [sys.executable, "-m", "enrich", "run", hunt.given["export_root"]],
        cwd=PROJECT,
        env=hunt.environment | {"ENRICH_REPORT": str(report), "ENRICH_CACHE": str(tmp_path / "c")},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    text = report.read_text()
    for implant in hunt.truth["implants"]:
        assert (implant["destination_ip"] in text) == (implant["device_vendor"] == "Fortinet")
    assert KEY not in run.stdout + run.stderr + text


def test_another_process_replaces_the_findings_of_its_day(hunt: Hunt):
    before = hunt.exported()
    names = ["network_beaconing_anomalies", "export_network_beaconing_anomalies"]
    hunt.dbt("run", "--select", *names)
    after = hunt.exported()
    assert sorted(f["beacon_id"] for f in after) == sorted(f["beacon_id"] for f in before)
    assert {f["run_id"] for f in after}.isdisjoint(f["run_id"] for f in before)
