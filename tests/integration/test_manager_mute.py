"""MuteAudio and MUTEAUDIO: what two phones hear of each other."""

from __future__ import annotations

import pytest
from call_kit import two_phones
from manager_kit import MANAGER, manager

from asterism.testing import until

EXTENSIONS = """
[phones]
exten => 102,1,Dial(PJSIP/102,30)
exten => 600,1,Set(MUTEAUDIO(in)=on)
 same => n,Answer()
 same => n,Echo()
exten => 601,1,Set(MUTEAUDIO(sideways)=on)
 same => n,Set(MUTEAUDIO(in)=perhaps)
 same => n,Set(MUTEAUDIO(all)=on)
 same => n,Set(MUTEAUDIO(all)=off)
 same => n,Answer()
 same => n,Echo()
"""
FILES = {"manager.conf": MANAGER, "extensions.conf": EXTENSIONS}


@pytest.mark.parametrize(("direction", "called_leg"), [("in", False), ("out", True), ("all", False)])
async def test_a_tone_is_not_heard_while_muted(direction: str, called_leg: bool) -> None:
    """What Ann says is muted as it comes in on her channel, or as it goes out on Bob's."""
    async with two_phones(FILES) as world, manager(world.server) as client:
        call, incoming = await world.connect()
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        channel = next(one for one in world.server.pbx.channels if one.name.startswith("PJSIP/102") is called_leg)
        fields = {"Channel": channel.name, "Direction": direction}
        response = await client.action("MuteAudio", **fields, State="on")
        assert response.text == f"Response: Success\nActionID: {response['ActionID']}"
        start, back = incoming.audio.received, call.audio.received
        await until(lambda: incoming.audio.received - start > 20 and call.audio.received - back > 20)
        assert incoming.audio.level(440) < 0.1
        assert (call.audio.level(660) > 0.8) is (direction != "all")
        await client.action("MuteAudio", **fields, State="off")
        await incoming.hears(440)
        await call.hears(660)
        await call.hangup()
        await incoming.ended()


async def test_the_dialplan_mutes() -> None:
    async with two_phones(FILES, register=False) as world, manager(world.server) as client:
        call = await world.ann.dial("600")
        await call.answered()
        call.play(440)
        (channel,) = world.server.pbx.channels
        await client.action("MuteAudio", Channel=channel.name, Direction="out", State="on")
        await client.action("MuteAudio", Channel=channel.name, Direction="out", State="off")
        start = call.audio.received
        await until(lambda: call.audio.received - start > 20)
        assert call.audio.level(440) < 0.1
        await client.action("MuteAudio", Channel=channel.name, Direction="in", State="off")
        await call.hears(440)
        await call.hangup()


async def test_wrong_words_in_the_dialplan_are_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    async with two_phones(FILES, register=False) as world:
        call = await world.ann.dial("601")
        await call.answered()
        call.play(440)
        await call.hears(440)
        await call.hangup()
    shown = capsys.readouterr().out
    assert "it takes in, out or all" in shown
    assert "'perhaps' is neither on nor off" in shown


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Direction": "in", "State": "on"}, "No channel specified"),
        ({"Channel": "x", "Direction": "up", "State": "on"}, "Direction must be in, out or all"),
        ({"Channel": "x", "Direction": "in"}, "State must be on or off"),
        ({"Channel": "x", "Direction": "in", "State": "on"}, "No such channel"),
    ],
)
async def test_what_cannot_be_muted(fields: dict[str, str], message: str) -> None:
    async with two_phones(FILES, register=False) as world, manager(world.server) as client:
        response = await client.action("MuteAudio", **fields)
        assert (response["Response"], response["Message"]) == ("Error", message)
