"""Known bad addresses and networks, from a file on this machine."""

from __future__ import annotations

import csv
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from enrich.fields import OptionalPath
from enrich.lookups.addresses import usual_spelling
from enrich.lookups.kind import (
    Kind,
    Lookup,
    LookupSettings,
    Unavailable,
    off,
    severity_order,
)
from enrich.words import reason_of

COLUMNS = {"feed_severity": "string", "feed_matches": "array<string>"}
LONGEST_LABEL = 200  # characters of one feed entry
DEFAULT_SEVERITY = "high"  # of an entry without a severity: somebody chose to list it

# Column headers of the address in feeds, in order of preference.
ADDRESS_HEADERS = (
    "ip",
    "ip_address",
    "ipaddress",
    "address",
    "dst_ip",
    "network",
    "cidr",
    "indicator",
    "ioc",
    "ioc_value",
    "value",
)


class Settings(LookupSettings):
    """The section `feed`."""

    file: OptionalPath = None

    def intention(self) -> str:
        """Say what a dry run would do; empty if the lookup is off."""
        return f"would be read from {self.file}" if self.file else ""


def make(settings: Settings) -> Lookup:
    """Make the lookup; without a file it is off."""
    path = settings.file
    if path is None:
        return off("feed", "no feed.file in the configuration")
    try:
        entries = Feed(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Unavailable(f"{path} cannot be read ({reason_of(error)})") from None
    if not entries.count:
        raise Unavailable(f"{path} holds no address or network")
    note = ""
    if unreadable := entries.unreadable:
        note = f"{len(unreadable)} lines of {path} hold no address, such as {unreadable[0]!r}"
    return Lookup("feed", entries.ask, wanted=True, note=note)


class Feed:
    """A list of known bad addresses and networks.

    One address or network per line, or CSV with or without a header. ``#`` begins a comment. The
    column with the address is found by its header, else by its content. A column `severity` is
    read if there is one; the other cells describe the entry.

    Parameters
    ----------
    path
        The feed.

    Raises
    ------
    OSError, UnicodeDecodeError, csv.Error
        If the feed cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        # Severity and label of entries, by (IP version, prefix length) and network as a number.
        self.entries: dict[tuple[int, int], dict[int, list[tuple[str, str]]]] = {}
        self.count = 0
        self.unreadable: list[str] = []
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = (line for line in file if line.strip() and line.strip()[0] not in "#;")
            self._read(csv.reader(lines))

    def _read(self, rows: Iterator[list[str]]) -> None:
        header: list[str] = []
        for number, row in enumerate(rows, start=1):
            cells = [cell.strip() for cell in row]
            networks = [as_network(cell) for cell in cells]
            if number == 1 and not any(networks):
                header = [cell.lower().replace(" ", "_").strip('"') for cell in cells]
                continue
            places = [header.index(name) for name in ADDRESS_HEADERS if name in header]
            places += range(len(cells))
            place = next((p for p in places if p < len(cells) and networks[p]), None)
            if place is None:
                self.unreadable.append(", ".join(cells)[:40])
            else:
                self._add(networks[place], *described(cells, place, header))

    def _add(
        self, network: ipaddress.IPv4Network | ipaddress.IPv6Network, severity: str, label: str
    ) -> None:
        by_address = self.entries.setdefault((network.version, network.prefixlen), {})
        by_address.setdefault(int(network.network_address), []).append((severity, label))
        self.count += 1

    def ask(self, address: str) -> dict[str, Any] | None:
        """Return the entries that contain an address, narrowest network first, or None."""
        parsed = ipaddress.ip_address(usual_spelling(address) or address)
        found: list[tuple[str, str]] = []
        for version, length in sorted(self.entries, reverse=True):
            if version == parsed.version:
                shift = parsed.max_prefixlen - length
                base = int(parsed) >> shift << shift
                found += self.entries[version, length].get(base, [])
        if not found:
            return None
        severities = [severity or DEFAULT_SEVERITY for severity, _ in found]
        return {
            "feed_severity": min(severities, key=severity_order),
            "feed_matches": [f"{self.name}: {label}" if label else self.name for _, label in found],
        }


def described(cells: list[str], place: int, header: list[str]) -> tuple[str, str]:
    """Return severity and label of an entry; `place` is the cell with the address."""
    severe = header.index("severity") if "severity" in header else -1
    severity = cells[severe].lower() if 0 <= severe < len(cells) else ""
    rest = (cell for p, cell in enumerate(cells) if p not in (place, severe) and cell)
    return severity, ", ".join(rest)[:LONGEST_LABEL]


def as_network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Read an address, a network, or an IPv4 address with a port; None for anything else."""
    text = text.strip().strip("[]").replace("[.]", ".")
    if text.count(":") == 1:
        text = text.split(":")[0]
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= 96:
        return ipaddress.ip_network((mapped, network.prefixlen - 96))
    return network


KIND = Kind("feed", COLUMNS, Settings, make)
