"""The two kinds of record: of a call (CDR), and of what happened to a channel (CEL)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType

AMA_FLAGS: Mapping[int, str] = MappingProxyType({1: "OMIT", 2: "BILLING", 3: "DOCUMENTATION"})
"""Names of the flags that say what a record is for (automatic message accounting)."""
USER_DEFINED = "USER_DEFINED"
"""The event of a record of a channel that is the dialplan's own."""


class Disposition(IntEnum):
    """How a call ended; the number is what ``CDR(disposition,u)`` gives."""

    NO_ANSWER = 1
    FAILED = 2
    BUSY = 4
    ANSWERED = 8
    CONGESTION = 16
    CANCEL = 32
    """The caller gave up, where ``canceldispositionenabled`` tells that from nobody having answered."""

    def __str__(self) -> str:
        """As records have it: ``NO ANSWER``."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call detail record, finished.

    Times are seconds since the epoch; ``None`` where it never came to that.
    """

    clid: str
    src: str
    dst: str
    dcontext: str
    channel: str
    dstchannel: str
    lastapp: str
    lastdata: str
    start: float
    answer: float | None
    end: float
    duration: int
    """Seconds from start to end."""
    billsec: int
    """Seconds from answer to end."""
    disposition: Disposition
    amaflags: int
    accountcode: str
    peeraccount: str
    uniqueid: str
    linkedid: str
    userfield: str
    sequence: int
    variables: Mapping[str, str] = field(default_factory=dict)
    """What the dialplan set by ``CDR(name)=value``."""


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """One thing that happened to a channel (channel event logging)."""

    event: str
    """``CHAN_START``, ``ANSWER``, ...; ``USER_DEFINED`` for the dialplan's own."""
    time: float
    """Seconds since the epoch."""
    userdeftype: str
    """Name of the dialplan's own kind of event, or of a stream event's cause (``MOH_STREAM_BEGIN``)."""
    cid_name: str
    cid_num: str
    cid_ani: str
    cid_rdnis: str
    cid_dnid: str
    exten: str
    context: str
    channame: str
    appname: str
    appdata: str
    amaflags: int
    accountcode: str
    peeraccount: str
    uniqueid: str
    linkedid: str
    peer: str
    userfield: str
    extra: str
    """What else there is to say, as JSON; ``""``: nothing."""

    @property
    def eventtype(self) -> str:
        """The event as files and databases name it: the dialplan's own by its own name."""
        return self.userdeftype if self.event == USER_DEFINED else self.event


def moment(at: float, raw: bool = False, utc: bool = False) -> str:
    """A time as records have it, ``2026-11-28 23:40:22``, in local time or ``utc``; ``raw``: ``1795909222.388178``."""
    if raw:
        return f"{at:.6f}"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at) if utc else time.localtime(at))


RECORD = "record"
"""Where ``channel.data`` of a quiet channel keeps the finished :class:`CallRecord` that ``CDR()`` reads there."""
