"""A call of alice and bob that can be recorded, with the manager and the console of recordings."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from fake_manager import FakeCall
from fake_technology import FakeServer, FakeStream, settle

from asterism.core.commands import CommandCall, marks_of
from asterism.media.formats import ULAW
from asterism.media.soundfiles import Sounds
from asterism.pbx.calls.recording.module import MixMonitor
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control

RECORD = Path(__file__).resolve().parents[2] / "data" / "record" / "recording.txt"


def sections() -> list[tuple[str, str]]:
    """The headings of the record, and what stands under each."""
    parts = re.split(r"^### \[Asterisk 22\.10\] (.*)\n", RECORD.read_text(encoding="utf-8"), flags=re.M)[1:]
    return list(zip(parts[0::2], (part.strip("\n") for part in parts[1::2]), strict=True))


def section(title: str) -> str:
    return next(text for heading, text in sections() if heading.startswith(title))


class Lines(logging.Handler):
    """The lines of the log."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage() + "\n"


class Call(NamedTuple):
    """The call, and what it is controlled by."""

    server: FakeServer
    alice: Channel
    bob: Channel
    folder: Path
    """The folder of relative names."""
    marked: dict[tuple[str, str], Any]
    log: Lines

    async def action(self, name: str, **fields: str) -> FakeCall:
        call = FakeCall(dict(fields))
        self.marked["action", name](call)
        await settle()
        return call

    def console(self, *words: str) -> str:
        text: str = self.marked["command", "mixmonitor"](CommandCall(list(words), lambda _: None))
        return text

    async def application(self, name: str, args: str = "") -> None:
        await self.marked["application", name](self.alice, args)

    def function(self, args: str) -> str:
        text: str = self.marked["function", "MIXMONITOR"](self.alice, args)
        return text


def in_a_call(folder: Path, scenario: Callable[[Call], Awaitable[None]], **options: object) -> FakeServer:
    """Run a scenario in a call of alice, who called, and bob."""

    async def main() -> FakeServer:
        server = FakeServer()
        server.paths = SimpleNamespace(spool=folder, data=folder)
        server.media = SimpleNamespace(sounds=Sounds())  # type: ignore[attr-defined]
        server.pbx.recordings.commands.allowed = bool(options.get("recording_commands"))
        server.sip.stream = lambda: FakeStream(ULAW)
        server.dialplan(("6002", 1, "Dial", "PJSIP/bob,20"))
        server.register_marked = lambda holder: None  # type: ignore[attr-defined]
        module = MixMonitor()
        module.load(server)  # type: ignore[arg-type]
        marked = {(found.kind, found.name): method for found, method in marks_of(module)}
        alice = server.sip.incoming("alice", "6002", accountcode="acc1")
        server.pbx.start(alice)
        await settle()
        bob = server.sip.made[0]
        bob.queue_control(Control.ANSWER)
        await settle()
        assert alice.bridge is not None
        server.record()
        lines = Lines()
        server.log.addHandler(lines)
        try:
            await scenario(Call(server, alice, bob, folder / "monitor", marked, lines))
            recordings = list(server.pbx.recordings)
        finally:
            for channel in server.pbx.channels:
                channel.soft_hangup()
            await settle()
        for recording in recordings:
            await recording.wait(5)
        assert not len(server.pbx.recordings)
        assert len(server.pbx.channels) == 0
        server.pbx.recordings.thread.close(wait=True)
        await module.unload()
        return server

    return asyncio.run(main())
