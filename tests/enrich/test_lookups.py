"""Lookups: each address once, nothing private leaves, and what fails costs only itself."""

import sqlite3
import sys
import threading
import time

import pytest

from enrich import severity, sources
from enrich.contract import LOOKUP_COLUMNS, all_columns, check, contract
from enrich.lookups import location
from enrich.lookups.addresses import is_public, public_addresses
from enrich.lookups.ask import GIVE_UP_AFTER, Pace
from enrich.lookups.cache import Cache
from enrich.lookups.kind import Answer, Lookup, Refused, Unavailable, off
from enrich.lookups.registry import KINDS, make
from enrich.lookups.run import enrich
from enrich.lookups.threat_intelligence import KIND as THREAT_INTELLIGENCE
from enrich.words import LONGEST_REASON, reason_of
from tests.support.findings import to
from tests.support.geoip import write_database

TO = [f"198.51.100.{n}" for n in range(1, 9)]


def remote(ask, **options) -> Lookup:
    options = {"per_second": 1e6, "retries": 0, "timeout_seconds": 5} | options
    return Lookup("whois", ask, remote=True, **options)


class Recorder:
    """An `ask` function that records what it was asked."""

    def __init__(self, answer=lambda address: {"whois_asn": "64496"}):
        self.asked, self.answer = [], answer

    def __call__(self, address):
        self.asked.append(address)
        return self.answer(address)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("192.0.2.1", True),
        ("198.19.255.255", True),
        ("2001:db8::1", True),
        ("10.0.0.1", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("fd00::1", False),
        ("fe80::1", False),
        ("ff02::1", False),
        ("::", False),
    ],
)
def test_public_is_what_belongs_to_somebody_outside(address, public):
    assert is_public(address) is public


def test_every_public_destination_is_asked_once_in_its_usual_spelling():
    ask = Recorder()
    findings = to(
        "198.51.100.1", "198.51.100.1 ", "::ffff:198.51.100.1", "198.51.100.2", "10.0.0.1"
    )
    rows, _ = enrich(findings, [remote(ask)], Cache(None))
    assert ask.asked == ["198.51.100.1", "198.51.100.2"]
    assert [row["whois_status"] for row in rows[:4]] == ["ok"] * 4
    assert [row["destination_ip"] for row in rows] == [f["destination_ip"] for f in findings]


def test_private_malformed_and_ipv6_addresses_are_never_sent_and_say_why():
    ask = Recorder()
    hostile = [
        "10.0.0.1",
        "fe80::1%eth0",
        "127.0.0.1",
        "",
        "not an address",
        "1.2.3",
        "2001:db8::1",
    ]
    rows, outcomes = enrich(to(*hostile), [remote(ask)], Cache(None))
    assert ask.asked == [] and outcomes[0].asked == 0
    statuses = dict(zip(hostile, (row["whois_status"] for row in rows)))
    assert statuses["10.0.0.1"] == statuses["127.0.0.1"] == "skipped: not a public address"
    assert statuses[""] == statuses["not an address"] == "skipped: not an address"
    assert statuses["2001:db8::1"] == "skipped: IPv6 addresses are not sent to providers"
    assert all(row["whois_status"].startswith("skipped") for row in rows)


def test_every_row_has_every_column_of_its_type_whatever_happened(tmp_path):
    file = write_database(tmp_path / "c.mmdb", "City", ["198.51.100.0/24"])
    settings = location.Settings(database=file)
    lookups = [*make(location.KIND, settings), off("asn", "off"), remote(Recorder())]
    rows, _ = enrich(to("198.51.100.1", "203.0.113.1", "10.0.0.1"), lookups, Cache(None))
    for row in rows:
        check(row, "row", all_columns())
        assert list(row)[-len(LOOKUP_COLUMNS) :] == list(LOOKUP_COLUMNS)


def test_one_that_is_down_costs_its_own_columns_and_nothing_else():
    def broken(address):
        raise ConnectionResetError("connection lost")

    other = Lookup("asn", lambda address: {"asn": 64496})
    rows, outcomes = enrich(to(*TO), [remote(broken), other], Cache(None))
    assert {row["asn"] for row in rows} == {64496}
    assert rows[0]["whois_status"] == "failed: ConnectionResetError: connection lost"
    assert [outcome.partial for outcome in outcomes] == [True, False]


