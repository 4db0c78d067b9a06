"""Listening to calls and speaking into them, by content: who hears whom, through whatever the call does."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from console_kit import console
from dial_record_kit import PJSIP, World, plain, recorded_lines, recorded_world

from asterism.core.events import EventType
from asterism.media.g711 import ulaw_to_linear
from asterism.pbx.assembly.channel import Channel as OwnChannel
from asterism.pbx.calls.spying.spying import Mode, Spying
from asterism.pbx.calls.transfers.blind import blind
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.replacing import replace_far_end
from asterism.testing import PhoneCall, until

RECORD = Path(__file__).parents[1] / "data" / "record" / "chanspy.txt"
ALICE, BOB, CAROL = 440, 700, 1150
"""Frequencies of the three."""
RELAYED = {"pjsip.conf": PJSIP.replace("type=endpoint\n", "type=endpoint\ndirect_media=no\n")}
_HEAD, _CAROL, _TAIL = RELAYED["pjsip.conf"].partition("[carol]")
OTHER_CODEC = {"pjsip.conf": _HEAD + _CAROL + _TAIL.replace("allow=!all,ulaw", "allow=!all,alaw")}
CALL = "exten => 6002,1,Dial(PJSIP/bob,20)"


@asynccontextmanager
async def world_with(*lines: str, extra: dict[str, str] | None = None) -> AsyncIterator[World]:
    async with recorded_world(CALL, *lines, extra=RELAYED if extra is None else extra) as world:
        yield world
        bridges = world.server.pbx.bridges
        await until(lambda: not bridges and len(bridges.clock) == 0 and not bridges.thread.running)


async def talking(world: World) -> tuple[PhoneCall, PhoneCall]:
    """Alice and Bob talk, each with a tone."""
    call, incoming = await world.connect("6002")
    await call.answered()
    await incoming.answered()
    call.play(ALICE)
    incoming.play(BOB)
    await incoming.hears(ALICE)
    await call.hears(BOB)
    return call, incoming


async def spying(world: World, number: str, *, says: bool = True) -> PhoneCall:
    spy = await world.carol.dial(number)
    await spy.answered()
    if says:
        spy.play(CAROL)
    return spy


def channel(world: World, name: str) -> Channel:
    found = [one for one in world.server.pbx.channels if one.name.startswith(f"PJSIP/{name}-")]
    return found[0]


def hears(call: PhoneCall, *frequencies: int) -> bool:
    """Whether it hears just these of the three."""
    return all((call.audio.level(one) > 0.1) is (one in frequencies) for one in (ALICE, BOB, CAROL))


async def hear_just(call: PhoneCall, *frequencies: int) -> None:
    def told() -> str:
        return f"{frequencies}: {[(one, round(call.audio.level(one), 3)) for one in (ALICE, BOB, CAROL)]}"

    await until(lambda: hears(call, *frequencies), what=told)


async def as_many_packets(hears: PhoneCall, says: PhoneCall) -> None:
    """See that one hears as many packets as another says; once of ten times will do, for a busy machine stumbles."""
    found: list[int] = []
    while not found or abs(found[-1]) > 2:
        assert len(found) < 10, found
        said, heard = says.audio.sent, hears.audio.received
        await until(lambda said=said: says.audio.sent >= said + 30)  # type: ignore[misc]
        found.append(hears.audio.received - heard - says.audio.sent + said)


async def end(*calls: PhoneCall) -> None:
    for one in calls:
        await one.hangup()


@pytest.mark.parametrize(
    ("options", "spy", "alice", "bob"),
    [
        ("q", {ALICE, BOB}, {BOB}, {ALICE}),
        ("qo", {ALICE}, {BOB}, {ALICE}),
        ("qw", {ALICE, BOB}, {BOB, CAROL}, {ALICE}),
        ("qW", set(), {BOB, CAROL}, {ALICE}),
        ("qB", {ALICE, BOB}, {BOB, CAROL}, {ALICE, CAROL}),
    ],
)
@pytest.mark.parametrize(
    "extra", [RELAYED, {"pjsip.conf": PJSIP}, OTHER_CODEC], ids=["relayed", "direct", "other codec"]
)
async def test_who_hears_whom(
    options: str, spy: set[int], alice: set[int], bob: set[int], extra: dict[str, str]
) -> None:
    async with world_with(f"exten => 7901,1,ChanSpy(PJSIP/alice,{options})", extra=extra) as world:
        call, incoming = await talking(world)
        third = await spying(world, "7901")
        await hear_just(third, *spy)
        await hear_just(call, *alice)
        await hear_just(incoming, *bob)
        bridge = channel(world, "alice").bridge
        assert bridge is not None
        assert bridge.technology == "simple_bridge"
        await third.hangup()
        await hear_just(call, BOB)
        await hear_just(incoming, ALICE)
        await until(lambda: bridge.technology == "native_rtp")
        assert channel(world, "alice").taps.taps == ()
        await end(call)
        await incoming.ended()


async def test_whoever_only_listens_leaves_the_packets_relayed() -> None:
    async with world_with("exten => 7901,1,ChanSpy(PJSIP/alice,q)") as world:
        call, incoming = await talking(world)
        third = await spying(world, "7901")
        await hear_just(third, ALICE, BOB)
        await until(lambda: channel(world, "alice").stream.received.quick is not None)  # type: ignore[attr-defined]
        assert channel(world, "bob").stream.received.quick is not None  # type: ignore[attr-defined]
        await end(third, call)
        await incoming.ended()


# -- as recorded ---------------------------------------------------------------------------------------------

_OWN_LINES = re.compile(r"Executing |Called |.* is ringing$|.* answered |Spying on|Attaching spy|Done Spying")
_VARIES = ("Uniqueid", "Linkedid", "Channel")


def section(head: str) -> str:
    (found,) = [
        one for one in re.split(r"(?m)^### \[Asterisk 22\.10\] ", RECORD.read_text())[1:] if one.startswith(head)
    ]
    return found.partition("\n")[2]


def recorded_events(title: str) -> tuple[list[str], list[dict[str, str]]]:
    """The names of a section's events in their order, but Bob's, and the whole events that are in it."""
    text = section(f"AMI events: {title}")
    order = [
        name for name, channel in re.findall(r"(?m)^(?:~|Event: )(\w+)(?: PJSIP/(\w+))?", text) if channel != "bob"
    ]
    blocks = re.findall(r"(?m)^Event: (?:.+\n)+", text)
    return order, [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


class Told:
    """The events of a server from now on."""

    def __init__(self, world: World) -> None:
        self.events: list[tuple[str, dict[str, str]]] = []
        world.server.subscribe(None, self.note)

    def note(self, kind: EventType, published: tuple[object, ...]) -> None:
        self.events.append((kind.name, {name: str(value) for name, value in kind.render(*published)}))

    def order(self, wanted: list[str]) -> list[str]:
        """The names of events that are not Bob's: his channel runs in a thread of its own in the record."""
        return [
            name for name, fields in self.events
            if name in set(wanted) and not fields.get("Channel", "").startswith("PJSIP/bob")
        ]  # fmt: skip

    def spied(self) -> list[dict[str, str]]:
        return [{"Event": name, **fields} for name, fields in self.events if name.startswith("ChanSpy")]


