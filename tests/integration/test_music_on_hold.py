"""Music on hold, as two phones and a manager client hear of it."""

from __future__ import annotations

import math
import sys
import wave
from array import array
from functools import partial
from pathlib import Path

import pytest
from call_kit import PJSIP, RELAYED, two_phones
from manager_kit import MANAGER, manager

from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.testing import until

EXTENSIONS = """
[phones]
exten => 102,1,Dial(PJSIP/102,30)
exten => 103,1,Set(CHANNEL(musicclass)=high)
 same => n,Dial(PJSIP/102,30)
exten => 104,1,Set(HOLD_INTERCEPT(set)=)
 same => n,Dial(PJSIP/102,30)
exten => 106,1,Dial(PJSIP/102,30,m(high))
exten => 107,1,Dial(PJSIP/103&PJSIP/102,0.3,m)
 same => n,Set(MUSIC=over)
 same => n,Wait(5)
exten => 105,1,Set(PJSIP_MOH_PASSTHROUGH()=yes)
 same => n,Set(GOT=${PJSIP_MOH_PASSTHROUGH()})
 same => n,Dial(PJSIP/102,30)
exten => 7100,1,Answer()
 same => n,MusicOnHold(high,0.3)
 same => n,StartMusicOnHold(low)
 same => n,Wait(0.3)
 same => n,StopMusicOnHold()
 same => n,Set(CHANNEL(musicclass)=high)
 same => n,MusicOnHold(,0.1)
 same => n,MusicOnHold(nosuch,0.1)
 same => n,Hangup()
exten => 7101,1,Answer()
 same => n,MusicOnHold(low)
exten => 7102,1,Answer()
 same => n,MusicOnHold(radio)
"""
LOW, HIGH, RADIO = 400, 1000, 700


async def console(server: Server, line: str) -> str:
    printed: list[str] = []
    assert await CommandRunner(server).run(line, printed.append) == 0
    return "".join(printed)


def tone(frequency: int, seconds: float = 2.0, rate: int = 8000) -> array[int]:
    step = 2 * math.pi * frequency / rate
    return array("h", (int(8000 * math.sin(step * number)) for number in range(int(rate * seconds))))


