"""What one user of a conference is told, alone, in its own task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from asterism.pbx.calls.conference.conference import CREATOR
from asterism.pbx.channels.playing import play_or_tell
from asterism.pbx.channels.saying.languages import rules_of

if TYPE_CHECKING:
    from asterism.pbx.calls.conference.profiles import BridgeProfile
    from asterism.pbx.calls.conference.user import User
    from asterism.pbx.channels.channel import Channel


async def hear(channel: Channel, *sounds: str, interrupt: str = "") -> str:
    """Play sounds one after the other; the digit of ``interrupt`` that ended them.

    One that is missing, or that cannot be played as something else speaks to the channel, is a warning.

    Raises:
        ChannelHangup: The channel has hung up.
        Goto: It was sent elsewhere.
    """
    for sound in sounds:
        try:
            digit = await play_or_tell(channel, CREATOR, sound, interrupt)
        except RuntimeError as error:
            channel.pbx.log.warning("%s on %s: '%s' is not played: %s", CREATOR, channel.name, sound, error)
            continue
        if digit:
            return digit
    return ""


async def hear_as(user: User, sounds: Iterable[str], interrupt: str = "") -> str:
    """The same for a user of a conference, who hears no more of them once it is to leave."""
    for sound in sounds:
        if user.out:
            break
        digit = await hear(user.channel, sound, interrupt=interrupt)
        if digit:
            return digit
    return ""


def count_sounds(profile: BridgeProfile, count: int, language: str) -> tuple[str, ...]:
    """The sounds that say how many others there are where ``count`` users are in a conference; none for one."""
    if count < 2:
        return ()
    if count == 2:
        return (profile.sound("only_one"),)
    numbers = rules_of(language).number(count - 1)
    return (profile.sound("there_are"), *numbers, profile.sound("other_in_party"))
