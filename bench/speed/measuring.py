"""Run a case and take its time, its memory and its processor time, from /proc: Linux only."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import venv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from bench import PROJECT
from bench.speed.cases import END, Case, Logs
from samples import EXPORT_ROOT

DUCKDB = "duckdb==2.0.0"  # not in the lock: only the benchmark needs it
SAMPLE_SECONDS = 0.25
MEMORY = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
HOOKS = "on-run-start, on-run-end"  # listed among the models

console = Console(stderr=True)


@dataclass
class Usage:
    """What a process and its descendants have used.

    Attributes
    ----------
    cpu_seconds
        Processor time of all of them.
    peak_mb
        Largest sum of their resident memory. Of several Java processes only the largest counts:
        its forks share its memory.
    """

    cpu_seconds: float = 0
    peak_mb: float = 0
    _cpu: dict[int, float] = field(default_factory=dict)

    def sample(self, root: int) -> None:
        """Look at the process `root` and all processes below it."""
        parents: dict[int, int] = {}
        seen: dict[int, tuple[str, float, float]] = {}
        ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                values = (folder / "stat").read_text().rpartition(")")[2].split()
                program = (folder / "exe").readlink().name
            except OSError:
                continue  # the process has just ended, or is another user's
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
        `seconds`, `cpu_seconds`, `peak_mb`, and `printed`, its last line.

    Raises
    ------
    typer.Exit
        If the command fails; the end of its log is shown.
    """
    usage, over = Usage(), threading.Event()
    foreign = ("SPARK_HOME", "SPARK_CONF_DIR", "SPARK_REMOTE", "PYTHONPATH", "PYTHONHOME")
    variables = {n: v for n, v in os.environ.items() if n not in foreign and "DBT_" not in n}
    with log.open("w") as file:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            env={**variables, **environment},
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
            # A Ctrl-C must not leave an engine behind: the command has a process group of its own.
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
    numbers = {"cpu_seconds": usage.cpu_seconds, "peak_mb": usage.peak_mb, "seconds": seconds}
    rounded = {name: round(number, 2) for name, number in numbers.items()}
    return {**rounded, "printed": lines[-1] if lines else ""}


