"""``sip.conf`` in a running server: its phones register and call, and follow what is changed in the file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.sip.objects import Endpoint
from asterism.testing import Phone, PhoneError, running_server, until

SIP = """
[general]
context=phones
udpbindaddr=127.0.0.1:0
directmedia=no
[phone](!)
type=friend
host=dynamic
nat=force_rport,comedia
disallow=all
allow=ulaw
[base](!,phone)
qualify=no
[101](base)
secret=ann
callerid="Ann" <101>
[102](base)
secret=bob
[103](base)
secret=cat
"""
EXTENSIONS = "[phones]\nexten => _10X,1,Dial(SIP/${EXTEN},20)\nexten => 600,1,Answer()\n same => n,Echo()\n"
PJSIP = "[udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:0\n"


@asynccontextmanager
async def served(folder: Path, sip: str = SIP, **more: str) -> AsyncIterator[Server]:
    config = {"sip.conf": sip, "extensions.conf": EXTENSIONS, **{f"{name}.conf": text for name, text in more.items()}}
    async with running_server(config, folder) as server:
        yield server


async def test_phones_register_and_call(tmp_path: Path) -> None:
    async with served(tmp_path) as server, Phone("101", server, "ann") as ann, Phone("102", server, "bob") as bob:
        assert (await ann.register()).status == 200
        assert (await bob.register()).status == 200
        call = await ann.dial("102")
        incoming = await bob.incoming()
        incoming.ring()
        await call.ringing()
        incoming.answer()
        await call.answered()
        await incoming.answered()
        names = sorted(channel.name.partition("-")[0] for channel in server.pbx.channels)
        assert names == ["SIP/101", "SIP/102"]
        call.play(440)
        await incoming.hears(440)
        await call.hangup()


async def test_what_is_changed_is_followed_and_who_is_unchanged_stays(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        phones = [Phone(name, server, secret) for name, secret in (("101", "ann"), ("102", "bob"), ("103", "cat"))]
        try:
            for phone in phones:
                assert (await phone.register()).status == 200
            location = server.sip.location
            before = [location.contacts(name)[0] for name in ("101", "102")]
            changed = SIP.replace("secret=bob", "secret=new\ncontext=other").partition("[103]")[0]
            (tmp_path / "sip.conf").write_text(changed + "[104](base)\nsecret=dan\n")
            await server.modules.reload("chan_sip")
            assert [location.contacts(name)[0] for name in ("101", "102")] == before
            assert not isinstance(server.data.get(Endpoint, "103"), Endpoint)
            other = server.data.get(Endpoint, "102")
            assert isinstance(other, Endpoint)
            assert other.context == "other"
            assert (await phones[0].register()).status == 200
            assert (await phones[1].try_register(300)).status in (401, 403)
            async with Phone("104", server, "dan") as dan:
                assert (await dan.register()).status == 200
        finally:
            for phone in phones:
                phone.close()


async def test_beside_pjsip_conf(tmp_path: Path) -> None:
    """Endpoints of both files call each other, over the transport of ``pjsip.conf`` where it has the same address."""
    pjsip = (
        "[200]\ntype=endpoint\nallow=ulaw\ncontext=phones\nauth=200\naors=200\ndirect_media=no\n"
        "[200]\ntype=auth\nusername=200\npassword=pw\n[200]\ntype=aor\nmax_contacts=1\n"
    )
    async with (
        served(tmp_path, pjsip=pjsip) as server,
        Phone("200", server, "pw") as modern,
        Phone("101", server, "ann") as old,
    ):
        assert (await modern.register()).status == 200
        assert (await old.register()).status == 200
        call = await modern.dial("101")
        incoming = await old.incoming()
        incoming.answer()
        await call.answered()
        await until(lambda: len(server.pbx.channels) == 2)
        assert sorted(channel.name.partition("-")[0] for channel in server.pbx.channels) == ["PJSIP/200", "SIP/101"]
        await call.hangup()


@pytest.mark.parametrize("insecure", ["invite", "port,invite"])
async def test_calls_from_the_address_of_a_peer_are_not_challenged(tmp_path: Path, insecure: str) -> None:
    async with (
        served(tmp_path, SIP.replace("secret=ann", f"secret=ann\ninsecure={insecure}")) as server,
        Phone("101", server, "ann") as ann,
        Phone("101", server, "wrong") as other,
    ):
        assert (await other.try_register(300)).status in (401, 403)
        call = await other.dial("600")
        with pytest.raises(PhoneError):
            await call.answered()
        await ann.register()
        call = await other.dial("600")
        await call.answered()
        await call.hangup()


@pytest.mark.parametrize("command", ["sip reload", "module reload chan_sip.so", "core reload"])
async def test_each_reload_takes_everything(tmp_path: Path, command: str) -> None:
    """A module that is divided into parts is one to whoever reloads it: guests are in or out at once."""
    path = tmp_path / "sip.conf"
    async with served(tmp_path) as server, Phone("stranger", server, "none") as stranger:
        for allowed in ("no", "yes", "no"):
            path.write_text(SIP.replace("[general]", f"[general]\nallowguest={allowed}"))
            await CommandRunner(server).run(command, lambda _text: None)
            call = await stranger.dial("600")
            if allowed == "yes":
                await call.answered()
                await call.hangup()
            else:
                with pytest.raises(PhoneError):
                    await call.answered()
