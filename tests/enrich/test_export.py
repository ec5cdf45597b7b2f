"""Reading the export: what the contract says, and nothing else, gets through."""

import datetime as dt
import errno
import json

import fsspec
import pytest

from enrich.contract import LOOKUP_COLUMNS, ContractError, contract
from enrich.export import (
    ENRICHED,
    FOLDER,
    RUNS_FOLDER,
    read_before,
    read_enriched,
    read_export,
    read_findings,
    vendors_of,
    write_enriched,
)
from enrich.words import UserError
from tests.support.findings import a_finding, a_run, write_export


def test_what_spark_writes_is_read_as_it_is_and_nulls_are_allowed(tmp_path):
    nulls = dict.fromkeys(name for name, kind in contract().items() if kind in ("double", "bigint"))
    rows = [a_finding(1), a_finding(2, **nulls, destination_port=None, interval_histogram=None)]
    assert read_findings(str(write_export(tmp_path, *rows))) == rows


def test_severity_then_score_then_percentage_decide_and_suppressed_rows_come_last(tmp_path):
    rows = [
        a_finding(6, severity="critical", suppressed=True),
        a_finding(5, severity="low", beacon_score=None),
        a_finding(4, percent_beacon=None),
        a_finding(3, percent_beacon=80.0),
        a_finding(2, beacon_score=0.99),
        a_finding(1, severity="critical", beacon_score=0.9),
    ]
    read = read_findings(str(write_export(tmp_path, *rows)))
    assert [row["beacon_id"] for row in read] == [f"{n:032x}" for n in range(1, 7)]


@pytest.mark.parametrize("column", list(contract()))
def test_each_missing_column_is_named(tmp_path, column):
    row = a_finding(2)
    del row[column]
    with pytest.raises(ContractError, match=rf"line 2: the column {column} .*missing"):
        read_findings(str(write_export(tmp_path, a_finding(1), row)))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("beacon_score", "0.9"),
        ("beacon_score", True),
        ("destination_port", 443.0),
        ("destination_port", 2**31),
        ("event_count", 2**63),
        ("suppressed", 1),
        ("source_ip", 10),
        ("end_date", "2026-09-31"),
        ("end_date", "30/09/2026"),
        ("first_seen", "2026-09-30"),
        ("reasons", "one text"),
        ("reasons", [None]),
        ("hourly_event_counts", [1, 2.5]),
        ("interval_histogram", [{"time_delta": 60}]),
        ("interval_histogram", [[60, 3]]),
        ("beacon_id", None),
        ("run_id", None),
    ],
)
def test_a_mistyped_value_is_an_error_that_names_file_line_column_and_value(
    tmp_path, column, value
):
    write_export(tmp_path, a_finding(1), file="part-00000.json")
    write_export(tmp_path, a_finding(2, **{column: value}), file="part-00001.json")
    with pytest.raises(ContractError) as error:
        read_findings(str(tmp_path))
    message = str(error.value)
    assert "part-00001.json, line 1" in message and column in message and "dbt build" in message
    assert value is None or json.dumps(value) in message


@pytest.mark.parametrize("end", ['{"beacon_id": "0', "[]", "null", "\x00\x00", '{"a": NaN}'])
def test_a_truncated_or_foreign_file_is_an_error(tmp_path, end):
    file = write_export(tmp_path, a_finding(1)) / FOLDER / "part-00000.json"
    file.write_text(file.read_text() + end)
    with pytest.raises(ContractError, match=r"part-00000.json, line 2"):
        read_findings(str(tmp_path))


@pytest.mark.parametrize("other", [{"run_id": "run-2"}, {"end_date": "2026-09-29"}])
def test_rows_of_two_runs_are_a_mixed_export(tmp_path, other):
    write_export(tmp_path, a_finding(1))
    write_export(tmp_path, a_finding(2, **other), file="part-00001.json")
    with pytest.raises(ContractError, match="rows of 2 runs.*part-00001"):
        read_findings(str(tmp_path))


def test_one_run_may_judge_several_vendors(tmp_path):
    write_export(tmp_path, a_finding(1), a_finding(2, device_vendor="Zscaler"))
    assert vendors_of(read_findings(str(tmp_path))) == ["Fortinet", "Zscaler"]


