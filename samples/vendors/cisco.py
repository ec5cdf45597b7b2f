"""Cisco: ASA, whose texts name the far end first, and FTD, whose texts are keys and values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np

from samples.rows import Direction, Log
from samples.vendors.maker import (
    MESSAGE,
    Flow,
    Format,
    Gateway,
    Maker,
    Values,
    event,
    flows,
    in_json,
)

# By direction: where the ends are, and who begins: the near end of an outbound session.
FAR, NEAR, WAY = zip(
    ("outside", "inside", "outbound"),
    ("servers", "inside", "outbound"),
    ("outside", "dmz", "inbound"),
    ("identity", "inside", "outbound"),
    strict=True,
)
CLASSES = {  # by protocol: start, end
    "tcp": ("302013", "302014"),
    "udp": ("302015", "302016"),
    "icmp": ("302020", "302021"),
}


def asa_text(flow: Flow, log: int, direction: int) -> tuple[str, str]:
    """Return the class and the text of a row."""
    far, near = (flow.destination, flow.port), (flow.source, flow.source_port)
    if direction == Direction.INBOUND:
        far, near = near, far
    far_text, near_text = (
        f"{name}:{address}/{port}"
        for name, (address, port) in ((FAR[direction], far), (NEAR[direction], near))
    )
    protocol, way = flow.protocol.upper(), WAY[direction]
    if log == Log.DENIED:
        ends = (near_text, far_text) if way == "outbound" else (far_text, near_text)
        source, destination = (text.removesuffix("/None") for text in ends)
        kind = "" if flow.port else "(type 8, code 0) "
        text = f"Deny {flow.protocol} src {source} dst {destination} {kind}"
        return "106023", text + 'by access-group "inside_in" [0x0, 0x0]'
    start, end = CLASSES[flow.protocol]
    if not flow.port:
        ends = f"faddr {far[0]}/0 gaddr {far[0]}/0 laddr {near[0]}/1"
        if log == Log.START:
            return start, f"Built {way} ICMP connection for {ends}"
        return end, f"Teardown ICMP connection for {ends}"
    if log == Log.START:
        ends = f"{far_text} ({far[0]}/{far[1]}) to {near_text} (192.0.2.3/{near[1]})"
        return start, f"Built {way} {protocol} connection {flow.session} for {ends}"
    minutes, seconds = divmod(flow.duration, 60)
    reason = " TCP FINs" if protocol == "TCP" else ""
    return end, (
        f"Teardown {protocol} connection {flow.session} for {far_text} to {near_text} duration "
        f"0:{minutes:02d}:{seconds:02d} bytes {flow.sent + flow.received}{reason}"
    )


def ftd_text(flow: Flow, log: int, direction: int) -> tuple[str, str]:
    """Return the class and the text of a row; a blocked connection has no end."""
    begin = dt.datetime.fromtimestamp(flow.start_ms // 1000, dt.timezone.utc)
    fields = {
        "EventPriority": "Low",
        "DeviceUUID": "5f0c6c8a-0b0e-4b3a-9f0e-3b7e6c1d2a11",
        "InstanceID": "4",
        "FirstPacketSecond": f"{begin:%Y-%m-%dT%H:%M:%SZ}",
        "ConnectionID": str(flow.session),
        "AccessControlRuleAction": "Block" if log == Log.DENIED else "Allow",
        "SrcIP": flow.source,
        "DstIP": flow.destination,
    }
    if flow.port:
        fields |= {"SrcPort": str(flow.source_port), "DstPort": str(flow.port)}
    fields |= {
        "Protocol": flow.protocol,
        "IngressInterface": NEAR[direction],
        "EgressInterface": FAR[direction],
        "ACPolicy": "default",
        "AccessControlRuleName": "lan to internet",
    }
    if log == Log.CONNECTION:
        fields["ConnectionDuration"] = str(flow.duration)
    fields |= {"InitiatorBytes": str(flow.sent), "ResponderBytes": str(flow.received)}
    if flow.port in (80, 443):
        fields["URL"] = f"https://{flow.name}/"
    return "430003" if log == Log.CONNECTION else "430002", " " + ", ".join(
        f"{name}: {value}" for name, value in fields.items()
    )


def _lines(values: Values, texts: list[tuple[str, str]], product: str) -> Iterator[str]:
    values["event"] = [event(number, "", "", "", "Low") for number, _ in texts]
    values["message"] = [in_json(f"%{product}-6-{number}: {text}") for number, text in texts]
    return MESSAGE.lines(values)


def asa_lines(rng: np.random.Generator, rows: np.ndarray, values: Values) -> Iterator[str]:
    """Write rows as an ASA does."""
    kinds = zip(rows["log"].tolist(), rows["direction"].tolist(), strict=True)
    texts = [asa_text(flow, *kind) for flow, kind in zip(flows(values), kinds, strict=True)]
    return _lines(values, texts, "ASA")


def ftd_lines(rng: np.random.Generator, rows: np.ndarray, values: Values) -> Iterator[str]:
    """Write rows as a Firepower Threat Defense does."""
    kinds = zip(rows["log"].tolist(), rows["direction"].tolist(), strict=True)
    texts = [ftd_text(flow, *kind) for flow, kind in zip(flows(values), kinds, strict=True)]
    return _lines(values, texts, "FTD")


MAKER = Maker(
    gateways=(
        Gateway("ASA-BR-03", "Cisco", Format("ASA", "9.18", asa_lines), 0.01),
        Gateway("FTD-BR-04", "Cisco", Format("FTD", "7.2", ftd_lines), 0.01),
    ),
    companions=((Log.START, 0.002),),
)
