"""Descriptions are true where columns pass through, and every model proves its grain. No Spark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
SQL = {path.stem: path.read_text() for path in (PROJECT / "models").rglob("*.sql")}
PROPERTIES = {
    model["name"]: model
    for file in (PROJECT / "models").rglob("*.yml")
    for model in yaml.safe_load(file.read_text()).get("models", [])
}
DESCRIBED = {
    name: {column["name"]: column["description"] for column in model.get("columns", [])}
    for name, model in PROPERTIES.items()
}


def parents(model: str) -> list[str]:
    return re.findall(r"\bref\('(\w+)'\)", SQL.get(model, ""))


def makes(model: str, column: str) -> bool:
    """Whether the model's SQL gives the column its value, rather than handing it on."""
    return re.search(rf"\bas \(?(\w+, )*{column}\b", SQL[model]) is not None


def has(model: str, column: str) -> bool:
    """Whether a model has a column; steps without a contract hand on all that they read."""
    contract = PROPERTIES[model].get("config", {}).get("contract", {}).get("enforced", False)
    return column in DESCRIBED[model] or not contract


def origins(model: str, column: str) -> dict[str, str]:
    """The descriptions where a column comes from unchanged, by model."""
    found: dict[str, str] = {}
    for parent in set(parents(model)) & SQL.keys():
        if has(parent, column) and not makes(parent, column):
            found |= origins(parent, column)
        elif column in DESCRIBED[parent]:
            found[parent] = DESCRIBED[parent][column]
    return found


PASSED_ON = [
    (model, column)
    for model, columns in DESCRIBED.items()
    for column in columns
    if not makes(model, column) and origins(model, column)
]


@pytest.mark.parametrize(("model", "column"), PASSED_ON, ids=lambda value: value)
def test_a_column_that_is_handed_on_is_described_as_where_it_comes_from(model: str, column: str):
    assert DESCRIBED[model][column] in origins(model, column).values(), origins(model, column)


def test_columns_are_followed_through_steps_that_do_not_list_them():
    """Otherwise the test above could not fail: both ends of a long path, and a column made anew."""
    passed = set(PASSED_ON)
    assert ("network_beaconing_anomalies", "uniform_fit") in passed
    assert ("beacon_scores", "hourly_event_counts") in passed
    assert not makes("interval_measures", "event_count") and makes("sessions", "copies")


@pytest.mark.parametrize("model", sorted(SQL))
def test_every_model_proves_its_grain_or_says_why_not(model: str):
    properties = PROPERTIES[model]
    tests = [test for test in properties.get("data_tests", []) if isinstance(test, dict)]
    reason = properties.get("config", {}).get("meta", {}).get("no_grain_test", "")
    assert any("unique_grain" in test for test in tests) != bool(reason)
    assert not reason or len(reason.split()) > 5


@pytest.mark.parametrize("model", sorted(SQL))
def test_a_description_begins_with_the_grain(model: str):
    description = PROPERTIES[model]["description"].strip()
    assert description.startswith("One "), description


def test_every_model_has_its_own_file_of_properties():
    files = {path.stem for path in (PROJECT / "models").rglob("*.yml")}
    assert files - {"sources", "exposures"} == set(SQL)
    for name in SQL:
        (file,) = (PROJECT / "models").rglob(f"{name}.yml")
        assert list(yaml.safe_load(file.read_text())["models"][0].values())[0] == name


def test_no_source_is_a_step():
    """A source is what lies in storage; what we make of it is a model."""
    (sources,) = yaml.safe_load((PROJECT / "models/staging/sources.yml").read_text())["sources"]
    readers = {
        table["name"]: [n for n, sql in SQL.items() if f"source('raw', '{table['name']}')" in sql]
        for table in sources["tables"]
    }
    assert readers == {
        "common_security_log_files": ["log_files"],
        "common_security_log": ["stg_common_security_log_lines"],
    }
