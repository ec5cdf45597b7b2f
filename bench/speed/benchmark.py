"""Time this project against the notebook, Spark's bare scan and DuckDB, on generated logs.

    python -m bench.speed.benchmark            everything: hours, 45 GB of disk
    python -m bench.speed.benchmark --quick    the same on small logs: minutes; says little

Every measurement is a process of its own; in each round the order turns round. What was measured
is appended to results.jsonl, so a run that was stopped goes on where it was. Linux only, because
memory and processor time are read from /proc.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
import venv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markdown import Markdown

from samples import EXPORT_ROOT, MINIMUM_ROWS_PER_DAY

PROJECT = Path(__file__).resolve().parents[2]
STEPS = PROJECT / "bench/speed/steps.py"
DOCS = PROJECT / "docs/benchmark.md"
DUCKDB = "duckdb==2.0.0"  # not in the lock: only the benchmark needs it
END = dt.date(2026, 9, 30)
SAMPLE_SECONDS = 0.25
MEMORY = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
HOOKS = "on-run-start, on-run-end"  # stands among the models
DETECTION = ("baseline", "deltas", "scores", "campaigns", "results")  # folders of models/

console = Console(stderr=True)


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
        A name that benchmark_steps.py knows; None for `dbt run`.
    start
        Days that are staged already, by a run that judged `start_back` days before the last one.
    late
        Whether rows arrive in a folder of the past before the run.
    """

    part: Part
    name: str
    logs: Logs
    days: int
    step: str | None = None
    start: int = 0
    start_back: int = 1
    late: bool = False

    @property
    def runs_dbt(self) -> bool:
        """Whether this project's models are run."""
        return self.step in (None, "staging")

    @property
    def key(self) -> str:
        """What tells it from all others."""
        return f"{self.part.value}/{self.name}/{self.logs.name}/{self.days}"


FIRST, NEXT, LATE = "dbt run, first", "dbt run, next day", "dbt run, after late rows"
NOTEBOOK, LEAN = "notebook", "notebook, result only"
SCAN, DUCK = "Spark, bare scan", "DuckDB"


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
    compared.append(Case(Part.COMPARE, FIRST, logs, history))
    past = [Case(Part.HISTORY, NOTEBOOK, logs, long_history, "notebook")]
    past += [Case(Part.HISTORY, NEXT, logs, n + 1, start=n) for n in (history, long_history)]
    past.append(
        Case(Part.HISTORY, LATE, logs, history + 1, start=history + 1, start_back=0, late=True)
    )
    staged = [Case(Part.STAGING, "staging and scan in one session", logs, history, "staging")]
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


# -------------------------------------------------------------------------------- measuring


@dataclass
class Usage:
    """What a process and its descendants took.

    Attributes
    ----------
    cpu_seconds
        Processor time of all of them.
    peak_mb
        Largest sum of their resident memory, of Java the largest one: its forks share its memory.
    jvm_peak_mb
        Largest resident memory of a Java process: Spark's driver, which is the executor too.
    """

    cpu_seconds: float = 0
    peak_mb: float = 0
    jvm_peak_mb: float = 0
    _cpu: dict[int, float] = field(default_factory=dict)

    def sample(self, root: int) -> None:
        """Look at all processes below `root` and at itself."""
        parents: dict[int, int] = {}
        seen: dict[int, tuple[str, float, float]] = {}
        ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                values = (folder / "stat").read_text().rpartition(")")[2].split()
                program = (folder / "exe").readlink().name
            except OSError:
                continue  # it has just ended, or is another user's
            pid = int(folder.name)
            parents[pid] = int(values[1])
            cpu = (int(values[11]) + int(values[12])) / ticks
            seen[pid] = (program, cpu, int(values[21]) * page / 1e6)
        family = {root}
        while more := {p for p, parent in parents.items() if parent in family} - family:
            family |= more
        ours = [seen[pid] for pid in family if pid in seen]
        self._cpu |= {pid: seen[pid][1] for pid in family if pid in seen}
        self.cpu_seconds = sum(self._cpu.values())
        java = max((mb for program, _, mb in ours if program == "java"), default=0)
        others = sum(mb for program, _, mb in ours if program != "java")
        self.peak_mb = max(self.peak_mb, java + others)
        self.jvm_peak_mb = max(self.jvm_peak_mb, java)


