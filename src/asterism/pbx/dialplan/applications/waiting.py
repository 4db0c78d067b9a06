"""Wait, WaitExten, WaitUntil."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.core.errors import UsageError
from asterism.pbx.channels.music.playing import start_music
from asterism.pbx.channels.playing import start_tone
from asterism.pbx.dialplan.language.arguments import number, split_letters
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_HEARD = frozenset("md")
"""Options of WaitExten with an argument."""


class WaitingApplications(PbxModule):
    """Applications that wait."""

    name = "pbx_waiting"
    part_of = ("core",)
    covers = ("app_waituntil",)
    description = "Waiting in the dialplan"

    @application(
        "Wait",
        Documentation(
            "Wait.",
            "Wait(seconds)",
            arguments=(Argument("seconds", "Fractions are allowed.", True),),
            see_also=("WaitExten", "WaitUntil"),
        ),
    )
    async def wait(self, channel: Channel, args: str) -> None:
        """Wait some seconds."""
        seconds = number(args)
        if seconds is None:
            self.pbx.dialplan.log.warning("Wait: '%s' is not a number of seconds", args)
        elif seconds:
            await channel.wait(seconds)

    @application(
        "WaitExten",
        Documentation(
            "Wait for the caller to dial an extension of this context.",
            "WaitExten([seconds[,options]])",
            "Goes to the extension, to 'i' for one that does not exist and to 't' when nothing was dialled.",
            (
                Argument("seconds", "How long to wait for the first digit; TIMEOUT(response) by default."),
                Argument(
                    "options",
                    "Letters: what the caller hears until the first digit.",
                    values=(
                        ("m(class)", "Music on hold, of a class."),
                        ("d(tone)", "A tone: its name in indications.conf, or a list as for PlayTones; 'dial'."),
                    ),
                ),
            ),
            ("Wait", "TIMEOUT", "BackGround"),
        ),
    )
    async def wait_exten(self, channel: Channel, args: str) -> None:
        """Collect an extension."""
        executor = self.pbx.dialplan.executor
        text, _, letters = args.partition(",")
        options = dict(split_letters(letters, _HEARD))
        if "m" in options:
            start_music(channel, options["m"] or "")
        elif "d" in options:
            try:
                start_tone(channel, options["d"] or "dial")
            except UsageError as error:
                self.pbx.dialplan.log.warning("WaitExten on %s: %s", channel.name, error)
        limit = number(text) or executor.state(channel).response_timeout
        digit = ""
        if options:
            try:
                digit = await channel.read_digit(limit) or ""
            finally:
                channel.stop_tone()
            limit = 0.0
        await executor.wait_exten(channel, limit, digits=digit)

    @application(
        "WaitUntil",
        Documentation(
            "Wait until a moment.",
            "WaitUntil(epoch)",
            "WAITUNTILSTATUS is OK, FAILURE for a wrong argument, PAST when the moment is over.",
            (Argument("epoch", "Seconds since 1970.", True),),
            ("Wait",),
        ),
    )
    async def wait_until(self, channel: Channel, args: str) -> None:
        """Wait until an epoch."""
        moment = number(args)
        if moment is None:
            channel.set_variable("WAITUNTILSTATUS", "FAILURE")
            return
        left = moment - time.time()
        if left < 0:
            channel.set_variable("WAITUNTILSTATUS", "PAST")
            return
        await channel.wait(left)
        channel.set_variable("WAITUNTILSTATUS", "OK")
