"""Lookups: what is known of each destination, asked once per public address, failing soft.

A lookup is a name, the columns that it fills and a way to ask for one address. What it cannot say
stands in its `_status` column; it never costs another lookup's columns, or a finding.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from enrich.contract import LOOKUP_COLUMNS
from enrich.words import reason_of

# Public in this project although nobody has them: samples and tests use only these.
SAMPLE_NETWORKS = [
    ipaddress.ip_network(network)
    for network in (
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "198.18.0.0/15",
        "2001:db8::/32",
    )
]
GIVE_UP_AFTER = 5  # addresses in a row that failed: the provider is down

Progress = Callable[[int, int], None]


class Unavailable(Exception):
    """A lookup cannot be asked at all; the message says why."""


class Refused(Exception):
    """A provider does not take such an address; the message says why."""


@dataclass(frozen=True)
class Answer:
    """What a lookup says of one address: a status, and values where the status is ok."""

    status: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class Lookup:
    """One way to learn something of an address.

    Parameters
    ----------
    name
        Its `_status` column is this with ``_status``; the cache and messages use it.
    ask
        Returns the values of an address by column, or None for a miss. Any exception is a failure
        of this address; `Refused` skips it.
    columns
        The columns that it fills.
    remote
        Whether the address leaves this machine. Only then are answers cached, retried and limited
        in rate and time, and only IPv4 addresses are asked.
    unavailable
        Why it cannot be asked at all; empty if it can.
    wanted
        Whether the user asked for it: then being unavailable makes the run partial.
    note
        What to say beside the counts, such as what its source holds that cannot be used.
    lifetime_days
        How long an answer is kept.
    timeout_seconds
        How long one question may take.
    per_second
        Questions a second at most.
    retries
        Further tries after a failure.
    ask_many
        Answers several addresses in one call, by address, None for a miss; those that it leaves
        out, and all of them if it raises, are then asked one by one.
    batch
        Addresses in such a call.
    """

    name: str
    ask: Callable[[str], dict[str, Any] | None]
    columns: tuple[str, ...]
    remote: bool = False
    unavailable: str = ""
    wanted: bool = False
    note: str = ""
    lifetime_days: float = 1
    timeout_seconds: float = 20
    per_second: float = 2
    retries: int = 2
    ask_many: Callable[[list[str]], dict[str, dict[str, Any] | None]] | None = None
    batch: int = 1


@dataclass
class Outcome:
    """How often a lookup gave which status, and what it was asked."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    reason: str = ""
    partial: bool = False


def off(name: str, columns: tuple[str, ...], reason: str, wanted: bool = False) -> Lookup:
    """Make a lookup that only says why it is not asked."""
    return Lookup(name, lambda address: None, columns, unavailable=reason, wanted=wanted)


def usual_spelling(address: object) -> str | None:
    """Write an address in its usual spelling.

    Parameters
    ----------
    address
        As logged.

    Returns
    -------
    str or None
        IPv6 short, an IPv4-mapped address as IPv4; None for what is no address.
    """
    try:
        parsed = ipaddress.ip_address(str(address).strip())
    except ValueError:
        return None
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def is_public(address: str) -> bool:
    """Tell whether an address, in its usual spelling, belongs to somebody outside."""
    parsed = ipaddress.ip_address(address)
    if any(parsed.version == network.version and parsed in network for network in SAMPLE_NETWORKS):
        return True
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def public_addresses(findings: Iterable[dict[str, Any]]) -> list[str]:
    """List the public destinations, each once, in order of appearance."""
    spelled = (usual_spelling(finding["destination_ip"]) for finding in findings)
    return list(dict.fromkeys(a for a in spelled if a is not None and is_public(a)))


