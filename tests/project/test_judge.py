"""Days that changed are judged again, and no failure of one costs the next its run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.judge import judge

SCRIPT = Path(__file__).parents[2] / "scripts/judge.py"
NIGHT = {"end_date": "2026-03-10", "raw_root": "/logs"}


def runs(
    changed: list[str], failing: list[str], listing: int = 0, asking: int = 0
) -> tuple[int, list[str]]:
    """The exit code, and the days that were judged, where these have changed or fail."""
    judged = []

    def dbt(command: list[str], given: dict[str, Any]) -> tuple[int, str]:
        assert given["raw_root"] == "/logs"
        if command[0] == "run-operation":
            lines = [f"changed since it was judged: {day}" for day in changed]
            return asking, "\n".join(["some warning of 2026-01-01", *lines, ""])
        if command != ["run"]:
            return listing, ""
        judged.append(given["end_date"])
        return 2 * (given["end_date"] in failing), ""

    return judge(dbt, NIGHT), judged


@pytest.mark.parametrize(
    ("changed", "failing", "code"),
    [
        ([], [], 0),
        ([], ["2026-03-10"], 2),
        (["2026-03-07", "2026-03-08"], [], 0),
        (["2026-03-07", "2026-03-08"], ["2026-03-07"], 2),
        (["2026-03-08"], ["2026-03-10"], 2),
    ],
)
def test_changed_days_come_first_and_every_day_is_run(changed, failing, code):
    assert runs(changed, failing) == (code, [*changed, "2026-03-10"])


def test_where_logs_cannot_be_listed_the_run_of_the_day_says_why():
    assert runs(["2026-03-08"], ["2026-03-10"], listing=1) == (2, ["2026-03-10"])


def test_where_the_changed_days_cannot_be_asked_for_the_reason_is_shown(capsys):
    assert runs([], [], asking=2) == (2, ["2026-03-10"])
    said = capsys.readouterr().out
    assert "some warning of 2026-01-01\n\nWhich days have changed is not known" in said


@pytest.mark.parametrize("vars", ["end_date", "{end_date: 2026-02-30}"])
def test_vars_that_are_no_mapping_are_refused(vars: str):
    done = subprocess.run(
        [sys.executable, SCRIPT, "--vars", vars], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "no YAML mapping" in done.stderr
    assert "Traceback" not in done.stderr
