"""Parking in virtual time: the lots, the phones and the events of the record."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from difflib import unified_diff
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bridge_kit import Told, answer_text, plain, recorded, section, told, variables
from fake_manager import FakeCall
from fake_technology import FakeServer, FakeStream, settle
from local_kit import FLOATING
from test_events_call import make_server

from asterism.config import ConfigFile
from asterism.core.commands import CommandCall, marks_of
from asterism.media.formats import ULAW
from asterism.media.soundfiles import Sounds
from asterism.pbx.calls.local_module import LocalModule
from asterism.pbx.calls.parking.actions import ParkingActions
from asterism.pbx.calls.parking.module import ParkingModule
from asterism.pbx.calls.parking.settings import read_settings
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.music.classes import MusicClass, MusicSettings, built_in
from asterism.pbx.channels.technology import ChannelRequest
from asterism.pbx.dialplan.applications.parking import ParkingApplications
from asterism.pbx.dialplan.language import listing
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.party import PartyId
from virtual_loop import VirtualLoop

RECORD = Path(__file__).resolve().parents[2] / "data" / "record" / "parking.txt"
LOTS = """
[general]
parkeddynamic = yes
[default]
parkext => 700
parkpos => 701-705
context => parkedcalls
parkingtime => 4
comebacktoorigin = yes
comebackdialtime = 5
comebackcontext = parkedcallstimeout
courtesytone = beep
parkedplay = caller
findslot => next
parkedmusicclass = two
[lot2]
context => lot2
parkpos => 801-803
parkingtime => 3
comebacktoorigin = no
comebackcontext = pcomeback
"""
PHONES = {"alice": ("6001", "Alice"), "bob": ("6002", "Bob"), "carol": ("6003", "Carol"), "dave": ("6004", "Dave")}
DIGIT = 0.4
"""Seconds that each digit of a space takes to be said."""
BEEP = 0.2


class World:
    """A server with the lots of the record."""

    def __init__(self, server: FakeServer, folder: Path) -> None:
        self.server = server
        self.pbx = server.pbx
        self.parking = server.pbx.parking
        self.sounds = folder / "sounds"
        for name, seconds in (
            *((f"digits/{digit}", DIGIT) for digit in range(10)),
            ("beep", BEEP),
            ("pbx-parkingfailed", 0.3),
            ("pbx-invalidpark", 0.3),
        ):
            path = self.sounds / f"{name}.ulaw"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"\x7f" * int(8000 * seconds))
        server.media = SimpleNamespace(sounds=Sounds([folder]))  # type: ignore[attr-defined]
        server.paths = SimpleNamespace(etc=folder)
        server.register_marked = lambda holder: None  # type: ignore[attr-defined]
        server.sip.phones = {name: PartyId(*party) for name, party in PHONES.items()}
        server.sip.stream = lambda: FakeStream(ULAW)
        make = server.sip.request

        def request(asked: ChannelRequest) -> Channel:
            channel = make(asked)
            channel.accountcode = "acc1" if asked.destination == "alice" else ""
            return channel

        server.sip.request = request  # type: ignore[assignment]
        two = MusicClass("two", directory=built_in().directory, files=built_in().files)
        self.pbx.music.use(MusicSettings({"default": built_in(), "two": two}))
        self.module = ParkingModule()
        self.actions = ParkingActions()
        self.applications = ParkingApplications()
        self.local = LocalModule()
        (folder / "res_parking.conf").write_text(LOTS)
        for module in (self.local, self.module, self.actions, self.applications):
            module.load(server)  # type: ignore[arg-type]
        dialplan = self.pbx.dialplan
        for exten in ("6002", "6102"):
            for priority in (1, 2, 3):
                dialplan.remove_extension("internal", exten, priority)
        server.dialplan(
            ("6002", 1, "Dial", "PJSIP/bob,20"),
            ("6003", 1, "Dial", "PJSIP/carol,20"),
            ("6004", 1, "Dial", "PJSIP/dave,20"),
            ("7400", 1, "Park", "default"),
            ("7401", 1, "ParkAndAnnounce", "default,,PARKED,Local/6003@internal"),
            ("7402", 1, "Park", "lot2"),
            ("7403", 1, "Park", "default,rst(7000)c(internal,7777,1)"),
            ("7404", 1, "Park", "nolot"),
            ("7405", 1, "ParkedCall", "default,701"),
            ("7406", 1, "ParkedCall", "default"),
            ("7777", 1, "Echo", ""),
            ("h", 1, "NoOp", "hangup"),
        )
        for exten, priority, name, data in (
            ("_.", 1, "NoOp", "comeback ${EXTEN}"),
            ("_.", 2, "Hangup", ""),
            ("h", 1, "NoOp", "comeback h"),
            ("h", 2, "Hangup", ""),
        ):
            dialplan.add_extension(server.owner, "pcomeback", exten, priority, name, data)
        from asterism.pbx.dialplan.language.contexts import Include

        dialplan.table.context("internal", "test").includes.append(Include("parkedcalls", "test"))
        for name in PHONES:
            self.answers(name)

    # -- phones ------------------------------------------------------------------------------------

    def answers(self, name: str) -> None:
        """Who calls the phone is answered."""

        def script(channel: Channel) -> None:
            channel.queue_control(Control.RINGING)
            asyncio.get_running_loop().call_later(0.3, channel.queue_control, Control.ANSWER)

        self.server.sip.scripts[name] = script

    def rings(self, name: str) -> None:
        """The phone rings for ever."""
        self.server.sip.scripts[name] = lambda channel: channel.queue_control(Control.RINGING)

    async def call(self, phone: str, exten: str, **variables: str) -> Channel:
        """A phone calls."""
        channel = self.server.sip.incoming(phone, exten, accountcode="acc1" if phone == "alice" else "")
        for name, value in variables.items():
            channel.set_variable(name, value)
        self.pbx.start(channel)
        await settle(20)
        return channel

    async def talking(self, caller: str = "alice", exten: str = "6002") -> tuple[Channel, Channel]:
        """Two phones talk: the caller's channel and the called one's."""
        channel = await self.call(caller, exten)
        called = self.server.sip.made[-1]
        await asyncio.sleep(0.35)
        await settle(20)
        assert channel.bridge is called.bridge is not None
        return channel, called

    def begin_at(self, space: int) -> None:
        """Go on where the record was: the lot has had calls, and this space is the next one."""
        lot = self.parking.lots.get("default")
        assert lot is not None
        lot.last = space - 1 if space > 701 else 705
        lot.open_bridge(self.pbx)
        self.server.recorded.clear()

    # -- configuration -----------------------------------------------------------------------------

    def use(self, text: str) -> list[str]:
        """Read another ``res_parking.conf``; what is wrong in it."""
        settings, problems = read_settings(ConfigFile.parse(text, "res_parking.conf"))
        return [*(str(problem) for problem in problems), *self.parking.lots.use(settings)]

    def show(self, *words: str) -> str:
        """What ``parking show`` prints."""
        return plain(self.module.show(CommandCall(list(words), lambda _: None)))

    def listing(self, context: str) -> str:
        """What ``dialplan show`` prints."""
        return listing.show(self.pbx.dialplan.table, context)

    async def act(self, name: str, **fields: str) -> str:
        """What the manager answers to an action."""
        call: Any = FakeCall(dict(fields))
        for found, method in marks_of(self.actions):
            if found.name == name:
                method(call)
        await settle(5)
        return answer_text(call)

    def spaces(self) -> dict[int, str]:
        """Who is where."""
        return {call.space: channel.name for channel, call in self.parking.calls.items()}

    def devices(self) -> list[str]:
        """What was told of the spaces as devices."""
        return [
            f"{event['Device']} {event['State']}"
            for event in self.server.fields("DeviceStateChange")
            if event["Device"].startswith("park:")
        ]


def parking(scenario: Callable[[World], Awaitable[None]]) -> World:
    """Run a scenario; at the end nothing may be left: no channel, no bridge, no timer, no extension of a lot."""
    found: list[World] = []

    async def main() -> None:
        with tempfile.TemporaryDirectory() as folder:
            server = make_server()
            world = World(server, Path(folder))
            found.append(world)
            await scenario(world)
            for channel in server.pbx.channels:
                channel.soft_hangup()
            await settle(60)
            assert [channel.name for channel in server.pbx.channels] == []
            assert not world.parking.calls, world.parking.calls
            assert all(not lot.calls for lot in world.parking.lots)
            left = [one for one in server.pbx.bridges.values() if one.type != "parking"]
            assert left == [], left
            told_until_now = list(server.recorded)
            world.applications.unload()
            world.module.unload()
            await settle(20)
            assert not server.pbx.bridges
            server.recorded = told_until_now
            assert not world.parking._tasks
            assert "parkedcalls" not in server.pbx.dialplan.table.contexts
            loop: Any = asyncio.get_running_loop()
            assert [timer for timer in loop._scheduled if not timer.cancelled()] == []

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
    return found[0]


def shown(command: str, state: str) -> str:
    """What the record's console prints, without ids."""
    text = section_of(f"*CLI> {command}   (state: {state})")
    return plain(f"\n{text}\n\n\n")


