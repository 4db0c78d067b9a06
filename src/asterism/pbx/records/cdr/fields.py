"""The fields of a record as texts, as ``CDR()`` and the files of records have them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from asterism.pbx.records.record import CallRecord

AMA_FLAGS: Mapping[int, str] = MappingProxyType({1: "OMIT", 2: "BILLING", 3: "DOCUMENTATION"})
"""Names of the flags that say what a record is for (automatic message accounting)."""
_TEXTS: Mapping[str, Callable[[CallRecord], str]] = MappingProxyType({
    "clid": lambda record: record.clid,
    "src": lambda record: record.src,
    "dst": lambda record: record.dst,
    "dcontext": lambda record: record.dcontext,
    "channel": lambda record: record.channel,
    "dstchannel": lambda record: record.dstchannel,
    "lastapp": lambda record: record.lastapp,
    "lastdata": lambda record: record.lastdata,
    "accountcode": lambda record: record.accountcode,
    "peeraccount": lambda record: record.peeraccount,
    "uniqueid": lambda record: record.uniqueid,
    "linkedid": lambda record: record.linkedid,
    "userfield": lambda record: record.userfield,
    "sequence": lambda record: str(record.sequence),
})  # fmt: skip
_TIMES = ("start", "answer", "end")
FIELDS = (*_TEXTS, *_TIMES, "duration", "billsec", "disposition", "amaflags")
"""Names of the fields that every record has."""
WRITABLE = frozenset({"accountcode", "amaflags", "userfield"})
"""Those of them that the dialplan may set."""


def read(record: CallRecord, field: str, options: str = "", now: float | None = None) -> str:
    """A field of a record, or a variable that was set for it; empty if there is none of that name.

    ``options`` are letters: with ``u`` times are seconds since the epoch, and dispositions and flags are numbers; with
    ``f`` durations have six decimals. A record that has not ended, and is read at ``now``, has no end yet.
    """
    name = field.strip().lower()
    text = _TEXTS.get(name)
    if text is not None:
        return text(record)
    if name in _TIMES:
        at: float | None = getattr(record, name)
        return "" if at is None or (name == "end" and now is not None) else moment(at, "u" in options)
    if name == "duration":
        return f"{max(0.0, record.end - record.start):.6f}" if "f" in options else str(record.duration)
    if name == "billsec":
        if "f" not in options:
            return str(record.billsec)
        return f"{0.0 if record.answer is None else max(0.0, record.end - record.answer):.6f}"
    if name == "disposition":
        return str(int(record.disposition)) if "u" in options else str(record.disposition)
    if name == "amaflags":
        return str(record.amaflags) if "u" in options else AMA_FLAGS.get(record.amaflags, "Unknown")
    return next((value for key, value in record.variables.items() if key.lower() == name), "")


def moment(at: float, raw: bool = False, utc: bool = False) -> str:
    """A time as records have it, ``2026-11-28 23:40:22``, in local time or ``utc``; ``raw``: ``1795909222.388178``."""
    if raw:
        return f"{at:.6f}"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at) if utc else time.localtime(at))
