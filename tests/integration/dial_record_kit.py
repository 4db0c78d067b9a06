"""The recorded runs of Dial: the dialplan they had, their events and lines, and a server with the two phones."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ivr_kit import number_tone

from asterism.core.events import EventType
from asterism.core.log import VERBOSE
from asterism.server.server import Server
from asterism.testing import Phone, PhoneCall, assert_idle, running_server

RECORD = Path(__file__).parents[1] / "data" / "record" / "dial.txt"
SOUNDS = {
    "beep": (1000, 0.3),
    "tt-monkeys": (900, 5.0),
    "vm-youhave": (600, 1.0),
    "digits/2": (800, 0.6),
    "queue-seconds": (1200, 1.2),
}
"""Sounds of the server: a tone each, its frequency and its seconds."""
_PHONE = """
[{name}]
type=endpoint
context=internal
allow=!all,ulaw
auth={name}
aors={name}
callerid="{caller}" <{number}>
accountcode={account}
{name}
[{name}]
type=auth
username={name}
password=secret
[{name}]
type=aor
max_contacts=1
"""
PJSIP = "".join(
    _PHONE.format(name=name, caller=name.title(), number=number, account=account).replace(f"\n{name}\n[", "\n[", 1)
    for name, number, account in (("alice", "6001", "acc1"), ("bob", "6002", ""), ("carol", "6003", ""))
)
AFTER = "NoOp(after ${DIALSTATUS}|${DIALEDPEERNAME}|${HANGUPCAUSE}|||${ANSWEREDTIME}|${DIALEDTIME})"
EXTENSIONS = (
    """
[internal]
exten => 7010,1,Answer()
 same => n,Wait(30)
exten => 7835,1,RetryDial(beep,1,2,PJSIP/bob,2)
 same => n,NoOp(${DIALSTATUS})
exten => 7907,1,Set(CHANNEL(hangup_handler_push)=hh,s,1(one))
 same => n,Set(CHANNEL(hangup_handler_push)=hh,s,1(two))
 same => n,Set(CHANNEL(hangup_handler_wipe)=hh,s,1(three))
 same => n,Set(CHANNEL(hangup_handler_push)=hh,s,1(four))
 same => n,Set(CHANNEL(hangup_handler_pop)=hh,s,1(five))
 same => n,Set(CHANNEL(hangup_handler_pop)=)
 same => n,Set(CHANNEL(hangup_handler_push)=hh,s,1(six))
 same => n,Set(CHANNEL(hangup_handler_push)=hh,s,1(seven))
 same => n,Answer()
 same => n,Wait(1.5)
exten => h,1,NoOp(hangup)
[hh]
exten => s,1,NoOp(handler ${ARG1} ${HANGUPCAUSE})
 same => n,Return()
[sub]
exten => s,1,NoOp(sub on ${CHANNEL} ${ARG1})
 same => n,Return()
exten => f,1,NoOp(F target ${CHANNEL})
 same => n,Wait(.5)
 same => n,Wait(1)
