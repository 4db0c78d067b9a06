"""Names that are recorded: asking, reviewing, hanging up meanwhile, what a crash has left."""

from __future__ import annotations

import asyncio

import pytest
from confbridge_kit import World, conference, record_names
from fake_technology import settle

from asterism.pbx.calls.conference.naming import Name, folder_of, remove_left_over
from asterism.pbx.calls.recording.settings import RecordingError

NAMED = "[named]\ntype=user\nannounce_join_leave=yes\n[reviewed]\ntype=user\nannounce_join_leave_review=yes\n"


def spoken(world: World) -> list[str]:
    return [line.rpartition("/")[2].removeprefix("alice ") for line in world.take_played()]


def test_it_ends_by_itself() -> None:
    async def scenario(world: World) -> None:
        record_names(world)
        await world.enter("alice", "room,,named")
        await asyncio.sleep(10)
        assert not world.pbx.conferences
        await asyncio.sleep(2)
        assert world.room().users

    conference(scenario, NAMED)


ASKED = ["vm-rec-name", "beep", "vm-review"]


@pytest.mark.parametrize(
    ("digits", "heard"),
    [("1", ASKED), ("#", ASKED), ("91", [*ASKED, "vm-review"]), ("21", [*ASKED, "NAME", "vm-review"])],
)
def test_reviewing(digits: str, heard: list[str]) -> None:
    async def scenario(world: World) -> None:
        record_names(world)
        alice = await world.enter("alice", "room,,reviewed")
        await asyncio.sleep(2)
        await world.press(alice, "#", 0.6)
        for digit in digits:
            await world.press(alice, digit, 1.1)
        await asyncio.sleep(1)
        (name,) = (path.stem for path in folder_of(world.pbx).glob("*"))
        told = ["NAME" if one == name else one for one in spoken(world)]
        assert told[: len(heard)] == heard
        assert alice in world.room().users

    conference(scenario, NAMED)


def test_reviewing_once_more_and_saying_nothing() -> None:
    async def scenario(world: World) -> None:
        record_names(world)
        alice = await world.enter("alice", "room,,reviewed")
        await asyncio.sleep(2)
        await world.press(alice, "#", 0.6)
        await world.press(alice, "3", 2)
        await world.press(alice, "#", 0.6)
        assert spoken(world) == ASKED * 2
        await asyncio.sleep(8)
        assert alice in world.room().users

    conference(scenario, NAMED)


def test_hanging_up_while_it_is_recorded_leaves_nothing() -> None:
    async def scenario(world: World) -> None:
        record_names(world)
        alice = await world.enter("alice", "room,,named")
        await asyncio.sleep(3)
        alice.queue_hangup(16)
        await settle(30)
        assert world.result(alice) == "FAILED"
        assert not world.pbx.conferences
        assert list(folder_of(world.pbx).glob("*")) == []

    conference(scenario, NAMED)


def test_who_cannot_be_recorded_enters_without_a_name() -> None:
    async def scenario(world: World) -> None:
        def start(*_: object, **__: object) -> None:
            raise RecordingError("the folder cannot be written")

        world.pbx.recordings.start = start
        alice = await world.enter("alice", "room,,named")
        await asyncio.sleep(8)
        assert alice in world.room().users
        assert any("the folder cannot be written" in line for line in world.warnings)
        assert "CBAnn/room;1 conf-hasjoin" not in world.played

    conference(scenario, NAMED)


def test_what_a_crash_has_left_is_removed() -> None:
    async def scenario(world: World) -> None:
        folder = folder_of(world.pbx)
        remove_left_over(world.pbx)
        folder.mkdir(parents=True)
        (folder / "name-of-1.wav").write_bytes(b"")
        (folder / "other.wav").write_bytes(b"")
        remove_left_over(world.pbx)
        assert [path.name for path in folder.glob("*")] == ["other.wav"]
        (folder / "other.wav").unlink()

    conference(scenario)


def test_its_file_goes_when_it_was_said() -> None:
    async def scenario(world: World) -> None:
        channel = world.server.sip.incoming("alice", "1")
        name = Name(channel)
        name.path.parent.mkdir(parents=True)
        name.path.write_bytes(b"")
        said = asyncio.get_running_loop().create_future()
        name.forget_after(said)
        await settle()
        assert name.path.exists()
        said.set_result(True)
        await settle()
        assert not name.path.exists()
        channel.hang_up()

    conference(scenario)


def test_an_id_that_came_from_outside_names_no_file() -> None:
    async def scenario(world: World) -> None:
        channel = world.server.sip.incoming("alice", "1")
        channel.uniqueid = "x/../../../../tmp/y"
        assert Name(channel).path.parent == folder_of(world.pbx)
        assert Name(channel).path != Name(channel).path

    conference(scenario)