class Cache:
    """Answers of remote lookups on disk, each kept for as long as its kind says.

    SQLite, because it is in Python, survives a kill and holds plain JSON: a cache that unpickles
    would run whatever somebody wrote into it.
    """

    def __init__(self, path: Path | None) -> None:
        """Open or make the file; None keeps answers in memory only.

        Parameters
        ----------
        path
            Readable by its owner only, because it says what is hunted.

        Raises
        ------
        Unavailable
            If the file is no cache or cannot be made.
        """
        try:
            if path:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self.db = sqlite3.connect(path or ":memory:", timeout=10, isolation_level=None)
            self.db.execute("pragma journal_mode = wal")
            self.db.execute(
                "create table if not exists answers "
                "(kind text, address text, expires real, status text, answer text, "
                "primary key (kind, address)) without rowid"
            )
            self.db.execute("delete from answers where expires < ?", (time.time(),))
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(f"the cache {path} cannot be used ({error}). Delete it.") from None

    def get(self, kind: str, address: str) -> Answer | None:
        """Return the answer of this kind for an address, None if there is none that still holds."""
        query = "select status, answer from answers where kind = ? and address = ? and expires >= ?"
        try:
            row = self.db.execute(query, (kind, address, time.time())).fetchone()
            return Answer(row[0], json.loads(row[1])) if row else None
        except (sqlite3.Error, ValueError):  # a cache that breaks costs questions, not answers
            return None

    def put(self, kind: str, address: str, answer: Answer, lifetime_days: float) -> None:
        """Keep an answer. Failures are never kept: the next run asks again."""
        if answer.status not in ("ok", "miss"):
            return
        expires = time.time() + lifetime_days * 86400
        row = (kind, address, expires, answer.status, json.dumps(answer.values))
        with contextlib.suppress(sqlite3.Error):  # such as a full disk: the answer is not lost
            self.db.execute("insert or replace into answers values (?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        """Close the file."""
        self.db.close()


def within(seconds: float, call: Callable[[], Any]) -> Any:  # noqa: ANN401 (any call's result)
    """Call something that may never return, and stop waiting in time.

    Parameters
    ----------
    seconds
        How long to wait.
    call
        What to call. Sockets of msticpy's whois have no time limit of their own.

    Returns
    -------
    Any
        What the call returned.

    Raises
    ------
    TimeoutError
        If it had not after so many seconds. It is left behind, in a thread that ends with us.
    """
    result: list[Any] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            result.append(call())
        except BaseException as error:  # it belongs to the caller
            failure.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:g} s")
    if failure:
        raise failure[0]
    return result[0]


class Pace:
    """Keeps questions apart, so that no more than so many are asked a second."""

    def __init__(self, per_second: float) -> None:
        """Begin; the first question need not wait."""
        self.gap = 1 / per_second
        self.next = 0.0

    def wait(self, questions: int = 1) -> None:
        """Sleep until so many questions may be asked."""
        time.sleep(max(0.0, self.next - time.monotonic()))
        self.next = time.monotonic() + self.gap * questions


def ask_remote(lookup: Lookup, address: str, pace: Pace) -> Answer:
    """Ask a remote lookup, with its limits of rate, time and tries.

    Parameters
    ----------
    lookup
        Whom to ask.
    address
        A public IPv4 address.
    pace
        Shared by all questions to this lookup.

    Returns
    -------
    Answer
        Failed, with the reason, if the last try failed.
    """
    for attempt in range(lookup.retries + 1):
        if attempt:
            # Full jitter: many clients that failed together must not come back together.
            time.sleep(random.uniform(0, min(30, 2**attempt)) * min(1, lookup.timeout_seconds))
        pace.wait()
        try:
            values = within(lookup.timeout_seconds, lambda: lookup.ask(address))
        except Refused as error:
            return Answer(f"skipped: {reason_of(error).removeprefix('Refused: ')}")
        except Exception as error:  # whatever a provider throws is its own loss
            failure = Answer(f"failed: {reason_of(error)}")
        else:
            return Answer("miss") if values is None else Answer("ok", values)
    return failure


def ask_in_bulk(lookup: Lookup, addresses: list[str], pace: Pace) -> dict[str, Answer]:
    """Ask a remote lookup for several addresses in one call.

    Parameters
    ----------
    lookup
        Whom to ask; it has `ask_many`.
    addresses
        Public IPv4 addresses, at most `batch` of them.
    pace
        Shared by all questions to this lookup.

    Returns
    -------
    dict of Answer
        By address, only those that were answered.
    """
    pace.wait(len(addresses))
    try:
        limit = lookup.timeout_seconds * len(addresses)
        found = within(limit, lambda: lookup.ask_many(addresses))
    except Exception:  # one bad address may fail the call: each is asked alone
        return {}
    return {
        address: Answer("miss") if found[address] is None else Answer("ok", found[address])
        for address in addresses
        if address in found
    }


def answers_of(
    lookup: Lookup, addresses: list[str], cache: Cache, progress: Progress
) -> tuple[dict[str, Answer], Outcome]:
    """Ask one lookup for every address, once each.

    Parameters
    ----------
    lookup
        Whom to ask.
    addresses
        Public, each once, in their usual spelling.
    cache
        Where remote answers are kept.
    progress
        Called with addresses done and their number.

    Returns
    -------
    tuple of dict and Outcome
        An answer for every address, and the counts.
    """
    outcome = Outcome(lookup.name)
    if lookup.unavailable:
        outcome.reason = lookup.unavailable
        outcome.partial = lookup.wanted
        answer = Answer(f"skipped: {lookup.unavailable}")
        outcome.counts["skipped"] = len(addresses)
        return dict.fromkeys(addresses, answer), outcome

    answers: dict[str, Answer] = {}
    bulk: dict[str, Answer] = {}
    pace = Pace(lookup.per_second)
    failures_in_a_row, last = 0, ""
    if lookup.ask_many and lookup.batch > 1:
        unknown = [a for a in addresses if ":" not in a and not cache.get(lookup.name, a)]
        for start in range(0, len(unknown), lookup.batch):
            several = unknown[start : start + lookup.batch]
            outcome.asked += len(several)
            found = ask_in_bulk(lookup, several, pace)
            for address, answer in found.items():
                cache.put(lookup.name, address, answer, lookup.lifetime_days)
            bulk |= found
            progress(start + len(several), len(addresses))
            if not found:
                break  # whether one address or the provider is to blame, asking singly tells
    for number, address in enumerate(addresses, start=1):
        if lookup.remote:
            answer = bulk.get(address) or cache.get(lookup.name, address)
            if answer is None and ":" in address:
                answer = Answer("skipped: IPv6 addresses are not sent to providers")
            if answer is None and failures_in_a_row >= GIVE_UP_AFTER:
                answer = Answer(f"{last}; not asked after {GIVE_UP_AFTER} failures in a row")
            if answer is None:
                outcome.asked += 1
                answer = ask_remote(lookup, address, pace)
                cache.put(lookup.name, address, answer, lookup.lifetime_days)
                if answer.status.startswith("failed"):
                    failures_in_a_row, last = failures_in_a_row + 1, answer.status
                else:
                    failures_in_a_row = 0
        else:
            outcome.asked += 1
            try:
                values = lookup.ask(address)
                answer = Answer("miss") if values is None else Answer("ok", values)
            except Exception as error:  # such as a database that is broken in the middle
                answer = Answer(f"failed: {reason_of(error)}")
        answers[address] = answer
        status, _, why = answer.status.partition(": ")
        outcome.counts[status] += 1
        if status == "failed":
            outcome.partial = True
            outcome.reason = outcome.reason or why
        progress(number, len(addresses))
    outcome.reason = outcome.reason or lookup.note
    return answers, outcome


TI_SEVERITIES = ("critical", "high", "warning", "medium", "low", "information", "unknown")


def merge(answers: dict[str, Answer]) -> Answer:
    """Make one answer of what several threat intelligence providers said of an address.

    Parameters
    ----------
    answers
        By name of the provider.

    Returns
    -------
    Answer
        The highest severity and all matches. One that failed is named in the status, and costs
        nothing of what the others said.
    """
    hits = {name: answer for name, answer in answers.items() if answer.status == "ok"}
    bad = [
        f"{name} {answer.status}"
        for name, answer in answers.items()
        if answer.status not in ("ok", "miss")
    ]
    matches = [match for answer in hits.values() for match in answer.values["ti_matches"]]
    severities = [answer.values["ti_severity"] for answer in hits.values()]
    severity = min(severities, key=severity_order, default=None)
    values = {"ti_severity": severity, "ti_matches": matches} if hits else {}
    if not bad:
        return Answer("ok" if hits else "miss", values)
    failed = any(answer.status.startswith("failed") for answer in answers.values())
    if not failed and len(bad) < len(answers):
        return Answer("ok" if hits else "miss", values)
    return Answer(("failed: " if failed else "skipped: ") + "; ".join(bad), values)


def severity_order(severity: str) -> int:
    """Rank a severity; 0 is the highest, unknown words come last."""
    return TI_SEVERITIES.index(severity) if severity in TI_SEVERITIES else len(TI_SEVERITIES)


def enrich(
    findings: list[dict[str, Any]],
    lookups: list[Lookup],
    cache: Cache,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> tuple[list[dict[str, Any]], list[Outcome]]:
    """Add what the lookups know to the findings.

    Parameters
    ----------
    findings
        As `read_findings` returns them; not changed.
    lookups
        Whom to ask. Several may fill the columns of `ti`; they are named ``ti:provider``.
    cache
        Where remote answers are kept.
    progress
        Called with the lookup's name, addresses done and their number.

    Returns
    -------
    tuple of list and list
        The findings, each with every column of `LOOKUP_COLUMNS`, and an outcome a lookup.
    """
    addresses = public_addresses(findings)
    outcomes = []
    by_lookup: dict[str, dict[str, Answer]] = {}
    for lookup in lookups:
        name = lookup.name

        def report(done: int, total: int, name: str = name) -> None:
            progress(name, done, total)

        by_lookup[name], outcome = answers_of(lookup, addresses, cache, report)
        outcomes.append(outcome)

    providers = [name for name in by_lookup if name.startswith("ti:")]
    if providers:
        by_lookup["ti"] = {
            address: merge({name[3:]: by_lookup[name][address] for name in providers})
            for address in addresses
        }
    whole = {name: answers for name, answers in by_lookup.items() if not name.startswith("ti:")}
    nothing = dict.fromkeys(LOOKUP_COLUMNS)
    added = {}
    for address in addresses:
        added[address] = dict(nothing)
        for name, answers in whole.items():
            added[address] |= answers[address].values | {f"{name}_status": answers[address].status}

    def columns_of(destination: object) -> dict[str, Any]:
        address = usual_spelling(destination)
        if address in added:
            return added[address]
        reason = "skipped: not an address" if address is None else "skipped: not a public address"
        return nothing | {name: reason for name in LOOKUP_COLUMNS if name.endswith("_status")}

    return [finding | columns_of(finding["destination_ip"]) for finding in findings], outcomes
