"""Overlap dialling by tones: a call whose number is only the start of an extension hears the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.errors import Goto

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

WAIT_FOR_MORE = 8.0
"""Seconds that a digit may take while the number is no extension yet."""
WAIT_FOR_LONGER = 3.0
"""The same once it is one, and only a longer one would be another."""
_LONGEST = 80


async def dial_on(context: str, channel: Channel) -> None:
    """Read the digits that are missing, then go to the extension; to ``i`` where the number is none.

    ``context`` is where longer numbers are looked for. Raises :class:`~asterism.pbx.vocabulary.errors.Goto`.
    """
    dialplan = channel.pbx.dialplan
    number = channel.exten
    channel.indicate(Control.PROGRESS)
    while len(number) < _LONGEST and dialplan.table.matches_more(context, number):
        complete = dialplan.exists(channel.context, number)
        digit = await channel.read_digit(WAIT_FOR_LONGER if complete else WAIT_FOR_MORE)
        if digit is None:
            break
        number += digit
    raise Goto(channel.context, number, 1)
