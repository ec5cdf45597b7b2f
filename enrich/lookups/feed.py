"""Known bad addresses and networks, from a file on this machine."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

from enrich.fields import Paths
from enrich.lookups.addresses import usual_spelling
from enrich.lookups.feed_entries import Entry, entries_of
from enrich.lookups.kind import (
    Kind,
    Lookup,
    LookupSettings,
    Unavailable,
    merge_hits,
    off,
    severity_order,
)
from enrich.words import decoded, reason_of

COLUMNS = {"feed_severity": "string", "feed_matches": "array<string>"}
LONGEST_EXAMPLE = 40  # characters of an entry without an address
DEFAULT_SEVERITY = "high"  # of an entry without a severity: somebody chose to list it

# Shortest prefix of a network, by IP version: a shorter one is a mistake, or reserved space.
SHORTEST_PREFIX = {4: 8, 6: 16}

# How files begin that are no feed. A web page may name addresses, such as that of the reader.
NO_FEED = {
    b"PK\x03\x04": "a ZIP archive: unpack it.",
    b"\x1f\x8b": "compressed by gzip: unpack it.",
    b"<": "a web page or XML: download the feed as text, CSV or JSON.",
}


class Settings(LookupSettings):
    """The section `feed`."""

    file: Paths = []

    def intention(self) -> str:
        """Say what a dry run would do; empty if the lookup is off."""
        return f"would be read from {', '.join(map(str, self.file))}" if self.file else ""


def make(settings: Settings) -> Lookup | list[Lookup]:
    """Make a lookup for each feed; without a file it is off.

    One of several feeds that cannot be read costs the others nothing.
    """
    if not settings.file:
        return off("feed", "no feed.file in the configuration")
    if len(settings.file) == 1:
        return lookup_of("feed", settings.file[0])
    lookups = []
    for number, path in enumerate(dict.fromkeys(settings.file), start=1):
        # Two feeds may have the same name in different folders.
        is_alone = sum(path.name == other.name for other in set(settings.file)) == 1
        name = f"feed:{path.name}" if is_alone else f"feed:{number} {path.name}"
        try:
            lookups.append(lookup_of(name, path))
        except Unavailable as error:
            lookups.append(off(name, str(error), wanted=True))
    return lookups


def lookup_of(name: str, path: Path) -> Lookup:
    """Make the lookup of one feed; raise `Unavailable` if it cannot be read or holds nothing."""
    try:
        entries = Feed(path)
    except OSError as error:
        raise Unavailable(f"{path} cannot be read ({reason_of(error)})") from None
    note = remarks(entries, path)
    if not entries.count:
        raise Unavailable(f"{path} holds no address or network" + (note and f": {note}"))
    return Lookup(name, entries.ask, wanted=True, note=note)


def remarks(entries: Feed, path: Path) -> str:
    """Say how many entries are not used, with an example; empty if all are."""
    said = []
    total = entries.count + len(entries.unreadable) + len(entries.too_wide)
    if unreadable := entries.unreadable:
        few = f"{len(unreadable)} of {total} entries of {path}"
        said.append(f"{few} hold no address to look for, such as {unreadable[0]!r}")
    if too_wide := entries.too_wide:
        few = f"{len(too_wide)} of {total} entries of {path}"
        said.append(f"{few} are left out, wider than /8 (IPv6: /16), such as {too_wide[0]}")
    return "; ".join(said)


class Feed:
    """A list of known bad addresses and networks.

    Parameters
    ----------
    path
        The feed, in one of the shapes that `enrich.lookups.feed_entries` reads.

    Raises
    ------
    OSError
        If the feed cannot be read.
    Unavailable
        If it is compressed, or a web page.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        # Severity and label of entries, by (IP version, prefix length) and network as a number.
        self.entries: dict[tuple[int, int], dict[int, list[tuple[str, str]]]] = {}
        self.count = 0
        self.unreadable: list[str] = []
        self.too_wide: list[str] = []
        content = path.read_bytes()
        for start, cure in NO_FEED.items():
            if content.startswith(start):
                raise Unavailable(f"{path} is {cure}")
        # Addresses are ASCII: letters of another encoding may be lost from a description.
        for entry in entries_of(decoded(content, errors="replace")):
            self._add(entry)

    def _add(self, entry: Entry) -> None:
        networks, severity, label = entry
        wide = [n for n in networks if n.prefixlen < SHORTEST_PREFIX[n.version]]
        if not networks:
            self.unreadable.append(label[:LONGEST_EXAMPLE])
        elif wide:
            self.too_wide.append(str(wide[0]))
        else:
            self.count += 1
            for network in networks:
                by_address = self.entries.setdefault((network.version, network.prefixlen), {})
                by_address.setdefault(int(network.network_address), []).append((severity, label))

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


KIND = Kind("feed", COLUMNS, Settings, make, merge_hits("feed_severity", "feed_matches"))
