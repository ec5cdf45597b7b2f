"""Messages to a user who has not given what the hunt needs; then nothing is built."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from tests.support.dbt_in_process import ENGINE, Dbt, Result
from tests.support.export_tree import at, lay_out

DAY = dt.date(2026, 3, 10)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Vars for a location with logs of DAY only."""
    folder = tmp_path_factory.mktemp("messages")
    row = {"TimeGenerated": at(DAY, 0), "DeviceVendor": "Fortinet"}
    row |= {"SourceIP": "10.0.0.1", "DestinationIP": "192.0.2.1"}
    lay_out(folder / "raw", DAY, [row])
    lay_out(folder / "raw", DAY + dt.timedelta(1), [row], file="notes.txt")
    return {
        "raw_root": str(folder / "raw"),
        "export_root": str(folder / "export"),
        "end_date": str(DAY),
        "lookback_days": 2,
    }


# Models that a run may have built before it finds that there is nothing to read.
BEFORE_LINES = {"log_files", "log_days"}
BEFORE_LINES |= {"stg_internal_networks", "stg_suppressions", "stg_known_services"}


def refused(
    dbt: Dbt,
    *args: str,
    vars: dict[str, Any] | str | None = None,
    built: set[str] = frozenset(),
) -> str:
    """Run a command that must fail; return its messages. It builds nothing outside `built`."""
    before = dbt.tables()
    result = dbt(*args, vars=vars)
    assert not result.success, result.messages
    assert dbt.tables() - before <= built and set(result.models) <= built, "nothing is built"
    assert "Traceback" not in result.messages
    return result.messages


def listed(dbt: Dbt, used: dict[str, Any]) -> Result:
    """Begin a run, and only list the log files."""
    no_tests = ("--exclude-resource-type", "test", "unit_test")
    return dbt("build", "--select", "+log_days", *no_tests, vars=used)


def test_seeds_not_loaded(dbt: Dbt, given):
    dbt.wipe()
    said = refused(dbt, "run", vars=given, built=BEFORE_LINES)
    assert "Run dbt seed first" in said
    # No line is read: staging needs a seed, too.
    assert "seed internal_networks is not" in said and "seed vendor_facts is not" in said


def test_the_cure_dbt_seed_needs_no_vars(dbt: Dbt):
    result = dbt("seed")
    assert result.success, result.messages


def test_no_files_for_end_date(dbt: Dbt, given):
    # A file with another ending is no log file.
    wrong = {**given, "end_date": str(DAY + dt.timedelta(1))}
    said = refused(dbt, "build", vars=wrong, built=BEFORE_LINES - {"log_files", "log_days"})
    assert "no log files for end_date 2026-03-11" in said
    assert f"{given['raw_root']}/y=2026/m=03/d=11" in said
    assert "lower case" not in said


def test_a_location_that_is_not_there(dbt: Dbt, given, tmp_path: Path):
    place = f"{tmp_path}/WorkspaceResourceId=/subscriptions/1/resourceGroups/soc-rg"
    wrong = {**given, "raw_root": place}
    said = refused(dbt, "build", vars=wrong, built=BEFORE_LINES - {"log_files", "log_days"})
    assert f"{place}/y=2026/m=03/d=10" in said
    assert "in lower case, and this location has capitals there" in said


@pytest.mark.skipif(ENGINE != "local", reason="of target local alone")
def test_target_local_has_no_parquet_tables(dbt: Dbt, given):
    said = refused(dbt, "run", vars=given | {"table_format": "parquet"})
    assert "target local keeps Delta tables only" in said and "use target spark" in said


@pytest.mark.skipif(ENGINE == "local", reason="target local has no tables of others")
def test_a_table_of_somebody_elses_is_not_dropped(dbt: Dbt, given):
    dbt.rows("drop schema if exists raw cascade")
    dbt.rows("create schema raw")
    names = ("common_security_log_files", "common_security_log", "common_security_log_2025")
    for table in names:
        dbt.rows(f"create table raw.{table} (id int) using parquet")
        dbt.rows(f"insert into raw.{table} values (1)")
        said = refused(dbt, "run", vars=given, built=BEFORE_LINES)
        assert f"the table raw.{table} holds data" in said and "rename yours" in said
        assert dbt.rows(f"select * from raw.{table}") == [{"id": 1}]
        dbt.rows(f"drop table raw.{table}")


def test_no_history_at_all_is_a_warning(dbt: Dbt, given):
    result = listed(dbt, given)
    assert result.success, result.messages
    assert "no history" in result.messages and "The day itself is the baseline" in result.messages


def test_no_location(dbt: Dbt):
    said = refused(dbt, "build")
    assert "nothing says where the logs are" in said
    assert "raw_root" in said and "workspace_name" in said


def test_both_locations(dbt: Dbt, given):
    said = refused(dbt, "build", vars={**given, "adls_account": "socstorage"})
    assert "both 'raw_root' and adls_account" in said


def test_half_a_location(dbt: Dbt):
    said = refused(dbt, "build", vars={"adls_account": "socstorage", "workspace_name": "soc-ws"})
    assert "'subscription_id' is empty" in said and "'resource_group' is empty" in said


