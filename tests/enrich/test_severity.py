"""What a feed or threat intelligence says changes the severity and the order."""

import pytest

from enrich.export import rank
from enrich.listing import cells_of, explained
from enrich.severity import effective_severity, known_bad, why_not_raised
from tests.support.findings import a_finding

DENIED = {"event_count": 10, "denied_event_count": 10}


@pytest.mark.parametrize(
    ("severity", "said", "denied", "raised"),
    [
        ("low", {"feed_severity": "high"}, {}, "high"),
        ("medium", {"ti_severity": "critical"}, {}, "high"),
        ("high", {"feed_severity": "high"}, {}, "critical"),
        ("critical", {"feed_severity": "high"}, {}, "critical"),
        ("low", {"ti_severity": "warning"}, {}, "medium"),
        ("medium", {"feed_severity": "malware"}, {}, "high"),
        ("low", {"feed_severity": "information", "ti_severity": "HIGH"}, {}, "high"),
        ("medium", {"feed_severity": "information"}, {}, "medium"),
        ("medium", {"ti_severity": "information"}, {}, "medium"),
        ("medium", {}, {}, "medium"),
        ("high", {"feed_severity": "high"}, DENIED, "high"),
        ("low", {"feed_severity": "high"}, DENIED, "high"),
        ("critical", {"feed_severity": "high"}, DENIED, "critical"),
    ],
)
def test_what_is_known_as_bad_raises_the_severity(severity, said, denied, raised):
    assert effective_severity(a_finding(severity=severity) | said | denied) == raised


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"feed_status": "ok", "feed_severity": "high"}, "named"),
        ({"feed_status": "ok", "feed_severity": "information"}, "named"),
        ({"ti_status": "ok", "ti_severity": "information", "feed_status": "miss"}, "not named"),
        ({"feed_status": "miss", "ti_status": "skipped: off"}, "not named"),
        ({"feed_status": "skipped: no feed.file", "ti_status": "failed: no answer"}, "not checked"),
        ({"feed_status": "failed: no", "ti_status": "failed: no", "ti_severity": "high"}, "named"),
        ({}, "not checked"),
    ],
)
def test_not_checked_is_something_else_than_not_named(columns, expected):
    assert known_bad(a_finding() | columns) == expected


@pytest.mark.parametrize(
    ("severity", "columns", "expected"),
    [
        ("high", {"feed_severity": "high"} | DENIED, "every connection was denied"),
        ("high", {"feed_severity": "low"}, "the feed's severity is only low"),
        ("high", {"feed_severity": "low", "source_criticality": "high"}, "severity is only low"),
        ("high", {"feed_severity": "low"} | DENIED, "the feed's severity is only low"),
        ("high", {"feed_severity": "high"}, None),
        ("low", {"feed_severity": "high"} | DENIED, None),
        ("critical", {"feed_severity": "low"}, None),
        ("high", {"ti_severity": "information"}, None),
        ("high", DENIED, None),
        (None, {"feed_severity": "high"}, None),
    ],
)
def test_what_is_named_and_not_raised_says_why(severity, columns, expected):
    finding = a_finding(severity=severity) | columns
    said = why_not_raised(finding)
    assert said == expected or (expected and said.endswith(expected))
    shown = [cells_of(finding)[-1], "\n".join(explained(finding))]
    assert all((f"not raised: {said}" in text) == bool(expected) for text in shown)


def test_known_bad_rows_lead_and_denied_ones_sink():
    rows = [
        a_finding(1, severity="high") | {"feed_severity": "high"},  # critical by now
        a_finding(2, severity="critical", beacon_score=0.99),
        a_finding(3, severity="low", beacon_score=0.5) | {"feed_severity": "high"},
        a_finding(8, severity="high", beacon_score=0.1, **DENIED) | {"feed_severity": "high"},
        a_finding(4, severity="high", beacon_score=0.99),
        a_finding(5, severity="high", beacon_score=1.0, **DENIED),
        a_finding(6, severity="medium", beacon_score=1.0),
        a_finding(7, severity="critical", suppressed=True) | {"feed_severity": "high"},
    ]
    shuffled = [rows[place] for place in (3, 6, 0, 7, 5, 2, 4, 1)]
    assert sorted(shuffled, key=rank) == rows
