"""Manager events of faxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType
from asterism.pbx.vocabulary.events import CHANNEL_ARGUMENTS, channel_fields

if TYPE_CHECKING:
    from asterism.pbx.calls.fax.settings import FaxDetails
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.events import FieldList


def _status_tail(_channel: Channel, operation: str, status: str, station: str, file: str) -> FieldList:
    return [("Operation", operation), ("Status", status), ("LocalStationID", station), ("FileName", file)]


def _status(channel: Channel, operation: str, status: str, station: str, file: str) -> FieldList:
    return [*channel_fields(channel), *_status_tail(channel, operation, status, station, file)]


def _result_tail(_channel: Channel, details: FaxDetails) -> FieldList:
    return [
        ("LocalStationID", details.station),
        ("RemoteStationID", details.remote),
        ("PagesTransferred", details.pages),
        ("Resolution", details.resolution),
        ("TransferRate", details.rate),
        *(("FileName", file) for file in details.files),
    ]


def _result(channel: Channel, details: FaxDetails) -> FieldList:
    return [*channel_fields(channel), *_result_tail(channel, details)]


_RESULT = (
    *CHANNEL_ARGUMENTS,
    Argument("LocalStationID", "The identification that was told to the far end."),
    Argument("RemoteStationID", "The identification that the far end has told."),
    Argument("PagesTransferred", "Number of pages."),
    Argument("Resolution", "Of the last page, dots a metre: 8031x3850."),
    Argument("TransferRate", "Bits a second."),
    Argument("FileName", "The file; of several each has such a line."),
)
FAX_STATUS = EventType(
    "FAXStatus",
    "call",
    _status,
    Documentation(
        "A fax has come a step further.",
        description="Where statusevents is on in res_fax.conf, or an application has the option s.",
        arguments=(
            *CHANNEL_ARGUMENTS,
            Argument("Operation", "send, receive or gateway."),
            Argument("Status", "The step."),
            Argument("LocalStationID", "The identification that is told to the far end."),
            Argument("FileName", "The file, or several joined by '&'."),
        ),
        see_also=("SendFAX", "ReceiveFAX"),
    ),
    _status_tail,
)
SEND_FAX = EventType(
    "SendFAX",
    "call",
    _result,
    Documentation("A fax has been sent.", arguments=_RESULT, see_also=("FAXStatus", "ReceiveFAX")),
    _result_tail,
)
RECEIVE_FAX = EventType(
    "ReceiveFAX",
    "call",
    _result,
    Documentation("A fax has been received.", arguments=_RESULT, see_also=("FAXStatus", "SendFAX")),
    _result_tail,
)
ALL = (FAX_STATUS, SEND_FAX, RECEIVE_FAX)
