"""Manager actions that do something to a channel: AbsoluteTimeout, PlayDTMF, SendText."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.core.commands import ActionCall, action
from asterism.core.documentation import Argument, Documentation
from asterism.core.module import Module
from asterism.pbx.channels.texting import PLAIN, is_content_type, send_text, sends_text

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host, HostServer

_CHANNEL = Argument("Channel", "Name of the channel, or its uniqueid.", True)
_DIGITS = frozenset("0123456789*#ABCDabcd")


class ChannelControls(Module):
    """Manager actions that control a live channel."""

    name: ClassVar[str] = "pbx_channel_controls"
    part_of: ClassVar[tuple[str, ...]] = ("core",)
    description: ClassVar[str] = "Manager actions that act on channels"

    def load(self, server: HostServer) -> None:
        """Register the actions."""
        self._pbx: Host = server.pbx
        server.register_marked(self)

    def _channel(self, call: ActionCall) -> Channel | None:
        name = call.get("Channel")
        if not name:
            call.error("No channel specified")
            return None
        channel = self._pbx.channels.get(name)
        if channel is None or channel.dead:
            call.error("No such channel")
            return None
        return channel

    @action(
        "AbsoluteTimeout",
        "system,call",
        Documentation(
            "Set absolute timeout.",
            description="Hangs up a channel after some time; 0 takes the limit away.",
            arguments=(_CHANNEL, Argument("Timeout", "Seconds from now.", True)),
        ),
    )
    def absolute_timeout(self, call: ActionCall) -> None:
        """As ``Set(TIMEOUT(absolute)=...)``."""
        channel = self._channel(call)
        if channel is None:
            return
        text = call.get("Timeout")
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not text:
            call.error("No timeout specified")
            return
        if not 0 <= seconds < 1e8:
            call.error("Invalid timeout")
            return
        self._pbx.dialplan.environment.assign(channel, "TIMEOUT(absolute)", text)
        call.success("Timeout Set")

    @action(
        "PlayDTMF",
        "call",
        Documentation(
            "Play DTMF signal on a specific channel.",
            description="Sends the digit to the far end of the channel, or lets the channel receive it as if "
            "the far end had sent it.",
            arguments=(
                _CHANNEL,
                Argument("Digit", "0-9, A-D, * or #.", True),
                Argument("Duration", "Milliseconds (100)."),
                Argument("Receive", "true: as if the far end had sent it."),
            ),
        ),
    )
    def play_dtmf(self, call: ActionCall) -> None:
        """Send one digit."""
        channel = self._channel(call)
        if channel is None:
            return
        digit, duration = call.get("Digit"), call.get("Duration") or "100"
        if not digit:
            call.error("No digit specified")
            return
        if digit not in _DIGITS:
            call.error("Invalid digit")
            return
        if not (duration.isascii() and duration.isdigit() and 0 < int(duration[:6]) <= 60_000):
            call.error("Could not convert Duration parameter")
            return
        if call.get("Receive").strip().lower() in ("true", "yes", "1", "on"):
            channel.queue_digit_begin(digit.upper())
            channel.queue_digit(digit.upper(), int(duration))
        else:
            channel.send_digit(digit.upper(), int(duration))
        call.success("DTMF successfully queued")

    @action(
        "SendText",
        "call",
        Documentation(
            "Send a text to the far end of a channel, in its call.",
            description="Sent within the call, as a SIP MESSAGE of its dialog. An error when the far end "
            "takes no texts.",
            arguments=(
                _CHANNEL,
                Argument("Message", "The text.", True),
                Argument("Content-Type", "Its media type; text/plain."),
            ),
        ),
    )
    def send_text(self, call: ActionCall) -> None:
        """One text."""
        channel = self._channel(call)
        if channel is None:
            return
        text, content_type = call.get("Message"), call.get("Content-Type").strip() or PLAIN
        if not text:
            call.error("No Message specified")
        elif is_content_type(content_type) and sends_text(channel) and send_text(channel, text, content_type):
            call.success("Success")
        else:
            call.error("Failure")
