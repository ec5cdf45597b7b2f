"""Make seeds/statistics/null_quantiles.csv: high quantiles of random traffic's measures of timing.

Usage: python -m bench.detection.null_quantiles   (a few minutes)
"""

from __future__ import annotations

import csv
import sys
import warnings
from collections.abc import Callable

import numpy as np
import typer
from rich.progress import track

from bench import PROJECT

SEED_FILE = PROJECT / "seeds/statistics/null_quantiles.csv"
MEASURES = ("timing_score", "bounded_share", "phase_share")
QUANTILE = 0.9995
INTERVAL_COUNTS = (
    *range(8, 32),
    *(34, 36, 38, 40, 45, 50, 60, 70, 85, 100, 125, 150, 200, 300, 500, 1000),
)

# The same values as in models/scores: change them together, and then make the seed again.
MINIMUM_INTERVALS = 8
SHORTEST_PERIOD_SECONDS = 1.5
LONG_SECONDS = 1.0
BURST_FRACTION = 0.1
JITTER_TOLERANCE = 0.5
CADENCE_TOLERANCE = 0.15
MOST_MULTIPLES = 6
LONGEST_MEDIANS = 2.2
PHASES = 6
LEAST_FOR_PHASES = 60

Rows = np.ndarray  # shape (draws, gaps), in seconds
Draw = Callable[[np.random.Generator, int, int], Rows]


def poisson(rng: np.random.Generator, draws: int, gaps: int) -> Rows:
    """Draw gaps of a memoryless process, in seconds, with a mean of 60."""
    return rng.exponential(60, (draws, gaps))


def log_normal(sigma: float) -> Draw:
    """Make a `Draw` of log-normal gaps with a median of 60 s; a larger sigma has a heavier tail."""
    return lambda rng, draws, gaps: 60 * np.exp(sigma * rng.normal(size=(draws, gaps)))


def human(rng: np.random.Generator, draws: int, gaps: int) -> Rows:
    """Draw gaps of a person, in seconds: a median of 8 s, and of 15 min for 12 % of the gaps."""
    clicks = np.exp(rng.normal(np.log(8), 1.2, (draws, gaps)))
    breaks = np.exp(rng.normal(np.log(900), 1.0, (draws, gaps)))
    return np.where(rng.random((draws, gaps)) < 0.12, breaks, clicks)


KINDS: dict[str, Draw] = {
    "Poisson": poisson,
    "log-normal, sigma 0.8": log_normal(0.8),
    "log-normal, sigma 1.2": log_normal(1.2),
    "log-normal, sigma 2.0": log_normal(2.0),
    "human sessions": human,
}


def at_quantile(rows: Rows, counts: np.ndarray, quantile: float) -> np.ndarray:
    """Take a quantile of the first `counts` elements of each sorted row; not interpolated."""
    places = np.maximum(1, np.ceil(quantile * counts - 1e-9).astype(int)) - 1
    return np.take_along_axis(rows, places[:, None], 1)[:, 0]


