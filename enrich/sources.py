"""Who the sources are: a CSV of hosts and networks, with name, owner, site and how critical."""

from __future__ import annotations

import csv
import io
import ipaddress
from pathlib import Path
from typing import Any

from enrich.words import UserError, decoded, visible

# Columns of a finding; types are named as in the contract.
COLUMNS = {
    "source_name": "string",
    "source_owner": "string",
    "source_site": "string",
    "source_criticality": "string",
}
HEAD = ("source", "name", "owner", "site", "criticality")
CRITICALITIES = ("low", "normal", "high")
MOST_EXAMPLES = 3

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Known = dict[str, str | None]


class Sources:
    """Hosts and networks of the organisation.

    Parameters
    ----------
    file
        CSV with the columns `HEAD`: `source` is an address, a network or the name of a host. None
        if nothing is known.

    Attributes
    ----------
    note
        Which rows are not used, and why; empty if all are.

    Raises
    ------
    UserError
        If the file cannot be read, or lacks a column.
    """

    def __init__(self, file: Path | None) -> None:
        self.hosts: dict[str, Known] = {}
        self.networks: dict[Network, Known] = {}
        self.prefixes: dict[int, list[int]] = {4: [], 6: []}
        self.note = ""
        if file:
            self.read(file)

    def read(self, file: Path) -> None:
        """Read the file."""
        try:
            rows = csv.DictReader(io.StringIO(decoded(file.read_bytes()).removeprefix("\ufeff")))
            missing = [name for name in HEAD if name not in (rows.fieldnames or [])]
            lines = [(rows.line_num, row) for row in rows if not missing]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UserError(f"the sources {file} cannot be read: {error}") from None
        if missing:
            raise UserError(
                f"{file} has no column {', '.join(missing)}. Its first line is "
                f"{visible(','.join(rows.fieldnames or []))}; make it {','.join(HEAD)}"
            )
        wrong = [f"line {number}, {said}" for number, row in lines if (said := self.add(row))]
        for version, lengths in self.prefixes.items():
            found = {net.prefixlen for net in self.networks if net.version == version}
            lengths += sorted(found, reverse=True)
        if wrong:
            more = ", …" if len(wrong) > MOST_EXAMPLES else ""
            self.note = f"{len(wrong)} rows not used: {'; '.join(wrong[:MOST_EXAMPLES])}{more}"

    def add(self, row: dict[str, Any]) -> str:
        """Add a row; return what is wrong with it, then it is not used."""
        if None in row or None in row.values():
            return f"it has not {len(HEAD)} cells: put a cell with a comma between quotes"
        cells = {name: row[name].strip() for name in HEAD}
        source, criticality = cells["source"], cells["criticality"].lower() or "normal"
        if criticality not in CRITICALITIES:
            return f"criticality {visible(criticality)} is none of {', '.join(CRITICALITIES)}"
        known = {f"source_{name}": cells[name] or None for name in ("name", "owner", "site")}
        known["source_criticality"] = criticality
        if not source:
            return "source is empty"
        try:
            place: dict[Any, Known] = self.networks
            key: Any = ipaddress.ip_network(source, strict=False)
        except ValueError:
            if "/" in source:
                return f"{visible(source)} is no network"
            place, key = self.hosts, source.lower()
        if key in place:
            return f"{visible(source)} is there twice"
        place[key] = known
        return ""

    def of(self, finding: dict[str, Any]) -> Known:
        """Return the values of `COLUMNS` for a finding: by its host's name, else its address.

        Of networks the narrowest counts. A host is known by its whole name or its first part.
        """
        name = str(finding.get("source_host_name") or "").lower()
        for host in (name, name.partition(".")[0]):
            if host and host in self.hosts:
                return self.hosts[host]
        try:
            address = ipaddress.ip_address(str(finding.get("source_ip")))
        except ValueError:
            return dict.fromkeys(COLUMNS)
        for length in self.prefixes[address.version]:
            network = ipaddress.ip_network((address, length), strict=False)
            if network in self.networks:
                return self.networks[network]
        return dict.fromkeys(COLUMNS)
