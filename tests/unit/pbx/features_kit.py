"""Calls with features on keys: the settings and the dialplan of the recorded server, and its events."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bridge_kit import Told, _line, _whole, told, variables
from fake_technology import FakeServer, FakeStream, audio_of, settle
from local_kit import local_server

from asterism.config import ConfigFile
from asterism.media.formats import ULAW
from asterism.media.stream import Frame
from asterism.pbx.bridges.bridge import Bridge
from asterism.pbx.bridges.member import Member
from asterism.pbx.calls.features.settings import read_settings
from asterism.pbx.calls.local import half_of
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.music.playing import music_of
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.party import PartyId
from virtual_loop import VirtualLoop

PBX = Path(__file__).resolve().parent
RECORD = Path(__file__).resolve().parents[2] / "data" / "record" / "features.txt"
CONF = """\
[general]
transferdigittimeout = 3
featuredigittimeout = 1500
atxfernoanswertimeout = 8
atxferdropcall = no
atxfercallbackretries = 1
atxferloopdelay = 2
pickupexten = *8
xfersound = beep
xferfailsound = beeperr
transferdialattempts = 3
[featuremap]
blindxfer => #1
disconnect => *0
atxfer => *2
parkcall => #72
automixmon => *3
[applicationmap]
tone => *7,self,Playback,beep
note => *6,peer/both,NoOp,featurearg
[fgrp]
tone => *5
note =>
"""
CODES = {"blind": "#1", "attended": "*2", "abort": "*1", "complete": "*2", "threeway": "*3", "swap": "*4"}


class _Sound:
    """Five frames that are recognised by their payload: the name of the sound."""

    seconds = 0.1

    def __init__(self, name: str, fmt: Any) -> None:
        self._frames = [Frame(fmt, name.encode())] * 5

    def frames(self, start_ms: int = 0) -> Iterable[Frame]:
        return iter(self._frames[start_ms // 20 :])


class FakeSounds:
    """Every sound is there, and says its name."""

    def __init__(self) -> None:
        self.loaded: list[str] = []

    def find(self, name: str, _language: str = "", _formats: Any = ()) -> Path:
        return Path(name)

    def load(self, name: str, _language: str, fmt: Any) -> _Sound:
        self.loaded.append(name)
        return _Sound(name, fmt)


def features_server(conf: str = CONF, options: str = "TtKkXxHh") -> FakeServer:
    """Alice (6001), Bob (6002), Carol (6003), Dave (6004); 7510 dials Bob with features."""
    server = local_server()
    server.sip.phones["dave"] = PartyId("6004", "Dave")
    server.sip.stream = lambda: FakeStream(ULAW)
    server.sip.unshown = frozenset({Control.HOLD, Control.UNHOLD, Control.RINGING, Control.BUSY})
    make = server.sip.request

    def request(asked: Any) -> Channel:
        channel = make(asked)
        if asked.destination == "alice":
            channel.accountcode = "acc1"
        return channel

    server.sip.request = request  # type: ignore[assignment]
    server.paths = SimpleNamespace(spool=Path("spool-that-is-not-there"))
    server.media = SimpleNamespace(sounds=FakeSounds())  # type: ignore[attr-defined]
    settings, problems = read_settings(ConfigFile.parse(conf, "features.conf"))
    assert not problems
    server.pbx.features.settings = settings
    server.dialplan(
        ("6001", 1, "Dial", "PJSIP/alice,20"),
        ("6004", 1, "Dial", "PJSIP/dave,20"),
        ("7510", 1, "NoOp", ""),
        ("7510", 2, "Dial", f"PJSIP/bob,20,{options}"),
    )
    return server


def rings(channel: Channel) -> None:
    channel.queue_control(Control.RINGING)


def answers(channel: Channel) -> None:
    channel.queue_control(Control.RINGING)
    channel.pbx.loop.call_soon(channel.queue_control, Control.ANSWER)


def busy(channel: Channel) -> None:
    channel.queue_hangup(17, tech_cause=486)


class Phones:
    """A call of Alice to Bob, and what they do."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.pbx = server.pbx
        self.alice: Channel
        self.bob: Channel

    async def call(self, exten: str = "7510", seconds: float = 1.0) -> None:
        """Alice talks to Bob."""
        self.server.sip.scripts["bob"] = answers
        self.alice = self.server.sip.incoming("alice", exten, accountcode="acc1")
        self.alice.set_variable("__DYNAMIC_FEATURES", "tone#note")
        self.pbx.start(self.alice)
        await asyncio.sleep(seconds)
        self.bob = self.phone("bob")
        del self.server.recorded[:]

    def phone(self, name: str) -> Channel:
        """The newest channel of a phone."""
        return [one for one in (self.alice, *self.server.sip.made) if one.device == f"PJSIP/{name}"][-1]

    async def dial(self, channel: Channel, digits: str, seconds: float = 0.5, pause: float = 0.1) -> None:
        """Press keys, one after the other; then time passes."""
        for digit in digits:
            channel.queue_digit_begin(digit)
            channel.queue_digit(digit, 80)
            await asyncio.sleep(pause)
        await asyncio.sleep(seconds)

    async def consult(self, who: Channel, number: str = "6003", seconds: float = 2.0) -> None:
        """An attended transfer, up to what the target's phone does."""
        await self.dial(who, "*2", 0.3)
        await self.dial(who, number, seconds)

    def hears(self, channel: Channel) -> list[str]:
        """The sounds that a phone was played, each once for each time."""
        frames = [frame.payload for frame in audio_of(channel).written if isinstance(frame, Frame)]
        names = [frame.decode() for frame in frames if frame.isascii() and frame.replace(b"-", b"").isalpha()]
        return names[::5] if all(names.count(name) % 5 == 0 for name in names) else list(dict.fromkeys(names))

    def digits(self, channel: Channel) -> str:
        """The digits that were sent to a phone."""
        return "".join(entry[1] for entry in channel.driver.log if entry[0] == "digit")  # type: ignore[attr-defined]

    def talk(self, *channels: Channel) -> bool:
        """Whether these phones, and nobody else, are connected with each other and hear no music."""
        bridges = {_real(one) for one in channels}
        return (
            len(bridges) == 1
            and None not in bridges
            and all(music_of(one) is None and not one.away and one.tone is None for one in channels)
        )

    def path(self, channel: Channel) -> Channel | None:
        """The phone that hears this one, through Local channels; ``None`` where nobody does."""
        for _ in range(8):
            bridge = channel.bridge
            peer = None if bridge is None else bridge.peer(channel)
            if peer is None or channel.away or peer.away or music_of(peer) is not None or peer.tone is not None:
                return None
            half = half_of(peer)
            if half is None:
                return peer
            channel = half.other.channel
        return None

    def names(self) -> list[str]:
        """Who is there."""
        return sorted(one.device.partition("/")[2] for one in self.pbx.channels)


