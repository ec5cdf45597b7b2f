"""Rows of ten makers in their own shape: one session is one event, however a maker logs it.

Each case has a host of its own. The shapes follow the pages that the seed `vendor_facts` names.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.support.dbt_in_process import Dbt
from tests.support.export_tree import at, lay_out

DAY = dt.date(2026, 3, 10)
EPOCH = int(dt.datetime.combine(DAY, dt.time(), dt.timezone.utc).timestamp())
HOUR = 3600
Columns = dict[str, Any]


@dataclass(frozen=True)
class Session:
    """What a firewall tells of: seconds since midnight, bytes, and a number of its own."""

    source: str
    destination: str
    start: float
    source_port: int
    number: int
    length: int = 7
    sent: int = 5_000
    received: int = 9_000
    port: int = 443


@dataclass(frozen=True)
class Seen:
    """A session as one row shows it: `start`, `update`, `end` or `denied`, after some seconds."""

    session: Session
    kind: str

    @property
    def elapsed(self) -> int:
        return 0 if self.kind in ("start", "denied") else self.session.length

    @property
    def epoch(self) -> int:
        return EPOCH + int(self.session.start) + self.elapsed


def ends(session: Session) -> Columns:
    return {
        "SourceIP": session.source,
        "SourcePort": session.source_port,
        "DestinationIP": session.destination,
        "DestinationPort": session.port,
    }


def sizes(session: Session) -> Columns:
    return {"SentBytes": session.sent, "ReceivedBytes": session.received}


def iso(epoch: int) -> str:
    return dt.datetime.fromtimestamp(epoch, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def text_time(epoch: int) -> str:
    return dt.datetime.fromtimestamp(epoch, dt.timezone.utc).strftime("%b %d %Y %H:%M:%S")


def fortinet(seen: Seen) -> Columns:
    s = seen.session
    event_class, action = {
        "start": ("00015", "start"),
        "update": ("00020", "accept"),
        "end": ("00013", "close"),
        "denied": ("00013", "deny"),
    }[seen.kind]
    extensions = f"FTNTFGTlogid=00000{event_class};cat=traffic:forward;FTNTFGTvd=root;"
    extensions += f"FTNTFGTeventtime={seen.epoch}123456789;FTNTFGTtz=+0000;FTNTFGTpolicyid=3"
    row = {
        **ends(s),
        "DeviceVendor": "Fortinet",
        "DeviceProduct": "Fortigate",
        "DeviceEventClassID": event_class,
        "Activity": f"traffic:forward {action}",
        "DeviceAction": action,
        "Protocol": "6",
        "ExternalID": s.number,
        "AdditionalExtensions": extensions,
    }
    if seen.kind in ("update", "end"):
        row |= sizes(s)
        row["AdditionalExtensions"] += f";FTNTFGTduration={seen.elapsed};FTNTFGTsentdelta=1000"
    return row


def palo_alto(seen: Seen) -> Columns:
    s, subtype = seen.session, {"denied": "drop"}.get(seen.kind, seen.kind)
    return {
        **ends(s),
        **(sizes(s) if seen.kind == "end" else {"SentBytes": 74, "ReceivedBytes": 0}),
        "DeviceVendor": "Palo Alto Networks",
        "DeviceProduct": "PAN-OS",
        "DeviceEventClassID": subtype,
        "Activity": "TRAFFIC",
        "DeviceAction": "deny" if seen.kind == "denied" else "allow",
        "Protocol": "tcp",
        "DeviceCustomNumber1": s.number,
        "DeviceCustomNumber1Label": "SessionID",
        "DeviceCustomNumber3": seen.elapsed,
        "DeviceCustomNumber3Label": "Elapsed time in seconds",
        "ReceiptTime": text_time(seen.epoch),
        "AdditionalExtensions": f"PanOSPacketsSent=10;start={text_time(seen.epoch)};reason=tcp-fin",
    }


def strata(seen: Seen) -> Columns:
    row = palo_alto(seen)
    kind, subtype = row["Activity"], row["DeviceEventClassID"]
    return row | {
        "DeviceProduct": "LF",
        "DeviceEventClassID": kind,
        "Activity": subtype,
        "DeviceCustomNumber3Label": "SessionDuration",
    }


def check_point(seen: Seen) -> Columns:
    s = seen.session
    row = {
        **ends(s),
        "DeviceVendor": "Check Point",
        "DeviceProduct": "VPN-1 & FireWall-1",
        "DeviceEventClassID": "Log",
        "Activity": "https",
        "DeviceAction": "Drop" if seen.kind == "denied" else "Accept",
        "CommunicationDirection": "0",
        "Protocol": "6",
        "ReceiptTime": f"{seen.epoch}000",
        "AdditionalExtensions": f"layer_name=Network;loguid={{0x1,0x2,0x3,0x{s.number:x}}};"
        "origin=10.0.0.1;inzone=Internal;outzone=External;service_id=https",
    }
    if seen.kind in ("update", "end"):
        row |= sizes(s)
        row["DeviceCustomNumber1"] = seen.elapsed
        row["DeviceCustomNumber1Label"] = "Elapsed Time in Seconds"
    return row


def asa(seen: Seen) -> Columns:
    """The far end comes first: the host inside began the session."""
    s = seen.session
    near, far = f"inside:{s.source}/{s.source_port}", f"outside:{s.destination}/{s.port}"
    event_class, text = {
        "start": ("302013", f"Built outbound TCP connection {s.number} for {far} ({far[8:]}) "
                  f"to {near} (198.51.100.1/{s.source_port})"),
        "end": ("302014", f"Teardown TCP connection {s.number} for {far} to {near} duration "
                f"0:{s.length // 60:02d}:{s.length % 60:02d} bytes {s.sent} TCP FINs"),
        "denied": ("106023", f"Deny tcp src {near} dst {far} by access-group \"inside_in\""),
    }[seen.kind]  # fmt: skip
    return {
        "DeviceVendor": "Cisco",
        "DeviceProduct": "ASA",
        "DeviceEventClassID": event_class,
        "Message": f"%ASA-6-{event_class}: {text}",
    }


def ftd(seen: Seen) -> Columns:
    s, event_class = seen.session, "430003" if seen.kind == "end" else "430002"
    sent, received = (s.sent, s.received) if seen.kind == "end" else (0, 0)
    action = "Block" if seen.kind == "denied" else "Allow"
    duration = f"ConnectionDuration: {s.length}, " if seen.kind == "end" else ""
    return {
        "DeviceVendor": "Cisco",
        "DeviceProduct": "FTD",
        "DeviceEventClassID": event_class,
        "Activity": "",
        "Message": f"%FTD-7-{event_class}:  EventPriority: Low, InstanceID: 4, FirstPacketSecond: "
        f"{iso(EPOCH + int(s.start))}, ConnectionID: {s.number}, AccessControlRuleAction: {action}"
        f", SrcIP: {s.source}, DstIP: {s.destination}, SrcPort: {s.source_port}, DstPort: {s.port}"
        f", Protocol: tcp, {duration}InitiatorBytes: {sent}, ResponderBytes: {received}, "
        "URL: https://c2.example/x",
    }


def firepower(seen: Seen) -> Columns:
    s = seen.session
    begin = EPOCH + int(s.start)
    return {
        **ends(s),
        "DeviceVendor": "Cisco",
        "DeviceProduct": "Firepower",
        "DeviceEventClassID": "RNA:1003:1",
        "Activity": "CONNECTION STATISTICS",
        "DeviceAction": "Block" if seen.kind == "denied" else "Allow",
        "Protocol": "6",
        "ExternalID": s.number,
        "ReceiptTime": f"{begin}000",
        "StartTime": "1970-01-01T00:00:00Z",
        "EndTime": "1970-01-01T00:00:00Z",
        "AdditionalExtensions": f"bytesIn={s.received};bytesOut={s.sent};end={seen.epoch}000;"
        f"reason=N/A;start={begin}000",
    }


def zscaler_web(seen: Seen) -> Columns:
    """No ports and no protocol."""
    s, action = seen.session, "Blocked" if seen.kind == "denied" else "Allowed"
    return {
        "SourceIP": s.source,
        "DestinationIP": s.destination,
        **sizes(s),
        "DeviceVendor": "Zscaler",
        "DeviceProduct": "NSSWeblog",
        "DeviceEventClassID": action,
        "Activity": action,
        "DeviceAction": action,
        "CommunicationDirection": "1",
        "ApplicationProtocol": "HTTPS",
        "DestinationHostName": "c2.example",
        "RequestURL": "c2.example/x",
        "ExternalID": s.number,
        "DeviceCustomNumber1": 0,
        "DeviceCustomNumber1Label": "riskscore",
    }


def zscaler_firewall(seen: Seen) -> Columns:
    s, action = seen.session, "IPS Drop" if seen.kind == "denied" else "Allow"
    return {
        **ends(s),
        **sizes(s),
        "DeviceVendor": "Zscaler",
        "DeviceProduct": "NSSFWlog",
        "DeviceEventClassID": action,
        "Activity": "Default Firewall Filtering Rule",
        "DeviceAction": action,
        "Protocol": "TCP",
        "DeviceCustomNumber1": seen.elapsed * 1000,
        "DeviceCustomNumber1Label": "durationms",
        "DeviceCustomNumber2": 1,
        "DeviceCustomNumber2Label": "numsessions",
        "AdditionalExtensions": "tunnelType=ZscalerClientConnector;dnat=No;stateful=Yes",
    }


def sonicwall(seen: Seen) -> Columns:
    """The values of an end stand where labels belong."""
    s = seen.session
    event_class, activity, category, action = {
        "start": ("98", "Connection Opened", 262144, "NA"),
        "end": ("537", "Connection Closed", 1024, "NA"),
        "denied": ("36", "TCP packet dropped", 64, "drop"),
    }[seen.kind]
    row = {
        **ends(s),
        "DeviceVendor": "SonicWall",
        "DeviceProduct": "NSv 270",
        "DeviceEventClassID": event_class,
        "Activity": activity,
        "Message": f'"{activity}"',
        "Protocol": "tcp/https",
        "SentBytes": 52,
        "EventCount": 62,
        "AdditionalExtensions": f'cat={category};gcat=6;fw_action="{action}";dpi=0',
    }
    if seen.kind == "end":
        row |= sizes(s)
        row |= {"DeviceCustomNumber1Label": "7", "DeviceCustomNumber2Label": "7"}
        row["DeviceCustomNumber3Label"] = f"{s.length}016"
    return row


def juniper(seen: Seen) -> Columns:
    s = seen.session
    event = {
        "start": "RT_FLOW_SESSION_CREATE",
        "update": "APPTRACK_SESSION_VOL_UPDATE",
        "end": "RT_FLOW_SESSION_CLOSE",
        "denied": "RT_FLOW_SESSION_DENY",
    }[seen.kind]
    fields = {
        "source-address": s.source,
        "source-port": s.source_port,
        "destination-address": s.destination,
        "destination-port": s.port,
        "nat-source-address": "198.51.100.1",
        "nat-source-port": s.source_port,
        "protocol-id": 6,
        "session-id-32": s.number,
    }
    if seen.kind in ("update", "end"):
        fields |= {"packets-from-client": 6, "bytes-from-client": s.sent}
        fields |= {"bytes-from-server": s.received, "elapsed-time": seen.elapsed}
    text = " ".join(f'{name}="{value}"' for name, value in fields.items())
    return {
        "DeviceVendor": "Juniper",
        "DeviceProduct": "SRX",
        "Message": f"{event} [junos@2636.1.1.1.2.129 {text}]",
    }


def juniper_text(seen: Seen) -> Columns:
    s = seen.session
    flow = f"{s.source}/{s.source_port}->{s.destination}/{s.port} junos-https "
    flow += f"198.51.100.1/{s.source_port}->{s.destination}/{s.port}"
    message = {
        "start": f"RT_FLOW_SESSION_CREATE: session created {flow} r None 6 p trust untrust 5",
        "end": f"RT_FLOW_SESSION_CLOSE: session closed TCP FIN: {flow} r None 6 p trust untrust "
        f"5 6({s.sent}) 4({s.received}) {s.length} UNKNOWN UNKNOWN",
        "denied": f"RT_FLOW_SESSION_DENY: session denied {flow[: flow.index(' 198')]} 6(0) p",
    }[seen.kind]
    return {"DeviceVendor": "Juniper Networks", "DeviceProduct": "SRX345", "Message": message}


def sophos(seen: Seen) -> Columns:
    s = seen.session
    event = {"start": "Start", "update": "Interim", "end": "Stop", "denied": ""}[seen.kind]
    subtype = "Denied" if seen.kind == "denied" else "Allowed"
    sent, received = (s.sent, s.received) if seen.elapsed else (0, 0)
    return {
        "DeviceVendor": "Sophos",
        "DeviceProduct": "XG",
        "Message": 'device="SFW" date=2026-03-10 timezone="UTC" log_type="Firewall" '
        f'log_component="Firewall Rule" log_subtype="{subtype}" duration={seen.elapsed} '
        f"fw_rule_id=2 src_ip={s.source} dst_ip={s.destination} "
        f'protocol="TCP" src_port={s.source_port} dst_port={s.port} sent_pkts=18 '
        f'sent_bytes={sent} recv_bytes={received} connevent="{event}" connid="{s.number}"',
    }


def watchguard(seen: Seen) -> Columns:
    s = seen.session
    if seen.kind in ("denied", "start"):
        word = "Deny" if seen.kind == "denied" else "Allow"
        head, zones = f'msg_id="3000-0148" {word}', "Trusted External 40 tcp 20 239"
        return {
            "DeviceVendor": "WatchGuard",
            "DeviceProduct": "Firebox",
            "Message": f"firewall: {head} {zones} {s.source} {s.destination} {s.source_port} "
            f"{s.port} offset 8 S 3141592653 win 64 (HTTPS-00)",
        }
    else:
        head, zones = 'msg_id="3000-0151" Allow', "Trusted External tcp"
    return {
        "DeviceVendor": "WatchGuard",
        "DeviceProduct": "Firebox",
        "Message": f"firewall: {head} {zones} {s.source} {s.destination} {s.source_port} {s.port} "
        f'duration="{seen.elapsed}" sent_bytes="{s.sent}" rcvd_bytes="{s.received}" (HTTPS-00)',
    }


def forcepoint(seen: Seen) -> Columns:
    event_class, activity, action = {
        "start": ("70018", "Connection_Allowed", "Allow"),
        "update": ("70026", "Connection_Progress", "Allow"),
        "end": ("70021", "Connection_Closed", "Allow"),
        "denied": ("70019", "Connection_Discarded", "Discard"),
    }[seen.kind]
    return {
        **ends(seen.session),
        **(sizes(seen.session) if seen.elapsed else {}),
        "DeviceVendor": "FORCEPOINT",
        "DeviceProduct": "Firewall",
        "DeviceEventClassID": event_class,
        "Activity": activity,
        "DeviceAction": action,
        "DeviceFacility": "Packet Filtering",
        "Protocol": "6",
        "ReceiptTime": text_time(seen.epoch),
    }


def forcepoint_web(seen: Seen) -> Columns:
    s, action = seen.session, "blocked" if seen.kind == "denied" else "permitted"
    return {
        **ends(s),
        **sizes(s),
        "DeviceVendor": "Forcepoint",
        "DeviceProduct": "Security",
        "DeviceEventClassID": "9",
        "Activity": f"Transaction {action}",
        "DeviceAction": action,
        "DestinationHostName": "c2.example",
        "RequestURL": "http://c2.example/x",
        "ReceiptTime": f"{seen.epoch}000",
        "DeviceCustomNumber2": 1,
        "DeviceCustomNumber2Label": "ScanDuration",
    }


def in_fields(vendor: str, session: Session, *fields: str, **columns: str) -> Columns:
    """Columns of a collector that does not know the maker's names, and passes them on as fields."""
    extensions = ";".join(("cat=traffic", *fields, "version=5"))
    row = {"DeviceVendor": vendor, "Protocol": "TCP", "AdditionalExtensions": extensions}
    return row | ends(session) | columns


