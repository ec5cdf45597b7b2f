"""What truth.json says: which connections are planted, and how many rows of each kind there are."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from samples.implants import (
    HEAVY_PAIR,
    IMPLANTS,
    INTERIM_PAIR,
    INTERIM_SECONDS,
    NETWORK_NOISE_SECONDS,
)
from samples.rows import PROTOCOL_NAMES, SERVICE, SERVICES, TICKS, Direction, Log
from samples.vendors import GATEWAYS
from samples.world import LEAST_POLLERS, POPULAR, World

CONNECTIONS = (Log.CONNECTION, Log.DENIED)


def _time_text(day: dt.date, tick: int) -> str:
    second, fraction = divmod(tick, TICKS)
    return f"{day}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{fraction:07d}Z"


@dataclass
class Entry:
    """A connection that truth.json lists, counted from the written rows.

    Attributes
    ----------
    source, destination, service
        Its numbers in the network.
    logs
        The kinds of log whose rows count.
    text
        Further fields of its entry in truth.json.
    events_by_day, first_time, last_time
        Results of `count`.
    """

    source: int
    destination: int
    service: int
    logs: tuple[Log, ...]
    text: dict[str, Any]
    events_by_day: dict[str, int] = field(default_factory=dict)
    first_time: str | None = None
    last_time: str | None = None

    def count(self, day: dt.date, rows: np.ndarray) -> None:
        """Count a day's rows, which are sorted by time."""
        mine = rows[
            (rows["source"] == self.source)
            & (rows["destination"] == self.destination)
            & (rows["service"] == self.service)
            & np.isin(rows["log"], self.logs)
        ]
        self.events_by_day[str(day)] = len(mine)
        if len(mine):
            self.first_time = self.first_time or _time_text(day, int(mine["tick"][0]))
            self.last_time = _time_text(day, int(mine["tick"][-1]))

    def as_dict(self, world: World) -> dict[str, Any]:
        """Return its entry in truth.json."""
        service = SERVICES[self.service]
        return {
            **self.text,
            "source_ip": world.addresses[self.source],
            "destination_ip": world.addresses[self.destination],
            "destination_port": service.port,
            "protocol": PROTOCOL_NAMES[service.protocol],
            "device_vendor": GATEWAYS[world.gateway[self.source]].vendor,
            "first_time": self.first_time,
            "last_time": self.last_time,
            "events_by_day": self.events_by_day,
        }


def list_entries(world: World) -> tuple[list[Entry], list[Entry]]:
    """List the implants, and the benign connections that look like one."""
    hosts, destinations = world.groups["planted_hosts"], world.groups["planted"]
    implants = [
        Entry(
            int(hosts[number]),
            int(destinations[number]),
            SERVICE[implant.service],
            CONNECTIONS,
            {
                "id": implant.id,
                "family": implant.family,
                "sleep_seconds": implant.sleep,
                "jitter_percent": implant.jitter_percent,
                "shortest_gap_seconds": implant.shortest_gap,
                "longest_gap_seconds": implant.longest_gap,
                "network_noise_seconds": NETWORK_NOISE_SECONDS,
                "denied": implant.denied,
                "note": implant.note,
            },
        )
        for number, implant in enumerate(IMPLANTS)
    ]
    addresses = world.groups["popular"].tolist()
    benign = [
        Entry(
            poller.source,
            address,
            SERVICE[popular.service],
            CONNECTIONS,
            {
                "id": f"poller_{popular.name.split('.')[0]}_{number + 1}",
                "kind": "poller",
                "interval_seconds": poller.interval,
                "note": f"polls the popular {popular.name} during its working hours",
            },
        )
        for popular, address, pollers in zip(POPULAR, addresses, world.pollers, strict=True)
        for number, poller in enumerate(pollers[:LEAST_POLLERS])
    ]
    interim = {
        "id": "interim_session",
        "kind": "interim_session",
        "interval_seconds": INTERIM_SECONDS,
        "note": "statistic rows (class 00020) of one long session: no connections",
    }
    human = {
        "id": "human_pair",
        "kind": "human_pair",
        "note": "one person's heavy use of a destination that nobody else has",
    }
    for number, logs, text in (
        (INTERIM_PAIR, (Log.INTERIM,), interim),
        (HEAVY_PAIR, CONNECTIONS, human),
    ):
        pair = int(hosts[number]), int(destinations[number])
        benign.append(Entry(*pair, SERVICE["https"], logs, text))
    return implants, benign


class Tally:
    """Counts what the firewalls log.

    Parameters
    ----------
    world
        The network.
    days
        All days of the samples, also one without logs.
    """

    def __init__(self, world: World, days: Sequence[dt.date]) -> None:
        self._world = world
        self._implants, self._benign = list_entries(world)
        self._entries = self._implants + self._benign
        self._pairs = [entry.source << 32 | entry.destination for entry in self._entries]
        self._rows = np.zeros((len(GATEWAYS), len(Direction), len(Log)), np.int64)
        self._rows_by_day = {str(day): 0 for day in days}
        for entry in self._entries:
            entry.events_by_day = dict(self._rows_by_day)

    def count(self, day: dt.date, rows: np.ndarray) -> None:
        """Count a day's rows, which are sorted by time, and mark those that are planted."""
        pairs = rows["source"].astype(np.int64) << 32 | rows["destination"]
        rows["planted"] = np.isin(pairs, self._pairs)
        planted = rows[rows["planted"]]
        for entry in self._entries:
            entry.count(day, planted)
        np.add.at(self._rows, (self._world.gateway_of(rows), rows["direction"], rows["log"]), 1)
        self._rows_by_day[str(day)] = len(rows)

    def as_dict(self) -> dict[str, Any]:
        """Return the part of truth.json about rows and connections."""
        by_vendor: Counter[str] = Counter()
        in_detail: dict[str, Any] = {}
        for (gateway, direction, log), count in np.ndenumerate(self._rows):
            if count:
                vendor = GATEWAYS[gateway].vendor
                by_vendor[vendor] += int(count)
                directions = in_detail.setdefault(vendor, {})
                logs = directions.setdefault(Direction(direction).name.lower(), {})
                name = Log(log).name.lower()
                logs[name] = logs.get(name, 0) + int(count)
        return {
            "rows_by_day": self._rows_by_day,
            "rows_by_vendor": dict(by_vendor),
            "rows_by_vendor_direction_and_log": in_detail,
            "implants": [entry.as_dict(self._world) for entry in self._implants],
            "benign": [entry.as_dict(self._world) for entry in self._benign],
        }
