"""What users hear before they are in the mix, and what happens around their visit."""

from __future__ import annotations

import asyncio

import pytest
from confbridge_kit import World, conference, record_names
from fake_technology import settle

from asterism.media import denoise
from asterism.media.denoise import Denoiser
from asterism.pbx.calls.conference.naming import folder_of
from asterism.pbx.channels.jitter import is_buffered
from asterism.pbx.channels.music.playing import music_of
from asterism.pbx.channels.volume import channel_taps


def test_announcement_and_count_come_before_the_mix() -> None:
    async def scenario(world: World) -> None:
        await world.enter("alice", "room,,usr")
        await world.enter("bob", "room,,usr")
        carol = await world.enter("carol", "room,,told")
        assert carol.bridge is None
        await asyncio.sleep(5)
        assert carol.bridge is world.room().bridge
        assert world.played == [
            "PJSIP/carol hello", "PJSIP/carol conf-thereare", "PJSIP/carol digits/2", "PJSIP/carol conf-otherinparty",
            "CBAnn/room;1 confbridge-join",
        ]  # fmt: skip

    conference(scenario, "[told]\ntype=user\nannouncement=hello\nannounce_user_count=yes\n")


@pytest.mark.parametrize(("value", "heard"), [("yes", 3), ("2", 1), ("3", 0), ("no", 0)])
def test_all_hear_how_many_there_are(value: str, heard: int) -> None:
    async def scenario(world: World) -> None:
        for name in ("alice", "bob", "carol"):
            await world.enter(name, "room,,all")
            await asyncio.sleep(3)
        spoken = [line.partition(" ")[2] for line in world.played if line.startswith("CBAnn")]
        counts = ["conf-onlyone", "conf-thereare", "digits/2", "conf-otherinparty"]
        assert [name for name in spoken if name in counts] == (counts if heard == 3 else counts[1:] if heard else [])

    conference(scenario, f"[all]\ntype=user\nquiet=yes\nannounce_user_count_all={value}\n")


def test_who_is_quiet_and_who_does_not_want_to_hear_that_he_is_alone() -> None:
    async def scenario(world: World) -> None:
        await world.enter("alice", "room,,usr")
        await world.enter("bob", "other,,silent")
        await asyncio.sleep(2)
        assert world.played == ["CBAnn/other;1 confbridge-join"]

    conference(scenario, "[silent]\ntype=user\nannounce_only_user=no\n")


def test_own_join_sound() -> None:
    async def scenario(world: World) -> None:
        await world.enter("alice", "room,,usr")
        bob = await world.enter("bob", "room,,deaf")
        assert bob.bridge is None  # the others hear it first
        await asyncio.sleep(0.6)
        assert bob.bridge is world.room().bridge
        carol = await world.enter("carol", "room,,def")
        assert carol.bridge is world.room().bridge
        dave = await world.enter("dave", "room,,deaf")
        assert dave.bridge is None
        world.room().kick(world.room().users[dave])
        await settle(20)
        assert world.result(dave) == "KICKED"

    conference(scenario, "[deaf]\ntype=user\nhear_own_join_sound=no\n")


WAITING = """
[waits]
type=user
wait_marked=yes
music_on_hold_when_empty=yes
[ends]
type=user
wait_marked=yes
end_marked=yes
[leader]
type=user
marked=yes
announce_only_user=no
"""


def test_waiting_for_the_leader_with_music_and_again_when_he_has_left() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,waits")
        bob = await world.enter("bob", "room,,ends")
        assert world.room().users[alice].waiting
        await asyncio.sleep(2)
        assert music_of(alice) is not None
        assert music_of(bob) is None
        assert world.take_played() == [
            "PJSIP/alice conf-waitforleader", "PJSIP/bob conf-waitforleader",
            "CBAnn/room;1 confbridge-join", "CBAnn/room;1 confbridge-join",
        ]  # fmt: skip
        carol = await world.enter("carol", "room,,leader")
        assert music_of(alice) is None
        assert not world.room().users[bob].waiting
        await asyncio.sleep(3)
        assert world.take_played() == [
            "CBAnn/room;1 confbridge-join", "CBAnn/room;1 conf-placeintoconf", "CBAnn/room;1 confbridge-conf-begin",
        ]  # fmt: skip
        carol.queue_hangup(16)
        await asyncio.sleep(3)
        assert world.result(bob) == "ENDMARKED"
        assert world.room().users[alice].waiting
        assert music_of(alice) is not None
        played = world.take_played()
        assert played.count("PJSIP/bob conf-leaderhasleft") == 1
        assert played.count("PJSIP/alice conf-leaderhasleft") == 1
        assert [line for line in played if line.startswith("CBAnn")] == ["CBAnn/room;1 confbridge-leave"] * 2

    conference(scenario, WAITING)


