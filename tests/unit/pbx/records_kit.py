"""Records to write down, and a log that keeps its lines."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from asterism.core.log import ServerLogger
from asterism.pbx.records.record import CallRecord, ChannelRecord, Disposition

CALL = CallRecord(
    clid='"Alice" <6001>',
    src="6001",
    dst="6002",
    dcontext="internal",
    channel="PJSIP/alice-00000111",
    dstchannel="PJSIP/bob-00000112",
    lastapp="Dial",
    lastdata="PJSIP/bob,20",
    start=1795909198.613935,
    answer=1795909198.917839,
    end=1795909200.421962,
    duration=1,
    billsec=1,
    disposition=Disposition.ANSWERED,
    amaflags=3,
    accountcode="acc1",
    peeraccount="acc1",
    uniqueid="1795909198.604",
    linkedid="1795909198.604",
    userfield="",
    sequence=415,
)
"""An answered call."""
EVENT = ChannelRecord(
    event="APP_START",
    time=1795909198.614384,
    userdeftype="",
    cid_name="Alice",
    cid_num="6001",
    cid_ani="6001",
    cid_rdnis="",
    cid_dnid="6002",
    exten="6002",
    context="internal",
    channame="PJSIP/alice-00000111",
    appname="Dial",
    appdata="PJSIP/bob,20",
    amaflags=3,
    accountcode="acc1",
    peeraccount="",
    uniqueid="1795909198.604",
    linkedid="1795909198.604",
    peer="",
    userfield="",
    extra="",
)
"""An application that begins."""


def call(**changes: Any) -> CallRecord:
    return replace(CALL, **changes)


def event(**changes: Any) -> ChannelRecord:
    return replace(EVENT, **changes)


class Lines(logging.Handler):
    """The lines of a log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.getMessage()}")


def log() -> tuple[ServerLogger, list[str]]:
    """A log, and its lines."""
    logger, handler = ServerLogger("records"), Lines()
    logger.addHandler(handler)
    return logger, handler.lines
