"""Measure what docs/reliability.md promises, and write the figures into that page.

    python -m tests.reliability [--kills 100] [--spark-kills 0] [--enrich-kills 100] [--minutes 40]
        [--lines 100000] [--files 1000] [--no-push] [--seed 1] [--folder FOLDER]

0 leaves a part out; its figures stay as they are. `make reliability` runs all of it but the kills
on Spark, of which each takes minutes; `--minutes` bounds the kills of each part. With `--folder`
the kills of an earlier command of the same commit count, too. The suite has a short form of each
part.
"""

from __future__ import annotations

import datetime as dt
import json
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
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from samples import EXPORT_ROOT, FAULT_OPTIONS, generate
from samples import lookup_sources as write_sources
from tests.support.dbt_in_process import PROJECT, read_export
from tests.support.local_tables import LocalDbt
from tests.support.spark_tables import SparkDbt

PAGE = PROJECT / "docs/reliability.md"
HEAD = "| tried | what came of it | date | commit |\n|---|---|---|---|\n"
MOST_SECONDS = 900  # of a command that is not killed
END = "2026-09-30"
MADE_AT = r'"made_at": ?"[^"]*"'
NO_TESTS = ("--exclude-resource-type", "test", "unit_test")
Tables = dict[str, Counter[str]]


def commit() -> str:
    """Return the commit that is measured."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True).stdout.strip()


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

    def __init__(self, folder: Path, rows_per_day: int) -> None:
        self.root, kept = folder / EXPORT_ROOT, folder / "short.json"
        is_new = not kept.exists()
        if is_new:
            faults = frozenset(FAULT_OPTIONS)
            generate(folder, days=2, rows_per_day=rows_per_day, faults=faults)
        (self.file, *_) = sorted((self.root / "y=2026/m=09/d=30").rglob("*.json"))
        if is_new:
            shutil.copy(self.file, kept)
        self.short = kept.read_bytes()
        lines = self.short.splitlines(keepends=True)
        self.long = self.short + b"".join(lines[:200]).replace(b"10.20.", b"10.21.")
        self.has_grown = False
        self.put(False)

    def put(self, has_grown: bool) -> None:
        self.file.write_bytes(self.long if has_grown else self.short)
        moment = 1_790_000_000 + has_grown
        os.utime(self.file, (moment, moment))  # what a run compares is the same each time
        self.has_grown = has_grown


def files_in(*places: Path) -> set[str]:
    """The files in these folders."""
    # Unlike rglob, walk goes on where a folder vanishes.
    walked = (step for place in places for step in os.walk(place))
    return {os.path.join(folder, name) for folder, _, names in walked for name in names}


def kill(dbt: LocalDbt, dice: random.Random, seconds: float, writes: int, *command: str) -> str:
    """Start a command of dbt, and kill it."""
    process = dbt.start(*command, start_new_session=True)
    places = [dbt.folder / "output", dbt.folder / "export"]
    return kill_at(process, dice, seconds, lambda: files_in(*places), writes)


def kill_at(
    process: subprocess.Popen,
    dice: random.Random,
    seconds: float,
    written: Callable[[], set[str]],
    writes: int,
) -> str:
    """Kill a process after some seconds, or while it writes one file of many."""
    begin = time.monotonic()
    known = written()
    writes_left = dice.randrange(1, writes) if dice.random() < 0.5 else 0
    moment = dice.uniform(0.1, 0.95) * seconds
    while process.poll() is None:
        if writes_left:
            now = written()
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


class Count:
    """What came of the kills of a part, those of earlier commands in the same folder included."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / f"count-{commit()}.json"
        none = dict.fromkeys(["kills", "checks", "lost", "wrong", "stuck"], 0) | {"seconds": 60}
        self.of: dict[str, int] = json.loads(self.file.read_text()) if self.file.exists() else none

    def add(self, **more: int) -> None:
        for what, number in more.items():
            self.of[what] += number
        self.file.write_text(json.dumps(self.of))

    def __str__(self) -> str:
        return (
            "{kills} kills, {checks} runs after them: {lost} rows lost, {wrong} doubled or wrong, "
            "{stuck} runs that need a person".format(**self.of)
        )


def compare(count: Count, expected: Tables, found: Tables) -> None:
    """Count the rows that are not as they should be, and show some."""
    for table, rows in expected.items():
        gone = rows - found.get(table, Counter())
        extra = found.get(table, Counter()) - rows
        count.add(lost=gone.total(), wrong=extra.total())
        if gone or extra:
            print(f"kill {count.of['kills']}: {table}: -{gone.total()} +{extra.total()}")
            print("   ", *[row[:600] for row in [*gone, *extra][:2]], sep="\n    ")


