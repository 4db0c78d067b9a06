"""Saying prompts to a channel, one after another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from asterism.media.soundfiles import SoundError
from asterism.pbx.channels.playing import start_play
from asterism.pbx.channels.saying.kinds import names_of

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

_MOST_MISSING = 64
"""Names of missing prompts that are remembered, so that each is told once."""


async def say(channel: Channel, names: Iterable[str], interrupt: str = "", language: str = "") -> str:
    """Play prompts to their end; the digit among ``interrupt`` that ended them early, or ``""``.

    ``names`` may be lazy and long: each is asked for when it is due, and others get their turn between two of them. One
    that is missing or cannot be read is told once, and the next is played.

    Raises:
        ChannelHangup: The channel has hung up.
        Goto: It was sent elsewhere.
        RuntimeError: It is spoken to already.
    """
    missing: set[str] = set()
    for name in names:
        heard = 0
        try:
            playing = start_play(channel, name, interrupt, language)
        except SoundError as error:
            if name not in missing and len(missing) < _MOST_MISSING:
                missing.add(name)
                channel.pbx.log.warning("%s does not hear '%s': %s", channel.name, name[:80], error)
        else:
            digit = await playing.wait()
            if digit:
                return digit
            heard = playing.heard
        if not heard:
            await channel.wait(0)  # nothing took any time: not the loop's either
    return ""


async def say_text(channel: Channel, text: str, interrupt: str = "", language: str = "") -> str:
    """Say ``prefix:[format:]text`` (:func:`~.kinds.names_of`): ``num:21``, ``digits:12``, ``datetime:ABdY:1700000000``.

    Returns and raises as :func:`say`, and :class:`SoundError` where the text means nothing.
    """
    try:
        names = names_of(text, language or channel.language)
    except ValueError as error:
        raise SoundError(f"'{text[:64]}' cannot be said: {error}") from None
    return await say(channel, names, interrupt, language)
