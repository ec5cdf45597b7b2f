"""Time both engines against the notebook, Spark's bare scan and DuckDB, on generated logs.

    python -m bench.speed.benchmark            everything: hours, 45 GB of disk
    python -m bench.speed.benchmark --quick    the same on small logs: minutes; says little

Every measurement is a process of its own; every second round has the reverse order. Results are
appended to results.jsonl, so a run that was stopped continues where it was. Linux only, because
memory and processor time are read from /proc.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from bench import PROJECT
from bench.speed.cases import Part, cases
from bench.speed.measuring import DUCKDB, MEMORY, Bench, console
from bench.speed.page import medians, page
from samples import MINIMUM_ROWS_PER_DAY

DOCS = PROJECT / "docs/benchmark.md"


def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="Small logs, one round, without growth and large.")
    ] = False,
    part: Annotated[list[Part] | None, typer.Option(help="Only this; may be repeated.")] = None,
    rows: Annotated[int, typer.Option(min=MINIMUM_ROWS_PER_DAY, help="Rows a day.")] = 650_000,
    large_rows: Annotated[
        int, typer.Option(min=MINIMUM_ROWS_PER_DAY, help="Rows a day of the part large.")
    ] = 3_000_000,
    history: Annotated[int, typer.Option(min=3, help="Days of a short history.")] = 3,
    long_history: Annotated[int, typer.Option(min=4, help="Days of a long one.")] = 21,
    rounds: Annotated[int, typer.Option(min=1, help="Of which medians are taken.")] = 3,
    folder: Annotated[Path, typer.Option(help="For logs, states and results.jsonl.")] = PROJECT
    / "output/bench",
    docs: Annotated[
        Path | None, typer.Option(help="Page to write; with --quick in the folder, else:")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what was measured.")] = False,
    delete_logs: Annotated[
        bool, typer.Option("--delete-logs", help="Delete a part's logs when it is done.")
    ] = False,
    table_only: Annotated[
        bool, typer.Option("--table-only", help="Measure nothing; make the page again.")
    ] = False,
) -> None:
    """Measure, print the tables and write them into the docs."""
    if long_history <= history:
        raise typer.BadParameter("--long-history must be more than --history")
    if quick:
        rows, long_history, rounds = MINIMUM_ROWS_PER_DAY, history + 1, 1
    parts = part or ([Part.COMPARE, Part.HISTORY, Part.STAGING] if quick else list(Part))
    every = cases(rows, large_rows, history, long_history)
    asked = [case for case in every if case.part in parts]
    bench = Bench(folder, rounds)
    log = bench.folder / "results.jsonl"
    if fresh:
        log.unlink(missing_ok=True)
    results = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    versions = {case.key: bench.version(case) for case in every}
    results = [r for r in results if r["version"] == versions.get(r["key"])]
    done = {(r["key"], r["round"]) for r in results}
    for one_part in [] if table_only else parts:
        todo = [case for case in asked if case.part == one_part]
        # The part staging runs its rounds within one session.
        once = one_part == Part.STAGING
        for number in range(1 if once else rounds):
            for case in todo if number % 2 == 0 else todo[::-1]:
                if (case.key, number) in done:
                    continue
                console.print(f"round {number + 1} of {rounds}: {case.key}", highlight=False)
                taken = bench.measure(case)
                load = round(os.getloadavg()[0], 1)
                result = {"key": case.key, "round": number, "version": versions[case.key]}
                results.append({**result, "load": load, **taken})
                with log.open("a") as file:
                    file.write(json.dumps(results[-1]) + "\n")
                gigabytes = taken["peak_mb"] / 1000
                console.print(f"    {taken['seconds']:.1f} s, {gigabytes:.2f} GB of all processes")
        if delete_logs:
            later = {c.logs for c in asked if parts.index(c.part) > parts.index(one_part)}
            for logs in {c.logs for c in todo} - later:
                shutil.rmtree(bench.folder / "logs" / logs.name, ignore_errors=True)
    found = medians(every, results)
    cores = len(os.sched_getaffinity(0))
    where = f"on {cores} cores and {MEMORY / 1e9:.0f} GB, with {DUCKDB}"
    missing = {case.key for case in every} - {m.case.key for m in found}
    what = f"Medians of as many rounds as the tables say, {where}."
    if missing:
        what += f" Not measured: {', '.join(sorted(missing))}."
    written = page(found, what)
    target = docs or (bench.folder / "benchmark.md" if quick else DOCS)
    target.write_text(written, encoding="utf-8")
    Console(width=150).print(Markdown(written))
    console.print(f"written to {target}", highlight=False)


if __name__ == "__main__":
    typer.run(main)
