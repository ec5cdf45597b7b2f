"""The page of the benchmark: medians of what was measured, and which promises they keep."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench import PROJECT
from bench.speed.cases import FIRST, LEAN, NEXT, NOTEBOOK, Case, Part

# Folders of models/ that read no single events, only the lists of them from connection_days.
DETECTION = ("baseline", "deltas", "scores", "campaigns", "results")


@dataclass(frozen=True)
class Median:
    """Medians over the rounds of a case."""

    case: Case
    rounds: int
    numbers: dict[str, float]
    models: dict[str, float]
    printed: Any

    @property
    def seconds(self) -> float:
        """Wall-clock time."""
        return self.numbers["seconds"]

    @property
    def detection(self) -> float:
        """Seconds of the models from the baseline on, and of connection_days, which they read."""
        folders = {path.stem: path.parent.name for path in (PROJECT / "models").rglob("*.sql")}
        return sum(
            seconds
            for name, seconds in self.models.items()
            if folders.get(name) in DETECTION or name == "connection_days"
        )


def medians(asked: Iterable[Case], results: Sequence[Mapping[str, Any]]) -> list[Median]:
    """Take the medians of each case over its results.

    Parameters
    ----------
    asked
        Cases; a case without a result is left out.
    results
        Lines of results.jsonl.

    Returns
    -------
    list of Median
        In the order of the cases.
    """
    found = []
    for case in asked:
        taken = [r for r in results if r["key"] == case.key]
        if not taken:
            continue
        names = ("seconds", "cpu_seconds", "peak_mb")
        models: dict[str, list[float]] = defaultdict(list)
        for result in taken:
            for name, seconds in result.get("models", {}).items():
                models[name].append(seconds)
        found.append(
            Median(
                case,
                len(taken),
                {name: statistics.median(r[name] for r in taken) for name in names},
                {name: statistics.median(seconds) for name, seconds in models.items()},
                taken[-1]["printed"],
            )
        )
    return found


def verdicts(found: Sequence[Median]) -> list[tuple[str, float, float | None, str]]:
    """Compare what was measured with what was promised.

    Parameters
    ----------
    found
        Medians; a promise about a case that is not among them is left out.

    Returns
    -------
    list of tuple
        Promise, measured value, bar, and `met` or `NOT met`; without a bar it is no promise.
    """

    def one(
        part: Part, name: str, test: Callable[[Case], bool] = lambda case: True
    ) -> Median | None:
        fit = [m for m in found if m.case.part == part and m.case.name == name and test(m.case)]
        return fit[0] if fit else None

    pairs: list[tuple[str, float | None, float | None, float | None]] = []

    def compare(
        text: str,
        top: Median | None,
        base: Median | None,
        bar: float | None,
        detection: bool = False,
    ) -> None:
        figure = (lambda m: m.detection) if detection else (lambda m: m.seconds)
        pairs.append((text, top and figure(top), base and figure(base), bar))

    first = one(Part.COMPARE, FIRST)
    for name, bar in ((NOTEBOOK, 0.35), (LEAN, None)):
        compare(f"first run / {name}", first, one(Part.COMPARE, name), bar)
    spans = sorted(
        {m.case.days for m in found if m.case.part == Part.HISTORY and m.case.name == NEXT}
    )
    short = one(Part.HISTORY, NEXT, lambda case: case.days == spans[0])
    long = one(Part.HISTORY, NEXT, lambda case: case.days == spans[-1])
    if len(spans) == 2:
        text = f"next day with {spans[-1] - 1} days of history / with {spans[0] - 1}"
        compare(text, long, short, 1.15)
    compare("next day, long history / notebook", long, one(Part.HISTORY, NOTEBOOK), 0.08)
    for m in found:
        if m.case.part == Part.STAGING:
            seconds = m.printed
            pairs.append(("staging / bare scan", seconds["staging"], seconds["scan"], 1.6))
    sizes = sorted({m.case.logs.rows for m in found if m.case.part == Part.GROWTH})
    grown = [
        one(Part.GROWTH, FIRST, lambda c, n=n: c.logs.rows == n and c.logs.skew == "none")
        for n in sizes
    ]
    if len(grown) == 2:
        compare("rows × 10", grown[1], grown[0], 10)
        compare("the same, detection only, rows × 10", grown[1], grown[0], 10, detection=True)
        for skew in ("source", "destination"):
            skewed = one(Part.GROWTH, FIRST, lambda c, skew=skew: c.logs.skew == skew)
            compare(f"half of all events in one {skew} / even", skewed, grown[1], 1.3)
            compare(f"the same, detection only, {skew}", skewed, grown[1], 1.3, detection=True)
    if large := one(Part.LARGE, FIRST, lambda case: case.days > 1):
        text = f"GB of all processes, {large.case.logs.rows:,} rows × {large.case.days} days"
        pairs.append((text, large.numbers["peak_mb"] / 1000, 1, 4))
    return [
        (text, top / base, bar, "" if bar is None else "met" if top / base <= bar else "NOT met")
        for text, top, base, bar in pairs
        if top is not None and base
    ]


def page(found: Sequence[Median], what: str) -> str:
    """Write the tables as Markdown.

    Parameters
    ----------
    found
        Medians.
    what
        A sentence on how and where it was measured.

    Returns
    -------
    str
        A page that begins with its title.
    """
    lines = ["# Benchmark", "", "Made by `bench/speed/benchmark.py`. " + what, ""]
    lines += ["| promise | measured | bar | |", "|---|--:|--:|---|"]
    for text, measured, bar, verdict in verdicts(found):
        lines.append(_line([text, f"{measured:.2f}", f"{bar:g}" if bar else "", verdict]))
    lines += [
        "",
        "- *notebook*: what the cells of Microsoft's notebook do, over all the days: one read with "
        "an inferred schema for each day, and a count or a preview after each cell. "
        "*Result only*: without the counts and previews.",
        "- *bare scan*: Spark reads the lines with a schema and throws them away. "
        "*DuckDB*: the notebook's steps, with a schema. Wherever Spark runs, its settings are "
        "those of target `spark`.",
        "- *dbt run*: the command line, seeds loaded before, with the default target `local`: the "
        "engine Sail within dbt. *On Spark*: the same with target `spark`. Both do more than the "
        "notebook: rejects, duplicates, scores, campaigns, findings.",
        "- *staging / bare scan*: the staging model with target `spark` and the bare scan, in "
        "turns in one Spark session. All other promises are about target `local`.",
        "- *models*: sum of the models' and hooks' times; the rest is start-up of Python, dbt and "
        "the engine. *Detection*: the models from the baseline on.",
        "- *peak MB*: the largest sum of the resident memory of all processes. Of several Java "
        "processes only the largest counts: its forks share its memory.",
        "- The logs are read once before each measurement, the last days first, up to half of the "
        "memory: of a long history the notebook reads a part from the disk, however fast that is.",
        "",
    ]
    for part in Part:
        if of_part := [m for m in found if m.case.part == part]:
            lines += [f"## {part.value.capitalize()}", "", *_part_table(of_part), ""]
    shown = [m for m in found if m.models and m.case.part in (Part.COMPARE, Part.HISTORY)]
    if shown:
        lines += ["## Seconds of each model", "", *_model_table(shown), ""]
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _part_table(found: Sequence[Median]) -> list[str]:
    lines = [
        _line(
            ["rows a day × days", "", "seconds", "/ first row", "CPU s", "models", "detection"]
            + ["peak MB", "rounds"]
        ),
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for m in found:
        logs, numbers = m.case.logs, m.numbers
        name = m.case.name + ("" if logs.skew == "none" else f", half in one {logs.skew}")
        modelled = ["", ""]
        if m.models:
            modelled = [f"{sum(m.models.values()):.1f}", f"{m.detection:.1f}"]
        cells = [f"{logs.rows:,} × {m.case.days}", name, f"{m.seconds:.1f}"]
        cells += [f"{m.seconds / found[0].seconds:.2f}", f"{numbers['cpu_seconds']:.1f}"]
        cells += [*modelled, f"{numbers['peak_mb']:.0f}", str(m.rounds)]
        lines.append(_line(cells))
    return lines


def _model_table(found: Sequence[Median]) -> list[str]:
    names = [m.case.name.removeprefix("dbt run").lstrip(", ") for m in found]
    titles = [f"{name}, {m.case.days} days" for name, m in zip(names, found, strict=True)]
    lines = [_line(["model", *titles]), "|---" + "|--:" * len(found) + "|"]
    for name in dict.fromkeys(name for m in found for name in m.models):
        cells = [f"{m.models[name]:.1f}" if name in m.models else "" for m in found]
        lines.append(_line([name, *cells]))
    rest = [f"{m.seconds - sum(m.models.values()):.1f}" for m in found]
    lines.append(_line(["the rest: start-up of Python, dbt and the engine", *rest]))
    return lines
