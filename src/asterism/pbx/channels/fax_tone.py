"""A call that turns out to be a fax goes on at the extension ``fax`` of its context (``fax_detect``).

It is told by the tone of a fax machine that calls, or by its request for T.38. Where the call was is kept in the
variable ``FAXEXTEN``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from asterism.media.cng import CallingTone
from asterism.media.taps import Direction, Tap
from asterism.pbx.channels.t38 import known_t38
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import Goto

if TYPE_CHECKING:
    from asterism.media.stream import Frame
    from asterism.pbx.channels.channel import Channel

FAX = "fax"
"""The extension."""
_REQUEST = "fax_request"
"""Where ``channel.data`` keeps until when the far end's request for T.38 sends it there."""
_TAP, _WENT = "fax_tap", "fax_went"
"""Where ``channel.data`` keeps the tap, ``None`` once it has been taken off; and whether the channel was sent there."""


class FaxTap(Tap):
    """Listens for the tone in what the far end says, until it is heard or the time is over."""

    shows_simple: ClassVar[bool] = False

    def __init__(self, channel: Channel, seconds: int) -> None:
        self._channel = channel
        self._seconds = seconds
        self._until: float | None = None
        self._tone = CallingTone()

    def take(self, frame: Frame) -> None:
        """Hear one frame."""
        channel = self._channel
        loop = channel.pbx.loop
        if self._seconds and channel.state is ChannelState.UP:
            if self._until is None:
                self._until = loop.time() + self._seconds
            elif loop.time() >= self._until:
                loop.call_soon(_stop, channel)
                return
        if self._tone.take(frame):
            # Not from within the packet: the channel may leave its bridge by it.
            loop.call_soon(goes_to_fax, channel)


def detect_fax(channel: Channel, on: bool, seconds: int = 0, *, again: bool = False) -> None:
    """Have the tone listened for, or not; for drivers, when the audio is settled.

    Args:
        channel: whose far end may be a fax machine.
        on: whether to listen; begins only once in a call, but for ``again``.
        seconds: how long after the answer (``fax_detect_timeout``), 0: for ever.
        again: listen although it was done before.
    """
    if on and (_TAP not in channel.data or (again and channel.data[_TAP] is None)):
        tap = channel.data[_TAP] = FaxTap(channel, seconds)
        channel.attach(tap, Direction.IN)
    elif not on:
        _stop(channel)


def expect_request(channel: Channel, on: bool, seconds: int = 0) -> None:
    """Have the channel go there when its far end asks for T.38 within so many seconds, 0: at any time; or not."""
    until = channel.pbx.loop.time() + seconds if seconds else math.inf
    channel.data[_REQUEST] = until if on else -math.inf


def expects_request(channel: Channel) -> bool:
    """Whether that is to be now."""
    until: float = channel.data.get(_REQUEST, -math.inf)
    return until > channel.pbx.loop.time()


def goes_to_fax(channel: Channel, on: bool = True) -> bool:
    """Send a channel to the extension ``fax`` of its context, once, unless it is there already; whether it goes.

    ``on``: whether that is wanted at all. It stays where it is if there is no such extension, while it is still called
    by somebody, and if an application has charge of its fax.
    """
    if not on or not channel.alive or channel.data.get(_WENT):
        return False
    if channel.task is None and channel.control_listener is not None:
        return False
    t38 = known_t38(channel)
    if channel.exten == FAX or (t38 is not None and t38.user is not None):
        _stop(channel)
        return False
    pbx, context = channel.pbx, channel.context
    heard = _stop(channel)
    if not pbx.dialplan.exists(context, FAX, 1, channel.caller.number):
        if heard:
            pbx.log.notice("%s is a fax, but context '%s' has no extension fax", channel.name, context)
        return False
    channel.data[_WENT] = True
    pbx.log.verbose(2, "%s is a fax: it goes to extension fax", channel.name)
    channel.set_variable("FAXEXTEN", channel.exten)
    channel.redirect(Goto(context, FAX, 1))
    return True


def _stop(channel: Channel) -> bool:
    """Listen no more; whether it was done until now."""
    tap: FaxTap | None = channel.data.get(_TAP)
    channel.data[_TAP] = None
    if tap is None:
        return False
    channel.detach(tap)
    return True
