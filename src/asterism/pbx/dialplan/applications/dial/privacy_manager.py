"""The application ``PrivacyManager``: a caller without a number is asked for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.documentation import Argument, Documentation
from asterism.pbx.channels.answering import answer
from asterism.pbx.dialplan.applications.dial.called import hear
from asterism.pbx.dialplan.language.arguments import number, split_fields
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.marks import application
from asterism.pbx.vocabulary.module import PbxModule
from asterism.pbx.vocabulary.party import PartyId

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

RESULT = "PRIVACYMGRSTATUS"
_PATIENCE = 3.2
"""Seconds for each digit, after the prompt."""
_LONGEST = 29
"""Digits of a number at most."""


class PrivacyManagerApplication(PbxModule):
    """The application PrivacyManager."""

    name = "app_privacy"
    description = "Callers without a number are asked for one"

    @application(
        "PrivacyManager",
        Documentation(
            "Ask a caller without a number for one.",
            "PrivacyManager([maxretries[,minlength[,options[,context]]]])",
            "PRIVACYMGRSTATUS is SUCCESS for a caller that has a number, or has given one, which is its number then; "
            "else FAILED. The number ends with #.",
            (
                Argument("maxretries", "How often it is asked; 3 when empty."),
                Argument("minlength", "Digits of the number at least; 10 when empty."),
                Argument("options", "None; accepted and ignored."),
                Argument("context", "A context in which the number must be an extension."),
            ),
            ("Dial",),
        ),
    )
    async def privacy_manager(self, channel: Channel, args: str) -> None:
        """Run ``PrivacyManager``."""
        if channel.caller.number:
            channel.set_variable(RESULT, "SUCCESS")
            return
        attempts, shortest, _, context = split_fields(args, 4)
        if channel.state is not ChannelState.UP:
            await answer(channel)
        await hear(channel, "privacy-unident")
        for _attempt in range(int(number(attempts) or 3)):
            found = await self._number(channel)
            known = not context or self.pbx.dialplan.exists(context, found, 1, "")
            if len(found) >= int(number(shortest) or 10) and known:
                await hear(channel, "privacy-thankyou")
                channel.set_caller(PartyId(self.pbx.dialplan.environment.foreign(found), "Privacy Manager"))
                channel.set_variable(RESULT, "SUCCESS")
                return
            await hear(channel, "privacy-incorrect")
        channel.set_variable(RESULT, "FAILED")

    @staticmethod
    async def _number(channel: Channel) -> str:
        """What the caller dials up to ``#``, or to a pause."""
        digits = await hear(channel, "privacy-prompt", "0123456789")
        while len(digits) < _LONGEST:
            digit = await channel.read_digit(_PATIENCE)
            if digit is None or digit == "#":
                break
            digits += digit
        return digits
