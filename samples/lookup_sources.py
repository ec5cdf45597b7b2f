"""Make the offline sources of the demo: GeoIP databases, a feed file, and settings that name them.

Usage: python -m samples.lookup_sources FOLDER

All of it is invented: the addresses are documentation and benchmark ranges, which nobody owns, and
the organizations do not exist.
"""

from __future__ import annotations

import csv
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from mmdb_writer import MMDBWriter
from netaddr import IPNetwork, IPSet

# Country, code, city, degrees of latitude and longitude, AS number (for examples: RFC 5398), name.
PLACES = [
    ("Netherlands", "NL", "Amsterdam", 52.37, 4.90, 64496, "Example Hosting"),
    ("Germany", "DE", "Frankfurt", 50.11, 8.68, 64497, "Sample Cloud"),
    ("United States", "US", "Ashburn", 39.04, -77.49, 64498, "Placeholder Networks"),
    ("Singapore", "SG", "Singapore", 1.35, 103.82, 64499, "Demo Servers"),
    ("Brazil", "BR", "São Paulo", -23.55, -46.63, 64500, "Exemplo Telecom"),
    ("South Africa", "ZA", "Johannesburg", -26.20, 28.05, 64501, "Illustration Colo"),
    ("Japan", "JP", "Tokyo", 35.68, 139.69, 64502, "Specimen Internet"),
    ("Finland", "FI", "Helsinki", 60.17, 24.94, 64503, "Mallipalvelut"),
]
NETWORKS = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15", "2001:db8::/32")

# The feed of the demo knows some of the planted implants, one of them by its network.
FEED = [
    ("203.0.113.12", "Cobalt Strike", "high", "team server, invented for the demo"),
    ("203.0.113.14/31", "Cobalt Strike", "high", "network of team servers, invented for the demo"),
    ("203.0.113.16", "Sliver", "medium", "invented for the demo"),
    ("2001:db8:bad::/48", "unknown", "low", "bulletproof hosting, invented for the demo"),
]


def places() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Split each sample network into 128 pieces and give neighbouring pieces different places."""
    for name in NETWORKS:
        network = ipaddress.ip_network(name)
        for number, piece in enumerate(network.subnets(prefixlen_diff=7)):
            yield str(piece), PLACES[number * 3 % len(PLACES)]


def write_databases(folder: Path) -> None:
    """Write GeoLite2-City.mmdb and GeoLite2-ASN.mmdb of the sample networks, dated now."""
    city = MMDBWriter(6, "GeoLite2-City", languages=["en"], ipv4_compatible=True)
    asn = MMDBWriter(6, "GeoLite2-ASN", languages=["en"], ipv4_compatible=True)
    for network, (country, code, town, latitude, longitude, number, name) in places():
        addresses = IPSet([IPNetwork(network)])
        city.insert_network(
            addresses,
            {
                "country": {"iso_code": code, "names": {"en": country}},
                "city": {"names": {"en": town}},
                "location": {"latitude": latitude, "longitude": longitude},
            },
        )
        asn.insert_network(
            addresses,
            {"autonomous_system_number": number, "autonomous_system_organization": name},
        )
    city.to_db_file(str(folder / "GeoLite2-City.mmdb"))
    asn.to_db_file(str(folder / "GeoLite2-ASN.mmdb"))


def main(folder: Annotated[Path, typer.Argument(help="where to write them")]) -> None:
    """Write the offline sources of the demo into FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    write_databases(folder)
    with (folder / "feed.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("network", "malware", "severity", "comment"), *FEED])
    (folder / "enrich.toml").write_text(
        "# Made by samples/lookup_sources.py. Paths start at this folder.\n"
        '[location]\ndatabase = "GeoLite2-City.mmdb"\n'
        '[asn]\ndatabase = "GeoLite2-ASN.mmdb"\n'
        '[feed]\nfile = "feed.csv"\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    typer.run(main)
