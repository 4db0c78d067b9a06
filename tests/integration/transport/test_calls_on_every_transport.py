"""Registration and calls over UDP, TCP, TLS, WS and WSS, on IPv4 and IPv6, mixed on one server."""

import pytest
from transports_kit import EXTENSIONS, accounts, http_conf, transport

from asterism.testing import Phone, assert_idle, running_server, until

PROTOCOLS = ["udp", "tcp", "tls", "ws", "wss"]


def config(host, certificates):
    sections = [transport("udp", host), transport("tcp", host), transport("tls", host, **certificates)]
    sections += ["\n[web]\ntype=transport\nprotocol=ws\nbind=0.0.0.0\n\n[websec]\ntype=transport\nprotocol=wss\n"]
    return {
        "pjsip.conf": "".join(sections) + accounts("101", "102"),
        "extensions.conf": EXTENSIONS,
        "http.conf": http_conf(certificates, host),
    }


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_a_call_between_this_transport_and_udp(protocol, host, certificates):
    async with running_server(config(host, certificates)) as server:
        async with (
            Phone("101", server, "secret", host=host, transport=protocol) as ann,
            Phone("102", server, "secret", host=host) as bob,
        ):
            assert (await ann.register()).contacts[0].uri.user == "101"
            await bob.register()
            for caller, callee, number in ((ann, bob, "102"), (bob, ann, "101")):
                call = await caller.dial(number)
                incoming = await callee.incoming()
                incoming.ring()
                await call.ringing()
                incoming.answer()
                await call.answered()
                call.play(440)
                await incoming.hears(440)
                await call.hangup()
                await incoming.ended()
            assert (await ann.unregister()).status == 200
        await assert_idle(server)


@pytest.mark.parametrize("protocol", ["tcp", "tls", "ws", "wss"])
async def test_a_call_among_connections_only(protocol, certificates):
    async with running_server(config("127.0.0.1", certificates)) as server:
        async with (
            Phone("101", server, "secret", transport=protocol) as ann,
            Phone("102", server, "secret", transport=protocol) as bob,
        ):
            await ann.register()
            await bob.register()
            call = await ann.dial("102")
            incoming = await bob.incoming()
            via = incoming.request.vias[0]
            assert via.transport == protocol.upper()
            incoming.answer()
            await call.answered()
            await incoming.hangup()
            await call.ended()
        await assert_idle(server)


async def test_several_binds_of_one_protocol_at_once(certificates):
    text = "".join(
        transport(protocol, host, f"{protocol}{number}", **(certificates if protocol == "tls" else {}))
        for protocol in ("udp", "tcp", "tls")
        for number, host in enumerate(("127.0.0.1", "127.0.0.2", "::1", "0.0.0.0"))
    )
    async with running_server({"pjsip.conf": text + accounts("101")}) as server:
        listening = server.sip.listening()
        assert len(listening) == 12
        for name, protocol, host, port in listening:
            target = "127.0.0.3" if host == "0.0.0.0" else host
            own = "::1" if ":" in host else "127.0.0.1"
            async with Phone("101", (target, port), "secret", host=own, transport=protocol) as phone:
                assert (await phone.register()).status == 200, name
                await phone.unregister()


async def test_a_lost_connection_takes_its_contacts_and_transactions_with_it(certificates):
    async with running_server(config("127.0.0.1", certificates)) as server:
        async with Phone("101", server, "secret", transport="ws") as ann, Phone("102", server, "secret") as bob:
            await ann.register()
            await bob.register()
            assert len(server.sip.flows) == 1
            call = await bob.dial("101")
            await ann.incoming()
            ann.close()
            await call.ended()
            await until(lambda: not server.sip.location.contacts("101"))
            assert len(server.sip.flows) == 0
            assert not server.sip.transports.bound
        await assert_idle(server)


async def test_a_browser_that_comes_back_is_reached_on_its_new_connection(certificates):
    async with running_server(config("127.0.0.1", certificates)) as server, Phone("102", server, "secret") as bob:
        await bob.register()
        first = Phone("101", server, "secret", transport="ws")
        await first.register()
        async with Phone("101", server, "secret", transport="ws") as second:
            second.contact = first.contact
            await second.register()
            first.close()
            await until(lambda: server.modules.find("websocket").instance.use_count() == 1)
            assert len(server.sip.location.contacts("101")) == 1
            call = await bob.dial("101")
            incoming = await second.incoming()
            incoming.answer()
            await call.answered()
            await call.hangup()
            await incoming.ended()
