"""VOLUME, AGC and TALK_DETECT between two phones, by what they hear and by the manager's events."""

from __future__ import annotations

import math
from array import array

import pytest
from call_kit import PJSIP, two_phones
from manager_kit import MANAGER, manager

from asterism.media.taps import Direction, Tap
from asterism.testing import PhoneCall, until

EXTENSIONS = """
[phones]
exten => 102,1,Dial(PJSIP/102,30)
exten => 103,1,Set(VOLUME(TX)=3)
 same => n,Set(VOLUME(RX,p)=-4)
 same => n,Dial(PJSIP/102,30)
exten => 104,1,Set(TALK_DETECT(set)=200,300)
 same => n,Dial(PJSIP/102,30)
exten => 105,1,Set(JITTERBUFFER(adaptive)=200,,60)
 same => n,Set(VOLUME(RX)=0.5)
 same => n,Dial(PJSIP/102,30)
exten => 106,1,Set(AGC(rx)=1500)
 same => n,Set(AGC(tx)=12000)
 same => n,Dial(PJSIP/102,30)
exten => 601,1,Set(JITTERBUFFER(big)=)
 same => n,Set(JITTERBUFFER(fixed)=far)
 same => n,Set(JITTERBUFFER(fixed)=default)
 same => n,Set(JITTERBUFFER(disabled)=)
 same => n,Set(VOLUME(sideways)=2)
 same => n,Set(VOLUME(RX)=loud)
 same => n,Set(VOLUME(RX)=inf)
 same => n,Set(TALK_DETECT(remove)=)
 same => n,Set(TALK_DETECT(set)=0)
 same => n,Set(TALK_DETECT(listen)=)
 same => n,Set(TALK_DETECT(set)=)
 same => n,Set(TALK_DETECT(set)=100)
 same => n,Set(TALK_DETECT(remove)=)
 same => n,Answer()
 same => n,Echo()
"""
FILES = {"manager.conf": MANAGER, "extensions.conf": EXTENSIONS}


async def strength(*phones: PhoneCall) -> list[float]:
    """How loud each phone hears the other from now on."""
    ends = [phone.audio.received + 30 for phone in phones]
    await until(lambda: all(phone.audio.received >= end for phone, end in zip(phones, ends, strict=True)))
    found = []
    for phone in phones:
        values = array("h", b"".join(phone.audio.packets[-10:]))
        found.append(math.sqrt(sum(value * value for value in values) / len(values)))
    return found


async def test_volume_of_both_directions_and_by_digits() -> None:
    async with two_phones(FILES) as world:
        call, incoming = await world.connect("103")
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        says = 8000 / math.sqrt(2)
        heard, back = await strength(incoming, call)
        assert heard == pytest.approx(says / 4, rel=0.1)
        assert back == pytest.approx(says * 3, rel=0.1)  # 24000 at its peak: not cut off
        call.send_digits("***")
        (ann,) = (one for one in world.server.pbx.channels if one.name.startswith("PJSIP/101"))
        await until(lambda: ann.data["volume"].values == {Direction.IN: -1.0, Direction.OUT: 6.0})
        assert await strength(incoming) == [pytest.approx(says, rel=0.1)]
        await call.hangup()
        await incoming.ended()


async def test_both_directions_come_to_the_level_that_was_asked_for() -> None:
    async with two_phones(FILES) as world:
        call, incoming = await world.connect("106")
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        for _ in range(4):
            heard, back = await strength(incoming, call)
        assert heard == pytest.approx(1500, rel=0.1)
        assert back == pytest.approx(12000, rel=0.1)
        await call.hangup()
        await incoming.ended()


async def test_talk_and_silence_are_told_while_packets_are_relayed() -> None:
    async with two_phones(FILES) as world, manager(world.server) as client:
        call, incoming = await world.connect("104")
        call.play(440)
        begun = await client.event("ChannelTalkingStart")
        assert begun["Channel"].startswith("PJSIP/101")
        assert begun["Privilege"] == "call,all"
        await incoming.hears(440)
        ann = world.server.pbx.channels.get(begun["Channel"])
        assert ann is not None
        assert ann.stream is not None
        assert ann.stream.relay is not None  # type: ignore[attr-defined]
        assert ann.shows_simple
        call.play()
        ended = await client.event("ChannelTalkingStop")
        assert 0 <= int(ended["Duration"]) < 10_000
        call.play(440)
        await client.event("ChannelTalkingStart")
        await call.hangup()
        await incoming.ended()


