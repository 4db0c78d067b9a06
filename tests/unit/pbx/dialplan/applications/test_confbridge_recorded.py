"""The recorded conferences, from the dialplan: their events with every field, and what was played."""

from __future__ import annotations

import asyncio
import re

import pytest
from bridge_kit import compare
from confbridge_kit import RECORD, World, conference
from fake_technology import settle

from asterism.pbx.channels.channel import Channel

FILE = RECORD / "confbridge.txt"
THREADS = (
    "BridgeEnter", "BridgeLeave", "ConfbridgeJoin", "ConfbridgeLeave", "ConfbridgeEnd", "BridgeDestroy", "Hangup",
    "HangupRequest", "Newexten", "BridgeVideoSourceUpdate",
)  # fmt: skip
"""Events whose order among those of other channels is that of the recorded server's threads."""


FALLEN = ("SoftHangupRequest",)
"""Where the dialplan ends it tells the priority that there is not; the record has the last one."""


async def two_in_the_room(world: World) -> tuple[Channel, Channel]:
    """Alice, a user, and Bob, an admin, as in most of the record; what has been told so far is forgotten."""
    alice = await world.call("alice", "7200")
    bob = await world.call("bob", "7201")
    world.server.recorded.clear()
    return alice, bob


def test_two_come() -> None:
    async def scenario(world: World) -> None:
        await world.call("alice", "7200")
        await world.call("bob", "7201")
        compare(world.server, "ConfBridge room: alice (user) joins", THREADS, record=FILE, without=FALLEN)

    conference(scenario)


def test_the_menu() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await two_in_the_room(world)
        world.room().set_video_source(alice)
        world.server.recorded.clear()
        for channel, digit in ((alice, "1"), (alice, "1"), (alice, "*"), (alice, "7"), (bob, "5"), (bob, "5")):
            channel.queue_digit_begin(digit)
            channel.queue_digit(digit, 120)
            await asyncio.sleep(1)
        compare(world.server, "DTMF menu: alice 1 (toggle mute)", record=FILE)

    conference(scenario)


def test_an_admin_puts_out_the_last() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await two_in_the_room(world)
        world.room().set_video_source(alice)
        world.server.recorded.clear()
        await world.call("carol", "7200")
        bob.queue_digit_begin("4")
        bob.queue_digit("4", 120)
        await settle(40)
        compare(world.server, "bob (admin) presses 4", THREADS, record=FILE, without=FALLEN)

    conference(scenario)


def test_one_leaves_by_the_menu_and_the_last_hangs_up() -> None:
    async def scenario(world: World) -> None:
        alice, bob = await two_in_the_room(world)
        world.room().set_video_source(alice)
        world.server.recorded.clear()
        alice.queue_digit_begin("3")
        alice.queue_digit("3", 120)
        await settle(40)
        bob.queue_hangup(16)
        await settle(40)
        compare(world.server, "alice presses 3 (leave_conference)", THREADS, record=FILE, without=FALLEN)

    conference(scenario)


def test_one_waits_for_a_marked_user() -> None:
    async def scenario(world: World) -> None:
        await world.call("alice", "7211")
        bob = await world.call("bob", "7212")
        bob.queue_hangup(16)
        await settle(60)
        compare(world.server, "wait_marked / end_marked", THREADS, record=FILE, without=FALLEN)

    conference(scenario)


def test_default_profiles_and_what_is_played() -> None:
    async def scenario(world: World) -> None:
        alice = await world.call("alice", "7202")
        bob = await world.call("bob", "7202")  # enters while she hears that she is alone
        await asyncio.sleep(2)
        alice.queue_hangup(16)
        await settle(40)
        await asyncio.sleep(1)
        bob.queue_hangup(16)
        await settle(40)
        compare(world.server, "ConfBridge(plain) without Answer", THREADS, record=FILE, without=FALLEN)
        text = FILE.read_text().partition("verbose log of the previous section")[2].partition("\n### ")[0]
        recorded = [
            f"{who} {name}" for who, name in re.findall(r"<(.*?)-[0-9a-f]{8}(?:;1)?> Playing '(.*?)\.gsm'", text)
        ]
        assert recorded[-1] == "CBAnn/plain confbridge-leave"  # after the last one, whom nobody hears leave
        assert [line.replace(";1", "") for line in world.played] == recorded[:-1]

    conference(scenario)


def test_an_unknown_bridge_profile() -> None:
    async def scenario(world: World) -> None:
        await world.call("alice", "7213")
        compare(world.server, "ConfBridge(room,nosuchbridge)", record=FILE)

    conference(scenario)


@pytest.mark.parametrize("title", ["ConfBridge room: alice", "DTMF menu", "wait_marked"])
def test_the_record_has_them(title: str) -> None:
    assert f"AMI events: {title}" in FILE.read_text()
