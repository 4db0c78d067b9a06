"""Services and interception steps: what modules put into the way of a request.

A service is a piece of SIP that handles some methods (``ast_sip_register_service``). An
interception step comes before any service and may stop a request; it knows no application.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from typing import TYPE_CHECKING, Any, ClassVar

from asterism.sip.decision import Decision

if TYPE_CHECKING:
    from asterism.sip.rx import Rx
    from asterism.stack.message import Request, Response


class Service:
    """Base of services; override what is needed.

    ``methods`` are the request methods it is asked about, none meaning all. Services are asked in order of
    ``priority``, lowest first. Either override ``evaluate`` and ``apply`` (the service can then be explained)
    or ``on_request`` alone.
    """

    name: ClassVar[str] = ""
    priority: ClassVar[int] = 100
    methods: ClassVar[frozenset[str]] = frozenset()
    methods_in_dialogs: ClassVar[frozenset[str]] = frozenset()
    """Methods that the dialogs which it begins understand; with ``methods`` they make the ``Allow`` header."""
    types: ClassVar[frozenset[str]] = frozenset()
    """Types of the bodies that it reads (``Accept``)."""
    unnamed_extensions: ClassVar[frozenset[str]] = frozenset()
    """Option tags that requests of its ``methods`` may ``Require``, although ``Supported`` does not name them."""
    selective: ClassVar[bool] = False
    """Whether it has an ``accepts`` of its own."""

    @property
    def events(self) -> frozenset[str]:
        """Event packages that can be subscribed to now (``Allow-Events``); see ``SipCore.follow_services``."""
        return frozenset()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.selective = cls.accepts is not Service.accepts

    def extensions(self) -> frozenset[str]:
        """The option tags, in lower case, that a request for this service may ``Require``."""
        return frozenset()

    def start(self) -> None:
        """Called when the service is registered."""

    def stop(self) -> None:
        """Called when the service is unregistered."""

    def accepts(self, rx: Rx) -> bool:
        """Whether this service wants to look at the request at all; cheap and without effect."""
        return True

    def evaluate(self, rx: Rx) -> Decision | Awaitable[Decision | None] | None:
        """Decide, changing nothing. ``None`` leaves the request to the next service."""
        return None

    def apply(self, decision: Decision, rx: Rx) -> None:
        """Carry out what ``evaluate`` decided, answering the request."""

    def on_request(self, rx: Rx) -> bool | Awaitable[bool]:
        """Handle an out-of-dialog request; ``True`` when it was taken."""
        decision = self.evaluate(rx)
        if decision is None:
            return False
        if isinstance(decision, Decision):
            self.apply(decision, rx)
            return True
        return self._apply_later(decision, rx)

    async def _apply_later(self, awaitable: Awaitable[Decision | None], rx: Rx) -> bool:
        decision = await awaitable
        if decision is None:
            return False
        self.apply(decision, rx)
        return True

    def on_response(self, response: Response) -> bool:
        """See a response that belongs to no transaction; ``True`` when it was taken."""
        return False

    def on_outgoing_request(self, request: Request, endpoint: Any) -> None:
        """See, and possibly change, a request about to be sent; ``endpoint`` may be ``None``."""

    def on_outgoing_response(self, response: Response, rx: Rx) -> None:
        """See, and possibly change, a response about to be sent (not those that the stack sends by itself)."""

    def on_transaction_state(self, transaction: Any) -> None:
        """Be told that a transaction changed its state."""

    @property
    def explainable(self) -> bool:
        """Whether ``evaluate`` alone tells what the service would do."""
        return type(self).evaluate is not Service.evaluate


class InterceptionStep:
    """Base of interception steps, run for every out-of-dialog request in order of ``priority``, lowest first.

    A step that has nothing to say as long as some collection is empty names it as its ``subjects``: it is not
    asked meanwhile. With ``connections_only`` it is not asked about what came by datagram. ``methods`` are the request
    methods it is asked about, none meaning all.
    """

    name: ClassVar[str] = ""
    priority: ClassVar[int] = 100
    methods: ClassVar[frozenset[str]] = frozenset()
    connections_only: ClassVar[bool] = False
    subjects: Collection[Any] | None = None

    def evaluate(self, rx: Rx) -> Decision | Awaitable[Decision | None] | None:
        """Decide, changing nothing. ``None`` lets the request pass."""
        return None

    def apply(self, decision: Decision, rx: Rx) -> bool:
        """Carry out the decision; ``True`` when the request goes no further."""
        return False

    @property
    def explainable(self) -> bool:
        """Whether ``evaluate`` alone tells what the step would do."""
        return type(self).evaluate is not InterceptionStep.evaluate
