"""The push, spoken to a server on loopback by the real client of Azure."""

import email.utils
import math
import os
import sqlite3
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from enrich import severity
from enrich.contract import LOOKUP_COLUMNS, all_columns, run_columns
from enrich.push import azure_clients, ledger
from enrich.push.columns import CUT_MARK, table_columns
from enrich.push.run import change_outbox, push, status
from enrich.push.sender import retry_after_seconds
from enrich.push.settings import PushError, PushSettings
from tests.support.findings import a_run, made_findings
from tests.support.ingestion_server import RULE, IngestionServer

PROJECT = Path(__file__).parents[2]
SECRET = "s3cr3t-client-value"


@pytest.fixture
def server():
    with IngestionServer() as server:
        yield server


@pytest.fixture
def settings(server, tmp_path):
    def made(**changes):
        defaults = {
            "endpoint": server.endpoint,
            "rule_id": RULE,
            "ledger": tmp_path / "ledger.sqlite",
            "first_wait_seconds": 0.001,
            "timeout_seconds": 5,
        }
        return PushSettings(**(defaults | changes))

    return made


def in_turn(*faults):
    remaining = list(faults)
    return lambda: remaining.pop(0) if remaining else None


def test_rows_arrive_typed_under_sentinels_names(server, settings):
    (finding,) = made_findings(1, destination_port=None, country="GB", latitude=51.5)
    push([finding], settings())
    (row,) = server.rows
    assert row["BeaconId"] == finding["beacon_id"] and row["RunId"] == finding["run_id"]
    assert row["SourceIP"] == finding["source_ip"] and row["Country"] == "GB"
    assert row["EventCount"] == 1440 and row["BeaconScore"] == 0.954 and row["Suppressed"] is False
    assert row["FirstSeen"] == finding["first_seen"] and row["EndDate"] == "2026-09-30T00:00:00Z"
    assert row["HourlyEventCounts"] == finding["hourly_event_counts"]
    assert row["IntervalHistogram"][0] == {"time_delta": 30, "events": 611}
    assert "DestinationPort" not in row, "null is left out"
    assert (
        abs(datetime.fromisoformat(row["TimeGenerated"][:26] + "+00:00").timestamp() - time.time())
        < 60
    )
    assert set(row) <= {column["name"] for column in table_columns(all_columns())}


def test_a_second_push_sends_nothing(server, settings):
    findings = made_findings(7)
    assert push(findings, settings()).accepted == 7
    requests = server.requests
    again = push(findings, settings())
    assert (again.accepted, again.already_accepted, again.exit_code) == (0, 7, 0)
    assert server.requests == requests


def test_another_run_or_rule_gets_rows_of_its_own(server, settings):
    push(made_findings(3), settings())
    push(made_findings(3, run_id="run-2"), settings())
    other = settings(rule_id="dcr-ffff", most_attempts=1)
    assert push(made_findings(3), other).waiting == 3, "the test server answers 404"
    assert len(server.accepted) == len(set(server.accepted)) == 6


def test_no_findings_is_success_without_a_call(server, settings):
    result = push([], settings())
    assert (result.exit_code, server.requests) == (0, 0)


