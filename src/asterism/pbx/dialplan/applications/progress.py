"""Answer, Hangup, Ringing, Progress, Proceeding, Busy, Congestion, Incomplete: what the caller is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.channels.answering import answer, wait_for_media
from asterism.pbx.dialplan.language.arguments import number
from asterism.pbx.vocabulary.causes import Cause, parse_cause
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.flow import EndDialplan
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

MEDIA_SECONDS = 0.5
"""Time that Answer waits for the first audio of the caller, in seconds."""

_TIMEOUT = (Argument("timeout", "Seconds an answered caller hears the tone; without it until he hangs up."),)


class ProgressApplications(PbxModule):
    """Applications that change what the far end sees of the call."""

    name = "pbx_progress"
    part_of = ("core",)
    description = "Answering, progress and ending of calls"

    @application(
        "Answer",
        Documentation(
            "Answer the call.",
            "Answer([delay[,options]])",
            "Waits up to 500 milliseconds until the caller's audio arrives, so that what is played next is heard from "
            "its beginning.",
            arguments=(
                Argument("delay", "Milliseconds to wait after answering."),
                Argument("options", values=(("i", "Do not wait for media."),)),
            ),
            see_also=("Hangup",),
        ),
    )
    async def answer(self, channel: Channel, args: str) -> None:
        """Answer, wait for media and for the delay, whatever is longer; an answered call stays as it is."""
        text, _, options = args.partition(",")
        end = self.pbx.loop.time() + (number(text) or 0.0) / 1000
        if channel.state != ChannelState.UP:
            await answer(channel)
            if "i" not in options:
                await wait_for_media(channel, MEDIA_SECONDS)
        else:
            channel.raw_answer()  # a party that was transferred here has arrived
        left = end - self.pbx.loop.time()
        if left > 0:
            await channel.wait(left)

    @application(
        "Hangup",
        Documentation(
            "End the call.",
            "Hangup([cause])",
            arguments=(Argument("cause", "A Q.850 cause, as number or name (USER_BUSY)."),),
            see_also=("Answer", "Busy", "Congestion"),
        ),
    )
    async def hangup(self, channel: Channel, args: str) -> None:
        """End the call; without a cause the one that Dial left, else a normal clearing."""
        cause: int | None = 0
        if args.strip():
            cause = parse_cause(args)
            if cause is None:
                self.pbx.dialplan.log.warning("Hangup: '%s' is not a known cause", args)
        if cause == 0:
            cause = channel.hangup_cause or Cause.NORMAL_CLEARING
        channel.hangup_source = "dialplan/builtin"
        raise EndDialplan(cause)

    @application("Ringing", Documentation("Tell the caller that it rings.", "Ringing()", see_also=("Progress", "Busy")))
    async def ringing(self, channel: Channel, args: str) -> None:
        """180."""
        channel.indicate(Control.RINGING)

    @application("Progress", Documentation("Start early media.", "Progress()", see_also=("Ringing", "Proceeding")))
    async def progress(self, channel: Channel, args: str) -> None:
        """183 with SDP."""
        channel.indicate(Control.PROGRESS)

    @application("Proceeding", Documentation("Tell the caller that the call is on its way.", "Proceeding()"))
    async def proceeding(self, channel: Channel, args: str) -> None:
        """100."""
        channel.indicate(Control.PROCEEDING)

    @application(
        "Busy",
        Documentation(
            "Tell the caller busy, then end the call.", "Busy([timeout])", arguments=_TIMEOUT, see_also=("Congestion",)
        ),
    )
    async def busy(self, channel: Channel, args: str) -> None:
        """486 before answer."""
        await self.pbx.dialplan.executor.busy(channel, Control.BUSY, Cause.USER_BUSY, number(args) if args else None)

    @application(
        "Congestion",
        Documentation(
            "Tell the caller congestion, then end the call.",
            "Congestion([timeout])",
            arguments=_TIMEOUT,
            see_also=("Busy",),
        ),
    )
    async def congestion(self, channel: Channel, args: str) -> None:
        """503 before answer."""
        await self.pbx.dialplan.executor.busy(
            channel, Control.CONGESTION, Cause.NORMAL_CIRCUIT_CONGESTION, number(args) if args else None
        )
