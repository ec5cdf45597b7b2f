"""Sophos XG: keys and values in Message; ends, starts and interim rows have a word of their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from samples.rows import Log
from samples.vendors.maker import MESSAGE, Format, Gateway, Maker, Values, event, flows, in_json

WORDS = {Log.CONNECTION: "Stop", Log.DENIED: "", Log.START: "Start", Log.INTERIM: "Interim"}


def lines(rng: np.random.Generator, rows: np.ndarray, values: Values) -> Iterator[str]:
    """Write rows as an XG firewall does."""
    messages = []
    for log, flow in zip(rows["log"].tolist(), flows(values), strict=True):
        subtype, status = ("Denied", "Deny") if log == Log.DENIED else ("Allowed", "Allow")
        ports = f"src_port={flow.source_port} dst_port={flow.port} " if flow.port else ""
        number = "" if log == Log.DENIED else flow.session
        messages.append(
            in_json(
                f'device="SFW" timezone="UTC" device_name="XG" log_id=010101600001 '
                f'log_type="Firewall" log_component="Firewall Rule" log_subtype="{subtype}" '
                f'status="{status}" duration={flow.duration} fw_rule_id=2 '
                f"src_ip={flow.source} dst_ip={flow.destination} "
                f'protocol="{flow.protocol.upper()}" {ports}sent_pkts={flow.sent // 700 + 1} '
                f"recv_pkts={flow.received // 900 + 1} sent_bytes={flow.sent} "
                f'recv_bytes={flow.received} srczonetype="LAN" dstzonetype="WAN" dir_disp="" '
                f'connevent="{WORDS[log]}" connid="{number}" vconnid=""'
            )
        )
    values["event"] = [event("Firewall", "Firewall", "", "", "5")] * len(rows)
    values["message"] = messages
    return MESSAGE.lines(values)


MAKER = Maker(
    gateways=(Gateway("XG-BR-07", "Sophos", Format("XG", "19.5", lines), 0.01),),
    companions=((Log.START, 0.001), (Log.INTERIM, 0.0005)),
)
