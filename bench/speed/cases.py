"""What the benchmark measures: each case, on which logs, over how many days."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from samples import MINIMUM_ROWS_PER_DAY

END = dt.date(2026, 9, 30)
FIRST, NEXT, LATE = "dbt run, first", "dbt run, next day", "dbt run, after late rows"
FIRST_ON_SPARK = "dbt run on Spark, first"
NOTEBOOK, LEAN = "notebook", "notebook, result only"
SCAN, DUCK = "Spark, bare scan", "DuckDB"


class Part(str, enum.Enum):
    """A set of measurements that are taken in turns."""

    COMPARE = "compare"
    HISTORY = "history"
    STAGING = "staging"
    GROWTH = "growth"
    LARGE = "large"


@dataclass(frozen=True)
class Logs:
    """Generated logs that end at END."""

    rows: int
    days: int
    skew: str = "none"

    @property
    def name(self) -> str:
        """Name of their folder."""
        return f"{self.rows}x{self.days}" + ("" if self.skew == "none" else f"-{self.skew}")


@dataclass(frozen=True)
class Case:
    """One thing to measure.

    Attributes
    ----------
    part, name, logs, days
        What is done, on which logs, over how many days up to the last one.
    step
        A step of `bench.speed.steps`; None for `dbt run`.
    start
        Days that are staged already, by a run that judged `start_back` days before the last one.
    late
        Whether rows arrive in a folder of the past before the run.
    target
        Of profiles.yml.example, for what runs dbt: `local` is Sail, `spark` is Apache Spark.
    """

    part: Part
    name: str
    logs: Logs
    days: int
    step: str | None = None
    start: int = 0
    start_back: int = 1
    late: bool = False
    target: str = "local"

    @property
    def runs_dbt(self) -> bool:
        """Whether this project's models are run."""
        return self.step in (None, "staging")

    @property
    def key(self) -> str:
        """Name that no other case has."""
        return f"{self.part.value}/{self.name}/{self.logs.name}/{self.days}"


def cases(rows: int, large_rows: int, history: int, long_history: int) -> list[Case]:
    """List what is measured.

    Parameters
    ----------
    rows, large_rows
        Rows a day.
    history, long_history
        Days of history before the day that is judged.

    Returns
    -------
    list of Case
        In the order of their parts.
    """
    logs = Logs(rows, long_history + 1)
    others = {NOTEBOOK: "notebook", LEAN: "notebook_lean", SCAN: "scan", DUCK: "duckdb"}
    compared = [Case(Part.COMPARE, name, logs, history, step) for name, step in others.items()]
    compared.append(Case(Part.COMPARE, FIRST_ON_SPARK, logs, history, target="spark"))
    compared.append(Case(Part.COMPARE, FIRST, logs, history))
    past = [Case(Part.HISTORY, NOTEBOOK, logs, long_history, "notebook")]
    past += [Case(Part.HISTORY, NEXT, logs, n + 1, start=n) for n in (history, long_history)]
    past.append(
        Case(Part.HISTORY, LATE, logs, history + 1, start=history + 1, start_back=0, late=True)
    )
    both = "staging and scan in one session"
    staged = [Case(Part.STAGING, both, logs, history, "staging", target="spark")]
    small = max(rows // 10, MINIMUM_ROWS_PER_DAY)
    grown = [Case(Part.GROWTH, FIRST, Logs(small, history), history)]
    grown += [Case(Part.GROWTH, FIRST, Logs(small * 10, history), history)]
    grown += [
        Case(Part.GROWTH, FIRST, Logs(small * 10, history, skew), history)
        for skew in ("source", "destination")
    ]
    big = [
        Case(Part.LARGE, name, Logs(large_rows, history), days, others.get(name))
        for days in (1, history)
        for name in (NOTEBOOK, SCAN, DUCK, FIRST)
    ]
    return compared + past + staged + grown + big
