"""What every lookup is made of: its settings, its way to ask, its answers.

A lookup module has one `Kind`, and registry.py lists it. From the kind follow the section in the
settings, the columns of a finding, of the report and of the Sentinel table, and the dry run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from enrich.fields import NotNegative, Positive, Section

# Of feeds and providers, the worst first.
SEVERITIES = ("critical", "high", "warning", "medium", "low", "information", "unknown")


class Unavailable(Exception):
    """A lookup that the user asked for cannot be asked at all; the message says why."""


class Refused(Exception):
    """A provider does not take such an address; the message says why."""


@dataclass(frozen=True)
class Answer:
    """What a lookup says of one address: a status, and values by column where there are any.

    The status is ``ok``, ``miss``, ``skipped: why`` or ``failed: why``.
    """

    status: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class Lookup:
    """One way to learn something of an address.

    Parameters
    ----------
    name
        That of its kind; ``kind:provider`` where several lookups fill the same columns.
    ask
        Returns the values of an address by column, or None for a miss. Any exception is a failure
        of this address; `Refused` skips it.
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
        Answers several addresses in one call, by address, None for a miss. Those that it leaves
        out are then asked one by one, all of them if it raises.
    batch
        Addresses in such a call.
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
    """What the lookups that ask somebody have in common: off unless enabled."""

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
    """Make a lookup that asks somebody, with the limits of its settings."""
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
        Of its section in the settings; its status column is this and ``_status``.
    columns
        Type, as the dbt contract writes it, by name of the columns that it fills.
    settings
        Model of its section.
    make
        Takes the section and returns the lookup, or several that share the columns. Raises
        `Unavailable` if there is none although the user asked for it. Not called for a
        `RemoteSettings` that is not enabled.
    merge
        Makes one answer of what several lookups of this kind said, by name of the provider.
    """

    name: str
    columns: dict[str, str]
    settings: type[LookupSettings]
    make: Callable[[Any], Lookup | list[Lookup]]
    merge: Callable[[dict[str, Answer]], Answer] | None = None

    @property
    def status_column(self) -> str:
        """The column that says how it went."""
        return f"{self.name}_status"


def severity_order(severity: str) -> int:
    """Rank a severity; 0 is the worst, unknown words come last."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
