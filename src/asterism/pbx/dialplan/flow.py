"""How an application leaves the line of priorities: by raising one of these."""

from __future__ import annotations

from asterism.core.errors import AsterismError


class Goto(AsterismError):
    """Go on at another place of the dialplan. Empty ``context`` or ``exten`` mean the current one."""

    def __init__(self, context: str, exten: str, priority: int) -> None:
        super().__init__(f"{context},{exten},{priority}")
        self.context = context
        self.exten = exten
        self.priority = priority


class EndDialplan(AsterismError):
    """End the call: the ``h`` extension runs, then the channel is hung up.

    ``cause`` is a Q.850 cause, 0 for "none given" (an unanswered SIP call then gets 603);
    ``None`` keeps the channel's own ``hangup_cause``.
    """

    def __init__(self, cause: int | None = None) -> None:
        super().__init__("the dialplan ended" if cause is None else f"the dialplan ended with cause {cause}")
        self.cause = cause


class FunctionError(AsterismError):
    """A dialplan function or application was given arguments it cannot use; logged as a warning."""