def music(tmp_path: Path) -> dict[str, str]:
    """The configuration files, with two classes of one tone each."""
    for name, frequency in (("low", LOW), ("high", HIGH)):
        folder = tmp_path / "music" / name
        folder.mkdir(parents=True)
        with wave.open(str(folder / "tone.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(tone(frequency).tobytes())
    text = f"[default]\ndirectory={tmp_path}/music/low\n[low]\ndirectory={tmp_path}/music/low\n"
    text += f"[high]\ndirectory={tmp_path}/music/high\ndigit=5\n"
    return {"musiconhold.conf": text, "extensions.conf": EXTENSIONS, "manager.conf": MANAGER}


async def test_the_held_party_hears_music_and_not_the_holder(tmp_path: Path) -> None:
    # The holder goes on to send, which the held party would hear directly.
    async with two_phones(music(tmp_path) | RELAYED) as world, manager(world.server) as client:
        call, incoming = await world.connect()
        call.play(1500)
        await incoming.hears(1500)
        await call.reinvite("sendonly")  # it goes on to send
        await incoming.hears(LOW)
        assert incoming.audio.level(1500) < 0.1
        hold = await client.event("Hold")
        started = await client.event("MusicOnHoldStart")
        assert hold["MusicClass"] == "default"
        assert hold["Channel"].startswith("PJSIP/101")
        assert started["Channel"].startswith("PJSIP/102")
        assert started["Class"] == "default"
        await call.unhold()
        await incoming.hears(1500)
        stopped = await client.event("MusicOnHoldStop")
        assert stopped["Channel"] == started["Channel"]
        assert "Class" not in stopped
        await incoming.reinvite("inactive")
        await client.event("MusicOnHoldStart")
        await incoming.hangup()
        await client.event("MusicOnHoldStop")
        await call.ended()


async def test_a_party_on_hold_that_hangs_up_leaves_no_music(tmp_path: Path) -> None:
    async with two_phones(music(tmp_path)) as world, manager(world.server) as client:
        call, incoming = await world.connect()
        await call.hold()
        await incoming.hears(LOW)
        await incoming.hangup()
        await call.ended()
        await client.event("MusicOnHoldStop")


async def test_the_channels_own_class_outweighs_the_suggested_one(tmp_path: Path) -> None:
    async with two_phones(music(tmp_path)) as world:
        call, incoming = await world.connect("103")
        await incoming.hold()
        await call.hears(HIGH)
        await call.hangup()
        await incoming.ended()


@pytest.mark.parametrize(("option", "heard"), [("moh_suggest=high", True), ("suppress_moh_on_sendonly=yes", False)])
async def test_options_of_the_holder(tmp_path: Path, option: str, heard: bool) -> None:
    """moh_suggest and suppress_moh_on_sendonly of the endpoint that puts on hold."""
    files = music(tmp_path) | {"pjsip.conf": PJSIP.replace("[101](phone)\n", f"[101](phone)\n{option}\n")}
    async with two_phones(files) as world:
        call, incoming = await world.connect()
        call.play(1500)
        await incoming.hears(1500)
        await call.hold()
        if heard:
            await incoming.hears(HIGH)
        else:
            assert all(channel.tone is None for channel in world.server.pbx.channels)
        await call.hangup()
        await incoming.ended()


async def test_hold_that_is_intercepted_is_only_told(tmp_path: Path) -> None:
    async with two_phones(music(tmp_path)) as world, manager(world.server) as client:
        call, incoming = await world.connect("104")
        await call.hold()
        await client.event("Hold")
        assert all(channel.tone is None and not channel.on_hold for channel in world.server.pbx.channels)
        await call.unhold()
        await client.event("Unhold")
        await call.hangup()
        await incoming.ended()


async def test_hold_that_is_passed_through_plays_nothing(tmp_path: Path) -> None:
    """PJSIP_MOH_PASSTHROUGH of the channel that is put on hold: its phone is told by a re-INVITE."""
    async with two_phones(music(tmp_path)) as world:
        call, incoming = await world.connect("105")
        channel = next(one for one in world.server.pbx.channels if one.name.startswith("PJSIP/101"))
        assert channel.get_variable("GOT") == "yes"
        await incoming.hold()
        await until(lambda: "sendonly" in str(call.remote_description))
        assert channel.tone is None
        await call.hangup()
        await incoming.ended()


async def test_applications_and_their_events(tmp_path: Path) -> None:
    async with two_phones(music(tmp_path), register=False) as world, manager(world.server) as client:
        call = await world.ann.dial("7100")
        await call.answered()
        await call.ended()
        await client.event("Hangup")
        told = [event for event in client.events if event["Event"].startswith("MusicOnHold")]
        assert [event["Event"] for event in told] == ["MusicOnHoldStart", "MusicOnHoldStop"] * 4
        assert [event["Class"] for event in told[::2]] == ["high", "low", "high", "high"]
        assert [event["Priority"] for event in told] == ["2", "2", "3", "5", "7", "7", "8", "8"]


async def test_dial_plays_music_instead_of_ringing(tmp_path: Path) -> None:
    async with two_phones(music(tmp_path)) as world, manager(world.server) as client:
        call = await world.ann.dial("106")
        incoming = await world.bob.incoming()
        incoming.ring()
        await call.hears(HIGH)
        assert (await client.event("MusicOnHoldStart"))["ChannelStateDesc"] == "Ring"
        assert not any(response.status == 180 for response in call.responses)
        incoming.answer()
        await call.answered()
        incoming.play(660)
        await call.hears(660)
        await client.event("BridgeCreate")
        names = [event["Event"] for event in client.events]
        assert names.index("DialEnd") < names.index("MusicOnHoldStop") < names.index("BridgeCreate")
        await call.hangup()
        await incoming.ended()


async def test_a_dial_without_answer_ends_the_music(tmp_path: Path) -> None:
    async with two_phones(music(tmp_path)) as world, manager(world.server) as client:
        call = await world.ann.dial("107")
        await client.event("VarSet", Variable="MUSIC")
        names = [event["Event"] for event in client.events]
        assert names.count("MusicOnHoldStart") == names.count("MusicOnHoldStop") == 1
        await call.cancel()


async def test_a_key_changes_the_class(tmp_path: Path) -> None:
    async with two_phones(music(tmp_path), register=False) as world:
        call = await world.ann.dial("7101")
        await call.answered()
        await call.hears(LOW)
        call.send_digits("5")
        await call.hears(HIGH)
        await call.hangup()


async def test_a_program_is_heard_by_all_and_ends_with_the_last(tmp_path: Path) -> None:
    raw = tmp_path / "radio.raw"
    raw.write_bytes(tone(RADIO, 1.0).tobytes())
    script = f"import sys,time\ndata=open({str(raw)!r},'rb').read()\nwhile 1: sys.stdout.buffer.write(data)"
    (tmp_path / "radio.py").write_text(script)
    files = music(tmp_path)
    files["musiconhold.conf"] += (
        f"[radio]\nmode=custom\napplication={sys.executable} {tmp_path}/radio.py\n[general]\nallow_application=yes\n"
    )
    async with two_phones(files) as world:
        first, second = await world.ann.dial("7102"), await world.bob.dial("7102")
        await first.answered()
        await second.answered()
        await first.hears(RADIO)
        await second.hears(RADIO)
        (program,) = world.server.pbx.music.programs
        assert program.running
        await first.hangup()
        assert program.running
        await second.hangup()
        await until(lambda: not program.running)


async def test_the_console_shows_classes_and_files(tmp_path: Path) -> None:
    async with two_phones(music(tmp_path), register=False) as world:
        run = partial(console, world.server)
        low, high = tmp_path / "music" / "low", tmp_path / "music" / "high"
        shown = await run("moh show classes")
        assert shown == "".join(
            f"Class: {name}\n\tMode: files\n\tDirectory: {folder}\n"
            for name, folder in (("default", low), ("low", low), ("high", high))
        )
        assert f"Class: high\n\tFile: {high}/tone\n" in await run("moh show files")
        assert await run("moh unregister class nosuch") == "No such realtime moh class 'nosuch'\n"
        (Path(world.server.paths.etc) / "musiconhold.conf").write_text(f"[only]\nmode=playlist\nentry={low}/tone\n")
        await run("moh reload")
        shown = await run("moh show classes")
        assert "Class: only\n\tMode: playlist\n\tDirectory: nodir\n\tFormat: slin\n" in shown
