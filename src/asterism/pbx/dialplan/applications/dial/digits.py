"""Option D: digits that Dial sends, to the called party before or after its answer and to the caller.

The kinds of tones of trunk lines, MF (ITU-T Q.320) and SF (2600 Hz pulses), are audio; no channel here gets the wink of
an analogue line, so that what is to be sent after one never is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING

from asterism.media.tones import tone_frames
from asterism.pbx.channels.playing import play_frames

if TYPE_CHECKING:
    from asterism.media.stream import Frame
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.dialplan.applications.dial.options import DialOptions

_PAUSES = {"w": 0.5, "W": 1.0}
"""Letters that are no digits but seconds to wait."""
_GAP = 0.2
"""Seconds from a digit to the next."""
_MF = MappingProxyType(
    {
        "1": "700+900", "2": "700+1100", "3": "900+1100", "4": "700+1300", "5": "900+1300", "6": "1100+1300",
        "7": "700+1500", "8": "900+1500", "9": "1100+1500", "0": "1300+1500",
        "*": "1100+1700", "#": "1500+1700", "A": "900+1700", "B": "1300+1700", "C": "700+1700",
    }
)  # fmt: skip
_KEY_PULSE = "*"


async def send(caller: Channel, peer: Channel, options: DialOptions) -> None:
    """Send what is due after the answer, to the called party, then to the caller."""
    log, digits = caller.pbx.log, options.digits
    if digits.called:
        log.verbose(3, "Sending DTMF '%s' to the called party.", digits.called)
        await _send(caller, peer, digits.called)
    if digits.calling:
        log.verbose(3, "Sending DTMF '%s' to the calling party.", digits.calling)
        await _send(caller, caller, digits.calling)


def send_early(caller: Channel, options: DialOptions, called: Channel) -> None:
    """Send what is due before the answer, to a channel that has early media now; returns at once."""
    if any((options.digits.progress, options.digits.mf, options.digits.sf)):
        caller.pbx.features.start(called, _early(caller, called, options), "the digits of Dial to")


async def _early(caller: Channel, called: Channel, options: DialOptions) -> None:
    log, digits = caller.pbx.log, options.digits
    if digits.progress:
        log.verbose(
            3, "Sending DTMF '%s' to the called party as result of receiving a PROGRESS message.", digits.progress
        )
        await _send(called, called, digits.progress)
    for kind, wanted, tones in (("MF", digits.mf, mf_tones), ("SF", digits.sf, sf_tones)):
        if not wanted:
            continue
        log.verbose(3, "Sending %s '%s' to the called party as result of receiving a PROGRESS message.", kind, wanted)
        heard_by = [called, caller] if "E" in options.letters and caller.speaks is None else [called]
        await asyncio.gather(*[_play(each, tones(wanted)) for each in heard_by])


async def _send(waiter: Channel, channel: Channel, digits: str) -> None:
    """Send DTMF to ``channel``; the call's task waits on ``waiter``, whose hang-up ends it."""
    for digit in digits:
        if digit not in _PAUSES:
            channel.send_digit(digit)
        await waiter.park(_PAUSES.get(digit, _GAP), 0)
        if channel.dead:
            return


async def _play(channel: Channel, tone: str) -> None:
    frames: Iterator[Frame] = tone_frames(tone)
    await play_frames(channel, frames)


def mf_tones(digits: str) -> str:
    """Digits as multi-frequency tones, as ``indications.conf`` writes them; ``*`` is KP, ``#`` ST, A to C its kin."""
    parts = []
    for digit in digits.upper():
        if digit in _MF:
            parts += [f"!{_MF[digit]}/{120 if digit == _KEY_PULSE else 68}", "!0/68"]
        elif digit == "W":
            parts.append("!0/500")
    return ",".join(parts) or "!0/20"


def sf_tones(digits: str) -> str:
    """Digits as pulses of 2600 Hz, ten in a second, in the notation of ``indications.conf``."""
    parts = []
    for digit in digits:
        if digit.isascii() and digit.isdigit():
            parts += ["!2600/67", "!0/33"] * (int(digit) or 10) + ["!0/600"]
        elif digit in "wW":
            parts.append("!0/500")
    return ",".join(parts) or "!0/20"
