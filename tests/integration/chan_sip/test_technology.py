"""Calls by ``Dial(SIP/...)``: who is called, what the INVITE says, what the channels are named."""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from sip_calls_kit import PHONES, SIP, phones
from sippeers_kit import TABLE, execute, insert

from asterism.core.events import EventType
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.events import DIAL_BEGIN
from asterism.stack.headers import NameAddr
from asterism.stack.message import make_response
from asterism.stack.resolver import Target
from asterism.stack.uri import Uri
from asterism.testing import free_port, running_server
from asterism.transport.dns import DnsResolver


async def test_a_peer_is_called_by_name() -> None:
    async with phones() as world:
        call = await world.ann.dial("6002")
        incoming = await world.bob.incoming()
        assert world.channels() == ["PJSIP/101", "SIP/bob"]
        incoming.answer()
        await call.answered()
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize(
    ("dialled", "uri", "to"),
    [
        ("SIP/bob", "sip:127.0.0.1:{bob}", ""),
        ("SIP/200@bob", "sip:200@127.0.0.1:{bob}", ""),
        ("SIP/bob/200", "sip:200@127.0.0.1:{bob}", ""),
        ("SIP/alice/200/127.0.0.1:{bob}", "sip:200@127.0.0.1:{alice}", ""),
        ("SIP/alice:{bob}", "sip:127.0.0.1:{bob}", ""),
        ("SIP/200@127.0.0.1:{bob}", "sip:200@127.0.0.1:{bob}", ""),
        ("SIP/200@example.org//127.0.0.1:{bob}", "sip:200@example.org", ""),
        ("SIP/200@bob!300@there.example", "sip:200@127.0.0.1:{bob}", "sip:300@there.example"),
        ("SIP/200@bob!!me@here.example", "sip:200@127.0.0.1:{bob}", ""),
    ],
)
async def test_what_is_dialled_is_where_the_invite_goes(dialled: str, uri: str, to: str) -> None:
    async with phones(f"exten => 700,1,Dial({dialled},30)\n") as world:
        known = {"alice": world.alice.port, "bob": world.bob.port}
        call = await world.ann.dial("700")
        incoming = await world.bob.incoming()
        request = incoming.request
        assert str(request.uri) == uri.format(**known)
        if to:
            assert str(NameAddr.parse(request.get("To") or "").uri) == to
        if "!!" in dialled:
            assert str(request.from_.uri).startswith("sip:me@here.example")
        incoming.reject()
        await call.refused()


async def test_who_is_no_peer_and_no_host_is_absent() -> None:
    extensions = """
exten => 702,1,Dial(SIP/nosuchpeer.invalid,20)
 same => n,UserEvent(Dialled,Status: ${DIALSTATUS},Cause: ${HANGUPCAUSE})
 same => n,Hangup()
"""
    async with phones(extensions) as world:
        call = await world.ann.dial("702")
        assert await call.refused() == 480
        assert world.dialled == [("CHANUNAVAIL", "20")]


async def test_text_from_outside_calls_the_peer_and_nobody_else() -> None:
    async with phones("exten => _X.,1,Dial(SIP/${EXTEN}@bob,30)\n") as world:
        call = await world.ann.dial("7@127.0.0.1!x")
        incoming = await world.bob.incoming()
        assert incoming.request.uri.user == "7@127.0.0.1!x"
        assert incoming.request.uri.port == world.bob.port
        incoming.reject()
        await call.refused()


async def test_an_unknown_host_gives_its_channel_the_name() -> None:
    async with phones("exten => 700,1,Dial(SIP/200@127.0.0.1:{bob},30)\n") as world:
        call = await world.ann.dial("700")
        incoming = await world.bob.incoming()
        assert world.channels() == ["PJSIP/101", "SIP/127.0.0.1"]
        incoming.answer()
        await call.answered()
        await call.hangup()
        await incoming.ended()


async def test_several_peers_ring_and_the_first_to_answer_has_the_call() -> None:
    async with phones("exten => 700,1,Dial(SIP/alice&SIP/bob,30)\n") as world:
        call = await world.ann.dial("700")
        one, other = await world.alice.incoming(), await world.bob.incoming()
        one.ring()
        other.answer()
        await call.answered()
        assert await one.ended()
        await call.hangup()
        await other.ended()


async def test_credentials_of_a_dial_string_answer_challenges() -> None:
    async with phones("exten => 700,1,Dial(SIP/bobby:pw::user@127.0.0.1:{bob},30)\n") as world:
        call = await world.ann.dial("700")
        incoming = await world.bob.incoming()
        assert incoming.request.get("Authorization") is None
        challenge = make_response(incoming.request, 401, "", world.bob.tag_of(incoming))
        challenge.add_header("WWW-Authenticate", 'Digest realm="example.org", nonce="n", algorithm=MD5')
        assert incoming.server_transaction is not None
        incoming.server_transaction.respond(challenge)
        again = await world.bob.incoming()
        credentials = again.request.get("Authorization") or ""
        assert 'username="user"' in credentials
        assert 'realm="example.org"' in credentials
        again.reject()
        await call.refused()


