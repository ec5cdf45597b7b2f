"""The network of the samples: gateways, popular services, people and their addresses.

Public addresses are documentation and benchmark ranges only: 192.0.2.0/24 (popular services),
198.51.100.0/24 (inbound), 198.18.0.0/15 (the long tail), 203.0.113.0/24 (planted), 2001:db8::/32.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from samples.rows import SERVICE, Direction
from samples.vendors import GATEWAYS

HQ, DATA_CENTRE = (
    [gateway.name for gateway in GATEWAYS].index(name) for name in ("FGT-HQ-01", "PA-DC-01")
)
GATEWAY_VENDOR = np.array([gateway.vendor for gateway in GATEWAYS])
IS_PROXY = np.array([gateway.format.is_proxy for gateway in GATEWAYS])
# The vendors that the demo and the tests judge, with the least number of their clients that reach
# each popular service on each day.
LEAST_SOURCES = {"Fortinet": 40, "Palo Alto Networks": 30}


@dataclass(frozen=True)
class PopularService:
    """A destination that everybody reaches; with an interval, some clients poll it.

    Intervals and noise in seconds; `row_share` is the share of a day's rows that are polls.
    """

    name: str
    address: str
    service: str
    interval_seconds: tuple[int, ...] = ()
    noise_seconds: float = 0.0
    row_share: float = 0.0


POPULAR = (
    PopularService("telemetry.example.com", "192.0.2.80", "https", (60,), 0.5, 0.05),
    PopularService("ntp.example.net", "192.0.2.123", "ntp", (64, 128, 256, 512, 1024), 0.8, 0.03),
    PopularService("mail.example.org", "192.0.2.25", "imaps", (300,), 1.5, 0.02),
    PopularService("antivirus.example.com", "192.0.2.90", "https", (900,), 5.0, 0.01),
    PopularService("updates.example.com", "192.0.2.10", "https", (3600,), 60.0, 0.01),
    PopularService("dns.example.net", "192.0.2.53", "dns"),
    *(PopularService(f"www{i}.example.com", f"192.0.2.{100 + i}", "https") for i in range(1, 11)),
)
LEAST_POLLERS = 2  # per service


@dataclass(frozen=True)
class Poller:
    """A client that polls a popular service every `interval` seconds while it is switched on."""

    source: int
    interval: int
    start_second: float
    stop_second: float


@dataclass(frozen=True)
class PlantedPair:
    """A host, and a destination that no other host reaches."""

    destination: str
    service: str
    gateway: int = HQ
    ipv6: bool = False


@dataclass
class World:
    """All addresses, by number, with what rows need to know of them; clients come first.

    Attributes
    ----------
    addresses
        As text.
    service, gateway
        Of each address: what runs there, and the firewall that it is behind, both as numbers.
    groups
        Numbers of the addresses by name of their group.
    is_ipv6
        Of each address.
    clients, client_cdf
        Hosts that people use, and their cumulative activity.
    favourites
        Destinations that a client returns to, one row per client.
    pollers
        For each of POPULAR.
    """

    addresses: list[str] = field(default_factory=list)
    service: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint8))
    gateway: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint8))
    groups: dict[str, np.ndarray] = field(default_factory=dict)
    is_ipv6: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    clients: np.ndarray = field(default_factory=lambda: np.empty(0, np.int32))
    client_cdf: np.ndarray = field(default_factory=lambda: np.empty(0))
    favourites: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.int32))
    pollers: list[list[Poller]] = field(default_factory=list)

    def add(
        self, group: str, addresses: list[str], services: ArrayLike, gateways: ArrayLike = HQ
    ) -> None:
        """Append a group of addresses; services and gateways are one number or one for each."""
        first, count = len(self.addresses), len(addresses)
        self.addresses += addresses
        self.groups[group] = np.arange(first, first + count, dtype=np.int32)
        self.service = np.append(self.service, np.broadcast_to(services, count)).astype(np.uint8)
        self.gateway = np.append(self.gateway, np.broadcast_to(gateways, count)).astype(np.uint8)
        self.is_ipv6 = np.append(self.is_ipv6, [":" in address for address in addresses])

    def with_vendor(self, vendor: str) -> np.ndarray:
        """Return the ordinary IPv4 clients behind the gateways of a vendor."""
        clients = self.groups["clients"]
        return clients[(GATEWAY_VENDOR[self.gateway[clients]] == vendor) & ~self.is_ipv6[clients]]

    def gateway_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the number of the gateway that wrote each row."""
        inbound = rows["direction"] == Direction.INBOUND
        return self.gateway[np.where(inbound, rows["destination"], rows["source"])]


def zipf_cdf(count: int, exponent: float) -> np.ndarray:
    """Return the cumulative probabilities of `count` ranks under Zipf's law."""
    weights = np.arange(1, count + 1) ** -exponent
    return np.cumsum(weights) / weights.sum()


def draw_ranks(rng: np.random.Generator, cdf: np.ndarray, count: int) -> np.ndarray:
    """Draw ranks 0, 1, … with the cumulative probabilities `cdf`."""
    ranks = np.searchsorted(cdf, rng.random(count), side="right")
    return np.minimum(ranks, len(cdf) - 1).astype(np.int32)


