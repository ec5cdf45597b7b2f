"""The hunting notebook's percentage in plain Python: slow and obvious, to check our SQL.

Its window is ordered by (delta, protocol). The notebook's own window has no order at all, because
it casts an IP address to a number, which gives null.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

NINE_COLUMNS = (
    "TimeGenerated",
    "SourceIP",
    "SourcePort",
    "DestinationIP",
    "DestinationPort",
    "Protocol",
    "ReceivedBytes",
    "SentBytes",
    "DeviceVendor",
)
PRIVATE = re.compile(r"^127\.|^10\.|^172\.1[6-9]\.|^172\.2[0-9]\.|^172\.3[0-1]\.|^192\.168\.")


def whole_seconds(time: str) -> int:
    """Seconds since 1970 of an ISO 8601 time in UTC, its fraction cut off."""
    return int(dt.datetime.fromisoformat(time[:19] + "+00:00").timestamp())


def percent_beacon(
    rows: Iterable[Mapping[str, Any]],
    *,
    device_vendor: str,
    daily_event_count_threshold: int,
    degree_of_srcip_threshold: int,
    time_delta_threshold: int,
    percent_beacon_threshold: float,
) -> list[dict[str, Any]]:
    """Measure one day of rows as the notebook does.

    Parameters
    ----------
    rows
        CommonSecurityLog rows of the day; (source, time) is unique.
    device_vendor
        Whose rows to judge.
    daily_event_count_threshold
        Events that a source, and the windowed sums of a connection, must exceed.
    degree_of_srcip_threshold
        Number of distinct sources from which on a destination is left out.
    time_delta_threshold
        Whole seconds that a delta must exceed.
    percent_beacon_threshold
        Percent, 0 to 100, that a row must exceed.

    Returns
    -------
    list of dict
        One row per (vendor, source, destination, port, protocol, delta), with the columns of the
        model percent_beacon.
    """
    egress = [
        row
        for row in rows
        if row.get("DeviceVendor") == device_vendor
        and row.get("DestinationIP") is not None
        and not PRIVATE.search(row["DestinationIP"])
    ]

    # Baseline: sources with enough events, destinations with few sources.
    events = Counter(row["SourceIP"] for row in egress)
    sources_of = defaultdict(set)
    for row in egress:
        sources_of[row["DestinationIP"]].add(row["SourceIP"])
    kept = [
        row
        for row in egress
        if events[row["SourceIP"]] > daily_event_count_threshold
        and len(sources_of[row["DestinationIP"]]) < degree_of_srcip_threshold
    ]

    # LAG over all rows of a source; only after that, rows with a null are dropped.
    counts: Counter[tuple] = Counter()
    sent: Counter[tuple] = Counter()
    received: Counter[tuple] = Counter()
    previous: dict[str, str] = {}
    for row in sorted(kept, key=lambda row: (row["SourceIP"], row["TimeGenerated"])):
        before = previous.get(row["SourceIP"])
        previous[row["SourceIP"]] = row["TimeGenerated"]
        if before is None or any(row.get(column) is None for column in NINE_COLUMNS):
            continue
        delta = whole_seconds(row["TimeGenerated"]) - whole_seconds(before)
        if delta > time_delta_threshold:
            key = (
                *(row["DeviceVendor"], row["SourceIP"], row["DestinationIP"]),
                *(row["DestinationPort"], row["Protocol"], delta),
            )
            counts[key] += 1
            sent[key] += row["SentBytes"]
            received[key] += row["ReceivedBytes"]

    # A window is a row and the two before it, all protocols together.
    windows: dict[tuple, list[tuple]] = defaultdict(list)
    for key in counts:
        windows[key[:4]].append(key)
    lists: dict[tuple, list[int]] = {}
    for keys in windows.values():
        keys.sort(key=lambda key: (key[5], key[4]))
        for n, key in enumerate(keys):
            lists[key] = [counts[k] for k in keys[max(0, n - 2) : n + 1]]

    total: Counter[tuple] = Counter()
    for key, in_window in lists.items():
        total[key[:4]] += sum(in_window)

    measured = [
        {
            "device_vendor": key[0],
            "source_ip": key[1],
            "destination_ip": key[2],
            "destination_port": key[3],
            "protocol": key[4],
            "time_delta": key[5],
            "time_delta_count": counts[key],
            "time_delta_list": in_window,
            "time_delta_list_count": sum(in_window),
            "total_event_count": total[key[:4]],
            "total_sent_bytes": sent[key],
            "total_received_bytes": received[key],
            "percent_beacon": sum(in_window) / total[key[:4]] * 100,
        }
        for key, in_window in lists.items()
    ]
    return [
        row
        for row in measured
        if row["percent_beacon"] > percent_beacon_threshold
        and row["total_event_count"] > daily_event_count_threshold
    ]
