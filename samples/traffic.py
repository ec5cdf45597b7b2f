"""The background: what people, pollers and scanners do all day, as rows.

Sources and destinations are heavy-tailed, the day has a rhythm, and people click in bursts with
log-normal gaps. The only periodic traffic here is polling of popular destinations.

Each `fill_` function fills rows that `samples.day` has reserved. All take the same parameters:
a random generator, the network, and the rows.
"""

from __future__ import annotations

import math

import numpy as np

from samples.rows import DAY_SECONDS, ROW, SERVICE, TICKS, Direction, Log
from samples.world import (
    IS_PROXY,
    LEAST_SOURCES,
    POPULAR,
    Poller,
    PopularService,
    World,
    draw_ranks,
    zipf_cdf,
)

# Relative activity by hour, from midnight.
RHYTHM = [3, 2, 2, 2, 2, 3, 5, 8, 12, 14, 14, 13, 11, 13, 14, 14, 13, 11, 8, 7, 6, 5, 4, 3]
# The vendor with the most clients; rows that a web proxy cannot see are given to its clients.
MAIN_VENDOR = "Fortinet"


def _times_of_day(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw seconds since midnight with the daily rhythm."""
    cdf = np.append(0, np.cumsum(RHYTHM)) / sum(RHYTHM)
    return np.interp(rng.random(count), cdf, np.arange(25) * 3600.0)


def human_times(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw times of human activity: sessions of log-normal length with log-normal gaps.

    Parameters
    ----------
    rng
        Random generator.
    count
        Events, at least 1.

    Returns
    -------
    ticks : ndarray of shape (count,)
        Since midnight.
    session : ndarray of shape (count,)
        Number of each event's session, from 0 on.
    """
    draws = count if count < 5000 else count // 5  # a session has 10 events on average
    sizes = 1 + np.minimum(rng.lognormal(math.log(5), 1.1, draws), 300).astype(np.int64)
    session = np.repeat(np.arange(draws, dtype=np.int32), sizes)[:count]
    first = np.flatnonzero(np.diff(session, prepend=-1))
    gaps = np.minimum(rng.lognormal(math.log(2.5), 1.5, count), 900)
    gaps[first] = 0
    elapsed = np.cumsum(gaps)
    elapsed -= elapsed[first][session]
    seconds = (_times_of_day(rng, len(first))[session] + elapsed) % DAY_SECONDS
    return (seconds * TICKS).astype(np.int64), session


def log_normal_bytes(
    rng: np.random.Generator, median: float, sigma: float, count: int
) -> np.ndarray:
    """Draw log-normal sizes in bytes; `sigma` is the standard deviation of their logarithm."""
    return np.minimum(rng.lognormal(math.log(median), sigma, count), 2e9).astype(np.int32)


def fill_sizes(rng: np.random.Generator, rows: np.ndarray) -> None:
    """Give rows the bytes of web traffic; denied rows get none."""
    allowed = rows["log"] != Log.DENIED
    rows["sent"] = log_normal_bytes(rng, 1_400, 1.2, len(rows)) * allowed
    rows["received"] = log_normal_bytes(rng, 5_200, 1.6, len(rows)) * allowed


def number_sessions(rng: np.random.Generator, rows: np.ndarray) -> None:
    """Give rows that have no session one of their own: source port, number and duration.

    A denied session has no duration.
    """
    new = np.flatnonzero(rows["source_port"] == 0)
    rows["source_port"][new] = rng.integers(49_152, 65_536, len(new))
    rows["session"][new] = rng.integers(10_000_000, 2_000_000_000, len(new))
    rows["duration"][new] = rng.integers(1, 180, len(new)) * (rows["log"][new] != Log.DENIED)


def _fill_sessions(rng: np.random.Generator, world: World, rows: np.ndarray) -> np.ndarray:
    """Give rows the times and clients of human sessions; returns each row's session."""
    rows["tick"], session = human_times(rng, len(rows))
    rows["source"] = world.clients[draw_ranks(rng, world.client_cdf, int(session[-1]) + 1)][session]
    return session


def _move_off_proxy(rng: np.random.Generator, world: World, rows: np.ndarray) -> None:
    """Give rows that a web proxy cannot see to clients of another vendor."""
    proxied = np.flatnonzero(IS_PROXY[world.gateway[rows["source"]]])
    rows["source"][proxied] = rng.choice(world.with_vendor(MAIN_VENDOR), len(proxied))


def fill_browsing(
    rng: np.random.Generator, world: World, rows: np.ndarray, source: int | None = None
) -> None:
    """Fill rows with what people do on the internet.

    Parameters
    ----------
    rng
        Random generator.
    world
        The network.
    rows
        Rows to fill; a view of the day's.
    source
        The client of all rows; None to draw from all clients.
    """
    session = _fill_sessions(rng, world, rows)
    if source is not None:
        rows["source"] = source
    popular, tail, ipv6 = (world.groups[name] for name in ("popular", "tail", "tail_ipv6"))
    popular_cdf, tail_cdf = zipf_cdf(len(popular), 0.7), zipf_cdf(len(tail), 0.9)

    def destinations(sources: np.ndarray) -> np.ndarray:
        count = len(sources)
        choice, rank = rng.random(count), rng.integers(0, world.favourites.shape[1], count)
        chosen = np.where(
            choice < 0.5,
            popular[draw_ranks(rng, popular_cdf, count)],
            world.favourites[sources, rank],
        )
        return np.where(choice < 0.75, chosen, tail[draw_ranks(rng, tail_cdf, count)])

    # A session visits one site, whose pages load from other places too.
    first = np.flatnonzero(np.diff(session, prepend=-1))
    site = destinations(rows["source"][first])[session]
    elsewhere = rng.random(len(rows)) < 0.45
    rows["destination"] = np.where(elsewhere, destinations(rows["source"]), site)
    over_ipv6 = np.flatnonzero(world.is_ipv6[rows["source"]])
    ranks = draw_ranks(rng, zipf_cdf(len(ipv6), 0.9), len(over_ipv6))
    rows["destination"][over_ipv6] = ipv6[ranks]

    service = world.service[rows["destination"]]
    other, web = rng.random(len(rows)), service == SERVICE["https"]
    service[web & (other < 0.06)] = SERVICE["quic"]
    service[web & (other > 0.95)] = SERVICE["http"]
    service[(other > 0.06) & (other < 0.07)] = SERVICE["ping"]
    rows["service"] = service
    rows["direction"] = Direction.EGRESS
    rows["log"] = np.where(rng.random(len(rows)) < 0.03, Log.DENIED, Log.CONNECTION)
    fill_sizes(rng, rows)


def fill_internal(rng: np.random.Generator, world: World, rows: np.ndarray) -> None:
    """Fill rows with what people do on internal servers."""
    _fill_sessions(rng, world, rows)
    _move_off_proxy(rng, world, rows)
    servers = world.groups["servers"]
    rows["destination"] = servers[draw_ranks(rng, zipf_cdf(len(servers), 0.8), len(rows))]
    over_ipv6 = np.flatnonzero(world.is_ipv6[rows["source"]])
    rows["destination"][over_ipv6] = rng.choice(world.groups["servers_ipv6"], len(over_ipv6))
    rows["service"] = world.service[rows["destination"]]
    rows["direction"] = Direction.INTERNAL
    rows["log"] = np.where(rng.random(len(rows)) < 0.02, Log.DENIED, Log.CONNECTION)
    fill_sizes(rng, rows)


def fill_inbound(rng: np.random.Generator, world: World, rows: np.ndarray) -> None:
    """Fill rows with inbound traffic; half of it is scans, which are denied."""
    session = _fill_sessions(rng, world, rows)
    rows["source"] = rng.choice(world.groups["outside"], int(session[-1]) + 1)[session]
    rows["destination"] = rng.choice(world.groups["dmz"], len(rows))
    scans = rng.random(len(rows)) < 0.5
    scanned = [SERVICE[name] for name in ("ssh", "rdp", "smb", "http-proxy", "ping")]
    served = world.service[rows["destination"]]
    rows["service"] = np.where(scans, rng.choice(scanned, len(rows)), served)
    rows["direction"] = Direction.INBOUND
    rows["log"] = np.where(scans, Log.DENIED, Log.CONNECTION)
    fill_sizes(rng, rows)


def fill_multicast(rng: np.random.Generator, world: World, rows: np.ndarray) -> None:
    """Fill rows with multicast and broadcast; broadcast is denied."""
    _fill_sessions(rng, world, rows)
    _move_off_proxy(rng, world, rows)
    groups = world.groups["multicast"]
    chosen = rng.integers(0, len(groups) - 1, len(rows))
    chosen[world.is_ipv6[rows["source"]]] = len(groups) - 1  # the only IPv6 group
    rows["destination"] = groups[chosen]
    rows["service"] = world.service[rows["destination"]]
    rows["direction"] = Direction.MULTICAST
    broadcast = (chosen == 2) | (chosen == 3)
    rows["log"] = np.where(broadcast, Log.DENIED, Log.CONNECTION)
    rows["sent"] = log_normal_bytes(rng, 220, 0.6, len(rows))


def _poll_rows(rng: np.random.Generator, popular: PopularService, poller: Poller) -> np.ndarray:
    start = poller.start_second + rng.uniform(0, poller.interval)
    seconds = np.arange(start, poller.stop_second, poller.interval)
    seconds += rng.uniform(-0.5, 0.5, len(seconds)) * popular.noise_seconds
    rows = np.zeros(len(seconds), ROW)
    rows["tick"] = (seconds * TICKS).astype(np.int64)
    rows["source"] = poller.source
    number_sessions(rng, rows)
    rows["duration"] = 1  # else its ends would not keep time
    if popular.service == "ntp":
        rows["sent"] = rows["received"] = 76
    else:
        rows["sent"] = log_normal_bytes(rng, 1_900, 0.3, len(rows))
        rows["received"] = log_normal_bytes(rng, 4_200, 0.5, len(rows))
    return rows


def _reach_rows(rng: np.random.Generator, world: World) -> np.ndarray:
    """Make rows of many sources that reach a popular destination, each once a day."""
    parts = []
    for vendor, least in LEAST_SOURCES.items():
        clients = world.with_vendor(vendor)
        parts.append(rng.choice(clients, max(least, len(clients) // 10), replace=False))
    rows = np.zeros(sum(map(len, parts)), ROW)
    rows["tick"] = (_times_of_day(rng, len(rows)) * TICKS).astype(np.int64)
    rows["source"] = np.concatenate(parts)
    fill_sizes(rng, rows)
    return rows


def popular_rows(rng: np.random.Generator, world: World) -> np.ndarray:
    """Make a day's rows to the popular services: polls, and one row of each of many sources."""
    parts = []
    addresses = world.groups["popular"].tolist()
    for popular, address, pollers in zip(POPULAR, addresses, world.pollers, strict=True):
        polls = [_poll_rows(rng, popular, poller) for poller in pollers]
        rows = np.concatenate([_reach_rows(rng, world), *polls])
        rows["destination"], rows["service"] = address, SERVICE[popular.service]
        parts.append(rows)
    return np.concatenate(parts)