def kills(
    make: Callable[[Path, Path], LocalDbt],
    most: int,
    minutes: float,
    seed: int,
    folder: Path,
    rows_per_day: int,
) -> str:
    """Kill builds, as many as asked or as there is time for, up to four in a row.

    After them, the next run alone must leave the tables of an undisturbed one.
    """
    end = time.monotonic() + 60 * minutes
    count = Count(folder)
    dice = random.Random(seed + 1000 * count.of["kills"])
    logs = Logs(folder / "logs", rows_per_day)
    expected: dict[bool, Tables] = {}
    for has_grown in (False, True):
        logs.put(has_grown)
        undisturbed = make(folder / f"undisturbed-{has_grown}", logs.root)
        if not (undisturbed.folder / "export").exists():
            begin = time.monotonic()
            undisturbed("build", *NO_TESTS)
            count.of["seconds"] = round(time.monotonic() - begin)
        expected[has_grown] = tables_of(undisturbed)
    assert expected[False] != expected[True], "the states differ"
    # A run over what is there is shorter, and writes less, than one that makes everything.
    seconds = dict.fromkeys(["first", "refresh", "grown"], count.of["seconds"])
    writes = dict.fromkeys(seconds, len(files_in(undisturbed.folder / "output")))
    dbt = make(folder / "killed", logs.root)
    while count.of["kills"] < most and time.monotonic() < end:
        is_there = (dbt.folder / "export").exists()
        kind = dice.choice(["first", "grown", "grown", "refresh"]) if is_there else "first"
        if kind == "first":
            shutil.rmtree(dbt.folder / "output", ignore_errors=True)
        elif kind == "grown":
            logs.put(not logs.has_grown)
        command = ["build", *NO_TESTS] if kind == "first" else ["run"]
        more = ["--full-refresh"] if kind == "refresh" else []
        killed = sum(
            kill(dbt, dice, seconds[kind], writes[kind], *command, *more) == "killed"
            for _ in range(dice.choice([1, 2, 3, 4]))
        )
        if not killed:
            continue
        count.add(kills=killed)
        known, begin = files_in(dbt.folder / "output"), time.monotonic()
        process = dbt.start(*command)
        printed, _ = process.communicate(timeout=MOST_SECONDS)
        if kind == "grown":
            seconds[kind] = time.monotonic() - begin
            writes[kind] = max(2, len(files_in(dbt.folder / "output") - known))
        count.add(checks=1)
        if process.returncode:
            count.add(stuck=1)
            log = folder / f"stuck-{count.of['kills']}.log"
            log.write_text(printed)
            shutil.rmtree(dbt.folder / "output", ignore_errors=True)
            print(f"kill {count.of['kills']} ({kind}): the next run failed, see {log}")
            dbt("build", *NO_TESTS)
            continue
        compare(count, expected[logs.has_grown], tables_of(dbt))
        print(f"{count} ({kind})", flush=True)
    return str(count)


def enriched(folder: Path) -> Tables:
    """What enrich leaves beside an export, line by line, without the time of the report."""
    files = [file for file in folder.rglob("*") if file.suffix in (".jsonl", ".html")]
    return {
        file.name: Counter(re.sub(MADE_AT, "", file.read_text("utf-8")).splitlines())
        for file in files
    }


def kills_of_enrich(export: Path, most: int, minutes: float, seed: int, folder: Path) -> str:
    """Kill `enrich run` over an export; the next run alone must leave what an undisturbed one does.

    Each kill is of a first run, or of one over what earlier ones left.
    """
    end = time.monotonic() + 60 * minutes
    count = Count(folder)
    dice = random.Random(seed + 1000 * count.of["kills"])
    sources = folder / "sources"
    write_sources.main(sources)
    place = folder / "killed"

    def start() -> subprocess.Popen:
        command = [sys.executable, "-m", "enrich", "run", place, "--config"]
        return subprocess.Popen(
            [*command, sources / "enrich.toml"],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def forget() -> None:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(export, place)

    forget()
    begin = time.monotonic()
    printed, _ = start().communicate(timeout=MOST_SECONDS)
    seconds = time.monotonic() - begin
    expected = enriched(place)
    assert len(expected) == 2, printed
    while count.of["kills"] < most and time.monotonic() < end:
        if dice.random() < 0.7:
            forget()
        process = start()
        if kill_at(process, dice, seconds, lambda: files_in(place), 6) == "ended":
            continue
        count.add(kills=1, checks=1)
        process = start()
        printed, _ = process.communicate(timeout=MOST_SECONDS)
        if process.returncode:
            count.add(stuck=1)
            print(printed[-2000:])
            forget()
            continue
        compare(count, expected, enriched(place))
    return str(count)


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
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(HEAD)
    table = re.match(r"(?:\|.*\n)*", rest)[0]
    rows = {row.split(" | ")[0].strip("| "): row for row in table.splitlines()}
    for what, outcome in figures.items():
        # One row for what is tried, however often.
        kind = re.sub(r"[\d,]+ ", "", what)
        rows = {name: row for name, row in rows.items() if re.sub(r"[\d,]+ ", "", name) != kind}
        rows[what] = f"| {what} | {outcome} | {dt.date.today()} | {commit()} |"
    PAGE.write_text(before + HEAD + "\n".join(rows.values()) + "\n" + rest[len(table) :], "utf-8")


def made(make: type[LocalDbt], folder: Path, logs: Path) -> LocalDbt:
    """Return dbt with tables and export of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    vars = {"raw_root": str(logs), "end_date": END, "lookback_days": 1}
    return make(folder, vars | {"export_root": f"file://{folder}/export"})


def main(
    kills_on_sail: Annotated[int, typer.Option("--kills")] = 100,
    kills_on_spark: Annotated[int, typer.Option("--spark-kills")] = 0,
    enrich_kills: Annotated[int, typer.Option()] = 100,
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
        for engine, count, make, rows_per_day in [
            ("target local", kills_on_sail, LocalDbt, 20_000),
            ("target spark", kills_on_spark, SparkDbt, 20_000),
        ]:
            if count:
                of_engine = place / engine.replace(" ", "-")
                figures[f"kill -9 of builds, {engine}"] = kills(
                    partial(made, make), count, minutes, seed, of_engine, rows_per_day
                )
        if enrich_kills:
            logs = Logs(place / "enrich/logs", 20_000)
            once = made(LocalDbt, place / "enrich/once", logs.root)
            if not (once.folder / "export").exists():
                once("build", *NO_TESTS)
            figures["kill -9 of enrich"] = kills_of_enrich(
                once.folder / "export", enrich_kills, minutes, seed, place / "enrich"
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
