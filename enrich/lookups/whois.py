"""The registered owner of the address, from msticpy's `ip_whois`: TCP 43, then plain HTTP."""

from __future__ import annotations

from typing import Any

from enrich.fields import NotNegative
from enrich.lookups.kind import Kind, Lookup, RemoteSettings, remote_lookup
from enrich.lookups.with_msticpy import quiet_msticpy

# No dates: msticpy 3.0.2 reports the date of the last change as that of creation.
COLUMNS = {
    "whois_asn": "string",
    "whois_organization": "string",
    "whois_network": "string",
    "whois_country": "string",
    "whois_registry": "string",
}


class Settings(RemoteSettings):
    """The section `whois`."""

    lifetime_days: NotNegative = 30


def make(settings: Settings) -> Lookup:
    """Make the lookup."""
    with quiet_msticpy():
        from msticpy.context import ip_utils

    def ask(address: str) -> dict[str, Any] | None:
        try:
            answer = ip_utils.ip_whois(address).properties
        except ip_utils.MsticpyException as error:
            # The first and last arguments are advice about msticpy; the cause is in between.
            words = [arg for arg in error.args if isinstance(arg, str)]
            raise ConnectionError(words[-1] if words else type(error).__name__) from None
        if not answer or answer.get("asn") in (None, "", "NA"):
            return None
        nets = answer.get("nets") or [{}]
        return {
            "whois_asn": text_or_none(answer.get("asn")),
            "whois_organization": text_or_none(nets[0].get("name") or answer["asn_description"]),
            "whois_network": text_or_none(answer.get("asn_cidr")),
            "whois_country": text_or_none(answer.get("asn_country_code")),
            "whois_registry": text_or_none(answer.get("asn_registry")),
        }

    return remote_lookup("whois", ask, settings)


def text_or_none(value: object) -> str | None:
    """Strip a text; None if nothing is left."""
    text = str(value).strip() if value is not None else ""
    return text or None


KIND = Kind("whois", COLUMNS, Settings, make)
