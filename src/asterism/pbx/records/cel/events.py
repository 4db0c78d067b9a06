"""The manager's event of a record, and the dialplan's own event on its way to a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.core.events import EventType, Fields
from asterism.pbx.records.cel.settings import EVENTS
from asterism.pbx.records.record import AMA_FLAGS, USER_DEFINED, moment

if TYPE_CHECKING:
    from asterism.pbx.records.record import ChannelRecord


def _fields(record: ChannelRecord, show_user_defined: bool) -> Fields:
    own = record.event == USER_DEFINED
    fields = [
        ("EventName", record.event if show_user_defined else record.eventtype),
        ("AccountCode", record.accountcode),
        ("CallerIDnum", record.cid_num),
        ("CallerIDname", record.cid_name),
        ("CallerIDani", record.cid_ani),
        ("CallerIDrdnis", record.cid_rdnis),
        ("CallerIDdnid", record.cid_dnid),
        ("Exten", record.exten),
        ("Context", record.context),
        ("Channel", record.channame),
        ("Application", record.appname),
        ("AppData", record.appdata),
        ("EventTime", moment(record.time)),
        ("AMAFlags", AMA_FLAGS.get(record.amaflags, "Unknown")),
        ("UniqueID", record.uniqueid),
        ("LinkedID", record.linkedid),
        ("Userfield", record.userfield),
        ("Peer", record.peer),
        ("PeerAccount", record.peeraccount),
        ("Extra", record.extra),
    ]
    if own and show_user_defined:
        fields.append(("UserDefType", record.userdeftype))
    return fields


CEL = EventType(
    "CEL",
    "call",
    _fields,
    Documentation(
        "Something has happened to a channel.",
        description="Told of what cel.conf names, where its section [manager] says so.",
        arguments=(
            Argument("EventName", "What, or the name of an event of the dialplan's own.",
                     values=tuple(EVENTS.items())),
            Argument("AccountCode", "Account code of the channel."),
            Argument("CallerIDnum", "Number of the party at its end."),
            Argument("CallerIDname", "Name of that party."),
            Argument("CallerIDani", "Number that is billed for its call."),
            Argument("CallerIDrdnis", "Number of the party that diverted the call last."),
            Argument("CallerIDdnid", "Number that it has dialled."),
            Argument("Exten", "Where it is in the dialplan: the extension,"),
            Argument("Context", "and the context."),
            Argument("Channel", "Its name."),
            Argument("Application", "The application that it runs."),
            Argument("AppData", "The application's arguments."),
            Argument("EventTime", "When: year-month-day hours:minutes:seconds, local time."),
            Argument("AMAFlags", "Flag for billing: OMIT, BILLING or DOCUMENTATION."),
            Argument("UniqueID", "Identifier of the channel."),
            Argument("LinkedID", "Identifier that all channels of the call share."),
            Argument("Userfield", "CHANNEL(userfield)."),
            Argument("Peer", "BRIDGE_ENTER and BRIDGE_EXIT: the others in the bridge, joined by commas."),
            Argument("PeerAccount", "Account code of whom it talks to."),
            Argument("Extra", "What else there is to say, as JSON."),
            Argument("UserDefType", "Name of an event of the dialplan's own; only with show_user_defined."),
        ),
        see_also=("CELGenUserEvent",),
    ),
)  # fmt: skip
"""Published with the record, and whether ``show_user_defined`` is set."""
