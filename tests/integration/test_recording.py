"""Recordings of calls between two phones, by what is in their files: who, when, where; and what goes wrong."""

from __future__ import annotations

import asyncio
import resource
import threading
from pathlib import Path

import numpy as np
import pytest
from call_kit import RELAYED, two_phones
from manager_kit import MANAGER, manager
from recorded_kit import DIRECTORIES, finish, folder, heard, open_files, recording_of, samples_of, strengths

from asterism.media.taps import Direction
from asterism.pbx.channels.replacing import replace_far_end
from asterism.testing import until

EXTENSIONS = """
[phones]
exten => 102,1,Dial(PJSIP/102,30)
exten => 301,1,MixMonitor(one.wav,r(in.wav)t(out.wav)i(ID))
 same => n,Dial(PJSIP/102,30)
exten => 302,1,MixMonitor(deep/stereo.wav,Db)
 same => n,Dial(PJSIP/102,30)
exten => 303,1,Answer()
 same => n,MixMonitor(stopped.wav,i(ID))
 same => n,Set(NAME=${MIXMONITOR(${ID},filename)})
 same => n,Wait(1)
 same => n,StopMixMonitor(${ID})
 same => n,UserEvent(Stopped,Name: ${NAME})
 same => n,Wait(30)
exten => 304,1,MixMonitor(../../out.wav)
 same => n,MixMonitor(one.mp3)
 same => n,MixMonitor()
 same => n,MixMonitor(one.wav,Z)
 same => n,MixMonitor(one.wav)
 same => n,MixMonitor(two.g723)
 same => n,MixMonitor(file/three.wav)
 same => n,Dial(PJSIP/102,30)
exten => 600,1,Answer()
 same => n,Echo()
exten => 306,1,MixMonitor(moved.wav,D)
 same => n,Dial(PJSIP/102,30)
exten => 305,1,MixMonitor(law.ulaw,B(1)V(-2)v(2))
 same => n,Dial(PJSIP/102,30)
"""
FILES = {"manager.conf": MANAGER, "extensions.conf": EXTENSIONS, **RELAYED}


async def test_both_tones_at_the_right_times_mixed_and_apart() -> None:
    async with two_phones(FILES) as world:
        call, incoming = await world.connect("301")
        recording = await recording_of(world)
        began = asyncio.get_running_loop().time() - (recording.due - 0.5)
        call.play(440)
        await incoming.hears(440)
        await asyncio.sleep(1)
        incoming.play(700)
        await asyncio.sleep(1)
        call.play()
        await asyncio.sleep(1)
        ann = recording.channel
        assert ann.bridge is not None
        assert ann.bridge.technology == "simple_bridge"
        assert ann.stream.received.quick is not None  # type: ignore[attr-defined]
        await finish(world, call, incoming)
        assert began < 5
        mixed, received, sent = [samples_of(folder(world) / f"{name}.wav")[0] for name in ("one", "in", "out")]
        assert recording.seconds == len(mixed) / 8000
    assert len(mixed) == len(received) == len(sent)
    assert 3.0 < len(mixed) / 8000 < 6.0
    low, high = heard(received, 440), heard(sent, 700)
    both = [one and other for one, other in zip(heard(mixed, 440), heard(mixed, 700), strict=True)]
    assert heard(mixed, 440) == low
    assert heard(mixed, 700) == high
    assert not any(heard(received, 700) + heard(sent, 440))
    assert 8 <= sum(both) <= 13  # one second together
    assert low.index(True) + 9 <= high.index(True) <= low.index(True) + 16
    assert 18 <= sum(low) <= 26
    assert sum(high) >= 18
    # Without a hole: between the first and the last tenth it is there all the time.
    assert low[low.index(True) : len(low) - low[::-1].index(True)].count(False) == 0
    assert min(strengths(sent, 700)[high.index(True) + 1 : -2]) > 7000


async def test_stereo_of_the_bridge_alone_follows_a_hold_with_music() -> None:
    async with two_phones(FILES) as world:
        call = await world.ann.dial("302")
        incoming = await world.bob.incoming()
        incoming.ring()
        await asyncio.sleep(0.7)  # not recorded
        incoming.answer()
        await call.answered()
        await incoming.answered()
        started = asyncio.get_running_loop().time()
        call.play(440)
        incoming.play(700)
        await incoming.hears(440)
        await asyncio.sleep(0.5)
        await incoming.hold()
        await asyncio.sleep(1)
        await incoming.unhold()
        await incoming.hears(440)
        await call.hears(700)
        await asyncio.sleep(0.5)
        took = asyncio.get_running_loop().time() - started
        await finish(world, call, incoming)
        left, right = samples_of(folder(world) / "deep" / "stereo.wav")
    assert len(left) / 8000 == pytest.approx(took, abs=0.25)
    assert not any(heard(left, 700) + heard(right, 440))
    spoken = heard(right, 700)
    first, last = spoken.index(True), len(spoken) - 1 - spoken[::-1].index(True)
    silent = [number for number in range(first, last) if not spoken[number]]
    assert 8 <= len(silent) <= 14
    assert silent == list(range(silent[0], silent[-1] + 1))
    # Meanwhile Ann, who is held, was sent music and spoke on.
    assert np.abs(right[(silent[0] + 2) * 800 : (silent[-1] - 1) * 800].astype(int)).mean() > 100
    assert all(heard(left, 440)[silent[0] + 1 : silent[-1]])


