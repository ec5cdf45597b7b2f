"""Bookmarks, made by Azure's client on a resource manager on loopback."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from enrich.push import bookmarks
from enrich.push.run import push
from enrich.push.settings import PushError, PushSettings
from tests.support.findings import made_findings
from tests.support.ingestion_server import RULE, IngestionServer

WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/soc-rg"
    "/providers/Microsoft.OperationalInsights/workspaces/soc-ws"
)


@pytest.fixture
def manager():
    """A resource manager that keeps what is put; `faults` are the answers to give first."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self, status, body=None):
            content = json.dumps(body or {}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self):
            assert self.headers["Authorization"].startswith("Bearer ")
            if server.faults:
                return self.answer(server.faults.pop(0))
            there = self.path in server.kept
            self.answer(200 if there else 404, server.kept.get(self.path))

        def do_PUT(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.puts += 1
            server.kept[self.path] = body
            self.answer(201, body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.kept, server.faults, server.puts = {}, [], 0
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def settings(manager, tmp_path):
    with IngestionServer() as server:
        yield PushSettings(
            endpoint=server.endpoint,
            rule_id=RULE,
            ledger=tmp_path / "ledger.sqlite",
            first_wait_seconds=0.001,
            most_attempts=2,
            bookmarks=2,
            workspace=WORKSPACE,
            management=manager.url,
        )


def test_the_strongest_findings_get_one_bookmark_each_however_often(manager, settings):
    findings = made_findings(1, run_id="hidden", suppressed=True) + made_findings(5)
    result = push(findings, settings)
    assert (result.bookmarks_made, result.bookmarks_failed, result.exit_code) == (2, 0, 0)
    assert "2 bookmarks made" in str(result)
    path = f"{WORKSPACE}/providers/Microsoft.SecurityInsights/bookmarks/"
    assert all(kept.startswith(path) for kept in manager.kept)
    said = [body["properties"] for body in manager.kept.values()]
    assert [s["displayName"] for s in said] == [
        f"{f['source_ip']} beacons to 203.0.113.7 port 443" for f in findings[1:3]
    ]
    assert json.loads(said[0]["queryResult"])["BeaconId"] == findings[1]["beacon_id"]
    assert findings[1]["beacon_id"] in said[0]["query"]
    for body in manager.kept.values():
        body["properties"]["notes"] = "an analyst was here"
    again = push(findings, settings)
    assert (again.bookmarks_made, manager.puts) == (0, 2)
    assert all(b["properties"]["notes"] == "an analyst was here" for b in manager.kept.values())


def test_another_run_of_the_day_makes_none_another_day_does():
    (finding,) = made_findings(1)
    name = bookmarks.name_of(WORKSPACE, finding)
    assert bookmarks.name_of(WORKSPACE.lower(), finding | {"run_id": "run-2"}) == name
    assert bookmarks.name_of(WORKSPACE, finding | {"end_date": "2026-10-01"}) != name


def test_a_beacon_id_cannot_end_the_text_in_the_query():
    (finding,) = made_findings(1, beacon_id='a" or 1 == 1 //\\')
    query = bookmarks.properties_of(finding)["query"]
    assert r'BeaconId == "a\" or 1 == 1 //\\" |' in query


def test_a_refused_bookmark_costs_no_row(manager, settings):
    manager.faults = [403, 403, 403]
    result = push(made_findings(3), settings)
    assert (result.accepted, result.bookmarks_failed, result.exit_code) == (3, 2, 3)
    assert "no bookmark" in str(result) and "Traceback" not in str(result)


def test_a_passing_fault_is_repeated(manager, settings):
    manager.faults = [503]
    assert push(made_findings(1), settings).bookmarks_made == 1


def test_a_dry_run_makes_none(manager, settings):
    push(made_findings(3), settings, dry_run=True)
    assert manager.kept == {}


@pytest.mark.parametrize(
    "change", [{"workspace": "soc-ws"}, {"workspace": ""}, {"management": "http://198.51.100.7"}]
)
def test_impossible_settings_are_named(settings, change):
    (name,) = change
    vars(settings).update(change)
    with pytest.raises(PushError, match=f"push.{name}"):
        push(made_findings(1), settings)
