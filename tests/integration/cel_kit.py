"""The recorded runs of channel event logging, and a server with the dialplan and the phones that they had."""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dial_record_kit import PJSIP
from ivr_kit import number_tone
from recorded_calls import DIALS

from asterism.pbx.records.record import ChannelRecord
from asterism.server.server import Server
from asterism.testing import Phone, PhoneCall, assert_idle, running_server, until

RECORD = Path(__file__).parents[1] / "data" / "record" / "cel.txt"
COLUMNS = (
    "eventtype", "eventtime", "name", "num", "ani", "rdnis", "dnid", "exten", "context", "channame", "appname",
    "appdata", "amaflags", "accountcode", "uniqueid", "linkedid", "peer", "userfield", "userdeftype", "extra",
    "peeraccount",
)  # fmt: skip
"""The columns of the recorded lines."""
CEL = """
[general]
enable=yes
apps=dial,park,queue,confbridge,playback
events=ALL
[manager]
enabled=yes
"""
EXTENSIONS = (
    DIALS
    + """\
exten => 6102,1,Dial(PJSIP/bob,3)
exten => 7801,1,Answer()
 same => n,Hangup()
exten => 7800,1,Set(CHANNEL(accountcode)=acc9)
 same => n,Set(CHANNEL(amaflags)=billing)
 same => n,Answer()
 same => n,CELGenUserEvent(myev,extra text)
 same => n,Hangup()
[hsub]
exten => s,1,Answer()
 same => n,Wait(.6)
 same => n,Hangup()
exten => h,1,Wait(.1)
"""
)
PARKING = """
[default]
parkext = 700
parkpos = 704-710
context = parkedcalls
courtesytone = beep
parkedplay = caller
"""
CONFERENCES = """
[brd]
type=bridge
[usr]
type=user
quiet=yes
"""
GROUPS = """
[alice](+)
call_group=1
pickup_group=1
[bob](+)
call_group=1
pickup_group=1
[carol](+)
call_group=1
pickup_group=1
"""
SOUNDS = {"beep": 0.1, "digits/7": 0.25, "digits/0": 0.25, "digits/4": 0.25}
"""Sounds of the server, with their seconds."""
_NUMBERED = re.compile(r"((?:PJSIP/\w+|Local/\w+@\w+|CBAnn/\w+)-)([0-9a-f]{8})")
_BRIDGE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_UNIQUEID = re.compile(r"\b\d{10}\.\d+\b")

Row = dict[str, str]


def blocks() -> dict[str, str]:
    """The record's blocks by their titles."""
    return dict(one.split("\n", 1) for one in re.split(r"(?m)^### ", RECORD.read_text())[1:])


def runs() -> list[str]:
    """The titles of the recorded runs."""
    return [title for title, body in blocks().items() if body.startswith("Order:")]


def recorded(title: str) -> list[Row]:
    """The lines of a run, in the order in which they were written."""
    lines = [line for line in blocks()[title].splitlines() if line.startswith('"')]
    return plain(dict(zip(COLUMNS, fields, strict=True)) for fields in csv.reader(lines))


def row_of(record: ChannelRecord) -> Row:
    """A record as the file has it."""
    event = record.userdeftype if record.event == "USER_DEFINED" else record.event
    values = (
        event, f"{record.time:.6f}", record.cid_name, record.cid_num, record.cid_ani, record.cid_rdnis,
        record.cid_dnid, record.exten, record.context, record.channame, record.appname, record.appdata,
        str(record.amaflags), record.accountcode, record.uniqueid, record.linkedid, record.peer, record.userfield,
        record.userdeftype, record.extra, record.peeraccount,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def plain(rows: Iterable[Row]) -> list[Row]:
    """Rows without what differs from run to run: channels, calls and bridges are counted as they appear.

    The peers of more than one are sorted: the record has them in no order.
    """
    names: dict[str, dict[str, str]] = {}

    def counted(kind: str, name: str) -> str:
        known = names.setdefault(kind, {})
        return known.setdefault(name, f"{kind}{len(known) + 1}")

    found = []
    for row in rows:
        changed = {}
        for column, text in row.items():
            if column == "eventtime":
                continue
            text = _NUMBERED.sub(lambda found: counted(found[1], found[2]), text)
            text = _UNIQUEID.sub(lambda found: counted("id", found[0]), text)
            changed[column] = _BRIDGE.sub(lambda found: counted("bridge", found[0]), text)
        found.append({**changed, "peer": ",".join(sorted(changed["peer"].split(",")))})
    return found


def by_channel(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of each channel, in their order."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["channame"], []).append(row)
    return found


def order(rows: Iterable[Row]) -> str:
    """What happens, in its order, and to whom."""
    return " ".join(f"{row['eventtype']}:{row['channame'].partition('/')[2]}" for row in rows)


@dataclass
class World:
    """A server, its phones, and what was recorded since it began."""

    server: Server
    alice: Phone
    bob: Phone
    carol: Phone
    records: list[ChannelRecord] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        """The records as rows."""
        return plain(map(row_of, self.records))

    def count(self, event: str) -> int:
        """How many records there are of one kind."""
        return sum(record.event == event for record in self.records)

    async def seen(self, event: str, count: int = 1, timeout: float = 5) -> None:
        """Wait until there are so many records of one kind."""
        await until(lambda: self.count(event) >= count, timeout)

    async def talk(self, number: str, callee: Phone | None = None) -> tuple[PhoneCall, PhoneCall]:
        """Alice calls, Bob's phone rings and answers; both are in a bridge then, which relays."""
        before = self.count("BRIDGE_ENTER")
        call = await self.alice.dial(number)
        incoming = await (callee or self.bob).incoming()
        incoming.ring()
        await call.ringing()
        incoming.answer()
        await call.answered()
        await self.seen("BRIDGE_ENTER", before + 2)
        return call, incoming


@asynccontextmanager
async def recorded_world(extensions: str = "", cel: str = CEL, **more: str) -> AsyncIterator[World]:
    """The server of the record; every call that it had must be over at the end."""
    config = {
        "pjsip.conf": PJSIP + GROUPS,
        "extensions.conf": EXTENSIONS + extensions,
        "cel.conf": cel,
        "res_parking.conf": PARKING,
        "confbridge.conf": CONFERENCES,
        **{name.replace("_conf", ".conf"): text for name, text in more.items()},
    }
    async with (
        running_server(config) as server,
        Phone("alice", server, "secret") as alice,
        Phone("bob", server, "secret") as bob,
        Phone("carol", server, "secret") as carol,
    ):
        for name, seconds in SOUNDS.items():
            number_tone(Path(server.paths.data) / "sounds" / "en" / name, 800, seconds)
        for phone in (alice, bob, carol):
            await phone.register()
        world = World(server, alice, bob, carol)
        server.pbx.records.channels.listen(server.owner, "test", world.records.append)
        yield world
        await assert_idle(server)
