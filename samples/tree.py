"""The folder tree that data export of Log Analytics writes, and truth.json beside it."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from samples.day import Skew, compose_day
from samples.faults import (
    FAULT_OPTIONS,
    FAULTS,
    OVERFLOW_RATE,
    SHORT_NAME_RATE,
    damage,
    malformed_line,
)
from samples.implants import IMPLANTS, PLANTED, implant_rows
from samples.lines import Renderer
from samples.rows import DAY_SECONDS, SLOT_SECONDS, SLOTS, TICKS
from samples.truth import Tally
from samples.world import build_world

MADE_BY = "python -m samples"
TABLE_FOLDER = "am-commonsecuritylog"
EXPORT_ROOT = (
    f"{TABLE_FOLDER}/WorkspaceResourceId=/subscriptions/00000000-0000-0000-0000-000000000001/"
    "resourcegroups/soc-rg/providers/microsoft.operationalinsights/workspaces/soc-ws"
)
TRUTH_FILE = "truth.json"
MINIMUM_ROWS_PER_DAY = 20_000  # with fewer, the daily services leave no room for people


class GeneratorError(Exception):
    """A request that cannot be met; the message is for the user."""


def generate(
    out: Path,
    *,
    end_date: dt.date = dt.date(2026, 9, 30),
    days: int = 4,
    rows_per_day: int = 40_000,
    seed: int = 7,
    skew: Skew = Skew.NONE,
    faults: frozenset[str] = frozenset(),
    overwrite: bool = False,
    show_progress: bool = False,
) -> dict[str, Any]:
    """Write the export tree and `truth.json` below `out`.

    Parameters
    ----------
    out
        Folder to write to; empty or absent, unless `overwrite`.
    end_date, days
        The last day (UTC) and the number of days up to it. Implants are active on the last day.
    rows_per_day
        Rows per day; implants add about 10,000 on the last day and 24 on the others.
    seed
        The same arguments and seed give the same bytes.
    skew
        Give half of the background events one source or one destination.
    faults
        A subset of `FAULT_OPTIONS`.
    overwrite
        Replace a tree that this program wrote.
    show_progress
        Draw a progress bar on standard error.

    Returns
    -------
    dict
        What truth.json holds: `parameters`; `root`, relative to `out`; `first_day`, `last_day`,
        `missing_day`; `rows` (what the firewalls logged), `lines` (what the files hold) and
        `files`; `lines_by_kind`, which adds up to `lines` and says what a reader should make of
        each kind; `rows_by_day`; `rows_by_vendor` and the same by direction and by what the row
        logs; `implants` and `benign`, one entry per connection, `protocol` in lower case.

    Raises
    ------
    GeneratorError
        If the request cannot be met: too few rows, an unknown fault, a folder in use.
    OSError
        If the disk cannot be written.
    """
    _check_request(end_date, days, rows_per_day, faults)
    missing = (days - 1) // 2 if "missing_day" in faults else None  # never the last day
    _prepare_folder(out, overwrite)

    world = build_world(np.random.default_rng([seed, 0]), rows_per_day, PLANTED)
    rng = np.random.default_rng([seed, 3])
    implants = np.concatenate(
        [implant_rows(rng, world, implant, n, days) for n, implant in enumerate(IMPLANTS)]
    )
    implants_day = implants["tick"] // (DAY_SECONDS * TICKS)
    renderer = Renderer(world, seed)
    writer = Writer(out / EXPORT_ROOT, seed, faults)
    all_days = [end_date - dt.timedelta(days=days - 1 - number) for number in range(days)]
    tally = Tally(world, all_days)
    row_count = 0

    with Progress(console=Console(stderr=True), disable=not show_progress) as progress:
        task = progress.add_task("Writing logs", total=days * SLOTS)
        for number, day in enumerate(all_days):
            progress.update(task, completed=number * SLOTS)
            if number == missing:
                continue
            today = implants[implants_day == number]
            today["tick"] -= number * DAY_SECONDS * TICKS
            rng = np.random.default_rng([seed, 1, number])
            rows = compose_day(rng, world, rows_per_day, skew, number == days - 1, today)
            tally.count(day, rows)
            has_next_day = number + 1 < days and number + 1 != missing
            edges = np.searchsorted(rows["tick"], np.arange(SLOTS + 1) * SLOT_SECONDS * TICKS)
            for slot in range(SLOTS):
                part = rows[edges[slot] : edges[slot + 1]]
                lines = renderer.lines(part, day, number, slot, row_count)
                writer.folder(day, number, slot, lines, part["planted"], has_next_day)
                row_count += len(part)
                progress.advance(task)

    truth = {
        "made_by": MADE_BY,
        "complete": True,
        "parameters": {
            "end_date": str(end_date),
            "days": days,
            "rows_per_day": rows_per_day,
            "seed": seed,
            "skew": skew.value,
            "faults": [option for option in FAULT_OPTIONS if option in faults],
        },
        "root": EXPORT_ROOT,
        "first_day": str(all_days[0]),
        "last_day": str(all_days[-1]),
        "missing_day": None if missing is None else str(all_days[missing]),
        "rows": row_count,
        **writer.as_dict(row_count),
        **tally.as_dict(),
    }
    _write_truth(out, truth)
    return truth


def _check_request(end_date: dt.date, days: int, rows_per_day: int, faults: frozenset[str]) -> None:
    if rows_per_day < MINIMUM_ROWS_PER_DAY:
        raise GeneratorError(
            f"{rows_per_day:,} rows a day are too few for the services that every day has; "
            f"give at least {MINIMUM_ROWS_PER_DAY:,}."
        )
    if unknown := sorted(faults - set(FAULT_OPTIONS)):
        raise GeneratorError(
            f"unknown fault {', '.join(unknown)}; there are: all, {', '.join(FAULT_OPTIONS)}."
        )
    if end_date < dt.date(1970, 1, 1) + dt.timedelta(days):
        raise GeneratorError(f"{days} days up to {end_date} begin before 1970; give a later end.")
    if "missing_day" in faults and days < 2:
        raise GeneratorError(
            "the fault missing_day leaves a day of history out, and --days 1 has none; "
            "give --days 2 or more, or list the other faults."
        )


def _prepare_folder(out: Path, overwrite: bool) -> None:
    """Make `out` ready to be written to; remove an earlier tree only if this program made it."""
    tree = out / TABLE_FOLDER
    if out.exists() and not out.is_dir():
        raise GeneratorError(f"{out} is a file; name a folder for the logs.")
    if out.exists() and any(out.iterdir()):
        if not overwrite:
            raise GeneratorError(
                f"{out} is not empty. Name another folder, or give --overwrite to replace logs "
                "that this program wrote there before."
            )
        try:
            made_by = json.loads((out / TRUTH_FILE).read_text("utf-8")).get("made_by")
        except (OSError, ValueError, AttributeError):
            made_by = None
        if made_by != MADE_BY or tree.is_symlink():
            raise GeneratorError(
                f"{out} is not empty, and its truth.json does not say that this program wrote it; "
                "--overwrite removes nothing else. Name another folder."
            )
        if tree.exists():
            shutil.rmtree(tree)
    out.mkdir(parents=True, exist_ok=True)
    # Written first, so that --overwrite accepts an unfinished tree.
    _write_truth(out, {"made_by": MADE_BY, "complete": False})


def _write_truth(out: Path, truth: dict[str, Any]) -> None:
    (out / TRUTH_FILE).write_text(json.dumps(truth, indent=2) + "\n", "utf-8")


@dataclass
class Writer:
    """Writes folders, with the requested faults, and counts lines and files.

    Attributes
    ----------
    root
        Parent of the y= folders.
    seed
        The same seed puts the same faults in the same places.
    options
        A subset of FAULT_OPTIONS.
    lines_by_kind, files_by_name, lines
        Counts of what has been written.
    """

    root: Path
    seed: int
    options: frozenset[str]
    lines_by_kind: Counter[str] = field(default_factory=Counter)
    files_by_name: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    _carried: dict[int, list[bytes]] = field(default_factory=dict)  # by slot, for the next day

    def folder(
        self,
        day: dt.date,
        day_number: int,
        slot: int,
        lines: list[str],
        planted: np.ndarray,
        has_next_day: bool,
    ) -> None:
        """Write the lines of one five-minute folder.

        Parameters
        ----------
        day, day_number, slot
            The day, its number in the generated range, and the slot of the day.
        lines, planted
            Lines sorted by time, and whether each belongs to a pair that truth.json lists.
        has_next_day
            Whether the next day has logs, so that late rows can arrive with them.
        """
        hour, minute = slot // 12, slot % 12 * 5
        folder = self.root / f"y={day:%Y}/m={day:%m}/d={day:%d}/h={hour:02d}/m={minute:02d}"
        if not self.options:
            if lines:
                self.lines += len(lines)
                folder.mkdir(parents=True)
                self._file(folder / "PT05M.json", ("\n".join(lines) + "\n").encode())
            return
        rng = np.random.default_rng([self.seed, 4, day_number, slot])
        counts = self.lines_by_kind
        written, next_day = damage(rng, lines, planted, self.options, has_next_day, counts)
        written += self._carried.pop(slot, [])
        self._carried[slot] = next_day
        if not written:
            return
        folder.mkdir(parents=True)
        name, parts = "PT05M", [written]
        if "overflow_files" in self.options:
            name = "PT5M" if rng.random() < SHORT_NAME_RATE else name
            if rng.random() < OVERFLOW_RATE and len(written) > 1:
                cut = int(rng.integers(1, len(written)))
                parts = [written[:cut], written[cut:]]
        contents = [b"\n".join(part) + b"\n" for part in parts]
        half = FAULTS["half_written"]
        if half.option in self.options and lines and rng.random() < half.rate:
            contents[-1] += malformed_line(
                rng, "half_written", lines[int(rng.integers(len(lines)))]
            )
            counts["half_written"] += 1
            self.lines += 1
        for number, content in enumerate(contents):
            suffix = f"_{number}" if number else ""
            self._file(folder / f"{name}{suffix}.json", content)
        self.lines += len(written)

    def as_dict(self, row_count: int) -> dict[str, Any]:
        """Return the part of truth.json about lines and files."""
        kinds = {kind: fault for kind, fault in FAULTS.items() if fault.option in self.options}
        not_clean = sum(
            self.lines_by_kind[kind] for kind, fault in kinds.items() if not fault.added
        )
        return {
            "lines": self.lines,
            "files": self.files_by_name.total(),
            "files_by_name": dict(sorted(self.files_by_name.items())),
            "lines_by_kind": {
                "clean": {"lines": row_count - not_clean, "expect": "row"},
                **{
                    kind: {"lines": self.lines_by_kind[kind], "expect": fault.expect}
                    for kind, fault in kinds.items()
                },
            },
        }

    def _file(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        self.files_by_name[path.name] += 1
