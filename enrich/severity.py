"""The severity that an analyst works by: that of the model, raised by what else is known."""

from __future__ import annotations

from typing import Any

SEVERITIES = ["critical", "high", "medium", "low"]  # of findings, the worst first

# What feeds and providers say; any word that is in neither set raises a severity by one.
SAYS_LITTLE = {"information", "informational", "low", "unknown", "none"}
SAYS_A_LOT = {"critical", "high"}

CRITICAL_SOURCE = "high"  # of source_criticality

KNOWN_AS_BAD = "the destination is known as bad"  # in raised_by
NAMED, NOT_NAMED, NOT_CHECKED = "named", "not named", "not checked"

# Columns that follow from the lookups; types are named as in the contract.
COLUMNS = {
    "effective_severity": "string",
    "raised_by": "array<string>",
    "known_bad": "string",
}


def columns_of(finding: dict[str, Any]) -> dict[str, Any]:
    """Return the values of `COLUMNS` for a finding, with or without lookup columns."""
    severity, raised_by = raised(finding)
    return {
        "effective_severity": severity,
        "raised_by": raised_by,
        "known_bad": known_bad(finding),
    }


def known_bad(finding: dict[str, Any]) -> str:
    """Say whether a feed or provider names the destination, or that none was asked."""
    if finding.get("feed_severity") or raising_words(finding):
        return NAMED
    statuses = [str(finding.get(name) or "") for name in ("feed_status", "ti_status")]
    return NOT_NAMED if any(status in ("ok", "miss") for status in statuses) else NOT_CHECKED


def effective_severity(finding: dict[str, Any]) -> str | None:
    """Return the severity of `raised`."""
    return raised(finding)[0]


def raised(finding: dict[str, Any]) -> tuple[str | None, list[str]]:
    """Raise a finding's severity where its destination is known as bad, or its source is critical.

    Each raises by one; a feed or provider that says critical or high makes it high at least. As in
    the model, a beacon of which every connection was denied is never critical.

    Returns
    -------
    tuple of str and list of str
        The severity, and what raised it, in words; without a severity, None.
    """
    severity = finding.get("severity")
    if severity not in SEVERITIES:
        return severity, []
    high = SEVERITIES.index("high")
    least = high if is_denied(finding) and severity != "critical" else 0
    place = SEVERITIES.index(severity)
    raised_by = []

    def move(to: int, why: str) -> None:
        nonlocal place
        if max(to, least) < place:
            place = max(to, least)
            raised_by.append(why)

    if words := raising_words(finding):
        to = min(place - 1, high) if SAYS_A_LOT & words else place - 1
        move(to, KNOWN_AS_BAD)
    if finding.get("source_criticality") == CRITICAL_SOURCE:
        known = [finding.get(f"source_{name}") for name in ("name", "owner", "site")]
        said = ", ".join(str(text) for text in known if text)
        move(place - 1, f"the source is critical{f': {said}' if said else ''}")
    return SEVERITIES[place], raised_by


def why_not_raised(finding: dict[str, Any]) -> str | None:
    """Say why a destination that is named as bad did not raise the severity; else None.

    None, too, for what is critical without it.
    """
    severity, raised_by = raised(finding)
    is_highest = severity not in SEVERITIES or finding.get("severity") == SEVERITIES[0]
    if known_bad(finding) != NAMED or KNOWN_AS_BAD in raised_by or is_highest:
        return None
    if raising_words(finding):
        return "every connection was denied"
    return f"the feed's severity is only {finding.get('feed_severity')}"


def place_of(finding: dict[str, Any]) -> int:
    """Rank the effective severity of a finding; 0 is the worst, an unknown one the last."""
    severity = effective_severity(finding)
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def is_denied(finding: dict[str, Any]) -> bool:
    """Tell whether the firewall let no connection of the beacon through."""
    events = finding.get("event_count") or 0
    return events > 0 and (finding.get("denied_event_count") or 0) >= events


def raising_words(finding: dict[str, Any]) -> set[str]:
    """List the severities of feeds and providers that say more than a little, in lower case."""
    said = (str(finding.get(name) or "").lower() for name in ("feed_severity", "ti_severity"))
    return {word for word in said if word and word not in SAYS_LITTLE}
