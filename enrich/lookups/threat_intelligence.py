"""Lookups that ask somebody: what is asked tells them what you hunt. All are off by default."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Iterator
from typing import Any

from enrich.lookups.ask import Lookup, Refused, off, severity_order
from enrich.words import reason_of

WHOIS = ("whois_asn", "whois_organization", "whois_network", "whois_country", "whois_registry")
TI = ("ti_severity", "ti_matches")
REVERSE_DNS = ("reverse_dns",)
LONGEST_NAME = 253  # characters, the most that DNS allows

# Confidence, 0 to 100, from which an indicator of Sentinel's own counts so much.
CONFIDENCES = ((80, "high"), (50, "warning"), (0, "information"))


@contextlib.contextmanager
def quiet_msticpy() -> Iterator[None]:
    """Keep msticpy from printing as it starts, and from logging: it may show settings.

    Not for questions, which run in threads: there the redirection would catch our own output.
    """
    for name in ("msticpy", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


def text_or_none(value: object) -> str | None:
    """Return a text without blanks around it, None where there is nothing in it."""
    text = str(value).strip() if value is not None else ""
    return text or None


def whois(timeout_seconds: float, per_second: float, lifetime_days: float) -> Lookup:
    """Make the lookup of the registered owner, by msticpy's `ip_whois` (TCP 43, then plain HTTP).

    Parameters
    ----------
    timeout_seconds, per_second, lifetime_days
        As in `Lookup`.

    Returns
    -------
    Lookup
        Named `whois`. Dates are left out: msticpy 3.0.2 takes changed for created.
    """
    columns = WHOIS
    try:
        with quiet_msticpy():
            from msticpy.context import ip_utils
    except ImportError as error:
        return off("whois", columns, f"msticpy is not installed ({reason_of(error)})", wanted=True)

    def ask(address: str) -> dict[str, Any] | None:
        try:
            answer = ip_utils.ip_whois(address).properties
        except ip_utils.MsticpyException as error:
            # Its first and last arguments are advice on msticpy; what happened is between.
            words = [arg for arg in error.args if isinstance(arg, str)]
            raise ConnectionError(words[-1] if words else type(error).__name__) from None
        if not answer or answer.get("asn") in (None, "", "NA"):
            return None
        nets = answer.get("nets") or [{}]
        return {
            "whois_asn": text_or_none(answer.get("asn")),
            "whois_organization": text_or_none(nets[0].get("name") or answer["asn_description"]),
            "whois_network": text_or_none(answer.get("asn_cidr")),
            "whois_country": text_or_none(answer.get("asn_country_code")),
            "whois_registry": text_or_none(answer.get("asn_registry")),
        }

    return Lookup(
        "whois",
        ask,
        columns,
        remote=True,
        wanted=True,
        lifetime_days=lifetime_days,
        timeout_seconds=timeout_seconds,
        per_second=per_second,
    )


def reverse_dns(
    nameservers: list[str],
    port: int,
    timeout_seconds: float,
    per_second: float,
    lifetime_days: float,
) -> Lookup:
    """Make the lookup of the name that the owner gave the address.

    The question ends at the name server of whoever holds the address: an adversary sees it.

    Parameters
    ----------
    nameservers
        Addresses of the servers to ask; empty for those of this machine.
    port
        Of those servers.
    timeout_seconds, per_second, lifetime_days
        As in `Lookup`.

    Returns
    -------
    Lookup
        Named `reverse_dns`.
    """
    import dns.exception
    import dns.resolver

    try:
        resolver = dns.resolver.Resolver(configure=not nameservers)
    except dns.exception.DNSException as error:
        return off("reverse_dns", REVERSE_DNS, reason_of(error), wanted=True)
    if nameservers:
        resolver.nameservers = nameservers
        resolver.port = port
    resolver.cache = None

    def ask(address: str) -> dict[str, Any] | None:
        try:
            names = resolver.resolve_address(address, lifetime=timeout_seconds, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return None
        # to_text spells out what is not printable.
        return {"reverse_dns": sorted(name.to_text() for name in names)[0][:LONGEST_NAME]}

    return Lookup(
        "reverse_dns",
        ask,
        REVERSE_DNS,
        remote=True,
        wanted=True,
        lifetime_days=lifetime_days,
        timeout_seconds=timeout_seconds + 1,
        per_second=per_second,
    )


def threat_intelligence(
    providers: list[str],
    timeout_seconds: float,
    per_second: float,
    lifetime_days: float,
    batch: int = 1,
    instances: dict[str, Any] | None = None,
) -> list[Lookup]:
    """Make a lookup of each threat intelligence provider in msticpy's configuration.

    Parameters
    ----------
    providers
        Names in the section TIProviders of `MSTICPYCONFIG`; empty for all of them.
    timeout_seconds, per_second, lifetime_days, batch
        As in `Lookup`.
    instances
        Providers by name that are asked besides those of the configuration.

    Returns
    -------
    list of Lookup
        Named ``ti:`` and the provider; where none can be asked, one named `ti` that says why.
    """
    try:
        with quiet_msticpy():
            from msticpy.context.tilookup import TILookup

            if instances:
                client = TILookup(primary_providers=list(instances.values()))
                client._providers = dict(instances)
            else:
                client = TILookup(providers=providers or None)
            loaded = dict(client.loaded_providers)
    except Exception as error:  # a provider without its key fails in its own way
        why = f"msticpy's providers cannot be used ({reason_of(error)}). Look into MSTICPYCONFIG"
        return [off("ti", TI, why, wanted=True)]
    chosen = [name for name in loaded if not providers or name in providers]
    lookups = [
        provider_lookup(
            client, name, loaded[name], timeout_seconds, per_second, lifetime_days, batch
        )
        for name in chosen
    ]
    lookups += [
        off(f"ti:{name}", TI, "not among msticpy's providers; look into MSTICPYCONFIG", wanted=True)
        for name in providers
        if name not in chosen
    ]
    if lookups:
        return lookups
    where = os.environ.get("MSTICPYCONFIG") or "MSTICPYCONFIG, which is not set"
    return [off("ti", TI, f"no TIProviders in {where}", wanted=True)]


def provider_lookup(
    client: Any,  # noqa: ANN401 (msticpy is imported late)
    name: str,
    provider: Any,  # noqa: ANN401
    timeout_seconds: float,
    per_second: float,
    lifetime_days: float,
    batch: int,
) -> Lookup:
    """Make the lookup of one provider of msticpy's TILookup.

    Parameters
    ----------
    client
        The TILookup.
    name, provider
        The provider in it.
    timeout_seconds, per_second, lifetime_days, batch
        As in `Lookup`. In a batch, msticpy 3.0.2 drops all answers for one lost connection.

    Returns
    -------
    Lookup
        Named ``ti:`` and the provider.
    """
    secrets = provider_secrets(provider)
    in_sentinel = "Sent" in type(provider).__name__ or name.lower().startswith("azsti")

    def rows_of(addresses: list[str]) -> dict[str, list[dict[str, Any]]]:
        # msticpy remembers failures, 429 among them, as if they were answers.
        forget = getattr(type(provider).lookup_ioc, "cache_clear", None)
        if forget:
            forget()
        try:
            table = client.lookup_iocs_sync(dict.fromkeys(addresses, "ipv4"), providers=[name])
        except Exception as error:
            raise ConnectionError(reason_of(error, secrets)) from None
        rows: dict[str, list[dict[str, Any]]] = {}
        for row in table.to_dict("records"):
            rows.setdefault(str(row.get("Ioc")), []).append(row)
        return rows

    def ask(address: str) -> dict[str, Any] | None:
        rows = rows_of([address]).get(address)
        if not rows:
            raise Refused(f"{name} does not take this address")
        return hits_of(rows, name, in_sentinel, secrets)

    def ask_many(addresses: list[str]) -> dict[str, dict[str, Any] | None]:
        answers = {}
        for address, rows in rows_of(addresses).items():
            with contextlib.suppress(ConnectionError):
                answers[address] = hits_of(rows, name, in_sentinel, secrets)
        return answers

    return Lookup(
        f"ti:{name}",
        ask,
        TI,
        remote=True,
        wanted=True,
        lifetime_days=lifetime_days,
        timeout_seconds=timeout_seconds,
        per_second=per_second,
        ask_many=ask_many,
        batch=batch,
    )


def provider_secrets(provider: object) -> list[str]:
    """List the texts in a provider's request parameters, its keys among them."""
    parameters = getattr(provider, "_request_params", None) or {}
    return [str(value) for value in dict(parameters).values() if value]


