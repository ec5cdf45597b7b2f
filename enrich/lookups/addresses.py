"""Addresses: which are looked up, in their usual spelling, and which are in a network."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

# Treated as public although nobody owns them: samples and tests use only these.
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
    """Return a logged address in its usual spelling; None if it is not an address.

    IPv6 is compressed; an IPv4-mapped address becomes IPv4.
    """
    try:
        parsed = ipaddress.ip_address(str(address).strip())
    except ValueError:
        return None
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def is_public(address: str) -> bool:
    """Tell whether an address, in its usual spelling, is public."""
    parsed = ipaddress.ip_address(address)
    if any(parsed.version == network.version and parsed in network for network in SAMPLE_NETWORKS):
        return True
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def public_addresses(findings: Iterable[dict[str, Any]]) -> list[str]:
    """List the public destinations, each once, in order of appearance."""
    spelled = (usual_spelling(finding["destination_ip"]) for finding in findings)
    return list(dict.fromkeys(a for a in spelled if a is not None and is_public(a)))


def network_of(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Read a network or address as the pipeline does; None if it is none."""
    prefix = text.partition("/")[2]
    if "%" in text or ("/" in text and not re.fullmatch(r"[0-9]{1,3}", prefix)):
        return None  # a zone, or a mask such as 255.0.0.0
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def is_in(address: str, network: str) -> bool | None:
    """Tell whether an address is in a network; None if either is a name or another text."""
    one, many = network_of(address), network_of(network)
    if one is None or many is None:
        return None
    return one.version == many.version and one.subnet_of(many)
