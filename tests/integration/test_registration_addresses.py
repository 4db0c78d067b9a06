"""UDP on several addresses at once, IPv4 and IPv6."""

from __future__ import annotations

import pytest
from call_kit import EXTENSIONS, PJSIP

from asterism.testing import Phone, running_server

TRANSPORTS = """
[four]
type=transport
protocol=udp
bind=127.0.0.1:0
[second]
type=transport
protocol=udp
bind=127.0.0.2:0
[six]
type=transport
protocol=udp
bind=[::1]:0
"""

CONFIG = {"pjsip.conf": PJSIP + TRANSPORTS, "extensions.conf": EXTENSIONS}


def addresses(server) -> dict[str, tuple[str, int]]:
    return {name: (host, port) for name, _, host, port in server.sip.listening()}


@pytest.mark.parametrize(("name", "host"), [("four", "127.0.0.1"), ("second", "127.0.0.2"), ("six", "::1")])
async def test_registered_and_called_on_every_address(name, host):
    """The echo is heard, and the SDP names the address that the call came to."""
    async with running_server(CONFIG) as server:
        address = addresses(server)[name]
        assert address[0] == host
        assert address[1] > 0
        async with Phone("101", address, "ann's secret", host=host) as ann:
            await ann.register()
            (contact,) = server.sip.location.contacts("101")
            shown = f"[{host}]" if ":" in host else host
            assert contact.uri == f"sip:101@{shown}:{ann.port}"
            call = await ann.dial("600")
            await call.answered()
            assert call.remote_description.host == host
            call.play(440)
            await call.hears(440)
            await call.hangup()


async def test_a_call_from_ipv6_to_ipv4():
    async with running_server(CONFIG) as server:
        found = addresses(server)
        async with (
            Phone("101", found["six"], "ann's secret", host="::1") as ann,
            Phone("102", found["four"], "bob's secret") as bob,
        ):
            await ann.register()
            await bob.register()
            call = await ann.dial("102")
            incoming = await bob.incoming()
            # Our Contact towards each phone is an address that it can reach.
            assert incoming.request.contacts[0].uri.host == "127.0.0.1"
            incoming.answer()
            await call.answered()
            assert call.responses[-1].contacts[0].uri.host == "::1"
            call.play(440)
            incoming.play(660)
            await incoming.hears(440)
            await call.hears(660)
            await incoming.hangup()
            await call.ended()
