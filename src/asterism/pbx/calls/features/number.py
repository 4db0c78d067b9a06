"""Asking a transferer where the call is to go: prompts, digits, attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.media.soundfiles import SoundError
from asterism.pbx.calls.features.settings import DIGITS
from asterism.pbx.calls.features.table import options_of
from asterism.pbx.channels.playing import play

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

LONGEST = 80
"""Digits of a number."""
END = "#"
"""Ends a number, where no extension has it there."""


def context_of(channel: Channel) -> str:
    """The context that a transferer's numbers are looked up in."""
    return channel.get_variable("TRANSFER_CONTEXT") or channel.context


async def sound(channel: Channel, name: str, interrupt: str = "") -> str:
    """Play a sound, if it has a name and is there; the digit that ended it."""
    if not name:
        return ""
    try:
        return await play(channel, name, interrupt)
    except (SoundError, RuntimeError) as error:
        channel.pbx.log.warning("%s hears no '%s': %s", channel.name, name, error)
        return ""


async def ask(channel: Channel, context: str) -> str:
    """The extension that a transferer dials; empty when there was none in any of the attempts.

    Raises:
        ChannelHangup: The transferer has hung up.
    """
    options = options_of(channel)
    prompt = options.transferannouncesound
    tests = channel.pbx.test_events
    for attempt in range(1, options.transferdialattempts + 1):
        place = (("Channel", channel.name), ("Attempt", attempt))
        number = await sound(channel, prompt, DIGITS)
        if tests.wanted:
            tests.send("TRANSFER_BEGIN_DIAL", place)
        number = await _read(channel, context, number, options.transferdigittimeout)
        there = bool(number) and channel.pbx.dialplan.exists(context, number, 1, channel.caller.number)
        if tests.wanted:
            result = ("Result", "Success" if there else "Failure")
            tests.send("TRANSFER_DIALLED", (*place, ("Dialled", number), result))
            if there or attempt == options.transferdialattempts:
                tests.send("TRANSFER_DIAL_FINAL", (("Channel", channel.name), result))
        if there:
            return number
        prompt = options.transferretrysound
    await sound(channel, options.transferinvalidsound)
    return ""


async def _read(channel: Channel, context: str, number: str, pause: float) -> str:
    """One number that begins with ``number``: up to the only extension that it can be, ``#``, or a pause."""
    dialplan, caller = channel.pbx.dialplan, channel.caller.number
    while len(number) < LONGEST:
        if number and dialplan.exists(context, number, 1, caller):
            if not dialplan.table.matches_more(context, number, caller):
                break
        elif number[-1:] == END and not dialplan.table.matches_more(context, number, caller):
            return number[:-1]
        digit = await channel.read_digit(pause)
        if digit is None:
            break
        number += digit
    return number
