"""What the models find of drawn traffic must not get worse, and the bench must judge as they do."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.detection import null_quantiles, score_bench
from bench.detection.connection_days import connection_days, contract
from bench.detection.score_models import seed_query
from bench.detection.traffic import DAY, Draw, Flow, Kind, all_kinds, drawn
from tests.support.dbt_in_process import Dbt

FOUND = (
    r"implant: jitter (0|10|30|50) % [a-z ]+, (30|60) beats$"
    r"|implant: jitter (70|90) % [a-z ]+, 100 beats$"
    r"|implant: jitter (30|50|70|90) % [a-z ]+, 100 beats, padded"
    r"|implant: (random rotation|one beat|two sleeps|outbreak|working days|sleeps 1 s)"
)
LEFT_ALONE = "benign: (NTP|telemetry .*vary|mail|connectivity|a person)"
BARS = "|".join([FOUND, LEFT_ALONE, *(f"null: {name}$" for name in null_quantiles.KINDS)])


@pytest.fixture(scope="module")
def sums(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("bench")
    return score_bench.summary(score_bench.judge(dbt.spark, folder, drawn(BARS, 100, 4242)))


def test_implants_are_found(sums: pd.DataFrame):
    implants = sums[sums["kind"].str.startswith("implant")]
    assert len(implants) == 2 * (1 + 3 * 3) + 2 * 3 + 4 * 2 + 8
    assert implants[implants["medium"] < 0.95].to_dict("records") == []


def test_software_is_left_alone_or_of_low_severity(sums: pd.DataFrame):
    benign = sums[sums["kind"].str.startswith("benign")]
    assert len(benign) == 9
    assert benign[benign["medium"] > 0.01].to_dict("records") == []


def test_traffic_without_a_beat_is_left_alone(sums: pd.DataFrame):
    nulls = sums[sums["kind"].str.startswith("null")]
    assert len(nulls) == len(null_quantiles.KINDS) and (nulls["draws"] == 1000).all()
    assert nulls[nulls["found"] > 0.001].to_dict("records") == []


def one_draw(name: str, *flows: Flow, **options) -> dict[Kind, list[Draw]]:
    return {Kind(name, lambda rng: Draw([], ""), **options): [Draw(list(flows), "as drawn")]}


CLOCK = np.arange(100) * 300.0


def test_a_draw_is_judged_by_all_that_is_its_own(dbt: Dbt, tmp_path: Path):
    """One finding of any of its hosts makes a draw found; another draw's finding does not."""
    alike = np.full(100, 400)
    chance = np.cumsum(np.random.default_rng(3).exponential(300, 100))
    draws = (
        one_draw("implant: second host", Flow(chance), Flow(CLOCK, alike, alike, source=1))
        | one_draw("implant: chance", Flow(chance * 0.9))
        | one_draw("implant: too few", Flow(CLOCK[:3]))
        | one_draw("implant: own network", Flow(CLOCK, alike, alike), hosts=2, days_known=(2,))
    )
    judged = score_bench.judge(dbt.spark, tmp_path, draws).set_index("kind")
    severity, why = judged["severity"], judged["why"]
    assert severity["implant: second host"] in score_bench.SEVERITIES
    assert "5 min" in why["implant: second host"]
    assert severity["implant: chance"] == "none"
    assert why["implant: chance"] == "its timing may be chance"
    assert why["implant: too few"] == "only 2 intervals, 8 are needed"
    assert pd.isna(judged["score"]["implant: too few"])
    # In a network of its own, which has a history, and so has the address.
    rarity = "select active_sources, days_seen, history_days from destination_rarity where "
    (own,) = dbt.rows(rarity + "device_vendor != 'Fortinet'")
    assert tuple(own.values()) == (1, 3, 7)
    shared = dbt.rows(rarity + "device_vendor = 'Fortinet'")
    assert {tuple(row.values()) for row in shared} == {(4, 1, 7)}