def test_chunks_stay_under_the_limit_and_carry_all(server, settings):
    findings = made_findings(300, protocol="é" * 15_000)
    result = push(findings, settings())
    assert result.accepted == 300 and len(set(server.accepted)) == 300
    assert server.requests == math.ceil(300 / (900_000 // 33_000))


@pytest.mark.parametrize("faults", [["429"] * 3, ["503"] * 3, ["500"] * 3, ["drop after", "503"]])
def test_a_passing_fault_is_repeated_until_the_rows_arrive(server, settings, faults):
    server.fault = in_turn(*faults)
    result = push(made_findings(2), settings(timeout_seconds=0.3))
    assert (result.accepted, result.retries, result.exit_code) == (2, len(faults), 0)
    assert set(server.confirmed) == set(server.accepted)


LOST = ["drop before", "drop after", "half answer", "slow"]


@pytest.mark.parametrize("fault", LOST)
def test_after_two_lost_answers_in_a_row_a_push_stops_and_the_rows_are_in_doubt(
    server, settings, fault
):
    server.fault = in_turn(fault, "503", fault, fault, fault)
    patient = settings(timeout_seconds=0.3)
    result = push(made_findings(2), patient)
    assert (result.requests, result.waiting, result.in_doubt, result.exit_code) == (4, 2, 2, 1)
    assert "2 answers in a row were lost" in str(result)
    assert "2 of them may have arrived" in str(result)
    (state,) = status(patient)
    assert (state.waiting, state.in_doubt) == (0, 2)
    # An answer about a later attempt does not say whether the first one arrived.
    server.fault = in_turn("403")
    push(made_findings(2), patient)
    (state,) = status(patient)
    assert (state.waiting, state.in_doubt) == (0, 2)
    server.fault = in_turn()
    assert push(made_findings(2), patient).accepted == 2
    (state,) = status(patient)
    assert (state.accepted, state.in_doubt) == (2, 0)


def test_what_was_refused_before_it_was_sent_is_not_in_doubt(settings):
    gone = settings(endpoint="http://127.0.0.1:9", most_attempts=3)
    assert push(made_findings(2), gone).in_doubt == 0
    (state,) = status(gone)
    assert (state.waiting, state.in_doubt) == (2, 0)


def test_retry_after_is_kept_in_both_forms(server, settings):
    server.fault, server.retry_after = in_turn("429"), "1"
    start = time.monotonic()
    push(made_findings(1), settings())
    assert time.monotonic() - start >= 1
    in_a_minute = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert 55 < retry_after_seconds(in_a_minute) <= 60
    for nonsense in ("soon", "", None, "nan", "inf", "-5", "Wed, 99 Foo"):
        assert retry_after_seconds(nonsense) == 0


def test_a_long_retry_after_ends_the_push_and_the_rows_wait(server, settings):
    server.fault, server.retry_after = in_turn("429"), "3600"
    result = push(made_findings(2), settings())
    assert (result.accepted, result.waiting, result.exit_code) == (0, 2, 1)
    assert "come back in 3600 s" in str(result)
    assert push([], settings()).accepted == 2, "the next push empties the outbox"


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        ("401", "push.audience"),
        ("403", "Monitoring Metrics Publisher"),
        ("404", "push.rule_id"),
        ("200", "push.endpoint"),
    ],
)
def test_a_lasting_fault_is_not_repeated_and_says_the_cure(server, settings, code, cure):
    server.fault = in_turn(*[code] * 9)
    result = push(made_findings(2), settings())
    assert (result.accepted, result.waiting, result.requests, result.exit_code) == (0, 2, 1, 1)
    assert cure in str(result) and code in str(result)
    assert "Traceback" not in str(result)


def test_a_part_that_arrives_is_a_partial_success(server, settings):
    server.fault = in_turn(None, "403")
    result = push(made_findings(60), settings(chunk_bytes=60_000))
    assert result.exit_code == 3
    assert result.accepted + result.waiting == 60 and 0 < result.accepted == len(server.accepted)


def test_a_server_that_stays_away_leaves_all_in_the_outbox(settings):
    gone = settings(endpoint="http://127.0.0.1:9", most_attempts=3)
    result = push(made_findings(4), gone)
    assert (result.waiting, result.requests, result.exit_code) == (4, 3, 1)
    assert "no answer" in str(result)
    (state,) = status(gone)
    assert (state.waiting, state.accepted) == (4, 0) and state.oldest_waiting_at
    assert "no answer" in str(state)


def test_a_chunk_that_is_too_large_for_the_service_is_halved(server, settings):
    server.judged_before = server.judged

    def strict(request, body):
        status, rows = server.judged_before(request, body)
        return (413, []) if len(rows) > 3 else (status, rows)

    server.judged = strict
    assert push(made_findings(10), settings()).accepted == 10
    assert len(server.accepted) == 10


def test_the_longest_row_fits_into_a_request(server, settings):
    text = "\x01" * 70_000  # six bytes of JSON a character
    longest = made_findings(
        1,
        **dict.fromkeys(
            [n for n, t in all_columns().items() if t == "string" and not n.endswith("_id")], text
        ),
        time_delta_list=[10**9] * 70_000,
        reasons=[text] * 70,
        hourly_event_counts=[10**9] * 70_000,
        suppressed_by=[text],
        interval_histogram=[{"time_delta": 1, "events": 2}] * 70_000,
        end_date="2026-09-30",
    )
    result = push(longest + made_findings(5, run_id="run-2"), settings())
    assert (result.accepted, result.rejected, result.exit_code) == (6, 0, 0)
    assert server.rows[0]["SourceHostName"].endswith(CUT_MARK)


