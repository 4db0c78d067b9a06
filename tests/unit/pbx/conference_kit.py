"""The recorded conference: alice, a user, and bob, an admin and marked, in a room; its manager and its console."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fake_manager import FakeCall
from fake_technology import FakeServer, FakeStream, settle

from asterism.core.commands import CommandCall, marks_of
from asterism.core.errors import CommandError
from asterism.media.formats import ULAW
from asterism.pbx.calls.conference.actions import ConferenceActions
from asterism.pbx.calls.conference.commands import ConferenceCommands
from asterism.pbx.calls.conference.conference import Conference, User
from asterism.pbx.calls.conference.module import ConferenceModule
from asterism.pbx.calls.conference.profiles import BridgeProfile, UserProfile
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.party import PartyId

RECORD = Path(__file__).resolve().parents[2] / "data" / "record" / "confbridge.txt"
USR, ADM = UserProfile("usr", talk_detection_events=True), UserProfile("adm", admin=True, marked=True)
WAIT = UserProfile("wait", wait_marked=True, end_marked=True)


def sections() -> list[tuple[str, str]]:
    """The headings of the record, and what stands under each."""
    parts = re.split(r"^### \[Asterisk 22\.10\] (.*)\n", RECORD.read_text(encoding="utf-8"), flags=re.M)[1:]
    return list(zip(parts[0::2], (part.strip("\n") for part in parts[1::2]), strict=True))


def section(title: str) -> str:
    return next(text for heading, text in sections() if heading.startswith(title))


def shown(line: str, state: str) -> str:
    """What a command showed in the record."""
    return section(f"*CLI> {line}   (state: {state})") + "\n"


def answered(title: str) -> tuple[str, list[str]]:
    """The answer to an action and the names of its fields and of the events after it, in order."""
    text = next(text for heading, text in sections() if heading == title)
    lines = [line for line in text.splitlines() if line and not line.startswith("-->")]
    fields = dict(line.split(": ", 1) for line in lines[:3] if ": " in line)
    return fields.get("Message", ""), lines[3:]


class Room:
    """The server, its conference, and what controls them."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.marked: dict[tuple[str, str], Any] = {}
        server.register_marked = lambda holder: None  # type: ignore[attr-defined]
        self.module = ConferenceModule()
        for holder in (self.module, ConferenceActions(), ConferenceCommands()):
            holder.load(server)  # type: ignore[arg-type]
            for found, method in marks_of(holder):
                self.marked[found.kind, found.name] = method

    def conference(self, name: str = "room", **options: Any) -> Conference:
        found = self.server.pbx.conferences.get(name)
        return found or Conference(self.server.pbx, name, BridgeProfile("brd", **options))

    async def enter(self, phone: str, profile: UserProfile, name: str = "room", exten: str = "7200") -> User:
        """A phone calls and comes in, as by ``ConfBridge(room,brd,usr,menu1)``."""
        channel = self.server.sip.incoming(phone, exten)
        channel.raw_answer()
        user = User(channel, profile, "menu1")

        async def body(one: Channel) -> None:
            one.new_exten("ConfBridge", f"{name},brd,{profile.name},menu1")
            await self.conference(name).attend(user)

        self.server.pbx.start(channel, body)
        await settle()
        return user

    async def leave(self, user: User) -> None:
        user.channel.queue_hangup()
        await settle()

    def action(self, name: str, **fields: str) -> FakeCall:
        call = FakeCall(dict(fields))
        self.marked["action", name](call)
        return call

    def command(self, line: str) -> str:
        """What the console shows."""
        words = line.split()
        for count in (3, 2):
            found = self.marked.get(("command", " ".join(words[:count])))
            if found is not None:
                try:
                    return str(found(CommandCall(words[count:], lambda _: None)))
                except CommandError as error:
                    return f"{error}\n"
        raise AssertionError(line)


def in_a_room(scenario: Callable[[Room], Awaitable[None]], folder: Path | None = None) -> FakeServer:
    """Run a scenario; nothing is left behind it."""

    async def main() -> FakeServer:
        server = FakeServer()
        server.paths = SimpleNamespace(spool=folder)
        server.record()
        server.sip.stream = lambda: FakeStream(ULAW)
        for number, name in ((1, "Alice"), (2, "Bob"), (3, "Carol")):
            server.sip.phones[name.lower()] = PartyId(f"600{number}", name)
        room = Room(server)
        await scenario(room)
        for conference in list(server.pbx.conferences.values()):
            conference.end()
        await settle(40)
        await server.pbx.recordings.finish()
        assert not server.pbx.conferences
        assert not server.pbx.bridges
        assert [channel.name for channel in server.pbx.channels] == []
        return server

    return asyncio.run(main())
