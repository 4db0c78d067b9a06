"""What is registered with the session module: supplements and SDP handlers, and the live sessions.

A module that adds a supplement or handler names ``session`` in its ``requires`` and calls::

    sessions(server).register_supplement(MySupplement())
"""

from __future__ import annotations

import asyncio
import bisect
from typing import TYPE_CHECKING, Any

from asterism.applications.session.sdp_handler import SdpHandler
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.errors import ModuleError
from asterism.core.module import Subsystem
from asterism.core.registry import Owner

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.applications.session.session import Session

METHODS = frozenset(
    [
        "INVITE",
        "ACK",
        "BYE",
        "CANCEL",
        "UPDATE",
        "PRACK",
        "INFO",
        "MESSAGE",
        "REFER",
        "OPTIONS",
        "NOTIFY",
        "SUBSCRIBE",
        "PUBLISH",
        "REGISTER",
    ]
)


class Sessions(Subsystem):
    """The registry of one server's session module.

    ``live`` are the sessions that have not ended, in order of appearance.
    """

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.live: dict[Session, None] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.supplements: list[SessionSupplement] = []
        self.handlers: dict[str, list[SdpHandler]] = {}
        self._supported: list[str] = []
        self._compiled: dict[tuple[str, str], tuple[Callable[..., Any], ...]] = {}

    def register_supplement(self, supplement: SessionSupplement) -> Callable[[], None]:
        """Have ``supplement`` visited by every session from now on; return the undo."""
        bisect.insort(self.supplements, supplement, key=lambda each: each.priority)
        self._changed()

        def remove() -> None:
            self.supplements.remove(supplement)
            self._changed()

        return self.owner.on_release(remove)

    def register_sdp_handler(self, handler: SdpHandler) -> Callable[[], None]:
        """Let ``handler`` negotiate streams of its media type; return the undo."""
        handlers = self.handlers.setdefault(handler.media, [])
        bisect.insort(handlers, handler, key=lambda each: each.priority)
        return self.owner.on_release(lambda: handlers.remove(handler))

    def _changed(self) -> None:
        self._compiled.clear()
        self._supported.clear()

    @property
    def supported(self) -> str:
        """The option tags of ``Supported``: those that the supplements bring, in their order."""
        if not self._supported:
            self._supported.append(", ".join(tag for each in self.supplements for tag in each.supported))
        return self._supported[0]

    def forget(self, session: Session) -> None:
        """Drop a session that ended."""
        self.live.pop(session, None)

    def callbacks(self, hook: str, method: str = "") -> tuple[Callable[..., Any], ...]:
        """The supplements' own versions of ``hook`` for ``method``, in order; no-op ones are left out."""
        found = self._compiled.get((hook, method))
        if found is not None:
            return found
        if method not in METHODS:
            method = ""
            found = self._compiled.get((hook, method))
        if found is None:
            default = getattr(SessionSupplement, hook)
            found = self._compiled[hook, method] = tuple(
                getattr(each, hook)
                for each in self.supplements
                if getattr(type(each), hook) is not default
                and (each.methods is None or not method or method in each.methods)
                and not (each.methods is not None and not method and hook not in _LIFE)
            )
        return found


_LIFE = frozenset(("on_begin", "on_channel", "on_end", "on_incoming_cancel"))


def sessions(server: Any) -> Sessions:
    """The session registry of ``server``, bound to the module that asks.

    Raises:
        ModuleError: The session module is not loaded; name it in ``requires``.
    """
    found = server.modules.find("session")
    registry = getattr(found.instance, "sessions", None) if found else None
    if not isinstance(registry, Sessions):
        raise ModuleError("the module 'session' is not loaded")
    return registry.bound(server.owner)
