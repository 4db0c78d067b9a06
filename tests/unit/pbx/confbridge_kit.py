"""Conferences in virtual time: phones and profiles of the record, sounds of half a second, what was played to whom."""

from __future__ import annotations

import asyncio
import logging
import re
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fake_technology import FakeStream, audio_of, settle
from test_events_call import make_server

from asterism.config import ConfigFile
from asterism.core.log import VERBOSE
from asterism.media.formats import ULAW
from asterism.media.soundfiles import Sounds
from asterism.pbx.calls.conference.conference import Conference
from asterism.pbx.calls.conference.options import SOUNDS
from asterism.pbx.calls.conference.profile_function import ProfileFunction
from asterism.pbx.calls.conference.profiles import FILE, read_settings
from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.confbridge import ConferenceApplications
from asterism.pbx.dialplan.applications.subroutines import SubroutineApplications
from asterism.pbx.dialplan.applications.waiting import WaitingApplications
from asterism.pbx.vocabulary.party import PartyId
from virtual_loop import VirtualLoop

RECORD = Path(__file__).resolve().parents[2] / "data" / "record"
PHONES = {"alice": ("6001", "Alice"), "bob": ("6002", "Bob"), "carol": ("6003", "Carol"), "dave": ("6004", "Dave")}
SECONDS = 0.5
"""The length of each sound."""
_PLAYING = re.compile(r"<(\S+?)(?:-[0-9a-f]{8})?(;\d)?> Playing '(\S+)\.\w+'")


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(VERBOSE)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class World:
    """A server with the profiles and extensions of the record."""

    def __init__(self, folder: Path, config: str) -> None:
        server = self.server = make_server()
        self.pbx = server.pbx
        self.folder = folder
        names = ("beep", "vm-rec-name", "vm-review", "hello", "goodbye", *(sound for sound, _ in SOUNDS.values()))
        for name in (*names, *(f"digits/{digit}" for digit in range(10))):
            path = folder / "sounds" / f"{name}.ulaw"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"\x10" * int(8000 * SECONDS))
        server.media = SimpleNamespace(sounds=Sounds([folder]))  # type: ignore[attr-defined]
        server.paths = SimpleNamespace(etc=folder, spool=folder / "spool")
        server.register_marked = lambda holder: None  # type: ignore[attr-defined]
        server.sip.phones = {name: PartyId(*party) for name, party in PHONES.items()}
        server.sip.stream = lambda: FakeStream(ULAW)
        self._log = _Lines()
        server.log.addHandler(self._log)
        server.log.verbose_level = 3
        self.problems: list[str] = []
        self._extensions = 0
        self.use((RECORD / "configs/asterisk22/confbridge.conf").read_text() + config)
        for module in (ConferenceApplications(), ProfileFunction(), SubroutineApplications(), WaitingApplications()):
            module.load(server)  # type: ignore[arg-type]
        server.dialplan(
            ("7200", 1, "Answer", ""), ("7200", 2, "ConfBridge", "room,brd,usr,menu1"),
            ("7201", 1, "Answer", ""), ("7201", 2, "ConfBridge", "room,brd,adm,menu1"),
            ("7202", 1, "ConfBridge", "plain"),
            ("7211", 1, "Answer", ""), ("7211", 2, "ConfBridge", "wroom,brd,wait,menu1"),
            ("7211", 3, "NoOp", "${CONFBRIDGE_RESULT}"),
            ("7212", 1, "Answer", ""), ("7212", 2, "ConfBridge", "wroom,brd,adm,menu1"),
            ("7213", 1, "ConfBridge", "room,nosuchbridge"), ("7213", 2, "NoOp", "${CONFBRIDGE_RESULT}"),
            ("7999", 1, "NoOp", "menu dialplan"), ("7999", 2, "Return", ""),
            ("h", 1, "NoOp", "hangup"),
        )  # fmt: skip

    def use(self, text: str) -> None:
        """Put another ``confbridge.conf`` in force; what is wrong in it goes to ``problems``."""
        settings, problems = read_settings(ConfigFile.parse(text, FILE))
        self.problems = [str(problem) for problem in problems]
        self.pbx.conferences.profiles.use(settings)

    def extension(self, exten: str, *lines: tuple[str, str]) -> None:
        """Give an extension these applications."""
        self.server.dialplan(*((exten, priority, *line) for priority, line in enumerate(lines, 1)))

    async def call(self, phone: str, exten: str) -> Channel:
        """A phone calls."""
        channel = self.server.sip.incoming(phone, exten, accountcode="acc1" if phone == "alice" else "")
        self.pbx.start(channel)
        await settle(20)
        return channel

    async def enter(self, phone: str, arguments: str) -> Channel:
        """A phone calls an extension that is ``ConfBridge(arguments)``."""
        self._extensions += 1
        exten = f"90{self._extensions}"
        self.extension(exten, ("ConfBridge", arguments), ("NoOp", "after ${CONFBRIDGE_RESULT}"), ("Wait", "100"))
        return await self.call(phone, exten)

    def room(self, name: str = "room") -> Conference:
        """The conference of that name."""
        return self.pbx.conferences[name]

    def result(self, channel: Channel) -> str | None:
        """What CONFBRIDGE_RESULT is."""
        return channel.variables.get("CONFBRIDGE_RESULT")

    async def press(self, channel: Channel, digits: str, pause: float = 0.1) -> None:
        """The far end dials digits."""
        for digit in digits:
            channel.queue_digit(digit, 100)
            await settle()
            await asyncio.sleep(pause)

    def heard(self, channel: Channel) -> int:
        """How many frames were sent to a channel so far."""
        return len(audio_of(channel).written)

    @property
    def played(self) -> list[str]:
        """What was played to whom, without numbers of channels: ``PJSIP/alice hello``."""
        found = (_PLAYING.match(line) for line in self._log.lines)
        return [f"{one[1]}{one[2] or ''} {one[3]}" for one in found if one]

    def take_played(self) -> list[str]:
        """The same since the last time."""
        played = self.played
        self._log.lines.clear()
        return played

    @property
    def warnings(self) -> list[str]:
        """Lines of the log that are no steps of the dialplan, nor about what is played."""
        return [line for line in self._log.lines if " Playing " not in line and "Executing [" not in line]


