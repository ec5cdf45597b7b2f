"""The one list of lookups. A new lookup is a module and a line here.

Its columns, settings and status follow from its `Kind`. Then explain its settings in
enrich.example.toml and write the columns for Azure again with ``python -m enrich.push.columns``.
"""

from __future__ import annotations

from pydantic import BaseModel

from enrich.lookups import asn, feed, location, reverse_dns, threat_intelligence, whois
from enrich.lookups.kind import Kind, Lookup, LookupSettings, RemoteSettings, Unavailable, off

# In the order of their columns.
KINDS: list[Kind] = [
    location.KIND,
    asn.KIND,
    feed.KIND,
    whois.KIND,
    threat_intelligence.KIND,
    reverse_dns.KIND,
]


def lookup_columns() -> dict[str, str]:
    """Return the type by name of every column that lookups add to a finding, statuses included."""
    columns = {}
    for kind in KINDS:
        columns |= kind.columns | {kind.status_column: "string"}
    return columns


def make(kind: Kind, section: LookupSettings) -> list[Lookup]:
    """Make the lookups of a kind, at least one; an unavailable one says why in its status."""
    if isinstance(section, RemoteSettings) and not section.enabled:
        return [off(kind.name, "off")]
    try:
        made = kind.make(section)
    except Unavailable as error:
        return [off(kind.name, str(error), wanted=True)]
    return made if isinstance(made, list) else [made]


def make_all(settings: BaseModel) -> list[Lookup]:
    """Make every lookup; `settings` has a section named after each kind."""
    return [lookup for kind in KINDS for lookup in make(kind, getattr(settings, kind.name))]
