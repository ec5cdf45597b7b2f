"""Who the sources are: read from a CSV, shown, and heeded in the severity."""

import pytest
from typer.testing import CliRunner

from enrich.cli import app
from enrich.export import read_enriched, read_export
from enrich.severity import columns_of
from enrich.sources import COLUMNS, HEAD, Sources
from enrich.words import UserError
from tests.support.findings import a_finding, a_run, write_export

ROWS = """\
10.0.0.0/8,clients,IT,Berlin,low
10.0.1.0/24,servers,"Ops, nights",Berlin,
10.0.1.7,domain controller,Ops,Berlin,HIGH
2001:db8::/32,lab,R&D,Bonn,normal
WS-9,the boss,,,high
"""


@pytest.fixture
def file(tmp_path):
    written = tmp_path / "sources.csv"
    written.write_text("\ufeff" + ",".join(HEAD) + "\n" + ROWS, encoding="utf-8")
    return written


@pytest.mark.parametrize(
    ("source", "host", "name"),
    [
        ("10.9.0.1", None, "clients"),
        ("10.0.1.8", "ws-1", "servers"),
        ("10.0.1.7", None, "domain controller"),
        ("2001:DB8::9", None, "lab"),
        ("10.9.0.1", "ws-9", "the boss"),
        ("10.9.0.1", "ws-9.corp.example", "the boss"),
        ("10.9.0.1", "xws-9", "clients"),
        ("192.0.2.1", None, None),
        ("not an address", None, None),
    ],
)
def test_a_host_goes_before_networks_and_the_narrowest_network_counts(file, source, host, name):
    sources = Sources(file)
    assert sources.note == ""
    found = sources.of(a_finding(source_ip=source, source_host_name=host))
    assert found.keys() == COLUMNS.keys() and found["source_name"] == name
    others = {None: None, "clients": "low", "servers": "normal", "lab": "normal"}
    assert found["source_criticality"] == others.get(name, "high")


def test_rows_that_are_wrong_are_named_and_the_others_are_used(file):
    with file.open("a", encoding="utf-8") as more:
        more.write("10.0.0.0/99,a,b,c,low\n10.1.0.0/16,a,b,c,vital\n10.2.0.0/16,a,b, c,d,low\n")
        more.write("10.0.1.7,again,,,low\n,a,b,c,low\n\n\x1b[31m/8,a,b,c,low\n")
    sources = Sources(file)
    assert sources.note.startswith("6 rows not used: line 7, 10.0.0.0/99 is no network; line 8")
    assert "vital is none of low, normal, high" in sources.note and "\x1b" not in sources.note
    assert sources.of(a_finding(source_ip="10.0.1.7"))["source_name"] == "domain controller"


@pytest.mark.parametrize("text", ["network,name\n", "", "\x00"])
def test_a_file_without_its_columns_says_which(tmp_path, text):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(UserError, match="has no column source.*make it source,name"):
        Sources(tmp_path / "x.csv")


DENIED = {"event_count": 10, "denied_event_count": 10}
NAMED = {"feed_severity": "high"}


@pytest.mark.parametrize(
    ("severity", "more", "effective", "reasons"),
    [
        ("medium", {}, "high", ["source"]),
        ("low", {}, "medium", ["source"]),
        ("critical", {}, "critical", []),
        ("high", DENIED, "high", []),
        ("medium", DENIED, "high", ["source"]),
        ("low", NAMED, "critical", ["destination", "source"]),
        ("high", NAMED, "critical", ["destination"]),
        ("low", {"source_criticality": "normal"}, "low", []),
    ],
)
def test_a_critical_source_raises_by_one_and_says_so(severity, more, effective, reasons):
    known = {"source_criticality": "high", "source_name": "dc", "source_owner": "Ops"}
    found = columns_of(a_finding(severity=severity) | known | more)
    assert found["effective_severity"] == effective
    assert [text.split()[1] for text in found["raised_by"]] == reasons
    if "source" in reasons:
        assert found["raised_by"][-1] == "the source is critical: dc, Ops"


def test_lookup_adds_them_and_the_commands_show_them(file, tmp_path):
    findings = a_finding(1, source_ip="10.0.1.7", severity="medium"), a_finding(2, severity="low")
    root = str(write_export(tmp_path / "export", *findings, run=a_run(finding_count=2)))
    config = tmp_path / "enrich.toml"
    config.write_text('sources = "sources.csv"\n')

    def call(*args):
        done = CliRunner().invoke(app, [*args, "--config", str(config)])
        assert done.exit_code == 0, done.output
        return done.output

    assert "sources: 2 of 2 findings" in call("lookup", root)
    first = read_enriched(root, read_export(root).findings)[0]
    assert (first["source_ip"], first["effective_severity"]) == ("10.0.1.7", "high")
    assert "10.0.1.7 (domain controller)" in call("show", root, "--source", "ops")
    said = call("explain", f"{1:032x}", root)
    assert "raised: the source is critical: domain controller, Ops, Berlin" in said
