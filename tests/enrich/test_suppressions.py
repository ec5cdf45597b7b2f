"""Rows for the seed suppressions: written by a command, read from what Sentinel exports."""

import csv
import datetime as dt
import io
import json

import pytest
import yaml
from typer.testing import CliRunner

from enrich import suppressions
from enrich.cli import app
from enrich.fields import PROJECT
from enrich.suppressions import COLUMNS, SEED, add, covers, line_of, problems, read_seed, row_of
from enrich.words import UserError
from tests.support.findings import a_finding, a_run, write_export

UNTIL = dt.date(2026, 12, 31)
HEAD = ",".join(COLUMNS)


@pytest.fixture
def seed(tmp_path):
    file = tmp_path / "suppressions.csv"
    file.write_text(HEAD + "\n")
    return file


@pytest.fixture
def called(tmp_path, seed):
    """Call a command on an export of three findings; return its exit code and output."""
    findings = [
        a_finding(1, device_vendor="Fortinet"),
        a_finding(2, destination_ip="update.example.com", source_host_name='ws-2, "old"'),
        a_finding(3, suppressed=True, suppressed_by=["updates (SOC, until 2027-01-01)"]),
    ]
    root = write_export(tmp_path / "export", *findings, run=a_run(finding_count=3))
    empty = tmp_path / "enrich.toml"
    empty.touch()

    def call(command, *args):
        places = [str(root), "--config", str(empty), "--seed", str(seed)]
        done = CliRunner().invoke(app, [command, str(args[0]), *places, *map(str, args[1:])])
        text = f"{done.output}{done.exception or ''}"
        return (1 if isinstance(done.exception, UserError) else done.exit_code), text

    return call


def rows_of(seed):
    with seed.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file, strict=True))


ID = f"{1:032x}"
WHY = ("--reason", 'update, "nightly"\nof O\'Neill', "--owner", "SOC", "--write")


def test_the_row_of_a_finding_is_written_once_and_hides_it(called, seed):
    code, said = called("suppress", ID, *WHY, "--days", 30)
    assert code == 0 and f"{seed}, line 2:" in said and "dbt seed" in said
    assert "hides 1 of 3 findings" in said
    (row,) = rows_of(seed)
    assert row["reason"] == 'update, "nightly" of O\'Neill' and row["owner"] == "SOC"
    until = dt.datetime.now(dt.timezone.utc).date() + dt.timedelta(30)
    assert row["expires_on"] == until.isoformat()
    assert covers(row, a_finding(1)) and not covers(row, a_finding(1, period_seconds=80.0))
    code, said = called("suppress", ID, *WHY)
    assert code == 1 and f"{seed}, line 2 hides that already" in said
    lone = a_finding(1, period_seconds=None, time_delta=None)
    always = row | {"shortest_seconds": "*", "longest_seconds": "*"}
    assert covers(always, lone) and covers(always, a_finding(1)) and not covers(row, lone)
    assert len(rows_of(seed)) == 1


def test_only_write_writes(called, seed):
    code, said = called("suppress", ID, *WHY[:-1])
    assert code == 0 and "would be added" in said and "hides 1 of 3 findings" in said
    assert "Nothing was written" in said and rows_of(seed) == []


@pytest.mark.parametrize(
    "given", [(), ("--reason", " "), ("--reason", "null", "--owner", "SOC", "--write")]
)
def test_reason_and_owner_must_be_given(called, seed, given):
    code, said = called("suppress", ID, *given)
    assert code and "is empty" in said and rows_of(seed) == []


def test_what_is_suppressed_already_says_by_what(called, seed):
    code, said = called("suppress", f"{3:032x}", *WHY)
    assert code == 1 and "updates (SOC, until 2027-01-01)" in said and rows_of(seed) == []


def test_a_destination_that_is_a_name_is_warned_of(called, seed):
    code, said = called("suppress", f"{2:032x}", *WHY)
    assert code == 0 and "every destination of this source" in said
    assert rows_of(seed)[0]["destination_network"] == "*"


