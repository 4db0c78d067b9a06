"""Recordings of calls that are transferred, of many calls, of one twice, and in kinds of files that are encoded."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from call_kit import RELAYED, two_phones
from manager_kit import MANAGER, manager
from recorded_kit import DIRECTORIES, finish, folder, heard, recording_of, samples_of, strengths

from asterism.media.formats import SLIN
from asterism.media.soundfiles import Sound
from asterism.pbx.calls.recording import afterwards
from asterism.testing import Phone, until

EXTENSIONS = """
[phones]
exten => 102,1,Dial(PJSIP/102,30)
exten => 103,1,Dial(PJSIP/103,30)
exten => 301,1,MixMonitor(moved.wav,D)
 same => n,Dial(PJSIP/102,30)
exten => 302,1,MixMonitor(one.wav,i(ONE))
 same => n,MixMonitor(two.wav,i(TWO))
 same => n,Dial(PJSIP/102,30)
exten => _X.,1,Answer()
 same => n,MixMonitor(many/${EXTEN}.wav,D)
 same => n,Echo()
exten => 304,1,MixMonitor(more.wav,a)
 same => n,Dial(PJSIP/102,30)
exten => 305,1,MixMonitor(/tmp/../${CALLERID(name)}.wav)
 same => n,MixMonitor(calls/${CALLERID(name)}.wav)
 same => n,MixMonitor(${CALLERID(name)}.wav)
 same => n,Dial(PJSIP/102,30)
"""
FILES = {"manager.conf": MANAGER, "extensions.conf": EXTENSIONS, **RELAYED}


async def test_a_recording_goes_on_through_an_attended_transfer() -> None:
    """Bob, with whom Ann talks, asks Carol and joins the two: Ann's recording has first Bob, then Carol."""
    async with two_phones(FILES) as world, Phone("103", world.server, "bob's secret", username="102") as carol:
        await carol.register()
        call, incoming = await world.connect("301")
        recording = await recording_of(world)
        call.play(440)
        incoming.play(700)
        await incoming.hears(440)
        await call.hears(700)
        await asyncio.sleep(0.5)
        await incoming.hold()
        consult = await world.bob.dial("103")
        third = await carol.incoming()
        third.answer()
        await consult.answered()
        await third.answered()
        third.play(900)
        consult.play(523)
        await third.hears(523)
        target = f"<{world.bob.uri('103')}?{consult.replaces()}>"
        assert (await incoming.refer(target)).status == 202
        await third.hears(440)
        await call.hears(900)
        assert recording.active
        await asyncio.sleep(0.6)
        await call.hangup()
        await third.ended()
        await recording.wait(5)
        left, right = samples_of(folder(world) / "moved.wav")
    spoken = heard(left, 440)
    # Also while she was held, which took longer than what a busy machine may leave out.
    assert spoken[spoken.index(True) :].count(False) <= 4 < spoken.count(True) - 10
    assert not any(heard(left, 700) + heard(left, 900) + heard(left, 523))
    bobs, carols = heard(right, 700), heard(right, 900)
    assert sum(bobs) >= 5
    assert sum(carols) >= 5
    assert len(bobs) - bobs[::-1].index(True) <= carols.index(True) + 1
    assert not any(heard(right, 440) + heard(right, 523))  # neither herself, nor what Bob said to Carol


async def test_two_recordings_of_a_channel_and_one_is_ended_by_its_id() -> None:
    async with two_phones(FILES) as world, manager(world.server) as client:
        call, incoming = await world.connect("302")
        one, two = world.server.pbx.recordings
        call.play(440)
        await incoming.hears(440)
        await asyncio.sleep(0.5)
        name = one.channel.name
        assert one.channel.variables["ONE"] == one.identifier
        ended = await client.action("StopMixMonitor", Channel=name, MixMonitorID=one.identifier)
        assert ended["Response"] == "Success"
        assert not one.active
        assert two.active
        await asyncio.sleep(1)
        await finish(world, call, incoming)
        first, second = (samples_of(folder(world) / f"{name}.wav")[0] for name in ("one", "two"))
    assert len(second) - len(first) == pytest.approx(8000, abs=2500)
    assert sum(heard(first, 440)) >= 4
    assert sum(heard(second, 440)) >= sum(heard(first, 440)) + 8


async def test_the_next_call_is_added_to_the_file_of_the_last() -> None:
    async with two_phones(FILES) as world:
        for frequency in (440, 700):
            call, incoming = await world.connect("304")
            call.play(frequency)
            await incoming.hears(frequency)
            await asyncio.sleep(0.4)
            await finish(world, call, incoming)
        (pcm,) = samples_of(folder(world) / "more.wav")
    low, high = heard(pcm, 440), heard(pcm, 700)
    assert sum(low) >= 3
    assert sum(high) >= 3
    assert len(low) - low[::-1].index(True) <= high.index(True) + 1  # the tenth in which one file ends and goes on


async def test_fifty_calls_at_once_have_a_file_each_with_their_own_voice() -> None:
    count = 50
    async with two_phones(FILES, register=False) as world:
        calls = []
        for number in range(count):
            call = await world.ann.dial(f"9{number:02}")
            await call.answered()
            call.play(400 + 20 * number)
            calls.append(call)
        await until(lambda: len(world.server.pbx.recordings) == count)
        recordings = list(world.server.pbx.recordings)
        await asyncio.sleep(1.5)
        for call in calls:
            await call.hangup()
        for one in recordings:
            await one.wait(20)
            assert one.error == ""
        assert world.server.pbx.recordings.thread.waiting == 0
        for number in range(count):
            left, right = samples_of(folder(world) / "many" / f"9{number:02}.wav")
            assert len(left) >= 12000
            own = 400 + 20 * number
            for side in (left, right):
                assert sum(heard(side, own)) >= 6, number
                for other in (own - 20, own + 20):
                    assert max(strengths(side[-8000:], other, 0.5)) < 1000, number