async def test_direct_media_comes_back_while_recorded() -> None:
    async with two_phones({"manager.conf": MANAGER}) as world, manager(world.server) as client:
        call, incoming = await world.connect()
        call.play(440)
        incoming.play(700)
        await until(lambda: call.audio.remote == (incoming.audio.host, incoming.audio.port))
        (ann,) = (one for one in world.server.pbx.channels if one.name.startswith("PJSIP/101"))
        answer = await client.action("MixMonitor", Channel=ann.name, File="direct.wav", Options="i(ID)")
        assert answer["Response"] == "Success"
        assert answer["MixMonitorID"] == ann.variables["ID"]
        await until(lambda: call.audio.remote != (incoming.audio.host, incoming.audio.port))
        await incoming.hears(440)
        await call.hears(700)
        await asyncio.sleep(0.5)
        recording = await recording_of(world)
        assert (await client.action("StopMixMonitor", Channel=ann.name))["Response"] == "Success"
        await until(lambda: call.audio.remote == (incoming.audio.host, incoming.audio.port))
        await recording.wait(5)
        await finish(world, call, incoming)
        (pcm,) = samples_of(folder(world) / "direct.wav")
    assert sum(one and two for one, two in zip(heard(pcm, 440), heard(pcm, 700), strict=True)) >= 4


async def test_the_dialplan_waits_until_the_file_is_closed() -> None:
    async with two_phones(FILES, register=False) as world, manager(world.server) as client:
        call = await world.ann.dial("303")
        await call.answered()
        call.play(440)
        stopped = await client.event("UserEvent")
        path = folder(world) / "stopped.wav"
        assert stopped["Name"] == str(path)
        assert samples_of(path).shape[1] == pytest.approx(8000, abs=400)
        assert not len(world.server.pbx.recordings)
        await call.hangup()


async def test_what_cannot_be_recorded_is_one_line_each_and_the_call_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with two_phones(FILES) as world:
        folder(world).mkdir(parents=True)
        (folder(world) / "file").touch()
        call, incoming = await world.connect("304")
        call.play(440)
        await incoming.hears(440)
        await until(lambda: len(list(world.server.pbx.recordings)) == 1)
        await finish(world, call, incoming)
        assert sorted(path.name for path in folder(world).iterdir()) == ["file", "one.wav"]
        assert not (folder(world).parent.parent / "out.wav").exists()
    shown = capsys.readouterr().out
    for words in (
        "'../../out.wav' leads out of", "files of the kind 'mp3' cannot be written", "it needs the name of a file",
        "option 'Z' is unknown", "one.wav is being written by another recording", "the kind 'g723' cannot be written",
        "three.wav cannot be written: Not a directory",
    ):  # fmt: skip
        assert shown.count(words) == 1, words


async def test_a_full_disk_ends_the_recording_and_not_the_call(capsys: pytest.CaptureFixture[str]) -> None:
    async with two_phones(FILES) as world, manager(world.server) as client:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        call, incoming = await world.connect("301")
        recording = await recording_of(world)
        resource.setrlimit(resource.RLIMIT_FSIZE, (30000, before[1]))
        try:
            call.play(440)
            stopped = await client.event("MixMonitorStop")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert stopped["Channel"].startswith("PJSIP/101")
        await recording.wait(5)
        assert recording.error == "File too large"
        assert samples_of(folder(world) / "one.wav").shape[1] == (30000 - 44) // 2
        await incoming.hears(440)
        await until(lambda: world.server.pbx.channels.get(stopped["Channel"]).bridge.technology == "native_rtp")
        await call.hangup()
        await incoming.ended()
    assert capsys.readouterr().out.count("cannot be written: File too large") == 1


async def test_gains_and_beeps_that_both_hear() -> None:
    async with two_phones(FILES) as world:
        call, incoming = await world.connect("305")
        incoming.play(700)
        await call.hears(700)
        call.play(440)
        await incoming.hears(440)
        # The sound beep is 1000 Hz.
        await until(lambda: call.audio.level(1000) > 0.05)
        await until(lambda: incoming.audio.level(1000) > 0.05)
        await until(lambda: call.audio.level(1000) < 0.01 and incoming.audio.level(1000) < 0.01)
        ann = (await recording_of(world)).channel
        await until(lambda: ann.stream.received.quick is not None)  # type: ignore[attr-defined]
        await finish(world, call, incoming)
        assert (folder(world) / "law.ulaw").stat().st_size > 8000