def test_a_row_of_an_older_ledger_that_is_too_large_is_set_aside(server, settings, monkeypatch):
    monkeypatch.setattr("enrich.push.sender.LARGEST_REQUEST", 4_000)
    huge = made_findings(1, run_id="huge", protocol="x" * 3_000)
    result = push(huge + made_findings(5), settings())
    assert (result.accepted, result.rejected, result.waiting, result.exit_code) == (5, 1, 0, 3)
    assert "the service takes 4000" in str(result)
    later = push([], settings())
    assert later.exit_code == 1 and "the service takes 4000" in str(later), "until it is retried"
    monkeypatch.undo()
    assert change_outbox(settings(), retry_rejected=True) == [
        "1 rows of network_beaconing_anomalies_CL that were set aside are sent again"
    ]
    assert push([], settings()).accepted == 1 and len(server.accepted) == 6


def test_a_413_on_a_small_row_is_no_verdict(server, settings):
    """A proxy on the way may take less than the service."""
    small = settings()
    server.watch = lambda phase, keys: None
    judged = server.judged

    def proxy(request, body):
        status, rows = judged(request, body)
        return (413, []) if any(row["Protocol"] == "x" * 5_000 for row in rows) else (status, rows)

    server.judged = proxy
    large = made_findings(1, run_id="large", protocol="x" * 5_000)
    result = push(made_findings(9) + large, small)
    assert (result.accepted, result.waiting, result.rejected, result.exit_code) == (9, 1, 0, 3)
    assert "look at proxies" in str(result)
    server.judged = judged
    assert push([], small).exit_code == 0 and len(server.accepted) == 10


@pytest.mark.parametrize("bad", [{0}, {37}, {3, 4, 5, 11, 12, 13, 14, 30}, set(range(20, 59))])
def test_a_row_that_the_service_refuses_is_set_aside_and_the_others_arrive(server, settings, bad):
    findings = made_findings(60)
    ids = {findings[number]["beacon_id"] for number in bad}
    server.refuses = lambda rows: any(row["BeaconId"] in ids for row in rows)
    for _ in range(9):  # what was tried least comes first: bad rows block no others for good
        result = push(findings, settings())
        if not result.waiting:
            break
    assert (result.rejected, result.waiting) == (len(bad), 0)
    assert result.exit_code == 3 and len(set(server.accepted)) == 60 - len(bad)
    (state,) = status(settings())
    assert (state.accepted, state.rejected) == (60 - len(bad), len(bad))
    assert any("400" in problem for problem in state.problems)
    assert push(findings, settings()).exit_code == 3, "not forgotten"
    requests = server.requests
    assert push([], settings()).exit_code == 1 and server.requests == requests
    server.refuses = lambda rows: False
    change_outbox(settings(), retry_rejected=True)
    assert push([], settings()).exit_code == 0
    assert len(server.accepted) == len(set(server.accepted)) == 60


def test_where_every_row_is_refused_it_is_not_the_rows(server, settings):
    server.refuses = lambda rows: True
    result = push(made_findings(500), settings())
    assert (result.accepted, result.rejected, result.waiting) == (0, 0, 500)
    assert result.exit_code == 1 and "deploy/sentinel/main.bicep" in str(result)
    assert "the push stops" in str(result) and server.requests < 30
    server.refuses = lambda rows: False
    assert push([], settings()).accepted == 500


def test_a_bad_row_alone_waits_until_another_one_shows_that_it_is_the_row(server, settings):
    server.refuses = lambda rows: any(row["BeaconId"] == "beacon-run-1-0" for row in rows)
    result = push(made_findings(1), settings())
    assert (result.waiting, result.rejected, result.exit_code) == (1, 0, 1)
    result = push(made_findings(2, run_id="run-2"), settings())
    assert (result.accepted, result.waiting, result.rejected, result.exit_code) == (2, 0, 1, 3)
    assert change_outbox(settings(), forget_rejected=True)
    assert push([], settings()).exit_code == 0


def looked_up(findings, **found):
    """The findings as `enrich lookup` leaves them."""
    nothing = dict.fromkeys(LOOKUP_COLUMNS) | {"feed_status": "miss"}
    rows = [finding | nothing | found for finding in findings]
    return [row | severity.columns_of(row) for row in rows]