def test_rows_are_days_as_connection_days_has_them(dbt: Dbt):
    times = np.array([90.5, 60.0, -30.0, -DAY - 1, DAY - 0.5])
    sizes = np.arange(5)
    table, told = score_bench.made(
        one_draw("benign: x", Flow(times, sizes, None, port=53, protocol="udp"))
    )
    assert (
        set(told["note"]) == {"as drawn, known for 0 days"} and len(told) == 2
    )  # a source, a destination
    mine = [r for r in table.to_pylist() if r["source_ip"] == "10.0.0.0"]
    assert {r["log_date"] for r in mine} == {dt.date(2026, 3, day) for day in (8, 9, 10)}
    today = max(mine, key=lambda r: r["log_date"])
    midnight = int(dt.datetime(2026, 3, 10, tzinfo=dt.timezone.utc).timestamp() * 1e6)
    assert today["events"] == [
        {"event_micros": midnight + int(at * 1e6), "sent_bytes": size, "received_bytes": None}
        for at, size in ((60.0, 1), (90.5, 0), (DAY - 0.5, 4))
    ]
    assert today["hourly_event_counts"] == [2] + [0] * 22 + [1]
    assert (today["destination_port"], today["protocol"]) == (53, "udp")
    # The network has a history of 7 days, of a host that is no draw's.
    others = [r for r in table.to_pylist() if r["source_ip"] != "10.0.0.0"]
    assert len({r["log_date"] for r in others}) == 7
    assert not {r["source_ip"] for r in others} & set(told["address"])


def test_kinds_are_drawn_alike_whatever_else_is_drawn():
    names = [kind.name for kind in all_kinds()]
    assert len(names) == len(set(names))
    assert {kind.group for kind in all_kinds()} == {"implant", "benign", "null"}
    of_all = {kind.name: draws for kind, draws in drawn("", 4, seed=5).items()}
    assert list(of_all) == names
    assert set(map(len, of_all.values())) == {1, 2, 4, 8, 20, 40}
    ((kind, alone),) = drawn("1 S OR LESS", 4, seed=5).items()
    same = [
        np.array_equal(one.flows[0].times, other.flows[0].times)
        for one, other in zip(alone, of_all[kind.name], strict=True)
    ]
    assert all(same)
    ((_, others),) = drawn("1 s or less", 1, seed=6).items()
    assert not np.array_equal(others[0].flows[0].times, alone[0].flows[0].times)


def test_draws_stay_within_their_days():
    for kind, draws in drawn("", 3, seed=8).items():
        for flow in (flow for draw in draws for flow in draw.flows):
            assert flow.times.min() >= -13 * DAY and flow.times.max() < DAY, kind.name
            assert all(s is None or len(s) == len(flow.times) for s in (flow.sent, flow.received))
            assert all(s is None or (s > 0).all() for s in (flow.sent, flow.received)), kind.name


JUDGED = pd.DataFrame(
    [
        ("implant: a", "n", "low", 0.5, "by percentage"),
        ("implant: a", "n", "high", 0.9, "beats"),
        ("implant: a", "n", "none", np.nan, "too few"),
        ("implant: a", "n", "none", 0.2, "too few"),
        ("benign: b", "every 300 s", "medium", 0.8, "beats"),
    ],
    columns=["kind", "note", "severity", "score", "why"],
)


def test_the_summary_counts_severities_and_says_what_is_missed():
    implant, benign = score_bench.summary(JUDGED).to_dict("records")
    assert implant == {
        "kind": "implant: a",
        "draws": 4,
        "found": 0.5,
        "medium": 0.25,
        "score": 0.35,
        "missed": "2: too few",
    }
    assert (benign["found"], benign["medium"], benign["missed"]) == (1, 1, "")


def test_an_earlier_result_is_shown_where_it_differs():
    sums = score_bench.summary(JUDGED)
    lines = score_bench.printed(sums, sums.assign(medium=0.0)).split("\n")
    assert "| implant: a | 4 | 50.00% | 25.00% (0.00%) | 0.35 | 2: too few |" in lines
    assert "(" not in score_bench.printed(sums, None)


def test_examples_are_what_is_judged_wrong():
    lines = list(score_bench.against_the_aim(JUDGED, 2))
    assert [line.split(":")[1].strip() for line in lines] == ["a", "a", "b"]
    assert lines[0].endswith("score 0.500, low: by percentage")
    assert lines[2] == "benign: b: every 300 s: score 0.800, medium: beats"


def test_the_docs_have_every_kind():
    rows = [(kind.name, "n", "low", 0.5, "x") for kind in all_kinds()]
    sums = score_bench.summary(pd.DataFrame(rows, columns=list(JUDGED)))
    tables = score_bench.docs_tables(sums)
    grid, others = tables.split("\n\n")
    assert len(grid.split("\n")) == 2 + 1 + 5 * 3  # without jitter, families are alike
    for kind in all_kinds():
        beat = kind.name.startswith("implant: jitter") and " beats" in kind.name
        assert (f"| {kind.name} |" in others) != (beat and "no sizes" not in kind.name), kind.name
        assert kind.same_as in others
    assert score_bench.docs_page().name == "detection_bench.md"


