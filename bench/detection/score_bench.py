"""Judge drawn implants, software without harm and random traffic with the models' own SQL.

Usage: python -m bench.detection.score_bench [--kinds PATTERN] [--draws N]   (half a minute for all)
       python -m bench.detection.score_bench --draws 1000 --docs   (writes the tables of the docs)
"""

from __future__ import annotations

import datetime as dt
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from pyspark.sql import SparkSession

from bench import PROJECT
from bench.detection.connection_days import connection_days, contract
from bench.detection.score_models import compile_findings, put_over, score_window, start_sail
from bench.detection.traffic import (
    BEATS,
    DAY,
    FAMILIES,
    JITTERS,
    Draw,
    Flow,
    Kind,
    all_kinds,
    drawn,
)

BEGIN, END = "<!-- bench/detection/score_bench.py -->", "<!-- end -->"  # around the tables
END_DATE = dt.date(2026, 3, 10)  # the day of score_models
MIDNIGHT = dt.datetime.combine(END_DATE, dt.time(), dt.timezone.utc)
HISTORY_DAYS = 7
ROUND = 200  # draws a kind that are judged at once
SEVERITIES = ("low", "medium", "high", "critical")

# What an analyst gets, by source or by destination: the only place that knows where it stands.
VERDICTS = "select source_ip, destination_ip, severity, reasons from beacon_findings"
# Why a connection is none.
SCORES = """
    select
        source_ip,
        beacon_score,
        case
            when no_score_reason is not null then no_score_reason
            when coalesce(timing_margin, 0) <= 0 then 'its timing may be chance'
            else 'its score is too low'
        end as why_not
    from beacon_scores
"""


def source_address(number: int) -> str:
    """Make the private address of a host."""
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def destination_address(number: int) -> str:
    """Make an address in 198.18.0.0/15, which is for benchmarks."""
    return f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def rows_of(
    flow: Flow, vendor: str, source_ip: str, destination_ip: str
) -> Iterator[dict[str, object]]:
    """Cut a flow into its days, as connection_days has them."""
    order = np.argsort(flow.times, kind="stable")
    micros = np.rint(flow.times[order] * 1e6).astype(np.int64)
    days = np.floor_divide(micros, int(DAY * 1e6))
    sizes = [
        s if s is None else np.rint(s[order]).astype(np.int64) for s in (flow.sent, flow.received)
    ]
    for day in np.unique(days):
        mine = slice(*np.searchsorted(days, [day, day + 1]))
        hours = (micros[mine] - day * int(DAY * 1e6)) // 3_600_000_000
        yield {
            "device_vendor": vendor,
            "source_ip": source_ip,
            "destination_ip": destination_ip,
            "destination_port": flow.port,
            "protocol": flow.protocol,
            "destination_name": flow.name,
            "longest_session_seconds": flow.longest_session,
            "hourly_event_counts": np.bincount(hours, minlength=24),
            "log_date": END_DATE + dt.timedelta(int(day)),
            "micros": micros[mine] + int(MIDNIGHT.timestamp() * 1e6),
            "sent": None if sizes[0] is None else sizes[0][mine],
            "received": None if sizes[1] is None else sizes[1][mine],
        }


def known_before(days: int, rng: np.random.Generator, **row: str) -> Iterator[dict[str, object]]:
    """Make rows of earlier days on which another host reached an address."""
    for back in range(1, days + 1):
        yield from rows_of(Flow(rng.uniform(0, DAY, 1) - back * DAY), **row)


