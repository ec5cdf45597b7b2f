"""Turn rows into lines of JSON: what all formats share, and which maker writes which row."""

from __future__ import annotations

import datetime as dt

import numpy as np

from samples.rows import PROTOCOL_NAMES, SERVICE, SERVICES, SLOT_SECONDS, TICKS, Service
from samples.vendors import GATEWAYS
from samples.vendors.maker import Gateway, Values, fragment
from samples.world import POPULAR, World

FORMATS = tuple(dict.fromkeys(gateway.format for gateway in GATEWAYS))
GATEWAY_FORMAT = np.array([FORMATS.index(gateway.format) for gateway in GATEWAYS], np.uint8)
COUNTRIES = ("United States", "Germany", "Netherlands", "Ireland", "Japan", "Brazil", "India")
TWO_DIGITS = [f"{second:02d}" for second in range(60)]


class Renderer:
    """Turn rows into lines of JSON.

    Parameters
    ----------
    world
        The network.
    seed
        The same seed gives the same ids.
    """

    def __init__(self, world: World, seed: int) -> None:
        clients = len(world.clients)
        self._world = world
        self._seed = seed
        self._gateways = [_gateway_text(number, gateway) for number, gateway in enumerate(GATEWAYS)]
        self._sources = [
            _source_text(number, address, number < clients)
            for number, address in enumerate(world.addresses)
        ]
        self._destinations = [fragment(DestinationIP=address) for address in world.addresses]
        self._services = [_service_text(g, service) for g in GATEWAYS for service in SERVICES]
        self._names = [f"site{number}.example" for number in range(len(world.addresses))]
        for number, popular in zip(world.groups["popular"].tolist(), POPULAR, strict=True):
            self._names[number] = popular.name

    def lines(
        self, rows: np.ndarray, day: dt.date, day_number: int, slot: int, ordinal: int
    ) -> list[str]:
        """Render the rows of one folder, in their order.

        Parameters
        ----------
        rows
            Rows of one five-minute slot, sorted by time.
        day, day_number, slot
            The day, its number in the generated range, and the slot of the day.
        ordinal
            How many rows were rendered before; it makes each `_ItemId` unique.

        Returns
        -------
        list of str
            One JSON object per row, without a line end.
        """
        rng = np.random.default_rng([self._seed, 2, day_number, slot])
        hour, minute = slot // 12, slot % 12 * 5
        minutes = [f"{day}T{hour:02d}:{minute + n:02d}:" for n in range(SLOT_SECONDS // 60)]
        seconds = [begin + second for begin in minutes for second in TWO_DIGITS]
        midnight = dt.datetime.combine(day, dt.time(), dt.timezone.utc)
        gateway = self._world.gateway_of(rows)
        formats = GATEWAY_FORMAT[gateway]
        rendered = [""] * len(rows)
        for number, of_format in enumerate(FORMATS):
            where = np.flatnonzero(formats == number)
            if not len(where):
                continue
            mine = rows[where]
            values = self._values(rng, mine, gateway[where], ordinal + where)
            second, fraction = np.divmod(mine["tick"] - slot * SLOT_SECONDS * TICKS, TICKS)
            epoch = int(midnight.timestamp()) * TICKS + mine["tick"]
            values["second"] = [seconds[number] for number in second.tolist()]
            values["fraction"] = fraction.tolist()
            values["epoch_ns"] = (epoch * 100).tolist()
            values["epoch_ms"] = (epoch // 10_000).tolist()
            values["start_ms"] = (epoch // 10_000 - mine["duration"] * np.int64(1000)).tolist()
            for place, line in zip(where.tolist(), of_format.lines(rng, mine, values), strict=True):
                rendered[place] = line
        return rendered

    def _values(
        self, rng: np.random.Generator, rows: np.ndarray, gateway: np.ndarray, ordinal: np.ndarray
    ) -> Values:
        """Return the values that every format has."""
        count, service = len(rows), rows["service"].tolist()
        service_text = (gateway.astype(np.int64) * len(SERVICES) + rows["service"]).tolist()
        ports, ping = rows["source_port"].tolist(), SERVICE["ping"]
        # An odd factor modulo a power of two: no two ordinals give the same id.
        unique = (ordinal.astype(np.uint64) * np.uint64(0x5DEECE66D)) & np.uint64(2**48 - 1)
        return {
            "gateway": [self._gateways[n] for n in gateway.tolist()],
            "source": [self._sources[n] for n in rows["source"].tolist()],
            "source_port": [
                "" if n == ping else f'"SourcePort":{port},'
                for n, port in zip(service, ports, strict=True)
            ],
            "destination": [self._destinations[n] for n in rows["destination"].tolist()],
            "service": [self._services[n] for n in service_text],
            "service_name": [SERVICES[n].name for n in service],
            "name": [self._names[n] for n in rows["destination"].tolist()],
            "source_ip": [self._world.addresses[n] for n in rows["source"].tolist()],
            "destination_ip": [self._world.addresses[n] for n in rows["destination"].tolist()],
            "from_port": [
                None if n == ping else port for n, port in zip(service, ports, strict=True)
            ],
            "to_port": [SERVICES[n].port for n in service],
            "protocol": [PROTOCOL_NAMES[SERVICES[n].protocol] for n in service],
            "protocol_number": [SERVICES[n].protocol for n in service],
            "country": [COUNTRIES[n % len(COUNTRIES)] for n in rows["destination"].tolist()],
            "sent": rows["sent"].tolist(),
            "received": rows["received"].tolist(),
            "sent_packets": (rows["sent"] // 700 + 1).tolist(),
            "received_packets": (rows["received"] // 900 + 1).tolist(),
            "session": rows["session"].tolist(),
            "duration": rows["duration"].tolist(),
            "small": rng.integers(1, 100, count).tolist(),
            "id_1": rng.integers(0, 2**32, count).tolist(),
            "id_2": rng.integers(0, 2**16, count).tolist(),
            "id_3": rng.integers(0, 2**12, count).tolist(),
            "id_4": rng.integers(0, 2**12, count).tolist(),
            "id_5": unique.tolist(),
        }


def _gateway_text(number: int, gateway: Gateway) -> str:
    return fragment(
        DeviceVendor=gateway.vendor,
        DeviceProduct=gateway.format.product,
        DeviceVersion=gateway.format.version,
        DeviceName=gateway.name,
        DeviceExternalID=f"{gateway.name[:2]}100E4Q1600000{number}",
        Computer=f"cef-collector-0{number % 2 + 1}",
    )


def _service_text(gateway: Gateway, service: Service) -> str:
    port = {"DestinationPort": service.port} if service.port else {}
    app = gateway.format.app(service)
    return fragment(**port, Protocol=gateway.protocol(service), ApplicationProtocol=app)


def _source_text(number: int, address: str, is_client: bool) -> str:
    if not is_client:
        return fragment(SourceIP=address)
    return fragment(
        SourceIP=address,
        SourceHostName=f"WS-{number:05d}",
        SourceUserName=f"user{number:05d}@corp.example",
        SourceMACAddress=f"00:00:5e:00:{number // 256:02x}:{number % 256:02x}",
    )