def test_a_pattern_without_a_match_names_the_kinds():
    with pytest.raises(LookupError, match="no kind matches 'nothing'(?s:.*)implant: two sleeps"):
        drawn("nothing", 1, 1)


def test_a_seed_is_read_as_dbt_loads_it(dbt: Dbt, tmp_path: Path):
    file = tmp_path / "seed.csv"
    hostile = r"""it's a \' , "x" """
    quoted = hostile.replace('"', '""')
    file.write_text(f'text,number\n"{quoted}",1\n,2.5\n', encoding="utf-8")
    rows = dbt.rows(seed_query(file, {"number": "double"}))
    assert rows == [{"text": hostile, "number": 1}, {"text": None, "number": 2.5}]
    file.write_text("text,number\n", encoding="utf-8")
    assert dbt.rows(seed_query(file, {"number": "double"})) == []


def test_a_made_row_meets_the_contract_of_connection_days(dbt: Dbt):
    query = connection_days(source_ip="'10.0.0.2'", events="array(struct(60000000L, 1, null))")
    frame = dbt.spark.sql(query)
    types = {name: of.replace(" ", "") for name, of in contract("connection_days").items()}
    assert dict(frame.dtypes) == types
    (row,) = dbt.rows(query)
    assert row["source_ip"] == "10.0.0.2" and row["event_count"] == 1
    assert row["events"] == [{"event_micros": 60_000_000, "sent_bytes": 1, "received_bytes": None}]
    assert row["first_seen"] == row["last_seen"]
    assert row["longest_session_seconds"] is None
    with pytest.raises(TypeError, match="has no column sourceip"):
        connection_days(sourceip="''", events="array()")


def test_the_simulation_scores_as_the_models_do(dbt: Dbt, tmp_path: Path):
    """The quantiles are made with numpy, whose results must equal those of the SQL."""
    rng = np.random.default_rng(7)
    gaps = np.concatenate([kind(rng, 40, 90) for kind in null_quantiles.KINDS.values()])
    gaps *= np.minimum(1, DAY * 0.99 / gaps.sum(1))[:, None]
    rows, counts = null_quantiles.beat_intervals(gaps)
    expected = null_quantiles.timing_scores(rows, np.maximum(counts, 1))
    bounded = null_quantiles.bounded_shares(rows, np.maximum(counts, 1))
    flows = [Flow(np.concatenate([[0], np.cumsum(row)]), source=n) for n, row in enumerate(gaps)]
    score_bench.judge(dbt.spark, tmp_path, one_draw("null: x", *flows))
    phases = null_quantiles.phase_shares(gaps, rows, np.maximum(counts, 1))
    measures = "interval_count, timing_score, bounded_share, phase_share, beacon_score"
    scored = dbt.rows(f"select source_ip, {measures} from beacon_scores")
    scored = {row["source_ip"]: row for row in scored}
    for number in range(len(gaps)):
        row = scored[score_bench.source_address(number)]
        assert (row["beacon_score"] is not None) == (counts[number] > 0)
        if counts[number]:
            assert row["interval_count"] == counts[number]
            assert row["timing_score"] == pytest.approx(expected[number], abs=0.02)
            assert row["bounded_share"] == pytest.approx(bounded[number], abs=0.02)
            if counts[number] < null_quantiles.LEAST_FOR_PHASES:
                assert row["phase_share"] is None
            else:
                assert row["phase_share"] == pytest.approx(phases[number], abs=0.02)


def test_the_seed_is_what_the_simulation_makes():
    """Draw one row of the seed again: fewer than 0.5 % of the measures exceed its quantiles."""
    rng = np.random.default_rng(11)
    lines = null_quantiles.SEED_FILE.read_text().splitlines()[1:]
    counts, *quantiles = np.array([[float(x) for x in line.split(",")] for line in lines]).T
    assert tuple(counts) == null_quantiles.INTERVAL_COUNTS
    assert all(list(of) == sorted(of, reverse=True) for of in quantiles)
    row = [of[list(counts).index(60)] for of in quantiles]
    for name, kind in null_quantiles.KINDS.items():
        measures = null_quantiles.measures_of(kind, rng, 60, 2_000)
        assert (np.mean(row < measures.T, axis=0) < 0.005).all(), name
    worst = null_quantiles.measures_of(
        null_quantiles.KINDS["log-normal, sigma 0.8"], rng, 60, 4_000
    )
    assert (np.quantile(worst, 0.99, axis=1) > np.array(row) - 0.1).all(), "far above traffic"
