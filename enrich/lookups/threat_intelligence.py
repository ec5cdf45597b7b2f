"""Threat intelligence, through msticpy's TILookup: one lookup for each configured provider."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import Any

from enrich.fields import PositiveCount, Texts
from enrich.lookups.kind import (
    Kind,
    Lookup,
    Refused,
    RemoteSettings,
    Unavailable,
    merge_hits,
    off,
    remote_lookup,
    severity_order,
)
from enrich.lookups.with_msticpy import quiet_msticpy
from enrich.words import reason_of

COLUMNS = {"ti_severity": "string", "ti_matches": "array<string>"}

# Lowest confidence, 0 to 100, of an indicator in Sentinel's own list for each severity.
CONFIDENCES = ((80, "high"), (50, "warning"), (0, "information"))

# msticpy's status codes; for a query that failed it gives the HTTP status instead.
OK, NO_DATA, NOT_FOUND = 0, 4, 404


class Settings(RemoteSettings):
    """The section `ti`; if `providers` is empty, all configured ones are asked."""

    providers: Texts = []
    batch: PositiveCount = 1


def make(settings: Settings, instances: dict[str, Any] | None = None) -> list[Lookup]:
    """Make one lookup for each provider.

    Parameters
    ----------
    settings
        `providers` are names in the section TIProviders of MSTICPYCONFIG.
    instances
        Providers by name, used instead of the configured ones.

    Returns
    -------
    list of Lookup
        Their names are ``ti:PROVIDER``.

    Raises
    ------
    Unavailable
        If no provider can be asked.
    """
    client = open_client(settings.providers, instances)
    loaded = dict(client.loaded_providers)
    chosen = [name for name in loaded if not settings.providers or name in settings.providers]
    lookups = [provider_lookup(Provider(client, name, loaded[name]), settings) for name in chosen]
    lookups += [
        off(f"ti:{name}", "not among msticpy's providers; look into MSTICPYCONFIG", wanted=True)
        for name in settings.providers
        if name not in chosen
    ]
    if not lookups:
        where = os.environ.get("MSTICPYCONFIG") or "MSTICPYCONFIG, which is not set"
        raise Unavailable(f"no TIProviders in {where}")
    return lookups


def open_client(providers: list[str], instances: dict[str, Any] | None) -> Any:  # noqa: ANN401
    """Open msticpy's TILookup; raise `Unavailable` if it cannot be used."""
    try:
        with quiet_msticpy():
            from msticpy.context.tilookup import TILookup

            if not instances:
                return TILookup(providers=providers or None)
            client = TILookup(primary_providers=list(instances.values()))
            client._providers = dict(instances)
            return client
    except Unavailable:
        raise
    except Exception as error:  # each provider fails in its own way without its key
        why = f"msticpy's providers cannot be used ({reason_of(error)}). Look into MSTICPYCONFIG"
        raise Unavailable(why) from None


def provider_lookup(provider: Provider, settings: Settings) -> Lookup:
    """Make the lookup of one provider."""
    return remote_lookup(
        f"ti:{provider.name}",
        provider.ask,
        settings,
        ask_many=provider.ask_many,
        batch=settings.batch,
    )


@dataclass
class Provider:
    """One provider; `client` is msticpy's TILookup."""

    client: Any
    name: str
    instance: Any

    @property
    def secrets(self) -> list[str]:
        """Values of the request parameters, keys among them: no message may show them."""
        parameters = getattr(self.instance, "_request_params", None) or {}
        return [str(value) for value in dict(parameters).values() if value]

    @property
    def is_sentinels_own(self) -> bool:
        """Whether this is Sentinel's own list of indicators."""
        return "Sent" in type(self.instance).__name__ or self.name.lower().startswith("azsti")

    def ask(self, address: str) -> dict[str, Any] | None:
        """Ask about one address."""
        rows = self.rows_of([address]).get(address)
        if not rows:
            raise Refused(f"{self.name} does not take this address")
        return self.hits_of(rows)

    def ask_many(self, addresses: list[str]) -> dict[str, dict[str, Any] | None]:
        """Ask about several addresses; msticpy 3.0.2 drops all answers if a connection is lost."""
        answers = {}
        for address, rows in self.rows_of(addresses).items():
            with contextlib.suppress(ConnectionError):
                answers[address] = self.hits_of(rows)
        return answers

    def rows_of(self, addresses: list[str]) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of TILookup's table, by address."""
        # msticpy caches failures, 429 among them, as if they were answers.
        forget = getattr(type(self.instance).lookup_ioc, "cache_clear", None)
        if forget:
            forget()
        try:
            iocs = dict.fromkeys(addresses, "ipv4")
            table = self.client.lookup_iocs_sync(iocs, providers=[self.name])
        except Exception as error:
            raise ConnectionError(reason_of(error, self.secrets)) from None
        rows: dict[str, list[dict[str, Any]]] = {}
        for row in table.to_dict("records"):
            rows.setdefault(str(row.get("Ioc")), []).append(row)
        return rows

    def hits_of(self, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Read the rows of one address; None if nothing is known about it.

        Severity decides, because msticpy's Tor provider says Result=True for misses too. msticpy
        grades every hit in Sentinel's own list high; there the ConfidenceScore decides.
        """
        severities = []
        for row in rows:
            status = row.get("Status")
            if status not in (OK, NO_DATA, NOT_FOUND):
                failure = Exception(f"status {status}, {row.get('Details')}")
                raise ConnectionError(reason_of(failure, self.secrets))
            severity = str(row.get("Severity") or "information")
            if status != OK or row.get("Result") not in (True,):
                continue
            if self.is_sentinels_own:
                severity = by_confidence(row.get("Details"))
            elif severity == "information":
                continue
            severities.append(severity)
        if not severities:
            return None
        return {
            "ti_severity": min(severities, key=severity_order),
            "ti_matches": [f"{self.name}: {severity}" for severity in dict.fromkeys(severities)],
        }


def by_confidence(details: object) -> str:
    """Grade indicators of Sentinel's own list by the highest confidence among them."""
    scores = details.get("ConfidenceScore") if isinstance(details, dict) else None
    numbers = []
    for score in scores if isinstance(scores, list) else [scores]:
        with contextlib.suppress(TypeError, ValueError):
            numbers.append(float(score))
    highest = max(numbers, default=0.0)
    return next((grade for lowest, grade in CONFIDENCES if highest >= lowest), "information")


KIND = Kind("ti", COLUMNS, Settings, make, merge_hits("ti_severity", "ti_matches"))