def test_a_file_that_was_copied_is_an_error(tmp_path):
    write_export(tmp_path, a_finding(1))
    write_export(tmp_path, a_finding(1), file="copy.json")
    with pytest.raises(ContractError, match="more than once"):
        read_findings(str(tmp_path))


def test_an_empty_export_is_a_result_and_none_is_not(tmp_path):
    assert read_findings(str(write_export(tmp_path))) == []
    with pytest.raises(UserError, match="no export in .*nowhere.*dbt build"):
        read_findings(str(tmp_path / "nowhere"))


def test_what_spark_leaves_beside_the_rows_is_not_read(tmp_path):
    write_export(tmp_path, a_finding(1))
    write_export(tmp_path, file="._SUCCESS.crc")
    (tmp_path / FOLDER / ".part-00000.json").write_text("not a row")
    (tmp_path / FOLDER / "_committed_1.json").write_text("not a row")
    assert len(read_findings(str(tmp_path))) == 1


def test_an_export_on_another_file_system_is_read_and_enriched():
    memory = fsspec.filesystem("memory")
    row = a_finding(1)
    memory.pipe(f"/export/{FOLDER}/part-0.json", (json.dumps(row) + "\n").encode())
    memory.pipe(f"/export/{FOLDER}/_SUCCESS", b"")
    try:
        assert read_findings("memory://export") == [row]
        write_enriched("memory://export", [row | dict.fromkeys(LOOKUP_COLUMNS)])
        assert "country" in read_enriched("memory://export", [row])[0]
    finally:
        memory.rm("/export", recursive=True)


def test_enriched_rows_count_only_for_the_run_that_they_were_made_of(tmp_path):
    rows = [a_finding(1), a_finding(2)]
    added = dict.fromkeys(LOOKUP_COLUMNS) | {"country": "Finland"}
    assert read_enriched(str(tmp_path), rows) == rows
    write_enriched(str(tmp_path), [row | added for row in rows])
    assert read_enriched(str(tmp_path), rows)[1]["country"] == "Finland"
    (tmp_path / ENRICHED).open("a").write("\n")
    for others in ([a_finding(1, run_id="run-2")], [a_finding(3)]):
        assert read_enriched(str(tmp_path), others) == others
    (tmp_path / ENRICHED).write_text('{"country": ')
    with pytest.raises(ContractError, match=f"{ENRICHED}, line 1.*enrich lookup"):
        read_enriched(str(tmp_path), rows)


def test_the_enriched_file_survives_what_cannot_be_encoded_and_leaves_no_unfinished_file(tmp_path):
    row = a_finding(1, protocol="half \ud800 a pair\u2028") | dict.fromkeys(LOOKUP_COLUMNS)
    write_enriched(str(tmp_path), [row])
    assert [file.name for file in tmp_path.iterdir()] == [ENRICHED]
    assert read_enriched(str(tmp_path), [row])[0]["protocol"] == row["protocol"]


def test_what_an_older_version_enriched_of_an_older_run_is_no_error(tmp_path):
    (tmp_path / ENRICHED).write_text('{"run_id": "run-0", "beacon_id": "1"}\n')
    assert read_enriched(str(tmp_path), [a_finding(1)]) == [a_finding(1)]
    (tmp_path / ENRICHED).write_text('{"run_id": "run-1", "beacon_id": "1"}\n')
    with pytest.raises(ContractError, match="missing.*enrich lookup"):
        read_enriched(str(tmp_path), [a_finding(1)])


def test_an_error_of_the_store_shows_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_KEY", "s3cret-of-mine")
    memory = fsspec.filesystem("memory")
    monkeypatch.setattr(type(memory), "isdir", lambda self, path: True)

    def failing(self, path, **kwargs):
        raise OSError("GET https://a.example/c?sig=abc123 with s3cret-of-mine failed")

    monkeypatch.setattr(type(memory), "find", failing)
    with pytest.raises(
        UserError, match="cannot be listed: OSError: GET https://a.example/c"
    ) as error:
        read_findings("memory://nowhere")
    assert "s3cret" not in str(error.value) and "abc123" not in str(error.value)


