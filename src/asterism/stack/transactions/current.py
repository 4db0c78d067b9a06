"""The request that is being received."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asterism.stack.flow import Flow
    from asterism.stack.message import Request
    from asterism.stack.transactions.server import ServerTransaction


class CurrentRequest:
    """Results of the layer for the last request received, kept so that its user need not compute them again.

    A layer has one, and fills it in anew for each request that begins a transaction: nearly every answer and every
    server transaction is for the request that came last.

    Attributes:
        request: the request; ``None`` before the first.
        key: the key of its server transaction.
        merged_key: the key by which merged requests are told (8.2.2.2); ``None`` until somebody needs it.
        flow_back: the flow of the request, where that is known to be the one that its responses go over (18.2.2).
        created: the server transactions that the user has made so far; ``None`` while the user is not being asked.
            Their timers start when the user returns, if they have not been answered by then.
    """

    __slots__ = ("created", "flow_back", "key", "merged_key", "request")

    def __init__(self) -> None:
        self.request: Request | None = None
        self.key = ""
        self.merged_key: str | None = None
        self.flow_back: Flow | None = None
        self.created: list[ServerTransaction] | None = None