def compare(told: Told, title: str) -> None:
    order, whole = recorded_events(title)
    wanted = order[order.index("ChanSpyStart") :]
    kinds = [one for one in wanted if one not in ("Newexten", "BridgeLeave", "BridgeDestroy")]
    first = next(index for index, (name, _) in enumerate(told.events) if name == "ChanSpyStart")
    told.events = told.events[first:]
    assert told.order(kinds) == kinds
    ours = told.spied()
    assert len(ours) == len(whole)
    for event, other in zip(ours, whole, strict=True):
        assert other.pop("Privilege") == "call,all"
        assert list(event) == list(other)
        for name, value in other.items():
            if name.endswith(_VARIES):
                assert plain(event[name]) == plain(value) or re.fullmatch(r"\d+\.\d+", event[name]), name
            else:
                assert event[name] == value, name


async def test_listening_is_told_as_recorded() -> None:
    lines = ("exten => 7901,1,Answer()", " same => n,ChanSpy(PJSIP/alice,q)")
    async with world_with(*lines) as world:
        told = Told(world)
        call, incoming = await talking(world)
        third = await spying(world, "7901")
        await hear_just(third, ALICE, BOB)
        async with console(world.server) as terminal:
            listing = await terminal.run("core show channels")
        wanted = section("*CLI> core show channels").splitlines()
        assert {plain(one) for one in listing.splitlines()[:6]} == {plain(one) for one in wanted[:6]}
        await third.hangup()
        await until(lambda: len(world.server.pbx.channels) == 2)
        await end(call)
        await incoming.ended()
        await until(lambda: len(world.server.pbx.channels) == 0)
        compare(told, "ChanSpy(PJSIP/alice,q)")
        mine = [plain(line) for line in world.everything if _OWN_LINES.match(line)]
        assert mine == recorded_lines("ChanSpy(PJSIP/alice,q)", RECORD)