def conference(scenario: Callable[[World], Awaitable[None]], config: str = "") -> None:
    """Run a scenario; nothing may be left afterwards: no channel, bridge, conference, timer, file of a name."""

    async def main() -> None:
        with tempfile.TemporaryDirectory() as folder:
            world = World(Path(folder), config)
            await scenario(world)
            for channel in world.pbx.channels:
                if not channel.name.startswith("CB"):
                    channel.soft_hangup()
            await settle(60)
            await asyncio.sleep(1)
            assert [channel.name for channel in world.pbx.channels] == []
            assert world.pbx.conferences == {}
            assert not world.pbx.bridges
            names = world.folder / "spool" / "confbridge"
            assert list(names.glob("*")) == []
            loop: Any = asyncio.get_running_loop()
            assert [timer for timer in loop._scheduled if not timer.cancelled()] == []

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def record_names(world: World) -> None:
    """Have recordings be files of half a second."""

    def start(channel: Channel, settings: object, announced: bool) -> SimpleNamespace:
        path = settings.outputs[0].path  # type: ignore[attr-defined]
        path.parent.mkdir(parents=True, exist_ok=True)

        def stop() -> None:
            header = b"RIFF" + (36 + 8000).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
            header += (1).to_bytes(2, "little") * 2 + (8000).to_bytes(4, "little") + (16000).to_bytes(4, "little")
            header += (2).to_bytes(2, "little") + (16).to_bytes(2, "little") + b"data" + (8000).to_bytes(4, "little")
            path.write_bytes(header + bytes(8000))

        async def wait(timeout: float) -> None:
            return

        return SimpleNamespace(stop=stop, wait=wait, error=None)

    world.pbx.recordings.start = start  # type: ignore[assignment]
