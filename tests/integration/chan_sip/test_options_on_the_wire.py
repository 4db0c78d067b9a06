"""Options of ``sip.conf`` whose effect phones see: each with and without, by what comes over the wire."""

from __future__ import annotations

import pytest
from sip_calls_kit import SIP, World, phones

from asterism.stack.message import make_response
from asterism.stack.uri import Uri
from asterism.testing import PhoneCall, until
from asterism.testing.tone import ulaw_tone

DIALOG_INFO, PIDF = "application/dialog-info+xml", "application/pidf+xml"
EXTENSIONS = """
exten => _80XX,1,Hangup(${EXTEN:2})
exten => 5500,1,Answer()
 same => n,Echo()
exten => 710,1,Playtones(440/60000)
 same => n,UserEvent(Begun)
 same => n,Wait(60)
exten => 711,1,UserEvent(Begun)
 same => n,Playback(tone,noanswer)
 same => n,Wait(60)
"""


def general(*lines: str) -> str:
    """A ``sip.conf`` whose ``[general]`` has these lines besides."""
    return SIP.replace("[general]\n", "\n".join(("[general]", *lines, "")))


async def ring(world: World) -> tuple[PhoneCall, PhoneCall]:
    """Ann calls bob, whose phone rings."""
    call = await world.ann.dial("6002")
    incoming = await world.bob.incoming()
    incoming.ring()
    await call.ringing()
    return call, incoming


async def connect(world: World) -> tuple[PhoneCall, PhoneCall]:
    """Ann talks with bob."""
    call, incoming = await ring(world)
    incoming.answer()
    await call.answered()
    await incoming.answered()
    return call, incoming


@pytest.mark.parametrize(
    ("lines", "answer"), [((), (200, "OK")), (("allowsubscribe=no",), (403, "Forbidden (policy)"))]
)
async def test_allowsubscribe(lines: tuple[str, ...], answer: tuple[int, str]) -> None:
    async with phones(sip=general(*lines), idle=False) as world:
        response = (await world.alice.subscribe("6002", "presence", PIDF)).response
        assert response is not None
        assert (response.status, response.reason) == answer


@pytest.mark.parametrize(("word", "status"), [("yes", 202), ("no", 405)])
async def test_accept_outofcall_message(word: str, status: int) -> None:
    async with phones(sip=general(f"accept_outofcall_message={word}")) as world:
        message = world.alice.create_request("MESSAGE", world.alice.uri("600"))
        message.set_body(b"hello", "text/plain")
        assert (await world.alice.request(message)).status == status


@pytest.mark.parametrize(("word", "direction"), [("no", b""), ("yes", b"a=recvonly")])
async def test_ignoresdpversion(word: str, direction: bytes) -> None:
    """A re-INVITE whose ``o=`` has the version of the offer before holds the call only where versions do not count."""
    async with phones(sip=general(f"ignoresdpversion={word}")) as world:
        call = await world.alice.dial("600")
        await call.answered()
        offer = bytes(call.request.body)
        assert b"a=sendrecv" in offer
        answer = await call.send("INVITE", offer.replace(b"a=sendrecv", b"a=sendonly"), "application/sdp")
        assert answer.status == 200
        assert (b"a=recvonly" in answer.body) is bool(direction)
        await call.hangup()


@pytest.mark.parametrize(
    ("lines", "host", "number", "status"),
    [
        (("domain=red.example", "allowexternaldomains=no"), "blue.example", "600", 404),
        (("domain=red.example", "allowexternaldomains=no"), "red.example", "600", 0),
        (("domain=red.example", "allowexternaldomains=yes"), "blue.example", "600", 0),
        (("domain=red.example,red",), "red.example", "8034", 404),
        (("domain=red.example,red",), "RED.example", "9", 486),
        (("domain=red.example,red",), "blue.example", "9", 404),
        (("domain=red.example,red",), "blue.example", "600", 0),
    ],
)
async def test_domains(lines: tuple[str, ...], host: str, number: str, status: int) -> None:
    extensions = f"{EXTENSIONS}[red]\nexten => 9,1,Hangup(17)\n"
    async with phones(extensions, sip=general(*lines)) as world:
        world.alice.uri = lambda user="": Uri("sip", user, host)
        call = await world.alice.dial(number)
        if status:
            assert await call.refused() == status
        else:
            await call.answered()
            await call.hangup()


@pytest.mark.parametrize(("asked", "given"), [(30, 120), (300, 300), (9000, 600), (None, 600)])
async def test_the_time_of_subscriptions(asked: int | None, given: int) -> None:
    lines = ("minexpiry=10", "maxexpiry=7200", "subminexpiry=120", "submaxexpiry=600")
    async with phones(sip=general(*lines), idle=False) as world:
        response = (await world.alice.subscribe("6002", "presence", PIDF, asked)).response
        assert response is not None
        assert (response.status, response.get("Expires")) == (200, str(given))