def paloalto(seen: Seen) -> Columns:
    """The vendor's name as some collectors spell it."""
    return palo_alto(seen) | {"DeviceVendor": "PaloAlto"}


def apptrack(seen: Seen) -> Columns:
    s, fields = seen.session, [f"session-id-32={seen.session.number}"]
    word = {"start": "CREATE", "update": "VOL_UPDATE"}.get(seen.kind, "CLOSE")
    event = "RT_FLOW_SESSION_DENY" if seen.kind == "denied" else f"APPTRACK_SESSION_{word}"
    if seen.kind in ("update", "end"):
        fields += [f"bytes-from-client={s.sent}", f"bytes-from-server={s.received}"]
        fields += [f"elapsed-time={seen.elapsed}"]
    return in_fields("Juniper Networks", s, *fields, DeviceEventClassID="RT_FLOW", Activity=event)


def sophos_fields(seen: Seen) -> Columns:
    s = seen.session
    event = {"start": "Start", "update": "Interim"}.get(seen.kind, "Stop")
    subtype = "Denied" if seen.kind == "denied" else "Allowed"
    fields = [f"log_subtype={subtype}", f"con_event={event}", f"con_id={s.number}"]
    if seen.kind in ("update", "end"):
        fields += [f"bytes_sent={s.sent}", f"bytes_received={s.received}"]
        fields += [f"con_duration={seen.elapsed}"]
    return in_fields("Sophos", s, *fields, Activity="Firewall Rule")


