"""Which connections look like a known service, and which near misses do not."""

from __future__ import annotations

import csv
import ipaddress
import re
from typing import Any

import jinja2
import pytest

from tests.pipeline.test_addresses import as_key
from tests.support.dbt_in_process import PROJECT, Dbt

SEED = PROJECT / "seeds/services/known_services.csv"
MACROS = jinja2.Environment()
LOOKS_LIKE = MACROS.from_string((PROJECT / "macros/services.sql").read_text()).module.looks_like

NOWHERE = "203.0.113.9"
# What, as (address, port, protocol, name, period in seconds, bytes sent, bytes received): services.
CONNECTIONS: dict[str, tuple[tuple[Any, ...], set[str]]] = {
    "a time server": ((NOWHERE, 123, "udp", None, 1024.2, 76, 76), {"Network Time Protocol"}),
    "a time server, sizes unknown": (
        (NOWHERE, 123, "udp", None, 64, None, None),
        {"Network Time Protocol"},
    ),
    "much data over the port of time": ((NOWHERE, 123, "udp", None, 64, 76, 5000), set()),
    "fast data over the port of time": ((NOWHERE, 123, "udp", None, 5, 76, 76), set()),
    "the port of time over TCP": ((NOWHERE, 123, "tcp", None, 64, 76, 76), set()),
    "a push channel by address": (
        ("17.57.144.20", 5223, "tcp", None, 900, 500, 500),
        {"Apple Push Notification service, by address"},
    ),
    "a push channel by IPv6": (
        ("2620:149:a44::5", 5223, "tcp", None, 900, 500, 500),
        {"Apple Push Notification service, by address"},
    ),
    "the port of a push channel elsewhere": ((NOWHERE, 5223, "tcp", None, 900, 50, 50), set()),
    "a push channel by name": (
        (NOWHERE, 5223, "tcp", "7-Courier.push.apple.com", 900, 500, 500),
        {"Apple Push Notification service, by name"},
    ),
    "a name that only ends alike": (
        (NOWHERE, 5223, "tcp", "notpush.apple.com.example.net", 900, 50, 50),
        set(),
    ),
    "a domain that only ends alike": (
        (NOWHERE, 80, "tcp", "evilwindowsupdate.com", 900, 50, 50),
        set(),
    ),
    "an update check": (
        (NOWHERE, 80, "tcp", "ctldl.windowsupdate.com", 900, 50, 50),
        {
            "Windows Update",
            "Certificates of Microsoft",
        },
    ),
    "a connectivity check": (
        (NOWHERE, 80, "tcp", "connectivity-check.ubuntu.com", 300, 500, 700),
        {"NetworkManager connectivity check"},
    ),
    "a connectivity check at another pace": (
        (NOWHERE, 80, "tcp", "connectivity-check.ubuntu.com", 5, 500, 700),
        set(),
    ),
    "a resolver": (("8.8.8.8", 53, "udp", None, 60, 70, 130), {"Google Public DNS"}),
    "a tunnel through a resolver": (("8.8.8.8", 53, "udp", None, 60, 260, 400), set()),
    "https of a resolver": (("8.8.8.8", 443, "tcp", None, 60, 70, 130), set()),
    "a firewall of its maker": (
        (NOWHERE, 443, "tcp", "updates.paloaltonetworks.com", 60, 900, 900),
        {"Palo Alto Networks updates"},
    ),
    "an unknown port": ((NOWHERE, None, "udp", None, 64, 76, 76), set()),
    "an unknown protocol": ((NOWHERE, 123, None, None, 64, 76, 76), set()),
    "no period": ((NOWHERE, 123, "udp", None, None, 76, 76), set()),
}


def quoted(value: Any) -> str:
    return "null" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


@pytest.fixture(scope="module")
def matches(dbt: Dbt) -> dict[str, set[str]]:
    result = dbt(
        "build",
        "--select",
        "known_services",
        "stg_known_services",
        vars={"end_date": "2026-03-10", "raw_root": str(dbt.folder)},
    )
    assert result.success, result.messages
    rows = ", ".join(
        f"({quoted(what)}, {quoted(as_key(address))}, {', '.join(map(quoted, rest))})"
        for what, ((address, *rest), _) in CONNECTIONS.items()
    )
    found = dbt.rows(f"""
        with connections as (
            select
                what,
                destination_key,
                cast(destination_port as int) as destination_port,
                protocol,
                known_name,
                cast(period_seconds as double) as period_seconds,
                cast(median_sent_bytes as bigint) as median_sent_bytes,
                cast(median_received_bytes as bigint) as median_received_bytes
            from values {rows} as t(
                what, destination_key, destination_port, protocol, known_name,
                period_seconds, median_sent_bytes, median_received_bytes
            )
        )
        select connections.what, services.service
        from connections
        left join beaconing.stg_known_services as services
            on {LOOKS_LIKE("connections", "services")}
    """)
    return {
        what: {row["service"] for row in found if row["what"] == what} - {None}
        for what in CONNECTIONS
    }


@pytest.mark.parametrize("what", CONNECTIONS)
def test_known_services(matches: dict[str, set[str]], what: str):
    assert matches[what] == CONNECTIONS[what][1]


def test_the_seed_names_what_its_owners_alone_have():
    with SEED.open(newline="") as file:
        services = list(csv.DictReader(file))
    for row in services:
        networks = [n for n in row["destination_networks"].split(" ") if n != "*"]
        names = [n for n in row["destination_names"].split(" ") if n != "*"]
        # strict: no bit set behind the prefix, and not half the internet
        assert all(ipaddress.ip_network(n).prefixlen >= 14 for n in networks), row["service"]
        assert all(n == n.lower() and re.search(r"[a-z0-9-]\.[a-z]+$", n) for n in names)
        assert names or networks or row["protocol"] == "udp", row["service"]
        sources = row["source"].split(" ")
        assert all(re.fullmatch(r"https://[\w.-]+/\S*", url) for url in sources), row["service"]
