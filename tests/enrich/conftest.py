"""Exports that meet the contract, GeoIP databases, and a headless Chromium."""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from enrich.findings import FOLDER, contract

PROJECT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

SAMPLES = {
    "string": "text",
    "boolean": False,
    "int": 7,
    "bigint": 2**40,
    "double": 0.5,
    "date": "2026-09-30",
    "timestamp": "2026-09-30T12:00:04.974Z",
    "array<string>": ["text"],
    "array<bigint>": [60] * 24,
    "array<struct<time_delta: bigint, events: bigint>>": [
        {"time_delta": 59, "events": 20},
        {"time_delta": 60, "events": 1400},
    ],
}


def a_finding(number: int = 1, **changes: object) -> dict:
    """One row that meets the contract, made from the contract; each number is another beacon."""
    row = {name: SAMPLES[data_type] for name, data_type in contract().items()}
    row |= {
        "beacon_id": f"{number:032x}",
        "status": "new",
        "severity": "high",
        "suppressed_by": [],
        "reasons": ["beats every 60.0 s for 24.0 h", "one internal source reaches it"],
        "shared_destination_campaign_id": None,
        "rotating_destination_campaign_id": None,
        "source_ip": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        "destination_ip": "203.0.113.7",
        "destination_port": 443,
        "protocol": "tcp",
        "event_count": 1440,
        "denied_event_count": 0,
        "first_seen": "2026-09-30T00:00:04.974Z",
        "last_seen": "2026-09-30T23:59:04.974Z",
        "percent_beacon": 99.25,
        "time_delta": 60,
        "beacon_score": 0.954,
        "rarity_score": 1.0,
        "period_seconds": 60.0,
        "estimated_sleep_seconds": 60.5,
        "estimated_jitter_percent": 2.0,
        "score_window_days": 1,
        "run_id": "run-1",
        "device_vendor": "Fortinet",
    }
    assert not changes.keys() - row.keys(), "no such column in the contract"
    return row | changes


def made_findings(count: int, run_id: str = "run-1", **changes: object) -> list[dict]:
    """Findings of one run, with whatever columns `changes` has besides those of the contract."""
    histogram = [{"time_delta": n, "events": 611} for n in range(30, 50)]
    return [
        a_finding(n, run_id=run_id, beacon_id=f"beacon-{run_id}-{n}", interval_histogram=histogram)
        | changes
        for n in range(count)
    ]


def write_export(root: Path, *findings: dict, file: str = "part-00000.json") -> Path:
    """Write findings as a run's export does, and return the export root."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(finding) + "\n" for finding in findings)
    (folder / file).write_text(lines, encoding="utf-8")
    (folder / "_SUCCESS").touch()
    return root


class Page:
    """One page of Chromium, spoken to over its debugging protocol."""

    def __init__(self, socket, loop):
        self.socket, self.loop, self.number, self.errors = socket, loop, 0, []

    def call(self, method, **parameters):
        return self.loop.run_until_complete(asyncio.wait_for(self._call(method, parameters), 60))

    async def _call(self, method, parameters):
        self.number += 1
        number = self.number
        await self.socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            answer = await self.socket.receive_json()
            self._note(answer)
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def _note(self, event):
        kind, details = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown":
            self.errors.append(str(details["exceptionDetails"]))
        elif kind == "Log.entryAdded" and details["entry"]["level"] in ("error", "warning"):
            self.errors.append(str(details["entry"]))
        elif kind == "Runtime.consoleAPICalled" and details["type"] in ("error", "warning"):
            self.errors.append(str(details["args"]))
        elif kind == "Network.requestWillBeSent":
            url = details["request"]["url"]
            if not url.startswith(("file://", "data:")):
                self.errors.append(f"asked for {url}")
        elif kind == "Page.javascriptDialogOpening":
            self.errors.append(f"dialog {details['message']}")

    def open(self, path):
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=path.as_uri())
        for _ in range(400):
            if self.evaluate(
                "document.readyState === 'complete' && location.href !== 'about:blank'"
            ):
                return
            time.sleep(0.05)
        raise AssertionError("the page did not load")

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, file, width=1400, height=1000):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        answer = self.call("Page.captureScreenshot", format="png")
        Path(file).write_bytes(base64.b64decode(answer["data"]))


@contextlib.contextmanager
def chromium(profile):
    """Start a headless Chromium without a way out, and give its page."""
    import aiohttp

    process = subprocess.Popen(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    loop = asyncio.new_event_loop()
    try:
        port_file = Path(profile) / "DevToolsActivePort"
        for _ in range(600):
            if port_file.is_file() and "\n" in port_file.read_text():
                break
            assert process.poll() is None, "Chromium did not start"
            time.sleep(0.1)
        port = port_file.read_text().split("\n")[0]

        async def connect():
            session = aiohttp.ClientSession()
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                targets = await answer.json()
            address = next(t for t in targets if t["type"] == "page")["webSocketDebuggerUrl"]
            return session, await session.ws_connect(address, max_msg_size=0)

        session, socket = loop.run_until_complete(connect())
        yield Page(socket, loop)
        loop.run_until_complete(socket.close())
        loop.run_until_complete(session.close())
    finally:
        process.terminate()
        process.wait(20)
        loop.close()


@pytest.fixture
def page(tmp_path):
    if CHROMIUM is None:
        pytest.skip("no Chromium here (apt-get install chromium, or CHROMIUM=/path)")
    with chromium(tmp_path / "profile") as opened:
        yield opened


PLACE = {
    "country": {"iso_code": "FI", "names": {"en": "Finland"}},
    "city": {"names": {"en": "Helsinki"}},
    "location": {"latitude": 60.17, "longitude": 24.94},
}
OWNER = {"autonomous_system_number": 64496, "autonomous_system_organization": "Example Hosting"}


def write_database(file: Path, kind: str, networks: list[str], built_days_ago: float = 0) -> Path:
    """Write a small GeoIP database of these networks."""
    from mmdb_writer import MMDBWriter
    from netaddr import IPSet

    writer = MMDBWriter(6, f"GeoLite2-{kind}", languages=["en"], ipv4_compatible=True)
    writer.insert_network(IPSet(networks), PLACE if kind == "City" else OWNER)
    writer.to_db_file(str(file))
    if built_days_ago:
        # The build time is the last of the metadata's 64-bit numbers: 0x08 0x02 and eight bytes.
        content = file.read_bytes()
        place = content.rindex(b"build_epoch") + len("build_epoch")
        header = content[place : place + 2]
        length = header[0] & 0x1F
        old = int(time.time() - built_days_ago * 86400).to_bytes(length, "big")
        file.write_bytes(content[: place + 2] + old + content[place + 2 + length :])
    return file