@pytest.mark.parametrize(
    "before",
    [HEAD, HEAD + "\n", "\ufeff" + HEAD + "\r\n", HEAD + "\n\n"]
    + [HEAD + '\n192.0.2.0/24,*,*,*,*,*,"two\nlines",SOC,2099-01-01'],
    ids=["no end", "plain", "Excel", "blank line", "line break in a cell"],
)
def test_the_file_stays_well_formed_and_keeps_what_it_has(seed, before):
    seed.write_bytes(before.encode())
    seed.chmod(0o664)
    kept = rows_of(seed)
    new = row_of(a_finding(1), "a", "b", UNTIL), row_of(a_finding(2), "c", "d", UNTIL)
    lines = add(new, seed)
    assert rows_of(seed) == [*kept, *new]
    assert seed.read_bytes().startswith(before.encode())
    assert ("\r\n" in before) == (
        b"\r\nfinding" in seed.read_bytes() or b"\r\n203" in seed.read_bytes()
    )
    text = seed.read_text("utf-8-sig").splitlines()
    assert [text[line - 1] for line in lines] == list(map(line_of, new))
    assert seed.stat().st_mode & 0o777 == 0o664, "others who may read the project still may"
    assert [file.name for file in seed.parent.iterdir()] == [seed.name], "nothing is left behind"


def test_a_seed_with_other_columns_is_left_alone(seed):
    seed.write_text("network,reason\n")
    with pytest.raises(UserError, match="first line of .* is network,reason"):
        add([row_of(a_finding(1), "a", "b", UNTIL)], seed)
    assert seed.read_text() == "network,reason\n"


def test_the_columns_are_those_of_the_seed():
    assert read_seed(SEED)[0].splitlines()[0] == HEAD


GOOD = dict(
    zip(
        COLUMNS,
        ["192.0.2.0/24", "443", "10.0.0.1", "Fortinet", "45", "75", "r", "SOC", "2026-12-31"],
    )
)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("destination_network", "192.0.2.0/33"),
        ("destination_network", "10.0.0.0/8/8"),
        ("source_network", "office"),
        ("source_network", ""),
        ("destination_port", "65536"),
        ("destination_port", "https"),
        ("device_vendor", ""),
        ("shortest_seconds", "NaN"),
        ("longest_seconds", "4"),
        ("reason", " "),
        ("owner", "null"),
        ("expires_on", "2026-02-30"),
        ("expires_on", "31.12.2026"),
    ],
)
def test_a_wrong_cell_is_said(cell, value):
    assert problems(GOOD) == []
    (said,) = problems(GOOD | {cell: value})
    assert said.startswith(("shortest_seconds", cell))


def test_command_and_pipeline_say_the_same_of_the_same_rows():
    model = PROJECT / "models/staging/stg_suppressions.yml"
    (unit,) = yaml.safe_load(model.read_text(encoding="utf-8"))["unit_tests"]
    rows = zip(unit["given"][0]["rows"], unit["expect"]["rows"], strict=True)
    for given, expected in rows:
        cells = {name: str(given[name] or "") for name in COLUMNS}
        assert "; ".join(problems(cells)) == (expected["problem"] or ""), given


# --- What Sentinel exports ----------------------------------------------------------------------

WATCHLIST = [
    {"destination_network": "203.0.113.0/24", "source_network": "*", "reason": "printers",
     "owner": "IT", "expires_on": "2099-01-01T00:00:00Z"},
    {"destination_network": "203.0.113.9", "source_network": "*", "reason": "old", "owner": "IT",
     "expires_on": "2020-01-01"},
    {"destination_network": "*", "source_network": "*", "reason": "all", "owner": "IT"},
]  # fmt: skip


