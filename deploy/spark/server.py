"""A Spark that stays up, for quick dbt commands: `make server`, then `dbt … --target server`.

Settings and tables are target `spark`'s in profiles.yml, the address is target `server`'s.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jinja2
import pyspark
import typer
import yaml
from dbt.adapters.guarded.adapter import hold_metastore
from dbt.adapters.guarded.lock import note_holder
from dbt_common.exceptions import DbtRuntimeError
from pyhive import hive
from rich.console import Console

PROJECT = Path(__file__).resolve().parents[2]
CLASS = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"
START_SECONDS = 180

app = typer.Typer(add_completion=False, help=__doc__)
console = Console(highlight=False, markup=False, soft_wrap=True)


def output_folder() -> Path:
    """Return the folder where target `spark` keeps its tables, as profiles.yml defines it."""
    return Path(os.environ.get("BEACONING_OUTPUT") or profiles_folder() / "output").resolve()


def profiles_folder() -> Path:
    """Return the folder of profiles.yml."""
    return Path(os.environ.get("DBT_PROFILES_DIR") or PROJECT)


def fail(what: str, cure: str) -> typer.Exit:
    """Print an error with its cure; return what to raise."""
    errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    errors.print(f"error: {what}\n  {cure}")
    return typer.Exit(1)


def read_targets() -> dict[str, dict[str, Any]]:
    """Return the targets in profiles.yml by name; raise `typer.Exit` if one is missing."""
    folder = profiles_folder()

    def env_var(name: str, default: str | None = None) -> str:
        return os.environ.get(name) or default or ""

    try:
        text = (folder / "profiles.yml").read_text("utf-8")
        flags = {"PROFILES_DIR": str(folder.resolve())}
        rendered = jinja2.Environment().from_string(text).render(env_var=env_var, flags=flags)
        targets = yaml.safe_load(rendered)["network_beaconing"]["outputs"]
    except FileNotFoundError:
        raise fail(f"no profiles.yml in {folder}.", "Run make env, which makes it.") from None
    for name in ("spark", "server"):
        if name not in targets:
            cure = "Copy it from profiles.yml.example."
            raise fail(f"{folder}/profiles.yml has no target {name}.", cure)
    return targets


def command_of(pid: int) -> str:
    """Return the command line of a process; empty if there is no such process."""
    asked = ["ps", "-o", "command=", "-ww", "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, text=True).stdout.strip()


def running_pid(pid_file: Path) -> int | None:
    """Return the process of the server in `pid_file`; None if it does not run any more."""
    try:
        pid = int(pid_file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    # By now the number may belong to another process.
    return pid if CLASS in command_of(pid) else None


def answers(host: str, port: int) -> bool:
    """Tell whether the server answers a query."""
    try:
        with hive.connect(host=host, port=port, username="dbt") as connection:
            cursor = connection.cursor()
            cursor.execute("select 1")
            return cursor.fetchall() == [(1,)]
    except Exception:
        return False


@app.command()
def start() -> None:
    """Start the server and wait until it answers."""
    # Otherwise each failed attempt to connect would be logged while Spark starts.
    logging.disable()
    targets = read_targets()
    host, port = str(targets["server"]["host"]), int(targets["server"]["port"])
    folder = output_folder() / "server"
    pid_file, log = folder / "pid", folder / "log"
    use = f"Use it: dbt run --target server    Stop it: make stop    Log: {log}"
    if pid := running_pid(pid_file):
        console.print(f"The server runs already on {host}:{port} (process {pid}).\n{use}")
        return
    if answers(host, port):
        cure = "Stop that one, or give another port: BEACONING_SERVER_PORT=10001 make server"
        raise fail(f"another Spark server answers on {host}:{port}.", cure)

    folder.mkdir(parents=True, exist_ok=True)
    spark_home = Path(pyspark.__file__).parent
    settings = targets["spark"].get("server_side_parameters", {})
    command = [str(spark_home / "bin/spark-submit"), "--class", CLASS]
    for name, value in settings.items():
        command += ["--conf", f"{name}={value}"]
    command += ["spark-internal", "--hiveconf", f"hive.server2.thrift.bind.host={host}"]
    command += ["--hiveconf", f"hive.server2.thrift.port={port}"]
    try:
        lock = hold_metastore(output_folder(), "make server")
    except DbtRuntimeError as error:
        raise fail(error.msg, "Or use target spark until then.") from None
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, "SPARK_HOME": str(spark_home)},
            # Ctrl-C at the terminal must not end the server.
            start_new_session=True,
            # The server holds the lock as long as it lives.
            pass_fds=[lock.fileno()],
        )
    note_holder(lock, process.pid, "make server", "Use --target server, or run make stop")
    pid_file.write_text(str(process.pid))

    started = time.monotonic()
    with console.status("Spark is starting …"):
        while not answers(host, port):
            if process.poll() is not None:
                pid_file.unlink()
                raise fail(*why_it_ended(log))
            if time.monotonic() - started > START_SECONDS:
                stop()
                cure = f"Look into {log}."
                raise fail(f"the server did not answer within {START_SECONDS} s.", cure)
            time.sleep(0.3)
    seconds = time.monotonic() - started
    console.print(f"Spark answers on {host}:{port} after {seconds:.0f} s.\n{use}")


def why_it_ended(log: Path) -> tuple[str, str]:
    """Tell why the server ended while it started, and the cure."""
    text = log.read_text("utf-8", "replace")
    if "Address already in use" in text or "Could not create ServerSocket" in text:
        cure = "Give another port: BEACONING_SERVER_PORT=10001 make server"
        return "the port is in use.", cure
    return f"Spark ended while starting:\n{text[-2000:]}", f"All of it is in {log}."


@app.command()
def stop() -> None:
    """Stop the server that `start` started, and nothing else."""
    pid_file = output_folder() / "server/pid"
    pid = running_pid(pid_file)
    if pid is None:
        pid_file.unlink(missing_ok=True)
        console.print("No server runs.")
        return
    os.kill(pid, signal.SIGTERM)
    with console.status("Spark is stopping …"):
        for _ in range(300):
            if running_pid(pid_file) is None:
                break
            time.sleep(0.1)
        else:
            os.kill(pid, signal.SIGKILL)
    pid_file.unlink(missing_ok=True)
    console.print(f"Stopped the server (process {pid}).")


if __name__ == "__main__":
    sys.exit(app())
