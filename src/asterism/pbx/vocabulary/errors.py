"""Exceptions that end a channel's current work, and errors of creating a channel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from asterism.core.errors import AsterismError
from asterism.pbx.vocabulary.causes import Cause

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel


class ChannelHangup(Exception):  # noqa: N818 - the normal end of a call, not an error
    """The channel has been hung up: raised out of every await on it."""


class HungUpAway(ChannelHangup):
    """The channel hung up while running something in place of its dialplan: no ``h`` runs, as in Asterisk 22."""


class Goto(Exception):  # noqa: N818 - a jump, not an error
    """Go on at another place of the dialplan; also raised out of an await by a manager's redirect.

    Empty ``context`` or ``exten`` mean the current one; ``priority`` is a number or a label. ``before`` is what
    the channel does first, ``missed`` is called when it does not get there.
    """

    def __init__(
        self,
        context: str,
        exten: str,
        priority: int | str = 1,
        before: Callable[[Channel], Awaitable[None]] | None = None,
        missed: Callable[[Channel], None] | None = None,
    ) -> None:
        super().__init__(f"{context},{exten},{priority}")
        self.context = context
        self.exten = exten
        self.priority = priority
        self.before = before
        self.missed = missed


class Redirected(Goto):
    """The ``Goto`` of a redirect: raised out of every await on the channel, until it is where it was sent."""


class RequestError(AsterismError):
    """A technology cannot make a channel for a destination.

    ``cause`` is the Q.850 cause, ``tech_cause`` the protocol's code (SIP status) if one applies.
    """

    def __init__(self, cause: int = Cause.NO_ROUTE_DESTINATION, message: str = "", tech_cause: int = 0) -> None:
        super().__init__(message or f"no channel (cause {int(cause)})")
        self.cause = int(cause)
        self.tech_cause = tech_cause


class NotAnsweredError(AsterismError):
    """A call that a program makes was not answered.

    ``cause`` is the Q.850 cause: 17 for a busy one, 19 for one that let it ring, 3 for a destination that cannot be
    called, 0 where it is not known.
    """

    def __init__(self, destination: str, cause: int = 0) -> None:
        super().__init__(f"{destination} did not answer (cause {int(cause)})")
        self.destination = destination
        self.cause = int(cause)
