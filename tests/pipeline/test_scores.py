"""Scores against arithmetic done by hand, RITA's own cases, and real captures."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
import pytest

from bench.detection.connection_days import connection_days
from bench.detection.score_models import MODELS, compile_scores, put_over
from tests.support.captures import ABSENT, CAPTURES, SHARED
from tests.support.dbt_in_process import ENGINE, PROJECT, Dbt
from tests.support.export_tree import at, lay_out

END = dt.date(2026, 3, 10)
HOUR, DAY = 3600, 86_400
SCORE_MODELS = ("score_window", "destination_rarity", *MODELS[1:])
ONE_DAY = {"slow_window_days": 1}
RITA = ("timestamp", "data_size", "histogram", "duration", "beacon")

with (PROJECT / "seeds/statistics/null_quantiles.csv").open() as file:
    NULL_QUANTILES = {
        int(row["interval_count"]): float(row["timing_score_quantile"])
        for row in csv.DictReader(file)
    }


def null_quantile(intervals: int) -> float:
    """The quantile of the seed's largest count that is not above `intervals`."""
    return NULL_QUANTILES[max(n for n in NULL_QUANTILES if n <= intervals)]


# -- one small network; the vendor is silent from 05:00 to 09:00 (a gap in the logs) and from 11:00
#    to 12:59 (110 minutes of whole five-minute slots: no gap)

AFTERNOON = 13 * HOUR + 0.25  # with a fraction, so that no time is a whole second


def after(intervals: Iterable[float], start: float = AFTERNOON) -> list[float]:
    times = [start]
    for interval in intervals:
        times.append(times[-1] + interval)
    return times


def every(seconds: float, events: int, start: float = AFTERNOON) -> list[float]:
    return after([seconds] * (events - 1), start)


TWELVE_INTERVALS = [60, 180, 55, 400, 60, 50, 120, 62, 70, 58, 65, 60]
HOURLY = [h * HOUR + 1800.25 for h in (*range(5), 9, 10, *range(13, 24))]
SIX_DAYS_HOURLY = [t - back * DAY for back in range(1, 7) for t in every(HOUR, 24, 1800.25)]

# name: (times in seconds of END, sent bytes, received bytes); one number stands for all events
CONNECTIONS: dict[str, tuple[list[float], Any, Any]] = {
    "clock": (every(60, 21), 500, [100 * (n + 1) for n in range(21)]),
    "twelve": (after(TWELVE_INTERVALS), None, None),
    "bursts": (sorted(t + x for t in every(100, 11) for x in (0, 0.4, 2)), None, None),
    "few_beats": (after([5] * 9 + [600] * 5), None, None),
    "whole_seconds": (every(2, 13, start=13 * HOUR), None, None),
    "fractions": (every(2, 13), None, None),
    "faster_than_a_second": (every(0.5, 13), None, None),
    "faster_than_a_beacon": (every(1.2, 13), None, None),
    "one_instant": ([AFTERNOON] * 10, 500, 500),
    "single": ([AFTERNOON], 500, 500),
    "minimum": (every(300, 9), None, None),
    "below_minimum": (every(300, 8), None, None),
    "zero_bytes": (every(60, 21), 0, 0),
    "seven_sizes": (every(60, 21), [500] * 7 + [None] * 14, None),
    "eight_sizes": (every(60, 21), [500, 500, 500, 500, 520, 560, 700, 900] + [None] * 13, None),
    "across_log_gap": (every(600, 7, 4 * HOUR - 0.5) + every(600, 7, 9 * HOUR + 0.25), None, None),
    "across_pause": (every(600, 7, 10 * HOUR + 0.25) + every(600, 7, 12.99 * HOUR), None, None),
    "rita": (
        after([120, 100, 300, 110, 130, 100, 200]),
        [160, 100, 400, 120, 100, 200, 100, 140],
        None,
    ),
    "rita_narrow": (after([61, 66, 60, 65, 60, 67, 60]), None, None),
    "rita_day": ([-HOUR - 60, -3000, *every(HOUR, 11, start=13 * HOUR)], 500, None),
    "day_before_only": (every(60, 13, start=-1800.5), 500, 500),
    "three_days_ago": (every(60, 13, start=-2 * DAY - 1800.5), 500, 500),
    "hourly": (SIX_DAYS_HOURLY + HOURLY, 500, 500),
    "shared_1": (every(60, 21), 500, 500),
    "shared_2": (every(60, 21), 500, 500),
    "shared_3": ([AFTERNOON], 500, 500),
    "last_second": ([DAY - 0.5], 500, 500),
}
ADDRESS = {name: f"10.7.0.{n}" for n, name in enumerate(CONNECTIONS, start=1)}


