"""Check Point: events are named after the service, and most rows have no bytes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from samples.rows import SERVICES, Log
from samples.vendors.maker import (
    Format,
    Gateway,
    Maker,
    Template,
    Values,
    event,
    protocol_upper,
    protocol_with_service,
)

LINE = Template(
    "gateway event source source_port destination service sizes",
    {
        "DeviceCustomString2": "lan to internet",
        "DeviceCustomString2Label": "Rule Name",
        "DeviceCustomNumber1": "%(duration)d",
        "DeviceCustomNumber1Label": "Elapsed Time in Seconds",
        "ReceiptTime": "%(epoch_ms)s",
        "AdditionalExtensions": "flags=411908;ifdir=inbound;ifname=eth1;loguid={0x%(session)08x,"
        "0x0,0xa01fea0,0x%(session)08x};origin=10.1.0.5;originsicname=CN\\=cp-fw-01,"
        "O\\=mgmt..x7xvnd;sequencenum=%(small)d;version=5;dst_country=%(country)s;hll_key="
        "%(session)d;layer_name=Network;layer_uuid=0a3b9e12-5c17-4f3f-a3a7-d8c25d1a9f40;"
        "match_id=17;rule_uid=0f29d1a5-bc7d-4a45-95c3-c6a2a9a0b0f1;nat_rulenum=4;"
        "product=VPN-1 & FireWall-1;service_id=%(service_name)s;conn_direction=Outgoing;"
        "security_inzone=InternalZone;security_outzone=ExternalZone",
    },
)
HAS_BYTES = 0.3  # share of the rows that tell of a session as a whole
ACCEPTED = {s.name: event("Log", s.name, "Accept", "Accept", "5") for s in SERVICES}
DROPPED = {s.name: event("Log", s.name, "Drop", "Deny", "5") for s in SERVICES}


def lines(rng: np.random.Generator, rows: np.ndarray, values: Values) -> Iterator[str]:
    """Write rows as Check Point's log exporter does."""
    denied = rows["log"] == Log.DENIED
    has_bytes = (rng.random(len(rows)) < HAS_BYTES) & (rows["log"] == Log.CONNECTION)
    sizes = zip(has_bytes.tolist(), values["received"], values["sent"], strict=True)
    values["sizes"] = [
        f'"ReceivedBytes":{received},"SentBytes":{sent},' if known else ""
        for known, received, sent in sizes
    ]
    events = zip(values["service_name"], denied.tolist(), strict=True)
    values["event"] = [(DROPPED if is_denied else ACCEPTED)[name] for name, is_denied in events]
    return LINE.lines(values)


FIREWALL = Format("VPN-1 & FireWall-1", "Check Point", lines)
# Two spellings of the vendor and an empty one: a real table holds all three.
MAKER = Maker(
    gateways=(
        Gateway("CP-DMZ-01", "Check Point", FIREWALL, 0.07, protocol_with_service),
        Gateway("CP-OLD-02", "CheckPoint", FIREWALL, 0.02, protocol_upper),
        Gateway("CP-LAB-03", "", FIREWALL, 0.01, protocol_upper),
    ),
    companions=((Log.START, 0.005),),
)
