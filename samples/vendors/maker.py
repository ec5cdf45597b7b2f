"""What the module of a maker is made of: formats, gateways, and templates of lines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from samples.rows import PROTOCOL_NAMES, Log, Service

Values = dict[str, Sequence[Any]]  # by name, one value a row


def protocol_number(service: Service) -> str:
    """Write a protocol as IANA's number: `6`."""
    return str(service.protocol)


def protocol_lower(service: Service) -> str:
    """Write a protocol by its name: `tcp`."""
    return PROTOCOL_NAMES[service.protocol]


def protocol_upper(service: Service) -> str:
    """Write a protocol by its name: `TCP`."""
    return PROTOCOL_NAMES[service.protocol].upper()


def protocol_with_service(service: Service) -> str:
    """Write a protocol with the service: `tcp/https`."""
    protocol = protocol_lower(service)
    return f"{protocol}/{service.name}" if service.port else protocol


def app_upper(service: Service) -> str:
    """Write an application by the name of its service: `HTTPS`."""
    return service.name.upper()


@dataclass(frozen=True, eq=False)
class Format:
    """How a product writes a row.

    Attributes
    ----------
    product, version
        DeviceProduct and DeviceVersion.
    lines
        Writes rows as lines of JSON, in their order. It gets a random generator, the rows, and
        the values that every format has (see `samples.lines.Renderer`), to which it adds its own.
    app
        How it writes the application of a service.
    is_proxy
        Whether it sees only the web traffic of its clients: nothing internal, nothing inbound.
    """

    product: str
    version: str
    lines: Callable[[np.random.Generator, np.ndarray, Values], Iterable[str]]
    app: Callable[[Service], str] = app_upper
    is_proxy: bool = False


@dataclass(frozen=True)
class Gateway:
    """A firewall.

    Attributes
    ----------
    name, vendor
        DeviceName and DeviceVendor.
    format
        How it writes rows.
    client_share
        Its share of the clients, relative to the shares of the other gateways.
    protocol
        How it writes the protocol of a service; gateways of one format may differ in this.
    """

    name: str
    vendor: str
    format: Format
    client_share: float
    protocol: Callable[[Service], str] = protocol_lower


@dataclass(frozen=True, eq=False)
class Maker:
    """A maker of firewalls.

    Attributes
    ----------
    gateways
        Its firewalls in the sample network.
    companions
        What it logs about a connection besides the connection itself, each with its share of a
        day's background rows.
    """

    gateways: tuple[Gateway, ...]
    companions: tuple[tuple[Log, float], ...] = ()


class Flow(NamedTuple):
    """A row as the text of a message needs it; ports are None for a ping, the start is in ms."""

    source: str
    source_port: int | None
    destination: str
    port: int | None
    protocol: str
    number: int
    sent: int
    received: int
    duration: int
    session: int
    start_ms: int
    name: str


def flows(values: Values) -> Iterator[Flow]:
    """Give each row of the values as a flow."""
    names = (
        *("source_ip", "from_port", "destination_ip", "to_port", "protocol", "protocol_number"),
        *("sent", "received", "duration", "session", "start_ms", "name"),
    )
    return map(Flow._make, zip(*(values[name] for name in names), strict=True))


def in_json(text: str) -> str:
    """Escape a text that stands between quotes."""
    return json.dumps(text)[1:-1]


def fragment(**columns: str | int) -> str:
    """Write columns as the beginning of a JSON object, without its brace."""
    return json.dumps(columns, separators=(",", ":"))[1:-1] + ","


def event(event_class: str, activity: str, action: str, simplified: str, severity: str) -> str:
    """Write the columns that say what happened as a fragment."""
    return fragment(
        DeviceEventClassID=event_class,
        Activity=activity,
        DeviceAction=action,
        SimplifiedDeviceAction=simplified,
        LogSeverity=severity,
    )


class Template:
    """A line of JSON with places for `%(name)` values.

    Parameters
    ----------
    fragments
        Names of values that hold whole columns, as `fragment` makes them.
    columns
        Texts by column. A text that is only `%(name)d` becomes a number.
    """

    def __init__(self, fragments: str, columns: dict[str, str]) -> None:
        # All fixed text is escaped here, once: escaping it per line would take most of the time.
        text = json.dumps(
            {
                "TenantId": "5f0c6c8a-0b0e-4b3a-9f0e-3b7e6c1d2a10",
                "SourceSystem": "OpsManager",
                "TimeGenerated": "%(second)s.%(fraction)07dZ",
                **columns,
                "FlexString1": "",
                "FlexString2": "",
                "Type": "CommonSecurityLog",
                "_ResourceId": "",
                "_ItemId": "%(id_1)08x-%(id_2)04x-4%(id_3)03x-a%(id_4)03x-%(id_5)012x",
            },
            separators=(",", ":"),
        )
        text = re.sub(r'"%\((\w+)\)d"', r"%(\1)d", text)
        text = "{" + "".join(f"%({name})s" for name in fragments.split()) + text[1:]
        self._names = re.findall(r"%\((\w+)\)", text)
        self._positional = re.sub(r"%\(\w+\)", "%", text)  # far faster than with names

    def lines(self, values: Values) -> Iterator[str]:
        """Write a line for each row of the values."""
        return map(
            self._positional.__mod__, zip(*(values[name] for name in self._names), strict=True)
        )


# Makers that say all in a text.
MESSAGE = Template("gateway event", {"Message": "%(message)s"})
SIZES = {"ReceivedBytes": "%(received)d", "SentBytes": "%(sent)d"}
