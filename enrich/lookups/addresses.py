"""Which destinations are asked: public addresses, each once in its usual spelling."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

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


def usual_spelling(address: object) -> str | None:
    """Write an address as logged in its usual spelling; return None for what is no address.

    IPv6 is short, an IPv4-mapped address is IPv4.
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