async def test_the_end_of_the_channel_is_told_as_recorded() -> None:
    lines = ("exten => 7902,1,Answer()", " same => n,ChanSpy(PJSIP/alice,qwS)")
    async with world_with(*lines) as world:
        told = Told(world)
        call, incoming = await talking(world)
        third = await spying(world, "7902")
        await hear_just(third, ALICE, BOB)
        await end(call)
        await incoming.ended()
        await third.ended()
        await until(lambda: len(world.server.pbx.channels) == 0)
        compare(told, "ChanSpy(PJSIP/alice,qwS): spied channel hangs up")
        mine = [plain(line) for line in world.everything if _OWN_LINES.match(line)]
        assert mine == recorded_lines("ChanSpy(PJSIP/alice,qwS): spied channel hangs up", RECORD)


# -- whatever becomes of it ------------------------------------------------------------------------------------


async def test_it_goes_on_through_a_hold_and_a_transfer() -> None:
    lines = ("exten => 7901,1,ChanSpy(PJSIP/alice,qw)", "exten => 600,1,Echo()")
    async with world_with(*lines) as world:
        call, incoming = await talking(world)
        third = await spying(world, "7901", says=False)
        await hear_just(third, ALICE, BOB)
        await incoming.hold()
        await until(lambda: third.audio.level(ALICE) > 0.1 and third.audio.level(BOB) < 0.02)
        third.play(CAROL)
        await until(lambda: call.audio.level(CAROL) > 0.1)  # beside the music
        third.play()
        await incoming.unhold()
        await hear_just(third, ALICE, BOB)
        assert blind(channel(world, "bob"), "internal", "600")
        await incoming.ended()
        await hear_just(third, ALICE)
        await hear_just(call, ALICE)  # herself: the echo
        await third.hangup()
        await call.hangup()


async def test_it_goes_on_when_another_phone_takes_the_place() -> None:
    lines = ("exten => 7901,1,ChanSpy(PJSIP/alice,qB)", "exten => 600,1,Answer()", " same => n,Wait(30)")
    async with world_with(*lines) as world:
        call, incoming = await talking(world)
        third = await spying(world, "7901")
        await hear_just(third, ALICE, BOB)
        other = await world.bob.dial("600")
        await other.answered()
        other.play(523)
        second = next(one for one in world.server.pbx.channels if one.exten == "600")
        replace_far_end(channel(world, "alice"), second)
        await call.ended()
        await until(lambda: third.audio.level(523) > 0.1 and hears(third, BOB))
        await hear_just(other, BOB, CAROL)
        await hear_just(incoming, CAROL)
        await end(third, other)
        await incoming.ended()


