"""Hundreds of faults, in process and by kill -9: no row is lost, no confirmed row is sent twice.

"Confirmed" means that the client has read the answer and noted it in the ledger. Between reading
and noting lies the write of one transaction. If a process dies there, or an answer is lost, the
next push sends that one chunk again, because the service cannot be asked. These copies are counted
and must stay within the chunk that was under way.

FULL_FAULT_TEST=1 (`make test-faults`) makes it 950 faults and 50 kills over 5,000 rows each.
"""

import collections
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from enrich.contract import all_columns
from enrich.push import ledger as ledger_module
from enrich.push import run as pushing
from enrich.push.columns import to_row
from enrich.push.run import push
from enrich.push.settings import PushSettings
from tests.support.findings import made_findings
from tests.support.ingestion_server import FAULTS, RULE, IngestionServer, key_of

PROJECT = Path(__file__).parents[2]
IS_FULL = os.environ.get("FULL_FAULT_TEST") == "1"
ROWS, FAULTS_IN_PROCESS, KILLS = (5_000, 950, 50) if IS_FULL else (300, 60, 5)
ROWS_A_PUSH = 100
COLUMNS = all_columns()
CHUNK = 27_000  # bytes: about ten rows


def settings_for(server, path, timeout_seconds=0.25):
    return PushSettings(
        endpoint=server.endpoint,
        rule_id=RULE,
        ledger=path,
        chunk_bytes=CHUNK,
        first_wait_seconds=0.0005,
        longest_wait_seconds=0.002,
        timeout_seconds=timeout_seconds,
        most_attempts=4,
    )


def noted(path):
    """Return the keys of accepted and of sending rows in the ledger, as the server writes them."""
    if not path.exists():
        return set(), set()
    with ledger_module.Ledger(path, writes=False) as ledger:
        found = ledger._database.execute(
            "select run_id, beacon_id, end_date || 'T00:00:00Z', state from findings"
        ).fetchall()
    accepted = {row[:3] for row in found if row[3] == "accepted"}
    return accepted, {row[:3] for row in found if row[3] == "sending"}


def noted_of(path, keys):
    """Return those of these keys that are accepted in the ledger."""
    with ledger_module.Ledger(path, writes=False) as ledger:
        (destination,) = ledger.counts()
        own = [ledger_module.Key(run, beacon, date[:10]) for run, beacon, date in keys]
        return [k for k, state in ledger.states(destination, own).items() if state == "accepted"]


class Died(BaseException):
    """Stands for the end of the process; nothing in the code may catch it."""


def dying_ledger(chance, faults_left, counted):
    """A ledger that dies before or after its writes, or whose disk is full."""

    class Dying(ledger_module.Ledger):
        def _update(self, destination, keys, changes, values):
            name = "accepted" if "'accepted'" in changes else "sending"
            fault = chance.random()
            if faults_left() and fault < 0.2:
                if fault < 0.08:
                    counted[f"died before noting {name}"] += 1
                    raise Died
                if fault < 0.12:
                    counted[f"disk full while noting {name}"] += 1
                    raise ledger_module.LedgerError("database or disk is full")
                super()._update(destination, keys, changes, values)
                counted[f"died after noting {name}"] += 1
                raise Died
            super()._update(destination, keys, changes, values)

    return Dying


