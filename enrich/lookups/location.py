"""Lookups that leave nothing: GeoIP databases and a feed file, both on this machine."""

from __future__ import annotations

import csv
import ipaddress
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from enrich.lookups.ask import Lookup, off, severity_order, usual_spelling
from enrich.words import reason_of

LOCATION = ("country", "city", "latitude", "longitude")
ASN = ("asn", "as_organization")
FEED = ("feed_severity", "feed_matches")
LONGEST_LABEL = 200  # characters of one feed entry

# Headers under which feeds keep the address, in order of preference.
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


def open_database(path: Path, kind: str, max_age_days: float) -> tuple[Any, str]:
    """Open a GeoIP database.

    Parameters
    ----------
    path
        The mmdb file.
    kind
        ``City`` or ``ASN``: what its type must say.
    max_age_days
        Older ones are not used: addresses move, and the GeoLite2 licence asks for new ones.

    Returns
    -------
    tuple of geoip2.database.Reader or None, and str
        The reader, or why there is none.
    """
    import geoip2.database

    if not path.is_file():
        return None, f"{path} is not there"
    try:
        reader = geoip2.database.Reader(str(path))
        metadata = reader.metadata()
    except Exception as error:  # a broken file fails in many ways
        return None, f"{path} is broken ({reason_of(error)})"
    if kind not in metadata.database_type:
        reader.close()
        return None, f"{path} is a {metadata.database_type} database, not a {kind} one"
    age = (time.time() - metadata.build_epoch) / 86400
    if age > max_age_days:
        reader.close()
        return None, f"{path} is expired: {age:.0f} days old, more than {max_age_days:g}"
    return reader, ""


def download(database: Path) -> str:
    """Fetch GeoLite2-City with msticpy, by the MaxMind key in `MSTICPYCONFIG`.

    Parameters
    ----------
    database
        Where it is to be; msticpy calls it GeoLite2-City.mmdb and nothing else.

    Returns
    -------
    str
        Why it was not; empty if it was.
    """
    from enrich.lookups.threat_intelligence import quiet_msticpy

    if database.name != "GeoLite2-City.mmdb":
        return "only a file called GeoLite2-City.mmdb can be downloaded"
    before = database.stat().st_mtime_ns if database.is_file() else None
    try:
        with quiet_msticpy():
            from msticpy.context.geoip import GeoLiteLookup

            fetcher = GeoLiteLookup(db_folder=str(database.parent), force_update=True)
            # Any question makes msticpy look for a new database first; this one stays here.
            fetcher.lookup_ip(ip_address="192.0.2.1")
            fetcher.close()
    except Exception as error:  # msticpy explains itself at length
        return f"msticpy could not download it ({type(error).__name__})"
    if not database.is_file() or database.stat().st_mtime_ns == before:
        return "msticpy could not download it; is GeoIPLite's key in MSTICPYCONFIG?"
    return ""


def location(database: Path | None, max_age_days: float, fetch: bool) -> Lookup:
    """Make the lookup of country, city and coordinates.

    Parameters
    ----------
    database
        GeoLite2-City.mmdb, or another City database of MaxMind's format.
    max_age_days
        As for `open_database`.
    fetch
        Whether to download it where it is missing or expired.

    Returns
    -------
    Lookup
        Named `location`.
    """
    if database is None:
        return off("location", LOCATION, "no location.database in the configuration")
    reader, why = open_database(database, "City", max_age_days)
    if reader is None and fetch:
        failed = download(database)
        reader, why = open_database(database, "City", max_age_days)
        why = "; ".join(filter(None, [why, failed]))
    if reader is None:
        return off("location", LOCATION, why, wanted=True)
    only_ipv4 = reader.metadata().ip_version == 4

    def ask(address: str) -> dict[str, Any] | None:
        from geoip2.errors import AddressNotFoundError

        if only_ipv4 and ":" in address:
            return None
        try:
            place = reader.city(address)
        except AddressNotFoundError:
            return None
        return {
            "country": place.country.name or place.country.iso_code,
            "city": place.city.name,
            "latitude": place.location.latitude,
            "longitude": place.location.longitude,
        }

    return Lookup("location", ask, LOCATION, wanted=True)