def watchguard_fields(seen: Seen) -> Columns:
    s, fields = seen.session, []
    if seen.kind == "end":
        fields = [f"duration={seen.elapsed}", f"sent_bytes={s.sent}", f"rcvd_bytes={s.received}"]
    number = "3000-0151" if seen.kind == "end" else "3000-0148"
    action = "Deny" if seen.kind == "denied" else "Allow"
    columns = {"DeviceEventClassID": number, "Activity": "Traffic", "DeviceAction": action}
    return in_fields("WatchGuard", s, *fields, **columns)


def ftd_fields(seen: Seen) -> Columns:
    s, fields = seen.session, [f"ConnectionID={seen.session.number}"]
    if seen.kind == "end":
        fields += [f"InitiatorBytes={s.sent}", f"ResponderBytes={s.received}"]
        fields += [f"ConnectionDuration={seen.elapsed}"]
    number = "%FTD-6-430003" if seen.kind == "end" else "%FTD-6-430002"
    action = "Block" if seen.kind == "denied" else "Allow"
    return in_fields("Cisco Systems", s, *fields, DeviceEventClassID=number, DeviceAction=action)


@dataclass(frozen=True)
class Maker:
    """How a maker logs: its kinds of rows, and what of a session its end tells."""

    write: Callable[[Seen], Columns]
    kinds: tuple[str, ...]
    duration: bool = True  # an end tells when the session began
    totals: bool = False  # one size, the sum of both ways
    ports: bool = True