def measured(command: Sequence[str | Path], environment: Mapping[str, str], log: Path) -> dict:
    """Run a command to its end.

    Parameters
    ----------
    command
        Program and arguments.
    environment
        Variables on top of ours.
    log
        File for what it prints.

    Returns
    -------
    dict
        `seconds`, `cpu_seconds`, `peak_mb`, `jvm_peak_mb`, and `printed`, its last line.

    Raises
    ------
    typer.Exit
        Where it fails; the end of its log is shown.
    """
    usage, over = Usage(), threading.Event()
    foreign = ("SPARK_HOME", "SPARK_CONF_DIR", "SPARK_REMOTE", "PYTHONPATH", "PYTHONHOME")
    variables = {n: v for n, v in os.environ.items() if n not in foreign and "DBT_" not in n}
    with log.open("w") as file:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            env={**variables, "PWD": str(PROJECT), **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=PROJECT,
            start_new_session=True,
        )

        def watch() -> None:
            while not over.wait(SAMPLE_SECONDS):
                usage.sample(process.pid)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            code = process.wait()
        finally:
            # A Ctrl-C must not leave Spark behind: the command has a process group of its own.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            seconds = time.perf_counter() - start
            over.set()
            watcher.join()
    lines = log.read_text("utf-8", errors="replace").rstrip().splitlines()
    if code:
        console.print(*lines[-25:], sep="\n", markup=False, highlight=False)
        console.print(f"error: the command above failed; all it said is in {log}", markup=False)
        raise typer.Exit(1)
    numbers = {"cpu_seconds": usage.cpu_seconds, "peak_mb": usage.peak_mb}
    numbers |= {"seconds": seconds, "jvm_peak_mb": usage.jvm_peak_mb}
    rounded = {name: round(number, 2) for name, number in numbers.items()}
    return {**rounded, "printed": lines[-1] if lines else ""}


