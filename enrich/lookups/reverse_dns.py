"""The host name that the owner gave the address.

The question reaches the name server of the address's owner: an adversary sees it.
"""

from __future__ import annotations

from typing import Any

from enrich.fields import Positive, PositiveCount, Texts
from enrich.lookups.kind import Kind, Lookup, RemoteSettings, Unavailable, remote_lookup
from enrich.words import reason_of

COLUMNS = {"reverse_dns": "string"}
LONGEST_NAME = 253  # characters, the most that DNS allows


class Settings(RemoteSettings):
    """The section `reverse_dns`; if `nameservers` is empty, those of this machine are asked."""

    timeout_seconds: Positive = 5
    nameservers: Texts = []
    port: PositiveCount = 53

    def intention(self) -> str:
        """Say what a dry run would do; empty if the lookup is off."""
        return "would ask the name servers of whoever holds the addresses" if self.enabled else ""


def make(settings: Settings) -> Lookup:
    """Make the lookup."""
    import dns.exception
    import dns.resolver

    try:
        resolver = dns.resolver.Resolver(configure=not settings.nameservers)
    except dns.exception.DNSException as error:
        raise Unavailable(reason_of(error)) from None
    if settings.nameservers:
        resolver.nameservers = settings.nameservers
        resolver.port = settings.port
    resolver.cache = None
    limit = settings.timeout_seconds

    def ask(address: str) -> dict[str, Any] | None:
        try:
            names = resolver.resolve_address(address, lifetime=limit, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return None
        # to_text escapes unprintable characters.
        return {"reverse_dns": sorted(name.to_text() for name in names)[0][:LONGEST_NAME]}

    # The resolver's own timeout is shorter than ours, because its error says more.
    return remote_lookup("reverse_dns", ask, settings, timeout_seconds=limit + 1)


KIND = Kind("reverse_dns", COLUMNS, Settings, make)