BOTH, ALL = ("start", "end"), ("start", "update", "end")
MAKERS = {
    "Fortinet": Maker(fortinet, ALL),
    "Palo Alto Networks": Maker(palo_alto, BOTH),
    "Strata": Maker(strata, BOTH),
    "Check Point": Maker(check_point, ALL, duration=False),
    "Cisco ASA": Maker(asa, BOTH, totals=True),
    "Cisco FTD": Maker(ftd, BOTH),
    "Cisco Firepower": Maker(firepower, ("end",)),
    "Zscaler web": Maker(zscaler_web, ("end",), duration=False, ports=False),
    "Zscaler firewall": Maker(zscaler_firewall, ("end",)),
    "SonicWall": Maker(sonicwall, BOTH),
    "Juniper": Maker(juniper, ALL),
    "Juniper text": Maker(juniper_text, BOTH),
    "Sophos": Maker(sophos, ALL),
    "WatchGuard": Maker(watchguard, BOTH),
    "Forcepoint": Maker(forcepoint, ALL, duration=False),
    "Forcepoint Web": Maker(forcepoint_web, ("end",), duration=False),
    "PaloAlto": Maker(paloalto, BOTH),
    "Juniper fields": Maker(apptrack, ALL),
    "Sophos fields": Maker(sophos_fields, ALL),
    "WatchGuard fields": Maker(watchguard_fields, BOTH),
    "Cisco fields": Maker(ftd_fields, BOTH),
}


def acme(seen: Seen) -> Columns:
    """A maker of whom nothing is known: ends and sizes, no word, no number."""
    row = {**ends(seen.session), "DeviceVendor": "Acme", "Activity": "traffic", "Protocol": "tcp"}
    return row if seen.kind == "start" else row | sizes(seen.session)


def acme_in_words(seen: Seen) -> Columns:
    """Another, whose rows say plainly what they are."""
    words = {"start": "Session Started", "update": "session-update", "end": "Connection closed"}
    return acme(seen) | {"Activity": words[seen.kind]}


NUMBERS = itertools.count(1)
ITEMS = itertools.count(1)
CASES: dict[Any, str] = {}  # the host of each case
ROWS: list[Columns] = []


def host(case: Any) -> str:
    if case not in CASES:
        number = len(CASES)
        CASES[case] = f"10.9.{number // 200}.{number % 200 + 1}"
    return CASES[case]


def sessions_of(case: Any, count: int, gap: float = 60, **given: Any) -> list[Session]:
    """`count` sessions of the host of a case, `gap` seconds apart, each with a source port."""
    first = Session(host(case), "203.0.113.9", HOUR + 20, 50_000, 0)
    sessions = []
    for n in range(count):
        one = replace(first, start=first.start + n * gap, source_port=50_000 + n)
        sessions.append(replace(one, number=70_000 + next(NUMBERS), **given))
    return sessions


def log(write: Callable[[Seen], Columns], session: Session, kind: str, late: float = 0) -> Columns:
    """Log a row, which the collector dates `late` seconds after the device."""
    seen = Seen(session, kind)
    time = at(DAY, session.start + seen.elapsed + late)
    row = {**write(seen), "TimeGenerated": time, "_ItemId": f"item {next(ITEMS)}"}
    ROWS.append(row)
    return row


SESSIONS = 6
for name, maker in MAKERS.items():
    for way, kinds in {
        "start only": ("start",),
        "end only": ("end",),
        "both": BOTH,
        "several starts": ("start", "start", "end"),
    }.items():
        if set(kinds) <= set(maker.kinds):
            for one in sessions_of((name, way), SESSIONS):
                for kind in kinds:
                    log(maker.write, one, kind)
    for one in sessions_of((name, "denied"), 1):
        log(maker.write, one, "denied")
    for one in sessions_of((name, "two collectors"), SESSIONS):
        for kind, late in itertools.product(maker.kinds, (0, 3)):
            log(maker.write, one, kind, late)
    for one in sessions_of((name, "two firewalls"), SESSIONS):
        for kind, late in itertools.product(maker.kinds, (0, 1)):
            log(maker.write, replace(one, number=one.number + 10_000 * late), kind, late)
    if "update" in maker.kinds:
        (one,) = sessions_of((name, "never ends"), 1)
        log(maker.write, one, "start")
        for n in range(1, 180):
            total = {"sent": 1_000 * n, "received": 2_000 * n}
            log(maker.write, replace(one, length=120 * n, **total), "update")

# Growing sizes are all there is to go by; sizes that do not grow are of several sessions.
(one,) = sessions_of("grows", 1)
for n in range(1, 180):
    log(acme, replace(one, length=120 * n, sent=1_000 * n, received=2_000 * n), "update")
for n, one in enumerate(sessions_of("does not grow", 180, 120, source_port=50_000)):
    log(acme, replace(one, sent=1_000 + n * 37 % 100), "end")
for one in sessions_of("in plain words", SESSIONS):
    for kind in ALL:
        log(acme_in_words, one, kind)

# What must stay apart.
for kinds in (("end",), BOTH):
    for one in sessions_of(("one port all day", kinds), 250, 300, source_port=50_000, length=1):
        for kind in kinds:
            log(fortinet, one, kind)
for one in sessions_of("one port all day, unknown maker", 250, 300, source_port=50_000):
    log(acme, one, "end")
for name in ("Cisco ASA", "Fortinet", "SonicWall", "Forcepoint"):
    for one in sessions_of(("a port again", name), 20, 40, source_port=50_000):
        for kind in BOTH:
            log(MAKERS[name].write, one, kind)