def test_without_its_checkout_the_package_says_how_to_install_it(monkeypatch, tmp_path):
    contract.cache_clear()
    monkeypatch.setattr("enrich.contract.CONTRACTS", tmp_path / "no_models")
    with pytest.raises(
        UserError, match=r"no_models/network.*yml.*is not there.*pip install --editable"
    ):
        contract()


# --- The run ------------------------------------------------------------------------------------


def just_now(hours=0.0):
    """A time as Spark writes it, some hours ago."""
    time = dt.datetime.now(dt.timezone.utc) - dt.timedelta(hours=hours)
    return f"{time:%Y-%m-%dT%H:%M:%S}.123Z"


def test_a_quiet_night_is_told_by_the_row_of_its_run(tmp_path):
    run = a_run(run_started_at=just_now(2))
    export = read_export(str(write_export(tmp_path, run=run)))
    assert (export.findings, export.run, export.warnings) == ([], run, [])
    assert export.vendors == ["Fortinet"] and export.of_the_run["end_date"] == "2026-09-30"


def test_findings_and_the_row_of_their_run_belong_together(tmp_path):
    run = a_run(finding_count=2, run_started_at=just_now())
    row = {"run_started_at": run["run_started_at"]}
    root = str(write_export(tmp_path, a_finding(1, **row), a_finding(2, **row), run=run))
    assert read_export(root).run == run and read_export(root).warnings == []
    write_export(tmp_path, a_finding(1, **row))
    with pytest.raises(ContractError, match="run run-1 .* made 2 findings, and .* has 1"):
        read_export(root)


def test_an_empty_export_of_a_run_that_found_something_is_an_error(tmp_path):
    root = str(write_export(tmp_path, run=a_run(finding_count=3)))
    with pytest.raises(ContractError, match="made 3 findings, and the export in .* has 0"):
        read_export(root)


def test_the_row_of_another_run_is_told_and_not_used(tmp_path):
    row = {"run_started_at": just_now()}
    run = a_run(run_id="run-0", run_started_at=just_now(24), finding_count=1)
    export = read_export(str(write_export(tmp_path, a_finding(1, **row), run=run)))
    (warning,) = export.warnings
    assert export.run is None and "run-0" in warning and "did not go to its end" in warning


def test_an_empty_export_without_a_run_says_when_it_was_written(tmp_path):
    export = read_export(str(write_export(tmp_path)))
    (warning,) = export.warnings
    assert f"written on {dt.datetime.now(dt.timezone.utc):%Y-%m-%d}" in warning
    assert "cannot be told" in warning


def test_an_old_export_is_told_with_its_date(tmp_path):
    root = str(write_export(tmp_path, run=a_run(run_started_at=just_now(25))))
    assert read_export(root).warnings == []
    root = str(write_export(tmp_path, run=a_run(run_started_at=just_now(75))))
    (warning,) = read_export(root).warnings
    assert "for the day 2026-09-30, 3 days ago: was there none since?" in warning
    write_export(tmp_path / "b", a_finding(1))
    (warning,) = read_export(str(tmp_path / "b")).warnings
    assert "2026-09-30T12:00:04.974Z" in warning, "without the row of a run, too"


@pytest.mark.parametrize("folder", [FOLDER, RUNS_FOLDER])
def test_an_unfinished_folder_is_an_error_with_its_date(tmp_path, folder):
    write_export(tmp_path, run=a_run())
    (tmp_path / folder / "_SUCCESS").unlink()
    with pytest.raises(UserError, match=r"unfinished: _SUCCESS .* written on 20\d\d-.*dbt build"):
        read_export(str(tmp_path))
    (tmp_path / folder / "_committed_123").touch()  # as Databricks marks it
    read_export(str(tmp_path))


@pytest.mark.parametrize("name", ["part-0.json.gz", "part-0.snappy.parquet", "part-0.csv"])
def test_a_file_that_is_not_read_is_an_error_and_no_quiet_night(tmp_path, name):
    write_export(tmp_path, run=a_run())
    (tmp_path / FOLDER / name).write_bytes(b"x")
    with pytest.raises(UserError, match=f"1 files that are not read, such as .*{name}, written on"):
        read_export(str(tmp_path))


