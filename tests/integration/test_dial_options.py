"""The options of Dial as the phones hear and see them."""

from __future__ import annotations

import asyncio

import pytest
from dial_record_kit import PJSIP, World, recorded_world

from asterism.media.tones import tone_frames
from asterism.pbx.dialplan.applications.dial.digits import mf_tones, sf_tones
from asterism.testing import PhoneCall, until

BEEP, MONKEYS, WARNING, CONNECT, OVER = 1000, 900, 1300, 1500, 1700
INTRODUCTION = 500
SOUNDS = {
    "beep": (BEEP, 0.3),
    "tt-monkeys": (MONKEYS, 0.6),
    "warning": (WARNING, 0.4),
    "connect": (CONNECT, 0.4),
    "over": (OVER, 0.4),
    "priv-recordintro": (1050, 0.3),
    "priv-introsaved": (1150, 0.3),
    "priv-callpending": (1250, 0.3),
    "priv-callee-options": (1350, 0.5),
    "screen-callee-options": (1450, 0.5),
    "vm-sorry": (1550, 0.3),
}


def dials(options: str, *behind: str, before: str = "") -> str:
    """The extension 1, which dials Bob."""
    lines = [f"exten => 1,1,{before or 'NoOp()'}", f"Dial(PJSIP/bob,20,{options})", *behind]
    return "\n same => n,".join(lines)


async def ringing(world: World, early: bool = False) -> tuple[PhoneCall, PhoneCall]:
    call = await world.alice.dial("1")
    incoming = await world.bob.incoming()
    incoming.ring(183 if early else 180, early_media=early)
    await call.ringing(183 if early else 180)
    return call, incoming


async def end(call: PhoneCall, incoming: PhoneCall) -> None:
    await call.hangup()
    await incoming.ended()


async def talk(call: PhoneCall, incoming: PhoneCall) -> None:
    """They hear each other."""
    call.play(420)
    incoming.play(660)
    await asyncio.gather(call.hears(660), incoming.hears(420))


async def test_both_hear_their_announcements_before_they_talk() -> None:
    async with recorded_world(dials("A(beep:tt-monkeys)"), sounds=SOUNDS) as world:
        call, incoming = await ringing(world)
        incoming.answer()
        await asyncio.gather(call.hears(MONKEYS), incoming.hears(BEEP))
        assert not call.established
        await call.answered()
        await talk(call, incoming)
        await end(call, incoming)


@pytest.mark.parametrize("name", ["no-such-sound", "../../../etc/passwd", "beep&no-such-sound:none"])
async def test_an_announcement_that_is_not_there_is_a_line_and_the_call_goes_on(name: str) -> None:
    async with recorded_world(dials(f"A({name})"), sounds=SOUNDS) as world:
        call, incoming = await ringing(world)
        incoming.answer()
        await call.answered()
        await talk(call, incoming)
        assert any("does not hear" in line for line in world.everything)
        await end(call, incoming)


async def test_digits_for_either_party_behind_the_answer() -> None:
    async with recorded_world(dials("D(12w3:45)"), sounds=SOUNDS) as world:
        call, incoming = await ringing(world)
        incoming.answer()
        await incoming.audio.hears_digits("123")
        await call.answered()
        await talk(call, incoming)
        assert [line for line in world.lines if "DTMF" in line] == [
            "Sending DTMF '12w3' to the called party.",
            "Sending DTMF '45' to the calling party.",
        ]
        await end(call, incoming)


async def test_digits_for_early_media() -> None:
    async with recorded_world(dials("D(::78)"), sounds=SOUNDS) as world:
        call, incoming = await ringing(world, early=True)
        await incoming.audio.hears_digits("78")
        incoming.answer()
        await call.answered()
        await end(call, incoming)


