"""A headless Chromium, spoken to over its debugging protocol: one process, a page for each test."""

import asyncio
import base64
import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
KEYS = {
    "Enter": 13,
    "Escape": 27,
    "ArrowDown": 40,
    "ArrowRight": 39,
    "Tab": 9,
    " ": 32,
    "PageDown": 34,
}


class Target:
    """What the protocol calls a target, a page or the browser itself; `session` names it."""

    def __init__(self, socket, loop, session=None):
        self.socket, self.loop, self.session = socket, loop, session
        self.number, self.errors = 0, []

    def call(self, method, **parameters):
        return self.loop.run_until_complete(asyncio.wait_for(self._call(method, parameters), 60))

    async def _call(self, method, parameters):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": parameters}
        await self.socket.send_json(message | ({"sessionId": self.session} if self.session else {}))
        while True:
            answer = await self.socket.receive_json()
            if answer.get("sessionId") != self.session:
                continue
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
            if not url.startswith(("file://", "data:", "blob:")):
                self.errors.append(f"asked for {url}")
        elif kind == "Page.javascriptDialogOpening":
            self.errors.append(f"dialog {details['message']}")


class Page(Target):
    """A page of Chromium; `errors` collects errors, warnings and requests to the outside."""

    def __init__(self, socket, loop, session):
        super().__init__(socket, loop, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.shape(1280, 800)

    def open(self, path, fragment=""):
        """Load a file anew, as if its address had been typed."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=path.as_uri() + fragment)
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def wait(self, expression):
        """Wait until an expression is true."""
        for _ in range(4000):
            if self.evaluate(expression):
                return
            time.sleep(0.005)
        raise AssertionError(f"never true: {expression}")

    def evaluate(self, expression):
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, *keys):
        """Press keys, as a hand would."""
        for key in keys:
            code = KEYS.get(key) or ord(key.upper())
            text = {"Enter": "\r"}.get(key, key) if len(key) == 1 or key == "Enter" else ""
            event = {"key": key, "windowsVirtualKeyCode": code, "text": text}
            self.call("Input.dispatchKeyEvent", type="keyDown", **event)
            self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def shape(self, width, height, scheme="light", media=""):
        """Set the size of the window, the colours, and screen or print."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def screenshot(self, file, **how):
        """Write what the window shows as PNG, with options of Page.captureScreenshot."""
        answer = self.call("Page.captureScreenshot", format="png", **how)
        Path(file).write_bytes(base64.b64decode(answer["data"]))


NewPage = Callable[[], contextlib.AbstractContextManager[Page]]


@contextlib.contextmanager
def chromium(profile):
    """Start a headless Chromium; give a context manager that gives a page without any history."""
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
            if port_file.is_file() and port_file.read_text().count("\n"):
                break
            assert process.poll() is None, "Chromium did not start"
            time.sleep(0.1)
        port, path = port_file.read_text().split("\n")[:2]

        async def connect():
            session = aiohttp.ClientSession()
            return session, await session.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0)

        session, socket = loop.run_until_complete(connect())

        @contextlib.contextmanager
        def new_page():
            browser = Target(socket, loop)
            context = browser.call("Target.createBrowserContext")["browserContextId"]
            target = {"url": "about:blank", "browserContextId": context}
            target_id = browser.call("Target.createTarget", **target)["targetId"]
            attached = browser.call("Target.attachToTarget", targetId=target_id, flatten=True)
            try:
                yield Page(socket, loop, attached["sessionId"])
            finally:
                browser.call("Target.disposeBrowserContext", browserContextId=context)

        yield new_page
        loop.run_until_complete(socket.close())
        loop.run_until_complete(session.close())
    finally:
        process.terminate()
        process.wait(20)
        loop.close()
