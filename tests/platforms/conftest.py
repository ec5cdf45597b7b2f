"""Logs for the clusters, and a Spark cluster that all modules share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samples import Skew, generate
from tests.support.spark_cluster import END, Cluster


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """Folder of the export, and the implants that the judged vendor logged."""
    folder = tmp_path_factory.mktemp("logs")
    truth = generate(
        folder,
        end_date=END,
        days=3,
        rows_per_day=20_000,
        seed=5,
        skew=Skew.NONE,
        faults=frozenset(),
        overwrite=False,
        show_progress=False,
    )
    implants = [i for i in truth["implants"] if i["device_vendor"] == "Fortinet"]
    return folder / truth["root"], implants


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster.__new__(Cluster)
    try:
        cluster.__init__(tmp_path_factory.mktemp("cluster"))
        yield cluster
    finally:
        cluster.stop_all()