for one in sessions_of("one second", 300, 1 / 400):
    log(fortinet, one, "end")
for one in sessions_of("no source port", 5, 0.1):
    log(fortinet, one, "end")
    ROWS[-1] |= {"SourcePort": None, "ExternalID": None}
    ROWS.append(ROWS[-1])

# The export has rows again: copies stand in no order, and tell nothing more.
for one in sessions_of("copies", 5):
    twice = [log(fortinet, one, kind) for kind in ALL]
    ROWS.extend([*reversed(twice), *twice])

# Names that stand in rows of inspection.
(one,) = sessions_of("utm", 1)
log(fortinet, one, "end")
log(fortinet, replace(one, length=2), "end")
ROWS[-1] |= {
    "DeviceEventClassID": "13056",
    "Activity": "utm:webfilter ftgd_allow passthrough",
    "DeviceAction": "passthrough",
    "DestinationHostName": "c2.example",
}
(one,) = sessions_of("proxy", 1)
log(watchguard, one, "end")
log(watchguard, one, "end")
ROWS[-1]["Message"] = (
    ROWS[-1]["Message"]
    .replace('firewall: msg_id="3000-0151"', 'https-proxy[4148]: msg_id="2CFF-0000"')
    .replace("(HTTPS-00)", 'sni="c2.example" (HTTPS-proxy-00)')
)
(one,) = sessions_of("name without an address", 1)
log(zscaler_web, one, "denied")
ROWS[-1]["DestinationIP"] = ""

# IPv6 in custom columns, beside placeholders.
for name in ("Strata", "Cisco Firepower"):
    (one,) = sessions_of(("IPv6", name), 1)
    for kind in MAKERS[name].kinds:
        log(MAKERS[name].write, one, kind)
        # Each host has an address of its own.
        ROWS[-1] |= {
            "DeviceCustomIPv6Address2": f"fd00::{one.number % 0xFFFF:x}",
            "DeviceCustomIPv6Address3": "2001:db8::7",
            "SourceIP": "0.0.0.0" if name == "Strata" else None,
            "DestinationIP": "::" if name == "Strata" else None,
        }
    CASES["IPv6", name] = f"fd00::{one.number % 0xFFFF:x}"
(one,) = sessions_of("placeholders", 1)
log(strata, one, "end")
ROWS[-1] |= {"DeviceCustomIPv6Address2": "::ffff:0:0", "DeviceCustomIPv6Address3": "::"}
(one,) = sessions_of("srcV6", 1)
log(sonicwall, one, "end")
ROWS[-1]["AdditionalExtensions"] += f";srcV6=fd00::{one.number % 0xFFFF:x};dstV6=2001:db8::7"
ROWS[-1] |= {"SourceIP": None, "DestinationIP": None}
CASES["srcV6"] = f"fd00::{one.number % 0xFFFF:x}"

(one,) = sessions_of("system event in words", 1)
log(sophos, one, "end")
ROWS[-1]["Message"] = ROWS[-1]["Message"].replace('log_type="Firewall"', 'log_type="Event"')
ROWS[-1]["Message"] = ROWS[-1]["Message"].replace('connevent="Stop"', "")

# From outside to a server inside: the host outside began it.
(one,) = sessions_of("from outside", 1)
CASES["from outside"] = "198.51.100.77"
log(asa, one, "start")
near = f"dmz:{one.source}/443 (198.51.100.2/443)"
ROWS[-1]["Message"] = (
    f"%ASA-6-302013: Built inbound TCP connection {one.number} for outside:198.51.100.77/40000 "
    f"(198.51.100.77/40000) to {near}"
)
log(asa, one, "end")
ROWS[-1]["Message"] = (
    f"%ASA-6-302014: Teardown TCP connection {one.number} for outside:198.51.100.77/40000 to "
    f"dmz:{one.source}/443 duration 0:00:07 bytes 5000 TCP FINs"
)
# An access list logs the first packet of a session, and again while it lasts.
(one,) = sessions_of("access list", 1)
log(asa, one, "start")
for n in range(10):
    log(asa, replace(one, length=300 * n), "end")
    hits = "hit-cnt 5 300-second interval" if n else "hit-cnt 1 first hit"
    ROWS[-1]["DeviceEventClassID"] = "106100"
    ROWS[-1]["Message"] = (
        f"%ASA-6-106100: access-list inside_in permitted tcp inside/{one.source}({one.source_port})"
        f" -> outside/{one.destination}(443) {hits} [0x0, 0x0]"
    )

# The device's own time, 20 seconds before the collector's, and devices that know none.
OWN_TIME = {
    "Fortinet": "event time in AdditionalExtensions",
    "Check Point": "ReceiptTime",
    "Cisco FTD": "StartTime",
    "Cisco Firepower": "ReceiptTime",
    "Palo Alto Networks": "ReceiptTime",
    "Forcepoint": "ReceiptTime",
    "Forcepoint Web": "ReceiptTime",
}
for name in OWN_TIME:
    (one,) = sessions_of(("own time", name), 1)
    log(MAKERS[name].write, one, "end", late=20)