async def test_two_spy_on_one_and_neither_hears_the_other_whisper() -> None:
    async with world_with("exten => 7901,1,ChanSpy(PJSIP/alice,qw)") as world:
        call, incoming = await talking(world)
        third = await spying(world, "7901")
        fourth = await world.bob.dial("7901")
        await fourth.answered()
        fourth.play(523)
        await until(lambda: call.audio.level(523) > 0.05 and hears(call, BOB, CAROL))
        await hear_just(fourth, ALICE, BOB)
        await hear_just(third, ALICE, BOB)
        assert max(third.audio.level(523), fourth.audio.level(523)) < 0.02
        await third.hangup()
        await until(lambda: call.audio.level(523) > 0.1 and hears(call, BOB))
        await hear_just(fourth, ALICE, BOB)
        await end(fourth, call)
        await incoming.ended()


async def test_who_spies_is_not_found_by_another() -> None:
    lines = ("exten => 7901,1,ChanSpy(PJSIP/alice,q)", "exten => 7902,1,ChanSpy(PJSIP/carol,qS)")
    async with world_with(*lines) as world:
        call, incoming = await talking(world)
        third = await spying(world, "7901")
        await hear_just(third, ALICE, BOB)
        fourth = await world.bob.dial("7902")
        await fourth.ended()  # there is nobody that it may spy on
        await hear_just(third, ALICE, BOB)
        await end(third, call)
        await incoming.ended()


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("who", ["spy", "target", "peer"])
async def test_nothing_is_left_whoever_hangs_up(mode: Mode, who: str) -> None:
    letter = {Mode.LISTEN: "", Mode.WHISPER: "w", Mode.PRIVATE: "W", Mode.BARGE: "B"}[mode]
    async with world_with(f"exten => 7901,1,ChanSpy(PJSIP/alice,qE{letter})") as world:
        told = Told(world)
        for _ in range(2):
            call, incoming = await talking(world)
            third = await spying(world, "7901")
            await until(lambda: told.spied())
            await {"spy": third, "target": call, "peer": incoming}[who].hangup()
            if who == "spy":
                await hear_just(call, BOB)
                await call.hangup()
            else:
                await third.ended()
            await until(lambda: len(world.server.pbx.channels) == 0)
            assert [one["Event"] for one in told.spied()] == ["ChanSpyStart", "ChanSpyStop"]
            told.events.clear()


async def test_the_others_lose_no_packet_and_get_none_too_many() -> None:
    """The modes change again and again while Alice numbers her packets."""
    codes = bytes(range(0x80, 0xC0))
    by_sample = {ulaw_to_linear(bytes([code])): code for code in codes}
    async with world_with() as world:
        call, incoming = await talking(world)
        third = await world.carol.dial("7010")
        await third.answered()
        call.audio.play_packets([bytes([code]) * 160 for code in codes])
        spying_ = Spying(channel(world, "carol"), channel(world, "alice"))
        before = incoming.audio.received, call.audio.sent
        start = incoming.audio.received
        for mode in (Mode.LISTEN, Mode.BARGE, Mode.PRIVATE, Mode.WHISPER, Mode.BARGE, Mode.LISTEN):
            spying_.mode = mode
            if not spying_.active:
                spying_.begin()
            mark = incoming.audio.received
            await until(lambda mark=mark: incoming.audio.received > mark + 10)  # type: ignore[misc]
        spying_.stop()
        await until(lambda: incoming.audio.received >= start + 80)
        got, sent = incoming.audio.received - before[0], call.audio.sent - before[1]
        heard = [by_sample.get(one[160:162]) for one in incoming.audio.packets[start + 3 :]]
        assert None not in heard
        steps = [(after - one) % len(codes) for one, after in pairwise(heard)]
        assert set(steps) == {1}
        assert abs(got - sent) <= 2
        # Carol speaks now: as many packets as before come to Bob.
        third.play(CAROL)
        spying_ = Spying(channel(world, "carol"), channel(world, "alice"), Mode.BARGE)
        spying_.begin()
        await until(lambda: incoming.audio.level(CAROL) > 0.05)
        await as_many_packets(incoming, call)
        assert len(incoming.audio.ssrcs) == 1
        spying_.stop()
        await end(third, call)
        await incoming.ended()


