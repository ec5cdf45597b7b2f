"""What a row of traffic is: its columns, what it records, and the services it goes to."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np

TICKS = 10_000_000  # per second: TimeGenerated has 7 fractional digits
DAY_SECONDS = 86_400
SLOT_SECONDS = 300  # data export writes a folder for every five minutes
SLOTS = DAY_SECONDS // SLOT_SECONDS


@dataclass(frozen=True)
class Service:
    """What runs on a destination: its port and its IP protocol number."""

    name: str
    port: int | None
    protocol: int


SERVICES = (
    Service("https", 443, 6),
    Service("http", 80, 6),
    Service("quic", 443, 17),
    Service("dns", 53, 17),
    Service("ntp", 123, 17),
    Service("imaps", 993, 6),
    Service("smtp", 25, 6),
    Service("ssh", 22, 6),
    Service("https-alt", 8443, 6),
    Service("http-proxy", 8080, 6),
    Service("mtls", 8888, 6),
    Service("ping", None, 1),
    Service("smb", 445, 6),
    Service("ldap", 389, 6),
    Service("kerberos", 88, 6),
    Service("mssql", 1433, 6),
    Service("rdp", 3389, 6),
    Service("print", 9100, 6),
    Service("snmp", 161, 17),
    Service("mdns", 5353, 17),
    Service("ssdp", 1900, 17),
    Service("dhcp", 67, 17),
    Service("netbios", 137, 17),
)
SERVICE = {service.name: number for number, service in enumerate(SERVICES)}
PROTOCOL_NAMES = {1: "icmp", 6: "tcp", 17: "udp"}


class Direction(enum.IntEnum):
    """Where a row goes, seen from the organisation."""

    EGRESS = 0
    INTERNAL = 1
    INBOUND = 2
    MULTICAST = 3


class Log(enum.IntEnum):
    """What a row records. The first two tell of a connection as a whole."""

    CONNECTION = 0
    DENIED = 1
    INTERIM = 2  # a statistic of a session that is still open
    UTM = 3  # Fortinet: what inspection saw in a session that is logged elsewhere
    THREAT = 4  # Palo Alto Networks, likewise
    START = 5  # the same session is logged again at its end


ROW = np.dtype(
    [
        ("tick", np.int64),  # since midnight
        ("source", np.int32),  # address numbers
        ("destination", np.int32),
        ("sent", np.int32),  # bytes
        ("received", np.int32),
        ("source_port", np.uint16),  # rows of one session share it, and the session's number
        ("session", np.int32),
        ("duration", np.int32),  # seconds from the session's start to the row
        ("service", np.uint8),
        ("log", np.uint8),
        ("direction", np.uint8),
        ("planted", np.bool_),  # belongs to an entry of truth.json
    ]
)