async def test_mf_and_sf_for_early_media_and_the_caller_hears_them_with_option_e() -> None:
    async with recorded_world(dials("D(:::*19#::22)E"), sounds=SOUNDS) as world:
        call, incoming = await ringing(world, early=True)
        mf, sf = (
            b"".join(frame.payload for frame in tone_frames(tone))[:-640] for tone in (mf_tones("*19#"), sf_tones("22"))
        )
        await asyncio.gather(call.hears_sound(mf), incoming.hears_sound(mf))
        await asyncio.gather(call.hears_sound(sf), incoming.hears_sound(sf))
        incoming.answer()
        await call.answered()
        await end(call, incoming)


async def test_ringing_at_once_or_a_tone() -> None:
    async with recorded_world(
        dials("r"), "exten => 2,1,Dial(PJSIP/bob,20,r(busy))", "exten => 3,1,Dial(PJSIP/bob,20,r(no tone/))"
    ) as world:
        call = await world.alice.dial("1")
        await call.ringing()
        incoming = await world.bob.incoming()
        incoming.ring(183, early_media=True)
        incoming.play(660)
        incoming.answer()
        await call.answered()
        assert 183 not in call.provisional
        await talk(call, incoming)
        await end(call, incoming)
        call = await world.alice.dial("2")
        await call.hears(480, 620)
        incoming = await world.bob.incoming()
        incoming.ring()
        await call.hears(480, 620)
        assert 180 not in call.provisional
        incoming.answer()
        await call.answered()
        await talk(call, incoming)
        await end(call, incoming)
        call = await world.alice.dial("3")
        await world.bob.incoming()
        assert any("hears no tone" in line for line in world.everything)
        await call.cancel()


async def test_warnings_are_heard_by_the_caller_who_then_hears_the_other_again() -> None:
    line = dials("L(3000:2500:1200)", before="Set(LIMIT_WARNING_FILE=warning)")
    async with recorded_world(line, sounds=SOUNDS) as world:
        call, incoming = await ringing(world)
        incoming.answer()
        await call.answered()
        await talk(call, incoming)
        for _ in range(2):
            await call.hears(WARNING)
            await call.hears(660)
        await call.ended()
        await incoming.ended()
        assert [line for line in world.lines if "Playing" in line] == ["<alice> Playing 'warning' (language 'en')"] * 3


async def test_sounds_of_the_limit_for_the_called_party() -> None:
    variables = {
        "PLAYAUDIO_CALLER": "no", "PLAYAUDIO_CALLEE": "yes", "CONNECT_FILE": "connect", "WARNING_FILE": "warning",
        "TIMEOUT_FILE": "over",
    }  # fmt: skip
    before = "MSet(" + ",".join(f"LIMIT_{name}={value}" for name, value in variables.items()) + ")"
    async with recorded_world(dials("L(2000:1000)g", "Wait(1)", before=before), sounds=SOUNDS) as world:
        call, incoming = await ringing(world)
        incoming.answer()
        await call.answered()
        for frequency in (CONNECT, WARNING, OVER):
            await incoming.hears(frequency)
        assert await incoming.ended() == "BYE received"
        await call.ended()
        assert all("<bob>" in line for line in world.lines if "Playing" in line)


async def test_the_time_that_is_left_is_spoken_and_a_minute_is_a_minute() -> None:
    async with recorded_world(dials("L(61500:61000)"), sounds={**SOUNDS, "vm-youhave": (600, 0.4)}) as world:
        call, incoming = await ringing(world)
        incoming.answer()
        await call.answered()
        await call.hears(600)
        await until(lambda: sum("Playing" in line for line in world.lines) == 5)
        assert [line.split("'")[1] for line in world.lines if "Playing" in line] == [
            "vm-youhave", "digits/1", "queue-minutes", "digits/1", "queue-seconds",
        ]  # fmt: skip
        await end(call, incoming)


