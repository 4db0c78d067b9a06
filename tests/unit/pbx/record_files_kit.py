"""The recorded rows of calls and channels, and the records that they were made of."""

from __future__ import annotations

import csv
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asterism.pbx.records.record import CallRecord, ChannelRecord, Disposition

RECORD = Path(__file__).parents[2] / "data" / "record" / "call_records.txt"
CDR_CUSTOM = ",".join(
    [f"${{CSV_QUOTE(${{CDR({field})}})}}" for field in (
        "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end",
        "duration", "billsec", "disposition", "amaflags", "accountcode", "uniqueid", "userfield",
    )] + ["${CDR(sequence)}", "${CDR(linkedid)}", "${CDR(peeraccount)}"]
)  # fmt: skip
CEL_CUSTOM = ",".join(
    f"${{CSV_QUOTE(${{{field}}})}}" for field in (
        "eventtype", "eventtime", "CALLERID(name)", "CALLERID(num)", "CALLERID(ANI)", "CALLERID(RDNIS)",
        "CALLERID(DNID)", "CHANNEL(exten)", "CHANNEL(context)", "CHANNEL(channame)", "CHANNEL(appname)",
        "CHANNEL(appdata)", "CHANNEL(amaflags)", "CHANNEL(accountcode)", "CHANNEL(uniqueid)", "CHANNEL(linkedid)",
        "BRIDGEPEER", "CHANNEL(userfield)", "userdeftype", "eventextra",
    )
)  # fmt: skip
_FLAGS = {"OMIT": 1, "BILLING": 2, "DOCUMENTATION": 3}


def sections(kind: str) -> dict[str, list[str]]:
    """The recorded lines of a kind (``cdr-csv``, ``cdr-custom``, ``cel-custom``, ``manager``), by scenario."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"(?m)^### ", RECORD.read_text())[1:]:
        title, _, body = part.partition("\n")
        this, _, scenario = title.partition(": ")
        if this == kind:
            found[scenario] = body.strip("\n").split("\n")
    return found


def _at(text: str) -> float | None:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp() if text else None


def calls() -> dict[str, list[CallRecord]]:
    """The records of calls of each scenario."""
    return {scenario: [_call(row) for row in csv.reader(lines)] for scenario, lines in sections("cdr-custom").items()}


def _call(row: list[str]) -> CallRecord:
    names = ("clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata")
    start, answer, end = map(_at, row[8:11])
    assert start is not None
    assert end is not None
    return CallRecord(
        **dict[str, Any](zip(names, row, strict=False)),
        start=start,
        answer=answer,
        end=end,
        duration=int(row[11]),
        billsec=int(row[12]),
        disposition=Disposition[row[13].replace(" ", "_")],
        amaflags=_FLAGS[row[14]],
        accountcode=row[15],
        uniqueid=row[16],
        userfield=row[17],
        sequence=int(row[18]),
        linkedid=row[19],
        peeraccount=row[20],
    )


def events() -> dict[str, list[ChannelRecord]]:
    """The records of channels of each scenario."""
    return {scenario: [_event(row) for row in csv.reader(lines)] for scenario, lines in sections("cel-custom").items()}


def _event(row: list[str]) -> ChannelRecord:
    own = row[18] and row[18] == row[0]
    return ChannelRecord(
        event="USER_DEFINED" if own else row[0],
        time=float(row[1]),
        userdeftype=row[18],
        cid_name=row[2],
        cid_num=row[3],
        cid_ani=row[4],
        cid_rdnis=row[5],
        cid_dnid=row[6],
        exten=row[7],
        context=row[8],
        channame=row[9],
        appname=row[10],
        appdata=row[11],
        amaflags=int(row[12]),
        accountcode=row[13],
        peeraccount="",
        uniqueid=row[14],
        linkedid=row[15],
        peer=row[16],
        userfield=row[17],
        extra=row[19],
    )


@contextmanager
def in_zone(name: str) -> Iterator[None]:
    """Local time is that of a zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()
