"""A manager client for tests, and the recorded exchanges that its answers are compared with."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from asterism.interfaces.manager.module import ManagerModule
from asterism.server.server import Server

RECORD = Path(__file__).resolve().parents[1] / "data" / "record"

MANAGER = """
[general]
enabled=yes
port=0
bindaddr=127.0.0.1
[admin]
secret=secret
read=all
write=all
[limited]
secret=secret
read=call
write=call
"""


def address(server: Server) -> tuple[str, int]:
    """Where the manager listens."""
    entry = server.modules.find("manager")
    assert entry is not None
    assert isinstance(entry.instance, ManagerModule)
    assert entry.instance.address is not None
    return entry.instance.address


class Message(dict[str, str]):
    """One message: its fields by name (the last of a repeated one), and its text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pairs = [
            (name, value.removeprefix(" ")) for name, _, value in (x.partition(":") for x in text.split("\n"))
        ]
        super().__init__(self.pairs)


class Manager:
    """A client on one connection; everything received is kept in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.events: list[Message] = []
        self._count = 0

    async def read(self, timeout: float = 5) -> Message:
        """The next message, of whatever kind."""
        data = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), timeout)
        assert b"\n" not in data.replace(b"\r\n", b"")
        message = Message(data.decode()[:-4].replace("\r\n", "\n"))
        if "Event" in message:
            self.events.append(message)
        return message

    async def action(self, name: str, *pairs: tuple[str, str], **fields: str) -> Message:
        """Send an action and return its response; events on the way are kept."""
        self._count += 1
        action_id = f"{name.lower()}-{self._count}"
        lines = [("Action", name), ("ActionID", action_id), *fields.items(), *pairs]
        self.writer.write("".join(f"{key}: {value}\r\n" for key, value in lines).encode() + b"\r\n")
        while True:
            message = await self.read(15)
            if "Response" in message and message.get("ActionID") == action_id:
                return message

    async def list(self, name: str, **fields: str) -> list[Message]:
        """Send an action that answers with a list; return its items, the completing event last."""
        response = await self.action(name, **fields)
        assert response.get("EventList") == "start", response.text
        found: list[Message] = []
        while not found or found[-1].get("EventList") != "Complete":
            message = await self.read()
            if message.get("ActionID") == response["ActionID"]:
                found.append(message)
        return found

    async def event(self, name: str, **fields: str) -> Message:
        """Wait for an event that has these fields, past ones included."""
        seen = 0
        while True:
            for event in self.events[seen:]:
                if event["Event"] == name and all(event.get(key) == value for key, value in fields.items()):
                    return event
            seen = len(self.events)
            await self.read()

    def close(self) -> None:
        """Hang up."""
        self.writer.close()


@asynccontextmanager
async def manager(server: Server, user: str = "admin", events: str = "on") -> AsyncIterator[Manager]:
    """A client that has logged in."""
    reader, writer = await asyncio.open_connection(*address(server))
    client = Manager(reader, writer)
    try:
        assert await reader.readline() == b"Asterisk Call Manager/11.0.0\r\n"
        response = await client.action("Login", Username=user, Secret="secret", Events=events)
        assert response["Response"] == "Success", response.text
        yield client
    finally:
        client.close()


@dataclass
class Exchange:
    """One exchange of the record."""

    title: str
    sent: str
    received: str


def recorded(*, raw: bool) -> list[Exchange]:
    """The exchanges of ``pjsip_ami_actions.txt``: one action and its answer, or a whole connection's bytes."""
    text = (RECORD / "pjsip_ami_actions.txt").read_text()
    found = []
    for part in text.split("### [Asterisk 22.10] AMI ")[1:]:
        title, _, rest = part.partition("\n")
        rest = rest.split("\n####")[0]
        if title.startswith("raw: ") != raw:
            continue
        sent, _, received = rest.partition("<<< received\n" if raw else "<<< response\n")
        sent = sent.partition("\n")[2]
        found.append(Exchange(title.removeprefix("raw: "), sent.rstrip("\n"), received.strip("\n")))
    return found


_PROCESSED = re.compile(r"\d+ calls? processed")
_CHANGING = re.compile(
    r"^(Timestamp|Uptime|LastReload|EventTV|SessionTV|SessionID|LocalAddress|RemoteAddress|Challenge"
    r"|CoreStartup\w+|CoreReload\w+|Output: (?:System uptime|Last reload)): .*$",
    re.M,
)


def normalise(text: str) -> str:
    """A message without what changes from run to run: times, addresses, identifiers."""
    return _PROCESSED.sub("* calls processed", _CHANGING.sub(r"\1: *", text))
