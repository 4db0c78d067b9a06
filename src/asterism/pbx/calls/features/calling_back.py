"""Calling a transferer back who has left a call whose target does not answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from asterism.pbx.calls.dialing import Dialer

if TYPE_CHECKING:
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.controls import DialStatus
    from asterism.pbx.vocabulary.party import PartyId


class CallBack:
    """The attempts to call one transferer back, one at a time.

    ``told`` is called with whether the transferer has answered, once for each attempt that was begun and not given up.
    """

    __slots__ = ("_dialer", "_told", "_transferer", "left")

    def __init__(self, transferer: Channel, attempts: int, told: Callable[[bool], None]) -> None:
        self._transferer = transferer
        self._told = told
        self._dialer: Dialer | None = None
        self.left = attempts
        """Attempts that are left."""

    def begin(self, transferee: PartyId | None, timeout: float) -> bool:
        """Call the transferer's device and show it who waits; ``False`` where it cannot be called."""
        self.left -= 1
        transferer = self._transferer
        dialer = self._dialer = Dialer(transferer.pbx, None, self._done)
        leg = dialer.request(transferer.device)
        if leg is None:
            return False
        channel = leg.channel
        channel.new_exten("AppDial2", "(Outgoing Line)")
        channel.inherit_variables(transferer)
        if transferee is not None:
            channel.set_connected(transferee, tell=False)
        dialer.call(leg, timeout)
        dialer.called()
        return True

    def _done(self) -> None:
        dialer = self._dialer
        self._told(dialer is not None and dialer.winner is not None and dialer.winner.alive)

    def take(self) -> Channel | None:
        """The channel that has answered, if it is still there; the attempt is over by that."""
        dialer, self._dialer = self._dialer, None
        if dialer is None:
            return None
        dialer.release()
        winner = dialer.winner
        return winner if winner is not None and winner.alive else None

    def give_up(self, status: DialStatus | None, cause: int) -> None:
        """End an attempt that is under way: DialEnd tells ``status``, unless it is ``None``."""
        dialer, self._dialer = self._dialer, None
        if dialer is not None:
            dialer.cancel(status, cause)
            dialer.release()
            if dialer.winner is not None and dialer.winner.bridge is None:
                dialer.winner.hang_up()
