"""The recorded call detail records, and a server with three phones whose records are compared with them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dial_record_kit import PJSIP
from recorded_calls import DIALS

from asterism.pbx.records.cdr.fields import read
from asterism.pbx.records.record import CallRecord
from asterism.server.server import Server
from asterism.testing import Phone, assert_idle, running_server, until

PHONES = PJSIP.replace("aors=bob\n", "aors=bob\ncall_group=1\n").replace("aors=carol\n", "aors=carol\npickup_group=1\n")
RECORD = Path(__file__).parents[1] / "data" / "record" / "cdr.txt"
FIELDS = (
    "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end",
    "duration", "billsec", "disposition", "amaflags", "accountcode", "uniqueid", "userfield", "sequence", "linkedid",
    "peeraccount",
)  # fmt: skip
PARKING = "[default]\nparkext=700\nparkpos=701-720\ncontext=parkedcalls\n"
CDR = "[general]\nunanswered = yes\ncongestion = yes\n"
EXTENSIONS = (
    DIALS
    + """\
exten => 6001,hint,PJSIP/alice
exten => 6102,1,Dial(PJSIP/bob,.4)
exten => 7800,1,Set(CDR(userfield)=uf)
 same => n,Set(CDR(accountcode)=x)
 same => n,Set(CHANNEL(accountcode)=acc9)
 same => n,Set(CHANNEL(amaflags)=billing)
 same => n,Set(CDR(custom1)=cv)
 same => n,Answer()
 same => n,Set(READ=${CDR(start)}|${CDR(answer)}|${CDR(end)}|${CDR(start,u)}|${CDR(answer,f)}|${CDR(duration)}|\
${CDR(duration,f)}|${CDR(billsec)}|${CDR(disposition)}|${CDR(disposition,u)}|${CDR(amaflags)}|${CDR(amaflags,u)}|\
${CDR(src)}|${CDR(dst)}|${CDR(clid)}|${CDR(lastapp)}|${CDR(uniqueid)}|${CDR(sequence)}|${CDR(custom1)}|${CDR(nosuch)})
 same => n,UserEvent(Read,Text: ${READ})
 same => n,Wait(.3)
 same => n,ForkCDR()
 same => n,Wait(.3)
 same => n,ResetCDR(v)
 same => n,Wait(.2)
 same => n,Hangup()
exten => 7801,1,Set(CDR_PROP(disable)=1)
 same => n,Answer()
 same => n,Hangup()
[hsub]
exten => s,1,Answer()
 same => n,Wait(.3)
 same => n,Hangup()
exten => h,1,Wait(1.5)
"""
)


def sections(kind: str) -> dict[str, str]:
    """The record's sections of a kind (``calls``, ``console``, ``fields``): title and text."""
    found = {}
    for block in re.split(r"(?m)^### ", RECORD.read_text())[1:]:
        head, _, body = block.partition("\n")
        name, _, title = head.partition(": ")
        if name == kind:
            found[title] = body.removesuffix("\n")
    return found


def recorded(title: str) -> list[dict[str, str]]:
    """The rows of a scenario, in the order in which they were written, without what differs from run to run."""
    rows = [dict(zip(FIELDS, row, strict=True)) for row in csv.reader(io.StringIO(sections("calls")[title])) if row]
    return plain(rows)


def told(records: list[CallRecord]) -> list[dict[str, str]]:
    """The rows of our records, likewise."""
    return plain([{name: read(record, name) for name in FIELDS} for record in records])


def plain(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Rows by their numbers, with channels and numbers counted from the first, and times only told to be there.

    Which of two channels that end together is first is chance in the record, whose channels run in threads.
    """
    rows = sorted(rows, key=lambda row: int(row["sequence"]))
    names: dict[str, str] = {}
    numbers = [int(row["sequence"]) for row in rows]
    ids = sorted({row[name] for row in rows for name in ("uniqueid", "linkedid")}, key=_age)

    def named(channel: str) -> str:
        base, _, half = channel.partition(";")
        device, _, _ = base.rpartition("-")
        return names.setdefault(base, f"{device}-{len(names) + 1}") + (f";{half}" if half else "") if channel else ""

    found = []
    for row in rows:
        row = {
            **row,
            "sequence": str(int(row["sequence"]) - min(numbers)),
            "uniqueid": str(int(row["uniqueid"].rpartition(".")[2]) - int(ids[0].rpartition(".")[2])),
            "linkedid": str(int(row["linkedid"].rpartition(".")[2]) - int(ids[0].rpartition(".")[2])),
            "answer": "answered" if row["answer"] else "",
        }
        for name in ("channel", "dstchannel"):
            row[name] = named(row[name])
        for name in ("start", "end", "duration", "billsec"):
            del row[name]
        row["lastdata"] = re.sub(r"^PJSIP/bob,(3|\.4)$", "PJSIP/bob,N", row["lastdata"])
        row["lastdata"] = re.sub(r"^(default[:,])\d+$", r"\1N", row["lastdata"])
        row["dst"] = re.sub(r"^70\d$", "70N", row["dst"])
        found.append(row)
    return found


def _age(uniqueid: str) -> int:
    return int(uniqueid.rpartition(".")[2])


@dataclass
class World:
    """A server, its phones, and its records."""

    server: Server
    alice: Phone
    bob: Phone
    carol: Phone
    records: list[CallRecord] = field(default_factory=list)

    async def over(self) -> list[CallRecord]:
        """The records, once every channel has gone."""
        await until(lambda: not len(self.server.pbx.channels))
        return self.records

    async def bridged(self, count: int = 2) -> None:
        """So many channels of phones, and Local ones, are in bridges."""
        channels = self.server.pbx.channels
        await until(
            lambda: sum(one.bridge is not None for one in channels if one.name.startswith(("PJSIP", "Local"))) >= count
        )


@asynccontextmanager
async def recorded_world(
    cdr: str = CDR, extensions: str = EXTENSIONS, prepare: Callable[[Server], None] | None = None, **files: str
) -> AsyncIterator[World]:
    """The server of the record; ``files`` are further ones of its configuration, by name without ``.conf``."""
    conf = {f"{name}.conf": text for name, text in {"res_parking": PARKING, **files}.items()}
    if cdr:
        conf["cdr.conf"] = cdr
    async with (
        running_server({"pjsip.conf": PHONES, "extensions.conf": extensions, **conf}) as server,
        Phone("alice", server, "secret") as alice,
        Phone("bob", server, "secret") as bob,
        Phone("carol", server, "secret") as carol,
    ):
        for phone in (alice, bob, carol):
            await phone.register()
        world = World(server, alice, bob, carol)
        server.pbx.records.calls.listen(server.owner, "test", world.records.append)
        yield world
        await assert_idle(server)
