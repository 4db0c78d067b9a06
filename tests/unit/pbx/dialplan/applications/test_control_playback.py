"""Sounds that a caller, or a manager, winds, pauses and stops: ControlPlayback."""

from __future__ import annotations

import pytest
from ivr_kit import ivr
from manager_kit import MANAGER, manager

from asterism.core.test_events import TEST_EVENT
from asterism.pbx.channels.playing import Playing
from asterism.testing import until

LOW, MIDDLE, HIGH = 500, 900, 1500
DIALPLAN = """
exten => 700,1,Answer()
 same => n,ControlPlayback(three,2000,6,4,5,8,9)
 same => n,NoOp(over)
exten => 701,1,Answer()
 same => n,ControlPlayback(three,,,,,,,o(4000))
exten => 702,1,Answer()
 same => n,ControlPlayback(nothing-here)
exten => 703,1,Answer()
 same => n,ControlPlayback(beep&three,2000,,,5)
exten => 704,1,Answer()
 same => n,Playback(three)
"""
VARIABLES = ("CPLAYBACKSTATUS", "CPLAYBACKOFFSET", "CPLAYBACKSTOPKEY")


@pytest.fixture
def parts(tmp_path):
    """A sound of three tones of two seconds each, written into the server's folder."""
    from pathlib import Path

    from asterism.media.g711 import linear_to_ulaw
    from asterism.testing.tone import make_tone

    def write(server):
        data = b"".join(linear_to_ulaw(make_tone(one, seconds=2.0)) for one in (LOW, MIDDLE, HIGH))
        folder = Path(server.paths.data) / "sounds" / "en"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "three.ulaw").write_bytes(data)

    return write


async def test_a_caller_winds_pauses_restarts_and_stops(parts) -> None:
    async with ivr(DIALPLAN) as world:
        parts(world.server)
        call = await world.dial("700")
        await call.hears(LOW)
        call.send_digits("6")
        await call.hears(MIDDLE)
        call.send_digits("4")
        await call.hears(LOW)
        call.send_digits("8")
        await until(lambda: call.audio.digits == "" and world.server.pbx.channels)
        channel = next(iter(world.server.pbx.channels))
        await until(lambda: isinstance(channel.speaks, Playing) and channel.speaks.paused)
        await call.audio.hears_nothing(0.5)
        call.send_digits("8")
        await call.hears(LOW)
        call.send_digits("66")
        await call.hears(HIGH)
        call.send_digits("9")
        await call.hears(LOW)
        call.send_digits("5")
        await until(lambda: len(world.variables(*VARIABLES)) == 3)
        status, offset, key = world.variables(*VARIABLES)
        assert (status, key) == ("CPLAYBACKSTATUS=USERSTOPPED", "CPLAYBACKSTOPKEY=5")
        assert 200 < int(offset.partition("=")[2]) < 2000
        await call.ended()


async def test_who_tests_a_dialplan_is_told_of_each_key(parts) -> None:
    async with ivr(DIALPLAN) as world:
        parts(world.server)
        told: list[dict[str, object]] = []
        world.server.test_events.listen(told.append)
        world.server.subscribe(TEST_EVENT, lambda kind, args: told.append(dict(kind.render(*args))))
        call = await world.dial("700")
        await call.hears(LOW)
        call.send_digits("648895")
        await until(lambda: world.variables(*VARIABLES)[:1] == ["CPLAYBACKSTATUS=USERSTOPPED"])
        told = [event for event in told if event["State"] == "PLAYBACK"]
        assert told[0]["Message"] == "three"
        controls = [(event["Control"], event.get("SkipMs")) for event in told[1:]]
        assert controls == [
            ("FastForward", "2000"), ("Rewind", "2000"), ("Break", None), ("Pause", None), ("Break", None),
            ("Unpause", None), ("Restart", None), ("Stop", None),
        ]  # fmt: skip
        await call.ended()


async def test_it_begins_where_it_is_told_to_and_ends_by_itself(parts) -> None:
    async with ivr(DIALPLAN) as world:
        parts(world.server)
        call = await world.dial("701")
        await call.hears(HIGH)
        assert call.audio.level(LOW) < 0.02
        await call.ended()
        assert world.variables(*VARIABLES) == ["CPLAYBACKSTATUS=SUCCESS", "CPLAYBACKOFFSET=-1"]


async def test_a_file_that_is_missing(parts) -> None:
    async with ivr(DIALPLAN) as world:
        call = await world.dial("702")
        await call.ended()
        assert world.variables(*VARIABLES)[0] == "CPLAYBACKSTATUS=ERROR"
        assert any("there is no sound 'nothing-here'" in line for line in world.told())


async def test_one_file_after_another_and_the_manager_controls_each(parts) -> None:
    async with ivr(DIALPLAN, {"manager.conf": MANAGER}) as world, manager(world.server) as admin:
        parts(world.server)
        call = await world.dial("703")
        name = next(iter(world.server.pbx.channels)).name
        await call.hears(1000)
        await call.hears(LOW)
        for what, heard in (
            ("forward", MIDDLE),
            ("forward", HIGH),
            ("restart", LOW),
            ("forward", MIDDLE),
            ("reverse", LOW),
        ):
            assert (await admin.action("ControlPlayback", Channel=name, Control=what))["Response"] == "Success"
            await call.hears(heard)
        await admin.action("ControlPlayback", Channel=name, Control="pause")
        await call.audio.hears_nothing(0.3)
        await admin.action("ControlPlayback", Channel=name, Control="pause")
        await call.hears(LOW)
        for fields, error in (
            ({"Control": "stop"}, "Channel not specified"),
            ({"Channel": name}, "Control not specified"),
            ({"Channel": "PJSIP/none", "Control": "stop"}, "No such channel"),
            ({"Channel": name, "Control": "dance"}, "Unknown control type"),
        ):
            answer = await admin.action("ControlPlayback", **fields)
            assert (answer["Response"], answer["Message"]) == ("Error", error)
        await admin.action("ControlPlayback", Channel=name, Control="stop")
        await until(lambda: world.variables(*VARIABLES)[:1] == ["CPLAYBACKSTATUS=REMOTESTOPPED"])
        assert len(world.variables(*VARIABLES)) == 2
        await call.ended()


@pytest.mark.parametrize(("control", "goes_on"), [("forward", True), ("pause", False), ("stop", False)])
async def test_a_sound_of_another_application_can_be_wound_and_stopped(parts, control, goes_on) -> None:
    async with ivr(DIALPLAN, {"manager.conf": MANAGER}) as world, manager(world.server) as admin:
        parts(world.server)
        call = await world.dial("704")
        await call.hears(LOW)
        name = next(iter(world.server.pbx.channels)).name
        await admin.action("ControlPlayback", Channel=name, Control=control)
        if goes_on:
            await call.hears(HIGH)
        await call.ended(timeout=8 if goes_on else 1)