@pytest.mark.parametrize("rows", [0, 2])
def test_there_is_one_row_of_a_run(tmp_path, rows):
    write_export(tmp_path, run=a_run())
    file = tmp_path / RUNS_FOLDER / "part-00000.json"
    file.write_text(file.read_text() * rows)
    with pytest.raises(ContractError, match=f"has {rows} rows, not that of one run"):
        read_export(str(tmp_path))


def test_a_broken_row_of_a_run_names_file_line_and_column(tmp_path):
    write_export(tmp_path, run=a_run(line_count="many"))
    with pytest.raises(ContractError, match='part-00000.json, line 1: line_count is "many"'):
        read_export(str(tmp_path))


def test_a_day_of_which_much_cannot_be_read_is_told(tmp_path):
    run = a_run(rejected_line_count=51, run_started_at=just_now())
    (warning,) = read_export(str(write_export(tmp_path, run=run))).warnings
    assert "5% of the lines of 2026-09-30 could not be used (51 of 1000)" in warning
    run = a_run(rejected_line_count=50, run_started_at=just_now())
    assert read_export(str(write_export(tmp_path, run=run))).warnings == []


# --- Files --------------------------------------------------------------------------------------


def test_what_was_enriched_is_for_its_owner_only(tmp_path):
    added = dict.fromkeys(LOOKUP_COLUMNS)
    root = tmp_path / "new/export"
    write_enriched(str(root), [a_finding(1) | added])
    write_enriched(str(root), [a_finding(1, run_id="run-2") | added])
    assert {path.name for path in root.iterdir()} == {ENRICHED, "enriched_before.jsonl"}
    assert {path.stat().st_mode & 0o777 for path in root.iterdir()} == {0o600}
    assert root.stat().st_mode & 0o777 == 0o700


def test_the_run_before_is_kept_for_diff(tmp_path):
    added = dict.fromkeys(LOOKUP_COLUMNS)
    root = str(tmp_path)
    assert read_before(root) is None
    first, second = a_finding(1) | added, a_finding(1, run_id="run-2") | added
    write_enriched(root, [first])
    write_enriched(root, [first | {"country": "FI"}])
    assert read_before(root) is None, "the same run again is no other"
    write_enriched(root, [second])
    assert read_before(root) == [first | {"country": "FI"}]
    write_enriched(root, [second])
    assert read_before(root) == [first | {"country": "FI"}]
    write_enriched(root, [])
    assert read_before(root) == [second]


def test_a_full_disk_leaves_no_unfinished_file_and_keeps_the_old_one(tmp_path, monkeypatch):
    added = dict.fromkeys(LOOKUP_COLUMNS)
    write_enriched(str(tmp_path), [a_finding(1) | added])
    old = (tmp_path / ENRICHED).read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("enrich.storage.os.replace", full)
    with pytest.raises(UserError, match="cannot be written: .*No space left on device"):
        write_enriched(str(tmp_path), [a_finding(2) | added])
    assert [path.name for path in tmp_path.iterdir()] == [ENRICHED]
    assert (tmp_path / ENRICHED).read_bytes() == old


def test_suppressions_that_lost_their_effect_are_warned_of_by_name(tmp_path):
    wrong = {"state": "cannot be used: owner is empty", "suppression": "192.0.2.1,\x1b[31m"}
    late = {"state": "expired", "suppression": "192.0.2.2,443"}
    idle = [wrong, late, {"state": "hid nothing", "suppression": "192.0.2.3,443"}]
    root = str(write_export(tmp_path, run=a_run(idle_suppressions=idle)))
    first, second, *_ = read_export(root).warnings
    assert "owner is empty: 192.0.2.1,\\x1b[31m" in first and "expired: 192.0.2.2,443" in second
    root = str(write_export(tmp_path / "many", run=a_run(idle_suppressions=[late] * 9)))
    warnings = [text for text in read_export(root).warnings if "suppression" in text]
    assert len(warnings) == 4 and warnings[-1].startswith("6 suppressions more")
