"""The browser phone's media through coturn, with the credentials that the page is given and no others."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from browser_phone_kit import WATCH, PhonePage, browser_server, media_chromium, page_url
from peers import LIMIT, require

from asterism.interfaces.phone.settings import IceServer
from asterism.testing import free_port, until

pytestmark = pytest.mark.e2e

RELAYED = WATCH.replace("super(...all)", "super({ ...all[0], iceTransportPolicy: 'relay' })")
"""Only what a TURN server relays."""
PAIR = """
(async () => {
  const stats = await window.connections.at(-1).getStats();
  const pair = [...stats.values()].find((one) => one.type === 'candidate-pair' && one.nominated);
  return pair && stats.get(pair.localCandidateId).candidateType;
})()
"""


@asynccontextmanager
async def coturn(folder: Path, secret: str) -> AsyncIterator[tuple[int, Path]]:
    """A TURN server that shares ``secret``; its port and its log."""
    port, log = free_port(), folder / "coturn.log"
    with log.open("w") as output:
        process = await asyncio.create_subprocess_exec(
            require("turnserver"), "-n", "--no-cli", "--no-tls", "--no-dtls", "--listening-ip", "127.0.0.1",
            "--relay-ip", "127.0.0.1", "--listening-port", str(port), "--allow-loopback-peers", "--use-auth-secret",
            "--static-auth-secret", secret, "--realm", "example.com", "--pidfile", str(folder / "pid"),
            "--log-file", "stdout", "--userdb", str(folder / "db"), "--simple-log", "--verbose",
            stdout=output, stderr=asyncio.subprocess.STDOUT, cwd=folder,
        )  # fmt: skip
    try:
        await until(lambda: "UDP listener opened" in log.read_text(), LIMIT, "coturn listens")
        yield port, log
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def test_a_call_through_coturn(tmp_path: Path) -> None:
    async with coturn(tmp_path, "north star") as (port, log):
        conf = f"[general]\nenabled=yes\nice_server=turn:127.0.0.1:{port}, north star\n"
        async with browser_server(tmp_path, browser_phone=conf) as server, media_chromium(tmp_path) as browser:
            tab = await browser.open("about:blank", "true")
            await tab.call("Page.enable", {})
            await tab.call("Page.addScriptToEvaluateOnNewDocument", {"source": RELAYED})
            await tab.call("Page.navigate", {"url": page_url(server)})
            phone = PhonePage(tab)
            await phone.until("document.documentElement.dataset.ready")
            await phone.sign_in("104", "secret")
            # What the page knew when it was opened may have expired: each call asks again.
            await phone.run(
                "window.asked = 0; const real = window.fetch;"
                "window.fetch = (...all) => { asked += 1; return real(...all); }"
            )
            await phone.dial("602")
            await phone.state(1, "talking")
            await phone.hears(1, 440)
            assert await phone.run(PAIR) == "relay"
            (told,) = json.loads(str(await phone.run("JSON.stringify(connections[0].getConfiguration().iceServers)")))
            assert told["username"].isdigit()
            assert "north star" not in str(told)
            assert await phone.run("asked") == 1
            await phone.key("Escape")
            await phone.state(1, "over")
            assert log.read_text().count("incoming packet ALLOCATE processed, success") > 0
            # What was told to somebody once is of no use for ever, although the proof is right.
            known = log.read_text().count("ALLOCATE processed, success")
            old = {"iceServers": [IceServer(f"turn:127.0.0.1:{port}", "north star").told(0)]}
            await phone.run(f"window.fetch = async () => ({{ ok: true, json: async () => ({json.dumps(old)}) }})")
            await phone.dial("602")
            await until(lambda: "<43200>" in log.read_text(), LIMIT, "coturn is asked with what has expired")
            await phone.key("Escape")
            await phone.state(1, "over")
            assert log.read_text().count("ALLOCATE processed, success") == known


def test_coturn_has_the_options_that_the_guide_names() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "browser-phone.md").read_text()
    (paragraph,) = re.findall(r"^The secret of a TURN server.*?\n\n", guide, re.MULTILINE | re.DOTALL)
    known = subprocess.run([require("turnserver"), "-h"], capture_output=True, text=True, check=False).stdout
    named = set(re.findall(r"`([a-z-]+-[a-z-]+)[`=]", paragraph))
    assert named == {"use-auth-secret", "static-auth-secret", "denied-peer-ip", "user-quota", "max-bps"}
    assert {name for name in named if f"--{name}" not in known} == set()
