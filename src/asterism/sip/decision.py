"""The decision of an interception step or a service about a request, before anything is changed.

``evaluate`` is pure as to the server: it may note what it found on the :class:`~asterism.sip.rx.Rx`
(which lives as long as the request) and touches no table or counter. ``apply`` carries a decision
out. The distributor runs both, ``sip.explain`` only the first.
"""

from __future__ import annotations

from collections.abc import Awaitable
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asterism.core.errors import Position


class Outcome(Enum):
    """Result of a decision: how the request is handled."""

    PASS = "pass"
    """Nothing against it: the next step looks at it."""
    CHALLENGE = "challenge"
    REJECT = "reject"
    DROP = "drop"
    TAKE = "take"
    """A service handles it."""


class Decision:
    """One decision, with its reason in words.

    ``status`` is the code that will be answered, 0 for none. ``object`` names the configured object behind
    it ("acl myacl") and ``position`` its place in the configuration. ``data`` carries what ``apply`` needs.
    """

    __slots__ = ("data", "object", "outcome", "position", "reason", "status")

    def __init__(
        self,
        outcome: Outcome,
        reason: str = "",
        status: int = 0,
        object: str = "",  # noqa: A002 - the word of the specification
        position: Position | None = None,
        data: Any = None,
    ) -> None:
        self.outcome = outcome
        self.reason = reason
        self.status = status
        self.object = object
        self.position = position
        self.data = data

    def __repr__(self) -> str:
        return f"<Decision {self.outcome.value} {self.status or ''} {self.reason}>"


MaybeDecision = Decision | None | Awaitable[Decision | None]
"""Return type of ``evaluate``; ``None`` is :data:`PASS`."""

PASS = Decision(Outcome.PASS)
"""The decision of a step that has nothing to say."""