def test_lookups_that_are_done_after_the_push_reach_sentinel(server, settings):
    findings = made_findings(3)
    push(findings, settings())
    named = looked_up(findings[:1], feed_severity="high", feed_status="ok")
    result = push(named + looked_up(findings[1:]), settings())
    assert (result.accepted, result.already_accepted, result.exit_code) == (3, 0, 0)
    assert [row["KnownBad"] for row in server.rows] == ["not checked"] * 3 + [
        "named",
        "not named",
        "not named",
    ]
    assert server.rows[3]["EffectiveSeverity"] == "critical"
    assert push(named, settings()).accepted == 0, "once"
    assert push(findings, settings()).accepted == 0, "what is not looked up replaces nothing"
    failed = looked_up(findings[1:], whois_status="failed: other words")
    assert push(failed, settings()).accepted == 0, "another failure is no news"


def test_a_row_that_waits_is_sent_with_what_was_found_since(server, settings):
    server.fault = in_turn("403")
    push(made_findings(1), settings())
    named = looked_up(made_findings(1), feed_severity="high", feed_status="ok")
    assert push(named, settings()).accepted == 1
    assert [row["KnownBad"] for row in server.rows] == ["named"]


def test_new_columns_are_said_before_anything_is_sent(server, settings, monkeypatch):
    said = []

    def say(text):
        said.append((text, server.requests))

    push(made_findings(1), settings(), say=say)
    assert said == [], "the first push has nothing to compare with"
    older = {name: kind for name, kind in all_columns().items() if name != "known_bad"}
    monkeypatch.setattr("enrich.push.run.all_columns", lambda: older)
    push(made_findings(1, run_id="run-2"), settings(), say=say)
    assert said == [], "a column that is gone is no matter"
    monkeypatch.undo()
    push([], settings(), say=say)
    assert said == [], "nothing is sent"
    server.fault = in_turn("403")
    for run_id in ("run-3", "run-4", "run-5"):
        push(made_findings(1, run_id=run_id), settings(), say=say)
    # Said until it was sent: while the service refuses, nobody can have lost anything.
    assert [requests for _, requests in said] == [2, 3]
    assert "KnownBad" in said[0][0] and "main.bicep" in said[0][0]


def test_a_ledger_of_the_first_version_is_taken_over(server, settings):
    path = settings().ledger
    database = sqlite3.connect(path)
    database.executescript(ledger.SCHEMA + "pragma user_version = 1;")
    destination = settings().destination_of(settings().table)
    database.executemany(
        "insert into findings values (?, 'run-1', ?, '2026-09-30', ?, ?, 1, 't', null, null)",
        [
            (destination, "beacon-run-1-0", "accepted", None),
            (destination, "beacon-run-1-1", "sending", '{"RunId":"run-1","BeaconId":'
             '"beacon-run-1-1","EndDate":"2026-09-30T00:00:00Z"}'),
        ],
    )  # fmt: skip
    database.commit()
    database.close()
    before = path.read_bytes()
    (state,) = status(settings())
    assert (state.accepted, state.in_doubt) == (1, 1) and path.read_bytes() == before
    said = []
    result = push(made_findings(3), settings(), say=said.append)
    assert (result.accepted, result.already_accepted, result.exit_code) == (2, 1, 0)
    assert len(said) == 1 and "older version" in said[0]


def test_rows_that_wait_for_an_older_rule_are_named_and_can_be_moved(server, settings):
    server.fault = in_turn("403")
    old = settings(rule_id="dcr-old")
    push(made_findings(3), old, run=a_run())
    said = []
    assert push([], settings(), say=said.append).accepted == 0
    assert "push --from-rule dcr-old moves them" in said[0]
    assert change_outbox(settings(), from_rule="dcr-old") == [
        f"4 rows moved from the rule dcr-old to {RULE}"
    ]
    said.clear()
    assert push([], settings(), say=said.append).accepted == 4 and said == []
    assert len(server.accepted) == 3 and len(server.runs) == 1
    with pytest.raises(PushError, match="knows no other rule 'dcr-none'"):
        change_outbox(settings(), from_rule="dcr-none")


