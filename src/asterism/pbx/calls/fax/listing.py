"""What console and manager tell of faxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.words import yes_or_no
from asterism.pbx.calls.fax.session import TECHNOLOGY, Operation

if TYPE_CHECKING:
    from asterism.pbx.calls.fax.session import Faxes, FaxSession
    from asterism.pbx.vocabulary.events import FieldList


def entry_fields(session: FaxSession) -> FieldList:
    """A session in a list of them."""
    return [
        ("Channel", session.channel.name),
        ("Technology", TECHNOLOGY),
        ("SessionNumber", session.number),
        ("SessionType", session.type),
        ("Operation", str(session.operation)),
        ("State", str(session.state)),
        ("Files", ",".join(session.files)),
    ]


def session_fields(session: FaxSession) -> FieldList:
    """All of one session."""
    fields: FieldList = [
        ("SessionNumber", session.number),
        ("Operation", str(session.operation)),
        ("State", str(session.state)),
    ]
    transfer = session.transfer
    if transfer is None:
        return fields
    fields += [("ErrorCorrectionMode", yes_or_no(transfer.ecm)), ("DataRate", transfer.rate)]
    if session.operation is Operation.GATEWAY:
        return [*fields, ("PageNumber", transfer.pages)]
    sends = session.operation is Operation.SEND
    return [
        *fields,
        ("ImageResolution", transfer.resolution),
        ("PageNumber", transfer.pages + 1),
        ("FileName", session.files[0] if session.files else ""),
        ("PagesTransmitted", transfer.pages if sends else 0),
        ("PagesReceived", 0 if sends else transfer.pages),
        ("TotalBadLines", transfer.bad_rows),
    ]


def session_lines(session: FaxSession) -> FieldList:
    """The same as the console shows it, without what has passed."""
    lines: FieldList = [
        ("channel", session.channel.name),
        ("session", session.number),
        ("operation", {Operation.SEND: "Transmit", Operation.RECEIVE: "Receive"}.get(session.operation, "Gateway")),
        ("state", str(session.state)),
    ]
    transfer = session.transfer
    if transfer is None:
        return lines
    lines += [("ECM Mode", yes_or_no(transfer.ecm)), ("Data Rate", transfer.rate)]
    if session.operation is Operation.GATEWAY:
        return [*lines, ("Page Number", transfer.pages + 1)]
    return [
        *lines,
        ("Image Resolution", transfer.resolution),
        ("Page Number", transfer.pages + 1),
        ("File Name", session.files[0] if session.files else ""),
    ]


def stats_fields(faxes: Faxes) -> FieldList:
    """Numbers since the start."""
    counts = faxes.counts
    return [
        ("CurrentSessions", len(faxes)),
        ("ReservedSessions", 0),
        ("TransmitAttempts", counts.sent),
        ("ReceiveAttempts", counts.received),
        ("CompletedFAXes", counts.completed),
        ("FailedFAXes", counts.failed),
    ]
