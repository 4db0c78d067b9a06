"""Where a message came from and where its answers go (RFC 5626 section 2)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from mypy_extensions import mypyc_attr


class FlowUser(Protocol):
    """Called when a flow could not send, or has closed."""

    def __call__(self, flow: Flow, error: Exception | None) -> None:
        """Take the notice; ``error`` is ``None`` when the flow was closed in good order."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Flow(ABC):
    """A bidirectional path to one peer: a UDP address pair, a connection, a WebSocket.

    Transports subclass it and set every attribute. Flows are compared by identity.

    Attributes:
        transport: ``"UDP"``, ``"TCP"``, ``"TLS"``, ``"WS"`` or ``"WSS"``.
        remote: the peer's address and port; IPv6 addresses without brackets.
        reliable: the transport retransmits by itself (everything but UDP).
        secure: the bytes are encrypted (TLS, WSS).
        name: id of the transport section that the flow belongs to.
        closed: nothing can be sent any more.
        kept_until: until when, on the clock of the timers, the path stays open though nothing comes: a registration
            needs it for so long. Only connections look at it.
        foreign: the address of the peer says nothing about who sends, as with a page in a browser. Set for
            connections only.
        sent_by: what the Via of our requests over it says, where the transport has noted that; ``""`` otherwise.
        transactions: those that have to learn that the flow broke; the transaction layer's, ``None`` before the first.
    """

    __slots__ = (
        "__weakref__",
        "_local",
        "closed",
        "foreign",
        "kept_until",
        "name",
        "on_error",
        "reliable",
        "remote",
        "secure",
        "sent_by",
        "transactions",
        "transport",
    )

    def __init__(
        self,
        transport: str,
        local: tuple[str, int],
        remote: tuple[str, int],
        *,
        name: str = "",
        reliable: bool = False,
        secure: bool = False,
    ) -> None:
        self.transport = transport
        self._local = local
        self.remote = remote
        self.reliable = reliable
        self.secure = secure
        self.name = name
        self.closed = False
        self.foreign = False
        self.kept_until = 0.0
        self.on_error: list[Callable[[Flow, Exception | None], None]] = []
        self.sent_by = ""
        self.transactions: set[Any] | None = None

    # A property, for that is what a subclass may make of it; compiled code would read an attribute past the subclass.
    @property
    def local(self) -> tuple[str, int]:
        """Our address and port."""
        return self._local

    @local.setter
    def local(self, value: tuple[str, int]) -> None:
        self._local = value

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Send one message. Never raises: a failure is reported to the ``on_error`` subscribers."""

    def failed(self, error: Exception | None) -> None:
        """Tell the ``on_error`` subscribers; transports call this."""
        for callback in tuple(self.on_error):
            callback(self, error)

    def __repr__(self) -> str:
        (host, port), (peer, peer_port) = self.local[:2], self.remote[:2]
        return f"<{type(self).__name__} {self.transport} {host}:{port} to {peer}:{peer_port}>"
