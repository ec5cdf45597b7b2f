"""The severity that an analyst works by: that of the model, raised by what is known as bad."""

from __future__ import annotations

from typing import Any

SEVERITIES = ["critical", "high", "medium", "low"]  # of findings, the worst first

# What feeds and providers say; any word that is in neither set raises a severity by one.
SAYS_LITTLE = {"information", "informational", "low", "unknown", "none"}
SAYS_A_LOT = {"critical", "high"}

NAMED, NOT_NAMED, NOT_CHECKED = "named", "not named", "not checked"

# Columns that follow from the lookups; types are named as in the contract.
COLUMNS = {"effective_severity": "string", "known_bad": "string"}


def columns_of(finding: dict[str, Any]) -> dict[str, str | None]:
    """Return the values of `COLUMNS` for a finding, with or without lookup columns."""
    return {"effective_severity": effective_severity(finding), "known_bad": known_bad(finding)}


def known_bad(finding: dict[str, Any]) -> str:
    """Say whether a feed or provider names the destination, or that none was asked."""
    if finding.get("feed_severity") or raising_words(finding):
        return NAMED
    statuses = [str(finding.get(name) or "") for name in ("feed_status", "ti_status")]
    return NOT_NAMED if any(status in ("ok", "miss") for status in statuses) else NOT_CHECKED


def effective_severity(finding: dict[str, Any]) -> str | None:
    """Raise a finding's severity by one where its destination is known as bad.

    A feed or provider that says critical or high makes it high at least. As in the model, a beacon
    of which every connection was denied is never critical. Without a severity, return None.
    """
    severity = finding.get("severity")
    words = raising_words(finding)
    if severity not in SEVERITIES or not words:
        return severity
    high = SEVERITIES.index("high")
    place = max(SEVERITIES.index(severity) - 1, 0)
    if SAYS_A_LOT & words:
        place = min(place, high)
    if is_denied(finding) and severity != "critical":
        place = max(place, high)
    return SEVERITIES[place]


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
