"""Add what the lookups know about the destinations to the findings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from enrich import severity
from enrich.contract import LOOKUP_COLUMNS
from enrich.lookups.addresses import public_addresses, usual_spelling
from enrich.lookups.ask import Outcome, answers_of
from enrich.lookups.cache import Cache
from enrich.lookups.kind import Answer, Lookup
from enrich.lookups.registry import KINDS
from enrich.sources import Sources


def enrich(
    findings: list[dict[str, Any]],
    lookups: list[Lookup],
    cache: Cache,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
    sources: Sources | None = None,
) -> tuple[list[dict[str, Any]], list[Outcome]]:
    """Add what the lookups know about the destinations, and who the sources are, to the findings.

    Parameters
    ----------
    findings
        As `enrich.export.read_findings` returns them; not changed.
    lookups
        Lookups to ask. Several may fill the columns of one kind; their names are
        ``kind:provider``.
    cache
        Where remote answers are kept.
    progress
        Called with the lookup's name, the number of addresses done and the total.
    sources
        Who the sources are; None if nothing is known.

    Returns
    -------
    tuple of list and list
        The findings, each with every column of `LOOKUP_COLUMNS`, and one `Outcome` per lookup.
    """
    addresses = public_addresses(findings)
    outcomes = []
    by_lookup: dict[str, dict[str, Answer]] = {}
    for lookup in lookups:
        counted = partial(progress, lookup.name)
        by_lookup[lookup.name], outcome = answers_of(lookup, addresses, cache, counted)
        outcomes.append(outcome)
    by_kind = merged(by_lookup, addresses)

    nothing = dict.fromkeys(LOOKUP_COLUMNS)
    added = {}
    for address in addresses:
        added[address] = dict(nothing)
        for name, answers in by_kind.items():
            answer = answers[address]
            added[address] |= answer.values | {f"{name}_status": answer.status}

    def columns_of(destination: object) -> dict[str, Any]:
        address = usual_spelling(destination)
        if address in added:
            return added[address]
        reason = "skipped: not an address" if address is None else "skipped: not a public address"
        return nothing | {kind.status_column: reason for kind in KINDS}

    sources = sources or Sources(None)
    enriched = [
        finding | columns_of(finding["destination_ip"]) | sources.of(finding)
        for finding in findings
    ]
    return [finding | severity.columns_of(finding) for finding in enriched], outcomes


def merged(
    by_lookup: dict[str, dict[str, Answer]], addresses: list[str]
) -> dict[str, dict[str, Answer]]:
    """Merge the answers of a kind's providers into one answer per address."""
    merge = {kind.name: kind.merge for kind in KINDS}
    by_kind: dict[str, dict[str, Answer]] = {}
    providers: dict[str, dict[str, dict[str, Answer]]] = {}
    for name, answers in by_lookup.items():
        kind, _, provider = name.partition(":")
        if provider:
            providers.setdefault(kind, {})[provider] = answers
        else:
            by_kind[kind] = answers
    for kind, by_provider in providers.items():
        by_kind[kind] = {
            address: merge[kind]({name: said[address] for name, said in by_provider.items()})
            for address in addresses
        }
    return by_kind