def as_csv(rows, names=str):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\r\n")
    writer.writerow({name: names(name) for name in rows[0]})
    writer.writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        as_csv(WATCHLIST),
        "\ufeff" + as_csv(WATCHLIST, lambda name: name.title().replace("_", "")),
        json.dumps({"value": [
            {"name": "x", "properties": {"isDeleted": False, "itemsKeyValue": row}}
            for row in WATCHLIST
        ] + [{"properties": {"isDeleted": True, "itemsKeyValue": WATCHLIST[0]}}]}),
        json.dumps({"value": [
            {"properties": {"itemsKeyValue": json.dumps(row)}} for row in WATCHLIST
        ]}),
        json.dumps({"tables": [{
            "columns": [{"name": name} for name in WATCHLIST[0]],
            "rows": [[row.get(name) for name in WATCHLIST[0]] for row in WATCHLIST],
        }]}),
        json.dumps(WATCHLIST),
    ],
    ids=["csv", "csv of a query", "rest", "rest, json in a text", "answer of a query", "list"],
)  # fmt: skip
def test_a_watchlist_shows_what_it_would_add_and_adds_it_when_told(called, seed, tmp_path, text):
    file = tmp_path / "exported"
    file.write_text(text, encoding="utf-8")
    code, said = called("suppress-from", file)
    assert code == 0 and "Nothing was written" in said and rows_of(seed) == []
    assert "hides 2 of 3 findings" in said and "it would hide every finding" in said
    assert "it expired on 2020-01-01" in said
    code, said = called("suppress-from", file, "--write")
    (row,) = rows_of(seed)
    assert code == 0 and row["reason"] == "printers" and row["expires_on"] == "2099-01-01"
    code, said = called("suppress-from", file, "--write")
    assert "line 2 hides that already" in said and len(rows_of(seed)) == 1


def incident(title, classification="BenignPositive", status="Closed", **more):
    owner = {"assignedTo": "Ada", "email": None, "objectId": "x"}
    properties = {"title": title, "classification": classification, "status": status}
    properties |= {"owner": owner, "classificationComment": "backup, agreed", "incidentNumber": 7}
    return {"name": "guid", "properties": properties | more}


TITLE = "New beacon: 10.0.0.1 (text) to 203.0.113.7 port 443 tcp every 60 s"
TITLE += ", high, raised from medium: the source is critical: pc, IT"


@pytest.mark.parametrize(
    "incidents",
    [
        {"value": [
            incident(TITLE),
            incident(TITLE.replace("10.0.0.1", "10.0.0.10"), "TruePositive"),
            incident(TITLE.replace("10.0.0.1", "10.0.0.9")),
            incident(TITLE, status="Active", classificationComment="not yet"),
        ]},
        [
            {"Title": TITLE, "Status": "Closed", "Classification": "BenignPositive", "BeaconId": ID,
             "Owner": json.dumps({"assignedTo": "Ada"}), "ClassificationComment": "backup, agreed"},
            {"Title": "x", "Status": "Closed", "Classification": "BenignPositive", "BeaconId": "9"},
        ],
    ],
    ids=["rest", "query"],
)  # fmt: skip
def test_incidents_closed_as_benign_become_rows_of_their_findings(
    called, seed, tmp_path, incidents
):
    file = tmp_path / "incidents.json"
    file.write_text(json.dumps(incidents))
    code, said = called("suppress-from", file, "--write", "--owner", "SOC")
    assert code == 0 and said.count("no finding of this export") == 1
    (row,) = rows_of(seed)
    assert (row["source_network"], row["owner"]) == ("10.0.0.1", "Ada")
    assert row["reason"] == "backup, agreed" and covers(row, a_finding(1))


@pytest.mark.parametrize("text", ["{", "[1]", '{"value": 3}', "a,b\n1,2\n", "[" * 100_000])
def test_a_file_that_is_neither_says_so(called, seed, tmp_path, text):
    file = tmp_path / "exported"
    file.write_text(text)
    code, said = called("suppress-from", file, "--write")
    assert code == 1 and ("neither" in said) and rows_of(seed) == []
    assert suppressions.read_seed(seed)[1] == {}


@pytest.mark.parametrize("cell", ['"never closed', '"' + "x" * 140_000 + '"'])
def test_a_seed_that_is_no_csv_is_refused_and_stays_as_it_is(called, seed, cell: str):
    text = seed.read_text("utf-8-sig") + f"198.51.100.1,*,*,*,*,*,{cell}\n"
    seed.write_text(text)
    code, said = called("suppress", ID, *WHY)
    assert code != 0 and f"the seed {seed} cannot be read" in said and "Traceback" not in said
    assert seed.read_text() == text