def test_a_lookup_that_keeps_failing_is_left_alone():
    def broken(address):
        raise OSError("no route")

    ask = Recorder(broken)
    rows, outcomes = enrich(to(*TO), [remote(ask)], Cache(None))
    assert len(ask.asked) == GIVE_UP_AFTER == outcomes[0].asked
    assert "not asked after 5 failures in a row" in rows[-1]["whois_status"]
    assert all(row["whois_status"].startswith("failed: OSError: no route") for row in rows)


def test_failures_that_are_not_in_a_row_stop_nothing():
    def every_other(address):
        if address in TO[::2]:
            raise OSError("now and then")
        return None

    ask = Recorder(every_other)
    _, outcomes = enrich(to(*TO), [remote(ask)], Cache(None))
    assert ask.asked == TO and outcomes[0].counts == {"failed": 4, "miss": 4}


def test_a_failure_is_tried_again_and_a_refusal_is_not():
    tries = []

    def third_time(address):
        tries.append(address)
        if address == TO[1]:
            raise Refused("not in my country")
        if len(tries) < 3:
            raise OSError("busy")
        return {"whois_asn": "64496"}

    lookup = remote(third_time, retries=2, timeout_seconds=0.2)
    rows, _ = enrich(to(*TO[:2]), [lookup], Cache(None))
    assert tries == [TO[0]] * 3 + [TO[1]]
    assert [row["whois_status"] for row in rows] == ["ok", "skipped: not in my country"]


def test_an_answer_that_never_comes_is_not_waited_for():
    forever = threading.Event()
    start = time.monotonic()
    lookup = remote(lambda address: forever.wait(), timeout_seconds=0.05)
    rows, _ = enrich(to(*TO[:3]), [lookup], Cache(None))
    forever.set()
    assert time.monotonic() - start < 3
    assert rows[2]["whois_status"] == "failed: TimeoutError: no answer within 0.05 s"


def test_questions_keep_their_distance():
    pace, start = Pace(50), time.monotonic()
    for _ in range(6):
        pace.wait()
    pace.wait(5)
    pace.wait()
    assert 0.2 <= time.monotonic() - start < 1.5


def test_answers_are_kept_for_their_lifetime_and_failures_are_not(tmp_path):
    def answer(address):
        if address == TO[2]:
            raise OSError("down")
        return {"whois_asn": "64496"} if address == TO[0] else None

    def again(lifetime_days=1.0, file="c.sqlite"):
        ask, cache = Recorder(answer), Cache(tmp_path / "cache" / file)
        lookup = remote(ask, lifetime_days=lifetime_days)
        rows, _ = enrich(to(*TO[:3]), [lookup], cache)
        cache.close()
        return ask.asked, [row["whois_status"][:6] for row in rows], rows[0]["whois_asn"]

    assert again() == (TO[:3], ["ok", "miss", "failed"], "64496")
    assert again() == ([TO[2]], ["ok", "miss", "failed"], "64496")
    assert again(file="other.sqlite", lifetime_days=0)[0] == TO[:3]
    assert again(file="other.sqlite")[0] == TO[:3]
    assert (tmp_path / "cache" / "c.sqlite").stat().st_mode & 0o077 == 0


def test_a_file_that_is_no_cache_is_told_with_the_cure_and_not_overwritten(tmp_path):
    file = tmp_path / "cache.sqlite"
    file.write_text("notes of mine, long enough to be no SQLite file at all " * 20)
    with pytest.raises(Unavailable, match=r"cache\.sqlite cannot be used .*Delete it"):
        Cache(file)
    assert file.read_text().startswith("notes of mine")


@pytest.mark.parametrize("lifetime_days", [1, 0])
def test_bulk_answers_are_used_and_what_they_leave_out_is_asked_alone(lifetime_days):
    calls = []

    def ask_many(addresses):
        calls.append(addresses)
        return {address: None for address in addresses if address != TO[1]}

    ask = Recorder()
    # Also if the cache keeps nothing.
    lookup = remote(ask, ask_many=ask_many, batch=3, lifetime_days=lifetime_days)
    rows, outcomes = enrich(to(*TO[:4], "2001:db8::1"), [lookup], Cache(None))
    assert calls == [TO[:3], TO[3:4]] and ask.asked == [TO[1]]
    assert [row["whois_status"] for row in rows[:4]] == ["miss", "ok", "miss", "miss"]


