"""FortiGate: traffic logs, statistics of open sessions, and what inspection saw (UTM)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from samples.rows import SERVICES, Direction, Log
from samples.vendors.maker import (
    SIZES,
    Format,
    Gateway,
    Maker,
    Template,
    Values,
    event,
    fragment,
    protocol_number,
    protocol_upper,
)

TRAFFIC = Template(
    "gateway event source source_port destination service path",
    SIZES
    | {
        "ExternalID": "%(session)d",
        "ReceiptTime": "%(epoch_ms)s",
        "AdditionalExtensions": "%(event_extension)s;FTNTFGTlevel=notice;FTNTFGTvd=root;"
        "FTNTFGTeventtime=%(epoch_ns)d;FTNTFGTtz=+0000;%(path_extension)s;FTNTFGTdstcountry="
        "%(country)s;FTNTFGTpolicytype=policy;FTNTFGTduration=%(duration)d;FTNTFGTsentpkt="
        "%(sent_packets)d;FTNTFGTrcvdpkt=%(received_packets)d;FTNTFGTappcat=%(category)s;"
        "FTNTFGTapprisk=elevated;FTNTFGTutmaction=allow;FTNTFGTcountapp=1;FTNTFGTosname=Windows;"
        "FTNTFGTdevtype=Windows PC;FTNTFGTsrcserver=0",
    },
)
UTM = Template(
    "gateway event source source_port destination service path",
    {
        "Message": "Web.Client: HTTPS.BROWSER,",
        "RequestURL": "https://%(name)s/",
        "ExternalID": "%(session)d",
        "ReceiptTime": "%(epoch_ms)s",
        "AdditionalExtensions": "FTNTFGTlogid=1059028704;cat=utm:app-ctrl;FTNTFGTsubtype=app-ctrl;"
        "FTNTFGTeventtype=signature;FTNTFGTlevel=information;FTNTFGTvd=root;FTNTFGTeventtime="
        "%(epoch_ns)d;FTNTFGTtz=+0000;%(path_extension)s;FTNTFGTappid=40568;FTNTFGTapp="
        "HTTPS.BROWSER;FTNTFGTappcat=Web.Client;FTNTFGTapprisk=medium;FTNTFGTincidentserialno="
        "%(session)d;FTNTFGTapplist=default;FTNTFGTscertcname=*.example;FTNTFGTdirection=outgoing",
    },
)

# Close reasons are normal ends of allowed sessions; UDP sessions end as `accept`.
EVENTS = [
    ("00013", "forward", "close", "Accept"),
    ("00013", "forward", "client-rst", "Accept"),
    ("00013", "forward", "server-rst", "Accept"),
    ("00013", "forward", "timeout", "Accept"),
    ("00013", "forward", "accept", "Accept"),
    ("00013", "forward", "deny", "Deny"),
    ("00020", "forward", "accept", "Accept"),
    ("00012", "multicast", "accept", "Accept"),
    ("00014", "local", "deny", "Deny"),
    ("00015", "forward", "start", "Accept"),
]
# In EVENTS, after the ends of TCP.
UDP_END, DENY, INTERIM, MULTICAST, LOCAL_DENY, START = range(4, 10)
EVENT_TEXTS = [
    event(event_class, f"traffic:{subtype} {action}", action, simplified, "3")
    for event_class, subtype, action, simplified in EVENTS
]
EVENT_EXTENSIONS = [
    f"FTNTFGTlogid=00000{event_class};cat=traffic:{subtype};FTNTFGTsubtype={subtype}"
    for event_class, subtype, *_ in EVENTS
]
UTM_EVENT = event("28704", "utm:app-ctrl signature pass", "pass", "Accept", "2")

PATHS = (  # by direction: flow, interfaces, role of the second, policy, its name, translation
    ("1", "lan1", "wan1", "wan", 57, "lan-to-internet", "snat"),
    ("1", "lan1", "srv1", "lan", 12, "lan-to-servers", "noop"),
    ("0", "wan1", "dmz1", "dmz", 33, "internet-to-dmz", "dnat"),
    ("1", "lan1", "", "undefined", 0, "implicit", "noop"),
)
PATH_TEXTS = [
    fragment(
        CommunicationDirection=flow,
        DeviceInboundInterface=inbound,
        DeviceOutboundInterface=outbound,
    )
    for flow, inbound, outbound, *_ in PATHS
]
PATH_EXTENSIONS = [
    f"FTNTFGTsrcintfrole={inbound[:3]};FTNTFGTdstintfrole={role};FTNTFGTpolicyid={policy};"
    f"FTNTFGTpoluuid=b2c7ac4e-8f2f-51ec-a1d3-2d8bb7a1c0{policy:02d};FTNTFGTpolicyname={name};"
    f"FTNTFGTtrandisp={translation}"
    for _, inbound, _, role, policy, name, translation in PATHS
]
IS_TCP = np.array([service.protocol == 6 for service in SERVICES])


def lines(rng: np.random.Generator, rows: np.ndarray, values: Values) -> Iterator[str]:
    """Write rows as a FortiGate does."""
    log, multicast = rows["log"], rows["direction"] == Direction.MULTICAST
    closes = np.searchsorted([0.8, 0.88, 0.96], rng.random(len(rows)))
    kind = np.where(IS_TCP[rows["service"]], closes, UDP_END)
    kind[log == Log.DENIED] = DENY
    kind[log == Log.INTERIM] = INTERIM
    kind[log == Log.START] = START
    kind[multicast] = MULTICAST
    kind[multicast & (log == Log.DENIED)] = LOCAL_DENY
    values["event"] = [EVENT_TEXTS[n] for n in kind.tolist()]
    values["event_extension"] = [EVENT_EXTENSIONS[n] for n in kind.tolist()]
    values["path"] = [PATH_TEXTS[n] for n in rows["direction"].tolist()]
    values["path_extension"] = [PATH_EXTENSIONS[n] for n in rows["direction"].tolist()]
    values["category"] = [
        "Web.Client" if name in ("https", "http", "quic") else "Network.Service"
        for name in values["service_name"]
    ]
    written = list(TRAFFIC.lines(values))
    utm = np.flatnonzero(log == Log.UTM).tolist()
    if utm:
        of_utm = {name: [column[n] for n in utm] for name, column in values.items()}
        of_utm["event"] = [UTM_EVENT] * len(utm)
        for place, line in zip(utm, UTM.lines(of_utm), strict=True):
            written[place] = line
    return iter(written)


FORTIGATE = Format("Fortigate", "v7.2.8", lines)
MAKER = Maker(
    gateways=(
        Gateway("FGT-HQ-01", "Fortinet", FORTIGATE, 0.40, protocol_number),
        Gateway("FGT-BR-02", "Fortinet", FORTIGATE, 0.22, protocol_upper),
    ),
    companions=((Log.UTM, 0.025), (Log.START, 0.010), (Log.INTERIM, 0.005)),
)
