"""What all tests share: one Spark session for the whole suite, and a headless Chromium."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.chromium import NewPage, Page
    from tests.support.dbt_in_process import Dbt
    from tests.support.firefox import Page as FirefoxPage

PLATFORMS = Path(__file__).parent / "platforms"
# Variables that the shell has set for another Spark, Python or dbt must not reach ours.
FOREIGN = {"SPARK_HOME", "SPARK_CONF_DIR", "SPARK_REMOTE", "PYTHONPATH", "PYTHONHOME"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On other engines keep only what runs dbt: the rest is the same on all."""
    if version("pyspark").startswith("4.") or os.environ.get("TEST_ENGINE"):
        others = [
            item
            for item in items
            if "dbt_process" not in item.fixturenames and PLATFORMS not in item.path.parents
        ]
        config.hook.pytest_deselected(items=others)
        items[:] = [i for i in items if i not in others]


@pytest.fixture(scope="session")
def dbt_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dbt]:
    """Start Spark once; it ends with the suite."""
    from tests.support.dbt_in_process import Dbt

    kept = dict(os.environ)
    for name in [n for n in kept if n.startswith("DBT_") or n in FOREIGN]:
        del os.environ[name]
    dbt = Dbt(tmp_path_factory.mktemp("dbt"))
    yield dbt
    dbt.spark.stop()
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture(scope="module")
def dbt(dbt_process: Dbt) -> Dbt:
    """Give a module dbt with an empty catalog."""
    dbt_process.wipe()
    return dbt_process


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewPage]:
    """Start a headless Chromium; it ends with the suite."""
    from tests.support.chromium import CHROMIUM, chromium

    if CHROMIUM is None:
        pytest.skip("no Chromium here (apt-get install chromium, or CHROMIUM=/path)")
    with chromium(tmp_path_factory.mktemp("chromium")) as new_page:
        yield new_page


@pytest.fixture
def page(browser: NewPage) -> Iterator[Page]:
    """Give a page that remembers nothing of other tests."""
    with browser() as opened:
        yield opened


@pytest.fixture
def firefox_page(tmp_path: Path) -> Iterator[FirefoxPage]:
    """Give the page of a headless Firefox."""
    from tests.support.firefox import FIREFOX, firefox

    if FIREFOX is None:
        pytest.skip("no Firefox here (apt-get install firefox-esr, or FIREFOX=/path)")
    profile = tmp_path / "profile"
    profile.mkdir()
    with firefox(profile) as opened:
        yield opened
