"""`python -m enrich push` as a person calls it, against the server on loopback."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.findings import made_findings
from tests.support.ingestion_server import RULE, IngestionServer

PROJECT = Path(__file__).parents[2]
SECRET = "s3cr3t-client-value"


@pytest.fixture
def server():
    with IngestionServer() as server:
        yield server


@pytest.fixture
def export(tmp_path):
    folder = tmp_path / "export" / "network_beaconing_anomalies"
    folder.mkdir(parents=True)
    lines = "".join(json.dumps(finding) + "\n" for finding in made_findings(40))
    (folder / "part-00000.json").write_text(lines)
    (folder / "_SUCCESS").touch()
    return tmp_path / "export"


@pytest.fixture
def start(server, export, tmp_path):
    """Start the command, with further environment variables."""

    def started(*arguments, **environment):
        return subprocess.Popen(
            [sys.executable, "-m", "enrich", *arguments, str(export)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=PROJECT,
            env={
                "PATH": os.environ["PATH"],
                "AZURE_CLIENT_SECRET": SECRET,
                "ENRICH_PUSH_ENDPOINT": server.endpoint,
                "ENRICH_PUSH_RULE_ID": RULE,
                "ENRICH_PUSH_LEDGER": str(tmp_path / "ledger.sqlite"),
                "ENRICH_PUSH_FIRST_WAIT_SECONDS": "0.001",
                "ENRICH_PUSH_CHUNK_BYTES": "27000",
            } | environment,
        )  # fmt: skip

    return started


def test_push_status_and_exit_codes(server, start, tmp_path):
    def run(*arguments, **environment):
        process = start(*arguments, **environment)
        shown = process.communicate(timeout=60)[0]
        assert "Traceback" not in shown and SECRET not in shown
        return process.returncode, shown

    code, shown = run("push", "--dry-run")
    assert code == 0
    assert shown.endswith("Push: 40 of 40 findings would be sent, 0 were there already\n")
    assert f"Ledger: {tmp_path}/ledger.sqlite" in shown and "Settings: " in shown
    assert f"Push to {server.endpoint} {RULE} " in shown
    answers = [None, "403"]
    server.fault = lambda: answers.pop(0) if answers else None
    server.error_text = f"no right, {SECRET}"
    code, shown = run("push")
    assert code == 3 and "Monitoring Metrics Publisher" in shown and "wait in the outbox" in shown
    code, shown = run("status")
    assert code == 0 and "waiting 3" in shown and "403" in shown
    code, shown = run("push")
    assert code == 0 and len(server.accepted) == len(set(server.accepted)) == 40
    server.fault = lambda: "403"
    code, shown = run("push")
    assert code == 0 and "0 rows accepted, 40 were there already" in shown
    code, shown = run("push", ENRICH_PUSH_TABLE="other_CL")
    assert code == 1 and "0 rows accepted" in shown
    code, shown = run("push", ENRICH_PUSH_ENDPOINT="http://198.51.100.7")
    assert code == 2 and "https://" in shown
    assert SECRET.encode() not in (tmp_path / "ledger.sqlite").read_bytes()


@pytest.mark.parametrize("phase", ["received", "accepted", "confirmed"])
def test_killed_and_run_again_every_row_arrives(server, start, phase):
    process, seen = None, []

    def watch(now, keys):
        seen.append(now)
        if now == phase and seen.count(phase) == 2:
            os.kill(process.pid, signal.SIGKILL)

    server.watch = watch
    process = start("push")
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    server.watch = lambda *_: None
    process = start("push")
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert len(set(server.accepted)) == 40
    assert len(server.accepted) - 40 <= 11, "no more than the request under way went twice"


def test_a_truncated_export_pushes_nothing(server, start, export):
    file = export / "network_beaconing_anomalies" / "part-00000.json"
    file.write_text(file.read_text()[:-50])
    process = start("push")
    shown = process.communicate(timeout=60)[0]
    assert process.returncode == 1 and "part-00000.json, line 40" in shown
    assert server.requests == 0


def test_no_findings_are_pushed_with_success(server, start, export):
    (export / "network_beaconing_anomalies" / "part-00000.json").write_text("")
    process = start("push")
    process.communicate(timeout=60)
    assert (process.returncode, server.requests) == (0, 0)
