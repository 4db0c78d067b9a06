"""Chromium without a screen, driven over its DevTools protocol, and the phones that run in it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import aiohttp
from peers import LIMIT, require

from asterism.testing import until

if TYPE_CHECKING:
    from network import Host

CACHE = Path(__file__).parents[2] / ".cache" / "browser"
SOURCES = Path(__file__).parent / "browser"

T = TypeVar("T")


async def until_told(ask: Callable[[], Awaitable[T]], wanted: Callable[[T], object] = bool, what: str = "") -> T:
    """Ask a page until its answer is a wanted one, which is returned.

    Raises:
        AssertionError: it never was; the last answer and ``what`` was missed are in the text.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + LIMIT
    told: object = None
    while loop.time() < end:
        try:
            answer = told = await ask()
            if wanted(answer):
                return answer
        except AssertionError as error:  # between two documents there is nobody to ask
            told = error
        await asyncio.sleep(0.05)
    raise AssertionError(f"{what or 'the answer'} never came, but {told}")


def bundle(name: str, folder: Path) -> None:
    """Write ``name.js`` and a page that loads it into ``folder``."""
    program = CACHE / "node_modules" / ".bin" / "esbuild"
    assert program.exists(), "the browser phones are not installed: run tests/install-peers"
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [program, SOURCES / f"{name}.js", "--bundle", f"--outfile={folder / name}.js", "--log-level=error"],
        check=True,
        env={**os.environ, "NODE_PATH": str(CACHE / "node_modules")},
    )
    (folder / f"{name}.html").write_text(f'<!doctype html><title>{name}</title><script src="{name}.js"></script>\n')


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    async def call(self, method: str, parameters: Mapping[str, object]) -> dict:
        """Run one DevTools command in this tab."""
        return await self._browser.call(method, parameters, self._session)

    def on_event(self, listener: Callable[[str, dict], None]) -> None:
        """Be told each event of the domains that are enabled: its name and what it says."""
        self._browser.listeners[self._session] = listener

    async def run(self, script: str, timeout: float = LIMIT) -> object:
        """Evaluate an expression; a promise is waited for.

        Raises:
            AssertionError: it threw.
        """
        parameters = {"expression": script, "awaitPromise": True, "returnByValue": True}
        answer = await self._browser.call("Runtime.evaluate", parameters, self._session, timeout)
        problem = answer.get("exceptionDetails")
        assert problem is None, f"{script}: {problem.get('exception', {}).get('description', problem)}"
        return answer["result"].get("value")


class Browser:
    """A running Chromium."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, object]]] = {}
        self.listeners: dict[str, Callable[[str, dict], None]] = {}
        """Who is told what happens in a tab, by its session."""
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            data = json.loads(message.data)
            if "method" in data and (listener := self.listeners.get(data.get("sessionId", ""))) is not None:
                listener(data["method"], data.get("params", {}))
            future = self._waiting.pop(data.get("id", 0), None)
            if future is not None and not future.done():
                future.set_result(data)

    async def call(
        self, method: str, parameters: Mapping[str, object], session: str = "", timeout: float = LIMIT
    ) -> dict:
        """Run one DevTools command."""
        number = next(self._ids)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json(
            {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        )
        answer = await asyncio.wait_for(future, timeout)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    async def open(self, url: str, ready: str) -> Page:
        """Open a tab and wait until the expression ``ready`` is true in it."""
        target = await self.call("Target.createTarget", {"url": url})
        session = await self.call("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
        page = Page(self, session["sessionId"])
        await until_told(lambda: page.run(f"Boolean({ready})"), what=f"{url} ready")
        return page


async def end_process(process: asyncio.subprocess.Process, seconds: float) -> None:
    """End a browser, the hard way when it takes longer than so many seconds."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), seconds)
        except TimeoutError:
            process.kill()
            await process.wait()


@asynccontextmanager
async def chromium(*flags: str, host: Host | None = None):
    """A Chromium with a profile of its own and further ``flags``; talks to nobody but the test's servers.

    Args:
        flags: of its command line; the last of a kind counts.
        host: of a test's network, where it runs instead of here.
    """
    with tempfile.TemporaryDirectory(prefix="asterism-browser-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            *(() if host is None else ("ip", "netns", "exec", host.namespace)),
            require("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--disable-default-apps", "--disable-extensions", "--ignore-certificate-errors",
            "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={profile}", *flags,
            "--remote-debugging-port=0", "about:blank",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "HOME": profile},
        )  # fmt: skip
        try:
            port_file = Path(profile) / "DevToolsActivePort"

            def started() -> bool:
                assert process.returncode is None, f"Chromium ended with {process.returncode}"
                return port_file.exists() and port_file.read_text().count("\n") > 0

            await until(started, 30, "Chromium does not start")
            port, path = port_file.read_text().split()
            async with (
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=partial(_socket, host))) as session,
                session.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as wire,
            ):
                browser = Browser(wire)
                try:
                    yield browser
                finally:
                    browser.reader.cancel()
        finally:
            await end_process(process, 5)


def _socket(host: Host | None, where: tuple) -> socket.socket:
    with nullcontext() if host is None else host.inside():
        return socket.socket(*where[:3])
