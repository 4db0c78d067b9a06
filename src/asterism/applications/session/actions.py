"""Manager actions on SIP channels: PJSIPHangup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.applications.session.driver import SessionDriver
from asterism.applications.session.functions import parse_status
from asterism.applications.session.uas import IncomingSession
from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.regex import RegexError, compile_regex
from asterism.pbx.vocabulary.causes import parse_cause

if TYPE_CHECKING:
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.pbx.channels.channel import Channel


class SessionActions:
    """Manager actions that apply to SIP channels only."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx

    @action(
        "PJSIPHangup",
        "system,call",
        Documentation(
            "Hangup an incoming PJSIP channel with a SIP response code.",
            description="The caller of an unanswered call gets that final response. An answered call, or one that "
            "the server made, is hung up as by Hangup.",
            arguments=(
                Argument("Channel", "Name of the channel, or /regular expression/ for several.", True),
                Argument("Cause", "400 to 699, or the reason phrase in capitals with underscores.", True),
            ),
            see_also=("Hangup",),
        ),
    )
    def hang_up(self, call: ActionCall) -> None:
        """One channel or several."""
        name, text = call.get("Channel"), call.get("Cause")
        if not name:
            call.error("No channel specified")
            return
        if len(name) > 2 and name.startswith("/") and name.endswith("/"):
            try:
                pattern = compile_regex(name[1:-1])
            except RegexError:
                call.error("Regex compile error")
                return
            call.begin_list("Channels hung up will follow")
            for channel in self._pbx.channels:
                if channel.name.startswith("PJSIP/") and pattern.search(channel.name) and not channel.dead:
                    call.item("ChannelHungup", [("Channel", channel.name)])
                    _end(channel, text)
            call.end_list("ChannelsHungupListComplete")
            return
        found = self._pbx.channels.get(name)
        if found is None or found.dead:
            call.error("No such channel")
            return
        _end(found, text)
        call.success("Channel Hungup")


def _end(channel: Channel, text: str) -> None:
    status = parse_status(text)
    driver = channel.driver
    session = driver.session if isinstance(driver, SessionDriver) else None
    if status is not None and isinstance(session, IncomingSession) and not session.answered:
        session.final_status = status
        channel.soft_hangup()
        return
    channel.soft_hangup(cause=parse_cause(text) or 0)
