"""What is planted: implants that beacon, and benign pairs that nearly look like beacons."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from samples.rows import DAY_SECONDS, ROW, SERVICE, TICKS, Log
from samples.traffic import fill_sizes, human_times, log_normal_bytes, number_sessions
from samples.world import DATA_CENTRE, HQ, PlantedPair, World


@dataclass(frozen=True)
class Implant:
    """A planted C2 implant. Sleep and gaps in seconds; active for `hours` of the last day.

    A gap between check-ins is drawn uniformly from [shortest_gap, longest_gap]; a network delay of
    at most `NETWORK_NOISE_SECONDS` is added.
    """

    id: str
    family: str
    sleep: float
    jitter_percent: float
    shortest_gap: float
    longest_gap: float
    service: str
    start_hour: float
    hours: float
    note: str
    gateway: int = HQ
    ipv6: bool = False
    denied: bool = False
    every_day: bool = False


NETWORK_NOISE_SECONDS = 0.9
_COBALT_STRIKE = "subtracts jitter: sleep * (1 - U * jitter), U uniform in [0, 1]"
# fmt: off
IMPLANTS = (
    Implant("empire_5s", "PowerShell Empire", 5, 0, 5, 5, "https", 10, 2,
            "its default delay; jitter 0, network noise only"),
    Implant("empire_60s", "PowerShell Empire", 60, 0, 60, 60, "http", 0, 24,
            "its default jitter, which is 0; where set, Empire adds and subtracts it"),
    Implant("cobalt_strike_60s_0", "Cobalt Strike", 60, 0, 60, 60, "https", 0, 24, _COBALT_STRIKE),
    Implant("cobalt_strike_60s_20", "Cobalt Strike", 60, 20, 48, 60, "https", 9, 8, _COBALT_STRIKE),
    Implant("cobalt_strike_60s_37", "Cobalt Strike", 60, 37, 37.8, 60, "https", 0, 24,
            _COBALT_STRIKE),
    Implant("cobalt_strike_60s_50", "Cobalt Strike", 60, 50, 30, 60, "http", 6, 12, _COBALT_STRIKE),
    Implant("sliver_60s", "Sliver", 60, 50, 60, 90, "mtls", 0, 24,
            "adds jitter: sleep + U * 30 s, its default"),
    Implant("hourly", "low and slow", 3600, 0, 3600, 3600, "https", 0, 24,
            "one beat an hour on every day", every_day=True),
    Implant("palo_alto_60s", "generic", 60, 0, 60, 60, "https-alt", 8, 8,
            "the finding of a second vendor", gateway=DATA_CENTRE),
    Implant("denied_30s", "generic", 30, 0, 30, 30, "http-proxy", 12, 6,
            "the firewall blocks every connection; the host is infected all the same", denied=True),
    Implant("ipv6_60s", "generic", 60, 0, 60, 60, "https", 10, 10,
            "source in fd00::/8, destination in 2001:db8::/32", ipv6=True),
)
# fmt: on
INTERIM_SECONDS = 120
INTERIM_SESSION = 50_777, 777_001  # source port and number
HEAVY_PAIR_ROWS = 500  # a day

# Hosts and destinations in the order of their numbers: the implants, then two benign pairs.
PLANTED = (
    *(
        PlantedPair(
            f"2001:db8:bad::{number + 16:x}" if implant.ipv6 else f"203.0.113.{number + 10}",
            implant.service,
            implant.gateway,
            implant.ipv6,
        )
        for number, implant in enumerate(IMPLANTS)
    ),
    PlantedPair("203.0.113.200", "https"),
    PlantedPair("203.0.113.210", "https"),
)
INTERIM_PAIR, HEAVY_PAIR = len(IMPLANTS), len(IMPLANTS) + 1


def implant_rows(
    rng: np.random.Generator, world: World, implant: Implant, number: int, days: int
) -> np.ndarray:
    """Make an implant's check-ins.

    Parameters
    ----------
    rng
        Random generator.
    world
        The network.
    implant, number
        One of IMPLANTS, and its index there.
    days
        Days of the samples; the implant is active on the last one, or on all.

    Returns
    -------
    ndarray of ROW
        Sorted by time; ticks count from midnight of the first day.
    """
    start, stop = 0.0, float(days * DAY_SECONDS)
    if not implant.every_day:
        start = (days - 1) * DAY_SECONDS + implant.start_hour * 3600
        stop = start + implant.hours * 3600
    count = int((stop - start) / implant.shortest_gap) + 1
    gaps = rng.uniform(implant.shortest_gap, implant.longest_gap, count)
    gaps += np.minimum(rng.lognormal(math.log(0.12), 0.6, count), NETWORK_NOISE_SECONDS)
    seconds = start + rng.uniform(0, 5) + np.append(0, np.cumsum(gaps))
    seconds = seconds[seconds < stop]
    rows = np.zeros(len(seconds), ROW)
    rows["tick"] = (seconds * TICKS).astype(np.int64)
    rows["source"] = world.groups["planted_hosts"][number]
    rows["destination"] = world.groups["planted"][number]
    rows["service"] = SERVICE[implant.service]
    number_sessions(rng, rows)
    # A firewall logs the end: check-ins keep time only where all of them take equally long.
    rows["duration"] = 0 if implant.denied else 1
    if implant.denied:
        rows["log"] = Log.DENIED
        return rows
    # Idle check-ins all have about the same size; a task or its result is larger.
    rows["sent"] = rng.integers(300, 900)
    rows["received"] = rng.integers(300, 900) + rng.choice(
        [0, 4, 16], len(rows), p=[0.93, 0.05, 0.02]
    )
    tasked = np.flatnonzero(rng.random(len(rows)) < 0.015)
    rows["sent"][tasked] += log_normal_bytes(rng, 9_000, 0.8, len(tasked))
    rows["received"][tasked] += log_normal_bytes(rng, 30_000, 1.0, len(tasked))
    return rows


def near_miss_rows(rng: np.random.Generator, world: World, last_day: bool) -> np.ndarray:
    """Make a day's rows that nearly look like a beacon.

    Parameters
    ----------
    rng
        Random generator.
    world
        The network.
    last_day
        Whether it is the last day: only then one session stays open and logs its statistics.

    Returns
    -------
    ndarray of ROW
        One person's heavy use of a destination, and the statistics of that session.
    """
    heavy = np.zeros(HEAVY_PAIR_ROWS, ROW)
    heavy["tick"], _ = human_times(rng, len(heavy))
    heavy["source"] = world.groups["planted_hosts"][HEAVY_PAIR]
    heavy["destination"] = world.groups["planted"][HEAVY_PAIR]
    fill_sizes(rng, heavy)
    if not last_day:
        return heavy
    interim = np.zeros(DAY_SECONDS // INTERIM_SECONDS, ROW)
    interim["tick"] = (np.arange(len(interim)) * INTERIM_SECONDS + 7) * TICKS
    interim["tick"] += rng.integers(0, TICKS // 50, len(interim))
    interim["source"] = world.groups["planted_hosts"][INTERIM_PAIR]
    interim["destination"] = world.groups["planted"][INTERIM_PAIR]
    interim["log"] = Log.INTERIM
    interim["source_port"], interim["session"] = INTERIM_SESSION
    interim["duration"] = np.arange(1, len(interim) + 1) * INTERIM_SECONDS
    interim["sent"] = np.cumsum(rng.integers(800, 1200, len(interim)))  # totals so far
    interim["received"] = np.cumsum(rng.integers(2000, 3000, len(interim)))
    return np.concatenate([heavy, interim])
