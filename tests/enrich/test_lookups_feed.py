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
    rows, outcomes = enrich(
        to(*addresses), make(feed.KIND, feed.Settings(file=[file])), Cache(None)
    )
    return [row["feed_matches"] for row in rows], rows, outcomes[0]


BAD, HARMLESS = "198.51.100.1", "192.0.2.1"  # in feeds: an indicator; whoever reported it


@pytest.mark.parametrize(
    "text",
    [
        "198.51.100.1\n",
        "# comment\n\n198.51.100.0/24\r\n",
        "\ufeff198.51.100.1",
        "203.0.113.5\r198.51.100.1\r",
        "203.0.113.5\n\ufeff198.51.100.1",
        "198.51.100.1 bad.example # C2",
        "0.0.0.0 bad.example\n198.51.100.1\tbad.example",
        "// list\n198.51.100.1 // C2",
        "'198.51.100.1'",
        "198.51.100[.]1",
        "198(dot)51(dot)100(dot)1:443",
        "hxxps[://]198[.]51[.]100[.]1/gate",
        "http://user:word@198.51.100.1:8080/a,b;c#d",
        "198.51.100.1/panel/gate.php",
        "tcp://198.51.100.1:443,Family",
        "198.51.100.1:443\n",
        "198.51.100.1:443/tcp\n",
        "bad.example|198.51.100.1",
        "198.51.100.0 - 198.51.100.3",
        "198.51.100.0/255.255.255.0",
        "; networks\n198.51.100.0/28 ; SBL1",
        "# address, lists\n198.51.100.1\t9",
        "198.51.100.1#4#2#Malicious Host#FI##60.1,24.9#3",
        "198.51.100.1 # Malicious Host FI,,60.1,24.9",
        "198.51.100.1#4#2#Scanning#BR#S\xe3o Paulo#0,0#3".encode("latin-1"),
        "64496  |  NAME  |  198.51.100.1  |  2026-09-29 08:00:00  |  ssh",
        "2026-09-29 08:00:00,me,ip,198.51.100.1,#C2,https://social.example/1",
        "Family,198.51.100.1,http://198.51.100.1/gate",
        "203.0.113.5, 203.0.113.6, 198.51.100.1",
        '"Family; leaked";198.51.100.1',
        "first_seen,dst_ip,port\n2026-01-01,198.51.100.1,443\n",
        "# Firstseen,DstIP,DstPort\r\n2026-09-29 08:00:00,198.51.100.1,443\r\n# END 1\r\n",
        '"id","ioc_value"\n"1","198.51.100.1:8080"\n',
        '#####\n# "id","tags","ioc_value","by"\n"1", "a,b", "198.51.100.1:443", "192.0.2.1"\n# 1\n',
        '# id,url,urlhaus_link\n"1","http://198.51.100.1:80/i","https://192.0.2.1/"',
        "#ip,ioc\n198.51.100.1,Possible C2",
        "#fields\tindicator\tindicator_type\tmeta.source\n198.51.100.1\tIntel::ADDR\t192.0.2.1",
        "uuid,type,value,to_ids\n1,ip-dst|port,198.51.100.1|443,1",
        "Start\tEnd\tNetblock\n198.51.100.0\t198.51.100.255\t24",
        "sep=;\nReporter IP;IP Address\n192.0.2.1;198.51.100.1",
        "NetworkSourceIP,NetworkDestinationIP\n192.0.2.1,198.51.100.1",
        "src_ip,count\n198.51.100.1,7",
        "Server;Familie\n198.51.100.1;x",
        "name;ip\n;198.51.100.1",
        "sensor,node\n192.0.2.1,198.51.100.1",
        'ip,comment\n203.0.113.5,"stray\n198.51.100.1,x',
        "type,pattern\nindicator,\"[ipv4-addr:value = '198.51.100.1']\"",
        "garbage\n198.51.100.0/30,x\n",
        "::ffff:198.51.100.1\n",
        "dst_ip;port\r\n198.51.100.1;443\r\n".encode("utf-16"),
        "198.51.100.1\r\n".encode("utf-16-be"),
        '{"cidr":"198.51.100.0/24","sblid":"SBL1"}\n{"type":"metadata","terms":"x"}\n',
        '[{"ip_address": "198.51.100.1", "port": 443, "hostname": null}]',
        '{"7": [{"ioc_value": "198.51.100.1:443", "reporter": "192.0.2.1"}]}',
        '{"references": ["http://192.0.2.1/"], "indicators": [{"indicator": "198.51.100.1"}]}',
        '{"data": [{"ipAddress": "198.51.100.1", "owner": {"ip": "192.0.2.1"}}]}',
        '["198.51.100.1", "203.0.113.5"]',
        "create bad hash:net family inet\nadd bad 203.0.113.5\nadd bad 198.51.100.0/28 timeout 60",
        "add bad 198.51.100.0-198.51.100.3",
        "Some, company:198.51.100.0-198.51.100.3\n",
        "! Title: x\n||bad.example^\n||198.51.100.1^$third-party\n",
        '{"Event": {"Object": [{"Attribute": [{"type": "text", "value": "192.0.2.1"}, {"type": '
        '"ip-dst|port", "value": "198.51.100.1|443", "to_ids": true, "Tag": [{"name": "x"}]}]}]}}',
        '{"objects": [{"type": "ipv4-addr", "id": "ipv4-addr--1", "value": "192.0.2.1"}, {"type": '
        '"indicator", "id": "indicator--2", "pattern": "[ipv4-addr:value ISSUBSET '
        "'198.51.100.0/24' OR ipv4-addr:value != '192.0.2.1']\"}]}",
    ],
)
def test_the_usual_shapes_of_a_feed_are_read(tmp_path, text):
    matches, rows, _ = fed(tmp_path, text, BAD, HARMLESS)
    assert matches[0] and matches[0][0].startswith("feed.txt")
    assert [row["feed_status"] for row in rows] == ["ok", "miss"]


