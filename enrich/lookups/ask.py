"""Ask a lookup about addresses, within its limits of rate, time and retries.

A failure is noted in the lookup's status. It never costs another lookup's columns or a finding.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from enrich.lookups.cache import Cache
from enrich.lookups.kind import Answer, Lookup, Refused
from enrich.words import reason_of

GIVE_UP_AFTER = 5  # failed addresses in a row: then the provider is taken to be down

Progress = Callable[[int, int], None]


@dataclass
class Outcome:
    """The result of one lookup: answers by status, addresses asked, and what went wrong.

    `partial` is True if the user did not get all that was asked for.
    """

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    reason: str = ""
    partial: bool = False

    def note(self, answer: Answer) -> None:
        """Count an answer."""
        status, _, why = answer.status.partition(": ")
        self.counts[status] += 1
        if status == "failed":
            self.partial = True
            self.reason = self.reason or why


def answers_of(
    lookup: Lookup, addresses: list[str], cache: Cache, progress: Progress
) -> tuple[dict[str, Answer], Outcome]:
    """Ask one lookup about every address, once each.

    Parameters
    ----------
    lookup
        The lookup to ask.
    addresses
        Public, each once, in their usual spelling.
    cache
        Where remote answers are kept.
    progress
        Called with the number of addresses done and the total.

    Returns
    -------
    tuple of dict and Outcome
        An answer for every address, and the counts.
    """
    outcome = Outcome(lookup.name)
    if lookup.unavailable:
        outcome.reason, outcome.partial = lookup.unavailable, lookup.wanted
        outcome.counts["skipped"] = len(addresses)
        return dict.fromkeys(addresses, Answer(f"skipped: {lookup.unavailable}")), outcome
    asker = (RemoteAsker if lookup.remote else LocalAsker)(lookup, cache)
    asker.prepare(addresses, progress)
    answers: dict[str, Answer] = {}
    for number, address in enumerate(addresses, start=1):
        answers[address] = asker.answer(address)
        outcome.note(answers[address])
        progress(number, len(addresses))
    outcome.asked = asker.asked
    outcome.reason = outcome.reason or lookup.note
    return answers, outcome


class LocalAsker:
    """Asks a lookup that stays on this machine."""

    def __init__(self, lookup: Lookup, cache: Cache) -> None:
        self.lookup = lookup
        self.asked = 0

    def prepare(self, addresses: list[str], progress: Progress) -> None:
        """Do nothing: a local lookup gains nothing from asking in bulk."""

    def answer(self, address: str) -> Answer:
        """Ask about one address."""
        self.asked += 1
        try:
            return as_answer(self.lookup.ask(address))
        except Exception as error:  # such as a database that is damaged in the middle
            return Answer(f"failed: {reason_of(error)}")


class RemoteAsker:
    """Asks a lookup over the network; stops asking when it is down."""

    def __init__(self, lookup: Lookup, cache: Cache) -> None:
        self.lookup = lookup
        self.cache = cache
        self.pace = Pace(lookup.per_second)
        self.asked = 0
        self.bulk: dict[str, Answer] = {}
        self.failures_in_a_row, self.last_failure = 0, ""

    def prepare(self, addresses: list[str], progress: Progress) -> None:
        """Ask in bulk, if the lookup can, about the addresses that the cache does not know."""
        lookup = self.lookup
        if not lookup.ask_many or lookup.batch <= 1:
            return
        unknown = [a for a in addresses if ":" not in a and not self.cache.get(lookup.name, a)]
        for start in range(0, len(unknown), lookup.batch):
            several = unknown[start : start + lookup.batch]
            self.asked += len(several)
            found = ask_in_bulk(lookup, several, self.pace)
            for address, answer in found.items():
                self.keep(address, answer)
            self.bulk |= found
            progress(start + len(several), len(addresses))
            if not found:
                break  # asking one by one shows whether an address or the provider is at fault

    def answer(self, address: str) -> Answer:
        """Return the known answer for an address, or ask."""
        known = self.bulk.get(address) or self.cache.get(self.lookup.name, address)
        if known:
            return known
        if ":" in address:
            return Answer("skipped: IPv6 addresses are not sent to providers")
        if self.failures_in_a_row >= GIVE_UP_AFTER:
            return Answer(f"{self.last_failure}; not asked after {GIVE_UP_AFTER} failures in a row")
        self.asked += 1
        answer = ask_remote(self.lookup, address, self.pace)
        self.keep(address, answer)
        if answer.status.startswith("failed"):
            self.failures_in_a_row, self.last_failure = self.failures_in_a_row + 1, answer.status
        else:
            self.failures_in_a_row = 0
        return answer

    def keep(self, address: str, answer: Answer) -> None:
        """Put an answer into the cache."""
        self.cache.put(self.lookup.name, address, answer, self.lookup.lifetime_days)


def as_answer(values: dict[str, Any] | None) -> Answer:
    """Turn the return value of a lookup into an answer."""
    return Answer("miss") if values is None else Answer("ok", values)


def ask_remote(lookup: Lookup, address: str, pace: Pace) -> Answer:
    """Ask about one address, with retries; return the last failure if none succeeds."""
    for attempt in range(lookup.retries + 1):
        if attempt:
            # Full jitter: clients that failed together must not retry together.
            time.sleep(random.uniform(0, min(30, 2**attempt)) * min(1, lookup.timeout_seconds))
        pace.wait()
        try:
            return as_answer(within(lookup.timeout_seconds, lambda: lookup.ask(address)))
        except Refused as error:
            return Answer(f"skipped: {reason_of(error).removeprefix('Refused: ')}")
        except Exception as error:  # a provider's error, of any kind, costs only this answer
            failure = Answer(f"failed: {reason_of(error)}")
    return failure


def ask_in_bulk(lookup: Lookup, addresses: list[str], pace: Pace) -> dict[str, Answer]:
    """Ask about several addresses in one call; return the answers that came, by address."""
    pace.wait(len(addresses))
    try:
        limit = lookup.timeout_seconds * len(addresses)
        found = within(limit, lambda: lookup.ask_many(addresses))
    except Exception:  # one bad address may fail the whole call: the caller asks one by one
        return {}
    return {address: as_answer(found[address]) for address in addresses if address in found}


class Pace:
    """Spaces questions so that at most `per_second` are asked in a second."""

    def __init__(self, per_second: float) -> None:
        self.gap = 1 / per_second
        self.next = 0.0

    def wait(self, questions: int = 1) -> None:
        """Sleep until asking is allowed again, and count these questions."""
        time.sleep(max(0.0, self.next - time.monotonic()))
        self.next = time.monotonic() + self.gap * questions


def within(seconds: float, call: Callable[[], Any]) -> Any:  # noqa: ANN401 (any call's result)
    """Return what a call returns, or raise `TimeoutError` after `seconds`.

    A call that hangs is left behind in a thread that ends with the process: the sockets of
    msticpy's whois have no timeout of their own.
    """
    result: list[Any] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            result.append(call())
        except BaseException as error:  # raised again in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {seconds:g} s")
    if failure:
        raise failure[0]
    return result[0]
