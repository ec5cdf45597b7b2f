"""Measure what docs/reliability.md promises, and write the figures into that page.

    python -m tests.reliability [--kills 100] [--spark-kills 0] [--minutes 40] [--lines 100000]
        [--files 1000] [--no-push] [--seed 1] [--folder FOLDER]

0 leaves a part out; its figures stay as they are. `make reliability` runs all of it but the kills
on Spark, of which each takes minutes; `--minutes` bounds the kills. The suite has a short form of
each part.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from samples import EXPORT_ROOT, FAULT_OPTIONS, generate
from tests.support.dbt_in_process import PROJECT, read_export
from tests.support.local_tables import LocalDbt
from tests.support.spark_tables import SparkDbt

PAGE = PROJECT / "docs/reliability.md"
HEAD = "| tried | what came of it | date | commit |\n|---|---|---|---|\n"
MOST_SECONDS = 900  # of a command that is not killed
END = "2026-09-30"
Tables = dict[str, Counter[str]]


def tables_of(dbt: LocalDbt) -> Tables:
    """Every row of every table and of the export, as often as it is there."""
    tables = {name: Counter(rows) for name, rows in dbt.held().items()}
    rows = read_export(dbt.folder / "export")
    keys = ("run_id", "run_started_at")
    tables["the export"] = Counter(
        repr({k: row[k] for k in sorted(row) if k not in keys}) for row in rows
    )
    return tables


class Logs:
    """Log files in one of two states: in the second, the last day has grown by some lines."""

    def __init__(self, folder: Path) -> None:
        generate(folder, days=2, rows_per_day=20_000, faults=frozenset(FAULT_OPTIONS))
        self.root = folder / EXPORT_ROOT
        (self.file, *_) = sorted((self.root / "y=2026/m=09/d=30").rglob("*.json"))
        self.short = self.file.read_bytes()
        lines = self.short.splitlines(keepends=True)
        self.long = self.short + b"".join(lines[:200]).replace(b"10.20.", b"10.21.")
        self.has_grown = False
        self.put(False)

    def put(self, has_grown: bool) -> None:
        self.file.write_bytes(self.long if has_grown else self.short)
        moment = 1_790_000_000 + has_grown
        os.utime(self.file, (moment, moment))  # what a run compares is the same each time
        self.has_grown = has_grown


def written_in(dbt: LocalDbt) -> set[str]:
    """The files in the folders that a command writes to."""
    places = [dbt.folder / "output", dbt.folder / "export"]
    # Unlike rglob, walk goes on where a folder vanishes.
    walked = (step for place in places for step in os.walk(place))
    return {os.path.join(folder, name) for folder, _, names in walked for name in names}


def kill(dbt: LocalDbt, dice: random.Random, seconds: float, *command: str) -> str:
    """Start a command, and kill it: after some seconds, or while it writes one thing of many."""
    process = dbt.start(*command, start_new_session=True)
    begin = time.monotonic()
    writes_left = dice.randrange(1, 120) if dice.random() < 0.5 else 0
    moment = dice.uniform(0.2, 1.05) * seconds
    known = written_in(dbt)
    while process.poll() is None:
        if writes_left:
            now = written_in(dbt)
            writes_left = max(0, writes_left - len(now - known))
            known = now
            if writes_left == 0:
                break
            time.sleep(0.002)
        elif time.monotonic() - begin > moment:
            break
        else:
            time.sleep(0.01)
    over = process.poll() is not None
    if not over:
        os.killpg(process.pid, 9)
    process.communicate()
    return "ended" if over else "killed"


def kills(
    make: Callable[[Path, Path], LocalDbt], count: int, minutes: float, seed: int, folder: Path
) -> str:
    """Kill builds, as many as asked or as there is time for.

    After each, the next build alone must leave the tables of an undisturbed one.
    """
    end = time.monotonic() + 60 * minutes
    dice = random.Random(seed)
    logs = Logs(folder / "logs")
    expected: dict[bool, Tables] = {}
    seconds = 0.0
    for has_grown in (False, True):
        logs.put(has_grown)
        undisturbed = make(folder / f"undisturbed-{has_grown}", logs.root)
        begin = time.monotonic()
        undisturbed("build")
        seconds = time.monotonic() - begin
        expected[has_grown] = tables_of(undisturbed)
    assert expected[False] != expected[True], "the states differ"
    dbt = make(folder / "killed", logs.root)
    done = lost = doubled = stuck = 0
    while done < count and time.monotonic() < end:
        kind = dice.choice(["first", "grown", "grown", "refresh"])
        if kind == "first":
            shutil.rmtree(dbt.folder / "output", ignore_errors=True)
        elif kind == "grown":
            logs.put(not logs.has_grown)
        more = ["--full-refresh"] if kind == "refresh" else []
        if kill(dbt, dice, seconds, "build", *more) == "ended":
            continue
        done += 1
        process = dbt.start("build")
        printed, _ = process.communicate(timeout=MOST_SECONDS)
        if process.returncode:
            stuck += 1
            (folder / f"stuck-{done}.log").write_text(printed)
            shutil.rmtree(dbt.folder / "output", ignore_errors=True)
            print(f"kill {done} ({kind}): the next run failed, see {folder}/stuck-{done}.log")
            continue
        found = tables_of(dbt)
        for table, rows in expected[logs.has_grown].items():
            gone = rows - found.get(table, Counter())
            extra = found.get(table, Counter()) - rows
            lost += gone.total()
            doubled += extra.total()
            if gone or extra:
                print(f"kill {done} ({kind}): {table}: -{gone.total()} +{extra.total()}")
                print("   ", *[row[:600] for row in [*gone, *extra][:2]], sep="\n    ")
        print(f"kill {done} of {count} ({kind})", flush=True)
    persons = f"{stuck} runs that need a person"
    return f"{done} kills: {lost} rows lost, {doubled} doubled or wrong, {persons}"


def mutated(lines: int, files: int) -> dict[str, str]:
    """Run the test of mutated lines and files at this size."""
    figures = {}
    for what, count, name in [("lines", lines, "mutated_lines"), ("files", files, "mutated_files")]:
        if not count:
            continue
        environment = os.environ | {f"MUTATED_{what.upper()}": str(count)}
        test = ["tests/pipeline/test_every_line_has_a_fate.py", "-k", name]
        begin = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-s", *test],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
        )
        said = re.search(rf"mutated {what}: (.*)", ran.stdout)
        outcome = said[1] if said and ran.returncode == 0 else "FAILED"
        figures[f"{count:,} mutated {what}"] = f"{outcome}, {time.monotonic() - begin:.0f} s"
        if outcome == "FAILED":
            print(ran.stdout[-3000:])
    return figures


def push() -> dict[str, str]:
    """Run the test of the push in full."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/enrich/test_push_faults.py"],
        cwd=PROJECT,
        env=os.environ | {"FULL_FAULT_TEST": "1"},
        capture_output=True,
        text=True,
    )
    good = "no row lost, no accepted row sent again"
    outcome = good if ran.returncode == 0 else "FAILED"
    return {"950 faults and 50 kills of the push": outcome}