# As makers and collectors write it, 20 seconds before the collector's time.
WRITTEN_TIMES: dict[str, tuple[str, Callable[[Columns, dt.datetime], Columns]]] = {
    "GMT": ("Palo Alto Networks", lambda _, t: {"ReceiptTime": f"{t:%b %d %Y %H:%M:%S} GMT"}),
    "fractions": ("Check Point", lambda _, t: {"ReceiptTime": f"{t:%b %d %Y %H:%M:%S}.250 UTC"}),
    "slashes": ("Palo Alto Networks", lambda _, t: {"ReceiptTime": f"{t:%Y/%m/%d %H:%M:%S}"}),
    "no year": ("Forcepoint", lambda _, t: {"ReceiptTime": f"{t:%b %d %H:%M:%S}"}),
    "rt": (
        "SonicWall",
        lambda row, t: {
            "AdditionalExtensions": f"rt={t.timestamp():.0f}000;{row['AdditionalExtensions']}"
        },
    ),
    "timestamp": (
        "Sophos",
        lambda row, t: {
            "Message": row["Message"].replace(
                "date=2026-03-10", f'timestamp="{t:%Y-%m-%dT%H:%M:%S}+0000"'
            )
        },
    ),
    "date and time": (
        "Sophos",
        lambda row, t: {
            "Message": row["Message"].replace(
                "date=2026-03-10", f"date={t:%Y-%m-%d} time={t:%H:%M:%S}"
            )
        },
    ),
    "header": (
        "Juniper",
        lambda row, t: {
            "Message": f"<14>1 {t:%Y-%m-%dT%H:%M:%S}.123Z srx RT_FLOW - {row['Message']}"
        },
    ),
    "logging timestamp": (
        "Cisco ASA",
        lambda row, t: {"Message": f"{t:%b %d %Y %H:%M:%S}: {row['Message']}"},
    ),
}
for how, (name, write_time) in WRITTEN_TIMES.items():
    (one,) = sessions_of(("written time", how), 1)
    row = log(MAKERS[name].write, one, "end", late=20)
    then = dt.datetime.fromtimestamp(Seen(one, "end").epoch, dt.timezone.utc)
    ROWS[-1] |= {"StartTime": None, "EndTime": None, "ReceiptTime": None}
    ROWS[-1] |= write_time(row, then)

# Sizes that stand in extensions alone, under the names that collectors leave.
WRITTEN_SIZES = (
    ("Fortinet", "FortinetFortiGatesentbyte", "FortinetFortiGatercvdbyte"),
    ("Palo Alto Networks", "out", "in"),
    ("Check Point", "client_outbound_bytes", "server_outbound_bytes"),
    ("Zscaler firewall", "outbytes", "inbytes"),
    ("SonicWall", "sent", "rcvd"),
    ("Forcepoint", "bytes_sent", "bytes_received"),
    ("Cisco Firepower", "InitiatorBytes", "ResponderBytes"),
    ("Juniper", "bytes-from-client", "bytes-from-server"),
    ("WatchGuard", "sent_bytes", "rcvd_bytes"),
)
for name, sent, received in WRITTEN_SIZES:
    (one,) = sessions_of(("written sizes", name, sent), 1)
    row = log(MAKERS[name].write, one, "end")
    ROWS[-1] |= {
        "SentBytes": None,
        "ReceivedBytes": None,
        "Message": row.get("Message", "").replace("bytes", "nothing"),
        "AdditionalExtensions": row.get("AdditionalExtensions", "").replace("bytes", "nothing")
        + f";{sent}={one.sent};{received}={one.received}",
    }
(one,) = sessions_of(("own time", "seconds"), 1)
row = log(fortinet, one, "end", late=20)
ROWS[-1]["AdditionalExtensions"] = row["AdditionalExtensions"].replace("123456789;", ";")
# Where the columns for times are empty, the time in a field or at the head of the text counts.
OTHER_TIMES: dict[str, tuple[str, Callable[[int], Columns]]] = {
    "rt in words": (
        "Forcepoint Web",
        lambda t: {"AdditionalExtensions": f"cat=a;rt={text_time(t)}.250 UTC;x=1"},
    ),
    "rt in milliseconds": ("Zscaler firewall", lambda t: {"AdditionalExtensions": f"rt={t}000"}),
    "fraction": ("SonicWall", lambda t: {"AdditionalExtensions": f"a=b;event_time={t}.250"}),
    "high resolution": (
        "Palo Alto Networks",
        lambda t: {"AdditionalExtensions": f"PanOSTimeGeneratedHighResolution={iso(t)}"},
    ),
    "slashes": ("Strata", lambda t: {"AdditionalExtensions": f"rt={spaced(t, '/')}"}),
    "weekday": (
        "Zscaler web",
        lambda t: {
            "AdditionalExtensions": "rt="
            + dt.datetime.fromtimestamp(t, dt.timezone.utc).strftime("%a %b %d %H:%M:%S %Y")
        },
    ),
    "head": ("Cisco ASA", lambda t: {"Message": f"{text_time(t)} fw : %ASA-6-302014: "}),
    "head of a standard": ("Juniper", lambda t: {"Message": f"<14>1 {iso(t)} srx RT_FLOW - "}),
    "member": ("WatchGuard", lambda t: {"Message": f"{iso(t)[:-1]} M270 "}),
    "date and time": (
        "Sophos",
        lambda t: {"Message": f'date={spaced(t)[:10]} time="{spaced(t)[11:]}" '},
    ),
    "timestamp": ("Sophos", lambda t: {"Message": f'x=1 timestamp="{iso(t)[:-1]}+0000" '}),
    "time": ("SonicWall", lambda t: {"Message": f'id=fw time="{spaced(t)} UTC" fw=192.0.2.1 '}),
}


def spaced(epoch: int, mark: str = "-") -> str:
    return iso(epoch)[:19].replace("T", " ").replace("-", mark)


for name, (maker_name, clock) in OTHER_TIMES.items():
    (one,) = sessions_of(("other time", name), 1)
    row = log(MAKERS[maker_name].write, one, "end", late=20)
    told = clock(Seen(one, "end").epoch)
    text = row.get("Message", "").removeprefix('device="SFW" date=2026-03-10 ')
    if "Message" in told:
        told["Message"] += text.removeprefix("%ASA-6-302014: ")
    ROWS[-1] = row | {"ReceiptTime": None} | told

# Sizes that only the fields have, under the names of several makers.
SIZES = {
    "Palo Alto Networks": "PanOSBytesSent={};PanOSBytesReceived={}",
    "Fortinet": "FortinetFortiGatesentbyte={};FortinetFortiGatercvdbyte={}",
    "Cisco": "InitiatorBytes={};ResponderBytes={}",
    "Check Point": "sent_bytes={};received_bytes={}",
    "CheckPoint": "client_outbound_bytes={};server_outbound_bytes={}",
    "Zscaler": "reqsize={};respsize={}",
    "SonicWall": "sent={};rcvd={}",
    "Juniper": "bytes-from-client={};bytes-from-server={}",
    "Sophos": "bytes_sent={};bytes_received={}",
    "WatchGuard": "sent_bytes={};rcvd_bytes={}",
    "Forcepoint": "BytesSent={};BytesReceived={}",
    "Acme": "bytesout={};bytesin={}",
    "Huawei": "SendBytes={};RcvBytes={}",
    "Suricata": "bytes_toserver={};bytes_toclient={}",
    "Barracuda": "Bytes Sent={};Bytes Received={}",
}
for vendor, names in SIZES.items():
    (one,) = sessions_of(("sizes", vendor), 1)
    log(lambda seen, v=vendor, n=names: in_fields(v, seen.session, n.format(70, 80)), one, "end")