def member_of(channel: Channel) -> Member:
    """What a channel is in its bridge."""
    assert isinstance(channel.bridge, Bridge)
    return channel.bridge.members[channel]


def _real(channel: Channel) -> str | None:
    return None if channel.bridge is None else channel.bridge.uniqueid


def run(scenario: Callable[[Phones], Awaitable[None]], conf: str = CONF, options: str = "TtKkXxHh") -> FakeServer:
    """Run ``scenario`` in virtual time, and see that nothing is left."""

    async def main() -> FakeServer:
        server = features_server(conf, options)
        await scenario(Phones(server))
        for channel in list(server.pbx.channels):
            channel.queue_hangup(16)
        await asyncio.sleep(30)
        await settle(30)
        assert_nothing_left(server)
        return server

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


def assert_nothing_left(server: FakeServer) -> None:
    pbx = server.pbx
    assert [channel.name for channel in pbx.channels] == []
    assert not pbx.bridges
    assert not server.local.technology.pairs  # type: ignore[attr-defined]
    assert not pbx.features.running
    assert not pbx.features.transfers


# -- the record ---------------------------------------------------------------------------------------------------


def section(title: str) -> str:
    """What stands under a heading that begins with ``title``."""
    text = RECORD.read_text(encoding="utf-8")
    found = re.search(rf"^### \[Asterisk 22\.10\] {re.escape(title)}[^\n]*\n", text, re.MULTILINE)
    assert found is not None, title
    return text[found.end() :].partition("\n### ")[0].strip("\n")


