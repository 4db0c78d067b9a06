"""A scripted channel technology, a server small enough for the PBX, and the recorded event order."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from asterism.core.events import EventBus, EventType
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner, Registry
from asterism.core.test_events import TestEvents
from asterism.media.stream import AUDIO, ChannelStream
from asterism.media.taps import Direction, TappedStream
from asterism.pbx.assembly.pbx import Pbx
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.technology import ChannelRequest
from asterism.pbx.dialplan.applications.dial.application import DialApplication
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.errors import RequestError
from asterism.pbx.vocabulary.party import PartyId

TRANSCRIPT = Path(__file__).resolve().parents[2] / "data" / "record" / "ami_events_call.txt"


class FakeStream(TappedStream):
    """An audio stream that relays to its own kind and keeps what was written."""

    sends_events = False
    digit_passed_to = None

    def __init__(self, fmt: Any, relays: bool = True) -> None:
        self.format = fmt
        self.formats = (fmt,)
        self.sink: Any = None
        self.on_digit: Any = None
        self.on_digit_begin: Any = None
        self.hold = False
        self.relay_digits = True
        self.closed = False
        self.log = ServerLogger("stream")
        self.taps_in = self.taps_out = None
        self.relays = relays
        self.relayed_to: Any = None
        self.written: list[Any] = []

    def write(self, frame: Any) -> None:
        self.written.append(frame)

    def write_behind(self, tap: Any, frame: Any) -> None:
        self.written.append(self.send_behind(tap, frame))

    @property
    def sends(self) -> bool:
        return not self.hold and not self.closed

    @property
    def tap_log(self) -> logging.Logger:
        return self.log

    def taps_changed(self, direction: Direction) -> None:
        if direction is Direction.IN and self.relayed_to is not None and self.changes_in:
            self.sink, self.relayed_to = self.relayed_to.write, None

    def relay_to(self, other: Any) -> bool:
        relays = self.relays and other is not None and not self.changes_in and not other.changes_out
        self.relayed_to = other if relays else None
        return relays

    def send_digit(self, digit: str, duration_ms: int = 100) -> None:
        self.written.append(digit)

    def close(self) -> None:
        self.closed = True


class FakeDriver:
    """The far end of one channel; ``on_call`` is its script, run in the next loop pass after ``call``."""

    def __init__(self, technology: FakeTechnology) -> None:
        self.technology = technology
        self.channel: Channel | None = None
        self.media: Any = None
        self.log: list[tuple[Any, ...]] = []
        self.on_call: Callable[[Channel], None] | None = None

    @property
    def streams(self) -> tuple[ChannelStream, ...]:
        return () if self.media is None else (ChannelStream(AUDIO, self.media),)

    def call(self, timeout: float | None) -> None:
        self.log.append(("call",))
        if self.on_call is not None and self.channel is not None:
            asyncio.get_running_loop().call_soon(self.on_call, self.channel)

    def attach(self, channel: Channel) -> None:
        self.channel = channel

    def answer(self) -> None:
        self.log.append(("answer",))

    def indicate(self, condition: Control, data: object = None) -> bool:
        self.log.append(("indicate", condition))
        return condition not in self.technology.unshown

    def hangup(self, cause: int) -> None:
        self.log.append(("hangup", cause))

    def send_digit(self, digit: str, duration_ms: int) -> None:
        self.log.append(("digit", digit, duration_ms))

    def send_text(self, text: str, content_type: str = "text/plain") -> bool:
        self.log.append(("text", text))
        return True

    def offer_streams(self, offered: Any) -> None:
        self.log.append(("offer_streams", offered))

    def transfer(self, order: Any) -> None:
        self.log.append(("transfer", order))

    @property
    def call_id(self) -> str:
        return f"id-of-{self.channel.name}" if self.channel else ""

    def channel_item(self, name: str) -> str | None:
        return self.call_id if name == "pjsip,call-id" else None

    def indicated(self) -> list[Control]:
        return [entry[1] for entry in self.log if entry[0] == "indicate"]


def audio_of(channel: Any) -> Any:
    """The audio that :class:`FakeDriver` has."""
    return channel.driver.media


def set_audio(channel: Any, stream: Any) -> None:
    """Have the far end's audio be another; the channel is not told."""
    channel.driver.media = stream


