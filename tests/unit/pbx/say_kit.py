"""What Asterisk's Say applications asked for (``data/record/say_prompts.txt``), and a channel that hears prompts."""

from __future__ import annotations

import asyncio
import logging
import re
import tempfile
from collections.abc import Awaitable, Callable, Container, Sequence
from pathlib import Path
from types import SimpleNamespace

from fake_technology import FakeServer, FakeStream, set_audio, settle

from asterism.media.formats import ULAW, Format
from asterism.media.soundfiles import Sound, SoundError, Sounds
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.module import PbxModule

RECORD = (Path(__file__).resolve().parents[2] / "data/record/say_prompts.txt").read_text()
ABSENT = frozenset(re.findall(r"File (\S+) does not exist", RECORD))
"""Prompts that the recorded server had not: it said nothing after one of them."""


def recorded(application: str) -> list[tuple[str, list[str]]]:
    """The arguments of each recorded call of an application, and the prompts that were played."""
    found = re.findall(rf"^{application}\((.*)\)  =>  (.*)$", RECORD, re.MULTILINE)
    assert found, application
    return [(args, [] if names == "(nothing)" else names.split()) for args, names in found]


def recorded_files() -> list[tuple[str, str]]:
    """The arguments of each recorded ``SAYFILES`` and what it gave."""
    found = re.findall(r"^\$\{SAYFILES\((.*)\)\}  =>  (.*)$", RECORD, re.MULTILINE)
    assert found
    return found


def heard_until_absent(names: list[str]) -> list[str]:
    """Of the prompts that are asked for, those that the recorded server played."""
    absent = next((place for place, name in enumerate(names) if name in ABSENT), len(names))
    return names[:absent]


class SpyingSounds(Sounds):
    """Prompts of 20 ms each, that remember what was asked for; those in ``absent`` are missing."""

    def __init__(self, absent: Container[str], folder: Path) -> None:
        super().__init__(system=None)
        self.absent = absent
        self.asked: list[str] = []
        self.languages: set[str] = set()
        self._prompt = folder / "prompt.ulaw"
        self._prompt.write_bytes(b"\x10" * 160)

    def find(self, name: str, language: str = "en", formats: Sequence[Format] = ()) -> Path | None:
        """The one file, for all."""
        return None if name in self.absent else self._prompt

    def load(self, name: str, language: str = "en", format: Format = ULAW) -> Sound:  # noqa: A002
        """20 ms."""
        self.asked.append(name)
        self.languages.add(language)
        if name in self.absent:
            raise SoundError(f"there is no sound '{name}'")
        return self.open(self._prompt, format)


class Lines(logging.Handler):
    """The warnings of the log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


class Speaking:
    """An answered channel on a server with such sounds."""

    def __init__(self, absent: Container[str], stream: bool, folder: Path) -> None:
        self.server = FakeServer()
        self.sounds = SpyingSounds(absent, folder)
        self.server.media = SimpleNamespace(sounds=self.sounds)  # type: ignore[attr-defined]
        self.server.register_marked = lambda holder: None  # type: ignore[attr-defined]
        self.log = Lines()
        self.server.log.addHandler(self.log)
        self.channel: Channel = self.server.sip.incoming("alice", "s")
        self.channel.raw_answer()
        if stream:
            set_audio(self.channel, FakeStream(ULAW))

    async def run(self, name: str, args: str = "") -> list[str]:
        """Run an application; the prompts that it asked for."""
        self.sounds.asked.clear()
        assert await self.server.pbx.dialplan.execute_application(self.channel, name, args)
        return list(self.sounds.asked)

    def load(self, *modules: PbxModule) -> None:
        """Register applications."""
        for module in modules:
            module.load(self.server)  # type: ignore[arg-type]


def speaking(
    scenario: Callable[[Speaking], Awaitable[None]],
    *modules: PbxModule,
    absent: Container[str] = (),
    stream: bool = True,
) -> None:
    """Run a scenario on such a channel, which hangs up afterwards."""

    async def main() -> None:
        with tempfile.TemporaryDirectory() as folder:
            world = Speaking(absent, stream, Path(folder))
            world.load(*modules)
            try:
                await scenario(world)
            finally:
                world.channel.hang_up()
                await settle()

    asyncio.run(main())