async def test_a_digit_takes_a_waiting_caller_elsewhere() -> None:
    line = dials("d", before="Answer()") + "\nexten => 5,1,Playback(tt-monkeys)\n same => n,Wait(5)"
    async with recorded_world(line, sounds=SOUNDS) as world:
        call = await world.alice.dial("1")
        await call.answered()
        incoming = await world.bob.incoming()
        incoming.ring()
        call.send_digits("95")
        await call.hears(MONKEYS)
        await incoming.ended()
        assert incoming.end == "cancelled"
        await call.hangup()


SUBROUTINE = """
[before]
exten => s,1,Set(PJSIP_HEADER(add,X-Arguments)=${ARGC}:${ARG1}:${ARG2})
 same => n,Return()
[after]
exten => s,1,NoOp(after ${ARGC}:${ARG1}:${ARG2})
 same => n,Return()
"""


@pytest.mark.parametrize(
    ("arguments", "found"),
    [("one^two", "2:one:two"), ("one,two", "2:one:two"), ('"one,more"^two', '2:"one,more":two'), ("", "0::")],
)
async def test_arguments_of_subroutines(arguments: str, found: str) -> None:
    options = f"b(before^s^1({arguments}))U(after{'^' * bool(arguments)}{arguments})"
    async with recorded_world(dials(options) + SUBROUTINE) as world:
        call, incoming = await ringing(world)
        assert incoming.request.get("X-Arguments") == found
        incoming.answer()
        await call.answered()
        assert any(f"after {found}" in line for line in world.lines)
        await end(call, incoming)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ("", "sip:6001@"),
        ('f("Forced" <7777>)', "sip:7777@"),
        ("u(prohib)", "sip:anonymous@"),
    ],
)
async def test_who_calls_as_the_called_phone_is_told(options: str, shown: str) -> None:
    async with recorded_world(dials(options)) as world:
        call, incoming = await ringing(world)
        assert shown in str(incoming.request.get("From"))
        if "Forced" in options:
            assert "Forced" in str(incoming.request.get("From"))
        await call.cancel()


async def test_retry_dial_is_heard_and_a_digit_ends_it() -> None:
    line = "exten => 1,1,Answer()\n same => n,RetryDial(beep,20,0,PJSIP/bob,5)\n"
    line += "exten => 5,1,Playback(tt-monkeys)\n same => n,Wait(5)"
    async with recorded_world(line, sounds=SOUNDS) as world:
        call = await world.alice.dial("1")
        (await world.bob.incoming()).reject(486)
        await call.hears(BEEP)
        call.send_digits("5")
        await call.hears(MONKEYS)
        await call.hangup()


async def test_retry_dial_is_heard_by_a_caller_without_answer() -> None:
    async with recorded_world("exten => 1,1,RetryDial(tt-monkeys,1,2,PJSIP/bob,5)", sounds=SOUNDS) as world:
        call = await world.alice.dial("1")
        (await world.bob.incoming()).reject(486)
        await call.hears(MONKEYS)
        incoming = await world.bob.incoming()
        incoming.answer()
        await call.answered()
        await talk(call, incoming)
        await end(call, incoming)


async def introduced(world: World, call: PhoneCall) -> PhoneCall:
    """Alice introduces herself; then Bob's phone rings."""
    await call.hears(1050)
    call.play(INTRODUCTION)
    incoming = await world.bob.incoming()
    incoming.ring()
    return incoming