# A var, a value that it may not have, and what the message must say beside both.
BAD_VARS = [
    ("end_date", "2026-02-29", "a day that exists"),
    ("lookback_days", -1, "a whole number from 0 to 365"),
    ("device_vendor", "Fortinet'; drop schema beaconing cascade; --", "a DeviceVendor"),
    ("export_root", "out;put", "a path or URL"),
    ("baseline_source", "yesterday", "historical or current"),
    ("daily_event_count_threshold", "100", "a whole number"),
    ("degree_of_srcip_threshold", 0, "a whole number from 1"),
    ("degree_of_srcip_percent", 100.5, "a number from 0 to 100"),
    ("time_delta_threshold", 1.5, "a whole number"),
    ("percent_beacon_threshold", 101, "a number from 0 to 100"),
    ("delta_scope", "host", "connection or source"),
    ("percent_denominator", "", "events or windowed"),
    ("drop_rows_with_nulls", "true", "true or false"),
    ("minimum_intervals", 10**30, "a whole number from 8 to 1000"),
]


def test_all_problems_with_vars_at_once(dbt: Dbt, given):
    bad = {name: value for name, value, _ in BAD_VARS}
    said = refused(dbt, "build", vars={**given, **bad, "lookback_day": 3, "percent_beacon": 50})
    problems = [line for line in said.splitlines() if line.strip().startswith("- ")]
    for name, value, cure in BAD_VARS:
        (problem,) = {line for line in problems if f"'{name}' is " in line}
        assert str(value) in problem and cure in problem
    assert "there is no var 'lookback_day'; did you mean 'lookback_days'?" in said
    assert "there is no var 'percent_beacon'; did you mean 'percent_beacon_threshold'?" in said
    # dbt prints an error twice; each time it lists all wrong vars, and their number.
    assert f"{len(set(problems))} problem(s)" in said


@pytest.mark.parametrize(
    ("vars", "name"),
    [
        ("{raw_root: RAW, end_date: tomorrow, lookback_days: many}", "lookback_days"),
        ("{raw_root: RAW, end_date: null, device_vendor: 1, lookback_days: true}", "device_vendor"),
        ("{raw_root: RAW, device_vendor: []}", "device_vendor"),
        ("{raw_root: RAW, device_vendor: [Fortinet, 1]}", "device_vendor"),
        ("{raw_root: RAW, device_vendor: {Fortinet: 1}}", "device_vendor"),
        ("{raw_root: RAW, device_vendor: 'Fortinet, Zscaler'}", "[Fortinet, Check Point]"),
        ('{raw_root: RAW, device_vendor: [Fortinet, "Z\') or 1=1 --"]}', "device_vendor"),
        ('{raw_root: "RAW/\'; drop schema beaconing; --"}', "raw_root"),
        ('{raw_root: "RAW/{a,b}*"}', "raw_root"),
    ],
)
def test_vars_as_people_type_them(dbt: Dbt, given, vars: str, name: str):
    said = refused(dbt, "build", vars=vars.replace("RAW", given["raw_root"]))
    assert name in said


@pytest.mark.parametrize(
    ("vars", "words"),
    [
        ('{end_date: "9999-12-31"}', ["'end_date' is \"9999-12-31\"", "from 1970 to 2199"]),
        ("{size_weight: .nan}", ["'size_weight' is nan", "a number from 0 to 1"]),
        ('{raw_root: "/x\\e[2J\\u202e"}', ["'raw_root' is \"/x\\u001b[2J\\u202e\""]),
        ('{device_vendor: "\\e]0;x\\a"}', ["'device_vendor' is \"\\u001b]0;x\\u0007\""]),
        ('{"\\e[31m": 1}', ["there is no var '\\u001b[31m'"]),
        ('{"\\e[31m": "{{ 1 }}"}', ["'\\u001b[31m' holds Jinja"]),
    ],
)
def test_odd_values_are_said_in_few_lines_and_obeyed_by_no_terminal(
    dbt: Dbt, vars: str, words: list[str]
):
    said = refused(dbt, "build", vars=vars)
    assert all(word in said for word in words), said
    assert not set(said) & {"\x1b", "\x07", "\u202e"}
    assert len(said.splitlines()) < 40, "dbt says each error twice"


def test_a_value_is_never_executed(dbt: Dbt, given):
    """dbt renders the text of a var as Jinja wherever a model or macro reads it."""
    hostile = "{% if execute %}{% do run_query('create schema hostile') %}{% endif %}Fortinet"
    for value in (hostile, ["Zscaler", hostile]):
        result = listed(dbt, {**given, "device_vendor": value})
        assert "hostile" not in {v for row in dbt.rows("show schemas") for v in row.values()}
        assert not result.success and "device_vendor" in result.messages


def test_an_unquoted_date_that_yaml_refuses(dbt: Dbt, given):
    """dbt itself stops at 2026-02-30 without quotes, before any of our code runs."""
    said = refused(dbt, "build", vars=f"{{raw_root: {given['raw_root']}, end_date: 2026-02-30}}")
    assert "day is out of range" in said
