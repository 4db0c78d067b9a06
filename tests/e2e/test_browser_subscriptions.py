"""JsSIP and SIP.js in Chromium, subscribing over wss: lamps, calls and messages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from browser_driver import Page, bundle, chromium, until_told
from peers import LIMIT
from transport_peers import accounts, http_conf, make_certificates

from asterism.applications.pubsub.registry import pubsub
from asterism.interfaces.console.runner import CommandRunner
from asterism.pbx.states.mailboxes import MessageCounts
from asterism.testing import running_server, until

pytestmark = pytest.mark.e2e

HINTS = "[default]\nexten => 200,hint,Custom:lamp\n"


async def told(page: Page, text: str, *, last: bool = False) -> None:
    """Wait for a NOTIFY with this in its body; SIP.js shows no last one, but says that it is over."""

    def came(notifies: object) -> bool:
        assert isinstance(notifies, list)
        return any((text in (body or "") and over is last) or (over == "over" and last) for over, body in notifies)

    await until_told(lambda: page.run("phone.notifies"), came, f"a NOTIFY with {text!r}")


@pytest.mark.parametrize("name", ["jssip", "sipjs"])
async def test_a_browser_subscribes(tmp_path: Path, name: str) -> None:
    certificates = await asyncio.to_thread(make_certificates, tmp_path)
    etc = tmp_path / "etc"
    await asyncio.to_thread(bundle, name, etc / "var" / "static-http")
    config = {
        "pjsip.conf": accounts("101", "102", aor="minimum_expiration=1\nmailboxes=6001@default\n"),
        "http.conf": http_conf(certificates) + "enable_static=yes\n",
        "extensions.conf": HINTS,
    }
    async with running_server(config, etc) as server:
        async with chromium() as browser:
            http = server.modules.find("http").instance
            host, port = http.address  # type: ignore[attr-defined]
            page = await browser.open(f"http://{host}:{port}/static/{name}.html", "window.phone")
            host, port = http.tls_address  # type: ignore[attr-defined]
            assert await page.run(f"phone.start('wss://{host}:{port}/ws', '{host}', '101', 'secret')") == "registered"

            async def lamp(state: str) -> None:
                assert await CommandRunner(server).run(f"devstate change Custom:lamp {state}", lambda _text: None) == 0

            for event, kind, changes in (
                ("presence", "application/pidf+xml", {"INUSE": "On the phone", "UNAVAILABLE": "closed"}),
                ("dialog", "application/dialog-info+xml", {"INUSE": "confirmed", "RINGING": "early"}),
            ):
                assert await page.run(f"phone.watch('sip:200@{host}', '{event}', '{kind}')") == "accepted"
                for state, text in changes.items():
                    await lamp(state)
                    await told(page, text)
                (found,) = pubsub(server)
                assert found.flow.transport == "WSS"
                await page.run("phone.unwatch()")
                await told(page, text, last=True)
                await until(lambda: not len(pubsub(server)), LIMIT)
                await page.run("void (phone.notifies.length = 0)")
            kind = "application/simple-message-summary"
            assert await page.run(f"phone.watch('sip:101@{host}', 'message-summary', '{kind}')") == "accepted"
            server.pbx.mailboxes.set("6001@default", MessageCounts(2, 1))
            await told(page, "Voice-Message: 2/1")
        # The browser goes, and with its connection the subscription.
        await until(lambda: not len(pubsub(server)), LIMIT, "the subscription outlives its connection")
