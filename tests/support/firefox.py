"""A headless Firefox, spoken to by WebDriver BiDi; as much of it as one test needs."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import time

FIREFOX = os.environ.get("FIREFOX") or next(
    filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None
)
KEYS = {"Enter": "\ue007", "Escape": "\ue00c"}


class Page:
    """The one page of Firefox; `errors` collects errors and warnings."""

    def __init__(self, socket, loop):
        self.socket, self.loop, self.number, self.errors = socket, loop, 0, []
        self.call("session.new", capabilities={})
        tree = self.call("browsingContext.getTree")
        self.context = tree["contexts"][0]["context"]
        self.call("session.subscribe", events=["log.entryAdded"])

    def call(self, method, **parameters):
        return self.loop.run_until_complete(asyncio.wait_for(self._call(method, parameters), 60))

    async def _call(self, method, parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        await self.socket.send_json(message)
        while True:
            answer = await self.socket.receive_json()
            if answer.get("method") == "log.entryAdded":
                if answer["params"]["level"] in ("error", "warn"):
                    self.errors.append(answer["params"]["text"])
            elif answer.get("id") == self.number:
                assert answer["type"] == "success", answer
                return answer["result"]

    def shape(self, width, height):
        size = {"width": width, "height": height}
        self.call("browsingContext.setViewport", context=self.context, viewport=size)

    def open(self, path, fragment=""):
        for url in ("about:blank", path.as_uri() + fragment):
            self.call("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def evaluate(self, expression):
        """Evaluate an expression whose value JSON can hold."""
        answer = self.call(
            "script.evaluate",
            expression=f"JSON.stringify({expression})",
            target={"context": self.context},
            awaitPromise=False,
        )
        assert answer["type"] == "success", answer
        value = answer["result"].get("value")
        return None if value is None else json.loads(value)

    def press(self, *keys):
        strokes = [
            {"type": kind, "value": KEYS.get(key, key)}
            for key in keys
            for kind in ("keyDown", "keyUp")
        ]
        actions = [{"type": "key", "id": "keys", "actions": strokes}]
        self.call("input.performActions", context=self.context, actions=actions)

    def type(self, text):
        self.press(*text)


@contextlib.contextmanager
def firefox(profile):
    """Start a headless Firefox and give its page."""
    import aiohttp

    log = profile / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [FIREFOX, "--headless", "--profile", profile, "--remote-debugging-port", "0"],
            stdout=output,
            stderr=output,
            env=os.environ | {"HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1"},
        )
    loop = asyncio.new_event_loop()
    try:
        for _ in range(600):
            if found := re.search(r"BiDi listening on (ws://\S+)", log.read_text()):
                break
            assert process.poll() is None, "Firefox did not start"
            time.sleep(0.1)

        async def connect():
            session = aiohttp.ClientSession()
            return session, await session.ws_connect(f"{found[1]}/session", max_msg_size=0)

        session, socket = loop.run_until_complete(connect())
        yield Page(socket, loop)
        loop.run_until_complete(socket.close())
        loop.run_until_complete(session.close())
    finally:
        process.terminate()
        process.wait(20)
        loop.close()