def rows_of(name: str) -> list[dict[str, Any]]:
    times, sent, received = CONNECTIONS[name]

    def size(sizes: Any, n: int) -> int | None:
        return sizes[n] if isinstance(sizes, list) else sizes

    destination = "shared" if name.startswith("shared") else name
    number = list(CONNECTIONS).index("shared_1" if destination == "shared" else name)
    return [
        {
            "TimeGenerated": at(END, time),
            "DeviceVendor": "Fortinet",
            "SourceIP": ADDRESS[name],
            "SourcePort": 1024 + n,  # tells events of one instant apart
            "DestinationIP": f"203.0.113.{number}",
            "DestinationPort": 443,
            "Protocol": "tcp",
            "SentBytes": size(sent, n),
            "ReceivedBytes": size(received, n),
        }
        for n, time in enumerate(times)
    ]


def lay_out_days(raw: Path, rows: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """One file per day: other tests check the folders of five minutes."""
    days: dict[str, list[str]] = {}
    for day, row in rows:
        days.setdefault(day, []).append(json.dumps({k: v for k, v in row.items() if v is not None}))
    for day, lines in days.items():
        lay_out(raw, dt.date.fromisoformat(day), lines)


def used_vars(raw: Path, end: dt.date, lookback_days: int) -> dict[str, Any]:
    places = {"raw_root": str(raw), "export_root": f"{raw}_export"}
    return places | {"end_date": str(end), "lookback_days": lookback_days}


def by_name(dbt: Dbt) -> dict[str, dict[str, Any]]:
    names = {address: name for name, address in ADDRESS.items()}
    rows = dbt.rows("select * from beaconing.beacon_scores")
    scores = {names[row["source_ip"]]: row for row in rows}
    assert len(scores) == len(rows)
    return scores


TIMING = 5.5  # the evidence of a beat


def score(evidence: float) -> float:
    """The score of this much evidence beyond the start, in ten-thousandths as in the model."""
    return math.floor(10_000 / (1 + math.exp(4 - evidence)) + 0.5) / 10_000


@pytest.fixture(scope="module")
def network(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    """Scores by connection of windows of 1 and of 7 days; 14: of 1 day, of 14 where it is slow."""
    raw = tmp_path_factory.mktemp("scores")
    rows = [row for name in CONNECTIONS for row in rows_of(name)]
    lay_out_days(raw, ((row["TimeGenerated"][:10], row) for row in rows))
    used = used_vars(raw, END, lookback_days=7)
    for command in (("seed",), ("run", "--select", "+beacon_scores")):
        one = dbt(*command, vars=used | ONE_DAY)
        assert one.success, one.messages[-3000:]
    scores = {1: by_name(dbt)}
    seven = dbt("run", "--select", *SCORE_MODELS, vars=used | {"score_window_days": 7})
    assert seven.success, seven.messages[-3000:]
    scores |= {7: by_name(dbt)}
    slow = dbt("run", "--select", *SCORE_MODELS, vars=used)
    assert slow.success, slow.messages[-3000:]
    return scores | {14: by_name(dbt)}


@pytest.fixture
def scores(network: dict[int, dict[str, Any]]) -> dict[str, Any]:
    return network[1]


def check(row: dict[str, Any], *parts: dict[str, Any], **expected: Any) -> None:
    expected |= {name: value for part in parts for name, value in part.items()}
    found = {name: row[name] for name in expected}
    assert found == pytest.approx(expected, abs=1e-9), found


def test_a_clock(scores: dict[str, Any]):
    # 20 intervals of 60 s. Of 21 received sizes 100 … 2100 the median is 1100; 1000, 1100 and 1200
    # lie within 110 of it, and none repeats: max(1 − 20/20, 3/21).
    check(
        scores["clock"],
        {
            "event_count": 21,
            "interval_count": 20,
            "period_seconds": 60,
            "second_period_seconds": None,
        },
        {"regularity": 1, "interval_share_10": 1, "interval_share_30": 1, "interval_share_50": 1},
        {"jitter_share": 1, "harmonic_share": 1, "cadence_share": 1, "timing_score": 1},
        {"uniform_fit": None, "clock_lock_share": 1, "longest_gap_seconds": 60},
        {"estimated_sleep_seconds": 60, "estimated_jitter_percent": 0},
        {
            "null_quantile": null_quantile(20),
            "rarity_score": 1,
            "timing_margin": 1,
            "beacon_score": score(TIMING + 2.5 + 1),  # no interval varies, and one size
            "is_beacon": True,
        },
        {"sent_size_regularity": 1, "sent_modal_share": 1, "median_sent_bytes": 500},
        {"received_size_regularity": 3 / 21, "received_modal_share": 1 / 21},
        {"median_received_bytes": 1100, "size_score": 1, "no_score_reason": None},
    )


def test_twelve_intervals_by_hand(scores: dict[str, Any]):
    # Sorted: 50 55 58 60 60 60 62 65 70 120 180 400. Of 12, the 90 % element is the 10th, 120: all
    # are above 12, none is a burst. Period: the 6th, 60. Centre: (2nd + 11th)/2 = 117.5; within
    # 58.75 of it lie 60 60 60 62 65 70 120. Within 9 of 60 or a multiple: 55 58 60 60 60 62 65 120
    # 180; left are 50, 70 and 400 (its multiple is capped at 6 × 60). Their median is 70; only 70
    # is within 10.5 of it.
    # Median 61, deviations 1 1 1 1 3 4 6 9 11 59 119 339: their median is 5.
    # Uniform from 50 to 400: the 9th, 70, is furthest: 9/12 against 20/350.
    # Sleep: 55 … 65 are within 15 % of 60, the 2 % element is 55, the 98 % element is 65.
    check(
        scores["twelve"],
        {"interval_count": 12, "period_seconds": 60, "second_period_seconds": 70},
        {"jitter_share": 7 / 12, "harmonic_share": 9 / 12, "cadence_share": 10 / 12},
        {"timing_score": 10 / 12, "null_quantile": null_quantile(12), "is_beacon": False},
        {"regularity": 1 - 5 / 61 / 0.6942, "uniform_fit": 1 - (9 / 12 - 20 / 350)},
        {"interval_share_10": 7 / 12, "interval_share_30": 9 / 12, "interval_share_50": 9 / 12},
        {"estimated_sleep_seconds": 65, "estimated_jitter_percent": 100 * (1 - 55 / 65)},
        # Without sizes, timing alone decides.
        {"sent_size_regularity": None, "size_score": None, "beacon_score": score(0)},
        {"total_sent_bytes": None, "median_sent_bytes": None, "sent_modal_share": None},
        {"rita_data_size_score": None, "rita_beacon_score": None},
    )


def test_connections_within_a_beat_are_one_beat(scores: dict[str, Any]):
    # 0.4 and 1.6 s within a beat, 98 s between beats. Of the 21 gaps of a second or more (11 × 1.6,
    # 10 × 98) the 18th is 98, and a tenth of it exceeds 1.6.
    check(scores["bursts"], event_count=33, interval_count=10, period_seconds=98, timing_score=1)


def test_fast_beats_between_long_sleeps_all_count(scores: dict[str, Any]):
    # 9 × 5 s, 5 × 600 s: only 5 exceed a tenth of 600, which is too few, so all 14 count.
    # Centre (3rd + 12th)/2 = 302.5: neither 5 nor 600 is within 151.25 of it. Period 5: the 600s
    # are off it (30 > 25 + 0.75), and the second period.
    check(
        scores["few_beats"],
        {"interval_count": 14, "period_seconds": 5, "second_period_seconds": 600},
        {"jitter_share": 0, "harmonic_share": 9 / 14, "cadence_share": 1},
    )


def test_rounding_to_whole_seconds_is_undone(scores: dict[str, Any]):
    # 12 × 2 s become 1.5 + frac(0.618 i): frac is .090 .180 .236 .326 .416 .472 .562 .618 .708 .798
    # .854 .944, sorted. The period is the 6th, 1.972; within 15 % of it are the 8 from .180 to
    # .708; of the others, 1.590 2.298 2.354 2.444, the 2nd is the second period, the first off it.
    check(
        scores["whole_seconds"],
        {"interval_count": 12, "period_seconds": 1.5 + 4 * 0.6180339887498949 % 1},
        {"second_period_seconds": 1.5 + 11 * 0.6180339887498949 % 1},
        {"jitter_share": 1, "harmonic_share": 8 / 12, "cadence_share": 11 / 12},
    )
    check(scores["fractions"], period_seconds=2, harmonic_share=1, second_period_seconds=None)


def test_too_few_and_too_fast_have_a_reason_and_no_score(scores: dict[str, Any]):
    # 8 random intervals reach 1 as well.
    check(scores["minimum"], beacon_score=score(0), no_score_reason=None, is_beacon=False)
    reasons = {
        "below_minimum": "only 7 intervals, 8 are needed",
        "single": "only 0 intervals, 8 are needed",
        "one_instant": "only 0 intervals, 8 are needed",
        "faster_than_a_second": "only 0 intervals, 8 are needed",
        "faster_than_a_beacon": "faster than one connection in 1.5 s",
    }
    for name, reason in reasons.items():
        check(scores[name], no_score_reason=reason, beacon_score=None, is_beacon=False)


@pytest.mark.parametrize("name", ["single", "one_instant"])
def test_no_interval_is_no_measure_never_zero(scores: dict[str, Any], name: str):
    times = ["period", "second_period", "estimated_sleep", "longest_gap"]
    shares = [f"interval_share_{n}" for n in (10, 30, 50)]
    shares += [f"{kind}_share" for kind in ("jitter", "harmonic", "cadence")]
    scored = ["timing", *(f"rita_{kind}" for kind in RITA)]
    nulls = [f"{name}_seconds" for name in times] + shares + [f"{name}_score" for name in scored]
    nulls += ["regularity", "uniform_fit", "null_quantile", "estimated_jitter_percent"]
    check(scores[name], interval_count=0, **dict.fromkeys(nulls))
    check(scores[name], event_count={"single": 1, "one_instant": 10}[name])


def test_sizes(scores: dict[str, Any]):
    check(scores["zero_bytes"], sent_size_regularity=None, size_score=None, sent_modal_share=1)
    check(scores["zero_bytes"], total_sent_bytes=0, rita_data_size_score=0.5)  # (1 + 0) / 2
    check(scores["seven_sizes"], sent_size_regularity=None, total_sent_bytes=3500)
    check(scores["seven_sizes"], size_score=None, beacon_score=score(TIMING + 2.5))
    # 500 × 4, 520, 560, 700, 900: the median is the 4th, 500; 5 are within 50 of it; 5 are
    # distinct: max(1 − 4/7, 5/8). On a clock of 60 s, sizes that vary so much are a poller's: −6.
    check(scores["eight_sizes"], sent_size_regularity=5 / 8, sent_modal_share=4 / 8)
    check(scores["eight_sizes"], timer_likeness=1, beacon_score=score(TIMING + 2.5 - 6))
    check(scores["eight_sizes"], is_beacon=False)


def test_no_interval_is_taken_across_a_gap_in_the_logs(scores: dict[str, Any]):
    # 6 intervals before 05:00 and 6 after 09:00; the four hours between are not an interval.
    check(scores["across_log_gap"], event_count=14, interval_count=12, longest_gap_seconds=600)
    # The vendor pauses for 110 minutes of whole slots, less than log_gap_minutes.
    check(scores["across_pause"], interval_count=13, longest_gap_seconds=1.99 * HOUR - 0.25)


def test_rarity(scores: dict[str, Any]):
    active = len(CONNECTIONS.keys() - {"day_before_only", "three_days_ago"})
    for name in ("shared_1", "shared_2", "shared_3"):
        check(
            scores[name],
            {"sources": 3, "active_sources": active, "share_of_active_sources": 3 / active},
            # Nobody reached it on the six days before, on which one host was active.
            {"rarity_score": 1, "known_share": 0},
        )
    check(scores["clock"], is_new_destination=False)  # six days are too few to say
    # One of four earlier sources reached it, on each of six days.
    check(scores["hourly"], known_share=1 / 24, beacon_score=score(TIMING + 2.5 + 1 - 12 / 24))
    check(scores["clock"], sources=1, rarity_score=1, days_seen=1, history_days=6)
    check(scores["hourly"], days_seen=7, first_seen_on=END - dt.timedelta(days=6))


def test_rita_by_hand(scores: dict[str, Any]):
    # Intervals 100 100 110 120 130 200 300: q1 100, q2 120, q3 200; Bowley (100 + 200 − 240)/100 =
    # 0.6; deviations 0 10 10 20 20 80 180: M = 100/120; ((1 − 0.6) + 0.8333)/2 = 0.617.
    # Sizes 100 100 100 120 140 160 200 400: 100, 130, 180: 20/80 = 0.25; deviations 10 10 30 30 30
    # 30 70 270: M = 100/130; (0.75 + 0.7692)/2 = 0.760. All in one bin: CV is 4.8, no duration.
    check(
        scores["rita"],
        {"rita_event_count": 8, "rita_timestamp_score": 0.617, "rita_data_size_score": 0.760},
        {"rita_histogram_score": 0, "rita_duration_score": 0, "rita_beacon_score": 0.344},
    )


def test_rita_takes_no_skewness_from_a_narrow_spread(scores: dict[str, Any]):
    # 60 60 60 61 65 66 67: q1 60, q2 61, q3 66; q3 − q1 is below 10, so the skewness of 0.67 does
    # not count. Deviations 0 1 1 1 4 5 6: M = 60/61; (1 + 60/61)/2 = 0.992.
    check(scores["rita_narrow"], rita_timestamp_score=0.992, rita_data_size_score=None)


def test_ritas_window_starts_at_the_hour_of_the_day_before(scores: dict[str, Any]):
    # The last event of all is at 23:59:59; so 23:00 of the day before is the start and 89,999 s
    # the length. 22:59 is outside. 23:10 falls into bin 0 and 13:00 to 23:00 into bins 13 to 23:
    # 12 bins with one each (bimodal 12/11), a run of 12 around the end, one interval, one size.
    check(
        scores["rita_day"],
        {"event_count": 11, "rita_event_count": 12, "rita_timestamp_score": 1},
        {"rita_data_size_score": 1, "rita_histogram_score": 1, "rita_duration_score": 1},
        {"rita_beacon_score": 1, "interval_count": 10, "active_hours": 11},
    )
    assert "day_before_only" not in scores  # not in our window, although in RITA's


def test_a_week_keeps_intervals_across_midnight(network: dict[int, dict[str, Any]]):
    # One day: 17 intervals, less the one across the gap in the logs; one is 3 h.
    check(network[1]["hourly"], event_count=18, interval_count=16, period_seconds=HOUR)
    check(network[1]["hourly"], harmonic_share=1, interval_share_10=15 / 16)
    # A week: 162 events, 161 intervals less one.
    week = network[7]["hourly"]
    check(week, event_count=162, interval_count=160, interval_share_10=159 / 160, active_hours=162)
    check(week, null_quantile=null_quantile(160), is_beacon=True)
    assert week["hourly_event_counts"][:144] == [1] * 144
    assert len(week["hourly_event_counts"]) == 7 * 24
    # RITA still looks at its 25 hours: 23:30 of the day before and the day.
    check(week, rita_event_count=19)
    check(network[7]["three_days_ago"], interval_count=12)
    check(network[7]["three_days_ago"], rita_event_count=0, rita_beacon_score=None)
    assert "three_days_ago" not in network[1]


def test_a_slow_connection_is_judged_over_its_long_window(network: dict[int, dict[str, Any]]):
    # 18 events on the day and 24 on each of six before: the same as in a window of 7 days.
    slow = network[14]["hourly"]
    check(slow, event_count=162, interval_count=160, window_days=14, is_beacon=True)
    assert len(slow["hourly_event_counts"]) == 14 * 24
    # Not slow: too many events a day, too few today, or none on earlier days.
    check(network[14]["bursts"], window_days=1, event_count=33)
    check(network[14]["single"], window_days=1, event_count=1)
    check(network[14]["clock"], window_days=1, event_count=21)
    assert "three_days_ago" not in network[14]


# -- without the layers before: the compiled models over a table of connection days


@pytest.fixture(scope="module")
def compiled(dbt: Dbt) -> dict[str, str]:
    return compile_scores(end_date=str(END))


def connection_day(address: str, events: int, logged: int) -> str:
    """A query of one row of connection_days with `events` over the day; `logged` were logged."""
    return connection_days(
        source_ip=f"'{address}'",
        event_count=str(logged),
        events=f"""
            transform(sequence(1, {events}), n -> struct(
                unix_micros(timestamp'{END}') + (n * 86399L div {events}) * 1000000 as event_micros,
                500L as sent_bytes,
                500L as received_bytes
            ))
        """,
    )


def test_rita_judges_no_strobe_and_no_list_that_was_cut(dbt: Dbt, compiled: dict[str, str]):
    days = {"10.0.0.1": (86_399, 86_399), "10.0.0.2": (86_400, 86_400), "10.0.0.3": (100, 101)}
    union = " union all ".join(connection_day(address, *n) for address, n in days.items())
    scores = put_over(dbt.spark, compiled, {"connection_days": union})
    found = {r["source_ip"]: r for r in scores.collect()}
    # One event per second all day, none in the hour before: 24 of 24 bins, the first a sixth full.
    assert found["10.0.0.1"]["rita_event_count"] == 86_399
    assert found["10.0.0.1"]["rita_timestamp_score"] == 1
    assert found["10.0.0.1"]["rita_beacon_score"] > 0.9
    assert found["10.0.0.2"]["rita_event_count"] == 86_400
    assert found["10.0.0.3"]["rita_event_count"] is None
    for address in ("10.0.0.2", "10.0.0.3"):
        assert [found[address][f"rita_{kind}_score"] for kind in RITA] == [None] * 5
    assert found["10.0.0.3"]["beacon_score"] > 0.99  # our score uses the truncated list


@pytest.mark.skipif(ENGINE == "local", reason="reads a plan of Spark's")
def test_one_shuffle(dbt: Dbt, compiled: dict[str, str]):
    # From files, as in production. Broadcasts of small tables are no shuffle, and collecting the
    # quantiles into one row is no shuffle by a key.
    folder = dbt.folder / "one_shuffle"
    tables = {}
    put_over(dbt.spark, compiled, {"connection_days": connection_day("10.0.0.1", 9, 9)})
    for name in ("connection_days", "destination_rarity"):
        dbt.spark.table(name).write.parquet(str(folder / name))
        tables[name] = dbt.spark.read.parquet(str(folder / name))
    put_over(dbt.spark, compiled, tables)
    (plan,) = dbt.rows("explain formatted select * from beacon_scores")
    exchanges = re.findall(r"^\(\d+\) Exchange\n.*\nArguments: (\w+)", plan["plan"], re.MULTILINE)
    assert sorted(exchanges) == ["SinglePartition", "hashpartitioning"]
    assert "Window" not in plan["plan"]
    assert "Python" not in plan["plan"]


# -- RITA's own cases, for what the macros compute; skipped where the shared data is absent

CASES = SHARED / "rita_score_cases.json"
needs_shared = pytest.mark.skipif(
    not CASES.exists(),
    reason=f"no {CASES}; say where the shared data is by NETWORK_BEACONING_CAPTURES",
)


def macro(call: str, **columns: str) -> str:
    """Render one of the macros for measures."""
    texts = [file.read_text() for file in (PROJECT / "macros/measures").glob("*.sql")]
    text = "".join(texts) + "{{ " + call + " }}"
    return jinja2.Environment().from_string(text).render(**columns).strip()


def array(values: Iterable[float]) -> str:
    return f"array({', '.join(f'{v}' + ('D' if isinstance(v, float) else 'L') for v in values)})"


def of_sorted(values: list[float], expression: str) -> str:
    """A query of an expression over x, its quartiles q and its deviations d."""
    return f"""
        select {expression} as value from (
            select *, sort_array(transform(x, v -> abs(v - q.q2))) as d from (
                select *, {macro("rita_quartiles('x')")} as q
                from (select sort_array({array(values)}) as x)
            )
        )"""


def rita_cases() -> list[tuple[str, str, Any]]:
    """(name, query of one value, what RITA answers) of each case with settings like ours.

    Left out: errors that cannot reach the macros (empty and negative input), and other weights,
    steps and hours than RITA's defaults.
    """
    cases = {
        kind: [c for c in of_kind if not c.get("expectedError", c.get("expectError"))]
        for kind, of_kind in json.loads(CASES.read_text())["tests"].items()
    }
    found: list[tuple[str, str, Any]] = []

    def add(kind: str, case: dict[str, Any], query: str, expected: str = "expectedScore") -> None:
        found.append((f"{kind}: {case['name']}: {expected}", query, case[expected]))

    def over(values: Iterable[float], call: str) -> str:
        return f"select {macro(call, x='bins')} as value from (select {array(values)} as bins)"

    kind = "TestGetTimestampScore"
    for c in cases[kind]:
        seconds = sorted(set(c["tsList"]))
        deltas = [b - a for a, b in zip(seconds, seconds[1:])]
        add(kind, c, of_sorted(deltas, macro("rita_spread_score('q', 'd', 1)")))
    for kind, column, call, expected in (
        ("GetDataSizeScore", "bytesList", "rita_spread_score('q', 'd', 0)", "Score"),
        ("CalculateBowleySkewness", "intervalsBetweenTimestamps", "rita_skewness('q')", "Skewness"),
        ("CalculateMedianAbsoluteDeviation", "inputData", "rita_closeness('q', 'd', 1)", "Score"),
    ):
        for c in cases[f"Test{kind}"]:
            add(kind, c, of_sorted(c[column], macro(call)), f"expected{expected}")
    kind = "TestCalculateCoefficientOfVariationScore"
    for c in cases[kind]:
        add(kind, c, over(c["freqList"], "rita_evenness(x, rita_bin_mean(x))"))
    kind = "TestCalculateBimodalFitScore"
    for c in cases[kind]:
        bins = [int(group) for group, size in c["freqCount"].items() for _ in range(size)]
        fewest = c["minHoursForBimodalAnalysis"]
        if len(bins) == c["totalBars"] and fewest >= 3:
            call = f"rita_bimodality(rita_filled_bins(x), rita_bin_step(x), {fewest})"
            add(kind, c, over(bins, call))
    kind = "TestGetDurationScore"
    for c in cases[kind]:
        bins, run = [0] * 24, c["longestConsecutiveRun"]
        bins[:run] = [1] * run
        for n in range(c["totalBars"] - run):
            bins[run + 1 + 2 * n] = 1
        window = c["datasetMax"] - c["datasetMin"]
        seconds = f"{c['histMin']}, {c['histMax']}, {window}"
        add(kind, c, over(bins, f"rita_duration_score(x, rita_filled_bins(x), {seconds})"))
    for kind in ("TestGetHistogramScore", "TestCreateHistogram"):
        for c in cases[kind]:
            edges = c.get("binEdges") or c["expectedBinEdges"]
            count = len(edges) - 1
            span = f"{edges[0]:.0f}, {edges[-1]:.0f}, {count}"
            numbers = macro(f"rita_bin_numbers(x, {span})", x="x")
            source = f"from (select {numbers} as numbers from (select {array(c['tsList'])} as x))"
            source = (
                f"from (select {macro('rita_bins(run_ends(x))', x='numbers')} as bins {source})"
            )
            add(kind, c, f"select bins as value {source}", "expectedHistogram")
            for call, expected in (
                (macro("rita_longest_run('bins')"), "expectedLongestRun"),
                (macro("'size(' ~ rita_filled_bins('bins') ~ ')'"), "expectedTotalBars"),
            ):
                add(kind, c, f"select {call} as value {source}", expected)
            fewest = c.get("minHoursForBimodalAnalysis", 0)
            if fewest >= 3:
                evenness = macro("rita_evenness(x, rita_bin_mean(x))", x="bins")
                call = f"rita_bimodality(rita_filled_bins(x), rita_bin_step(x), {fewest})"
                bimodality = macro(call, x="bins")
                larger = f"round(greatest({evenness}, {bimodality}), 3)"
                add(kind, c, f"select {larger} as value {source}")
    return found


@needs_shared
def test_ritas_own_cases(dbt: Dbt):
    cases = rita_cases()
    assert len({name.split(": ")[1] for name, _, _ in cases}) > 50
    answers = dbt.rows(
        " union all ".join(
            f"select {n} as n, to_json(named_struct('value', value)) as answer from ({query})"
            for n, (_, query, _) in enumerate(cases)
        )
    )
    found = {cases[a["n"]][0]: json.loads(a["answer"])["value"] for a in answers}
    wrong = {
        name: (found[name], expected)
        for name, _, expected in cases
        if found[name] != pytest.approx(expected, abs=0.001)
    }
    assert not wrong


# -- real captures


def capture(name: str, end: dt.date) -> list[tuple[str, dict[str, Any]]]:
    """(day, row) as Fortinet's, moved by whole days so that the last day is `end`."""
    with gzip.open(SHARED / f"captures/{name}.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) | {"DeviceVendor": "Fortinet"} for line in lines]
    days = [dt.date.fromisoformat(row["TimeGenerated"][:10]) for row in rows]
    shift = end - max(days)
    moved = [str(day + shift) for day in days]
    for day, row in zip(moved, rows):
        row["TimeGenerated"] = day + row["TimeGenerated"][10:]
    return list(zip(moved, rows))


def labels(name: str) -> dict[tuple[str, str, int | None], str]:
    with (SHARED / f"captures/{name}.labels.csv").open() as file:
        return {
            (r["SourceIP"], r["DestinationIP"], int(r["DestinationPort"] or 0) or None): r["kind"]
            for r in csv.DictReader(file)
        }


def hunt(
    dbt: Dbt, raw: Path, end: dt.date, lookback_days: int, internal: str
) -> list[dict[str, Any]]:
    """Beacon scores with one more network declared as internal."""
    dbt.wipe()
    used = used_vars(raw, end, lookback_days)
    seeded = dbt("seed", vars=used)
    assert seeded.success, seeded.messages[-3000:]
    dbt.rows(f"insert into beaconing.internal_networks values ('{internal}', 'of the capture')")
    result = dbt("run", "--select", "+beacon_scores", vars=used)
    assert result.success, result.messages[-3000:]
    return dbt.rows("select * from beaconing.beacon_scores")


@pytest.mark.skipif(not CAPTURES, reason=ABSENT)
def test_implants_are_found_and_benign_pollers_left_alone(dbt: Dbt, tmp_path: Path):
    # Four captures of different hosts as one day of one network.
    end = dt.date(2022, 6, 14)
    normal = ["strato_ctu_normal_008", "strato_ctu_normal_010"]
    names = ["strato_kovter_l7", "strato_njrat", *normal]
    kinds = {pair: kind for name in names for pair, kind in labels(name).items()}
    lay_out_days(tmp_path, (row for name in names for row in capture(name, end)))
    rows = hunt(dbt, tmp_path, end, 1, "147.32.0.0/16")
    flagged = {
        (r["source_ip"], r["destination_ip"], r["destination_port"]) for r in rows if r["is_beacon"]
    }
    c2 = {pair for pair, kind in kinds.items() if kind.startswith("c2")}
    assert len(c2) == 9
    assert c2 <= flagged
    hosts = {"147.32.81.167", "147.32.83.234"}
    benign = {pair for pair in flagged if pair[0] in hosts}
    assert {r["source_ip"] for r in rows} >= hosts  # the benign days are really there
    assert len(benign) <= 6, benign


@pytest.mark.skipif(not CAPTURES, reason=ABSENT)
def test_ritas_expectation_of_its_own_data_set(dbt: Dbt, tmp_path: Path):
    end = dt.date(2024, 4, 21)
    rows = capture("rita_missing_host", end)
    # The rest are 100,000 scans from outside, not egress. The last row of all ends RITA's window.
    last = max(row["TimeGenerated"] for _, row in rows)
    inside = (row for row in rows if row[1]["SourceIP"].startswith("73.54."))
    lay_out_days(tmp_path, [*inside, *(row for row in rows if row[1]["TimeGenerated"] == last)])
    rows = hunt(dbt, tmp_path, end, 3, "73.54.0.0/16")
    (row,) = [r for r in rows if r["destination_port"] == 80]
    assert row["rita_event_count"] == 331
    assert row["rita_beacon_score"] == pytest.approx(0.963, abs=0.001)