@pytest.mark.parametrize(
    "text",
    [
        "[2001:db8::7]:443",
        "[2001:db8::7]",
        "http://[2001:db8::7]:8080/x",
        "2001:db8::7|443",
        "2001[:]db8[:][:]7",
        "2001:db8::-2001:db8::ff",
    ],
)
def test_ipv6_is_read_with_a_port_too(tmp_path, text):
    _, rows, _ = fed(tmp_path, text, "2001:db8::7", "2001:db8::7:443")
    assert [row["feed_status"] for row in rows] == ["ok", "miss"]


@pytest.mark.parametrize(
    "text",
    [
        "192.0.2.256",
        "192.0.2.1/33",
        "192.0.2.1/443",
        "192.0.2.001",
        "192.0.2",
        "1.2.0.192.in-addr.arpa",
        "http://192.0.2.1@bad.example/",
        "http://192.0.2.1.bad.example/",
        "http://bad.example/@192.0.2.1",
        "https://bad.example/?from=192.0.2.1",
        "192.0.2.1 - 192.0.2.300",
        "192.0.2.9-192.0.2.1",
        "v192.0.2.1",
        "value,type\n192.0.2.1|203.0.113.5,x",
        "2026-09-29",
        "AS64496",
        "08:05:00",
        "Family,192.0.2.1,203.0.113.5",
        "203.0.113.5\nFamily,192.0.2.1",
        "reporter_ip,indicator\n192.0.2.1,bad.example",
        "source_ip,c2_domain\n192.0.2.1,bad.example",
        "ip,version\n,192.0.2.1",
        "value,to_ids\n192.0.2.1,0",
        '{"type": "version", "value": "192.0.2.1"}',
        '{"tags": ["192.0.2.1"], "domain": "bad.example"}',
        '{"pattern": "[ipv4-addr:value NOT = \'192.0.2.1\']"}',
    ],
)
def test_what_is_no_address_or_not_the_indicator_becomes_none(tmp_path, text):
    matches, _, outcome = fed(tmp_path, f"{text}\n", HARMLESS)
    assert matches == [None] and "hold no address" in outcome.reason