def test_a_bulk_call_that_fails_loses_no_address():
    def ask_many(addresses):
        raise ConnectionError("one of them")

    ask = Recorder()
    enrich(to(*TO), [remote(ask, ask_many=ask_many, batch=4)], Cache(None))
    assert ask.asked == TO


def test_providers_of_threat_intelligence_share_columns_without_losing_each_other():
    hit = Answer("ok", {"ti_severity": "warning", "ti_matches": ["A: warning"]})
    worse = Answer("ok", {"ti_severity": "high", "ti_matches": ["B: high"]})
    merge = THREAT_INTELLIGENCE.merge
    merged = merge({"A": hit, "B": worse, "C": Answer("miss")})
    assert merged == Answer("ok", {"ti_severity": "high", "ti_matches": ["A: warning", "B: high"]})
    one_down = merge({"A": hit, "B": Answer("failed: no route")})
    assert one_down == Answer("failed: B failed: no route", hit.values)
    assert merge({"A": Answer("miss"), "B": Answer("skipped: no key")}).status == "miss"
    assert merge({"A": Answer("skipped: no key")}).status == "skipped: A skipped: no key"


def test_reasons_hold_no_secret(monkeypatch):
    monkeypatch.setenv("VT_API_KEY", "s3cret-of-mine")
    error = ValueError(
        "GET https://bob:hunter22@ti.example/v1?apikey=abc123&x=1 with s3cret-of-mine, other99\n"
        "Authorization: Bearer t0ken, eyJhbGciOi.eyJzdWIi.c2ln, sig=s1gned \x1b[2J\u202eend"
    )
    reason = reason_of(error, ["other99"])
    hidden = ("hunter22", "abc123", "s3cret", "other99", "t0ken", "eyJ", "s1gned")
    assert not any(word in reason for word in (*hidden, "\n", "\x1b", "\u202e"))
    assert "ti.example/v1" in reason and reason.endswith("end")
    assert len(reason_of(ValueError("x" * 999))) == LONGEST_REASON


# --- The registry -----------------------------------------------------------------------


def test_every_lookup_has_columns_of_its_own():
    names = [name for kind in KINDS for name in (*kind.columns, kind.status_column)]
    assert len(set(names)) == len(names) and not set(names) & contract().keys()
    assert list(LOOKUP_COLUMNS) == [*names, *sources.COLUMNS, *severity.COLUMNS]
    assert len({kind.name for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_lookup_is_off_by_default_and_says_so(kind):
    (lookup,) = make(kind, kind.settings())
    assert lookup.unavailable and not lookup.wanted and lookup.name == kind.name
    assert kind.settings().intention() == ""


@pytest.mark.parametrize("name", ["whois", "ti"])
def test_without_msticpy_its_lookups_name_the_extra(monkeypatch, name):
    for module in [m for m in sys.modules if m.partition(".")[0] == "msticpy"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "msticpy", None)
    (kind,) = (kind for kind in KINDS if kind.name == name)
    lookups = make(kind, kind.settings(enabled=True))
    rows, outcomes = enrich(to(TO[0]), lookups, Cache(None))
    assert "extra enrich-msticpy: pip install" in rows[0][f"{name}_status"]
    assert outcomes[0].partial


def test_public_addresses_keep_their_order():
    assert public_addresses(to(TO[3], TO[1], TO[3])) == [TO[3], TO[1]]


def test_two_processes_may_use_one_cache(tmp_path):
    one, two = Cache(tmp_path / "c.sqlite"), Cache(tmp_path / "c.sqlite")
    for number in range(50):
        one.put("whois", f"a{number}", Answer("miss"), 1)
        two.put("whois", f"b{number}", Answer("miss"), 1)
    rows = sqlite3.connect(tmp_path / "c.sqlite").execute("select count(*) from answers")
    assert rows.fetchone()[0] == 100
