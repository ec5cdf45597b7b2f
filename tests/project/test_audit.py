"""The audit fails where a package is vulnerable, or was not looked up. No network."""

from __future__ import annotations

import importlib.util
import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/audit.py"
SPEC = importlib.util.spec_from_file_location("audit", SCRIPT)
audit = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(audit)

VULNERABLE = {"id": "PYSEC-1", "aliases": ["CVE-2026-1"], "fix_versions": ["2.0"]}


def report(**changes: Any) -> dict[str, Any]:
    """A report in which all locked packages are good, but for some."""
    return {
        "dependencies": [
            {"name": name, "version": version, "vulns": [], **changes.get(name, {})}
            for name, version in audit.locked().items()
        ]
    }


@pytest.fixture(autouse=True)
def osv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file in place of OSV's answer, which knows of no vulnerability."""
    answer = tmp_path / "osv.json"
    answer.write_text(json.dumps({"results": [{} for _ in audit.jars()[0]]}))
    monkeypatch.setattr(audit, "OSV", answer.as_uri())
    return answer


def test_every_jar_of_spark_is_known_by_name_and_version():
    found, unknown = audit.jars()
    assert unknown == [] and len(found) > 200
    assert {"org.apache.derby:derby", "org.scala-lang:scala-library"} <= {name for name, _ in found}
    assert all(name.count(":") == 1 and version for name, version in found)


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ("vulnerable", 1, "GHSA-1"),
        ("", 77, "jars were not looked up"),
        ("{}", 77, "jars were not looked up"),
        (None, 77, "jars were not looked up"),
    ],
)
def test_jars_that_were_not_looked_up_do_not_pass(
    tmp_path: Path, osv: Path, monkeypatch: pytest.MonkeyPatch, capsys, said, code: int, words: str
):
    if said == "vulnerable":
        results = json.loads(osv.read_text())["results"]
        said = json.dumps({"results": [{"vulns": [{"id": "GHSA-1"}]}, *results[1:]]})
    if said is None:
        osv.unlink()
    else:
        osv.write_text(said)
    run_with(tmp_path, monkeypatch, report())
    assert audit.main() == code
    assert words in capsys.readouterr().out


def run_with(folder: Path, monkeypatch: pytest.MonkeyPatch, content: Any) -> None:
    """Let pip-audit report this."""
    said = folder / "report.json"
    said.write_text(json.dumps(content) if content else "No known vulnerabilities found")
    tool = folder / "pip-audit"
    tool.write_text(f"#!/bin/sh\ncat {said}\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "argv", ["audit.py", str(tool)])


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (report(), 0, "locked packages were looked up"),
        (report(pytest={"vulns": [VULNERABLE]}), 1, "PYSEC-1, fixed in 2.0"),
        (report(pytest={"skip_reason": "not found"}), 1, "Not looked up: pytest"),
        ({"dependencies": report()["dependencies"][1:]}, 1, "Not looked up: "),
        (report(**{n: {"skip_reason": "x"} for n in audit.locked()}), 77, "0 of "),
        ({"dependencies": []}, 77, "0 of "),
        (None, 77, ""),
    ],
)
def test_what_was_not_looked_up_does_not_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, content: Any, code: int, words: str
):
    run_with(tmp_path, monkeypatch, content)
    assert audit.main() == code
    assert words in capsys.readouterr().out


def test_an_exception_is_one_by_any_of_its_names(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audit, "HARMLESS", {"CVE-2026-1": "a reason"})
    found = report(pytest={"vulns": [VULNERABLE]})
    assert audit.vulnerability_problems(found, {"pytest"}) == ([], [])


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        *(("MIT", True), ("Apache-2.0 OR GPL-3.0", True), ("Artistic License; MIT", True)),
        *(("Apache-2.0 AND MIT", True), ("MIT AND GPL-3.0-only", False), ("none", False)),
        *(("GNU General Public License v2 (GPLv2)", False), ("BSD-3-Clause", True)),
    ],
)
def test_licences(licence: str, allowed: bool):
    assert audit.is_allowed(licence) == allowed
