"""Judge simulated implants, random traffic and pollers with the models' own SQL.

Usage: python -m bench.detection.score_bench   (some minutes; writes the table into the docs)
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer
from pyspark.sql import SparkSession

from bench import PROJECT
from bench.detection.connection_days import connection_days
from bench.detection.null_quantiles import KINDS
from bench.detection.score_models import compile_scores, put_over, start_spark

BEGIN, END = "<!-- bench/detection/score_bench.py -->", "<!-- end -->"  # around the tables
START_MICROS = 1_773_100_800_000_000  # 2026-03-10 00:00 UTC, the day of score_models
FAMILIES = {"Cobalt Strike": (-1, 0), "Empire": (-1, 1), "Sliver": (0, 1)}  # jitter subtracts, adds
SLEEPS = (5, 60, 300, 3600)
JITTERS = (0, 20, 50, 70, 90)
CONDITIONS = {"clean": (0.0, 0.0), "10 % lost": (0.1, 0.0), "20 % extra": (0.0, 0.2)}
NULL_EVENTS = (20, 50, 200)

# The connections of a simulated table.
CONNECTION_DAYS = connection_days(
    "from draws",
    destination_ip="cast(id as string)",
    events="""
        transform(
            times,
            (t, i) -> struct(
                t as event_micros,
                try_element_at(sent, i + 1) as sent_bytes,
                try_element_at(received, i + 1) as received_bytes
            )
        )
    """,
)


@dataclass(frozen=True)
class Draws:
    """Connections of one kind.

    Attributes
    ----------
    label
        What the connections are: kind and its parameters, as columns of the table.
    times
        Seconds since the first event, sorted, one array per connection.
    sizes
        Bytes sent and received per event, by connection; empty if the log has no sizes.
    """

    label: tuple[str, ...]
    times: list[np.ndarray]
    sizes: list[tuple[np.ndarray, np.ndarray]]


def implants(rng: np.random.Generator, draws: int, quick: bool) -> Iterator[Draws]:
    """Simulate implants: sleep, uniform jitter, 50 ms of network, lost and extra events.

    Parameters
    ----------
    rng
        Random generator.
    draws
        Connections of each kind.
    quick
        Only what the test has a bar for: jitter up to 50 %, 30 beats, nothing lost or extra.

    Yields
    ------
    Draws
        Label: family, sleep in seconds, jitter in percent, condition, beats. Idle answers have one
        size, requests vary by 3 %, and 5 % of the beats carry a task.
    """
    kinds = itertools.product(FAMILIES, SLEEPS, JITTERS, CONDITIONS, (30, 100))
    for family, sleep, jitter, condition, beats in kinds:
        if quick and (jitter > 50 or condition != "clean" or beats > 30):
            continue
        low, high = (1 + jitter / 100 * side for side in FAMILIES[family])
        lost, extra = CONDITIONS[condition]
        times, sizes = [], []
        for _ in range(draws):
            t = np.concatenate([[0], np.cumsum(sleep * rng.uniform(low, high, beats - 1))])
            t = t + np.abs(rng.normal(0, 0.05, beats))
            t = t[rng.random(beats) >= lost]
            t = np.concatenate([t, rng.uniform(t.min(), t.max(), rng.binomial(beats, extra))])
            sent = rng.uniform(300, 3000) * (1 + 0.03 * rng.normal(size=len(t)))
            received = np.full(len(t), float(rng.integers(100, 2000)))
            tasks = rng.random(len(t)) < 0.05
            received[tasks] = rng.lognormal(8, 1, tasks.sum())
            times.append(np.sort(t))
            sizes.append((sent, received))
        yield Draws(
            ("implant", family, str(sleep), str(jitter), condition, str(beats)), times, sizes
        )


def null_traffic(rng: np.random.Generator, draws: int) -> Iterator[Draws]:
    """Simulate traffic without a beat and without sizes, each connection with its own destination.

    Parameters
    ----------
    rng
        Random generator; not with the seed that made the quantiles.
    draws
        Connections of each kind, split over `NULL_EVENTS` events each.

    Yields
    ------
    Draws
        Label: kind and number of events.
    """
    for name, kind in KINDS.items():
        for events in NULL_EVENTS:
            gaps = kind(rng, -(-draws // len(NULL_EVENTS)), events - 1)
            times = list(np.concatenate([np.zeros((len(gaps), 1)), np.cumsum(gaps, 1)], 1))
            yield Draws(("null", name, str(events)), times, [])


def pollers(rng: np.random.Generator, draws: int) -> Iterator[Draws]:
    """Simulate software that polls every 5 min, within 2 s; answers have one size or all sizes."""
    for name in ("poller, answers of all sizes", "poller, answers alike"):
        times, sizes = [], []
        for _ in range(draws):
            times.append(np.arange(100) * 300 + rng.uniform(0, 2, 100))
            bytes_of = [rng.lognormal(7, 1, 100), rng.lognormal(7, 1, 100)]
            sizes.append(tuple(bytes_of) if "all" in name else (np.full(100, 400.0),) * 2)
        yield Draws(("poller", name), times, sizes)


def judge(spark: SparkSession, folder: Path, kinds: list[Draws]) -> dict[tuple[str, ...], float]:
    """Score connections by the compiled models, at the default vars.

    Parameters
    ----------
    spark
        Running session.
    folder
        Where the simulated table goes.
    kinds
        What to judge.

    Returns
    -------
    dict of label to float
        Share of the connections that are beacons.
    """
    labels = []
    with (folder / "draws.json").open("w") as file:
        for kind in kinds:
            for i, times in enumerate(kind.times):
                sizes = (
                    [np.rint(x).astype(int).tolist() for x in kind.sizes[i]]
                    if kind.sizes
                    else [[], []]
                )
                micros = START_MICROS + np.rint(times * 1e6).astype(np.int64)
                row = {
                    "id": len(labels),
                    "times": micros.tolist(),
                    "sent": sizes[0],
                    "received": sizes[1],
                }
                file.write(json.dumps(row) + "\n")
                labels.append(kind.label)
    columns = "id bigint, times array<bigint>, sent array<bigint>, received array<bigint>"
    draws = spark.read.schema(columns).json(str(folder / "draws.json"))
    draws.createOrReplaceTempView("draws")
    compiled = compile_scores(end_date="2026-03-10")
    scores = put_over(spark, compiled, {"connection_days": CONNECTION_DAYS})
    beacons = {int(r.destination_ip) for r in scores.filter("is_beacon").collect()}
    found: dict[tuple[str, ...], list[bool]] = {}
    for number, label in enumerate(labels):
        found.setdefault(label, []).append(number in beacons)
    return {label: float(np.mean(hits)) for label, hits in found.items()}


def tables(shares: dict[tuple[str, ...], float]) -> str:
    """Lay the shares out as Markdown: the lowest recall of all sleeps, then false positives."""
    lines = ["| implant | beats | jitter " + "".join(f"| {c} " for c in CONDITIONS) + "|"]
    lines.append("|---" * (3 + len(CONDITIONS)) + "|")
    for family, beats, jitter in itertools.product(FAMILIES, ("30", "100"), map(str, JITTERS)):
        cells = [
            min(shares["implant", family, str(sleep), jitter, condition, beats] for sleep in SLEEPS)
            for condition in CONDITIONS
        ]
        shown = "".join(f"| {cell:.0%} " for cell in cells)
        lines.append(f"| {family} | {beats} | {jitter} % {shown}|")
    lines += ["", "| traffic | taken for a beacon |", "|---|---|"]
    for name in KINDS:
        share = np.mean([shares["null", name, str(events)] for events in NULL_EVENTS])
        lines.append(f"| {name} | {share:.3%} |")
    lines += [
        f"| {label[1]} | {share:.0%} |" for label, share in shares.items() if label[0] == "poller"
    ]
    return "\n".join(lines)


def docs_page() -> Path:
    """Find the page of the docs that has a place for the tables."""
    pages = sorted((PROJECT / "models").rglob("*.md"))
    (page,) = (path for path in pages if BEGIN in path.read_text(encoding="utf-8"))
    return page


def main() -> None:
    """Simulate, judge, and write the tables into the docs."""
    page = docs_page()
    rng = np.random.default_rng(977)  # not the seed that made the quantiles
    kinds = [*implants(rng, 100, quick=False), *null_traffic(rng, 10_000), *pollers(rng, 100)]
    with tempfile.TemporaryDirectory() as folder:
        result = tables(judge(start_spark(Path(folder)), Path(folder), kinds))
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{result}\n\n{END}{after}", encoding="utf-8")
    print(result)


if __name__ == "__main__":
    typer.run(main)
