"""Palo Alto Networks: PAN-OS, and Strata logging, which has event class and activity swapped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from samples.rows import Log, Service
from samples.vendors.maker import Format, Gateway, Maker, Template, Values, event

LINE = Template(
    "gateway event source source_port destination service sizes",
    {
        "DeviceCustomString1": "trust-to-untrust",
        "DeviceCustomString1Label": "Rule",
        "DeviceCustomString4": "trust",
        "DeviceCustomString4Label": "Source Zone",
        "DeviceCustomString6": "log-to-sentinel",
        "DeviceCustomString6Label": "LogProfile",
        "DeviceCustomNumber1": "%(session)d",
        "DeviceCustomNumber1Label": "SessionID",
        "DeviceCustomNumber3": "%(duration)d",
        "DeviceCustomNumber3Label": "Elapsed time in seconds",
        "ReceiptTime": "%(epoch_ms)s",
        "AdditionalExtensions": "reason=%(reason)s;PanOSDGl1=12;PanOSDGl2=22;PanOSVsysName=vsys1;"
        "PanOSPacketsReceived=%(received_packets)d;PanOSPacketsSent=%(sent_packets)d;"
        "PanOSActionFlags=0x8000000000000000;PanOSDestinationCountry=%(country)s;"
        "PanOSSessionStartTime=%(start_ms)d;PanOSTunnelID=0;PanOSParentSessionID=0;"
        "PanOSRuleUUID=6b1b0d6e-7a31-4d2c-9a55-0f3a8d7b21c4;PanOSHTTP2Con=0",
    },
)
# Subtype, type, action, simplified action, reason.
EVENTS = {
    Log.CONNECTION: ("end", "TRAFFIC", "allow", "Accept", "tcp-fin"),
    Log.DENIED: ("deny", "TRAFFIC", "deny", "Deny", "policy-deny"),
    Log.START: ("start", "TRAFFIC", "allow", "Accept", "n/a"),
    Log.THREAT: ("url", "THREAT", "alert", "Accept", "URL-filtering(9999)"),
}
PAN_OS_TEXTS = {
    log: event(subtype, kind, action, simplified, "3")
    for log, (subtype, kind, action, simplified, _) in EVENTS.items()
}
STRATA_TEXTS = {
    log: event(kind, subtype, action, simplified, "3")
    for log, (subtype, kind, action, simplified, _) in EVENTS.items()
}
# App-ID's names where they differ from ours.
APPS = {
    "https": "ssl",
    "https-alt": "ssl",
    "http": "web-browsing",
    "http-proxy": "web-browsing",
    "imaps": "imap",
    "mtls": "unknown-tcp",
    "smb": "ms-ds-smb",
    "mssql": "mssql-db",
    "rdp": "ms-rdp",
    "print": "hp-jetdirect",
    "netbios": "netbios-ns",
}


def app(service: Service) -> str:
    """Name the application of a service."""
    return APPS.get(service.name, service.name)


def lines_with(
    texts: Mapping[int, str],
) -> Callable[[np.random.Generator, np.ndarray, Values], Iterator[str]]:
    """Make the function that writes rows with these texts of events."""

    def lines(rng: np.random.Generator, rows: np.ndarray, values: Values) -> Iterator[str]:
        logs = rows["log"].tolist()
        values["event"] = [texts[log] for log in logs]
        values["reason"] = [EVENTS[log][-1] for log in logs]
        sizes = zip(logs, values["received"], values["sent"], values["name"], strict=True)
        values["sizes"] = [
            f'"RequestURL":"https://{name}/",'
            if log == Log.THREAT
            else f'"ReceivedBytes":{received},"SentBytes":{sent},'
            for log, received, sent, name in sizes
        ]
        return LINE.lines(values)

    return lines


PAN_OS = Format("PAN-OS", "10.2.4", lines_with(PAN_OS_TEXTS), app)
STRATA = Format("LF", "2.0", lines_with(STRATA_TEXTS), app)
MAKER = Maker(
    gateways=(
        Gateway("PA-DC-01", "Palo Alto Networks", PAN_OS, 0.12),
        Gateway("PA-CDL-01", "Palo Alto Networks", STRATA, 0.08),
    ),
    companions=((Log.THREAT, 0.010), (Log.START, 0.015)),
)