def test_faults_in_process(tmp_path, monkeypatch, capsys):
    chance = random.Random(11)
    path = tmp_path / "ledger.sqlite"
    counted = collections.Counter()
    names = [name for name in FAULTS if name != "slow"]
    sent_after_noted = []

    def faults_left():
        return sum(counted.values()) < FAULTS_IN_PROCESS

    def fault():
        if not faults_left() or chance.random() > 0.6:
            return None
        # Each slow answer lasts until the client's timeout, so there are only few.
        name = "slow" if chance.random() < 0.03 else chance.choice(names)
        counted[name] += 1
        return name

    def watch(phase, keys):
        # The client waits for the answer, so the ledger does not change meanwhile.
        if phase == "received":
            sent_after_noted.extend(noted_of(path, keys))

    monkeypatch.setattr(pushing, "Ledger", dying_ledger(chance, faults_left, counted))
    with IngestionServer(fault=fault, watch=watch, slow_seconds=0.4) as server:
        settings = settings_for(server, path)
        pushes = 0
        for run in range(ROWS // ROWS_A_PUSH):
            findings = made_findings(ROWS_A_PUSH, run_id=f"run-{run}")
            for _ in range(200):
                pushes += 1
                try:
                    if push(findings, settings).exit_code == 0:
                        break
                except (Died, ledger_module.LedgerError):
                    continue
            else:
                pytest.fail("two hundred pushes did not bring it there")
        time.sleep(0.5)  # for answers that were slow
        expected = {
            key_of(to_row(finding, COLUMNS, ""))
            for run in range(ROWS // ROWS_A_PUSH)
            for finding in made_findings(ROWS_A_PUSH, run_id=f"run-{run}")
        }
        assert set(server.accepted) == expected, "every row arrived"
        assert sent_after_noted == [], "none was sent after its confirmation was noted"
        assert noted(path) == (expected, set()), "the ledger agrees with the server"
        again = collections.Counter(server.confirmed)
        died = counted["died before noting accepted"] + counted["disk full while noting accepted"]
        copies = sum(again.values()) - len(again)
        assert copies <= died * 11, "a confirmed row went twice only if it could not be noted"
        assert sum(counted.values()) >= FAULTS_IN_PROCESS, dict(counted)
    with capsys.disabled():
        print(
            f"\n{sum(counted.values())} faults in {pushes} pushes, {server.requests} requests: "
            f"{len(expected)} rows arrived, {len(server.accepted) - len(expected)} copies without "
            f"a noted confirmation, of them {copies} read but not noted; 0 after it. "
            f"{json.dumps(counted)}"
        )


def push_and_say(findings, settings, done):
    """Push in a process of its own, which is killed."""
    done.put(push(findings, settings).exit_code)


def test_kill_9(tmp_path, monkeypatch, capsys):
    chance = random.Random(7)
    path = tmp_path / "ledger.sqlite"
    # Forked from a server that has everything loaded: a start takes milliseconds.
    context = multiprocessing.get_context("forkserver")
    # Python before 3.13 does not hand sys.path to that server.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PROJECT), str(PROJECT / "tests/enrich")]))
    context.set_forkserver_preload(["test_push_faults", "azure.monitor.ingestion"])
    kills = collections.Counter()
    victim = {}
    sent_after_noted, doubts = [], 0

    def watch(phase, keys):
        if phase == "received":
            sent_after_noted.extend(victim["noted"] & set(keys))
        if victim["phase"] == phase:
            victim["countdown"] -= 1
            if victim["countdown"] == 0:
                os.kill(victim["process"].pid, signal.SIGKILL)
                victim["killed at"] = phase

    expected = set()
    with IngestionServer(watch=watch) as server:
        # A long timeout: on a busy machine a late answer would make copies that no kill explains.
        settings = settings_for(server, path, timeout_seconds=30)
        run = 0
        while sum(kills.values()) < KILLS or run * ROWS_A_PUSH < ROWS:
            run += 1
            findings = made_findings(ROWS_A_PUSH, run_id=f"run-{run}")
            expected |= {key_of(to_row(f, COLUMNS, "")) for f in findings}
            while True:
                more = sum(kills.values()) < KILLS and chance.random() < 0.8
                phase = chance.choice(["received", "accepted", "confirmed", "any time"])
                accepted, in_doubt = noted(path)
                victim.update(
                    {"in doubt": in_doubt},
                    noted=accepted,
                    phase=phase if more else None,
                    countdown=chance.randint(1, 8),
                )
                victim.pop("killed at", None)
                done = context.SimpleQueue()
                process = context.Process(target=push_and_say, args=(findings, settings, done))
                victim["process"] = process
                process.start()
                if victim["phase"] == "any time":
                    process.join(chance.uniform(0, 0.25))
                    process.kill()
                process.join(60)
                if process.exitcode == -signal.SIGKILL:
                    kills[victim.get("killed at", "any time")] += 1
                    in_doubt = noted(path)[1]
                    newly = in_doubt - victim["in doubt"]
                    assert len(newly) <= 11, "only the chunk under way is in doubt"
                    doubts += len(in_doubt)
                else:
                    assert process.exitcode == 0 and done.get() == 0
                    break
        assert set(server.accepted) == expected, "every row arrived"
        assert sent_after_noted == [], "none was sent after its confirmation was noted"
        assert noted(path) == (expected, set()), "the ledger agrees with the server"
        copies = len(server.accepted) - len(expected)
        assert copies <= doubts, "what was sent twice was in doubt"
        assert sum(kills.values()) >= KILLS
    database = sqlite3.connect(path)
    assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    with capsys.disabled():
        print(
            f"\n{sum(kills.values())} kills ({json.dumps(kills)}), {server.requests} requests: "
            f"{len(expected)} rows arrived, {copies} copies of rows in doubt, 0 of noted ones"
        )
