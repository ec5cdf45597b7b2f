"""Kinds of traffic to judge: implants, software and people without harm, and what has no beat."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from bench.detection.null_quantiles import KINDS as GAPS_WITHOUT_A_BEAT
from bench.detection.null_quantiles import log_normal

Rng = np.random.Generator
HOUR, DAY = 3600.0, 86_400.0
# How an implant draws its sleep, as shares of the jitter: Cobalt Strike, Empire, Sliver.
FAMILIES = {"subtracting": (-1, 0), "both ways": (-1, 1), "adding": (0, 1)}
JITTERS = (0, 10, 30, 50, 70, 90)
BEATS = (30, 60, 100, 300)
USUAL_SLEEPS = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 900, 1800, 3600)
EVENTS_WITHOUT_A_BEAT = (20, 50, 200)
MOST_EVENTS = 300  # of a connection; more cost time and tell little


@dataclass(frozen=True)
class Flow:
    """Events of one connection.

    Attributes
    ----------
    times
        Seconds since midnight of the judged day, any order; negative on earlier days.
    sent, received
        Bytes of each event; None where the log has no sizes.
    source, destination
        Which of the draw's own hosts and of its own addresses.
    port, protocol, name
        Of the destination; `name` is None where the log has none.
    longest_session
        Seconds of the longest session; None where the log has no durations.
    """

    times: np.ndarray
    sent: np.ndarray | None = None
    received: np.ndarray | None = None
    source: int = 0
    destination: int = 0
    port: int = 443
    protocol: str = "tcp"
    name: str | None = None
    longest_session: int | None = None


@dataclass(frozen=True)
class Draw:
    """What one draw of a kind is: its connections, and in words what was drawn."""

    flows: list[Flow]
    note: str


@dataclass(frozen=True)
class Kind:
    """One kind of traffic.

    Attributes
    ----------
    name
        Begins with `implant`, `benign` or `null`.
    draw
        Makes one draw.
    days_known
        On how many of the 7 days before another host reached its addresses; one is drawn.
    share_of_draws
        Draws, as a multiple of those of other kinds.
    hosts
        Size of the network that each draw has for itself; 0 where it shares one with others.
    same_as
        For what traffic alone cannot tell from an implant: why.
    """

    name: str
    draw: Callable[[Rng], Draw]
    days_known: tuple[int, ...] = (0,)
    share_of_draws: float = 1
    hosts: int = 0
    same_as: str = ""

    @property
    def group(self) -> str:
        """`implant`, `benign` or `null`."""
        return self.name.split(":")[0]


# -- times and sizes ---------------------------------------------------------------------------


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def any_sleep(rng: Rng, longest: float) -> float:
    """Draw a sleep from 5 s on: half of them as people choose them, half of any length."""
    usual = [sleep for sleep in USUAL_SLEEPS if sleep <= longest]
    return float(rng.choice(usual)) if rng.random() < 0.5 else log_uniform(rng, 5, longest)


def placed(rng: Rng, times: np.ndarray) -> np.ndarray:
    """Move times that begin at 0 to a random part of the day."""
    return times + rng.uniform(0, DAY - 1 - times[-1])


def as_logged(rng: Rng, times: np.ndarray) -> np.ndarray:
    """Cut times to whole seconds in half of the draws, as half of the logs do."""
    return np.floor(times) if rng.random() < 0.5 else times


def sleeping(rng: Rng, sleeps: np.ndarray) -> np.ndarray:
    """Make times of beats that sleep after their work, which takes 20 ms to 2 s."""
    work = log_uniform(rng, 0.02, 2) * np.exp(rng.normal(0, 0.3, len(sleeps)))
    return np.concatenate([[0], np.cumsum(sleeps + work)])


def jittered(rng: Rng, sleep: float, jitter: float, family: str, beats: int) -> np.ndarray:
    """Make times of `beats` beats; `jitter` is in percent."""
    low, high = (1 + jitter / 100 * side for side in FAMILIES[family])
    return sleeping(rng, sleep * rng.uniform(low, high, beats - 1))


def on_schedule(rng: Rng, period: float, beats: int) -> np.ndarray:
    """Make times that keep to the clock, each a little late; one in 50 is missed."""
    late = np.abs(rng.normal(0, log_uniform(rng, 0.02, 1), beats))
    times = rng.uniform(0, period) + np.arange(beats) * period + late
    return times[rng.random(beats) >= 0.02] - times[0]


def timer(rng: Rng, period: float, beats: int) -> np.ndarray:
    """Make times of software: half on schedule, half armed anew after each piece of work."""
    if rng.random() < 0.5:
        return np.sort(on_schedule(rng, period, beats))
    return sleeping(rng, np.full(beats - 1, float(period)))


def idle_sizes(rng: Rng, beats: int) -> tuple[np.ndarray, np.ndarray]:
    """Sizes of an implant without tasks, but for 5 % of its beats: answers are alike."""
    sent = rng.uniform(300, 3000) * (1 + 0.03 * rng.normal(size=beats))
    received = np.full(beats, float(rng.integers(100, 2000)))
    tasks = rng.random(beats) < 0.05
    received[tasks] = rng.lognormal(8, 1, tasks.sum())
    return sent, received


def padded_sizes(rng: Rng, beats: int, both: bool) -> tuple[np.ndarray, np.ndarray]:
    """Sizes of an implant whose answers, and requests if `both`, have random padding."""
    sent, received = idle_sizes(rng, beats)
    received = received + received.min() * rng.uniform(0.5, 4) * rng.random(beats)
    if both:
        sent = sent + sent.min() * rng.uniform(0.5, 4) * rng.random(beats)
    return sent, received


def fetched_sizes(rng: Rng, events: int) -> tuple[np.ndarray, np.ndarray]:
    """Sizes that vary with what there is to send and to fetch."""
    sent = rng.uniform(500, 3000) * np.exp(rng.normal(0, rng.uniform(0.2, 0.6), events))
    received = rng.uniform(500, 8000) * np.exp(rng.normal(0, rng.uniform(0.3, 1), events))
    more = rng.random(events) < 0.15
    received[more] *= rng.uniform(2, 30, more.sum())
    return sent, received


def equal_sizes(rng: Rng, events: int) -> tuple[np.ndarray, np.ndarray]:
    """One size sent and one received."""
    return np.full(events, rng.uniform(150, 1500)), np.full(events, rng.uniform(100, 900))


def spanning(rng: Rng, period: float, hours: tuple[float, float]) -> int:
    """How many beats fit into a random part of a day, at most `MOST_EVENTS`."""
    return int(min(MOST_EVENTS, DAY * 0.99 / (period * 1.02), rng.uniform(*hours) * HOUR / period))


# -- implants ----------------------------------------------------------------------------------


def implant(jitter: int, family: str, beats: int, sizes: str = "idle") -> Callable[[Rng], Draw]:
    """Make an implant with one destination."""

    def draw(rng: Rng) -> Draw:
        sleep = any_sleep(rng, min(3600, 0.95 * DAY / (beats * (1 + jitter / 100))))
        times = jittered(rng, sleep, jitter, family, beats)
        if times[-1] > DAY - 2:  # the work took its time
            times *= (DAY - 2) / times[-1]
        made = {
            "idle": lambda: idle_sizes(rng, beats),
            "padded on both sides": lambda: padded_sizes(rng, beats, both=True),
            "padded answers": lambda: padded_sizes(rng, beats, both=False),
            "no sizes": lambda: (None, None),
        }[sizes]()
        return Draw([Flow(as_logged(rng, placed(rng, times)), *made)], f"sleep {sleep:.1f} s")

    return draw


def some_jitter(rng: Rng, most: int = 50) -> tuple[float, str]:
    """Draw a jitter in percent and its family."""
    return float(rng.integers(0, most + 1)), str(rng.choice(list(FAMILIES)))


def two_sleeps(rng: Rng) -> Draw:
    """Draw an implant whose operator changes the sleep once or twice, at any time."""
    jitter, family = some_jitter(rng)
    first = any_sleep(rng, 120)
    sleeps = [first, first * rng.uniform(2, 5), first][: rng.integers(2, 4)]
    parts = [
        np.diff(jittered(rng, sleep, jitter, family, int(rng.integers(30, 91)))) for sleep in sleeps
    ]
    times = placed(rng, np.concatenate([[0], np.cumsum(np.concatenate(parts))]))
    sizes = idle_sizes(rng, len(times))
    return Draw([Flow(as_logged(rng, times), *sizes)], f"sleeps {sleeps[0]:.1f}, {sleeps[1]:.1f} s")


def working_day(rng: Rng) -> Draw:
    """Draw an implant on a machine that runs in office hours, on each of 7 days."""
    jitter, family = some_jitter(rng)
    sleep = any_sleep(rng, 600) + 55
    span = rng.uniform(7, 10) * HOUR
    flows = []
    for day in range(-6, 1):
        beats = int(span / (sleep * (1.1 + jitter / 100)))
        times = jittered(rng, sleep, jitter, family, min(beats, MOST_EVENTS))
        times = times + day * DAY + rng.uniform(7, 9) * HOUR
        flows.append(Flow(as_logged(rng, times), *idle_sizes(rng, len(times))))
    return Draw([one_flow(flows)], f"sleep {sleep:.1f} s, jitter {jitter:.0f} % {family}")


def one_flow(flows: Sequence[Flow]) -> Flow:
    """Join the events of flows that are one connection; all have sizes."""
    return Flow(
        *(np.concatenate([getattr(f, n) for f in flows]) for n in ("times", "sent", "received"))
    )


def one_second(rng: Rng) -> Draw:
    """Draw an implant that an operator works with: it sleeps one second or less."""
    sleep, jitter = rng.choice([0.5, 1.0]), float(rng.choice([0, 10, 30]))
    times = placed(rng, np.cumsum(sleep * rng.uniform(1 - jitter / 100, 1, 1500) + 0.05))
    sizes = idle_sizes(rng, len(times))
    return Draw([Flow(as_logged(rng, times), *sizes)], f"sleep {sleep} s, jitter {jitter:.0f} %")


def slow(sleep: float) -> Callable[[Rng], Draw]:
    """Make an implant that beats for 14 days."""

    def draw(rng: Rng) -> Draw:
        jitter, family = some_jitter(rng, 30)
        times = jittered(rng, sleep, jitter, family, int(14.5 * DAY / sleep / 0.7))
        times = as_logged(rng, times - 13 * DAY + rng.uniform(0, sleep))
        times = times[times < DAY - 1]
        sizes = idle_sizes(rng, len(times))
        return Draw([Flow(times, *sizes)], f"jitter {jitter:.0f} % {family}")

    return draw


def lossy(lost: float, extra: float, most_jitter: int) -> Callable[[Rng], Draw]:
    """Make an implant of 100 beats of which some are lost, or with connections in between."""

    def draw(rng: Rng) -> Draw:
        jitter, family = some_jitter(rng, most_jitter)
        jitter = max(jitter, most_jitter - 50)
        sleep = any_sleep(rng, 400)
        times = jittered(rng, sleep, jitter, family, 100)
        times = times[rng.random(100) >= lost]
        added = rng.uniform(0, times[-1], rng.binomial(100, extra))
        times = placed(rng, np.sort(np.concatenate([times, added])))
        sizes = idle_sizes(rng, len(times))
        note = f"sleep {sleep:.1f} s, jitter {jitter:.0f} % {family}"
        return Draw([Flow(as_logged(rng, times), *sizes)], note)

    return draw


def rotating(over: str) -> Callable[[Rng], Draw]:
    """Make an implant that picks one of 4 to 8 addresses or ports at random for each beat."""

    def draw(rng: Rng) -> Draw:
        jitter, family = some_jitter(rng)
        sleep = any_sleep(rng, 240)
        times = as_logged(rng, placed(rng, jittered(rng, sleep, jitter, family, 200)))
        note = f"sleep {sleep:.1f} s, jitter {jitter:.0f} % {family}"
        return Draw([Flow(times, *idle_sizes(rng, 200))], note)

    return over_several(over, draw)


def over_several(over: str, of_one: Callable[[Rng], Draw]) -> Callable[[Rng], Draw]:
    """Spread a draw of one connection over 4 to 8 addresses of one name or ports of one address."""

    def draw(rng: Rng) -> Draw:
        one = of_one(rng)
        (whole,) = one.flows
        count = int(rng.integers(4, 9))
        picked = rng.integers(0, count, len(whole.times))
        ports = rng.choice([443, 80, 8080, 8443, 4443, 8000, 8888, 9443], count, replace=False)
        flows = [
            replace(
                whole,
                times=whole.times[mine],
                sent=None if whole.sent is None else whole.sent[mine],
                received=None if whole.received is None else whole.received[mine],
                destination=n if over == "addresses" else 0,
                port=whole.port if over == "addresses" else int(ports[n]),
                name="cdn.example.net",
            )
            for n in range(count)
            if (mine := picked == n).any()
        ]
        return Draw(flows, f"{one.note}, {count} {over}")

    return draw


def outbreak(rng: Rng) -> Draw:
    """Draw twelve of fourteen hosts with the same implant; all do something else, too."""
    jitter, family = some_jitter(rng)
    sleep = any_sleep(rng, 600)
    flows = []
    for host in range(12):
        times = as_logged(rng, placed(rng, jittered(rng, sleep, jitter, family, 100)))
        flows.append(Flow(times, *idle_sizes(rng, 100), source=host))
    flows += [Flow(rng.uniform(0, DAY, 20), source=host, destination=1) for host in range(14)]
    return Draw(flows, f"sleep {sleep:.1f} s, jitter {jitter:.0f} % {family}")


def long_session(rng: Rng) -> Draw:
    """Draw an implant that keeps one session open for hours."""
    hours = rng.uniform(9, 20)
    times = placed(rng, np.array([0, hours * HOUR]))[:1]
    sizes = (np.array([rng.uniform(1e4, 1e7)]), np.array([rng.uniform(1e4, 1e6)]))
    flow = Flow(times, *sizes, longest_session=int(hours * HOUR))
    return Draw([flow], f"{hours:.1f} h")


# -- benign ------------------------------------------------------------------------------------


def ntp_times(rng: Rng, lowest: int, highest: int, steps: int) -> np.ndarray:
    """Make polls whose interval doubles from 2^lowest to 2^highest s; it may fall back."""
    exponent, good, times = lowest, 0, [rng.uniform(0, 60)]
    while (
        following := times[-1] + 2.0**exponent + rng.normal(0, 0.02 * 2**exponent / 2)
    ) < DAY - 1:
        times.append(following)
        good += 1
        if good >= steps and exponent < highest:
            exponent, good = exponent + 1, 0
        elif rng.random() < 0.01 and exponent > lowest:
            exponent, good = exponent - 1, 0
    return np.array(times)


def ntp_flow(rng: Rng, times: np.ndarray, destination: int) -> Flow:
    """48 bytes of payload both ways, with the headers that the log counts."""
    size = np.full(len(times), float(rng.choice([76, 90])))
    return Flow(as_logged(rng, times), size, size, 0, destination, 123, "udp")


def ntp_servers(rng: Rng) -> Draw:
    """Draw a client of several servers, which adapts its polls to each."""
    servers = int(rng.integers(3, 7))
    flows = [
        ntp_flow(rng, ntp_times(rng, 6, 10, int(rng.integers(6, 20))), n) for n in range(servers)
    ]
    return Draw(flows, f"{servers} servers")


def ntp_one(rng: Rng) -> Draw:
    """Draw a simple client of one server, which has reached its longest poll."""
    exponent = int(rng.integers(6, 12))
    times = ntp_times(rng, exponent, exponent, 1)
    start = rng.integers(0, max(1, len(times) - MOST_EVENTS))
    return Draw([ntp_flow(rng, times[start : start + MOST_EVENTS], 0)], f"every {2**exponent} s")


def software(
    periods: Sequence[float],
    sizes: Callable[[Rng, int], tuple[np.ndarray, np.ndarray]],
    hours: tuple[float, float] = (5, 23),
    port: int = 443,
    name: str | None = None,
    spread: float = 0.0,
) -> Callable[[Rng], Draw]:
    """Make software that polls with one of `periods`, in seconds, each varied by `spread`."""

    def draw(rng: Rng) -> Draw:
        period = float(rng.choice(periods))
        beats = max(3, spanning(rng, period * (1 + spread), hours))
        if spread:
            times = sleeping(rng, period * (1 + spread * rng.uniform(-1, 1, beats - 1)))
        else:
            times = timer(rng, period, beats)
        times = as_logged(rng, placed(rng, times[times < DAY - 2]))
        flow = Flow(times, *sizes(rng, len(times)), port=port, name=name)
        return Draw([flow], f"every {period:.1f} s")

    return draw


def constant_answers(rng: Rng, events: int) -> tuple[np.ndarray, np.ndarray]:
    """Sizes of telemetry: reports vary, each is answered alike."""
    return fetched_sizes(rng, events)[0], equal_sizes(rng, events)[1]


def update_answers(rng: Rng, events: int) -> tuple[np.ndarray, np.ndarray]:
    """Sizes of update checks: nothing new, but for 1 in 20."""
    sent, received = equal_sizes(rng, events)
    new = rng.random(events) < 0.05
    received[new] = rng.lognormal(12, 1.5, new.sum())
    return sent, received


def keep_alive(rng: Rng) -> Draw:
    """Draw MQTT keep-alives every 301.6 s; 3 in 10 carry something."""
    times = as_logged(rng, placed(rng, np.cumsum(301.6 + rng.normal(0, 0.1, 280))))
    sent, received = equal_sizes(rng, 280)
    more = rng.random(280) < 0.3
    sent[more] += rng.lognormal(6, 0.8, more.sum())
    return Draw([Flow(times, sent, received, port=8883)], "every 301.6 s")


def browsing(rng: Rng) -> Draw:
    """Draw a person: bursts of connections to a site, log-normal times to think, breaks."""
    sigma, thinks = rng.uniform(1, 2), log_uniform(rng, 10, 120)
    pages = int(rng.integers(20, 150))
    gaps = thinks * np.exp(sigma * rng.normal(size=pages))
    breaks = rng.random(pages) < 0.05
    gaps[breaks] += rng.lognormal(np.log(1800), 0.8, breaks.sum())
    views = np.cumsum(gaps)
    times = np.concatenate(
        [view + np.cumsum(rng.exponential(0.3, rng.geometric(0.3))) for view in views]
    )
    times = np.sort(times)
    times = times[times < DAY * 0.9]
    if len(times) < 2:
        return browsing(rng)
    times = as_logged(rng, placed(rng, times - times[0]))[:MOST_EVENTS]
    return Draw(
        [Flow(times, rng.lognormal(7, 0.8, len(times)), rng.lognormal(9, 1.5, len(times)))],
        f"sigma {sigma:.1f}",
    )


def rollout(rng: Rng) -> Draw:
    """Draw software that twelve of fourteen hosts have since today, and that polls a new server."""
    period = float(rng.choice([60, 300, 600, 900]))
    flows = []
    for host in range(12):
        times = timer(rng, period, max(30, spanning(rng, period, (4, 10))))
        times = as_logged(rng, placed(rng, times[times < DAY - 2]))
        flows.append(Flow(times, *fetched_sizes(rng, len(times)), source=host))
    flows += [Flow(rng.uniform(0, DAY, 20), source=host, destination=1) for host in range(14)]
    return Draw(flows, f"every {period:.1f} s")


def without_a_beat(gaps: Callable[[Rng, int, int], np.ndarray]) -> Callable[[Rng], Draw]:
    """Make traffic of independent gaps, without sizes: nothing but time can speak for it."""

    def draw(rng: Rng) -> Draw:
        events = int(rng.choice(EVENTS_WITHOUT_A_BEAT))
        times = np.concatenate([[0], np.cumsum(gaps(rng, 1, events - 1)[0])])
        if times[-1] > DAY - 2:
            times *= (DAY - 2) / times[-1]
        return Draw([Flow(placed(rng, times))], f"{events} events")

    return draw


# -- all of them -------------------------------------------------------------------------------


def all_kinds() -> Iterator[Kind]:
    """List every kind.

    Yields
    ------
    Kind
        Implants, then benign traffic, then traffic without a beat. Names are unique.
    """
    for kind in implants():
        yield replace(kind, days_known=(0, 3))
    yield from benign()
    yield from nulls()


def implants() -> Iterator[Kind]:
    """List the implants."""
    for jitter, family, beats in product(JITTERS, FAMILIES, BEATS):
        if jitter == 0 and family != "subtracting":
            continue
        name = f"implant: jitter {jitter} % {family}, {beats} beats"
        yield Kind(name, implant(jitter, family, beats))
    for jitter, sizes, beats in product(
        JITTERS, ("padded on both sides", "padded answers"), (30, 100)
    ):
        name = f"implant: jitter {jitter} % subtracting, {beats} beats, {sizes}"
        yield Kind(name, implant(jitter, "subtracting", beats, sizes))
    yield Kind(
        "implant: jitter 30 % both ways, 100 beats, no sizes",
        implant(30, "both ways", 100, "no sizes"),
    )
    yield Kind("implant: two sleeps", two_sleeps)
    yield Kind("implant: working days only", working_day, share_of_draws=0.5)
    yield Kind("implant: sleeps 1 s or less", one_second, share_of_draws=0.5)
    yield Kind("implant: one beat an hour, 14 days", slow(HOUR))
    yield Kind("implant: one beat in 6 hours, 14 days", slow(6 * HOUR))
    for most in (50, 90):
        yield Kind(f"implant: jitter {most - 50} to {most} %, 10 % lost", lossy(0.1, 0, most))
        yield Kind(f"implant: jitter {most - 50} to {most} %, 10 % extra", lossy(0, 0.1, most))
    for over in ("addresses", "ports"):
        yield Kind(f"implant: random rotation over {over}", rotating(over))
    yield Kind("implant: outbreak, 12 of 14 hosts", outbreak, share_of_draws=0.25, hosts=14)

    yield Kind("implant: one session for 9 to 20 hours", long_session)


def benign() -> Iterator[Kind]:
    """List benign traffic, the worst case: rare addresses, few names of note."""
    known = {"days_known": (0, 7)}
    yield Kind("benign: NTP, several servers, 64 to 1024 s", ntp_servers, **known)
    yield Kind("benign: NTP, one server, 64 to 2048 s", ntp_one, **known)
    alike = "a clock with answers of one size is what an implant without tasks is"
    busy = "work of a second makes it a sleep with a little jitter, and implants pad answers, too"
    for period in (300, 900):
        name = f"benign: telemetry every {period} s"
        yield Kind(f"{name}, sizes vary", software([period], fetched_sizes), **known)
        yield Kind(
            f"{name}, answers alike", software([period], constant_answers), **known, same_as=alike
        )
        yield Kind(f"{name}, sizes alike", software([period], equal_sizes), **known, same_as=alike)
    polls = [60, 120, 300, 600, 900]
    yield Kind(
        "benign: mail and chat pollers, 60 to 900 s",
        software(polls, fetched_sizes, (4, 10)),
        **known,
    )
    yield Kind(
        "benign: update checks, 1 to 4 h",
        software([3600, 7200, 14400], update_answers, (20, 23)),
        **known,
        same_as=alike,
    )
    yield Kind(
        "benign: update checks, about every 30 min",
        software([1800], update_answers, (10, 23), spread=0.1),
        **known,
        same_as="a sleep with jitter and answers of one size is an implant's",
    )
    yield Kind(
        "benign: connectivity checks, 60 to 300 s, http",
        software([60, 120, 240, 300], equal_sizes, (4, 23), 80, "connectivity-check.ubuntu.com"),
        **known,
        same_as=f"{alike}; its name is a known service",
    )
    yield Kind(
        "benign: heartbeats of streams, 10 to 30 s",
        software([10, 15, 20, 30], fetched_sizes, (0.5, 2)),
        **known,
        same_as=busy,
    )
    yield Kind("benign: MQTT keep-alives, 301.6 s", keep_alive, **known, same_as=alike)
    yield Kind("benign: a person browses", browsing, share_of_draws=2)
    yield Kind(
        "benign: a person browses, several addresses",
        over_several("addresses", browsing),
    )
    yield Kind(
        "benign: mail and chat pollers, several addresses",
        over_several("addresses", software(polls, fetched_sizes, (4, 10))),
        **known,
    )
    yield Kind(
        "benign: rollout of software, 12 of 14 hosts",
        rollout,
        share_of_draws=0.25,
        hosts=14,
        same_as=busy,
    )
    yield Kind(
        "benign: one session for 9 to 20 hours",
        long_session,
        days_known=(7,),
        same_as="a tunnel or a push channel is a session like that of an implant",
    )


def nulls() -> Iterator[Kind]:
    """List traffic without a beat; its addresses are new."""
    yield Kind(
        "null: log-normal, sigma 0.5",
        without_a_beat(log_normal(0.5)),
        share_of_draws=10,
        same_as="3 of 4 gaps lie within half of the middle: a loose beat more than chance",
    )
    for name, gaps in GAPS_WITHOUT_A_BEAT.items():
        yield Kind(f"null: {name}", without_a_beat(gaps), share_of_draws=10)
    poisson = without_a_beat(GAPS_WITHOUT_A_BEAT["Poisson"])
    for over in ("addresses", "ports"):
        yield Kind(f"null: Poisson over {over}", over_several(over, poisson), share_of_draws=5)


def drawn(pattern: str, draws: int, seed: int) -> dict[Kind, list[Draw]]:
    """Draw each kind whose name has a match of a pattern.

    Parameters
    ----------
    pattern
        Regular expression, in upper or lower case; empty for all.
    draws
        Draws of each kind; times `Kind.share_of_draws`, at least one.
    seed
        The same draws of a kind, whatever other kinds are drawn.

    Returns
    -------
    dict of Kind to list of Draw

    Raises
    ------
    LookupError
        If no kind matches; the message lists them.
    """
    kinds = list(all_kinds())
    chosen = [kind for kind in kinds if re.search(pattern, kind.name, re.IGNORECASE)]
    if not chosen:
        names = "\n".join(kind.name for kind in kinds)
        raise LookupError(f"no kind matches {pattern!r}; there are:\n{names}")
    made = {}
    for kind in chosen:
        rng = np.random.default_rng([seed, zlib.crc32(kind.name.encode())])
        count = max(1, round(draws * kind.share_of_draws))
        made[kind] = [kind.draw(rng) for _ in range(count)]
    return made