def test_the_row_of_a_run_is_sent_once_also_on_a_quiet_night(server, settings):
    result = push([], settings(), run=a_run())
    assert (result.accepted, result.exit_code) == (1, 0)
    (row,) = server.runs
    assert row["FindingCount"] == 0 and row["EndDate"] == "2026-09-30T00:00:00Z"
    assert row["Fates"][0] == {"device_vendor": "Fortinet", "fate": "egress", "line_count": 900}
    assert set(row) <= {column["name"] for column in table_columns(run_columns())}
    assert push([], settings(), run=a_run()).accepted == 0
    assert push([], settings(), run=a_run(run_id="run-2")).accepted == 1


def test_a_table_of_runs_that_is_not_deployed_costs_no_finding(server, settings):
    server.refuses = lambda rows: "LineCount" in rows[0]
    result = push(made_findings(2), settings(), run=a_run())
    assert (result.accepted, result.waiting, result.exit_code) == (2, 1, 3)
    assert "main.bicep" in str(result)


def test_a_service_that_is_away_is_waited_for_once(settings):
    gone = settings(endpoint="http://127.0.0.1:9", most_attempts=3)
    result = push(made_findings(2), gone, run=a_run())
    assert (result.requests, result.waiting) == (3, 3)


def test_a_full_disk_is_said(server, settings, monkeypatch):
    push(made_findings(1), settings())
    connect = ledger.Ledger._connect

    def small(self, path, mode, wait_seconds=5):
        connection = connect(self, path, mode, wait_seconds)
        connection.execute("pragma max_page_count = 8")
        return connection

    monkeypatch.setattr(ledger.Ledger, "_connect", small)
    with pytest.raises(ledger.LedgerError, match="the disk of the ledger .* is full. Free"):
        push(made_findings(200, run_id="run-2"), settings())
    monkeypatch.undo()
    assert push(made_findings(200, run_id="run-2"), settings()).accepted == 200


def test_only_the_owner_reads_the_ledger(server, settings, tmp_path):
    deep = settings(ledger=tmp_path / "a/b/ledger.sqlite")
    server.fault = in_turn("403")
    push(made_findings(1), deep)
    for path in [*deep.ledger.parent.iterdir()]:
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert deep.ledger.parent.stat().st_mode & 0o777 == 0o700
    deep.ledger.chmod(0o644)
    push([], deep)
    assert deep.ledger.stat().st_mode & 0o777 == 0o600, "one that others could read, too"


def test_two_pushes_at_once_are_one_too_many(server, settings):
    with (
        ledger.Ledger(settings().ledger),
        pytest.raises(ledger.LedgerError, match="another push is at work"),
    ):
        push(made_findings(1), settings())
    assert server.requests == 0


def test_dry_run_sends_and_writes_nothing(server, settings, tmp_path):
    result = push(made_findings(3), settings(), dry_run=True)
    assert (result.waiting, result.exit_code, server.requests) == (3, 0, 0)
    assert "3 of 3 findings would be sent" in str(result)
    assert list(tmp_path.iterdir()) == []
    push(made_findings(2), settings())
    result = push(made_findings(3), settings(), dry_run=True)
    assert (result.waiting, result.already_accepted, len(server.accepted)) == (1, 2, 2)
    server.fault = in_turn("403")
    push(made_findings(4, run_id="earlier"), settings(), run=a_run())
    result = push(made_findings(3), settings(), dry_run=True)
    assert (result.waiting, result.outbox) == (1, 4)
    assert "1 of 3 findings would be sent and 4 rows that wait in the outbox" in str(result)
    result = push(looked_up(made_findings(3)), settings(), dry_run=True)
    assert (result.waiting, result.already_accepted) == (3, 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"endpoint": ""}, "push.endpoint"),
        ({"endpoint": "http://198.51.100.7"}, "https://"),
        ({"endpoint": "http://127.0.0.1@198.51.100.7"}, "https://"),
        ({"rule_id": "/subscriptions/1/dcr"}, "immutable id"),
        ({"table": "beacons"}, "_CL"),
    ],
)
def test_impossible_settings_are_named(settings, change, words):
    with pytest.raises(PushError, match=words):
        push(made_findings(1), settings(**change))


def test_findings_without_identity_or_twice_stop_the_push(server, settings):
    with pytest.raises(PushError, match="beacon_id"):
        push(made_findings(1, beacon_id=None), settings())
    with pytest.raises(PushError, match="twice"):
        push(made_findings(1) * 2, settings())
    assert server.requests == 0


