"""What is negotiated and heard: offers early and late, laws of G.711, digits, early media, hold, prompts."""

from __future__ import annotations

import pytest
from call_kit import CONFIG, EXTENSIONS, RELAYED, two_phones

from asterism.testing import until
from asterism.testing.sdp import PCMA, PCMU


async def talk(call, incoming):
    call.play(440)
    incoming.play(660)
    await incoming.hears(440)
    await call.hears(660)


@pytest.mark.parametrize("offer", [True, False], ids=["in the INVITE", "in the 200"])
async def test_the_offer_may_be_in_the_invite_or_in_the_200(offer):
    async with two_phones() as world:
        call, incoming = await world.connect(offer=offer)
        await talk(call, incoming)
        await incoming.hangup()
        await call.ended()


@pytest.mark.parametrize(
    ("ann", "bob"),
    [([PCMU], [PCMU]), ([PCMA], [PCMA]), ([PCMA, PCMU], [PCMU]), ([PCMU], [PCMA]), ([PCMA], [PCMU])],
    ids=["u-law", "A-law", "common", "translated", "translated back"],
)
async def test_the_laws_of_g711(ann, bob):
    async with two_phones() as world:
        world.ann.codecs, world.bob.codecs = ann, bob
        call, incoming = await world.connect()
        assert call.audio.codec in ann
        assert incoming.audio.codec in bob
        await talk(call, incoming)
        await call.hangup()
        await incoming.ended()


def sdp(media: str, *attributes: str) -> bytes:
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", media, *attributes, ""]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    "offer",
    [
        sdp("m=audio 4000 RTP/AVP 18"),
        sdp("m=audio 4000 RTP/AVP 97", "a=rtpmap:97 opus/48000/2"),
        sdp("m=video 4000 RTP/AVP 34"),
        sdp("m=audio 0 RTP/AVP 0"),
        sdp("m=audio 4000 RTP/SAVP 0"),
        sdp("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"),
    ],
    ids=["G.729", "Opus", "video", "refused", "SRTP", "only digits"],
)
async def test_488_when_nothing_is_shared(offer):
    async with two_phones() as world:
        request = world.ann.create_request("INVITE", world.ann.uri("600"))
        request.set_body(offer, "application/sdp")
        response = await world.ann.request(request)
        assert response.status == 488


@pytest.mark.parametrize("offer", [True, False], ids=["in the INVITE", "in the 200"])
async def test_an_endpoint_without_allow_has_no_codecs(offer, capsys):
    """100, then 488, and the log says what is missing."""
    config = {"pjsip.conf": CONFIG["pjsip.conf"].replace("allow=ulaw,alaw", "")}
    async with two_phones(config) as world:
        call = await world.ann.dial("600", offer=offer)
        assert await call.refused() == 488
        assert [response.status for response in call.responses][-2:] == [100, 488]
        assert "refused: the endpoint allows no codec" in capsys.readouterr().out


async def test_telephone_event_is_answered_with_the_payload_type_offered():
    async with two_phones() as world:
        world.ann.dtmf = 96
        call = await world.ann.dial("600")
        await call.answered()
        assert call.remote_description.dtmf == 96
        assert "a=fmtp:96 0-16" in call.responses[-1].body.decode()
        await call.hangup()


async def test_without_telephone_event_none_is_answered():
    async with two_phones() as world:
        world.ann.dtmf = None
        call = await world.ann.dial("600")
        await call.answered()
        assert call.remote_description.dtmf is None
        await call.hangup()


async def test_digits_reach_the_other_phone_under_its_own_payload_type():
    async with two_phones() as world:
        world.ann.dtmf, world.bob.dtmf = 96, 101
        call, incoming = await world.connect()
        call.send_digits("159#")
        await incoming.audio.hears_digits("159#")
        incoming.send_digits("*0D")
        await call.audio.hears_digits("*0D")
        await talk(call, incoming)
        await call.hangup()
        await incoming.ended()


DIGITS = """
[phones]
exten => 610,1,Answer()
 same => n,Read(DIGITS,,4,,1,5)
 same => n,UserEvent(Read,Status: ${DIGITS},Cause: ${READSTATUS})
 same => n,Hangup()
"""


