"""What the tests of an IVR share: a phone that hears and presses, the server's events and verbose lines, the record."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asterism.core.events import EventType
from asterism.core.log import VERBOSE
from asterism.media.g711 import linear_to_ulaw
from asterism.pbx.vocabulary import events
from asterism.server.server import Server
from asterism.stack.message import Request
from asterism.testing import Phone, PhoneCall, assert_idle, running_server
from asterism.testing.tone import make_tone

RECORD = Path(__file__).parents[1] / "data" / "record" / "ivr.txt"
PJSIP = """
[alice]
type=endpoint
context=internal
allow=!all,ulaw
auth=alice
aors=alice
callerid="Alice" <6001>
direct_media=no
[alice]
type=auth
username=alice
password=secret
[alice]
type=aor
max_contacts=1
"""
SOUNDS = {"demo-congrats": (700, 6.0), "beep": (1000, 0.4)}
"""The sounds of the server: a tone each, its frequency and its seconds."""
_LEFT_OUT = ("SIP", "RTPAUDIO", "TIMEOUT")
"""Beginnings of variables that the record does not show."""
CONGRATS, BEEP = 700, 1000


def number_tone(path: Path, frequency: float, seconds: float) -> None:
    """Write a sound file: a tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".ulaw").write_bytes(linear_to_ulaw(make_tone(frequency, seconds=seconds)))


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(VERBOSE)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno in (VERBOSE, logging.WARNING):
            self.lines.append(record.getMessage())


class ListeningPhone(Phone):
    """A phone that keeps the requests that it receives."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.received: list[Request] = []
        super().__init__(*args, **options)

    def texts(self) -> list[tuple[str | None, bytes]]:
        """The texts received: their types, and what they say."""
        return [(one.get("Content-Type"), one.body) for one in self.received if one.method == "MESSAGE"]

    def on_request(self, request: Request) -> None:
        """Keep it, and do as ever."""
        self.received.append(request)
        super().on_request(request)


@dataclass
class Ivr:
    """A server and its phone."""

    server: Server
    alice: ListeningPhone
    events: list[str] = field(default_factory=list)
    _lines: _Lines = field(default_factory=_Lines)

    async def dial(self, number: str, answered: bool = True) -> PhoneCall:
        """Call, and wait for the answer."""
        call = await self.alice.dial(number)
        if answered:
            await call.answered()
        return call

    def note(self, kind: EventType, published: tuple[Any, ...]) -> None:
        """Keep an event in the notation of the record."""
        fields = {name: str(value) for name, value in kind.render(*published)}
        text = f"{kind.name} {fields.get('Channel', '')}"
        if kind is events.VAR_SET:
            if fields["Variable"].startswith(_LEFT_OUT):
                return
            text += f" {fields['Variable']}={fields['Value']}"
        else:
            text += (
                f" [{fields['ChannelStateDesc']} {_nobody(fields['CallerIDNum'])}/{_nobody(fields['ConnectedLineNum'])}"
                f" {fields['Context']},{fields['Exten']},{fields['Priority']}]"
            )
        if kind is events.NEWEXTEN:
            text += f" {fields['Application']}({fields['AppData']})"
        for name in ("Digit", "DurationMs", "Direction"):
            if name in fields:
                text += f" {name}={fields[name]}"
        self.events.append(plain(text))

    def variables(self, *names: str) -> list[str]:
        """What was set, in order: ``NAME=value`` of these variables."""
        found = [line.partition(" ")[2].partition(" ")[2] for line in self.events if line.startswith("VarSet ")]
        return [line for line in found if line.partition("=")[0] in names]

    def told(self, *without: str) -> list[str]:
        """The verbose lines and warnings, but for those of the dialplan itself and those with ``without``."""
        return [
            plain(line)
            for line in self._lines.lines
            if not any(text in line for text in ("Executing [", "Spawn extension", "Auto fallthrough", *without))
        ]


def _nobody(number: str) -> str:
    return "-" if number in ("", "<unknown>") else number


def plain(line: str) -> str:
    """A line without what differs from run to run: the number of the channel, the kind of a file."""
    line = re.sub(r"(PJSIP/\w+)-[0-9a-f]{8}", r"\1", line)
    return re.sub(r"Playing '([^'.]+)\.\w+'", r"Playing '\1'", line)


def recorded_events(title: str, *kinds: str) -> list[str]:
    """The events of a section of the record, those of ``kinds`` only."""
    lines = [line[1:] for line in _section(f"AMI events: {title}") if line.startswith("~")]
    found: list[str] = []
    for line in lines:
        if line.startswith("VarSet"):
            start, _, rest = line.partition(" ")[2].partition(" ")
            found += [f"VarSet {start} {each}" for each in rest.split(" | ")]
        else:
            found.append(line)
    return [plain(line) for line in found if line.partition(" ")[0] in kinds]


def recorded_lines(title: str) -> list[str]:
    """The verbose lines of a section of the record, but for those of the dialplan itself."""
    lines = [line.partition(": ")[2] for line in _section(f"verbose log: {title}") if line]
    return [plain(line) for line in lines if not line.startswith("Executing [")]


def _section(title: str) -> list[str]:
    for block in re.split(r"(?m)^### ", RECORD.read_text()):
        head, _, body = block.partition("\n")
        if re.sub(r"  \[\d+ events\]$", "", head) == f"[Asterisk 22.10] {title}":
            return body.splitlines()
    raise KeyError(title)


@asynccontextmanager
async def ivr(
    extensions: str,
    config: Mapping[str, str] | None = None,
    sounds: Mapping[str, tuple[float, float]] = SOUNDS,
    endpoint: str = "",
) -> AsyncIterator[Ivr]:
    """A server with these extensions of the context ``internal`` and with sounds that are tones, and a phone.

    ``endpoint`` are further lines of the phone's endpoint.
    """
    text = extensions if "[" in extensions.partition("exten")[0] else f"[internal]\n{extensions}"
    async with (
        running_server(
            {
                "pjsip.conf": PJSIP.replace("direct_media=no", f"direct_media=no\n{endpoint}"),
                "extensions.conf": text,
                **(config or {}),
            }
        ) as server,
        ListeningPhone("alice", server, "secret") as alice,
    ):
        for name, (frequency, seconds) in sounds.items():
            number_tone(Path(server.paths.data) / "sounds" / "en" / name, frequency, seconds)
        await alice.register()
        made = Ivr(server, alice)
        server.log.addHandler(made._lines)
        server.log.verbose_level = 3
        for kind in (events.NEWEXTEN, events.VAR_SET, events.DTMF_BEGIN, events.DTMF_END, events.NEWSTATE):
            server.subscribe(kind, made.note)
        yield made
        await assert_idle(server)