async def test_secrets_of_dial_strings_are_not_in_the_log() -> None:
    """The manager is told them, as recorded; DialString is what was dialled."""
    number = "exten => 7,1,Dial(SIP/200:sesame@127.0.0.1:{bob}&SIP/x:tartan@nosuch.invalid,30)\n"
    async with phones(number) as world:
        server, lines = world.server, io.StringIO()
        handler = logging.StreamHandler(lines)
        server.log.addHandler(handler)
        server.log.verbose_level = 10
        dialled: list[str] = []

        def note(event: EventType, published: tuple[Any, ...]) -> None:
            dialled.append(str(dict(event.render(*published)).get("DialString")))

        server.subscribe(DIAL_BEGIN, note)
        call = await world.ann.dial("7")
        incoming = await world.bob.incoming()
        incoming.reject()
        await call.refused()
        server.log.removeHandler(handler)
        assert dialled == [f"200:sesame@127.0.0.1:{world.bob.port}"]
        assert f"SIP/200:***@127.0.0.1:{world.bob.port}&SIP/x:***@nosuch.invalid,30" in lines.getvalue()
        assert not re.search("sesame|tartan", lines.getvalue())


@pytest.mark.parametrize(("arguments", "user"), [("bob", ""), ("bob,bob", ""), ("bob,,200", "200")])
async def test_the_contacts_of_a_peer_are_dialled(arguments: str, user: str) -> None:
    async with phones(f"exten => 7,1,Dial(${{PJSIP_DIAL_CONTACTS({arguments})}},30)\n") as world:
        call = await world.ann.dial("7")
        incoming = await world.bob.incoming()
        assert incoming.request.uri.user == user
        assert world.channels() == ["PJSIP/101", "SIP/bob"]
        incoming.reject()
        await call.refused()


async def test_a_peer_of_a_database_is_called(tmp_path: Path) -> None:
    database = tmp_path / "db.sqlite3"
    execute(database, TABLE)
    files = {
        "extconfig.conf": "[settings]\nsippeers => sqlite3,db,sippeers\n",
        "res_config_sqlalchemy.conf": f"[db]\nurl=sqlite:///{database}\n",
    }
    extensions = "exten => 700,1,Dial(SIP/200@real,30)\n same => n,Hangup()\nexten => 700,hint,SIP/real\n"
    async with phones(extensions, files=files) as world:
        insert(database, name="real", type="friend", host="127.0.0.1", port=world.bob.port, context="phones",
               disallow="all", allow="ulaw", call_limit=1)  # fmt: skip
        call = await world.ann.dial("700")
        incoming = await world.bob.incoming()
        assert str(incoming.request.uri) == f"sip:200@127.0.0.1:{world.bob.port}"
        assert world.channels() == ["PJSIP/101", "SIP/real"]
        assert await (await world.ann.dial("700")).refused() == 486
        incoming.answer()
        await call.answered()
        await call.hangup()
        await incoming.ended()


async def test_addresses_of_a_name_are_those_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is not an address that was once found: each call asks the resolver, which knows how long answers hold."""
    answers: dict[str, int] = {}

    async def resolve(_resolver: object, uri: Uri, **_options: object) -> list[Target]:
        return [Target("UDP", "127.0.0.1", answers[uri.host], uri.host)]

    monkeypatch.setattr(DnsResolver, "resolve", resolve)
    sip = SIP.replace("[bob]\ntype=friend\nhost=127.0.0.1\nport={bob}", "[bob]\ntype=friend\nhost=bob.example")
    async with phones(sip=sip) as world:
        for phone in (world.bob, world.alice):
            answers["bob.example"] = phone.port
            call = await world.ann.dial("6002")
            incoming = await phone.incoming()
            assert incoming.request.uri.host == "bob.example"
            incoming.reject()
            await call.refused()


async def test_there_is_no_technology_without_the_file_and_one_with_it() -> None:
    async with running_server({"extensions.conf": PHONES, "pjsip.conf": ""}) as server:
        assert server.pbx.technologies.get("SIP") is None
        assert server.pbx.device_states.get("SIP/alice") is DeviceState.INVALID
        path = server.paths.etc / "sip.conf"
        path.write_text(f"[general]\nudpbindaddr=127.0.0.1:{free_port()}\n[alice]\ntype=friend\nhost=127.0.0.1\n")
        await server.reload()
        assert server.pbx.technologies.get("SIP") is not None
        assert server.pbx.device_states.get("SIP/alice") is DeviceState.NOT_INUSE