def build_world(
    rng: np.random.Generator, rows_per_day: int, planted: Sequence[PlantedPair]
) -> World:
    """Lay out clients, servers and destinations, as many as the rows need.

    Parameters
    ----------
    rng
        Random generator.
    rows_per_day
        Rows per day that the clients have to make.
    planted
        Pairs of a host and its destination, in the order of the groups `planted_hosts` and
        `planted`.

    Returns
    -------
    World
        With its clients' habits and its pollers.
    """
    world, https = World(), SERVICE["https"]
    count = max(300, int(1.5 * math.sqrt(rows_per_day)))
    shares = np.cumsum([gateway.client_share for gateway in GATEWAYS])
    behind = np.searchsorted(shares[:-1] / shares[-1], (np.arange(count) + 0.5) / count)
    addresses = [_client_address(i, behind[i] == HQ and i % 5 == 4) for i in range(count)]
    world.add("clients", addresses, https, behind)
    addresses = [_client_address(count + i, pair.ipv6) for i, pair in enumerate(planted)]
    world.add("planted_hosts", addresses, https, [pair.gateway for pair in planted])
    _add_servers(world, count)
    _add_destinations(rng, world, rows_per_day)
    services = _services(*(pair.service for pair in planted))
    world.add("planted", [pair.destination for pair in planted], services)
    addresses = ["224.0.0.251", "239.255.255.250", "255.255.255.255", "10.20.255.255", "ff02::fb"]
    world.add("multicast", addresses, _services("mdns", "ssdp", "dhcp", "netbios", "mdns"))

    clients = rng.permutation(world.groups["clients"])  # activity is independent of the address
    weights = np.arange(1, len(clients) + 1) ** -0.8
    weights = np.concatenate([weights, np.full(len(planted), np.median(weights))])
    world.clients = np.concatenate([clients, world.groups["planted_hosts"]])
    world.client_cdf = np.cumsum(weights) / weights.sum()
    ranks = draw_ranks(rng, zipf_cdf(len(world.groups["tail"]), 0.6), len(world.clients) * 6)
    world.favourites = world.groups["tail"][ranks].reshape(-1, 6)
    world.pollers = [_choose_pollers(rng, world, popular, rows_per_day) for popular in POPULAR]
    return world


def _services(*names: str) -> list[int]:
    return [SERVICE[name] for name in names]


def _client_address(number: int, ipv6: bool) -> str:
    site, host = number % 4, number // 4
    if ipv6:
        return f"fd12:3456:789a:{site + 1:x}::{host + 0x100:x}"
    network = ("10.20", "10.30", "172.20", "192.168")[site]
    return f"{network}.{host // 200 + 1}.{host % 200 + 10}"


def _add_servers(world: World, client_count: int) -> None:
    """Add internal servers, and a DMZ for inbound traffic behind every gateway but a proxy."""
    names = ("smb", "ldap", "kerberos", "dns", "https", "mssql", "rdp", "print", "snmp")
    inside = _services(*names)
    addresses = [f"10.1.{i // 200}.{i % 200 + 10}" for i in range(max(45, client_count // 10))]
    world.add("servers", addresses, np.resize(inside, len(addresses)))
    addresses = [f"fd12:3456:789a:ff::{i + 16:x}" for i in range(len(inside))]
    world.add("servers_ipv6", addresses, inside)
    addresses = [f"172.16.0.{i + 10}" for i in range(14)]
    served = np.resize(_services("https", "smtp", "http", "imaps"), len(addresses))
    world.add("dmz", addresses, served, np.resize(np.flatnonzero(~IS_PROXY), len(addresses)))


def _add_destinations(rng: np.random.Generator, world: World, rows_per_day: int) -> None:
    """Add the internet: popular services, a long tail, and hosts that connect inbound."""
    world.add("popular", [p.address for p in POPULAR], _services(*(p.service for p in POPULAR)))
    count = min(max(4_000, rows_per_day // 8), 100_000)
    first = int(ipaddress.ip_address("198.18.0.0"))
    offsets = (np.arange(count) * 40_503 + 1) % 2**17  # odd factor: no address comes twice
    addresses = [str(ipaddress.ip_address(first + offset)) for offset in offsets.tolist()]
    others = rng.choice(_services("http", "https-alt", "ssh", "imaps"), count)
    world.add("tail", addresses, np.where(rng.random(count) < 0.85, SERVICE["https"], others))
    addresses = [f"2001:db8:{i // 256 + 1:x}::{i % 256 + 16:x}" for i in range(600)]
    world.add("tail_ipv6", addresses, SERVICE["https"])
    world.add("outside", [f"198.51.100.{i}" for i in range(10, 250)], SERVICE["https"])


def _choose_pollers(
    rng: np.random.Generator, world: World, popular: PopularService, rows_per_day: int
) -> list[Poller]:
    """Choose the clients that poll a service on every day; fewer if a day has few rows."""
    if not popular.interval_seconds:
        return []
    pollers: list[Poller] = []
    budget = popular.row_share * rows_per_day
    clients = np.concatenate([world.with_vendor(vendor) for vendor in LEAST_SOURCES])
    for number, source in enumerate(rng.permutation(clients).tolist()):
        interval = popular.interval_seconds[number % len(popular.interval_seconds)]
        start = rng.uniform(7, 9) * 3600
        poller = Poller(source, interval, start, start + rng.uniform(7, 9) * 3600)
        budget -= (poller.stop_second - start) / interval
        if budget < 0 and number >= LEAST_POLLERS:
            break
        pollers.append(poller)
    return pollers
