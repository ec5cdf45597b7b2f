"""What every lookup is made of: its settings, its way to ask, its answers.

A lookup module has one `Kind`, and registry.py lists it. The section in the settings, the columns
of findings, report and Sentinel table, and the dry run follow from the kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from enrich.fields import NotNegative, Positive, Section

# As feeds and providers name them, the worst first.
SEVERITIES = ("critical", "high", "warning", "medium", "low", "information", "unknown")


class Unavailable(Exception):
    """A lookup that the user wants cannot be used at all; the message says why."""


class Refused(Exception):
    """A provider does not accept such an address; the message says why."""


@dataclass(frozen=True)
class Answer:
    """What a lookup says about one address: a status, and values by column if there are any.

    The status is ``ok``, ``miss``, ``skipped: why`` or ``failed: why``.
    """

    status: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class Lookup:
    """One way to learn something about an address.

    Parameters
    ----------
    name
        Name of its kind, or ``kind:provider`` if several lookups fill the same columns.
    ask
        Returns the values of an address by column, or None for a miss. Any exception is a failure
        of this address; `Refused` skips it.
    remote
        Whether the address leaves this machine. Only then are answers cached, retried and limited
        in rate and time, and only IPv4 addresses are asked.
    unavailable
        Why it cannot be asked at all; empty if it can.
    wanted
        Whether the user asked for it; then the run is partial if the lookup is unavailable.
    note
        Text to print beside the counts, such as unusable lines in its source.
    lifetime_days
        How long an answer is kept.
    timeout_seconds
        How long one question may take.
    per_second
        Most questions in a second.
    retries
        Further tries after a failure.
    ask_many
        Asks about several addresses in one call; returns values by address, None for a miss.
        Addresses that it leaves out are then asked one by one; all of them if it raises.
    batch
        Addresses in one call of `ask_many`.
    """

    name: str
    ask: Callable[[str], dict[str, Any] | None]
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


def off(name: str, reason: str, wanted: bool = False) -> Lookup:
    """Make a lookup that only says why it is not asked."""
    return Lookup(name, lambda address: None, unavailable=reason, wanted=wanted)


class LookupSettings(Section):
    """The settings of a lookup that stays on this machine."""

    def intention(self) -> str:
        """Say what a dry run would do; empty if the lookup is off."""
        raise NotImplementedError


class RemoteSettings(LookupSettings):
    """Settings that all remote lookups share; they are off unless enabled."""

    enabled: bool = False
    timeout_seconds: Positive = 20
    per_second: Positive = 2
    lifetime_days: NotNegative = 1

    def intention(self) -> str:
        """Say what a dry run would do; empty if the lookup is off."""
        return "would be asked over the network" if self.enabled else ""


def remote_lookup(
    name: str,
    ask: Callable[[str], dict[str, Any] | None],
    settings: RemoteSettings,
    **more: Any,  # noqa: ANN401 (fields of Lookup)
) -> Lookup:
    """Make a remote lookup with the limits of its settings."""
    limits = {
        "timeout_seconds": settings.timeout_seconds,
        "per_second": settings.per_second,
        "lifetime_days": settings.lifetime_days,
    }
    return Lookup(name, ask, remote=True, wanted=True, **(limits | more))


@dataclass(frozen=True)
class Kind:
    """An entry of the registry.

    Parameters
    ----------
    name
        Name of its section in the settings; its status column is the name and ``_status``.
    columns
        Type by name of the columns that it fills; types are written as in the dbt contract.
    settings
        Pydantic model of its section.
    make
        Takes the section and returns the lookup, or several that share the columns. Raises
        `Unavailable` if the user asked for it and it cannot be made. Not called for a
        `RemoteSettings` that is not enabled.
    merge
        Takes the answers of several lookups of this kind by provider, and returns one answer.
    """

    name: str
    columns: dict[str, str]
    settings: type[LookupSettings]
    make: Callable[[Any], Lookup | list[Lookup]]
    merge: Callable[[dict[str, Answer]], Answer] | None = None

    @property
    def status_column(self) -> str:
        """The column with the status of the lookup."""
        return f"{self.name}_status"


def severity_order(severity: str) -> int:
    """Rank a severity; 0 is the worst, unknown words come last."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def merge_hits(severity_column: str, matches_column: str) -> Callable[[dict[str, Answer]], Answer]:
    """Make the function that merges what several lookups say about one address.

    Parameters
    ----------
    severity_column, matches_column
        The columns of a hit.

    Returns
    -------
    callable
        Takes the answers by the name of the provider or feed. It returns the highest severity and
        all matches; its status names those that failed, and keeps what the others say.
    """

    def merge(answers: dict[str, Answer]) -> Answer:
        hits = [answer for answer in answers.values() if answer.values]
        bad = [
            f"{name} {answer.status}"
            for name, answer in answers.items()
            if answer.status not in ("ok", "miss")
        ]
        severities = [hit.values[severity_column] for hit in hits]
        matches = [match for hit in hits for match in hit.values[matches_column]]
        severity = min(severities, key=severity_order, default=None)
        values = {severity_column: severity, matches_column: matches} if hits else {}
        failed = any(answer.status.startswith("failed") for answer in answers.values())
        if not bad or (not failed and len(bad) < len(answers)):
            return Answer("ok" if hits else "miss", values)
        return Answer(("failed: " if failed else "skipped: ") + "; ".join(bad), values)

    return merge
