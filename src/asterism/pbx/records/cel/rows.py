"""A record of what has happened to a channel, as the channel is at that moment."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from asterism.pbx.records.record import ChannelRecord

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


def extra_of(**values: object) -> str:
    """The JSON of a record's extra, in the order of the arguments."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def record_of(
    channel: Channel,
    event: str,
    *,
    extra: str = "",
    peer: str = "",
    userdeftype: str = "",
    at: float | None = None,
    linkedid: str | None = None,
    application: tuple[str, str] | None = None,
    place: tuple[str, str, int] | None = None,
    new: bool = False,
) -> ChannelRecord:
    """The record of an event; what is not given is what the channel has now.

    Args:
        channel: whose it is.
        event: its kind.
        extra: what else there is to say, JSON.
        peer: names of the others in its bridge.
        userdeftype: name of the dialplan's own event, or of what is heard.
        at: when, seconds since the epoch.
        linkedid: of which call it was a part.
        application: what it ran, with its arguments.
        place: where in the dialplan it was: context, extension, priority.
        new: the channel was just made: nothing is known yet of what it has dialled and who pays.
    """
    caller, redirecting = channel.caller, channel.redirecting
    appname, appdata = application or (channel.application, channel.appdata)
    context, exten = (channel.context, channel.exten) if place is None else place[:2]
    return ChannelRecord(
        event,
        time.time() if at is None else at,
        userdeftype,
        str(caller.name),
        str(caller.number),
        "" if new else str(channel.ani.number),
        "" if redirecting is None else str(redirecting.from_.number),
        "" if new else str(channel.dialed),
        str(exten),
        str(context),
        channel.name,
        appname,
        str(appdata),
        channel.amaflags,
        str(channel.accountcode),
        str(channel.peeraccount),
        channel.uniqueid,
        channel.linkedid if linkedid is None else linkedid,
        peer,
        str(channel.userfield),
        extra,
    )