async def test_a_channel_that_is_silent_hears_a_whisper_at_an_even_pace() -> None:
    async with world_with("exten => 7901,1,ChanSpy(PJSIP/alice,qw)") as world:
        call, incoming = await talking(world)
        incoming.play()
        third = await spying(world, "7901")
        await hear_just(call, CAROL)
        await as_many_packets(call, third)
        assert call.audio.level(CAROL) > 0.8
        await end(third, call)
        await incoming.ended()


async def test_a_program_spies() -> None:
    async with world_with() as world:
        call, incoming = await talking(world)
        third = await spying(world, "7010")
        carol, alice = (world.server.pbx.channels.get(channel(world, name).name) for name in ("carol", "alice"))
        assert isinstance(carol, OwnChannel)
        async with carol.spy(alice, "whisper", volume=2) as found:
            await hear_just(third, ALICE, BOB)
            await hear_just(call, BOB, CAROL)
            third.send_digits("6")
            assert await found.next_digit() == "6"
            found.mode = Mode.BARGE
            await hear_just(incoming, ALICE, CAROL)
        await hear_just(incoming, ALICE)
        with pytest.raises(ValueError, match="listens"):
            carol.spy(alice, "listens")
        found = carol.spy(alice)
        found.begin()
        await end(call)
        await incoming.ended()
        await found.wait()
        await third.hangup()


async def test_a_spys_digits_and_a_caller_who_dials_on() -> None:
    lines = (
        "exten => 7901,1,ChanSpy(PJSIP/bob,qdX)",
        "exten => 8,1,Wait(30)",
        "exten => 7902,1,ExtenSpy(6002@internal,qx(0))",
    )
    async with world_with(*lines, " same => n,Wait(30)") as world:
        call, incoming = await talking(world)
        third = await spying(world, "7901")
        await hear_just(third, ALICE, BOB)
        third.send_digits("5")
        await hear_just(incoming, ALICE, CAROL)
        third.send_digits("6")
        await hear_just(call, BOB, CAROL)
        third.send_digits("8")
        await hear_just(call, BOB)
        carol = channel(world, "carol")
        await until(lambda: carol.exten == "8")
        assert carol.variables["SPY_CHANNEL"] == channel(world, "bob").name
        await third.hangup()
        await until(lambda: len(world.server.pbx.channels) == 2)
        third = await spying(world, "7902")
        await hear_just(third, ALICE, BOB)
        third.send_digits("0")
        await until(lambda: channel(world, "carol").priority == 2)
        await end(third, call)
        await incoming.ended()


@pytest.mark.parametrize(
    ("options", "third", "alice", "bob"),
    [
        ("wb", set(), {BOB, CAROL}, {ALICE, CAROL}),
        ("wso", {ALICE}, {BOB, CAROL}, {ALICE}),
        ("s", {ALICE, BOB}, {BOB}, {ALICE}),
    ],
)
async def test_one_who_speaks_to_channels_and_hears_them(
    options: str, third: set[int], alice: set[int], bob: set[int]
) -> None:
    async with world_with(f"exten => 7901,1,Broadcast({options},${{TARGET}})") as world:
        call, incoming = await talking(world)
        world.server.pbx.dialplan.globals["TARGET"] = channel(world, "alice").name
        spy = await spying(world, "7901")
        await hear_just(spy, *third)
        await hear_just(call, *alice)
        await hear_just(incoming, *bob)
        await end(call)
        await incoming.ended()
        await spy.ended()
