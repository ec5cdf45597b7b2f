"""Time the scores against a plain LAG and percentile query over the same rows.

Usage: python -m bench.detection.score_speed [--connections 4000] [--events 250] [--rounds 3]
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from pyspark.sql import DataFrame, SparkSession
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.detection.score_models import compile_scores, put_over, start_spark

END_DATE = "2026-03-10"
WARM_UP_ROUNDS = 2  # until the JVM has compiled what runs often

CONNECTION = "device_vendor, source_ip, destination_ip, destination_port, protocol"

# What anyone would write first: deltas by LAG, then their quartiles.
LAG_AND_PERCENTILE = f"""
    with events as (
        select *, unix_micros(time_generated) as event_micros from public_egress
    ),

    deltas as (
        select
            *,
            event_micros - lag(event_micros) over (
                partition by {CONNECTION} order by event_micros
            ) as delta
        from events
    )

    select
        {CONNECTION},
        count(*) as event_count,
        percentile(delta, array(0.25, 0.5, 0.75)) as quartiles
    from deltas
    group by {CONNECTION}
"""


def egress(spark: SparkSession, connections: int, events: int) -> DataFrame:
    """Make rows of public_egress in random order: `events` over a day in each connection."""
    return spark.sql(f"""
        select
            timestamp_micros(
                unix_micros(timestamp'{END_DATE} 00:00:00')
                + cast((n + rand(1)) * 86400 / {events} * 1000000 as bigint)
            ) as time_generated,
            'Fortinet' as device_vendor,
            concat('10.', c div 65536, '.', c div 256 % 256, '.', c % 256) as source_ip,
            cast(1024 + rand(2) * 60000 as int) as source_port,
            concat('198.18.', c div 256 % 256, '.', c % 256) as destination_ip,
            443 as destination_port,
            'tcp' as protocol,
            cast(100 + rand(3) * 3000 as bigint) as sent_bytes,
            cast(100 + rand(4) * 300 as bigint) as received_bytes,
            cast(rand(5) * 60 as bigint) as duration_seconds,
            'accept' as device_action,
            false as is_denied,
            date'{END_DATE}' as log_date
        from (select id div {events} as c, id % {events} as n from range({connections * events}))
        order by rand(6)
    """)


def cpu_seconds(spark: SparkSession) -> float:
    """Sum the processor time of all tasks so far: other programs do not disturb it."""
    no_quantiles = spark._sc._gateway.new_array(spark._jvm.double, 0)
    stages = (
        spark._jsc.sc()
        .statusStore()
        .stageList(None, False, False, no_quantiles, spark._jvm.java.util.ArrayList())
    )
    return sum(stages.apply(i).executorCpuTime() for i in range(stages.size())) / 1e9


def main(
    connections: Annotated[int, typer.Option(min=1)] = 4000,
    events: Annotated[int, typer.Option(min=2, help="of each connection")] = 250,
    rounds: Annotated[int, typer.Option(min=1, help="of which the median is taken")] = 3,
) -> None:
    """Time beacon_scores against a plain LAG and percentile query over the same rows."""
    with tempfile.TemporaryDirectory() as folder, Progress(transient=True) as progress:
        spark = start_spark(Path(folder))
        task = progress.add_task("generating", total=3 * (rounds + WARM_UP_ROUNDS) + 1)
        compiled = compile_scores(end_date=END_DATE)

        def stored(name: str, frame: DataFrame) -> DataFrame:
            frame.write.parquet(f"{folder}/{name}")
            return spark.read.parquet(f"{folder}/{name}")

        tables = {"public_egress": stored("public_egress", egress(spark, connections, events))}
        put_over(spark, compiled, tables)
        for name in ("destination_rarity", "connection_days"):
            tables[name] = stored(name, spark.table(name))
        progress.advance(task)

        def scores_from(*names: str) -> DataFrame:
            return put_over(spark, compiled, {name: tables[name] for name in names})

        runs: dict[str, Callable[[], DataFrame]] = {
            "LAG and percentile, from public_egress": lambda: spark.sql(LAG_AND_PERCENTILE),
            "beacon_scores, from connection_days": lambda: scores_from(
                "destination_rarity", "connection_days"
            ),
            "connection_days and beacon_scores, from public_egress": lambda: scores_from(
                "destination_rarity", "public_egress"
            ),
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
        for _ in range(rounds + WARM_UP_ROUNDS):
            for name, query in runs.items():
                progress.update(task, description=name)
                frame, start, cpu = query(), time.perf_counter(), cpu_seconds(spark)
                # The format noop computes every column of every row and throws it away.
                frame.write.format("noop").mode("overwrite").save()
                times[name].append((time.perf_counter() - start, cpu_seconds(spark) - cpu))
                progress.advance(task)
        spark.stop()

    medians = {
        name: [statistics.median(column) for column in zip(*taken[WARM_UP_ROUNDS:])]
        for name, taken in times.items()
    }
    first = next(iter(medians.values()))
    table = Table("median of rounds", "seconds", "ratio", "CPU seconds", "ratio")
    for name, taken in medians.items():
        cells = [f for t, base in zip(taken, first) for f in (f"{t:.1f}", f"{t / base:.2f}")]
        table.add_row(name, *cells)
    console = Console()
    console.print(f"{connections * events:,} events in {connections:,} connections")
    console.print(table)


if __name__ == "__main__":
    typer.run(main)