class Bench:
    """Logs, states and processes below one folder.

    Parameters
    ----------
    folder
        For all that the benchmark makes.
    rounds
        Rounds of the staging case, within one session; the caller repeats the other cases.
    """

    def __init__(self, folder: Path, rounds: int) -> None:
        self.folder = folder.absolute()
        self.rounds = rounds
        # Hive's metastore holds absolute paths, so every run happens at the same place.
        self.live = self.folder / "live"
        self.dbt_folder = self.folder / "dbt"
        self.dbt_folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / "profiles.yml.example", self.dbt_folder / "profiles.yml")
        parts = ("models", "macros", "seeds", "deploy/embedded")
        ours = [path for part in parts for path in (PROJECT / part).rglob("*.*")]
        ours = [path for path in ours if path.suffix != ".pyc"]
        ours += [PROJECT / "dbt_project.yml", PROJECT / "profiles.yml.example"]
        self.project_version = _digest(ours)
        steps = PROJECT / "bench/speed/steps.py"
        self.steps_version = _digest([steps, PROJECT / "profiles.yml.example"])

    def version(self, case: Case) -> str:
        """Return a digest of the code that a result depends on: if it changes, measure again."""
        versions = [self.project_version if case.runs_dbt else ""]
        return "-".join([*versions, self.steps_version if case.step else ""])

    def root(self, logs: Logs) -> Path:
        """Return the parent of the y= folders; generate the logs if they are missing."""
        out = self.folder / "logs" / logs.name
        truth = out / "truth.json"
        if not truth.exists() or not json.loads(truth.read_text("utf-8"))["complete"]:
            console.print(f"generating {logs.days} days of {logs.rows:,} rows ({logs.skew} skewed)")
            options = {"--end-date": END, "--days": logs.days, "--rows-per-day": logs.rows}
            words = [str(w) for option in (options | {"--skew": logs.skew}).items() for w in option]
            program = [sys.executable, "-m", "samples", out]
            program += [*words, "--overwrite"]
            subprocess.run(program, check=True, stdout=subprocess.DEVNULL, cwd=PROJECT)
        return out / EXPORT_ROOT

    def dbt(self, *words: str, case: Case, days: int, back: int = 0) -> list[str]:
        """Return the arguments of a dbt command that judges `back` days before the last one."""
        variables = {
            "raw_root": str(self.root(case.logs)),
            "end_date": str(END - dt.timedelta(back)),
            "lookback_days": days - 1,
            "export_root": str(self.live / "export"),
        }
        places = {"project": PROJECT, "profiles": self.dbt_folder}
        found = [word for place, path in places.items() for word in (f"--{place}-dir", str(path))]
        # Else dbt would parse the project again whenever the cases' target changes.
        found += ["--target-path", str(self.dbt_folder / case.target)]
        found += ["--log-path", str(self.dbt_folder / "logs"), "--target", case.target]
        return [*words, *found, "--vars", json.dumps(variables), "--no-use-colors"]

    def run_dbt(self, *words: str, case: Case, days: int, back: int = 0) -> dict[str, Any]:
        """Run dbt by its command line and add the seconds of each model and of the hooks."""
        command = [
            Path(sys.executable).parent / "dbt",
            *self.dbt(*words, case=case, days=days, back=back),
        ]
        taken = measured(
            command, {"BEACONING_OUTPUT": str(self.live)}, self.folder / "last_command.log"
        )
        text = (self.dbt_folder / case.target / "run_results.json").read_text("utf-8")
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

    def put_state(self, case: Case, start: int, back: int) -> None:
        """Put into `live` what a run over `start` days leaves; for 0 days, only the seeds."""
        name = f"{case.target}-" + (f"{case.logs.name}-{start}-{back}" if start else "seeds")
        kept = self.folder / "states" / self.project_version / name
        if not kept.exists():
            for old in (self.folder / "states").glob("*"):
                if old.name != self.project_version:
                    shutil.rmtree(old)
            console.print(f"preparing: {start} days staged" if start else "preparing: seeds")
            if start:
                self.put_state(case, 0, 0)
                self.run_dbt("run", case=case, days=start, back=back)
            else:
                shutil.rmtree(self.live, ignore_errors=True)
                self.run_dbt("seed", case=case, days=1)
            unfinished = kept.with_name(f"{name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(self.live, unfinished, copy_function=_link_or_copy)
            unfinished.rename(kept)
        shutil.rmtree(self.live, ignore_errors=True)
        shutil.copytree(kept, self.live, copy_function=_link_or_copy)

    @contextmanager
    def late_rows(self, logs: Logs) -> Iterator[None]:
        """Add a file to the folder of two days before the last one; remove it afterwards."""
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
        """Return the interpreter of a case; DuckDB has an environment of its own."""
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
        """Bring log files into the page cache, the last ones first, up to half of the memory.

        Otherwise only the first case would pay for reading from the disk.
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
            self.put_state(case, case.start, case.start_back)
        self.read_once(folders)
        if case.step is None:
            if case.late:
                with self.late_rows(case.logs):
                    return self.run_dbt("run", case=case, days=case.days)
            return self.run_dbt("run", case=case, days=case.days)
        settings: dict[str, Any] = {
            "folders": folders,
            "out": str(self.folder / "step"),
        }
        if case.step == "staging":
            words = ("run", "--full-refresh", "--select", "+stg_common_security_log_lines")
            settings |= {"rounds": self.rounds}
            settings |= {"dbt": self.dbt(*words, case=case, days=case.days)}
        command = [self.python(case), "-m", "bench.speed.steps", case.step, json.dumps(settings)]
        taken = measured(
            command, {"BEACONING_OUTPUT": str(self.live)}, self.folder / "last_command.log"
        )
        return taken | {"printed": json.loads(taken["printed"])}


def _digest(paths: Iterable[Path]) -> str:
    parts = [str(path).encode() + path.read_bytes() for path in sorted(paths)]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:12]


def _link_or_copy(source: str, target: str) -> None:
    # Parquet files are never changed after they were written. All others are small, and some are:
    # the lock, the last checkpoint's name, the texts of views, Derby's files.
    (os.link if source.endswith(".parquet") else shutil.copy2)(source, target)
