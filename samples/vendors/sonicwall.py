"""SonicWall: numbers for messages, and values of an end in columns that are for labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from samples.rows import Log
from samples.vendors.maker import (
    Format,
    Gateway,
    Maker,
    Template,
    Values,
    event,
    fragment,
    protocol_with_service,
)

LINE = Template(
    "gateway event source source_port destination service counts",
    {
        "DeviceCustomString1": '"LAN to WAN"',
        "DeviceCustomString3Label": "Trusted",
        "DeviceCustomString4Label": "Untrusted",
        "EventCount": "%(small)d",
        "AdditionalExtensions": "cat=%(category)d;gcat=6;appid=48;appName='General HTTPS';"
        'fw_action="%(action)s";dpi=0',
    },
)
# Number, activity, category, action.
EVENTS = {
    Log.CONNECTION: ("537", "Connection Closed", 1024, "NA"),
    Log.START: ("98", "Connection Opened", 262_144, "NA"),
    Log.DENIED: ("36", "TCP packet dropped", 64, "drop"),
}
EVENT_TEXTS = {
    log: event(number, activity, "", "", "6") + fragment(Message=f'"{activity}"')
    for log, (number, activity, *_) in EVENTS.items()
}


def lines(rng: np.random.Generator, rows: np.ndarray, values: Values) -> Iterator[str]:
    """Write rows as SonicOS does."""
    logs = rows["log"].tolist()
    values["event"] = [EVENT_TEXTS[log] for log in logs]
    values["category"] = [EVENTS[log][2] for log in logs]
    values["action"] = [EVENTS[log][3] for log in logs]
    counts = zip(
        logs,
        *(values[name] for name in ("sent", "received", "sent_packets", "received_packets")),
        values["duration"],
        strict=True,
    )
    values["counts"] = [
        fragment(
            SentBytes=sent,
            ReceivedBytes=received,
            DeviceCustomNumber1Label=str(sent_packets),
            DeviceCustomNumber2Label=str(received_packets),
            DeviceCustomNumber3Label=str(duration * 1000),
        )
        if log == Log.CONNECTION
        else fragment(SentBytes=52)
        for log, sent, received, sent_packets, received_packets, duration in counts
    ]
    return LINE.lines(values)


NSV = Format("NSv 270", "7.0.1", lines)
MAKER = Maker(
    gateways=(Gateway("SNWL-BR-05", "SonicWall", NSV, 0.01, protocol_with_service),),
    companions=((Log.START, 0.001),),
)
