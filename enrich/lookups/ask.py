"""Ask a lookup for addresses, with its limits of rate, time and tries, failing soft.

What a lookup cannot say stands in its status; it never costs another lookup's columns, or a
finding.
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

GIVE_UP_AFTER = 5  # addresses in a row that failed: the provider is down

Progress = Callable[[int, int], None]


@dataclass
class Outcome:
    """How often a lookup gave which status, how many addresses it was asked, and what went wrong.

    `partial` is True if the user did not get what was asked for.
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
        """Do nothing: there is nothing to gain by asking for several addresses at once."""

    def answer(self, address: str) -> Answer:
        """Ask for one address."""
        self.asked += 1
        try:
            return as_answer(self.lookup.ask(address))
        except Exception as error:  # such as a database that is broken in the middle
            return Answer(f"failed: {reason_of(error)}")


class RemoteAsker:
    """Asks a lookup that answers over the network; knows when it is down."""

    def __init__(self, lookup: Lookup, cache: Cache) -> None:
        self.lookup = lookup
        self.cache = cache
        self.pace = Pace(lookup.per_second)
        self.asked = 0
        self.bulk: dict[str, Answer] = {}
        self.failures_in_a_row, self.last_failure = 0, ""

    def prepare(self, addresses: list[str], progress: Progress) -> None:
        """Ask in bulk, where the lookup can, for what the cache does not know."""
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
                break  # whether one address or the provider is to blame, asking singly tells

    def answer(self, address: str) -> Answer:
        """Answer for one address, by what is known of it or by asking."""
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
    """Make an answer of what a lookup returned."""
    return Answer("miss") if values is None else Answer("ok", values)


def ask_remote(lookup: Lookup, address: str, pace: Pace) -> Answer:
    """Ask for one address until an answer comes or the tries are used up; the last reason stays."""
    for attempt in range(lookup.retries + 1):
        if attempt:
            # Full jitter: many clients that failed together must not come back together.
            time.sleep(random.uniform(0, min(30, 2**attempt)) * min(1, lookup.timeout_seconds))
        pace.wait()
        try:
            return as_answer(within(lookup.timeout_seconds, lambda: lookup.ask(address)))
        except Refused as error:
            return Answer(f"skipped: {reason_of(error).removeprefix('Refused: ')}")
        except Exception as error:  # whatever a provider throws is its own loss
            failure = Answer(f"failed: {reason_of(error)}")
    return failure


def ask_in_bulk(lookup: Lookup, addresses: list[str], pace: Pace) -> dict[str, Answer]:
    """Ask for several addresses in one call; return an answer for those that got one."""
    pace.wait(len(addresses))
    try:
        limit = lookup.timeout_seconds * len(addresses)
        found = within(limit, lambda: lookup.ask_many(addresses))
    except Exception:  # one bad address may fail the call: each is asked alone
        return {}
    return {address: as_answer(found[address]) for address in addresses if address in found}


class Pace:
    """Keeps questions apart, so that no more than so many are asked a second."""

    def __init__(self, per_second: float) -> None:
        self.gap = 1 / per_second
        self.next = 0.0

    def wait(self, questions: int = 1) -> None:
        """Sleep until so many questions may be asked."""
        time.sleep(max(0.0, self.next - time.monotonic()))
        self.next = time.monotonic() + self.gap * questions


def within(seconds: float, call: Callable[[], Any]) -> Any:  # noqa: ANN401 (any call's result)
    """Return what a call returns, or raise `TimeoutError` after so many seconds.

    A call that does not return is left behind, in a thread that ends with the process: the sockets
    of msticpy's whois have no time limit of their own.
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