def asn(database: Path | None, max_age_days: float) -> Lookup:
    """Make the lookup of the autonomous system: who announces the address.

    Parameters
    ----------
    database
        GeoLite2-ASN.mmdb, or another ASN database of MaxMind's format.
    max_age_days
        As for `open_database`.

    Returns
    -------
    Lookup
        Named `asn`.
    """
    if database is None:
        return off("asn", ASN, "no asn.database in the configuration")
    reader, why = open_database(database, "ASN", max_age_days)
    if reader is None:
        return off("asn", ASN, why, wanted=True)
    only_ipv4 = reader.metadata().ip_version == 4

    def ask(address: str) -> dict[str, Any] | None:
        from geoip2.errors import AddressNotFoundError

        if only_ipv4 and ":" in address:
            return None
        try:
            system = reader.asn(address)
        except AddressNotFoundError:
            return None
        return {
            "asn": system.autonomous_system_number,
            "as_organization": system.autonomous_system_organization,
        }

    return Lookup("asn", ask, ASN, wanted=True)


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


class Feed:
    """A list of known bad addresses and networks.

    One address or network a line, or CSV with or without a header. ``#`` begins a comment. The
    column with the address is found by its header, else by its content; `severity` is read where
    there is one; the other cells describe the entry.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Parameters
        ----------
        path
            The feed.

        Raises
        ------
        OSError, UnicodeDecodeError, csv.Error
            If it cannot be read.
        """
        self.name = path.name
        # By version and prefix length, then by network address as a number.
        self.entries: dict[tuple[int, int], dict[int, list[tuple[str, str]]]] = {}
        self.count = 0
        self.unreadable: list[str] = []
        with path.open(encoding="utf-8-sig", newline="") as file:
            self._read(
                csv.reader(line for line in file if line.strip() and line.strip()[0] not in "#;")
            )

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
                continue
            network = networks[place]
            severe = header.index("severity") if "severity" in header else -1
            severity = cells[severe].lower() if 0 <= severe < len(cells) and cells[severe] else ""
            rest = (c for p, c in enumerate(cells) if p not in (place, severe) and c)
            label = ", ".join(rest)[:LONGEST_LABEL]
            by_address = self.entries.setdefault((network.version, network.prefixlen), {})
            by_address.setdefault(int(network.network_address), []).append((severity, label))
            self.count += 1

    def ask(self, address: str) -> dict[str, Any] | None:
        """Return the entries that hold an address, the narrowest network first; None without."""
        parsed = ipaddress.ip_address(usual_spelling(address) or address)
        found: list[tuple[str, str]] = []
        for version, length in sorted(self.entries, reverse=True):
            if version == parsed.version:
                shift = parsed.max_prefixlen - length
                base = int(parsed) >> shift << shift
                found += self.entries[version, length].get(base, [])
        if not found:
            return None
        severities = [severity or "high" for severity, _ in found]
        return {
            "feed_severity": min(severities, key=severity_order),
            "feed_matches": [f"{self.name}: {label}" if label else self.name for _, label in found],
        }


def feed(path: Path | None) -> Lookup:
    """Make the lookup in the local feed file.

    Parameters
    ----------
    path
        As `Feed` reads it.

    Returns
    -------
    Lookup
        Named `feed`. An entry without a severity counts as high: somebody put it on a list.
    """
    if path is None:
        return off("feed", FEED, "no feed.file in the configuration")
    try:
        entries = Feed(path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return off("feed", FEED, f"{path} cannot be read ({reason_of(error)})", wanted=True)
    if not entries.count:
        return off("feed", FEED, f"{path} holds no address or network", wanted=True)
    note = ""
    if unreadable := entries.unreadable:
        note = f"{len(unreadable)} lines of {path} hold no address, such as {unreadable[0]!r}"
    return Lookup("feed", entries.ask, FEED, wanted=True, note=note)