def beat_intervals(gaps: Rows) -> tuple[Rows, np.ndarray]:
    """Keep the gaps that connection_intervals keeps, for times with fractional seconds.

    Parameters
    ----------
    gaps
        Seconds between events, any order, shape (draws, gaps).

    Returns
    -------
    rows : ndarray of shape (draws, gaps)
        Intervals between beats, sorted, padded with NaN.
    counts : ndarray of shape (draws,)
        Number of intervals; 0 if the connection gets no score.
    """
    deltas = np.sort(gaps, 1)
    total = deltas.shape[1]
    short = (deltas < LONG_SECONDS).sum(1)
    places = short + np.maximum(1, (9 * (total - short)) // 10) - 1
    upper = np.take_along_axis(deltas, np.minimum(places, total - 1)[:, None], 1)
    rows = np.where(deltas >= BURST_FRACTION * upper, deltas, np.nan)
    few = (~np.isnan(rows)).sum(1) < MINIMUM_INTERVALS
    rows[few] = np.where(deltas[few] >= LONG_SECONDS, deltas[few], np.nan)
    rows = np.sort(rows, 1)
    counts = (~np.isnan(rows)).sum(1)
    slow = at_quantile(rows, np.maximum(counts, 1), 0.5) >= SHORTEST_PERIOD_SECONDS
    return rows, np.where(slow & (counts >= MINIMUM_INTERVALS), counts, 0)


def timing_scores(rows: Rows, counts: np.ndarray) -> np.ndarray:
    """Score the timing of each row as interval_measures does.

    Parameters
    ----------
    rows, counts
        From `beat_intervals`; counts of at least 1.

    Returns
    -------
    ndarray of shape (draws,)
        timing_score, the larger of jitter_share and cadence_share.
    """
    centre = ((at_quantile(rows, counts, 0.15) + at_quantile(rows, counts, 0.85)) / 2)[:, None]
    jitter_share = (np.abs(rows - centre) < JITTER_TOLERANCE * centre).sum(1) / counts
    period = at_quantile(rows, counts, 0.5)[:, None]
    multiple = np.clip(np.floor(rows / period + 0.5), 1, MOST_MULTIPLES)
    on_beat = np.abs(rows - multiple * period) < CADENCE_TOLERANCE * period
    off_beat = np.sort(np.where(on_beat, np.nan, rows), 1)
    left = (~np.isnan(off_beat)).sum(1)
    second = np.where(left > 0, at_quantile(off_beat, np.maximum(left, 1), 0.5), np.nan)[:, None]
    on_second = (np.abs(off_beat - second) < CADENCE_TOLERANCE * second).sum(1)
    return np.maximum(jitter_share, (on_beat.sum(1) + on_second) / counts)


def bounded_shares(rows: Rows, counts: np.ndarray) -> np.ndarray:
    """Measure how bounded each row is, as interval_measures does; parameters as above."""
    longest = LONGEST_MEDIANS * at_quantile(rows, counts, 0.5)[:, None]
    return (rows <= longest).sum(1) / counts


def phase_shares(gaps: Rows, rows: Rows, counts: np.ndarray) -> np.ndarray:
    """Measure how well each row is explained by a sleep that changes, as interval_measures does.

    Parameters
    ----------
    gaps
        As given to `beat_intervals`: in order of time.
    rows, counts
        From `beat_intervals`; counts of at least 1.

    Returns
    -------
    ndarray of shape (draws,)
        phase_share; NaN where there are too few intervals.
    """
    kept = gaps >= rows[:, :1]
    places = np.cumsum(kept, 1) - 1
    near = np.zeros(len(gaps))
    for phase in range(PHASES):
        first, beyond = (counts * phase) // PHASES, (counts * (phase + 1)) // PHASES
        mine = kept & (places >= first[:, None]) & (places < beyond[:, None])
        part = np.sort(np.where(mine, gaps, np.nan), 1)
        size = np.maximum(1, beyond - first)
        centre = ((at_quantile(part, size, 0.15) + at_quantile(part, size, 0.85)) / 2)[:, None]
        near += (np.abs(part - centre) < JITTER_TOLERANCE * centre).sum(1)
    return np.where(counts >= LEAST_FOR_PHASES, near / counts, np.nan)


def measures_of(kind: Draw, rng: np.random.Generator, intervals: int, draws: int) -> np.ndarray:
    """Measure at least `draws` random connections of `intervals` intervals, or up to 4 % more.

    Returns
    -------
    ndarray of shape (3, draws or more)
        timing_score, bounded_share and phase_share.
    """
    pilot, counts = beat_intervals(kind(rng, 500, max(2 * intervals, 20)))
    gaps = max(intervals, round(intervals * pilot.shape[1] / counts.mean()))
    found: list[np.ndarray] = []
    while sum(part.shape[1] for part in found) < draws:
        in_order = kind(rng, max(200, min(20_000, 2_000_000 // gaps)), gaps)
        rows, counts = beat_intervals(in_order)
        fits = (counts >= intervals) & (counts <= 1.04 * intervals)
        judged = rows[fits], counts[fits]
        phases = phase_shares(in_order[fits], *judged)
        found.append(np.stack([timing_scores(*judged), bounded_shares(*judged), phases]))
    return np.concatenate(found, axis=1)


def main() -> None:
    """Simulate and write the seed: the highest quantiles of all kinds, never lower for fewer."""
    warnings.simplefilter("ignore", RuntimeWarning)  # rows of NaN only
    rng = np.random.default_rng(20240601)
    quantiles = []
    for intervals in track(INTERVAL_COUNTS, "simulating", disable=not sys.stdout.isatty()):
        draws = 40_000 if intervals <= 50 else 20_000 if intervals <= 150 else 6_000
        samples = [measures_of(kind, rng, intervals, draws) for kind in KINDS.values()]
        high = [np.quantile(sample, QUANTILE, axis=1, method="higher") for sample in samples]
        quantiles.append(np.max(high, axis=0))
    # Where there is no phase_share, nothing is above chance.
    falling = np.maximum.accumulate(np.nan_to_num(quantiles, nan=1.0)[::-1])[::-1]
    with SEED_FILE.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["interval_count", *(f"{name}_quantile" for name in MEASURES)])
        for intervals, row in zip(INTERVAL_COUNTS, falling):
            writer.writerow([intervals, *(f"{np.ceil(x * 1000) / 1000:.3f}" for x in row)])
    print(f"wrote {SEED_FILE}")


if __name__ == "__main__":
    typer.run(main)
