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
    said = tmp_path / "report.json"
    said.write_text(json.dumps(content) if content else "No known vulnerabilities found")
    tool = tmp_path / "pip-audit"
    tool.write_text(f"#!/bin/sh\ncat {said}\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "argv", ["audit.py", str(tool)])
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
