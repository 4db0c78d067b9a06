"""Saying prompts to a channel, one after another."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.media.soundfiles import SoundError
from asterism.pbx.channels.playing import start_play
from asterism.pbx.channels.saying.kinds import names_of
from asterism.pbx.channels.saying.languages import rules_of

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.playing import Playing

_SUBSTITUTES = MappingProxyType({"digits/1F": "digits/1", "digits/1M": "digits/1", "digits/1N": "digits/1"})
"""What is said where a package has no other form of one."""
_MOST_MISSING = 64
"""Names of missing prompts that are remembered, so that each is told once."""


def order_of(channel: Channel) -> str:
    """The language in whose order things are said to a channel: its own, or English where its prompts are not there.

    English words in another order would be wrong numbers.
    """
    own = rules_of(channel.language).own
    there = not own or channel.pbx.server.media.sounds.find(own, channel.language) is not None
    return channel.language if there else "en"


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
            playing = _start(channel, name, interrupt, language)
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


def _start(channel: Channel, name: str, interrupt: str, language: str) -> Playing:
    """Begin to play a prompt, or what takes its place."""
    substitute = _SUBSTITUTES.get(name)
    if substitute and channel.pbx.server.media.sounds.find(name, language or channel.language) is None:
        name = substitute
    return start_play(channel, name, interrupt, language)


async def say_text(channel: Channel, text: str, interrupt: str = "", language: str = "") -> str:
    """Say ``prefix:[format:]text`` (:func:`~.kinds.names_of`): ``num:21``, ``digits:12``, ``datetime:ABdY:1700000000``.

    Returns and raises as :func:`say`, and :class:`SoundError` where the text means nothing.
    """
    try:
        names = names_of(text, language or order_of(channel))
    except ValueError as error:
        raise SoundError(f"'{text[:64]}' cannot be said: {error}") from None
    return await say(channel, names, interrupt, language)