def test_hanging_up_while_waiting_for_the_leader() -> None:
    async def scenario(world: World) -> None:
        for moment in (0.2, 1.0):
            alice = await world.enter("alice", "room,,waits")
            await asyncio.sleep(moment)
            alice.queue_hangup(16)
            await settle(20)
            assert world.result(alice) == ("FAILED" if moment < 0.5 else "HANGUP")
            assert not world.pbx.conferences

    conference(scenario, WAITING)


def test_music_while_alone() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,lonely,menu1")
        assert music_of(alice) is not None
        await world.press(alice, "1", 1)  # a sound plays instead, then the music again
        assert "PJSIP/alice conf-muted" in world.played
        assert music_of(alice) is not None
        bob = await world.enter("bob", "room,,usr")
        assert music_of(alice) is None
        bob.queue_hangup(16)
        await settle(20)
        assert music_of(alice) is not None
        room = world.room()
        room.kick(room.users[alice])
        await settle(20)
        assert music_of(alice) is None

    conference(scenario, "[lonely]\ntype=user\nquiet=yes\nmusic_on_hold_when_empty=yes\n")


def test_the_time_of_a_user_is_over() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,short")
        await asyncio.sleep(29)
        assert alice.bridge is not None
        await asyncio.sleep(2)
        assert world.result(alice) == "TIMEOUT"
        assert alice.alive

    conference(scenario, "[short]\ntype=user\nquiet=yes\ntimeout=30\n")


def test_a_jitter_buffer_is_there_as_long_as_the_user() -> None:
    async def scenario(world: World) -> None:
        alice = await world.enter("alice", "room,,buffered")
        assert is_buffered(alice)
        world.room().kick_all()
        await settle(20)
        assert not is_buffered(alice)

    conference(scenario, "[buffered]\ntype=user\nquiet=yes\njitterbuffer=yes\n")


def test_the_name_is_recorded_and_said() -> None:
    async def scenario(world: World) -> None:
        record_names(world)
        await world.enter("alice", "room,,usr")
        bob = await world.enter("bob", "room,,named")
        await asyncio.sleep(2)
        await world.press(bob, "#")
        await asyncio.sleep(3)
        (name,) = (path.stem for path in folder_of(world.pbx).glob("*"))
        spoken = [line.rpartition("/")[2] for line in world.take_played()]
        assert spoken == ["bob vm-rec-name", "bob beep", "room;1 confbridge-join", name, "room;1 conf-hasjoin"]
        bob.queue_hangup(16)
        await asyncio.sleep(3)
        assert [line.rpartition("/")[2] for line in world.take_played()] == [
            name, "room;1 conf-hasleft", "room;1 confbridge-leave",
        ]  # fmt: skip

    conference(scenario, "[named]\ntype=user\nannounce_join_leave=yes\n")


def test_noise_is_taken_out_as_long_as_the_user_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(world: World) -> None:
        monkeypatch.setattr(denoise, "reason", lambda: "")
        alice = await world.enter("alice", "room,,clear")
        assert any(isinstance(tap, Denoiser) for tap in channel_taps(alice))
        world.room().kick_all()
        await settle(20)
        assert not any(isinstance(tap, Denoiser) for tap in channel_taps(alice))
        monkeypatch.setattr(denoise, "reason", lambda: "the library is missing")
        bob = await world.enter("bob", "room,,clear")
        assert bob in world.room().users
        assert any("is not taken out: the library is missing" in line for line in world.warnings)

    conference(scenario, "[clear]\ntype=user\nquiet=yes\ndenoise=yes\n")
