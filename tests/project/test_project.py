"""The project says what it has: vars, descriptions, seeds and docs agree. No Spark."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import yaml

from tests.support.dbt_in_process import PROJECT

CONFIGURATION = PROJECT / "dbt_project.yml"
PROJECT_YML = yaml.safe_load(CONFIGURATION.read_text())
VARS = set(PROJECT_YML["vars"])
CODE = {
    path: path.read_text()
    for folder in ("macros", "models", "tests")
    for path in (PROJECT / folder).rglob("*.sql")
}
SEEDS = sorted((PROJECT / "seeds").rglob("*.csv"))
RULES = PROJECT / "macros/run/check_vars.sql"


def properties(kind: str) -> list[dict]:
    """Every entry of a kind (models, seeds, sources) in the property files."""
    files = [*(PROJECT / "models").rglob("*.yml"), *(PROJECT / "seeds").rglob("*.yml")]
    return [entry for file in files for entry in yaml.safe_load(file.read_text()).get(kind, [])]


def test_every_var_has_a_rule_and_every_rule_a_var():
    rules = set(re.findall(r"^ {8}'(\w+)': \(", RULES.read_text(), flags=re.MULTILINE))
    assert rules == VARS


def test_every_var_is_used():
    used = {
        name
        for path, code in {**CODE, CONFIGURATION: CONFIGURATION.read_text()}.items()
        if path != RULES
        for name in re.findall(r"\bvar\(\s*['\"](\w+)['\"]", code)
    }
    assert used == VARS


def test_no_var_has_a_second_default():
    second = [
        f"{path.relative_to(PROJECT)}: {call}"
        for path, code in CODE.items()
        for call in re.findall(r"\bvar\(\s*['\"]\w+['\"]\s*,[^)]*\)", code)
    ]
    assert not second


@pytest.mark.parametrize("file", sorted((PROJECT / "vars").glob("*.yml")), ids=lambda f: f.name)
def test_named_sets_hold_known_vars(file: Path):
    assert set(yaml.safe_load(file.read_text())) <= VARS


def test_every_var_is_explained_beside_its_default():
    text = (PROJECT / "dbt_project.yml").read_text()
    bare = [name for name in VARS if not re.search(rf"^  {name}: .*# .{{10,}}", text, re.MULTILINE)]
    assert not bare


def test_every_model_seed_and_source_is_described():
    models = {path.stem for path in (PROJECT / "models").rglob("*.sql")}
    tables = [table for source in properties("sources") for table in source["tables"]]
    entries = {"model": properties("models"), "seed": properties("seeds"), "source": tables}
    assert {entry["name"] for entry in entries["model"]} == models
    assert {entry["name"] for entry in entries["seed"]} == {path.stem for path in SEEDS}
    undescribed = [
        f"{kind} {entry['name']} {column.get('name', '')}".strip()
        for kind, of_kind in entries.items()
        for entry in of_kind
        for column in [entry, *entry.get("columns", [])]
        if not str(column.get("description", "")).strip()
    ]
    assert not undescribed


def test_every_macro_says_what_it_does():
    silent = [
        name
        for path in (PROJECT / "macros").rglob("*.sql")
        for name, begin in re.findall(r"{%-? macro (\w+)\([^)]*\) -?%}\s*(.{3})", path.read_text())
        if begin != "{#-" and name != "octet"
    ]
    assert not silent


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.stem)
def test_seeds_hold_what_spark_can_load(seed: Path):
    """In a project that uses this one, dbt-spark may load them: no apostrophe, no empty cell."""
    assert "'" not in seed.read_text()
    with seed.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert [row for row in rows if len(row) != len(header) or not all(map(str.strip, row))] == []


def test_facts_about_makers_can_stand_in_sql():
    """Engines read a backslash in a text differently; of a regular expression one group is used."""
    with (PROJECT / "seeds/vendors/vendor_facts.csv").open(newline="") as file:
        facts = list(csv.DictReader(file))
    assert not [fact for fact in facts if "\\" in "".join(fact.values())]
    keys = [(f["device_vendor"], f["fact"], f["column_name"], f["pattern"]) for f in facts]
    assert len(set(keys)) == len(keys)
    like = ("row_kind", "denied", "swapped", "direction")
    expressions = [
        fact["pattern"]
        for fact in facts
        if fact["column_name"] == "Message" and fact["fact"] not in like
    ]
    assert len(set(expressions)) == len(expressions)
    assert [text for text in expressions if re.compile(text).groups != 1] == []