def recorded(title: str) -> list[Told]:
    """The events of a section; of VarSet one for each variable."""
    found: list[Told] = []
    for block in section(f"AMI events: {title}").split("\n\n"):
        lines = block.strip().splitlines()
        if lines and lines[0].startswith("Event: "):
            rows = [line.partition(":") for line in lines[1:]]
            found.append(_whole(lines[0][7:], {key: value.strip() for key, _, value in rows}))
            continue
        for line in lines:
            if line.startswith("~"):
                found += _line(line[1:])
    return found


_RACES = re.compile(
    r"Unhold\.ConnectedLine\w+|AttendedTransfer\..*(ConnectedLine\w+|Exten|Priority)|LocalOptimization\w+\.(LocalTwoCaller\w+|Id)"
)
"""Fields in which two recorded runs of one scenario differ, and numbers that count all runs."""


def compare(server: FakeServer, title: str, apart: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> None:
    """Our events against those of a section.

    The recorded server runs each channel in a thread of its own, and its own runs of one scenario differ in the order
    between them: so the events of each channel are compared, in order and with every field that the record has. Of
    VarSet each channel's values are compared. Which half of a Local channel hears of the other's end, and when a half
    tells of its new caller, differs between those runs. Events of ``apart`` are compared without their order, those of
    ``without`` not at all.
    """
    ours, theirs = told(server), recorded(title)
    left_out = ("VarSet", "DeviceStateChange", "ExtensionStatus", "DTMFBegin", "DTMFEnd", *without)
    for names in (None, *apart) if apart else (None,):
        mine, wanted = (_by_channel(events, left_out, apart, names) for events in (ours, theirs))
        assert mine.keys() == wanted.keys()
        for who in wanted:
            order, other = [one.name for one in mine[who]], [one.name for one in wanted[who]]
            assert order == other, (who, order, other)
            for event, expected in zip(mine[who], wanted[who], strict=True):
                fields = {key: event.fields.get(key) for key in expected.fields}
                wrong = {
                    key: (fields[key], value)
                    for key, value in expected.fields.items()
                    if fields[key] != value and not _RACES.fullmatch(f"{event.name}.{key}")
                }
                assert not wrong, f"{event.name} {event.who}: {wrong}"
    values, wanted_values = _values(ours), _values(theirs)
    wrong_values = {
        key: (values.get(key), wanted_values.get(key))
        for key in values.keys() | wanted_values.keys()
        if values.get(key) != wanted_values.get(key)
    }
    assert not wrong_values, wrong_values


def _values(events: list[Told]) -> dict[tuple[str, str], list[Any]]:
    """The values of each variable; of those that name the peers the last one."""
    found: dict[tuple[str, str], list[Any]] = {}
    told_values: dict[tuple[str, str], list[Any]] = dict(variables(events).items())
    for (who, name), values in told_values.items():
        if name.startswith(("ANSWEREDTIME", "DIALEDTIME")):  # told again, or not, when a transfer ends a Dial
            continue
        if name == "CHANLOCALSTATUS":  # set or not, as the half that ends first is the one or the other
            continue
        if name == "BRIDGEPEER":
            values = [set(value.split(",")) for value in values if value][-1:]
        elif name == "BRIDGEPVTCALLID":
            values = sorted({value for value in values if value})
        if values:
            found[who, name] = values
    return found


def _by_channel(
    events: list[Told], left_out: tuple[str, ...], apart: tuple[str, ...], only: str | None
) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = {}
    for event in events:
        if event.name in left_out or (event.name in apart if only is None else event.name != only):
            continue
        if event.who.startswith("Local/") and event.name in ("HangupRequest", "NewCallerid"):
            continue
        found.setdefault(event.who.partition(" [")[0] or event.name, []).append(event)
    return found