@pytest.mark.parametrize(
    ("word", "first", "second"),
    [("yes", "early", "early"), ("no", "confirmed", "confirmed"), ("notinuse", "early", "confirmed")],
)
async def test_notifyringing(word: str, first: str, second: str) -> None:
    """What is told when the first call rings, and when a second one does."""
    async with phones(sip=general(f"notifyringing={word}"), idle=False) as world:
        watching = await world.alice.subscribe("6002", "dialog", DIALOG_INFO)

        async def told(state: str) -> None:
            await until(
                lambda: watching.notifies and f"<state>{state}</state>" in bytes(watching.notifies[-1].body).decode(),
                what=lambda: str(watching.notifies[-1:]),
            )

        await told("terminated")
        call, incoming = await ring(world)
        await told(first)
        incoming.answer()
        await call.answered()
        await told("confirmed")
        count = len(watching.notifies)
        another, waiting = await ring(world)
        await until(lambda: second == "confirmed" or len(watching.notifies) > count)
        await told(second)
        waiting.reject()
        await another.refused()
        await call.hangup()
        await told("terminated")


@pytest.mark.parametrize(("word", "note"), [("yes", "On hold"), ("no", "On the phone")])
async def test_notifyhold(word: str, note: str) -> None:
    async with phones(sip=general(f"notifyhold={word}"), idle=False) as world:
        watching = await world.alice.subscribe("6002", "presence", PIDF)
        call, incoming = await connect(world)
        await incoming.hold()
        await until(lambda: world.server.pbx.device_states.get("SIP/bob").name == "ONHOLD")
        await until(
            lambda: watching.notifies and f">{note}<" in bytes(watching.notifies[-1].body).decode(),
            what=lambda: bytes(watching.notifies[-1].body).decode(),
        )
        assert any(b">On hold<" in one.body for one in watching.notifies) is (word == "yes")
        await call.hangup()


@pytest.mark.parametrize(("word", "read", "written"), [("no", "17", None), ("yes", "34", "Q.850;cause=34")])
async def test_use_q850_reason(word: str, read: str, written: str | None) -> None:
    async with phones(EXTENSIONS, sip=general(f"use_q850_reason={word}")) as world:
        call = await world.alice.dial("6002")
        incoming = await world.bob.incoming()
        refusal = make_response(incoming.request, 486, "", world.bob.tag_of(incoming))
        refusal.add_header("Reason", "Q.850;cause=34")
        assert incoming.server_transaction is not None
        incoming.server_transaction.respond(refusal)
        await call.refused()
        assert [cause for _, cause in world.dialled] == [read]
        call = await world.alice.dial("8034")
        assert await call.refused() == 503
        assert call.responses[-1].get("Reason") == written


@pytest.mark.parametrize(("word", "status"), [("no", 404), ("yes", 484), ("dtmf", 0)])
async def test_allowoverlap(word: str, status: int) -> None:
    """Digits that are too few for an extension are refused, or the rest of them is taken as tones."""
    async with phones(EXTENSIONS, sip=general(f"allowoverlap={word}")) as world:
        call = await world.alice.dial("55")
        if status:
            assert await call.refused() == status
            return
        await until(lambda: call.established or call.remote_description is not None)
        call.send_digits("00")
        await call.answered()
        await until(lambda: [channel.exten for channel in world.server.pbx.channels] == ["5500"])
        call.play(440)
        await call.hears(440)
        await call.hangup()


@pytest.mark.parametrize("number", ["710", "711"])
@pytest.mark.parametrize(("word", "heard"), [("yes", False), ("no", True)])
async def test_prematuremedia(number: str, word: str, heard: bool) -> None:
    """A tone or a sound before the answer is heard only after some progress, or makes that progress."""
    async with phones(EXTENSIONS, sip=general(f"prematuremedia={word}")) as world:
        folder = world.server.paths.data / "sounds" / "en"
        folder.mkdir(parents=True)
        (folder / "tone.ulaw").write_bytes(b"".join(ulaw_tone(440)) * 10)
        call = await world.alice.dial(number)
        if heard:
            assert (await call.ringing(183)).body
            await call.hears(440)
        else:
            await until(lambda: [channel.application for channel in world.server.pbx.channels] == ["Wait"])
        assert (183 in call.provisional) is heard
        await call.cancel()


@pytest.mark.parametrize(("word", "heard"), [("never", False), ("no", False), ("yes", True)])
async def test_progressinband(word: str, heard: bool) -> None:
    """Ringing is told by a 180, or heard."""
    async with phones(sip=general(f"progressinband={word}")) as world:
        call = await world.alice.dial("6002")
        incoming = await world.bob.incoming()
        incoming.ring()
        response = await call.ringing(183 if heard else 180)
        assert bool(response.body) is heard
        if heard:
            await call.hears(440, 480)
        assert (183 in call.provisional) is heard
        await call.cancel()