async def test_wrong_words_are_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    async with two_phones(FILES, register=False) as world:
        call = await world.ann.dial("601")
        await call.answered()
        call.play(440)
        await call.hears(440)
        await call.hangup()
    shown = capsys.readouterr().out
    for words in (
        "it takes TX or RX", "'loud' is no number", "'inf' is no number", "nothing is detected", "'0' is no number",
        "it takes set or remove", "it takes fixed, adaptive or disabled", "'far' is no length",
    ):  # fmt: skip
        assert words in shown
    assert shown.count("nothing is detected") == 1


class Breaks(Tap):
    changes = True

    def change(self, frame: object) -> None:
        raise RuntimeError("broken on purpose")


async def test_a_tap_that_raises_leaves_a_line_that_names_the_call_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with two_phones(FILES) as world:
        call, incoming = await world.connect()
        call.play(440)
        await incoming.hears(440)
        (ann,) = (one for one in world.server.pbx.channels if one.name.startswith("PJSIP/101"))
        ann.attach(Breaks(), Direction.IN)
        await until(lambda: ann.taps is not None and not ann.taps.taps)
        start = incoming.audio.received
        await until(lambda: incoming.audio.received - start > 20)
        assert ann.stream is not None
        assert ann.stream.relay is not None  # type: ignore[attr-defined]
        assert ann.stream.taps_in is None  # type: ignore[attr-defined]
        assert incoming.audio.level(440) > 0.8
        name = ann.name
        await call.hangup()
        await incoming.ended()
    lines = [line for line in capsys.readouterr().out.splitlines() if "tap Breaks (in) failed" in line]
    assert len(lines) == 1
    assert name in lines[0] or "C-0000" in lines[0]


INBAND = {**FILES, "pjsip.conf": PJSIP.replace("[101](phone)", "[101](phone)\ndtmf_mode=inband")}
BOTH_INBAND = {**FILES, "pjsip.conf": PJSIP.replace("[phone](!)", "[phone](!)\ndtmf_mode=inband")}


async def test_digits_in_audio_become_events_for_the_other_and_events_become_audio() -> None:
    async with two_phones(INBAND) as world:
        call, incoming = await world.connect()
        assert call.audio.dtmf is None
        call.play(440)
        await incoming.hears(440)
        call.play(770, 1336)
        await until(lambda: incoming.audio.level(440) < 0.1)
        start = incoming.audio.received
        await until(lambda: incoming.audio.received - start > 25)
        assert incoming.audio.level(770) < 0.1  # taken out of the audio
        call.play(440)
        await until(lambda: incoming.audio.digits == "5")
        await incoming.hears(440)
        incoming.send_digits("9")
        await until(lambda: call.audio.level(852) > 0.3 and call.audio.level(1477) > 0.3)
        await call.hangup()
        await incoming.ended()


async def test_digits_between_two_that_send_them_in_audio_come_once() -> None:
    async with two_phones(BOTH_INBAND) as world, manager(world.server) as client:
        call, incoming = await world.connect()
        call.play(770, 1336)
        begun = await client.event("DTMFBegin", Direction="Received")
        assert (begun["Digit"], begun["Channel"][:9]) == ("5", "PJSIP/101")
        start = incoming.audio.received
        await until(lambda: incoming.audio.received - start > 25)
        assert incoming.audio.level(770) < 0.1
        call.play()
        ended = await client.event("DTMFEnd", Direction="Sent")
        assert (ended["Digit"], ended["Channel"][:9]) == ("5", "PJSIP/102")
        await incoming.hears(770, 1336)
        await call.hangup()
        await incoming.ended()


async def test_a_jitter_buffer_passes_what_comes_to_the_taps_behind_it() -> None:
    async with two_phones(FILES) as world:
        call, incoming = await world.connect("105")
        call.play(440)
        await incoming.hears(440)
        assert await strength(incoming) == [pytest.approx(8000 / math.sqrt(2) / 2, rel=0.1)]
        await call.hangup()
        await incoming.ended()
