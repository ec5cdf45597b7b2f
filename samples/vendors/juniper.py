"""Juniper SRX: structured syslog, which a converter puts into Message."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from samples.rows import Log
from samples.vendors.maker import MESSAGE, Format, Gateway, Maker, Values, event, flows, in_json

EVENTS = {
    Log.CONNECTION: "RT_FLOW_SESSION_CLOSE",
    Log.DENIED: "RT_FLOW_SESSION_DENY",
    Log.START: "RT_FLOW_SESSION_CREATE",
    Log.INTERIM: "APPTRACK_SESSION_VOL_UPDATE",
}


def lines(rng: np.random.Generator, rows: np.ndarray, values: Values) -> Iterator[str]:
    """Write rows as an SRX does."""
    logs = rows["log"].tolist()
    messages = []
    for log, flow in zip(logs, flows(values), strict=True):
        fields = {
            "source-address": flow.source,
            "source-port": flow.source_port or 1,  # of a ping: its number
            "destination-address": flow.destination,
            "destination-port": flow.port or 1,
            "nat-source-address": "192.0.2.3",
            "nat-source-port": flow.source_port or 1,
            "protocol-id": flow.number,
            "policy-name": "lan-to-internet",
            "source-zone-name": "trust",
            "destination-zone-name": "untrust",
            "session-id-32": flow.session,
        }
        if log in (Log.CONNECTION, Log.INTERIM):
            fields |= {
                "packets-from-client": flow.sent // 700 + 1,
                "bytes-from-client": flow.sent,
                "packets-from-server": flow.received // 900 + 1,
                "bytes-from-server": flow.received,
                "elapsed-time": flow.duration,
            }
        text = " ".join(f'{name}="{value}"' for name, value in fields.items())
        messages.append(in_json(f"{EVENTS[log]} [junos@2636.1.1.1.2.129 {text}]"))
    values["event"] = [event(EVENTS[log], EVENTS[log], "", "", "5") for log in logs]
    values["message"] = messages
    return MESSAGE.lines(values)


MAKER = Maker(
    gateways=(Gateway("SRX-BR-06", "Juniper", Format("SRX", "21.4", lines), 0.01),),
    companions=((Log.START, 0.001), (Log.INTERIM, 0.0005)),
)