def test_a_broken_or_newer_ledger_is_an_error_that_names_it(settings):
    path = settings().ledger
    path.write_bytes(b"no database at all, but long enough to be looked at" * 40)
    with pytest.raises(ledger.LedgerError, match=r"ledger\.sqlite cannot be used"):
        push(made_findings(1), settings())
    path.unlink()
    database = sqlite3.connect(path)
    database.execute("pragma user_version = 9")
    database.close()
    with pytest.raises(ledger.LedgerError, match="version 9"):
        push(made_findings(1), settings())
    with pytest.raises(ledger.LedgerError, match="version 9"):
        status(settings())


def test_what_a_killed_push_left_half_done_is_undone_by_whoever_looks(server, settings):
    push(made_findings(300), settings())
    # A small cache, so that changes reach the file before they are committed.
    code = (
        "import os, sys; from pathlib import Path; from enrich.push.ledger import Ledger;"
        "database = Ledger(Path(sys.argv[1]))._database; database.execute('pragma cache_size = 1');"
        "database.execute('begin immediate'); database.execute('update findings set error = 1');"
        "database.execute('delete from findings'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, settings().ledger], cwd=PROJECT)
    assert done.returncode == -9
    assert settings().ledger.with_name("ledger.sqlite-journal").stat().st_size > 0
    (state,) = status(settings())
    assert (state.accepted, state.waiting, state.problems) == (300, 0, [])


def test_an_empty_ledger_is_one_that_was_just_begun(server, settings):
    settings().ledger.touch()
    assert status(settings()) == []
    assert push(made_findings(2), settings(), dry_run=True).waiting == 2
    assert settings().ledger.stat().st_size == 0, "looking writes nothing"
    assert push(made_findings(2), settings()).accepted == 2


def test_secrets_reach_neither_output_nor_ledger(server, settings, monkeypatch, tmp_path):
    monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
    token = "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"
    server.error_text = f"got {SECRET} and Bearer {token} and {token} and sig=abc123&x\x1b[31m"
    server.fault = in_turn("400")
    result = push(made_findings(1), settings())
    shown = str(result) + "".join(map(str, status(settings())))
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert "400" in shown and "\x1b" not in shown
    for secret in (SECRET, token, token.split(".")[0], "abc123", "loopback"):
        assert secret not in shown and secret.encode() not in written


def test_without_a_login_the_rows_wait_and_the_message_says_how_to_log_in(
    server, settings, monkeypatch
):
    from azure.core.exceptions import ClientAuthenticationError

    def no_token(*_, **__):
        raise ClientAuthenticationError(message="DefaultAzureCredential failed\n" + "tried " * 900)

    monkeypatch.setattr(azure_clients.NoLogin, "get_token", no_token)
    result = push(made_findings(2), settings())
    assert (result.waiting, result.requests, result.exit_code) == (2, 1, 1)
    assert "az login" in str(result) and len(str(result)) < 800
    assert server.requests == 0


def test_accepted_rows_leave_no_text_in_the_ledger_but_their_keys(server, settings):
    push(made_findings(3, protocol="look-for-me"), settings())
    database = sqlite3.connect(settings().ledger)
    assert database.execute("select count(*), count(body) from findings").fetchone() == (3, 0)


def test_status_of_nothing_and_of_a_finished_push(server, settings):
    assert status(settings()) == []
    push(made_findings(3), settings())
    (state,) = status(settings())
    assert (state.accepted, state.waiting, state.in_doubt, state.rejected) == (3, 0, 0, 0)
    assert server.endpoint in str(state) and state.last_accepted_at


def test_progress_counts_to_the_end(server, settings):
    calls = []
    push(made_findings(60), settings(chunk_bytes=60_000), lambda *call: calls.append(call))
    assert calls[-1] == (60, 60) and calls == sorted(calls) and len(calls) == server.requests > 1


def test_the_push_starts_fast():
    """A process that is killed and started often must not load what it does not need."""
    code = (
        "import sys; from enrich.push import run, settings; run.status(settings.PushSettings());"
        "print([m for m in ('msticpy', 'pandas', 'bokeh', 'numpy', 'azure.identity', 'requests')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.stdout.strip() == "[]"
