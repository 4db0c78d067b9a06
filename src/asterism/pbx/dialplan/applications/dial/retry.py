"""The application ``RetryDial``: Dial again after a pause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.dialplan.applications.dial.application import dial_as
from asterism.pbx.dialplan.applications.dial.called import hear
from asterism.pbx.dialplan.language.arguments import number, split_arguments
from asterism.pbx.vocabulary.controls import DialStatus
from asterism.pbx.vocabulary.flow import EndDialplan, Goto
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_DIGITS = "0123456789*#ABCD"
_SLEEP = 5.0
"""Seconds between two attempts where none are given."""
_SHORTEST = 0.1
"""Seconds from one attempt to the next at least: destinations that fail at once would keep the server busy."""
_FINAL = frozenset(
    {DialStatus.ANSWER, DialStatus.CONTINUE, DialStatus.INVALIDARGS, DialStatus.DONTCALL, DialStatus.TORTURE}
)
"""Outcomes that a further attempt would not change."""


class RetryDialApplication(PbxModule):
    """The application RetryDial."""

    name = "app_retrydial"
    part_of = ("app_dial",)
    description = "Dialing again"

    @application(
        "RetryDial",
        Documentation(
            "Dial, and again after a pause while nobody answers.",
            "RetryDial(announce,sleep,retries,Technology/Resource[&...][,timeout[,options]])",
            "While the caller hears the announcement or waits, a digit that is an extension, of EXITCONTEXT or of the "
            "caller's context, takes it there. When nobody answered at last, the dialplan goes on with the next "
            "priority.",
            (
                Argument("announce", "Sound after each failed attempt.", True),
                Argument("sleep", "Seconds to wait then; 5 when empty.", True),
                Argument("retries", "Number of attempts; 0: until somebody answers or the caller hangs up.", True),
                Argument("dial", "The arguments of Dial.", True),
            ),
            ("Dial",),
        ),
    )
    async def retry_dial(self, channel: Channel, args: str) -> None:
        """Run ``RetryDial``."""
        announce, pause, attempts, dialled = [*split_arguments(args, limit=4), "", "", "", ""][:4]
        if not dialled.strip():
            channel.pbx.log.warning("RetryDial requires an argument (announce,sleep,retries,technology/number)")
            return
        seconds = number(pause) if pause.strip() else _SLEEP
        most = number(attempts)
        if seconds is None or most is None:
            channel.pbx.log.warning("RetryDial: '%s,%s' are no numbers of seconds and attempts", pause, attempts)
            seconds, most = _SLEEP if seconds is None else seconds, most or 1
        made = 0
        while True:
            run, goes_on = dial_as(channel, dialled)
            result = await run
            made += 1
            if result.status is DialStatus.ANSWER and not goes_on:
                raise EndDialplan
            if result.status in _FINAL:
                return
            if announce.strip():
                self._go(channel, await hear(channel, announce.strip(), _DIGITS))
            if made == most:
                return
            end = self.pbx.loop.time() + max(seconds, _SHORTEST)
            while (left := end - self.pbx.loop.time()) > 0:
                self._go(channel, await channel.read_digit(left) or "")

    def _go(self, channel: Channel, digit: str) -> None:
        """Take the caller to the extension of a digit, if there is one."""
        context = channel.get_variable("EXITCONTEXT") or channel.context
        if digit and self.pbx.dialplan.exists(context, digit, 1, channel.caller.number):
            raise Goto(context, digit, 1)