# Custom numbers in the columns that newer rows have for them.
NEWER_NUMBERS = ("Palo Alto Networks", "Strata", "Check Point", "Zscaler firewall")
for name in NEWER_NUMBERS:
    (one,) = sessions_of(("newer numbers", name), 1)
    row = log(MAKERS[name].write, one, "end")
    ROWS[-1] = {
        {f"DeviceCustomNumber{n}": f"FieldDeviceCustomNumber{n}" for n in (1, 2, 3)}.get(c, c): v
        for c, v in row.items()
    }

# The far end first, in rows that say that they are outbound; and a server that is asked from
# outside, in rows of a maker that means something else by the direction.
for vendor in ("Sophos", "Acme"):
    for one in sessions_of(("far end first", vendor), SESSIONS):
        log(
            lambda seen, v=vendor: (
                in_fields(v, seen.session)
                | {
                    "SourceIP": seen.session.destination,
                    "SourcePort": seen.session.port,
                    "DestinationIP": seen.session.source,
                    "DestinationPort": seen.session.source_port,
                    "CommunicationDirection": "Outbound",
                    **{"SentBytes": 80, "ReceivedBytes": 70},
                }
            ),
            one,
            "end",
        )
for outside, vendor in (("198.51.100.78", "Fortinet"), ("198.51.100.79", "Acme")):
    (one,) = sessions_of(("asked from outside", vendor), 1)
    CASES["asked from outside", vendor] = outside
    log(
        lambda seen, h=outside, v=vendor: (
            in_fields(v, replace(seen.session, source=h, port=3389))
            | {"DestinationIP": "10.9.9.9", "CommunicationDirection": "1"}
        ),
        one,
        "end",
    )

(one,) = sessions_of(("no time", "eventtime"), 1)
row = log(fortinet, one, "end")
ROWS[-1]["AdditionalExtensions"] = row["AdditionalExtensions"].replace(
    f"eventtime={EPOCH // 10**6}", "eventtime=0000"
)
(one,) = sessions_of(("no time", "1970"), 1)
log(check_point, one, "end")
ROWS[-1] |= dict.fromkeys(("ReceiptTime", "StartTime", "EndTime"), "1970-01-01T00:00:00Z")


