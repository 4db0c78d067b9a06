"""Telling who is about to be listened to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from asterism.media.dtmf import KEYS
from asterism.pbx.calls.spying.choice import resource
from asterism.pbx.calls.spying.settings import is_folder_name
from asterism.pbx.channels.saying.say import say
from asterism.pbx.channels.saying.spelling import digits, letters

if TYPE_CHECKING:
    from asterism.pbx.calls.spying.settings import SpySettings
    from asterism.pbx.channels.channel import Channel

BEEP = "beep"
_MOST = 32
"""Characters of a name that are spelled."""


async def announce(spy: Channel, target: Channel, settings: SpySettings) -> None:
    """Beep, and say the name of a channel; a digit ends that, and is kept for whoever reads digits.

    Raises:
        ChannelHangup: The spy has hung up.
        Goto: It was sent elsewhere.
    """
    digit = await say(spy, _prompts(spy, target, settings), KEYS)
    if digit:
        spy.keep_digit(digit, 0)


def _prompts(spy: Channel, target: Channel, settings: SpySettings) -> Iterator[str]:
    yield BEEP
    sounds = spy.pbx.server.media.sounds
    name = resource(target)
    if settings.mailbox is not None and is_folder_name(name):
        mailbox, context = settings.mailbox
        greeting = f"{spy.pbx.server.paths.spool}/voicemail/{context}/{mailbox or name}/greet"
        if sounds.find(greeting, spy.language) is not None:
            yield greeting
            return
    if settings.says_technology:
        technology = target.technology.name
        kinds = [technology.lower(), *(("sip",) if technology == "PJSIP" else ())]
        known = [f"spy-{kind}" for kind in kinds if sounds.find(f"spy-{kind}", spy.language) is not None]
        yield from known[:1] or letters(technology)
    spoken = name[:_MOST]
    yield from digits(spoken) if spoken.isdecimal() else letters(spoken)
