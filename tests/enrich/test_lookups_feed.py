"""The feed: a list of known bad addresses in the usual shapes."""

import pytest

from enrich.lookups import feed
from enrich.lookups.cache import Cache
from enrich.lookups.registry import make
from enrich.lookups.run import enrich
from tests.support.findings import to


def fed(tmp_path, text, *addresses):
    file = tmp_path / "feed.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    rows, outcomes = enrich(to(*addresses), make(feed.KIND, feed.Settings(file=file)), Cache(None))
    return [row["feed_matches"] for row in rows], rows, outcomes[0]


@pytest.mark.parametrize(
    "text",
    [
        "198.51.100.1\n",
        "# comment\n\n198.51.100.0/24\r\n",
        "\ufeff198.51.100.1",
        "198.51.100[.]1",
        "198.51.100.1:443\n",
        "first_seen,dst_ip,port\n2026-01-01,198.51.100.1,443\n",
        '"id","ioc_value"\n"1","198.51.100.1:8080"\n',
        "garbage\n198.51.100.0/30,x\n",
        "::ffff:198.51.100.1\n",
        "0.0.0.0/0\n",
    ],
)
def test_the_usual_shapes_of_a_feed_are_read(tmp_path, text):
    matches, rows, _ = fed(tmp_path, text, "198.51.100.1")
    assert matches[0] and matches[0][0].startswith("feed.txt")
    assert rows[0]["feed_status"] == "ok"


def test_near_misses_are_misses(tmp_path):
    text = "198.51.100.2\n198.51.100.128/25\n2001:db8:1::/48\n1.51.100.1\n198.51.100.1.example\n"
    matches, rows, _ = fed(tmp_path, text, "198.51.100.1", "2001:db8:2::1", "2001:db8:1::9")
    assert matches == [None, None, ["feed.txt"]]
    assert [row["feed_status"] for row in rows] == ["miss", "miss", "ok"]


def test_all_entries_that_hold_an_address_are_told_the_narrowest_first(tmp_path):
    text = (
        "network,malware,severity\n198.51.100.0/24,hosting,low\n"
        '198.51.100.1,"Cobalt Strike, leaked",HIGH\n198.51.100.1,Sliver,medium\n'
    )
    matches, rows, _ = fed(tmp_path, text, "198.51.100.1", "198.51.100.9")
    assert matches[0] == [
        "feed.txt: Cobalt Strike, leaked",
        "feed.txt: Sliver",
        "feed.txt: hosting",
    ]
    assert [row["feed_severity"] for row in rows] == ["high", "low"]


@pytest.mark.parametrize("content", [b"", b"<html>blocked</html>\n", b"\xff\xfe1\x00", b"\x00"])
def test_a_feed_without_an_address_is_skipped_with_the_reason(tmp_path, content):
    _, rows, outcome = fed(tmp_path, content, "198.51.100.1")
    assert rows[0]["feed_status"].startswith("skipped: ") and outcome.partial


def test_a_feed_that_is_not_there_is_skipped_with_the_reason(tmp_path):
    rows, _ = enrich(
        to("198.51.100.1"), make(feed.KIND, feed.Settings(file=tmp_path / "none.csv")), Cache(None)
    )
    assert "none.csv cannot be read" in rows[0]["feed_status"]