@pytest.mark.parametrize(
    ("extension", "octets"), [("gsm", 1650), ("WAV", 1625), ("opus", 0), ("g722", 8000), ("au", 8000)]
)
async def test_a_call_is_written_in_kinds_that_are_encoded(extension: str, octets: int) -> None:
    dialplan = f"[phones]\nexten => 102,1,MixMonitor(kind.{extension})\n same => n,Dial(PJSIP/102,30)\n"
    async with two_phones({**FILES, "extensions.conf": dialplan}) as world:
        call, incoming = await world.connect()
        call.play(440)
        incoming.play(1000)
        await incoming.hears(440)
        await call.hears(1000)
        await asyncio.sleep(1)
        await finish(world, call, incoming)
        path = folder(world) / f"kind.{extension}"
        told: list[str] = []
        sound = Sound(path, SLIN, told.append)
        pcm = np.frombuffer(b"".join(frame.payload for frame in sound.frames()), "<i2")
        size = path.stat().st_size
    assert told == []
    both = [one > 2000 and other > 2000 for one, other in zip(strengths(pcm, 440), strengths(pcm, 1000), strict=True)]
    assert sum(both) >= 8
    if octets:
        assert size == pytest.approx(sound.seconds * octets, abs=70)


async def test_what_a_caller_is_called_chooses_no_folder(capsys: pytest.CaptureFixture[str]) -> None:
    evil = RELAYED["pjsip.conf"].replace('callerid="Ann Example" <101>\n', "trust_id_inbound=yes\n")
    async with two_phones({**FILES, "pjsip.conf": evil}) as world:
        world.ann.display = "../../evil"
        call = await world.ann.dial("305")
        incoming = await world.bob.incoming()
        incoming.answer()
        await call.answered()
        assert not len(world.server.pbx.recordings)
        call.play(440)
        await incoming.hears(440)
        await call.hangup()
        await incoming.ended()
        root = Path(world.server.paths.spool).parent
        assert not list(root.rglob("*evil*"))
    assert capsys.readouterr().out.count("is text from outside that would choose a folder") == 3


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB of its own."""
    if os.geteuid() or os.system(f"mount -t tmpfs -o size=256k tmpfs {tmp_path}"):
        pytest.skip("may not mount")
    yield tmp_path
    os.system(f"umount -l {tmp_path}")


def dialplan_of(*names: str) -> str:
    lines = "".join(f" same => n,MixMonitor({name})\n" for name in names)
    return f"[phones]\nexten => 102,1,NoOp()\n{lines} same => n,Dial(PJSIP/102,30)\n"


async def test_a_disk_that_becomes_full_ends_each_recording_with_a_line_and_an_event_and_no_call(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"{small_disk}/{name}" for name in ("one.wav", "two.sln", "three.gsm")]
    files = {**FILES, "extensions.conf": dialplan_of(*names)}
    async with two_phones(files) as world, manager(world.server) as client:
        call, incoming = await world.connect()
        recordings = list(world.server.pbx.recordings)
        call.play(440)
        await incoming.hears(440)
        await until(lambda: all(one.seconds > 0.4 for one in recordings))
        (small_disk / "rest").write_bytes(bytes(os.statvfs(small_disk).f_bavail * 4096 - 3 * 4096))
        await until(lambda: not len(world.server.pbx.recordings), 30)
        await client.event("MixMonitorStop")
        await client.action("Ping")
        assert [one["Event"] for one in client.events].count("MixMonitorStop") == len(names)
        for one in recordings:
            await one.wait(5)
            assert one.error == "No space left on device"
        call.play(700)
        await incoming.hears(700)
        for name in names:
            assert Sound(Path(name), SLIN, pytest.fail).seconds > 0.2
        await call.hangup()
        await incoming.ended()
    shown = capsys.readouterr().out
    for name in names:
        assert shown.count(f"{name} cannot be written: No space left on device") == 1


async def test_a_device_without_room_and_a_folder_that_may_not_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("wav", "sln", "opus"):
        (tmp_path / f"full.{kind}").symlink_to("/dev/full")
    names = [f"{tmp_path}/full.{kind}" for kind in ("wav", "sln", "opus")] + ["/proc/sys/no.wav"]
    async with two_phones({**FILES, "extensions.conf": dialplan_of(*names)}) as world:
        call, incoming = await world.connect()
        call.play(440)
        await incoming.hears(440)
        await until(lambda: not len(world.server.pbx.recordings))
        await call.hangup()
        await incoming.ended()
    shown = capsys.readouterr().out
    for name in names:
        assert shown.count(f"{name} cannot be written:") == 1, name
    assert "Traceback" not in shown
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


async def test_a_command_that_hangs_does_not_hold_up_the_end_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(afterwards, "GRACE", 0.5)
    dialplan = (
        f"[phones]\nexten => 1,1,Answer()\n same => n,MixMonitor(one.wav,,echo $$ >{tmp_path}/pid && sleep 600)\n"
    )
    conf = DIRECTORIES.format(root=tmp_path) + "[options]\nrecording_commands = yes\n"
    files = {"extensions.conf": dialplan + " same => n,Wait(1)\n", "asterisk.conf": conf}
    async with two_phones(files, register=False) as world:
        call = await world.ann.dial("1")
        await call.ended()
        await until((tmp_path / "pid").exists)
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 5
    assert (tmp_path / "pid").read_text().strip() not in os.listdir("/proc")
    assert capsys.readouterr().out.count("1 commands of recordings have not ended and are killed") == 1