async def test_a_program_records_pauses_and_mutes() -> None:
    async with two_phones(FILES) as world:
        call, incoming = await world.connect()
        call.play(440)
        incoming.play(700)
        await incoming.hears(440)
        await call.hears(700)
        (ann,) = (one for one in world.server.pbx.channels if one.name.startswith("PJSIP/101"))
        loop = asyncio.get_running_loop()
        async with ann.record("program.wav", received="says.wav16", sent="hears.sln") as recording:
            began = loop.time()
            await asyncio.sleep(0.6)
            recording.mute(Direction.IN)
            await asyncio.sleep(0.6)
            recording.mute(Direction.IN, on=False)
            paused = loop.time()
            recording.pause()
            assert recording.paused
            await asyncio.sleep(1)
            recording.resume()
            resumed = loop.time()
            await asyncio.sleep(0.4)
            ended = loop.time()
        assert not recording.active
        assert recording.error == ""
        assert recording.path == folder(world) / "program.wav"
        await call.hangup()
        await incoming.ended()
        (pcm,) = samples_of(recording.path)
        assert (folder(world) / "says.wav16").stat().st_size == pytest.approx(len(pcm) * 4, abs=100)
        assert (folder(world) / "hears.sln").stat().st_size == len(pcm) * 2
    assert len(pcm) / 8000 == pytest.approx(paused - began + ended - resumed, abs=0.05)
    assert heard(pcm, 700).count(False) <= 2
    low = heard(pcm, 440)
    assert all(low[1:5])
    assert not any(low[7:11])
    assert all(low[13:15])


async def test_nothing_is_left_when_channels_end_in_a_recording() -> None:
    others = set(threading.enumerate())  # of tests that let a disk hang
    async with two_phones(FILES) as world:
        for _ in range(3):
            call, incoming = await world.connect("301")
            call.play(440)
            await incoming.hears(440)
            await finish(world, call, incoming)
            await until(lambda: not list(world.server.pbx.recordings))
        assert world.server.pbx.recordings.thread.waiting == 0
        assert not [name for name in open_files() if "monitor" in name]
        await until(
            lambda: not [one for one in set(threading.enumerate()) - others if one.name.startswith("recordings")]
        )


async def test_a_recording_goes_on_through_a_transfer() -> None:
    async with two_phones(FILES) as world, manager(world.server) as client:
        call, incoming = await world.connect("306")
        recording = await recording_of(world)
        call.play(440)
        incoming.play(700)
        await incoming.hears(440)
        await call.hears(700)
        await asyncio.sleep(0.6)
        (bob,) = (one for one in world.server.pbx.channels if one.name.startswith("PJSIP/102"))
        answer = await client.action("BlindTransfer", Channel=bob.name, Context="phones", Exten="600")
        assert answer["Response"] == "Success"
        await incoming.ended()
        await call.hears(440)  # herself: the echo
        assert recording.active
        await asyncio.sleep(0.6)
        await call.hangup()
        await recording.wait(5)
        left, right = samples_of(folder(world) / "moved.wav")
    spoken = heard(left, 440)
    assert spoken[spoken.index(True) :].count(False) <= 1
    before, after = heard(right, 700), heard(right, 440)
    assert sum(before) >= 6
    assert sum(after) >= 6
    assert before.index(True) + sum(before) <= after.index(True) + 1
    assert sum(one and two for one, two in zip(before, after, strict=True)) <= 1  # the tenth in which it changes


async def test_a_recording_goes_on_when_another_phone_takes_the_place() -> None:
    async with two_phones(FILES) as world:
        call, incoming = await world.connect("306")
        recording = await recording_of(world)
        call.play(440)
        incoming.play(700)
        await incoming.hears(440)
        await asyncio.sleep(0.6)
        other = await world.ann.dial("600")
        await other.answered()
        other.play(523)
        await other.hears(523)
        second = next(one for one in world.server.pbx.channels if one.exten == "600")
        replace_far_end(recording.channel, second)
        await call.ended()
        await incoming.hears(523)
        await other.hears(700)
        await asyncio.sleep(0.6)
        await finish(world, other, incoming)
        left, right = samples_of(folder(world) / "moved.wav")
    assert sum(heard(left, 440)) >= 6
    assert sum(heard(left, 523)) >= 5
    spoken = heard(right, 700)
    assert spoken[spoken.index(True) :].count(False) <= 3  # while the one goes and the other comes


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_command_is_run_if_the_file_of_options_allows_it(allowed: bool, tmp_path: Path) -> None:
    done = tmp_path / "done"
    dialplan = f"[phones]\nexten => 1,1,Answer()\n same => n,MixMonitor(one.wav,,cp ^{{MIXMONITOR_FILENAME}} {done})\n"
    options = "[options]\nrecording_commands = yes\n" if allowed else "[options]\n"
    conf = DIRECTORIES.format(root=tmp_path) + options
    files = {"extensions.conf": dialplan + " same => n,Wait(1)\n", "asterisk.conf": conf}
    async with two_phones(files, register=False) as world:
        call = await world.ann.dial("1")
        await call.ended()
        if allowed:
            await until(done.exists)
        else:
            await asyncio.sleep(0.5)
        assert done.exists() is allowed