def write_figures(figures: dict[str, str]) -> None:
    """Replace the rows of these figures in the table of the page."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=PROJECT, capture_output=True, text=True
    ).stdout.strip()
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(HEAD)
    table = re.match(r"(?:\|.*\n)*", rest)[0]
    rows = {row.split(" | ")[0].strip("| "): row for row in table.splitlines()}
    for what, outcome in figures.items():
        # One row for what is tried, however often.
        kind = re.sub(r"[\d,]+ ", "", what)
        rows = {name: row for name, row in rows.items() if re.sub(r"[\d,]+ ", "", name) != kind}
        rows[what] = f"| {what} | {outcome} | {dt.date.today()} | {commit} |"
    PAGE.write_text(before + HEAD + "\n".join(rows.values()) + "\n" + rest[len(table) :], "utf-8")


def main(
    kills_on_sail: Annotated[int, typer.Option("--kills")] = 100,
    kills_on_spark: Annotated[int, typer.Option("--spark-kills")] = 0,
    lines: Annotated[int, typer.Option()] = 100_000,
    files: Annotated[int, typer.Option()] = 1_000,
    with_push: Annotated[bool, typer.Option("--push/--no-push")] = True,
    minutes: Annotated[float, typer.Option(help="At most, for the kills of an engine.")] = 40,
    seed: Annotated[int, typer.Option()] = 1,
    folder: Annotated[Path | None, typer.Option(help="Kept; else a temporary one.")] = None,
) -> None:
    """Measure, print, and write the page; exit code 1 if a promise is broken."""
    figures: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        for engine, count, make in [
            ("target local", kills_on_sail, LocalDbt),
            ("target spark", kills_on_spark, SparkDbt),
        ]:
            if count:

                def made(where: Path, logs: Path, make: type = make) -> LocalDbt:
                    where.mkdir(parents=True)
                    vars = {"raw_root": str(logs), "end_date": END, "lookback_days": 1}
                    return make(where, vars | {"export_root": f"file://{where}/export"})

                of_engine = place / engine.replace(" ", "-")
                figures[f"kill -9 of builds, {engine}"] = kills(
                    made, count, minutes, seed, of_engine
                )
        figures |= mutated(lines, files)
        if with_push:
            figures |= push()
    for what, outcome in figures.items():
        print(f"{what}: {outcome}")
    write_figures(figures)
    broken = r"FAILED|[1-9]\d* (?:rows lost|doubled|runs that need)"
    raise typer.Exit(any(re.search(broken, outcome) for outcome in figures.values()))


if __name__ == "__main__":
    typer.run(main)
