"""Who announces the address: the autonomous system, from a GeoLite2-ASN database."""

from __future__ import annotations

from enrich.lookups.geoip import DatabaseSettings, asking, open_database
from enrich.lookups.kind import Kind, Lookup, off

COLUMNS = {"asn": "bigint", "as_organization": "string"}


def make(settings: DatabaseSettings) -> Lookup:
    """Make the lookup; without a database it is off."""
    if settings.database is None:
        return off("asn", "no asn.database in the configuration")
    reader = open_database(settings.database, "ASN", settings.max_age_days)
    ask = asking(
        reader,
        reader.asn,
        lambda system: {
            "asn": system.autonomous_system_number,
            "as_organization": system.autonomous_system_organization,
        },
    )
    return Lookup("asn", ask, wanted=True)


KIND = Kind("asn", COLUMNS, DatabaseSettings, make)