async def test_who_is_screened_introduces_itself_and_the_called_party_decides() -> None:
    status = "UserEvent(Status,Is: ${DIALSTATUS})"
    async with recorded_world(dials("P(boss)", status, "Wait(1)"), sounds=SOUNDS) as world:
        call = await world.alice.dial("1")
        incoming = await introduced(world, call)
        incoming.answer()
        for frequency in (1250, INTRODUCTION, 1350):
            await incoming.hears(frequency)
        assert not call.established
        incoming.send_digits("1")
        await call.answered()
        await talk(call, incoming)
        await end(call, incoming)
        database = world.server.astdb
        assert database.get("privacy", "boss/6001") == "allow"
        # It is known by now: Bob is not asked.
        call, incoming = await ringing(world)
        incoming.answer()
        await call.answered()
        await talk(call, incoming)
        await end(call, incoming)
        # And now it is not wanted: nobody rings.
        database.put("privacy", "boss/6001", "torture")
        call = await world.alice.dial("1")
        await call.ended()
        assert any("TORTURE" in line for line in world.everything)
        database.delete("privacy", "boss/6001")
        # It introduced itself before: that is heard again. Refused by a key.
        call = await world.alice.dial("1")
        incoming = await world.bob.incoming()
        incoming.answer()
        await incoming.hears(INTRODUCTION)
        incoming.send_digits("4")
        await incoming.ended()
        await call.ended()
        assert database.get("privacy", "boss/6001") == "kill"


async def test_a_screened_caller_that_gives_up_leaves_nothing() -> None:
    async with recorded_world(dials("pn(1)"), sounds=SOUNDS) as world:
        call = await world.alice.dial("1")
        incoming = await introduced(world, call)
        incoming.answer()
        await incoming.hears(1250)
        await call.cancel()
        await incoming.ended()
        await until(lambda: not list((world.path("priv-callerintros")).glob("*")))


HANDLERS = """
[before]
exten => s,1,Set(CHANNEL(hangup_handler_push)=over,s,1(called))
 same => n,Return()
[over]
exten => s,1,NoOp(handler of ${ARG1}: ${CHANNEL(rtcp,all)})
 same => n,Return()
"""


@pytest.mark.parametrize("caller_first", [True, False])
async def test_a_called_phone_runs_its_handler_while_its_statistics_are_there(caller_first: bool) -> None:
    async with recorded_world(dials("b(before^s^1)") + HANDLERS) as world:
        call, incoming = await ringing(world)
        incoming.answer()
        await call.answered()
        await talk(call, incoming)
        if caller_first:
            await end(call, incoming)
        else:
            await incoming.hangup()
            await call.ended()
        await until(lambda: any("handler of called: ssrc=" in line for line in world.everything))


async def test_the_extension_s_of_a_handler_that_is_not_there() -> None:
    async with recorded_world(dials("b(before^s^1)") + HANDLERS.replace("[over]", "[other]")) as world:
        call, incoming = await ringing(world)
        await call.cancel()
        await incoming.ended()
        assert any("No subroutine at over,s,1" in line for line in world.everything)


VIDEO = "m=video {port} RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n"


@pytest.mark.parametrize("options", ["", "j"])
async def test_the_streams_that_the_caller_began_with(options: str) -> None:
    """It offers video, takes it back once it is answered, and is then sent to Bob's phone."""
    config = {"pjsip.conf": PJSIP.replace("allow=!all,ulaw", "allow=!all,ulaw,h264")}
    line = dials(options, before="Answer()").replace("n,Dial", "n,Wait(0.5)\n same => n,Dial")
    async with recorded_world(line, extra=config) as world:
        alice = world.alice
        request = alice.create_request("INVITE", alice.uri("1"))
        call = PhoneCall(alice, request, list(alice.codecs), alice.dtmf)
        request.set_body(f"{call.description}{VIDEO.format(port=40000)}", "application/sdp")
        alice.calls.append(call)
        call.transaction = alice.wire.send_request(request, alice.wire.flow(alice.server), call)
        await call.answered()
        call.description.version += 1
        response = await call.send("INVITE", f"{call.description}{VIDEO.format(port=0)}".encode(), "application/sdp")
        assert response.status == 200
        assert call.dialog is not None
        call.dialog.receive_response(response)
        call._send_ack(call.request, None)
        incoming = await world.bob.incoming()
        assert (b"m=video" in incoming.request.body) is (options == "j")
        await call.hangup()
        await incoming.ended()
