"""The fields of a record as texts, as ``CDR()`` and the files of records have them."""

from __future__ import annotations

from asterism.pbx.records.record import AMA_FLAGS, CallRecord, moment

_TEXTS = (
    "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "accountcode", "peeraccount",
    "uniqueid", "linkedid", "userfield", "sequence",
)  # fmt: skip
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
    if name in _TEXTS:
        return str(getattr(record, name))
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
