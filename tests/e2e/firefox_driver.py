"""Debian's Firefox without a screen, driven over WebDriver BiDi, which it speaks by itself (no geckodriver)."""

from __future__ import annotations

import asyncio
import json
import os
import re
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import aiohttp
from browser_driver import end_process
from peers import LIMIT, require

TONE = 1000
"""Hertz of the microphone that Firefox makes up."""
_PREFERENCES: Mapping[str, object] = {
    # Microphone and camera are made up, and pages get them.
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    # The server is on this machine.
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    # It asks nobody for news.
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage": "about:blank",
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "media.gmp-manager.url": "http://127.0.0.1:9/",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
}


class FirefoxPage:
    """One tab."""

    def __init__(self, browser: Firefox, context: str) -> None:
        self._browser = browser
        self._context = context

    async def run(self, script: str, timeout: float = LIMIT) -> object:
        """Evaluate an expression whose value is JSON; a promise is waited for.

        Raises:
            AssertionError: it threw.
        """
        parameters = {
            # BiDi has a form of its own for each kind of value; JSON is simpler to read.
            "functionDeclaration": f"async () => JSON.stringify(await ({script}) ?? null)",
            "target": {"context": self._context},
            "awaitPromise": True,
        }
        answer = await self._browser.call("script.callFunction", parameters, timeout)
        assert answer["type"] == "success", f"{script}: {answer['exceptionDetails']['text']}"
        return json.loads(answer["result"]["value"])

    async def actions(self, *sources: Mapping[str, object]) -> None:
        """Keys and clicks (WebDriver's actions)."""
        await self._browser.call("input.performActions", {"context": self._context, "actions": sources})


class Firefox:
    """A running Firefox."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[dict]] = {}
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            data = json.loads(message.data)
            future = self._waiting.pop(data.get("id") or 0, None)
            if future is not None and not future.done():
                future.set_result(data)

    async def call(self, method: str, parameters: Mapping[str, object], timeout: float = LIMIT) -> dict:
        """Run one command."""
        number = next(self._ids)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        answer = await asyncio.wait_for(future, timeout)
        assert answer["type"] == "success", f"{method}: {answer}"
        return answer["result"]

    async def open(self, url: str) -> FirefoxPage:
        """Open a tab and wait until it is loaded."""
        context = (await self.call("browsingContext.create", {"type": "tab"}))["context"]
        await self.call("browsingContext.navigate", {"context": context, "url": url, "wait": "complete"})
        return FirefoxPage(self, context)


@asynccontextmanager
async def firefox() -> AsyncIterator[Firefox]:
    """A Firefox with a profile of its own; talks to nobody but the test's servers."""
    with tempfile.TemporaryDirectory(prefix="asterism-firefox-", ignore_cleanup_errors=True) as profile:
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in _PREFERENCES.items()]
        await asyncio.to_thread(Path(profile, "user.js").write_text, "".join(lines))
        process = await asyncio.create_subprocess_exec(
            require("firefox-esr"), "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0",
            "about:blank",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "HOME": profile, "MOZ_HEADLESS": "1", "MOZ_CRASHREPORTER_DISABLE": "1"},
        )  # fmt: skip
        stderr = process.stderr
        assert stderr is not None
        drain = None
        try:
            url = ""
            async with asyncio.timeout(60):
                while not url:
                    line = (await stderr.readline()).decode(errors="replace")
                    assert line, "Firefox ended"
                    found = re.search(r"BiDi listening on (ws://\S+)", line)
                    url = found[1] if found else ""
            drain = asyncio.create_task(stderr.read())
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(f"{url}/session", max_msg_size=0) as socket,
            ):
                browser = Firefox(socket)
                try:
                    await browser.call("session.new", {"capabilities": {}}, 60)
                    yield browser
                finally:
                    browser.reader.cancel()
        finally:
            await end_process(process, 10)
            if drain is not None:
                drain.cancel()