"""
    + "".join(
        f"[{context}]\nexten => s,1,Set(GOSUB_RESULT={result})\n same => n,Return()\n"
        for context, result in (
            ("u_abort", "ABORT"), ("u_busy", "BUSY"), ("u_cong", "CONGESTION"), ("u_cont", "CONTINUE"),
            ("u_go", "GOTO:internal^7010^1"),
        )
    )
)  # fmt: skip
KINDS = frozenset(
    re.findall(
        r"\w+",
        "Newchannel Newstate Newexten NewCallerid NewConnectedLine NewAccountCode VarSet DialBegin DialState DialEnd "
        "BridgeEnter BridgeLeave HangupRequest SoftHangupRequest Hangup "
        "HangupHandlerPush HangupHandlerPop HangupHandlerRun",
    )
)
"""The events that are compared; bridges themselves are told by their members'."""
_LINES = re.compile(
    r"Executing |Called |Couldn't call|.* is ringing$|.* answered |Everyone is |Setting call|Sending DTMF|"
    r".*Internal Gosub|Connected line update|Unrecognized option|<.*> Playing|Nobody picked|Now forwarding|"
    r"Unable to create"
)
_VARYING = (
    (re.compile(r"PJSIP/(\w+)-[0-9a-f]{8}"), r"\1"),
    (re.compile(r" (Bridge(Unique|Technology|Type|NumCh)\w*=\S+)"), ""),
    (re.compile(r"((?:ANSWERED|DIALED|RING|PROGRESS)TIME(?:_MS)?)=\d+"), r"\1=N"),
    (re.compile(r"\|\|\|\d+\|\d+(\"?\)?)"), r"|||N|N\1"),
    (re.compile(r"Playing '([^'.]+)\.\w+'"), r"Playing '\1'"),
    (re.compile(r" TechCause=\d+"), ""),
    (re.compile(r"^(SoftHangupRequest .*),\d+\]"), r"\1,N]"),
)
_OWN_VARIABLES = ("BRIDGEPEER", "BRIDGEPVTCALLID", "SIP", "RTPAUDIO", "RINGTIME", "PROGRESSTIME", "HANGUPCAUSE")
"""Beginnings of variables that are the driver's or the bridge's."""


def plain(line: str) -> str:
    """A line without what differs from run to run."""
    for pattern, instead in _VARYING:
        line = pattern.sub(instead, line)
    return line.rstrip()


def _state_of_called(line: str) -> str:
    """Whether a called phone rings already when something is told of it is a race in the record itself."""
    return re.sub(r"\[(Down|Ringing) 6002", "[Down|Ringing 6002", line)


def sections(kind: str) -> list[str]:
    """The titles of the record's sections of a kind: ``AMI events`` or ``verbose log``."""
    found = re.findall(rf"(?m)^### \[Asterisk 22\.10\] {kind}: (.*)$", RECORD.read_text())
    return [re.sub(r"  \[\d+ events\]$", "", title) for title in found]


def _section(head: str, record: Path = RECORD) -> list[str]:
    for block in re.split(r"(?m)^### ", record.read_text()):
        title, _, body = block.partition("\n")
        if re.sub(r"  \[\d+ events\]$", "", title) == f"[Asterisk 22.10] {head}":
            return body.splitlines()
    raise KeyError(head)


def recorded_lines(title: str, record: Path = RECORD) -> list[str]:
    """The lines of the verbose log, in order."""
    found = [line.partition(": ")[2] for line in _section(f"verbose log: {title}", record) if ": " in line]
    return [plain(line) for line in found]


def recorded_events(title: str) -> list[str]:
    """The events of a section in the notation of the record; a VarSet each for what it lists in one line."""
    found: list[str] = []
    block: dict[str, str] = {}
    for line in [*_section(f"AMI events: {title}"), ""]:
        if line.startswith("~"):
            kind, _, rest = line[1:].partition(" ")
            if kind == "VarSet":
                channel, _, values = rest.partition(" ")
                found += [f"VarSet {channel} {each}" for each in values.split(" | ")]
            else:
                found.append(f"{kind} {rest}")
        elif line.partition(": ")[0] in ("Event",) or block:
            if line:
                name, _, value = line.partition(":")
                block[name] = value.strip()
            elif block:
                found.append(notation(block["Event"], block))
                block = {}
    return _kept(found)


def _kept(lines: list[str]) -> list[str]:
    kept = []
    for line in lines:
        kind, _, rest = line.partition(" ")
        variable = rest.partition(" ")[2] if kind == "VarSet" else ""
        if kind in KINDS and not rest.startswith("none ") and not variable.startswith(_OWN_VARIABLES):
            kept.append(plain(_state_of_called(line)))
    return kept


