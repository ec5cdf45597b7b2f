"""Country, city and coordinates of the address, from a GeoLite2-City database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from enrich.lookups.geoip import DatabaseSettings, asking, open_database
from enrich.lookups.kind import Kind, Lookup, Unavailable, off
from enrich.lookups.with_msticpy import quiet_msticpy

COLUMNS = {"country": "string", "city": "string", "latitude": "double", "longitude": "double"}


class Settings(DatabaseSettings):
    """The section `location`."""

    download: bool = False


def make(settings: Settings) -> Lookup:
    """Make the lookup; without a database it is off."""
    if settings.database is None:
        return off("location", "no location.database in the configuration")
    reader = open_or_download(settings.database, settings.max_age_days, settings.download)
    ask = asking(
        reader,
        reader.city,
        lambda place: {
            "country": place.country.name or place.country.iso_code,
            "city": place.city.name,
            "latitude": place.location.latitude,
            "longitude": place.location.longitude,
        },
    )
    return Lookup("location", ask, wanted=True)


def open_or_download(database: Path, max_age_days: float, may_download: bool) -> Any:  # noqa: ANN401
    """Open the database; if it cannot be used and `may_download` is set, download it first."""
    try:
        return open_database(database, "City", max_age_days)
    except Unavailable:
        if not may_download:
            raise
    failure = ""
    try:
        download(database)
    except Unavailable as error:
        failure = str(error)
    try:
        return open_database(database, "City", max_age_days)
    except Unavailable as error:
        raise Unavailable("; ".join(filter(None, [str(error), failure]))) from None


def download(database: Path) -> None:
    """Download GeoLite2-City with msticpy, using the MaxMind key in MSTICPYCONFIG.

    Raise `Unavailable` if that fails, or if `database` is not named as msticpy names the file.
    """
    if database.name != "GeoLite2-City.mmdb":
        raise Unavailable("only a file called GeoLite2-City.mmdb can be downloaded")
    before = database.stat().st_mtime_ns if database.is_file() else None
    try:
        with quiet_msticpy():
            from msticpy.context.geoip import GeoLiteLookup

            fetcher = GeoLiteLookup(db_folder=str(database.parent), force_update=True)
            # Any question makes msticpy download first; the question stays on this machine.
            fetcher.lookup_ip(ip_address="192.0.2.1")
            fetcher.close()
    except Unavailable:
        raise
    except Exception as error:  # msticpy's messages are long
        raise Unavailable(f"msticpy could not download it ({type(error).__name__})") from None
    if not database.is_file() or database.stat().st_mtime_ns == before:
        raise Unavailable("msticpy could not download it; is GeoIPLite's key in MSTICPYCONFIG?")


KIND = Kind("location", COLUMNS, Settings, make)
