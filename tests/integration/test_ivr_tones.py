"""Tones of countries, as a phone hears them: PlayTones, the server's own tones, the zone of an endpoint."""

from __future__ import annotations

from typing import Any

import pytest
from ivr_kit import ivr

from asterism.testing import until

DIALPLAN = """
exten => 700,1,Answer()
 same => n,PlayTones(dial)
 same => n,Wait(1)
 same => n,StopPlayTones()
 same => n,Wait(20)
exten => 701,1,Answer()
 same => n,Set(CHANNEL(tonezone)=UK)
 same => n,PlayTones(dial)
 same => n,NoOp(${CHANNEL(tonezone)})
 same => n,Set(CHANNEL(tonezone)=atlantis)
 same => n,NoOp(still ${CHANNEL(tonezone)})
 same => n,Wait(20)
exten => 702,1,Answer()
 same => n,PlayTones(!700/100,900)
 same => n,Wait(20)
exten => 703,1,Answer()
 same => n,PlayTones(M69/500)
 same => n,PlayTones(no-such-tone)
 same => n,Wait(20)
exten => 704,1,Answer()
 same => n,Busy(20)
exten => 705,1,Answer()
 same => n,PlayTones(bell)
 same => n,Playback(hello)
exten => 706,1,Answer()
 same => n,Milliwatt()
"""
COUNTRY = {"indications.conf": "[general]\ncountry=fr\n[moon]\nbell=1234\n"}


async def test_a_tone_plays_until_it_is_stopped() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("700")
        await call.hears(350, 440)
        await until(lambda: "Wait(20)" in world.events[-1])
        channel = next(iter(world.server.pbx.channels))
        await until(lambda: not channel.tone)
        # What was sent until then is heard, and no more.
        stream: Any = channel.stream
        sent = stream.tx_packets
        await until(lambda: call.audio.received == sent)
        await call.audio.hears_nothing()
        assert stream.tx_packets == sent
        await call.hangup()


async def test_the_zone_that_the_dialplan_sets() -> None:
    async with ivr(DIALPLAN, COUNTRY) as world:
        call = await world.dial("701")
        await call.hears(350, 440)
        assert any("NoOp(uk)" in line for line in world.events)
        assert any("NoOp(still uk)" in line for line in world.events)
        assert any("there is no tone zone 'atlantis'" in line for line in world.told())
        await call.hangup()


@pytest.mark.parametrize(("endpoint", "heard"), [("", 440), ("tone_zone=de", 425), ("tone_zone=nowhere", 440)])
async def test_the_zone_of_an_endpoint_and_of_the_server(endpoint: str, heard: int) -> None:
    async with ivr(DIALPLAN, COUNTRY, endpoint=endpoint) as world:
        call = await world.dial("700")
        await call.hears(heard)
        await call.hangup()
        call = await world.dial("704")
        await call.hears(heard)
        await call.hangup()


async def test_tones_that_are_written_in_the_dialplan_and_a_wrong_one() -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("702")
        await call.hears(900)
        await call.hangup()
        call = await world.dial("703")
        await call.hears(440)
        assert any("PlayTones on PJSIP/alice: not a tone: 'no-such-tone'" in line for line in world.told())
        await call.hangup()
        call = await world.dial("706")
        await call.hears(1004)
        await call.hangup()


async def test_a_tone_of_a_zone_of_ones_own() -> None:
    async with ivr(DIALPLAN, COUNTRY, {"hello": (800, 1.0)}, "tone_zone=moon") as world:
        call = await world.dial("705")
        await call.hears(800)  # the sound ends the tone
        await call.ended()


async def test_the_language_of_an_endpoint() -> None:
    async with ivr(DIALPLAN, COUNTRY, {"hello": (800, 1.0), "../de/hello": (1200, 1.0)}, "language=de") as world:
        call = await world.dial("705")
        await call.hears(1200)
        await call.ended()