class FakeTechnology:
    """Makes channels for the phones in ``phones``; others have no route."""

    name = "PJSIP"
    description = "Scripted channel driver"

    def __init__(self, pbx: Pbx) -> None:
        self.pbx = pbx
        self.phones: dict[str, PartyId] = {}
        self.scripts: dict[str, Callable[[Channel], None]] = {}
        self.made: list[Channel] = []
        self.reachable = True
        self.unshown: frozenset[Control] = frozenset()
        """Conditions that the far ends cannot be shown in signalling."""
        self.stream: Callable[[], Any] | None = None

    def request(self, request: ChannelRequest) -> Channel:
        destination = request.destination
        if destination not in self.phones:
            raise RequestError(3)
        driver = FakeDriver(self)
        channel = self.pbx.create_channel(
            self, f"PJSIP/{destination}", driver, caller=self.phones[destination], context="internal",
            requestor=request.requestor, uniqueid=request.uniqueid,
        )  # fmt: skip
        driver.channel = channel
        driver.media = self.stream() if self.stream else None
        driver.on_call = self.scripts.get(destination)
        self.made.append(channel)
        return channel

    def incoming(self, phone: str, exten: str, context: str = "internal", **kwargs: Any) -> Channel:
        driver = FakeDriver(self)
        channel = self.pbx.create_channel(
            self, f"PJSIP/{phone}", driver, state=ChannelState.RING, caller=self.phones[phone],
            context=context, exten=exten, dialed=exten, **kwargs,
        )  # fmt: skip
        driver.channel = channel
        driver.media = self.stream() if self.stream else None
        return channel

    def device_state(self, resource: str) -> DeviceState:
        if resource not in self.phones:
            return DeviceState.INVALID
        return self.pbx.device_states.channel_state(f"PJSIP/{resource}") if self.reachable else DeviceState.UNAVAILABLE


class FakeServer:
    """A core server with a PBX and the phones alice and bob of the record."""

    def __init__(self) -> None:
        self.name = "test"
        self.version = "0"
        self.log = ServerLogger("test")
        self.owner = Owner("test")
        self.options = SimpleNamespace(systemname="", defaultlanguage="en")
        self.paths: Any = None
        self.bus = EventBus(self.log)
        self.test_events = TestEvents(self.bus)
        self.commands: Registry[Any] = Registry("command")
        self.actions: Registry[Any] = Registry("action", str.lower)
        self.pbx = Pbx(self)  # type: ignore[arg-type]
        self.sip = FakeTechnology(self.pbx)
        self.sip.phones = {"alice": PartyId("6001", "Alice Example"), "bob": PartyId("6002", "Bob Example")}
        self.pbx.register_technology(self.sip)
        DialApplication().load(self)  # type: ignore[arg-type]
        self.recorded: list[tuple[EventType, list[tuple[str, object]]]] = []

    def register_command(self, item: Any, documentation: Any) -> None:
        self.commands.add(self.owner, item.words, item, documentation)

    def register_action(self, item: Any, documentation: Any) -> None:
        self.actions.add(self.owner, item.name, item, documentation)

    def register_events(self, *types: EventType) -> None:
        self.bus.register(self.owner, *types)

    def record(self) -> None:
        """Keep every event with its fields, as the manager would render them then."""

        def take(event_type: EventType, args: tuple[Any, ...]) -> None:
            self.recorded.append((event_type, list(event_type.render(*args))))

        self.bus.subscribe(self.owner, None, take)

    def dialplan(self, *lines: tuple[str, int, str, str]) -> None:
        """Add ``(exten, priority, application, data)`` lines to the context internal."""
        for exten, priority, application, data in lines:
            self.pbx.dialplan.add_extension(self.owner, "internal", exten, priority, application, data)

    def names(self, *leave_out: str) -> list[str]:
        return [event_type.name for event_type, _ in self.recorded if event_type.name not in leave_out]

    def fields(self, name: str) -> list[dict[str, str]]:
        return [{k: str(v) for k, v in fields} for event_type, fields in self.recorded if event_type.name == name]

    def variables(self, channel_name: str) -> list[str]:
        return [
            event["Variable"] for event in self.fields("VarSet") if event["Channel"] == channel_name
        ]  # fmt: skip


async def settle(passes: int = 12) -> None:
    """Let everything that was scheduled for now happen."""
    for _ in range(passes):
        await asyncio.sleep(0)


def recorded_section(title: str) -> list[dict[str, str]]:
    """The events of one section of the transcript, each as its fields in order."""
    text = TRANSCRIPT.read_text(encoding="utf-8")
    start = re.search(rf"^# Asterisk 22\.10 -- {re.escape(title)}.*$", text, re.MULTILINE)
    assert start is not None, title
    body = text[start.end() :]
    end = re.search(r"^#{20,}\n# Asterisk", body, re.MULTILINE)
    found: list[dict[str, str]] = []
    for block in (body[: end.start()] if end else body).split("\n\n"):
        lines = [line for line in block.strip().splitlines() if ":" in line]
        if lines and lines[0].startswith("Event: "):
            found.append({key: value.strip() for key, value in (line.split(":", 1) for line in lines)})
    return found


def run(scenario: Any) -> None:
    """Run ``scenario(server)`` on a server of its own, and see that it leaves no channel."""

    async def main() -> None:
        server = FakeServer()
        server.record()
        await scenario(server)
        for channel in server.pbx.channels:
            channel.hang_up()
        await settle()
        assert len(server.pbx.channels) == 0

    asyncio.run(main())