@pytest.fixture(scope="module")
def found(dbt: Dbt, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The sessions of each host, in their order."""
    folder = tmp_path_factory.mktemp("makers")
    lay_out(folder / "raw", DAY, ROWS)
    result = dbt(
        "build",
        *("--select", "+public_egress", "+row_fates", "stg_common_security_log_rejects"),
        *("--exclude-resource-type", "unit_test"),
        vars={"raw_root": str(folder / "raw"), "end_date": str(DAY), "lookback_days": 0},
    )
    assert result.success, result.messages[-5000:]
    by_host = defaultdict(list)
    for row in dbt.rows(
        "select *, cast(unix_micros(time_generated) as double) / 1000000 as seconds "
        "from beaconing.sessions order by time_generated, row_id"
    ):
        by_host[row["source_ip"]].append({**row, "seconds": row["seconds"] - EPOCH})
    return by_host


def of(found: dict[str, list[dict[str, Any]]], case: Any) -> list[dict[str, Any]]:
    return found[CASES[case]]


def named(way: str) -> list[Any]:
    return [case for case in CASES if isinstance(case, tuple) and case[1] == way]


def starts(count: int, gap: float = 60) -> list[float]:
    return [HOUR + 20 + n * gap for n in range(count)]


def test_every_row_is_in_a_session(dbt: Dbt, found):
    assert dbt.rows("select * from beaconing.stg_common_security_log_rejects") == []
    told = sum(s["row_count"] + s["copies"] for mine in found.values() for s in mine)
    assert told == len(ROWS)
    assert set(found) == set(CASES.values())


@pytest.mark.parametrize("way", ["start only", "end only", "both", "several starts"])
def test_a_session_is_one_event(found, way: str):
    for name, _ in named(way):
        mine, maker = of(found, (name, way)), MAKERS[name]
        assert [s["fate"] for s in mine] == ["egress"] * SESSIONS, name
        rows = {"both": 2, "several starts": 3}.get(way, 1)
        assert {(s["row_count"], s["copies"]) for s in mine} == {(rows, 0)}, name
        tells_start = way != "end only" or maker.duration
        begun = starts(SESSIONS) if tells_start else [t + 7 for t in starts(SESSIONS)]
        assert [s["seconds"] for s in mine] == pytest.approx(begun, abs=1), name
        assert {s["destination_ip"] for s in mine} == {"203.0.113.9"}, name
        assert not any(s["is_denied"] for s in mine), name
        if maker.ports:
            assert {(s["source_port"], s["destination_port"]) for s in mine} == {
                (50_000 + n, 443) for n in range(SESSIONS)
            }, name
            assert {s["protocol"] for s in mine} <= {"tcp", None}, name
        if way == "start only":
            continue
        assert {s["sent_bytes"] for s in mine} == {5_000}, name
        assert {s["received_bytes"] for s in mine} == {None if maker.totals else 9_000}, name
        if way != "end only" or maker.duration:
            assert {s["duration_seconds"] for s in mine} == {7}, name


def test_a_session_that_never_ends_is_one_event(found):
    cases = [*named("never ends"), "grows"]
    assert len(cases) == 8
    for case in cases:
        (session,) = of(found, case)
        assert session["row_count"] == (179 if case == "grows" else 180), case
        assert (session["sent_bytes"], session["received_bytes"]) == (179_000, 358_000), case
        assert session["duration_seconds"] == pytest.approx(179 * 120, abs=121), case
        assert session["seconds"] == pytest.approx(HOUR + 20, abs=121), case


def test_two_collectors_tell_of_the_same_sessions(found):
    for name, way in named("two collectors"):
        mine, maker = of(found, (name, way)), MAKERS[name]
        # Without a source port, nothing tells a second request from a second collector.
        assert len(mine) == SESSIONS * (1 if maker.ports else 2), name
        assert sum(s["row_count"] for s in mine) == SESSIONS * 2 * len(maker.kinds), name


def test_two_firewalls_on_the_way_tell_of_the_same_sessions(found):
    for name, way in named("two firewalls"):
        maker = MAKERS[name]
        # Where an end does not tell when the session began, only the starts can be matched.
        if maker.duration:
            assert len(of(found, (name, way))) == SESSIONS, name


def test_plain_words_of_an_unknown_maker_are_understood(found):
    mine = of(found, "in plain words")
    assert [s["seconds"] for s in mine] == starts(SESSIONS)
    assert {s["row_count"] for s in mine} == {3}


def test_sessions_with_the_same_ends_stay_apart(found):
    counts = {
        ("one port all day", ("end",)): 250,
        ("one port all day", BOTH): 250,
        "one port all day, unknown maker": 250,
        "does not grow": 180,
        **{case: 20 for case in CASES if case[0] == "a port again"},
        "one second": 300,
    }
    assert {case: len(of(found, case)) for case in counts} == counts


def test_without_a_source_port_only_copies_are_one(found):
    mine = of(found, "no source port")
    assert [(s["row_count"], s["copies"]) for s in mine] == [(1, 1)] * 5


def test_copies_of_rows_count_once_wherever_they_stand(found):
    mine = of(found, "copies")
    assert [(s["row_count"], s["copies"]) for s in mine] == [(3, 6)] * 5
    assert [s["seconds"] for s in mine] == starts(5)
    assert {(s["sent_bytes"], s["duration_seconds"]) for s in mine} == {(5_000, 7)}


def test_denied_sessions_say_so(found):
    for case in named("denied"):
        (session,) = of(found, case)
        assert session["is_denied"] and session["fate"] == "egress", case


def test_sizes_stand_in_extensions(found):
    cases = [c for c in CASES if c[0] == "written sizes"]
    assert len(cases) == len(WRITTEN_SIZES)
    for case in cases:
        (session,) = of(found, case)
        assert (session["sent_bytes"], session["received_bytes"]) == (5_000, 9_000), case


def test_names_come_from_every_row_of_a_session(found):
    for case in ("utm", "proxy"):
        (session,) = of(found, case)
        assert (session["row_count"], session["fate"]) == (2, "egress"), case
        assert session["destination_name"] == "c2.example", case
        assert session["destination_ip"] == "203.0.113.9"
    for case in (("Cisco FTD", "end only"), ("Zscaler web", "end only")):
        assert {s["destination_name"] for s in of(found, case)} == {"c2.example"}
    (session,) = of(found, "name without an address")
    assert (session["destination_ip"], session["is_denied"]) == ("c2.example", True)


def test_ipv6_stands_in_custom_columns(found):
    cases = [("IPv6", "Strata"), ("IPv6", "Cisco Firepower"), "srcV6"]
    for case in cases:
        (session,) = of(found, case)
        assert (session["destination_ip"], session["fate"]) == ("2001:db8::7", "egress"), case
    (session,) = of(found, "placeholders")
    assert session["destination_ip"] == "203.0.113.9"


def test_a_session_from_outside_is_not_turned_round(found):
    (session,) = of(found, "from outside")
    assert (session["fate"], session["row_count"]) == ("inbound", 2)
    assert session["source_ip"] == "198.51.100.77"


def test_a_far_end_that_stands_first_is_the_destination(found):
    for vendor in ("Sophos", "Acme"):
        mine = of(found, ("far end first", vendor))
        assert [s["fate"] for s in mine] == ["egress"] * SESSIONS, vendor
        assert {s["destination_ip"] for s in mine} == {"203.0.113.9"}, vendor
        assert {(s["destination_port"], s["sent_bytes"]) for s in mine} == {(443, 70)}, vendor
    for vendor in ("Fortinet", "Acme"):
        (session,) = of(found, ("asked from outside", vendor))
        assert session["fate"] == "inbound", vendor


def test_custom_numbers_stand_in_newer_columns(found):
    for name in NEWER_NUMBERS:
        (session,) = of(found, ("newer numbers", name))
        assert session["duration_seconds"] == 7, name


def test_the_fact_that_told_a_kind_by_text_is_named(found):
    (session,) = of(found, "system event in words")
    assert (session["fate"], session["fate_detail"]) == ("not a connection", "%log_type=_Event%")


def test_an_access_list_does_not_repeat_a_session(found):
    told = [s for s in of(found, "access list") if s["fate"] == "egress"]
    assert len(told) == 1


def test_a_time_in_a_field_or_in_the_text_is_the_devices_own(found):
    for name in OTHER_TIMES:
        (session,) = of(found, ("other time", name))
        assert session["time_source"] == "a time in AdditionalExtensions or Message", name
        # An end without a duration stands where it ended.
        begun = HOUR + 20 + (0 if session["duration_seconds"] else 7)
        assert session["seconds"] == pytest.approx(begun, abs=1), name


def test_sizes_stand_in_fields_of_many_names(found):
    for vendor in SIZES:
        (session,) = of(found, ("sizes", vendor))
        assert (session["sent_bytes"], session["received_bytes"]) == (70, 80), vendor


def test_the_time_is_the_devices_own(found):
    for case in (c for c in CASES if c[0] == "own time"):
        (session,) = of(found, case)
        source = OWN_TIME.get(case[1], OWN_TIME["Fortinet"])
        assert session["time_source"] == source, case
        tells_end = case[1] in ("Check Point", "Forcepoint", "Forcepoint Web")
        assert session["seconds"] == pytest.approx(HOUR + 20 + 7 * tells_end, abs=1), case
    for case in (c for c in CASES if c[0] == "written time"):
        (session,) = of(found, case)
        assert session["time_source"] != "TimeGenerated", case
        # A maker that logs no duration tells when its session ended.
        assert session["seconds"] == pytest.approx(HOUR + 20 + 3.5, abs=4.5), case
    for case in (c for c in CASES if c[0] == "no time"):
        (session,) = of(found, case)
        assert session["time_source"] == "TimeGenerated", case
