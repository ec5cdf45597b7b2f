"""GeoIP databases in MaxMind's format, on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from enrich.fields import OptionalPath, Positive
from enrich.lookups.kind import LookupSettings, Unavailable
from enrich.words import reason_of


class DatabaseSettings(LookupSettings):
    """Which database, and its maximum age: addresses move, and the licence asks for updates."""

    database: OptionalPath = None
    max_age_days: Positive = 60

    def intention(self) -> str:
        """Say what a dry run would do; empty if the lookup is off."""
        return f"would be read from {self.database}" if self.database else ""


def open_database(path: Path, kind: str, max_age_days: float) -> Any:  # noqa: ANN401 (geoip2's)
    """Open a GeoIP database.

    Parameters
    ----------
    path
        The mmdb file.
    kind
        ``City`` or ``ASN``, which the type of the database must contain.
    max_age_days
        An older database is not used.

    Returns
    -------
    geoip2.database.Reader
        The open database.

    Raises
    ------
    Unavailable
        If the file is missing, broken, expired or of another kind.
    """
    import geoip2.database

    if not path.is_file():
        raise Unavailable(f"{path} is not there")
    try:
        reader = geoip2.database.Reader(str(path))
        metadata = reader.metadata()
    except Exception as error:  # a broken file fails in many ways
        raise Unavailable(f"{path} is broken ({reason_of(error)})") from None
    why = ""
    age = (time.time() - metadata.build_epoch) / 86400
    if kind not in metadata.database_type:
        why = f"{path} is a {metadata.database_type} database, not a {kind} one"
    elif age > max_age_days:
        why = f"{path} is expired: {age:.0f} days old, more than {max_age_days:g}"
    if why:
        reader.close()
        raise Unavailable(why)
    return reader


def asking(
    reader: Any,  # noqa: ANN401 (geoip2's)
    query: Callable[[str], Any],
    values_of: Callable[[Any], dict[str, Any]],
) -> Callable[[str], dict[str, Any] | None]:
    """Make the `ask` function of a lookup in a database; an unknown address is a miss.

    `query` is a method of the reader; `values_of` turns its answer into columns.
    """
    from geoip2.errors import AddressNotFoundError

    only_ipv4 = reader.metadata().ip_version == 4

    def ask(address: str) -> dict[str, Any] | None:
        if only_ipv4 and ":" in address:
            return None
        try:
            return values_of(query(address))
        except AddressNotFoundError:
            return None

    return ask