class Bench:
    """Logs, states and processes below one folder.

    Parameters
    ----------
    folder
        Where all that the benchmark makes lies.
    rounds
        Of the comparison in one session; the others are counted by the caller.
    """

    def __init__(self, folder: Path, rounds: int) -> None:
        self.folder = folder.absolute()
        self.rounds = rounds
        # Hive's metastore holds absolute paths, so every run happens at the same place.
        self.live = self.folder / "live"
        self.dbt_folder = self.folder / "dbt"
        self.dbt_folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / "profiles.yml.example", self.dbt_folder / "profiles.yml")
        parts = ("models", "macros", "seeds")
        ours = [path for part in parts for path in (PROJECT / part).rglob("*.*")]
        ours += [PROJECT / "dbt_project.yml", PROJECT / "profiles.yml.example"]
        self.project_version = _digest(ours)
        self.steps_version = _digest([STEPS, PROJECT / "profiles.yml.example"])

    def version(self, case: Case) -> str:
        """Say what a result depends on: results of other code are measured again."""
        versions = [self.project_version if case.runs_dbt else ""]
        return "-".join([*versions, self.steps_version if case.step else ""])

    def root(self, logs: Logs) -> Path:
        """Give the folder with the y= folders; generates the logs where they are not there."""
        out = self.folder / "logs" / logs.name
        truth = out / "truth.json"
        if not truth.exists() or not json.loads(truth.read_text("utf-8"))["complete"]:
            console.print(f"generating {logs.days} days of {logs.rows:,} rows ({logs.skew} skewed)")
            options = {"--end-date": END, "--days": logs.days, "--rows-per-day": logs.rows}
            words = [str(w) for option in (options | {"--skew": logs.skew}).items() for w in option]
            program = [sys.executable, "-m", "samples", out]
            subprocess.run([*program, *words, "--overwrite"], check=True, stdout=subprocess.DEVNULL)
        return out / EXPORT_ROOT

    def dbt(self, *words: str, logs: Logs, days: int, back: int = 0) -> list[str]:
        """Give the arguments of a dbt command that judges `back` days before the last one."""
        variables = {
            "raw_root": str(self.root(logs)),
            "end_date": str(END - dt.timedelta(back)),
            "lookback_days": days - 1,
            "export_root": str(self.live / "export"),
        }
        places = {"project": PROJECT, "profiles": self.dbt_folder}
        found = [word for place, path in places.items() for word in (f"--{place}-dir", str(path))]
        found += ["--target-path", str(self.dbt_folder / "target")]
        found += ["--log-path", str(self.dbt_folder / "logs"), "--target", "local"]
        return [*words, *found, "--vars", json.dumps(variables), "--no-use-colors"]

    def run_dbt(self, *words: str, logs: Logs, days: int, back: int = 0) -> dict[str, Any]:
        """Run dbt by its command line; adds the seconds of each model and of the hooks."""
        command = [
            Path(sys.executable).parent / "dbt",
            *self.dbt(*words, logs=logs, days=days, back=back),
        ]
        taken = measured(
            command, {"BEACONING_OUTPUT": str(self.live)}, self.folder / "last_command.log"
        )
        text = (self.dbt_folder / "target/run_results.json").read_text("utf-8")
        nodes = {
            result["unique_id"]: round(result["execution_time"], 2)
            for result in json.loads(text)["results"]
        }
        models = {
            name.rpartition(".")[2]: seconds
            for name, seconds in nodes.items()
            if name.startswith("model.")
        }
        hooks = sum(s for name, s in nodes.items() if name.startswith("operation."))
        models |= {HOOKS: round(hooks, 2)}
        return {**taken, "printed": "", "models": models}

    def put_state(self, logs: Logs, start: int, back: int) -> None:
        """Make `live` what a run over `start` days left; 0 days: seeds only."""
        name = f"{logs.name}-{start}-{back}" if start else "seeds"
        kept = self.folder / "states" / self.project_version / name
        if not kept.exists():
            for old in (self.folder / "states").glob("*"):
                if old.name != self.project_version:
                    shutil.rmtree(old)
            console.print(f"preparing: {start} days staged" if start else "preparing: seeds")
            if start:
                self.put_state(logs, 0, 0)
                self.run_dbt("run", logs=logs, days=start, back=back)
            else:
                shutil.rmtree(self.live, ignore_errors=True)
                self.run_dbt("seed", logs=logs, days=1)
            unfinished = kept.with_name(f"{name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(self.live, unfinished, copy_function=_link_or_copy)
            unfinished.rename(kept)
        shutil.rmtree(self.live, ignore_errors=True)
        shutil.copytree(kept, self.live, copy_function=_link_or_copy)

    @contextmanager
    def late_rows(self, logs: Logs) -> Iterator[None]:
        """Put a file more into a folder of two days before the last one, for as long as needed."""
        day = self.root(logs) / f"{END - dt.timedelta(2):y=%Y/m=%m/d=%d}"
        source = sorted(day.glob("h=*/m=*/PT*M.json"))[-1]
        late = source.with_name("PT05M_9.json")
        lines = source.read_bytes().splitlines(keepends=True)
        late.write_bytes(b"".join(lines[: len(lines) // 2 + 1]))
        try:
            yield
        finally:
            late.unlink()

    def python(self, case: Case) -> Path:
        """Give the interpreter of a case; DuckDB has an environment of its own."""
        if case.step != "duckdb":
            return Path(sys.executable)
        folder = self.folder / "duckdb"
        if not (folder / "installed").exists():
            console.print(f"installing {DUCKDB}")
            venv.create(folder, with_pip=True, clear=True)
            pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", DUCKDB]
            subprocess.run([*pip, "--disable-pip-version-check"], check=True)
            (folder / "installed").touch()
        return folder / "bin/python"

    def read_once(self, folders: Sequence[str]) -> None:
        """Bring log files into the page cache, the last first, up to half of the memory.

        Else whoever comes first pays for the disk, and the others do not.
        """
        room = MEMORY / 2
        for folder in reversed(folders):
            for path in Path(folder).rglob("*.json"):
                room -= path.stat().st_size
                if room < 0:
                    return
                path.read_bytes()

    def measure(self, case: Case) -> dict[str, Any]:
        """Measure a case once."""
        days = [END - dt.timedelta(back) for back in reversed(range(case.days))]
        root = self.root(case.logs)
        folders = [f"{root}/{day:y=%Y/m=%m/d=%d}" for day in days]
        if case.runs_dbt:
            self.put_state(case.logs, case.start, case.start_back)
        self.read_once(folders)
        if case.step is None:
            if case.late:
                with self.late_rows(case.logs):
                    return self.run_dbt("run", logs=case.logs, days=case.days)
            return self.run_dbt("run", logs=case.logs, days=case.days)
        settings: dict[str, Any] = {
            "folders": folders,
            "out": str(self.folder / "step"),
        }
        if case.step == "staging":
            words = ("run", "--full-refresh", "--select", "stg_common_security_log_lines")
            settings |= {"rounds": self.rounds}
            settings |= {"dbt": self.dbt(*words, logs=case.logs, days=case.days)}
        command = [self.python(case), STEPS, case.step, json.dumps(settings)]
        taken = measured(
            command, {"BEACONING_OUTPUT": str(self.live)}, self.folder / "last_command.log"
        )
        return taken | {"printed": json.loads(taken["printed"])}


def _digest(paths: Iterable[Path]) -> str:
    parts = [str(path).encode() + path.read_bytes() for path in sorted(paths)]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


def _link_or_copy(source: str, target: str) -> None:
    # Spark never changes a file that it has written, Derby does.
    (os.link if "/warehouse/" in source else shutil.copy2)(source, target)


# ------------------------------------------------------------------------------- the tables


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
        """Wall clock."""
        return self.numbers["seconds"]

    @property
    def detection(self) -> float:
        """Seconds of the models from the baseline on."""
        folders = {path.stem: path.parent.name for path in (PROJECT / "models").rglob("*.sql")}
        return sum(s for name, s in self.models.items() if folders.get(name) in DETECTION)


def medians(asked: Iterable[Case], results: Sequence[Mapping[str, Any]]) -> list[Median]:
    """Take the medians of what there is; cases without a result are left out."""
    found = []
    for case in asked:
        taken = [r for r in results if r["key"] == case.key]
        if not taken:
            continue
        names = ("seconds", "cpu_seconds", "peak_mb", "jvm_peak_mb")
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


def verdicts(found: Sequence[Median]) -> list[tuple[str, float, float, str]]:
    """Compare with what was promised.

    Parameters
    ----------
    found
        Medians; a promise about a case that is not among them is left out.

    Returns
    -------
    list of tuple
        What, measured, bar, and `met` or `NOT met`.
    """

    def one(
        part: Part, name: str, test: Callable[[Case], bool] = lambda case: True
    ) -> Median | None:
        fit = [m for m in found if m.case.part == part and m.case.name == name and test(m.case)]
        return fit[0] if fit else None

    pairs: list[tuple[str, float | None, float | None, float]] = []

    def compare(
        text: str, top: Median | None, base: Median | None, bar: float, detection: bool = False
    ) -> None:
        figure = (lambda m: m.detection) if detection else (lambda m: m.seconds)
        pairs.append((text, top and figure(top), base and figure(base), bar))

    first = one(Part.COMPARE, FIRST)
    for name in (NOTEBOOK, LEAN):
        compare(f"first run / {name}", first, one(Part.COMPARE, name), 0.35)
    spans = sorted(
        {m.case.days for m in found if m.case.part == Part.HISTORY and m.case.name == NEXT}
    )
    short = one(Part.HISTORY, NEXT, lambda case: case.days == spans[0])
    long = one(Part.HISTORY, NEXT, lambda case: case.days == spans[-1])
    if len(spans) == 2:
        text = f"next day with {spans[-1] - 1} days of history / with {spans[0] - 1}"
        compare(text, long, short, 1.2)
    compare("next day, long history / notebook", long, one(Part.HISTORY, NOTEBOOK), 0.15)
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
        compare("detection, rows × 10", grown[1], grown[0], 11, detection=True)
        for skew, bar in (("source", 1.3), ("destination", 1.3)):
            skewed = one(Part.GROWTH, FIRST, lambda c, skew=skew: c.logs.skew == skew)
            compare(f"half of all events in one {skew} / even", skewed, grown[1], bar)
            compare(f"the same, detection only, {skew}", skewed, grown[1], bar, detection=True)
    for m in found:
        if m.case.part == Part.LARGE and m.case.name == FIRST:
            text = f"GB of the JVM, {m.case.logs.rows:,} rows × {m.case.days} days"
            pairs.append((text, m.numbers["jvm_peak_mb"] / 1000, 1, 2))
    return [
        (text, top / base, bar, "met" if top / base <= bar else "NOT met")
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
    lines += [f"| {t} | {m:.2f} | {bar:g} | {verdict} |" for t, m, bar, verdict in verdicts(found)]
    lines += [
        "",
        "- *notebook*: what the cells of Microsoft's notebook do, over all the days: one read with "
        "an inferred schema for each day, and a count or a preview after each cell. "
        "*Result only*: without the counts and previews.",
        "- *bare scan*: Spark reads the lines with a schema and throws them away. "
        "*DuckDB*: the notebook's steps, with a schema. Spark's settings are those of target "
        "`local` for all.",
        "- *dbt run*: the command line, seeds loaded before. It does more than the notebook: "
        "rejects, duplicates, scores, campaigns, findings.",
        "- *models*: sum of the models' and hooks' times; the rest is start-up of Python, dbt and "
        "Spark. *Detection*: the models from the baseline on.",
        "- The logs are read once before each measurement, the last days first, up to half of the "
        "memory: of a long history the notebook reads a part from the disk, however fast that is.",
        "",
    ]
    for part in Part:
        of_part = [m for m in found if m.case.part == part]
        if not of_part:
            continue
        header = ["rows a day × days", "", "seconds", "/ first row", "CPU s", "models", "detection"]
        lines += [f"## {part.value.capitalize()}", ""]
        lines += ["| " + " | ".join([*header, "peak MB", "JVM MB", "rounds"]) + " |"]
        lines += ["|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
        for m in of_part:
            logs, numbers = m.case.logs, m.numbers
            name = m.case.name + ("" if logs.skew == "none" else f", half in one {logs.skew}")
            modelled = (
                [f"{sum(m.models.values()):.1f}", f"{m.detection:.1f}"] if m.models else ["", ""]
            )
            cells = [f"{logs.rows:,} × {m.case.days}", name, f"{m.seconds:.1f}"]
            cells += [f"{m.seconds / of_part[0].seconds:.2f}", f"{numbers['cpu_seconds']:.1f}"]
            cells += [*modelled, f"{numbers['peak_mb']:.0f}", f"{numbers['jvm_peak_mb']:.0f}"]
            lines += ["| " + " | ".join([*cells, str(m.rounds)]) + " |"]
        lines += [""]
    shown = [m for m in found if m.models and m.case.part in (Part.COMPARE, Part.HISTORY)]
    if shown:
        names = list(dict.fromkeys(name for m in shown for name in m.models))
        titles = [f"{m.case.name.removeprefix('dbt run, ')}, {m.case.days} days" for m in shown]
        lines += ["## Seconds of each model", "", "| model | " + " | ".join(titles) + " |"]
        lines += ["|---" + "|--:" * len(shown) + "|"]
        for name in names:
            cells = [f"{m.models[name]:.1f}" if name in m.models else "" for m in shown]
            lines += ["| " + " | ".join([name, *cells]) + " |"]
        rest = [f"{m.seconds - sum(m.models.values()):.1f}" for m in shown]
        lines += [
            "| " + " | ".join(["the rest: start-up of Python, dbt and Spark", *rest]) + " |",
            "",
        ]
    return "\n".join(lines)


# ------------------------------------------------------------------------- the command line


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
        # Its own rounds are within one session.
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
                console.print(f"    {taken['seconds']:.1f} s, {taken['jvm_peak_mb']:.0f} MB of JVM")
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