def section_of(title: str, number: int = 0) -> str:
    """A section of the record."""
    return section(title, number, RECORD)


PARKING_EVENTS = ("ParkedCall", "UnParkedCall", "ParkedCallTimeOut", "ParkedCallGiveUp")
THREADS = ("BridgeDestroy", "BridgeCreate", "DialBegin", "DialState")
"""Events whose order among others is that of the recorded server's threads."""


def compare(world: World, title: str, *floating: str, loose: tuple[str, ...] = ()) -> None:
    """Our events against those of a section: of each channel in their order, and whatever the record says of each.

    The recorded server tells of each channel in a thread of its own, so that the order among channels differs between
    its runs. ``floating`` events stand anywhere, of ``loose``
    ones what they say is not compared.
    """
    ours, theirs = told(world.server), recorded(title, RECORD)
    apart = (*FLOATING, *floating, *THREADS, "VarSet")
    order, wanted = by_channel(ours, *apart), by_channel(theirs, *apart)
    assert order.keys() == wanted.keys(), order.keys() ^ wanted.keys()
    for who, events in wanted.items():
        assert order[who] == events, "\n".join(unified_diff(events, order[who], "recorded", "ours", lineterm=""))
    of_theirs = by_subject(theirs)
    of_ours = by_subject(ours)
    counts, wanted_counts = ({(*key, len(found)) for key, found in one.items()} for one in (of_ours, of_theirs))
    assert counts == wanted_counts, counts ^ wanted_counts
    for subject, wanted_events in of_theirs.items():
        if subject[0] in loose:
            continue
        for other, event in zip(wanted_events, of_ours[subject], strict=True):
            said = {key: event.fields.get(key) for key in other.fields}
            assert said == other.fields, (subject, said, other.fields)
    values, wanted_values = variables(ours), variables(theirs)
    values = {key: found for key, found in values.items() if key[1] != "BRIDGEPVTCALLID" or found != [""]}
    assert values == wanted_values, {
        key: (values.get(key), wanted_values.get(key))
        for key in {*values, *wanted_values}
        if values.get(key) != wanted_values.get(key)
    }
    assert world.devices() == [
        f"{event.fields['Device']} {event.fields['State']}"
        for event in theirs
        if event.name == "DeviceStateChange" and event.fields["Device"].startswith("park:")
    ]


def by_subject(events: list[Told]) -> dict[tuple[str, str], list[Told]]:
    """The events of each kind and channel, in their order."""
    found: dict[tuple[str, str], list[Told]] = {}
    for event in events:
        if event.name not in (*FLOATING, "VarSet") and not _of_announcing(event):
            who = event.fields.get("ParkeeChannel") or event.who.partition(" ")[0] or event.fields.get("BridgeType", "")
            found.setdefault((event.name, plain(who)), []).append(event)
    return found


def _of_announcing(event: Told) -> bool:
    """What the recorded server does not tell of the call that ParkAndAnnounce makes: it is no Originate there."""
    return event.who.startswith("Dest ") or (event.name == "Newexten" and event.fields["runs"].startswith("AppDial2("))


def by_channel(events: list[Told], *left_out: str) -> dict[str, list[str]]:
    """The order of events of each channel, with the place in the dialplan that they show."""
    found: dict[str, list[str]] = {}
    for event in events:
        if event.name in left_out or _of_announcing(event):
            continue
        who, _, place = event.who.partition(" ")
        who = event.fields.get("ParkeeChannel") or who
        found.setdefault(plain(who), []).append(f"{event.name} {place.partition(' Dest')[0]}".strip())
    return found
