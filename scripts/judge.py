"""Judge a day, and again the days before it whose logs have changed since they were judged.

    python scripts/judge.py [OPTIONS OF DBT]

Takes --vars, and what all commands of dbt take, such as --target. Days that have changed come
first, the oldest before the others, at most as many as the var `rejudge_days` says; the day to
judge comes last, so that the tables and the last summary are of it. A day that fails does not keep
the next from being judged. The exit code is that of the day to judge, or else of the first command
that failed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import yaml

Dbt = Callable[[list[str], dict[str, Any]], tuple[int, str]]


def judge(dbt: Dbt, given: dict[str, Any]) -> int:
    """Judge the changed days and the day of these vars.

    Parameters
    ----------
    dbt
        Runs a dbt command with these vars, and returns its exit code and what it printed.
    given
        The vars of the command line.

    Returns
    -------
    int
        The exit code.
    """
    days: list[str] = []
    asked = 0
    # Where this fails, the run of the day says why.
    if dbt(["run", "--quiet", "--select", "log_files", "log_days"], given)[0] == 0:
        asked, printed = dbt(["run-operation", "--quiet", "print_changed_days"], given)
        days = re.findall(
            r"^changed since it was judged: (\d{4}-\d\d-\d\d)$", printed, re.MULTILINE
        )
        if asked:
            print(f"{printed}\nWhich days have changed is not known, see above.", flush=True)
    codes = []
    for day in days:
        print(f"\nJudging {day} again: its logs have changed since.", flush=True)
        codes.append(dbt(["run"], given | {"end_date": day})[0])
    if days:
        print("\nJudging the day itself.", flush=True)
    codes.append(dbt(["run"], given)[0])
    for day, code in zip(days, codes):
        if code:
            print(
                f"{day} could not be judged again (exit code {code}). Its run above says why.",
                flush=True,
            )
    return codes[-1] or asked or next(filter(None, codes), 0)


def main() -> int:
    """Read the command line, and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vars", default="{}", help="vars of the project, as dbt takes them")
    options, others = parser.parse_known_args()
    try:
        given = yaml.safe_load(options.vars) or {}
    except (yaml.YAMLError, ValueError):  # a day such as 2026-02-30 is a ValueError
        given = None
    if not isinstance(given, dict):
        parser.error(
            f"--vars are no YAML mapping such as '{{end_date: 2026-03-10}}': {options.vars!r}"
        )

    def dbt(command: list[str], given: dict[str, Any]) -> tuple[int, str]:
        told = [
            *command,
            *others,
            "--vars",
            yaml.safe_dump(given, default_flow_style=True, width=10**6),
        ]
        is_asked = command[0] == "run-operation"
        done = subprocess.run(
            [sys.executable, "-c", "from dbt.cli.main import cli; cli()", *told],
            stdout=subprocess.PIPE if is_asked else None,
            text=True,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stdout or ""

    return judge(dbt, given)


if __name__ == "__main__":
    sys.exit(main())
