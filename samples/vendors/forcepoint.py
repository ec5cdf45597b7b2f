"""Forcepoint NGFW: a number for each thing that happens to a connection."""

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
    protocol_number,
)

LINE = Template(
    "gateway event source source_port destination service sizes",
    {
        "DeviceFacility": "Packet Filtering",
        "DeviceCustomString1": "2100000.2",
        "DeviceCustomString1Label": "RuleID",
        "ReceiptTime": "%(epoch_ms)s",
    },
)
EVENT_TEXTS = {
    Log.CONNECTION: event("70021", "Connection_Closed", "Allow", "Accept", "2"),
    Log.START: event("70018", "Connection_Allowed", "Allow", "Accept", "2"),
    Log.INTERIM: event("70026", "Connection_Progress", "Allow", "Accept", "2"),
    Log.DENIED: event("70019", "Connection_Discarded", "Discard", "Deny", "2"),
}


def lines(rng: np.random.Generator, rows: np.ndarray, values: Values) -> Iterator[str]:
    """Write rows as the management centre does."""
    logs = rows["log"].tolist()
    values["event"] = [EVENT_TEXTS[log] for log in logs]
    sizes = zip(logs, values["sent"], values["received"], strict=True)
    values["sizes"] = [
        fragment(SentBytes=sent, ReceivedBytes=received)
        if log in (Log.CONNECTION, Log.INTERIM)
        else ""
        for log, sent, received in sizes
    ]
    return LINE.lines(values)


NGFW = Format("Firewall", "6.10", lines)
MAKER = Maker(
    gateways=(Gateway("NGFW-BR-09", "FORCEPOINT", NGFW, 0.01, protocol_number),),
    companions=((Log.START, 0.001), (Log.INTERIM, 0.0005)),
)
