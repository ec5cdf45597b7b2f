"""Recall and false positives of the scores on simulated traffic must not get worse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.detection import null_quantiles, score_bench
from bench.detection.connection_days import connection_days, contract
from tests.support.dbt_in_process import ENGINE, Dbt

pytestmark = pytest.mark.skipif(ENGINE == "local", reason="the simulation runs on Spark")


@pytest.fixture(scope="module")
def shares(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], float]:
    rng = np.random.default_rng(4242)
    kinds = [*score_bench.implants(rng, 60, quick=True), *score_bench.null_traffic(rng, 3_000)]
    return score_bench.judge(dbt.spark, tmp_path_factory.mktemp("bench"), kinds)


def test_every_implant_with_half_jitter_and_30_beats_is_found(shares):
    recall = {label[1:4]: share for label, share in shares.items() if label[0] == "implant"}
    assert len(recall) == 3 * 4 * 3
    assert {label: share for label, share in recall.items() if share < 0.95} == {}


@pytest.mark.parametrize("kind", score_bench.KINDS)
def test_traffic_without_a_beat_is_left_alone(shares, kind: str):
    assert np.mean([shares["null", kind, str(n)] for n in score_bench.NULL_EVENTS]) <= 0.001


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
    gaps = np.concatenate([kind(rng, 40, 60) for kind in null_quantiles.KINDS.values()])
    rows, counts = null_quantiles.beat_intervals(gaps)
    expected = null_quantiles.timing_scores(rows, np.maximum(counts, 1))
    times = [np.concatenate([[0], np.cumsum(row)]) for row in gaps]
    score_bench.judge(dbt.spark, tmp_path, [score_bench.Draws(("null",), times, [])])
    scored = dbt.rows(
        "select destination_ip, interval_count, timing_score, beacon_score from beacon_scores"
    )
    assert len(scored) == len(gaps)
    for row in scored:
        number = int(row["destination_ip"])
        assert (row["beacon_score"] is not None) == (counts[number] > 0)
        if counts[number]:
            assert row["interval_count"] == counts[number]
            assert row["timing_score"] == pytest.approx(expected[number], abs=0.02)


def test_the_seed_is_what_the_simulation_makes():
    """Draw one row of the seed again: fewer than 0.5 % of the scores exceed its quantile."""
    rng = np.random.default_rng(11)
    lines = null_quantiles.SEED_FILE.read_text().splitlines()[1:]
    seed = {int(n): float(q) for n, q in (line.split(",") for line in lines)}
    assert tuple(seed) == null_quantiles.INTERVAL_COUNTS
    assert list(seed.values()) == sorted(seed.values(), reverse=True)
    for name, kind in null_quantiles.KINDS.items():
        scores = null_quantiles.scores_with(kind, rng, 30, 2_000)
        assert np.mean(scores > seed[30]) < 0.005, name
    worst = null_quantiles.scores_with(
        null_quantiles.KINDS["log-normal, sigma 0.8"], rng, 30, 4_000
    )
    assert np.quantile(worst, 0.99) > seed[30] - 0.1, "the seed is far above what traffic reaches"
