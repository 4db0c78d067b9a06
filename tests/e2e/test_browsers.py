"""JsSIP and SIP.js in Chromium: registered over ws and wss, and staying so, with requests both ways."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from browser_driver import bundle, chromium, until_told
from peers import LIMIT
from transport_peers import accounts, http_conf, make_certificates

from asterism.sip.objects.endpoint import Endpoint
from asterism.testing import running_server, until

pytestmark = pytest.mark.e2e

PHONES = ("jssip", "sipjs")
AOR = "minimum_expiration=1\nqualify_frequency=1\n"


async def test_browser_phones_register_stay_registered_and_talk(tmp_path: Path) -> None:
    certificates = await asyncio.to_thread(make_certificates, tmp_path)
    etc = tmp_path / "etc"
    await asyncio.gather(*(asyncio.to_thread(bundle, name, etc / "var" / "static-http") for name in PHONES))
    config = {
        "pjsip.conf": accounts("101", "102", "103", "104", aor=AOR),
        "http.conf": http_conf(certificates) + "enable_static=yes\n",
        "extensions.conf": "[default]\nexten => _10X,1,MessageSend(pjsip:${EXTEN},${MESSAGE(from)})\n",
    }
    async with running_server(config, etc) as server, chromium() as browser:
        http = server.modules.find("http").instance
        pages = []
        for number, (name, secure) in enumerate((n, s) for n in PHONES for s in (False, True)):
            host, port = http.address  # type: ignore[attr-defined]
            page = await browser.open(f"http://{host}:{port}/static/{name}.html", "window.phone")
            user = str(101 + number)
            host, port = http.tls_address if secure else http.address  # type: ignore[attr-defined]
            url = f"ws{'s' if secure else ''}://{host}:{port}/ws"
            assert await page.run(f"phone.start('{url}', '{host}', '{user}', 'secret')") == "registered"
            pages.append((page, user, name, secure))
        location = server.sip.location
        for page, user, name, secure in pages:
            (contact,) = location.contacts(user)
            assert contact.parsed.host.endswith(".invalid"), name
            assert server.sip.flows.flow_of(contact).transport == ("WSS" if secure else "WS")
            # Our OPTIONS to the browser are answered ...
            await until(
                lambda c=contact: location.state(c).status.name == "REACHABLE",  # type: ignore[misc]
                LIMIT,
                f"{name} is not reachable",
            )
            # ... and so are its own, with credentials.
            assert await page.run(f"phone.options('sip:{user}@127.0.0.1')") == 200, name
            endpoint = server.data.get(Endpoint, user)
            answer = await server.sip.send_request(
                "MESSAGE",
                contact,
                endpoint=endpoint,  # type: ignore[arg-type]
                body="hello, grüß dich",
                content_type="text/plain",
            )
            assert answer.status == 200, name
            assert await page.run("phone.messages") == ["hello, grüß dich"], name
        # Texts go from each to the next, through the dialplan.
        for (page, user, name, _), (other, number, *_) in zip(pages, [*pages[1:], pages[0]], strict=True):  # type: ignore[assignment]
            assert await page.run(f"phone.send('sip:{number}@127.0.0.1', 'from {user}, für dich')") == 202, name
            wanted = f"phone.messages.includes('from {user}, für dich')"
            await until_told(partial(other.run, wanted), what=f"{number} hears from {user} ({name})")
        # They refresh by themselves, more than once.
        first = {user: location.contacts(user)[0].expiration_time for _, user, _, _ in pages}
        for times in (1, 2):
            for _, user, name, _ in pages:
                await until(
                    lambda u=user, t=times: location.contacts(u)[0].expiration_time > first[u] + t,  # type: ignore[misc]
                    LIMIT,
                    f"{name} {times}",
                )
        for page, user, name, _ in pages:
            assert await page.run("phone.connected()") is True, name
            assert await page.run("phone.stop()") == "unregistered", name
            await until(lambda u=user: not location.contacts(u), LIMIT)  # type: ignore[misc]
        await until(lambda: server.modules.find("websocket").instance.use_count() == 0, LIMIT)
        assert not server.sip.transports.bound
