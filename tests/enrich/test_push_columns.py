"""Rows of the Sentinel table: valid JSON whatever a finding holds, truncated with a mark."""

import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as options
from hypothesis import strategies as st

from enrich.contract import all_columns, contract
from enrich.push import columns

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@options(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(sorted(contract())), json_values))
def test_whatever_a_finding_holds_becomes_valid_json(finding):
    row = columns.to_row(finding, all_columns(), "2026-09-30T00:00:00Z")
    text = columns.json_text(row).encode()
    assert json.loads(text, parse_constant=pytest.fail) == row


@options(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(), st.integers(30, 200))
def test_cut_text_is_a_beginning_within_the_limit(text, limit):
    cut = columns.cut_text(text * 9, limit)
    assert len(cut.encode()) <= limit
    if cut != text * 9:
        assert cut.endswith(columns.CUT_MARK)
        assert (text * 9).startswith(cut.removesuffix(columns.CUT_MARK))


@options(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text() | st.integers(), max_size=60), st.integers(60, 400))
def test_cut_items_are_the_first_ones_within_the_limit(items, limit):
    cut = columns.cut_items(items, limit)
    assert len(columns.json_text(cut).encode()) <= limit
    if cut != items:
        assert cut[-1] == columns.CUT_MARK.strip() and cut[:-1] == items[: len(cut) - 1]


def test_one_long_reason_keeps_its_beginning():
    cut = columns.cut_items(["short", "x" * 70_000])
    assert cut[0] == "short" and cut[1].startswith("xxx") and cut[1].endswith(columns.CUT_MARK)
    assert len(columns.json_text(cut).encode()) <= columns.LONGEST_FIELD
