"""A headless Chromium, spoken to over its debugging protocol."""

import asyncio
import base64
import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


class Page:
    """One page of Chromium; `errors` collects errors, warnings and requests to the outside."""

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
    """Start a headless Chromium and give its page."""
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
