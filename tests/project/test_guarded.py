"""Targets `spark` and `server`: one command at a time, and errors that people can read. No Java."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from dbt.adapters.guarded import session
from dbt.adapters.guarded.adapter import METASTORE, SERVER, hold_metastore
from dbt.adapters.guarded.lock import lock_tables, note_holder
from dbt.adapters.guarded.words import MOST_CHARACTERS, in_words
from dbt_common.exceptions import DbtRuntimeError

from tests.support.dbt_in_process import copy_project
from tests.support.local_tables import LocalDbt
from tests.support.spark_cluster import free_port

FRAMES = "".join(
    f"\tat org.apache.spark.sql.Some$Class.method{n}(File.scala:{n})\n" for n in range(60)
)
HOLD = """
import sys, time
from pathlib import Path
from dbt.adapters.guarded.lock import lock_tables
lock_tables(Path(sys.argv[1]), "dbt build", sys.argv[2])
print("held", flush=True)
time.sleep(600)
"""


def java(first: str, *causes: str) -> str:
    """An error as PySpark gives it."""
    text = f"An error occurred while calling o54.sql.\n: {first}\n{FRAMES}"
    for cause in causes:
        text += f"Caused by: {cause}\n{FRAMES}\t... 56 more\n"
    return text


def in_a_task(cause: str) -> str:
    """An error of a task: Spark repeats what it says of it."""
    lost = (
        "org.apache.spark.SparkException: Job aborted due to stage failure: "
        "Task 1 in stage 27.0 failed 1 times, most recent failure: "
        "Lost task 1.0 in stage 27.0 (TID 26) (localhost executor driver): "
        f"{cause}\n{FRAMES}\nDriver stacktrace:"
    )
    return java(lost, cause)


@pytest.mark.parametrize(
    ("said", "sql", "words"),
    [
        (
            java(
                "java.lang.RuntimeException: java.lang.ClassNotFoundException: "
                "Class org.apache.hadoop.fs.azurebfs.SecureAzureBlobFileSystem not found"
            ),
            "create table t location 'abfss://c@account.dfs.core.windows.net/logs'",
            ["has no jar for Azure storage", "Asked for: abfss://c@account.", "docs/azure.md"],
        ),
        (
            java(
                'org.apache.hadoop.fs.UnsupportedFileSystemException: No FileSystem for scheme "x"'
            ),
            "create table t location 'x://y/z'",
            ['No FileSystem for scheme "x"', "Asked for: x://y/z", "mend the URL"],
        ),
        (
            in_a_task(
                "org.apache.spark.SparkException: "
                "Encountered error while reading file file:///raw/cut.json.gz. Details:"
            )
            + "Caused by: java.io.EOFException: Unexpected end of input stream\n",
            "insert into t",
            ["reading file file:///raw/cut.json.gz.", "Unexpected end of input", "Mend or remove"],
        ),
        (
            in_a_task("java.io.FileNotFoundException: /raw/a.json (Permission denied)"),
            "",
            ["/raw/a.json (Permission denied)", "Let the user of this command read"],
        ),
        (in_a_task("java.lang.OutOfMemoryError: Java heap space"), "", ["spark.driver.memory"]),
        (
            "Error running query: [TABLE_OR_VIEW_NOT_FOUND] org.apache.spark.sql.catalyst."
            f"ExtendedAnalysisException: [TABLE_OR_VIEW_NOT_FOUND] no such `a`; line 4\n"
            f"'GlobalLimit 5\n+- 'LocalLimit 5\n   +- 'UnresolvedRelation [a], [], false\n{FRAMES}",
            "select 1",
            ["[TABLE_OR_VIEW_NOT_FOUND] no such `a`; line 4"],
        ),
        ("Error in query\n" * 200 + "x" * 10_000, "", ["Error in query"]),
        ("", "", [""]),
    ],
)
def test_errors_of_spark_are_few_lines_with_their_cure(said: str, sql: str, words: list[str]):
    shown = in_words(said, sql)
    assert len(shown.splitlines()) <= 8 and len(shown) < 8 * MOST_CHARACTERS
    assert "[TABLE_OR_VIEW_NOT_FOUND] [" not in shown and "Limit" not in shown
    assert "\tat " not in shown and "java." not in shown and "Exception: " not in shown
    for word in words:
        assert word in shown


@pytest.mark.parametrize(
    ("target", "name", "command"),
    [("spark", METASTORE, ["seed"]), ("spark", METASTORE, ["test"]), ("server", SERVER, ["seed"])],
)
def test_a_second_command_says_who_holds_the_tables_and_a_killed_one_holds_nothing(
    tmp_path: Path, target: str, name: str, command: list[str]
):
    output = tmp_path / "output"
    dbt = LocalDbt(tmp_path, {}, target=target)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, output, name], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    second = dbt.start(*command)
    said, _ = second.communicate(timeout=300)
    assert second.returncode == 2
    (line,) = [line for line in said.splitlines() if "are held by" in line]
    assert (
        f"process {holder.pid} (dbt build, since 2" in line and "Nothing was changed. Wait" in line
    )
    assert "Traceback" not in said and "java" not in said and "Derby" not in said
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    lock = lock_tables(output, "dbt build", name)
    note_holder(lock, 1, "make server", "Run make stop")
    assert "Run make stop" in (output / name).read_text()
    lock.close()


@pytest.mark.parametrize("target", ["local", "spark"])
def test_a_seed_that_is_not_utf8_is_named(tmp_path: Path, target: str):
    project = copy_project(tmp_path / "project")
    file = project / "seeds/organisation/internal_networks.csv"
    file.write_bytes("network,description\n192.0.2.0/24,B\u00fcro\n".encode("cp1252"))
    dbt = LocalDbt(tmp_path, {}, project=project, target=target).start("seed")
    said, _ = dbt.communicate(timeout=300)
    assert dbt.returncode == 2
    assert "internal_networks.csv is not UTF-8: byte 0xfc in line 2. Save it as UTF-8" in said
    assert "Traceback" not in said and len(said.splitlines()) < 12


@pytest.mark.parametrize("properties", [None, b"", b"#/output/metastore"])
def test_a_metastore_that_a_killed_command_left_half_made_is_made_again(
    tmp_path: Path, properties: bytes | None
):
    metastore = tmp_path / "metastore"
    (metastore / "seg0").mkdir(parents=True)
    (metastore / "seg0/c10.dat").write_bytes(b"of a table")
    if properties is not None:
        (metastore / "service.properties").write_bytes(properties)
    hold_metastore(tmp_path, "dbt build").close()
    assert metastore.exists() == bool(properties)
    assert not properties or (metastore / "seg0/c10.dat").exists()


def test_settings_of_a_session_are_set_once_and_again_when_they_differ(
    monkeypatch: pytest.MonkeyPatch,
):
    made, ran = [], []

    class Session:
        def sql(self, text: str) -> None:
            ran.append((len(made), text))

    class Builder:
        def config(self, map: dict[str, str]) -> Builder:
            made.append(map)
            return self

        def getOrCreate(self) -> Session:  # noqa: N802 PySpark's name
            return Session()

    monkeypatch.setattr(session, "SparkSession", SimpleNamespace(builder=Builder()))
    session.session_with.cache_clear()
    for zone in ("UTC", "UTC", "Asia/Tokyo"):
        for _ in range(2):
            connection = session.on_one_session({"spark.sql.session.timeZone": zone})
            assert not made or len(made) == ran[-1][0], "a connection alone starts nothing"
            connection.cursor()
            connection.execute("select %s;", ["it's"])
            connection.execute("select '100 %'")
    session.session_with.cache_clear()
    zones = [settings["spark.sql.session.timeZone"] for settings in made]
    assert zones == ["UTC", "Asia/Tokyo"]
    assert ran[:2] == [(1, "select 'it's'"), (1, "select '100 %'")]
    assert [made for made, _ in ran] == [1] * 8 + [2] * 4


@pytest.mark.parametrize("parameters", ["", "/;token=hush", "/;use_ssl=true;token=hush"])
def test_a_server_that_does_not_answer_is_named_and_its_token_is_not(
    monkeypatch: pytest.MonkeyPatch, parameters: str
):
    monkeypatch.setattr(session, "ANSWERS_WITHIN", 0.5)
    port = free_port()
    connection = session.on_one_session({"spark.remote": f"sc://127.0.0.1:{port}{parameters}"})
    with pytest.raises(DbtRuntimeError, match=f"answered at 127.0.0.1:{port} within") as said:
        connection.cursor()
    assert "spark.remote" in str(said.value) and "hush" not in str(said.value)
