"""One day of rows: what every day has, what is planted, and traffic of people for the rest."""

from __future__ import annotations

import enum
import math

import numpy as np

from samples.implants import near_miss_rows
from samples.rows import ROW, SERVICE, TICKS, Log
from samples.traffic import (
    MAIN_VENDOR,
    fill_browsing,
    fill_inbound,
    fill_internal,
    fill_multicast,
    number_sessions,
    popular_rows,
)
from samples.vendors import MAKERS
from samples.world import World

HOST_BACKGROUND_ROWS = 130  # per planted host: the hunt leaves out sources below 100 events
# Shares of the rows that are not fixed; the rest is browsing and its companion logs.
INTERNAL_SHARE, INBOUND_SHARE, MULTICAST_SHARE = 0.36, 0.07, 0.03
GATEWAY_MAKER = np.repeat(np.arange(len(MAKERS)), [len(maker.gateways) for maker in MAKERS])


class Skew(str, enum.Enum):
    """What half of the background events have in common."""

    NONE = "none"
    SOURCE = "source"
    DESTINATION = "destination"


def compose_day(
    rng: np.random.Generator,
    world: World,
    rows_per_day: int,
    skew: Skew,
    last_day: bool,
    implants: np.ndarray,
) -> np.ndarray:
    """Make a day's rows.

    Parameters
    ----------
    rng
        Random generator, for this day alone.
    world
        The network.
    rows_per_day
        Rows without those of the implants.
    skew
        What half of them have in common.
    last_day
        Whether it is the last day of the samples.
    implants
        Rows of the implants on this day.

    Returns
    -------
    ndarray of ROW
        Sorted by time: exactly `rows_per_day`, and those of the implants.
    """
    rows = np.zeros(rows_per_day + len(implants), ROW)
    used = 0

    def take(count: int) -> np.ndarray:
        nonlocal used
        used += count
        return rows[used - count : used]

    take(len(implants))[:] = implants
    fixed = np.concatenate(
        [
            popular_rows(rng, world),
            *_host_rows(rng, world),
            near_miss_rows(rng, world, last_day),
        ]
    )
    take(len(fixed))[:] = fixed
    if skew is not Skew.NONE:
        half = take(rows_per_day // 2)
        source = int(world.with_vendor(MAIN_VENDOR)[0]) if skew is Skew.SOURCE else None
        fill_browsing(rng, world, half, source)
        if skew is Skew.DESTINATION:
            half["destination"], half["service"] = world.groups["popular"][-1], SERVICE["https"]
    free = len(rows) - used
    fill_internal(rng, world, take(int(INTERNAL_SHARE * free)))
    fill_inbound(rng, world, take(int(INBOUND_SHARE * free)))
    fill_multicast(rng, world, take(int(MULTICAST_SHARE * free)))
    companions = [
        (number, log, int(share * free))
        for number, maker in enumerate(MAKERS)
        for log, share in maker.companions
    ]
    browsing = take(len(rows) - used - sum(count for *_, count in companions))
    fill_browsing(rng, world, browsing)
    number_sessions(rng, rows[:used])
    maker_of = GATEWAY_MAKER[world.gateway[browsing["source"]]]
    for number, log, count in companions:
        began_today = browsing["tick"] >= browsing["duration"] * np.int64(TICKS)
        connections = (maker_of == number) & (browsing["log"] == Log.CONNECTION) & began_today
        chosen = rng.permutation(np.flatnonzero(connections))[:count]
        part = take(count)
        part[: len(chosen)] = browsing[chosen]
        _tell_earlier(rng, part[: len(chosen)], log)
        if len(chosen) < count:  # a maker with few clients
            fill_browsing(rng, world, part[len(chosen) :])
            number_sessions(rng, part)
    return rows[np.argsort(rows["tick"], kind="stable")]


def _tell_earlier(rng: np.random.Generator, rows: np.ndarray, log: Log) -> None:
    """Turn ends of sessions into what the firewall logged of the same sessions before."""
    length = rows["duration"] * np.int64(TICKS)
    if log == Log.START:
        elapsed = np.zeros(len(rows), np.int64)
        rows["sent"] = rows["received"] = 0
    elif log == Log.INTERIM:
        share = rng.random(len(rows))
        elapsed = (length * share).astype(np.int64)
        rows["sent"], rows["received"] = rows["sent"] * share, rows["received"] * share
    else:
        elapsed = (rng.lognormal(math.log(0.8), 1.0, len(rows)) * TICKS).astype(np.int64)
    elapsed = np.minimum(elapsed, length)
    rows["tick"] -= length - elapsed
    rows["duration"] = elapsed // TICKS
    rows["log"] = log


def _host_rows(rng: np.random.Generator, world: World) -> list[np.ndarray]:
    """Make traffic of people on the planted hosts."""
    parts = []
    for host in world.groups["planted_hosts"].tolist():
        rows = np.zeros(HOST_BACKGROUND_ROWS, ROW)
        fill_browsing(rng, world, rows, source=host)
        rows["log"] = Log.CONNECTION
        parts.append(rows)
    return parts