def notation(kind: str, fields: dict[str, str]) -> str:
    """An event as the record writes it in one line."""

    def channel(prefix: str = "") -> str:
        caller, connected = (
            fields[prefix + name].replace("<unknown>", "") or "-" for name in ("CallerIDNum", "ConnectedLineNum")
        )
        place = ",".join(fields[prefix + name] for name in ("Context", "Exten", "Priority"))
        return f"{fields[prefix + 'Channel']} [{fields[prefix + 'ChannelStateDesc']} {caller}/{connected} {place}]"

    if kind == "VarSet":
        return f"VarSet {fields['Channel']} {fields['Variable']}={fields['Value']}"
    text = f"{kind} {channel()}"
    if "DestChannel" in fields:
        text += f" Dest {channel('Dest')}"
    if kind == "Newexten":
        return f"{text} {fields['Application']}({fields['AppData']})"
    for name in ("DialString", "DialStatus", "OldAccountCode", "Cause", "Cause-txt", "CID-CallingPres", "Handler"):
        if name in fields:
            text += f" {name}={fields[name]}"
    return text


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(VERBOSE)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno in (VERBOSE, logging.WARNING, logging.ERROR, 25):
            self.lines.append(record.getMessage())


@dataclass
class World:
    """A server, its phones, and what it told since it began."""

    server: Server
    alice: Phone
    bob: Phone
    carol: Phone
    told: list[str] = field(default_factory=list)
    _lines: _Lines = field(default_factory=_Lines)

    def note(self, kind: EventType, published: tuple[Any, ...]) -> None:
        """Keep an event."""
        if kind.name in KINDS:
            self.told.append(notation(kind.name, {name: str(value) for name, value in kind.render(*published)}))

    @property
    def events(self) -> list[str]:
        """The events so far."""
        return _kept(self.told)

    @property
    def lines(self) -> list[str]:
        """The verbose lines and warnings so far; of what ends a subroutine's run only the line of a called one."""
        found: list[str] = []
        lines = self._lines.lines
        for line, after in zip(lines, [*lines[1:], ""], strict=True):
            if _LINES.match(line) or (line.startswith("Spawn extension") and "complete GOSUB_RETVAL" in after):
                found.append(plain(line))
        return found

    @property
    def everything(self) -> list[str]:
        """All lines."""
        return self._lines.lines

    def path(self, name: str) -> Path:
        """Where a sound of the users' is, without its extension."""
        return Path(self.server.paths.data) / "sounds" / name

    async def connect(self, number: str) -> tuple[PhoneCall, PhoneCall]:
        """Alice calls, Bob's phone rings, Bob answers."""
        call = await self.alice.dial(number)
        incoming = await self.bob.incoming()
        incoming.ring()
        await call.ringing()
        incoming.answer()
        return call, incoming


@asynccontextmanager
async def recorded_world(
    *lines: str,
    sounds: Mapping[str, tuple[float, float]] | None = None,
    extra: dict[str, str] | None = None,
    idle: bool = True,
) -> AsyncIterator[World]:
    """The server of the record; ``lines`` are further ones of its context ``internal``, or of others."""
    extensions = EXTENSIONS + "[internal](+)\n" + "\n".join(lines) + "\n"
    async with (
        running_server({"pjsip.conf": PJSIP, "extensions.conf": extensions, **(extra or {})}) as server,
        Phone("alice", server, "secret") as alice,
        Phone("bob", server, "secret") as bob,
        Phone("carol", server, "secret") as carol,
    ):
        for name, (frequency, seconds) in (SOUNDS if sounds is None else sounds).items():
            number_tone(Path(server.paths.data) / "sounds" / "en" / name, frequency, seconds)
        for phone in (alice, bob, carol):
            await phone.register()
        world = World(server, alice, bob, carol)
        server.log.addHandler(world._lines)
        server.log.verbose_level = 3
        server.subscribe(None, world.note)
        yield world
        if idle:
            await assert_idle(server)
