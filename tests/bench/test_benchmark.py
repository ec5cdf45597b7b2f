"""The benchmark's contestants do the notebook's steps, and its page says what was measured."""

from __future__ import annotations

import datetime as dt
import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from bench.speed import benchmark, measuring, steps
from bench.speed.cases import FIRST, FIRST_ON_SPARK, LATE, NEXT, Case, Part, cases
from tests.support.dbt_in_process import ENGINE, SPARK_4, Dbt
from tests.support.export_tree import at, lay_out
from tests.support.notebook_reference import percent_beacon

DAYS = [dt.date(2026, 9, 29), dt.date(2026, 9, 30)]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[dict[str, Any]]]:
    """Rows of two days around each threshold, and their day folders."""
    root, random_ = tmp_path_factory.mktemp("benchmark"), random.Random(5)
    rows = []
    for day in DAYS:
        for source in range(30):
            # One row per source and second: the notebook orders equal times at random.
            for second in random_.sample(range(0, 3600, 4), 12 if source % 2 else 3):
                popular = random_.random() < 0.5
                row = {
                    "TimeGenerated": at(day, second),
                    "DeviceVendor": random_.choice(["Fortinet", "Fortinet", "Check Point"]),
                    "SourceIP": f"10.0.0.{source}",
                    "SourcePort": 50_000,
                    "DestinationIP": "192.0.2.1" if popular else f"203.0.113.{source % 7}",
                    "DestinationPort": random_.choice([443, 80]),
                    "Protocol": random_.choice(["tcp", "udp", None]),
                    "SentBytes": 100,
                    "ReceivedBytes": 200,
                }
                if random_.random() < 0.1:
                    row["DestinationIP"] = "172.31.0.1"
                rows.append(row)
        lay_out(root, day, [row for row in rows if row["TimeGenerated"].startswith(str(day))])
    return [f"{root}/{day:y=%Y/m=%m/d=%d}" for day in DAYS], rows