def hits_of(
    rows: list[dict[str, Any]], name: str, in_sentinel: bool, secrets: list[str]
) -> dict[str, Any] | None:
    """Read the rows that a provider gave for one address.

    Parameters
    ----------
    rows
        Of TILookup's table. Severity decides: Tor says Result=True for misses.
    name
        Of the provider.
    in_sentinel
        Whether it is Sentinel's own list, which msticpy grades high for every hit: then the
        indicators' ConfidenceScore, 0 to 100, grades them.
    secrets
        Texts that no message may hold.

    Returns
    -------
    dict or None
        `ti_severity` and `ti_matches`; None where nothing is known of the address.

    Raises
    ------
    ConnectionError
        If a row says that the query failed.
    """
    matches, severities = [], []
    for row in rows:
        status = row.get("Status")
        # 0 ok, 4 no data; msticpy leaves an HTTP status in place of its own where a call failed.
        if status not in (0, 4, 404):
            raise ConnectionError(
                reason_of(Exception(f"status {status}, {row.get('Details')}"), secrets)
            )
        severity = str(row.get("Severity") or "information")
        if status != 0 or row.get("Result") not in (True,):
            continue
        if in_sentinel:
            severity = by_confidence(row.get("Details"))
        elif severity == "information":
            continue
        severities.append(severity)
        matches.append(f"{name}: {severity}")
    if not matches:
        return None
    return {
        "ti_severity": min(severities, key=severity_order),
        "ti_matches": list(dict.fromkeys(matches)),
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