async def test_digits_reach_the_dial_plan():
    async with two_phones({"extensions.conf": DIGITS}) as world:
        call = await world.ann.dial("610")
        await call.answered()
        call.send_digits("2468")
        await call.ended()
        assert world.dialled == [("2468", "OK")]


async def test_early_media_is_heard_before_the_answer():
    async with two_phones() as world:
        call = await world.ann.dial("102")
        incoming = await world.bob.incoming()
        incoming.ring(183, early_media=True)
        progress = await call.ringing(183)
        assert progress.get("Content-Type") == "application/sdp"
        incoming.play(480)
        await call.hears(480)
        assert not call.established
        incoming.answer()
        await call.answered()
        await talk(call, incoming)
        await call.hangup()
        await incoming.ended()


async def test_early_media_of_a_call_that_fails():
    async with two_phones() as world:
        call = await world.ann.dial("102")
        incoming = await world.bob.incoming()
        incoming.ring(183, early_media=True)
        await call.ringing(183)
        incoming.play(480)
        await call.hears(480)
        incoming.reject(404)
        assert await call.refused() == 404


async def test_hold_and_back():
    async with two_phones() as world:
        call, incoming = await world.connect()
        await talk(call, incoming)
        await call.hold()
        assert call.remote_description.direction == "recvonly"
        await until(lambda: incoming.audio.level(261.6) > 0.02)  # music, not Ann
        await until(lambda: incoming.audio.level(440) < 0.1)
        await call.unhold()
        assert call.remote_description.direction == "sendrecv"
        await talk(call, incoming)
        await incoming.hold()
        await incoming.unhold()
        await talk(call, incoming)
        await call.hangup()
        await incoming.ended()


async def test_a_re_invite_without_offer_is_offered_to():
    async with two_phones(RELAYED) as world:
        call, incoming = await world.connect()
        response = await call.send("INVITE")
        assert response.status == 200
        assert b"m=audio" in response.body
        call._send_ack(call.request, str(call.description).encode())
        await talk(call, incoming)
        await call.hangup()
        await incoming.ended()


async def test_an_offer_that_shares_nothing_leaves_the_call_as_it_was():
    async with two_phones(RELAYED) as world:
        call, incoming = await world.connect()
        response = await call.send("INVITE", sdp("m=audio 4000 RTP/AVP 18"), "application/sdp")
        assert response.status == 488
        await talk(call, incoming)
        await call.hangup()
        await incoming.ended()


async def test_audio_from_elsewhere_is_not_heard():
    """Media is taken from the negotiated or learned source only."""
    async with two_phones(RELAYED) as world:
        call, incoming = await world.connect()
        await talk(call, incoming)
        async with two_phones(register=False, idle=False) as other:
            stray = await other.ann.dial("600")
            await stray.answered()
            stray.audio.remote = call.audio.remote
            stray.play(880)
            await incoming.hears(440)
            assert incoming.audio.level(880) < 0.05
            await stray.hangup()
        await call.hangup()
        await incoming.ended()


PYTHON = """
[phones]
include => programs
exten => 600,1,Goto(programs,greet,1)
[programs]
"""


async def test_an_extension_in_python_beside_those_of_the_file():
    """The file's extensions reach the function, and the function reaches them."""
    told = []
    async with two_phones({"extensions.conf": EXTENSIONS + PYTHON.replace("600,1", "620,1")}) as world:

        @world.server.pbx.extension("programs", "greet")
        async def greet(channel):
            await channel.answer()
            told.append((channel.caller.number, channel.exten))
            async for frame in channel.audio():
                await channel.write_audio(frame)

        @world.server.pbx.extension("programs", "630")
        async def forward(channel):
            await channel.dial("PJSIP/102", timeout=5)
            told.append(channel.get_variable("DIALSTATUS"))

        call = await world.ann.dial("620")
        await call.answered()
        call.play(523)
        await call.hears(523)
        await call.hangup()
        call = await world.ann.dial("630")
        (await world.bob.incoming()).reject(486)
        assert await call.refused() == 486
        assert told == [("101", "greet"), "BUSY"]
