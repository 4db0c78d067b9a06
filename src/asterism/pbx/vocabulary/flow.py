"""Exceptions by which an application leaves the sequence of priorities and a function reports wrong use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asterism.core.errors import AsterismError
from asterism.pbx.vocabulary.errors import Goto

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel

__all__ = ["EndDialplan", "FunctionError", "Goto", "HandedOver", "SubroutineReturned", "needs_channel"]


class EndDialplan(Exception):  # noqa: N818 - the normal end of a call, not an error
    """End the call: the ``h`` extension runs, then the channel is hung up.

    ``cause`` is a Q.850 cause, 0 for "none given" (an unanswered SIP call then gets 603);
    ``None`` keeps the channel's own ``hangup_cause``.
    """

    def __init__(self, cause: int | None = None) -> None:
        super().__init__("the dialplan ended" if cause is None else f"the dialplan ended with cause {cause}")
        self.cause = cause


class HandedOver(Exception):  # noqa: N818 - the end of a task, not an error
    """The channel goes on in another call: the task that runs it ends without hanging it up, and without ``h``."""


class SubroutineReturned(Exception):  # noqa: N818 - a jump, not an error
    """``Return`` at the bottom frame of a subroutine that was not called by a priority but by Dial or the like."""

    def __init__(self, value: str) -> None:
        super().__init__(value)
        self.value = value


class FunctionError(AsterismError):
    """A dialplan function or application was given arguments it cannot use; logged as a warning."""


def needs_channel(channel: Channel | None) -> Channel:
    """The channel; raises :class:`FunctionError` without one."""
    if channel is None:
        raise FunctionError("it needs a channel")
    return channel
