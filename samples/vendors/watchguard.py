"""WatchGuard Firebox: a text in which the ends have places, not names."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from samples.rows import Log
from samples.vendors.maker import MESSAGE, Format, Gateway, Maker, Values, event, flows, in_json


def lines(rng: np.random.Generator, rows: np.ndarray, values: Values) -> Iterator[str]:
    """Write rows as a Firebox does."""
    messages = []
    for log, flow in zip(rows["log"].tolist(), flows(values), strict=True):
        ports = f"{flow.source_port} {flow.port}" if flow.port else "8 0"
        ends = f"{flow.source} {flow.destination} {ports}"
        if log == Log.DENIED:
            head = f'msg_id="3000-0148" Deny Trusted External 40 {flow.protocol} 20 127 {ends}'
        else:
            head = f'msg_id="3000-0151" Allow Trusted External {flow.protocol} {ends}'
        messages.append(
            in_json(
                f'firewall: {head} duration="{flow.duration}" sent_bytes="{flow.sent}" '
                f'rcvd_bytes="{flow.received}" (Outgoing-00)'
            )
        )
    values["event"] = [event("firewall", "firewall", "", "", "5")] * len(rows)
    values["message"] = messages
    return MESSAGE.lines(values)


MAKER = Maker(
    gateways=(Gateway("WG-BR-08", "WatchGuard", Format("Firebox", "12.9", lines), 0.01),),
)
