"""Channels with audio that a test moves by hand, and one that spies on them."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dial_kit import PartyId
from fake_technology import FakeServer, FakeStream, audio_of, settle
from recording_kit import Lines

from asterism.media.formats import SLIN, Format
from asterism.media.soundfiles import Sounds
from asterism.media.stream import Frame
from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.spying import SpyingApplications
from asterism.pbx.dialplan.applications.variables import VariableApplications
from asterism.pbx.dialplan.applications.waiting import WaitingApplications
from asterism.pbx.vocabulary.controls import ChannelState


def tone(value: int, fmt: Format = SLIN) -> Frame:
    """20 ms of a constant."""
    return Frame(fmt, array("h", [value] * (fmt.sample_rate // 50)).tobytes())


def values(frames: list[Any]) -> list[int]:
    """The last sample of each frame."""
    return [array("h", frame.payload)[-1] for frame in frames]


class Spied:
    """Carol, who spies, and alice and bob; they are channels without a far end."""

    def __init__(self, server: FakeServer, formats: dict[str, Format]) -> None:
        self.server = server
        self.turns: list[Callable[[], None]] = []
        self._formats = formats
        self.alice, self.bob, self.carol = (self.channel(name) for name in ("alice", "bob", "carol"))
        clock: Any = server.pbx.bridges.clock
        clock.add = lambda turn, _log: self.turns.append(turn)
        clock.remove = lambda turn: turn in self.turns and self.turns.remove(turn)

    def channel(self, name: str, exten: str = "1") -> Channel:
        """One more channel, answered."""
        server = self.server
        server.sip.phones.setdefault(name, PartyId(f"6{len(server.sip.phones):03}", name.title()))
        server.sip.stream = lambda: FakeStream(self._formats.get(name, SLIN))
        made = server.sip.incoming(name, exten)
        made.set_state(ChannelState.UP)
        return made

    def turn(self, count: int = 1) -> None:
        """Let 20 ms of the mix's clock pass."""
        for _ in range(count):
            for turn in list(self.turns):
                turn()

    def says(self, channel: Channel, frame: Frame) -> Frame | None:
        """The far end says something; what its call gets."""
        passed: Frame | None = audio_of(channel).hear_in(frame)
        return passed

    def hears(self, channel: Channel, frame: Frame) -> Frame | None:
        """The call sends something to the far end; what it gets."""
        passed: Frame | None = audio_of(channel).send_through(frame)
        return passed

    def heard(self, channel: Channel) -> list[Any]:
        """What was written to it, and is over with."""
        stream: Any = channel.stream
        found, stream.written = stream.written, []
        return found


def spied(
    scenario: Callable[[Spied], Awaitable[None]], formats: dict[str, Format] | None = None, folder: Path | None = None
) -> str:
    """Run a scenario, see that nothing is left of it, and return the lines of the log."""
    lines = Lines()

    async def main() -> None:
        server = FakeServer()
        server.paths = SimpleNamespace(spool=folder, data=folder)
        server.media = SimpleNamespace(sounds=Sounds((folder,) if folder else ()))  # type: ignore[attr-defined]
        server.register_marked = lambda holder: None  # type: ignore[attr-defined]
        for module in (SpyingApplications(), VariableApplications(), WaitingApplications()):
            module.load(server)  # type: ignore[arg-type]
        server.log.addHandler(lines)
        server.log.verbose_level = 3
        server.record()
        world = Spied(server, formats or {})
        await scenario(world)
        for channel in server.pbx.channels:
            channel.soft_hangup()
        await settle()
        assert len(server.pbx.channels) == 0
        assert world.turns == []
        assert len(server.pbx.recordings) == 0

    asyncio.run(main())
    return lines.text
