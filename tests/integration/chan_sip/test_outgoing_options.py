"""What the options of a peer make of the INVITE: names, proxies, names of hosts, transports, redirections."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

import pytest
from sip_calls_kit import SIP, phones

from asterism.stack.message import make_response
from asterism.testing import Phone, PhoneCall, free_port, until

_SPEC = importlib.util.spec_from_file_location(
    "transports_kit", Path(__file__).parents[1] / "transport" / "transports_kit.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
_KIT = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_KIT)


@pytest.mark.parametrize(
    ("options", "user", "host"),
    [
        ("", "101", ""),
        ("fromuser=trunkuser", "trunkuser", ""),
        ("fromdomain=here.example", "101", "here.example"),
        ("fromuser=trunkuser\nfromdomain=here.example", "trunkuser", "here.example"),
    ],
)
async def test_from(options: str, user: str, host: str) -> None:
    async with phones(bob_options=options) as world:
        call = await world.ann.dial("6002")
        incoming = await world.bob.incoming()
        uri = incoming.request.from_.uri
        assert (uri.user, uri.host) == (user, host or "127.0.0.1")
        incoming.reject()
        await call.refused()


@pytest.mark.parametrize(
    ("options", "dialled", "uri"),
    [
        ("defaultuser=me", "SIP/bob", "sip:me@127.0.0.1:{bob}"),
        ("defaultuser=me", "SIP/200@bob", "sip:200@127.0.0.1:{bob}"),
        ("usereqphone=yes", "SIP/200@bob", "sip:200@127.0.0.1:{bob};user=phone"),
        ("usereqphone=yes", "SIP/you@bob", "sip:you@127.0.0.1:{bob}"),
    ],
)
async def test_request_uri(options: str, dialled: str, uri: str) -> None:
    async with phones(f"exten => 700,1,Dial({dialled},30)\n", bob_options=options) as world:
        call = await world.ann.dial("700")
        incoming = await world.bob.incoming()
        assert str(incoming.request.uri) == uri.format(bob=world.bob.port)
        incoming.reject()
        await call.refused()


async def test_a_host_may_be_a_name() -> None:
    sip = SIP.replace("[bob]\ntype=friend\nhost=127.0.0.1", "[bob]\ntype=friend\nhost=localhost")
    async with phones(sip=sip) as world:
        call = await world.ann.dial("6002")
        incoming = await world.bob.incoming()
        assert incoming.request.uri.host == "localhost"
        incoming.answer()
        await call.answered()
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize(("force", "direct"), [("", True), (",force", False)])
async def test_an_outbound_proxy_gets_the_invite_and_no_route(force: str, direct: bool) -> None:
    """With ``force`` also what comes after it, whatever the phone's Contact says."""
    more = f"[far]\ntype=peer\nhost=192.0.2.77\noutboundproxy=127.0.0.1:{{bob}}{force}\n"
    async with phones("exten => 700,1,Dial(SIP/200@far,30)\n", more=more) as world:
        world.bob.contact = f"<sip:200@127.0.0.1:{world.alice.port}>"
        call = await world.ann.dial("700")
        incoming = await world.bob.incoming()
        assert str(incoming.request.uri) == "sip:200@192.0.2.77"
        assert incoming.request.get("Route") is None
        incoming.answer()
        await call.answered()
        # Without force the ACK goes to the Contact, which is another phone's.
        if not direct:
            await incoming.answered()
        else:
            await until(lambda: any("ACK" in line for line in world.alice.wire.log))
            assert not incoming.established
        world.bob.close() if direct else None
        await call.hangup()


def redirect(incoming: PhoneCall, contact: str) -> None:
    response = make_response(incoming.request, 302, "", incoming.phone.tag_of(incoming))
    response.add_header("Contact", contact)
    assert incoming.server_transaction is not None
    incoming.server_transaction.respond(response)


async def test_promiscredir_follows_to_any_host() -> None:
    async with phones(bob_options="promiscredir=yes") as world:
        call = await world.ann.dial("6002")
        redirect(await world.bob.incoming(), f"<sip:1%40evil!x@127.0.0.1:{world.alice.port}>")
        incoming = await world.alice.incoming()
        assert incoming.request.uri.user == "1@evil!x"
        assert world.channels() == ["PJSIP/101", "SIP/127.0.0.1"]
        incoming.answer()
        await call.answered()
        await call.hangup()
        await incoming.ended()


async def test_without_it_the_extension_is_dialled() -> None:
    async with phones() as world:
        call = await world.ann.dial("6002")
        redirect(await world.bob.incoming(), "<sip:6001@192.0.2.99>")
        incoming = await world.alice.incoming()
        incoming.answer()
        await call.answered()
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize("transport", ["tcp", "tls", "ws"])
async def test_phones_behind_connections(transport: str, tmp_path: Path) -> None:
    """They register over a connection, and calls go there over it."""
    port = free_port()
    lines, pjsip, files = "", "", {}
    if transport == "tcp":
        lines = f"tcpenable=yes\ntcpbindaddr=127.0.0.1:{port}\n"
    elif transport == "tls":
        made = await asyncio.to_thread(_KIT.make_certificates, tmp_path)
        lines = f"tlsenable=yes\ntlsbindaddr=127.0.0.1:{port}\ntlscertfile={made['cert_file']}\n"
        lines += f"tlsprivatekey={made['priv_key_file']}\n"
    else:
        pjsip = _KIT.transport("ws", "127.0.0.1")
        files = {"http.conf": _KIT.http_conf()}
    sip = SIP.replace("srvlookup=no\n", f"srvlookup=no\n{lines}")
    more = f"[carol]\ntype=friend\nhost=dynamic\nsecret=pw\ntransport={transport}\n"
    dialled = "exten => 700,1,Dial(SIP/carol,30)\n"
    async with phones(dialled, sip=sip, more=more, pjsip_more=pjsip, files=files) as world:
        where = world.server.sip_address(transport)
        async with Phone("carol", where, "pw", transport=transport) as carol:
            await carol.register()
            call = await world.ann.dial("700")
            incoming = await carol.incoming()
            assert world.channels() == ["PJSIP/101", "SIP/carol"]
            incoming.answer()
            await call.answered()
            await incoming.hangup()
            await call.ended()
            back = await carol.dial("600")
            await back.answered()
            assert world.channels() == ["SIP/carol"]
            await back.hangup()
