"""What becomes of a transferred channel: told to whoever asked for the transfer.

An :class:`Outcome` hears what a caller would have been told who had called the extension himself: it rings, somebody
answers (or the server speaks), it is busy, the call ends. The channel knows who follows it (``channel.follower``) and
calls it; a channel that nobody follows pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from asterism.core.containment import attempt
from asterism.pbx.vocabulary.controls import Control, Stage

if TYPE_CHECKING:
    from asterism.pbx.calls.transfers.results import Outcome
    from asterism.pbx.channels.channel import Channel

OK = 200
BUSY = 486
TERMINATED = 487
DECLINED = 603

_PROGRESS = {Control.RINGING: 180, Control.PROGRESS: 183}
_REFUSED = {Control.BUSY: BUSY, Control.CONGESTION: 503, Control.INCOMPLETE: 484}
_DIALED = {"BUSY": BUSY, "CONGESTION": 503, "CHANUNAVAIL": 480, "NOANSWER": 480, "CANCEL": TERMINATED}
"""Final statuses by DIALSTATUS."""
_CAUSES = {
    1: 404, 2: 404, 3: 404, 17: BUSY, 18: 480, 19: 480, 20: 480, 21: 403, 22: 410, 26: 480, 27: 502, 28: 484, 34: 503,
    38: 503, 41: 503, 42: 503, 58: 503,
}  # fmt: skip
"""Final statuses by Q.850 cause (RFC 3398 7.2.4.1); any other one is a call that ended without being answered."""


class Follower:
    """Follows one transferred channel until it talks to somebody, or to nobody any more.

    ``back`` is called when the transfer has failed and the channel is still there; it returns whether it has sent the
    channel elsewhere (back to the transferer). ``forget`` are variables that end with the transfer.
    """

    __slots__ = ("_back", "_channel", "_forget", "_known", "_outcome", "_status")

    def __init__(
        self,
        channel: Channel,
        outcome: Outcome | None = None,
        back: Callable[[], bool] | None = None,
        forget: Sequence[str] = (),
    ) -> None:
        self._channel = channel
        self._outcome = outcome
        self._back = back
        self._forget = forget
        self._known = False
        self._status = 0
        if channel.follower is not None:
            channel.follower.hung_up()  # whoever that one followed has its place taken
        channel.follower = self

    # -- what the channel tells -------------------------------------------------------------------------------

    def indicated(self, condition: Control) -> None:
        """The channel was shown a condition."""
        if self._known:
            return
        status = _PROGRESS.get(condition)
        if status is not None:
            if status != self._status and self._outcome is not None:
                self._status = status
                attempt(self._channel.pbx.log, "progress of a transfer", None, self._outcome.progress, status)
        elif condition in _REFUSED:
            self._fail(_REFUSED[condition])

    def indicated_already(self) -> None:
        """The channel was told that it rings before it was followed."""
        self.indicated(Control.RINGING)

    def answered(self) -> None:
        """Somebody has answered, or the server speaks to the channel."""
        self._tell(OK)

    def entered(self) -> None:
        """The channel has entered a bridge: the transfer is over."""
        channel = self._channel
        self._release()
        names = [name for name in self._forget if channel.get_variable(name) is not None]
        channel.delete_variables(names)
        self._tell(OK)

    def ended(self) -> bool:
        """The channel's dialplan is over; whether it goes on all the same, back with the transferer."""
        self._fail(self._why())
        return self._channel.leaving and self._channel.alive

    def hung_up(self) -> None:
        """The channel ends."""
        self._release()
        self._tell(self._why() if self._channel.stage is Stage.DEAD else TERMINATED)

    def cease(self) -> None:
        """Follow no longer, and tell nothing."""
        self._known = True
        self._release()

    # -- details ----------------------------------------------------------------------------------------------

    def _why(self) -> int:
        channel = self._channel
        status = _DIALED.get(channel.variables.get("DIALSTATUS", ""))
        return status or _CAUSES.get(channel.hangup_cause, DECLINED)

    def _fail(self, status: int) -> None:
        if self._known:
            return
        self._tell(status)
        if self._back is not None and self._channel.alive and self._back():
            self._release()

    def _release(self) -> None:
        if self._channel.follower is self:
            self._channel.follower = None

    def _tell(self, status: int) -> None:
        if self._known:
            return
        self._known = True
        outcome, self._outcome = self._outcome, None
        if outcome is not None:
            attempt(self._channel.pbx.log, "the outcome of a transfer", None, outcome.done, status)


def follow(channel: Channel, outcome: Outcome) -> None:
    """Tell ``outcome`` what becomes of a channel that was sent elsewhere."""
    Follower(channel, outcome)