def made(draws: Mapping[Kind, Sequence[Draw]]) -> tuple[pa.Table, pd.DataFrame]:
    """Lay draws out as rows of connection_days.

    Parameters
    ----------
    draws
        By kind.

    Returns
    -------
    rows : pyarrow.Table
        Some columns of connection_days; `events` as there.
    told : DataFrame
        One row an address that a draw has for itself: `address`, `draw` (a number), `kind`, `note`.
    """
    rows: list[dict[str, object]] = []
    told: list[tuple[str, int, str, str]] = []
    number = source_number = destination_number = 0
    rng = np.random.default_rng(1)
    for kind, of_kind in draws.items():
        for draw in of_kind:
            vendor = f"network {number}" if kind.hosts else "Fortinet"
            sources: dict[int, str] = {}
            destinations: dict[int, str] = {}
            days_known = int(rng.choice(kind.days_known))
            for flow in draw.flows:
                if flow.source not in sources:
                    sources[flow.source] = source_address(source_number)
                    source_number += 1
                if flow.destination not in destinations:
                    destinations[flow.destination] = destination_address(destination_number)
                    destination_number += 1
                    rows += known_before(
                        days_known,
                        rng,
                        vendor=vendor,
                        source_ip="172.16.0.1",
                        destination_ip=destinations[flow.destination],
                    )
                rows += rows_of(flow, vendor, sources[flow.source], destinations[flow.destination])
            # A network has a history, whoever is in it.
            if kind.hosts or number == 0:
                for back in range(1, HISTORY_DAYS + 1):
                    seen = Flow(np.array([-back * DAY + 60]))
                    rows += rows_of(seen, vendor, "172.16.0.1", "203.0.113.1")
            note = f"{draw.note}, known for {days_known} days"
            told += [
                (ip, number, kind.name, note) for ip in (*sources.values(), *destinations.values())
            ]
            number += 1
    counts = [len(row["micros"]) for row in rows]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)

    def sizes(name: str) -> pa.Array:
        known = np.repeat([row[name] is not None for row in rows], counts)
        values = [
            np.zeros(n, np.int64) if r[name] is None else r[name] for r, n in zip(rows, counts)
        ]
        return pa.array(np.concatenate(values), pa.int64(), mask=~known)

    micros = pa.array(np.concatenate([row["micros"] for row in rows]))
    events = pa.StructArray.from_arrays(
        [micros, sizes("sent"), sizes("received")], ["event_micros", "sent_bytes", "received_bytes"]
    )
    plain = [name for name in rows[0] if name not in ("micros", "sent", "received")]
    table = pa.table(
        {name: pa.array([row[name] for row in rows]) for name in plain}
        | {"events": pa.ListArray.from_arrays(offsets, events)}
    )
    return table, pd.DataFrame(told, columns=["address", "draw", "kind", "note"])


def judge(spark: SparkSession, folder: Path, draws: Mapping[Kind, Sequence[Draw]]) -> pd.DataFrame:
    """Judge draws by the compiled models, at the default vars.

    Parameters
    ----------
    spark
        Running session; it keeps the models as temporary views.
    folder
        Where their rows go.
    draws
        By kind.

    Returns
    -------
    DataFrame
        One row a draw: `kind`, `note`, `severity` (the highest of its findings, or `none`), `score`
        (the highest of its connections), `why` (the reasons of the finding, or why there is none).
    """
    table, told = made(draws)
    pq.write_table(table, folder / "drawn.parquet")
    vendors = sorted(set(table["device_vendor"].to_pylist()))
    spark.read.parquet(str(folder / "drawn.parquet")).createOrReplaceTempView("drawn")
    columns = {name: name for name in table.column_names if name in contract("connection_days")}
    compiled = compile_findings(end_date=str(END_DATE), device_vendor=vendors)
    given = {
        "connection_days": connection_days("from drawn", **columns),
        "score_window": score_window(*vendors),
    }
    put_over(spark, compiled, given, folder)
    draw_of = told.set_index("address")["draw"]
    result = told.groupby("draw")[["kind", "note"]].first()

    scores = spark.sql(SCORES).toPandas()
    scores = scores.assign(draw=scores["source_ip"].map(draw_of)).dropna(subset="draw")
    best = scores.sort_values("beacon_score", na_position="first").groupby("draw").last()
    found = spark.sql(VERDICTS).toPandas()
    found["draw"] = found["source_ip"].map(draw_of).fillna(found["destination_ip"].map(draw_of))
    found = found.dropna(subset="draw").assign(rank=found["severity"].map(SEVERITIES.index))
    worst = found.sort_values("rank", kind="stable").groupby("draw").last()
    result["severity"] = worst["severity"].reindex(result.index).fillna("none")
    result["score"] = best["beacon_score"]
    reasons = worst["reasons"].astype(object).str.join("; ")
    result["why"] = reasons.reindex(result.index).fillna(best["why_not"])
    return result.reset_index(drop=True)


def summary(judged: pd.DataFrame) -> pd.DataFrame:
    """Sum up what `judge` gives.

    Parameters
    ----------
    judged
        From `judge`.

    Returns
    -------
    DataFrame
        One row a kind, in the order of the draws: `kind`, `draws`, `found` and `medium` (shares of
        the draws with a finding, and with one of severity medium or above), `score` (the median;
        a draw without a score counts as 0), `missed` (why the most draws without a finding have
        none, with their number).
    """
    rows = []
    for kind, of_kind in judged.groupby("kind", sort=False):
        found = of_kind["severity"] != "none"
        why_not = of_kind["why"][~found].fillna("no score").value_counts()
        rows.append(
            {
                "kind": kind,
                "draws": len(of_kind),
                "found": found.mean(),
                "medium": of_kind["severity"].isin(SEVERITIES[1:]).mean(),
                "score": of_kind["score"].fillna(0).median(),
                "missed": "; ".join(f"{count}: {why}" for why, count in why_not[:2].items()),
            }
        )
    return pd.DataFrame(rows)