@pytest.fixture
def expected(logs, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the notebook says, with thresholds that the rows lie around."""
    monkeypatch.setattr(steps, "EVENTS", 5)
    monkeypatch.setattr(steps, "DEGREE", 10)
    monkeypatch.setattr(steps, "PERCENT", 0)
    measured = percent_beacon(
        logs[1],
        device_vendor="Fortinet",
        daily_event_count_threshold=5,
        degree_of_srcip_threshold=10,
        time_delta_threshold=15,
        percent_beacon_threshold=0,
    )
    assert len(measured) > 20
    return measured


KEY = ("source_ip", "destination_ip", "destination_port", "protocol", "time_delta")


@pytest.mark.skipif(ENGINE == "local" or SPARK_4, reason="the benchmark runs on the locked Spark")
def test_the_notebook_in_spark(dbt: Dbt, logs, expected, tmp_path: Path, monkeypatch):
    # The notebook's windows have no order, and the last threshold depends on it. So only delta
    # counts are compared, of the connections in both results.
    monkeypatch.setattr(steps, "EVENTS", 5)
    beacons = steps.notebook(dbt.spark, logs[0], tmp_path, lean=True)
    found = {
        (r.SourceIP, r.DestinationIP, r.DestinationPort, r.Protocol, r.delta): r.delta_count
        for r in beacons.collect()
    }
    by_key = {tuple(row[name] for name in KEY): row["time_delta_count"] for row in expected}
    assert found.items() & by_key.items()
    pairs = {key[:3] for key in found} & {key[:3] for key in by_key}
    assert {k: n for k, n in found.items() if k[:3] in pairs} == {
        k: n for k, n in by_key.items() if k[:3] in pairs
    }
    (file,) = (tmp_path / "notebook").glob("*.json")
    assert len(file.read_text().splitlines()) == len(found)


def test_the_notebook_in_duckdb(logs, expected):
    pytest.importorskip("duckdb")
    found = {row[:5]: row[5:] for row in steps.duckdb_steps(logs[0], None)}
    assert found == {
        tuple(row[name] for name in KEY): (
            row["time_delta_count"],
            pytest.approx(row["percent_beacon"]),
        )
        for row in expected
    }


def test_memory_and_time_of_grandchildren_count(tmp_path: Path):
    child = "import time; x = bytearray(300_000_000); sum(range(20_000_000)); time.sleep(1)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); print(7)"
    taken = measuring.measured([sys.executable, "-c", parent], {}, tmp_path / "log")
    assert taken["printed"] == "7"
    assert 300 < taken["peak_mb"] < 450
    assert 0.1 < taken["cpu_seconds"] < taken["seconds"]


def test_a_command_that_fails_ends_the_run_and_says_why(tmp_path: Path, capsys):
    with pytest.raises(typer.Exit):
        measuring.measured([sys.executable, "-c", "1/0"], {}, tmp_path / "log")
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run the command line with made figures; gives the keys that it measured."""
    figures: dict[str, float] = {}

    def run(**options: Any) -> list[str]:
        asked: list[str] = []

        def measure(bench: measuring.Bench, case: Case) -> dict[str, Any]:
            asked.append(case.key)
            seconds = figures.get(f"{case.part.value}/{case.name}", 100.0)
            made: dict[str, Any] = {"seconds": seconds + len(asked) % 3, "printed": ""}
            if case.step is None:
                made["models"] = {"stg_common_security_log_lines": 7.0, "baseline": seconds / 10}
            if case.step == "staging":
                made["printed"] = {"staging": 3.0, "scan": 2.0}
            return made | {"cpu_seconds": 1.0, "peak_mb": 4500.0}

        monkeypatch.setattr(measuring.Bench, "measure", measure)
        defaults = {"quick": False, "part": None, "rows": 200_000, "large_rows": 300_000}
        defaults |= {"history": 3, "long_history": 21, "rounds": 3, "folder": tmp_path / "bench"}
        defaults |= {"docs": tmp_path / "page.md", "fresh": False, "delete_logs": False}
        benchmark.main(**{**defaults, "table_only": False, **options})
        return asked

    run.figures = figures
    run.page = lambda: (tmp_path / "page.md").read_text()
    return run


def test_the_page_says_which_promises_are_kept(fake):
    fake.figures |= {"compare/dbt run, first": 30.0, "history/dbt run, next day": 90.0}
    fake()
    page = fake.page()
    verdicts = {
        cells[1]: (cells[3], cells[4])
        for line in page.splitlines()
        if len(cells := [cell.strip() for cell in line.split("|")]) == 6 and cells[2][:1].isdigit()
    }
    assert verdicts == {
        "first run / notebook": ("0.35", "met"),
        "first run / notebook, result only": ("", ""),
        "next day with 21 days of history / with 3": ("1.15", "met"),
        "next day, long history / notebook": ("0.08", "NOT met"),
        "staging / bare scan": ("1.6", "met"),
        "rows × 10": ("10", "met"),
        "the same, detection only, rows × 10": ("10", "met"),
        "half of all events in one source / even": ("1.3", "met"),
        "the same, detection only, source": ("1.3", "met"),
        "half of all events in one destination / even": ("1.3", "met"),
        "the same, detection only, destination": ("1.3", "met"),
        "GB of all processes, 300,000 rows × 3 days": ("4", "NOT met"),
    }
    assert "| staging / bare scan | 1.50 | 1.6 | met |" in page
    assert "| model | on Spark, first, 3 days | first, 3 days | next day, 4 days |" in page


def test_rounds_take_turns_and_a_stopped_run_goes_on(fake, tmp_path: Path, monkeypatch):
    part = [Part.COMPARE]
    asked = fake(part=part)
    assert len(asked) == 18
    assert asked[:6] == asked[6:12][::-1] == asked[12:]
    assert "## Compare" in fake.page()
    assert "Not measured: growth/" in fake.page()
    results = tmp_path / "bench/results.jsonl"
    lines = results.read_text().splitlines()
    results.write_text("\n".join(lines[:-1]) + "\n")
    assert fake(part=part) == [json.loads(lines[-1])["key"]]
    assert fake(part=part, table_only=True) == []
    fake(part=[Part.STAGING])
    assert "## Compare" in fake.page() and "## Staging" in fake.page(), "no part hides another"
    # The code has changed: what depends on it is measured again.
    monkeypatch.setattr(measuring, "_digest", lambda paths: f"{len(list(paths))} files")
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    for line in lines:
        line["version"] = "-2 files" if "dbt run" not in line["key"] else line["version"]
    results.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert {key.split("/")[1] for key in fake(part=part)} == {FIRST, FIRST_ON_SPARK}


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A bench whose dbt only notes its arguments and the state it finds, and leaves a mark."""
    root = tmp_path / "raw"
    lay_out(root, dt.date(2026, 9, 28), [{"TimeGenerated": "2026-09-28T05:00:00.0000000Z"}] * 3)
    monkeypatch.setattr(measuring.Bench, "root", lambda bench, logs: root)
    bench, asked = measuring.Bench(tmp_path / "bench", 1), []

    def measured(command: list, environment: dict, log: Path) -> dict[str, Any]:
        words = [str(word) for word in command]
        vars_ = json.loads(words[words.index("--vars") + 1])
        marks = bench.live / words[words.index("--target") + 1]
        before = sorted(mark.name for mark in marks.glob("*"))
        files = len(list(root.rglob("PT*M*.json")))
        asked.append((words[1], vars_["end_date"], vars_["lookback_days"], before, files))
        marks.mkdir(parents=True, exist_ok=True)
        (marks / f"{words[1]}-{vars_['end_date']}").write_text("made")
        (bench.live / ".lock").write_text(f"{len(asked)}")
        (bench.live / f"part-{len(asked)}.parquet").write_text("rows")
        result = {"unique_id": "model.network_beaconing.baseline", "execution_time": 1.5}
        hook = {"unique_id": "operation.network_beaconing.x", "execution_time": 0.25}
        target_path = Path(words[words.index("--target-path") + 1])
        target_path.mkdir(exist_ok=True)
        text = json.dumps({"results": [result, hook]})
        (target_path / "run_results.json").write_text(text)
        return {"seconds": 9.0, "printed": "bye"}

    monkeypatch.setattr(measuring, "measured", measured)
    return bench, asked


def case_of(name: str, days: int, part: Part = Part.HISTORY) -> Case:
    (case,) = (
        case
        for case in cases(20_000, 20_000, 3, 21)
        if case.part == part and (case.name, case.days) == (name, days)
    )
    return case


def test_the_next_day_starts_from_what_the_day_before_left(commands):
    bench, asked = commands
    taken = bench.measure(case_of(NEXT, 22))
    assert taken["models"] == {"baseline": 1.5, measuring.HOOKS: 0.25}
    assert asked == [
        ("seed", "2026-09-30", 0, [], 1),
        ("run", "2026-09-29", 20, ["seed-2026-09-30"], 1),
        ("run", "2026-09-30", 21, ["run-2026-09-29", "seed-2026-09-30"], 1),
    ]
    # The kept state is used again, untouched by the run before.
    bench.measure(case_of(NEXT, 22))
    assert asked[3:] == asked[2:3]


def test_states_of_two_targets_do_not_share_a_folder(commands, tmp_path: Path):
    bench, asked = commands
    bench.measure(case_of(FIRST, 3, Part.COMPARE))
    bench.measure(case_of(FIRST_ON_SPARK, 3, Part.COMPARE))
    # The marks lie in a folder of the target: each finds those of its own seeds.
    assert [command for command, *_ in asked] == ["seed", "run", "seed", "run"]
    assert [before for *_, before, _ in asked] == [[], ["seed-2026-09-30"]] * 2
    states = {path.name: path for path in (tmp_path / "bench/states").glob("*/*")}
    assert states.keys() == {"local-seeds", "spark-seeds"}
    assert [path.name for path in states["spark-seeds"].iterdir() if path.is_dir()] == ["spark"]


def test_only_files_that_never_change_are_shared_with_a_kept_state(commands, tmp_path: Path):
    bench, _ = commands
    bench.measure(case_of(FIRST, 3, Part.COMPARE))
    (kept,) = (tmp_path / "bench/states").glob("*/local-seeds")
    assert (kept / "part-1.parquet").samefile(bench.live / "part-1.parquet")
    assert ((kept / ".lock").read_text(), (bench.live / ".lock").read_text()) == ("1", "2")


def test_late_rows_are_there_for_their_run_only(commands):
    bench, asked = commands
    bench.measure(case_of(LATE, 4))
    (_, _, _, before, files), prepared = asked[-1], asked[-2]
    assert prepared[1:3] == ("2026-09-30", 3)
    assert "run-2026-09-30" in before
    assert (prepared[4], files) == (1, 2)
    assert len(list(bench.root(None).rglob("PT*M*.json"))) == 1


def test_a_state_of_other_code_is_not_used(commands, tmp_path: Path):
    bench, asked = commands
    bench.measure(case_of(NEXT, 4))
    other = measuring.Bench(tmp_path / "bench", 1)
    other.project_version = "other"
    count = len(asked)
    other.measure(case_of(NEXT, 4))
    assert [command for command, *_ in asked[count:]] == ["seed", "run", "run"]
    assert [path.name for path in (tmp_path / "bench/states").iterdir()] == ["other"]