def test_a_feed_says_what_it_does_not_use_with_an_example(tmp_path):
    text = "198.51.100.1\nbad.example\n0.0.0.0/0\n2000::/3\n\x1b[2Jx\n10.0.0.0/8\n"
    matches, _, outcome = fed(tmp_path, text, "198.51.100.1", "203.0.113.5")
    assert matches == [["feed.txt"], None]
    assert "2 of 6 entries" in outcome.reason and "such as 'bad.example'" in outcome.reason
    assert "wider than /8" in outcome.reason and "such as 0.0.0.0/0" in outcome.reason


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "1." * 1_000_000,
        '"' * 1_000_000,
        "[.]" * 300_000,
        "[ipv4-addr:value=(" * 30_000,
        'ip,x\n192.0.2.1,"' + "x" * 200_000,
        "\0" * 1000,
    ],
)
def test_a_hostile_line_costs_only_itself(tmp_path, text):
    matches, _, _ = fed(tmp_path, f"203.0.113.5\n{text}\n198.51.100.1\n", "198.51.100.1")
    assert matches == [["feed.txt"]]


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


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>198.51.100.1 is blocked</html>\n", b"\xff\xfe1\x00", b"\x00", b"PK\x03\x04zip"],
)
def test_a_feed_without_an_address_is_skipped_with_the_reason(tmp_path, content):
    _, rows, outcome = fed(tmp_path, content, "198.51.100.1")
    assert rows[0]["feed_status"].startswith("skipped: ") and outcome.partial


def test_a_feed_that_is_not_there_is_skipped_with_the_reason(tmp_path):
    rows, _ = enrich(
        to("198.51.100.1"), make(feed.KIND, feed.Settings(file=tmp_path / "none.csv")), Cache(None)
    )
    assert "none.csv cannot be read" in rows[0]["feed_status"]


def several(tmp_path, *files):
    """Look up one address in several feeds, given as (name, text); no text: no file."""
    paths = []
    for name, text in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if text is not None:
            path.write_text(text)
        paths.append(path)
    lookups = make(feed.KIND, feed.Settings(file=paths))
    (row,), outcomes = enrich(to(BAD), lookups, Cache(None))
    return row, outcomes


def test_several_feeds_are_all_asked_and_the_worst_counts(tmp_path):
    row, outcomes = several(
        tmp_path,
        ("a.csv", f"ip,severity\n{BAD},low\n"),
        ("b.txt", f"{HARMLESS}\n"),
        ("c.csv", f"ip,severity,label\n{BAD},critical,C2\n"),
    )
    assert row["feed_severity"] == "critical" and row["feed_status"] == "ok"
    assert [match.partition(":")[0] for match in row["feed_matches"]] == ["a.csv", "c.csv"]
    assert [outcome.name for outcome in outcomes] == ["feed:a.csv", "feed:b.txt", "feed:c.csv"]
    assert row["known_bad"] == "named" and row["effective_severity"] == "critical"


def test_a_feed_that_is_not_there_costs_the_others_nothing_and_is_told(tmp_path):
    row, outcomes = several(tmp_path, ("a.txt", f"{BAD}\n"), ("gone.txt", None))
    assert (row["known_bad"], row["feed_status"]) == ("named", "ok")
    assert outcomes[1].partial and "gone.txt cannot be read" in outcomes[1].reason
    row, outcomes = several(tmp_path, ("gone.txt", None), ("away.txt", None))
    assert row["known_bad"] == "not checked" and row["feed_status"].startswith("skipped: ")
    assert all(outcome.partial for outcome in outcomes)


def test_feeds_of_the_same_name_stay_apart(tmp_path):
    row, outcomes = several(tmp_path, ("x/list.txt", f"{BAD}\n"), ("y/list.txt", f"{BAD}\n"))
    assert [outcome.name for outcome in outcomes] == ["feed:1 list.txt", "feed:2 list.txt"]
    assert len(row["feed_matches"]) == 2


def test_a_network_that_is_too_wide_is_told(tmp_path):
    _, _, outcome = fed(tmp_path, f"0.0.0.0/0\n198.0.0.0/7\n{BAD}\n", BAD)
    assert outcome.reason.startswith("2 of 3 entries of ") and "wider than /8" in outcome.reason