def printed(sums: pd.DataFrame, before: pd.DataFrame | None) -> str:
    """Lay out a summary as Markdown, with the shares of an earlier one in brackets."""
    old = {} if before is None else before.set_index("kind").to_dict("index")
    lines = [
        "| traffic | draws | found | medium or above | score | not found |",
        "|---|---|---|---|---|---|",
    ]
    for row in sums.to_dict("records"):
        was = old.get(row["kind"])
        shares = [
            f"{row[name]:.2%}" + (f" ({was[name]:.2%})" if was and was[name] != row[name] else "")
            for name in ("found", "medium")
        ]
        missed = row["missed"] if row["kind"].startswith("implant") else ""
        cells = [row["kind"], row["draws"], *shares, f"{row['score']:.2f}", missed]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def against_the_aim(judged: pd.DataFrame, examples: int) -> Iterator[str]:
    """Write out implants that are not found, and other traffic at medium or above."""
    for kind, of_kind in judged.groupby("kind", sort=False):
        loud = of_kind["severity"].isin(SEVERITIES[1:])
        wrong = of_kind[~loud if kind.startswith("implant") else loud]
        for row in wrong[:examples].itertuples():
            yield f"{kind}: {row.note}: score {row.score:.3f}, {row.severity}: {row.why}"


def docs_tables(sums: pd.DataFrame) -> str:
    """Lay out the shares at medium or above for the docs: implants with one beat, then the rest."""
    medium = dict(zip(sums["kind"], sums["medium"]))
    sizes = ["", ", padded on both sides", ", padded answers"]
    columns = [f"{beats} beats{size}" for size in sizes for beats in BEATS]
    columns = [column for column in columns if any(kind.endswith(column) for kind in medium)]
    lines = ["| jitter | " + " | ".join(columns) + " |", "|---" * (1 + len(columns)) + "|"]
    shown = set()
    for jitter, family in product(JITTERS, FAMILIES):
        names = [f"implant: jitter {jitter} % {family}, {column}" for column in columns]
        if any(name in medium for name in names):
            cells = [f"{medium[name]:.0%}" if name in medium else "–" for name in names]
            lines.append(f"| {jitter} % {family} | {' | '.join(cells)} |")
            shown.update(names)
    lines += [
        "",
        "| traffic | draws | found | medium or above | why it cannot be told apart |",
        "|---|---|---|---|---|",
    ]
    same_as = {kind.name: kind.same_as for kind in all_kinds()}
    for row in sums[~sums["kind"].isin(shown)].to_dict("records"):
        shares = [
            f"{row[name]:.3%}" if row["draws"] >= 2000 else f"{row[name]:.1%}"
            for name in ("found", "medium")
        ]
        cells = [row["kind"], row["draws"], *shares, same_as[row["kind"]]]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def docs_page() -> Path:
    """Find the page of the docs that has a place for the tables."""
    pages = sorted((PROJECT / "models").rglob("*.md"))
    (page,) = (path for path in pages if BEGIN in path.read_text(encoding="utf-8"))
    return page


def main(
    kinds: Annotated[str, typer.Option(help="Regular expression of the kinds to draw.")] = "",
    draws: Annotated[
        int,
        typer.Option(
            min=1, help="Draws of most kinds; of traffic without a beat 10 times as many."
        ),
    ] = ROUND,
    seed: Annotated[int, typer.Option(help="Another number makes other draws.")] = 977,
    examples: Annotated[
        int, typer.Option(help="How many draws of a kind to write out that are judged wrong.")
    ] = 0,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="File to keep the result in.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="An earlier result; its shares are shown in brackets.")
    ] = None,
    docs: Annotated[bool, typer.Option(help="Write tables of all kinds into the docs.")] = False,
) -> None:
    """Draw, judge, and print a row for each kind."""
    if docs and kinds:
        raise typer.BadParameter("--docs needs all kinds: leave --kinds out")
    began = time.monotonic()
    rounds = []
    with start_sail() as spark:
        for first in range(0, draws, ROUND):  # all at once would need much memory
            try:
                of_round = drawn(kinds, min(ROUND, draws - first), seed + first)
            except LookupError as error:
                raise typer.BadParameter(str(error)) from None
            with tempfile.TemporaryDirectory() as folder:
                rounds.append(judge(spark, Path(folder), of_round))
    judged = pd.concat(rounds)
    sums = summary(judged)
    earlier = pd.DataFrame(json.loads(against.read_text("utf-8"))) if against else None
    print(printed(sums, earlier), *against_the_aim(judged, examples), sep="\n")
    print(f"{len(judged)} draws in {time.monotonic() - began:.0f} s")
    if json_file:
        json_file.write_text(json.dumps(sums.to_dict("records"), indent=1), encoding="utf-8")
    if docs:
        page = docs_page()
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        text = f"{before}{BEGIN}\n\n{docs_tables(sums)}\n\n{END}{after}"
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
