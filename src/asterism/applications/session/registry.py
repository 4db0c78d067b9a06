"""Registry of the session module: supplements, SDP handlers and live sessions.

A module that adds a supplement or handler names ``session`` in its ``requires`` and calls::

    sessions(server).register_supplement(MySupplement())
"""

from __future__ import annotations

import asyncio
import bisect
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from asterism.applications.session.profiles import Profiles
from asterism.applications.session.sdp_handler import SdpHandler
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.containment import attempt, visitor
from asterism.core.errors import ModuleError
from asterism.core.module import Subsystem
from asterism.core.registry import Owner
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.applications.session.media_transport.gathering import Preparation
    from asterism.applications.session.session import Session
    from asterism.applications.session.technology import SessionTechnology
    from asterism.sip.core import SipCore
    from asterism.sip.decision import Decision
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.stack.sdp import SessionDescription

_REMEMBERED = 4096
"""Ended dialogs that are told from unknown ones."""

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


class ChannelItems(Protocol):
    """The items of ``CHANNEL()`` that channels of one technology know."""

    def __call__(self, session: Session, name: str) -> str | None:
        """The value of an item; ``None`` for one that such channels do not have."""


class Callbacks(dict[str | tuple[str, str] | tuple[str, str, int], tuple[Callable[..., bool], ...]]):
    """Visitors of the supplements for a callback; supplements that do not override it are left out.

    Asked by the callback's name; by name and method; or by name, method and class of the response (2 for 200 to 299)::

        for visit in callbacks["on_incoming_response", "INVITE", 2]:
            visit(session, response)

    There is one visitor, or none if no supplement overrides the callback. It calls the supplements in
    order until one returns ``True``, and gives that on. One that raises is logged and passed over; only what it says
    of the peer's message (:class:`ParseError` in ``on_incoming_request``) goes on to the core, which answers it. Each
    answer is worked out when it is asked for first.
    """

    def __init__(self, supplements: Sequence[SessionSupplement], log: logging.Logger) -> None:
        super().__init__()
        self._supplements = supplements
        self._log = log

    def __missing__(self, key: str | tuple[str, str] | tuple[str, str, int]) -> tuple[Callable[..., bool], ...]:
        name, *limits = (key,) if isinstance(key, str) else key
        default = getattr(SessionSupplement, name)
        own = tuple(
            (f"{name} of session supplement '{each.name}'", getattr(each, name))
            for each in self._supplements
            if getattr(type(each), name) is not default
            and (len(limits) < 1 or each.methods is None or limits[0] in each.methods)
            and (len(limits) < 2 or limits[1] in each.responses)
        )
        passing = (ParseError,) if name == "on_incoming_request" else ()
        found = (visitor(own, self._log, passing),) if own else ()
        if not limits or limits[0] in METHODS:
            # What peers make up is not kept.
            self[key] = found
        return found

    def evaluate(self, session: Session, rx: Rx) -> Decision | None:
        """What the first supplement that decides about a request within a dialog would do with it."""
        for each in self._supplements:
            if each.methods is None or rx.request.method in each.methods:
                found = each.evaluate(session, rx)
                if found is not None:
                    return found
        return None


class Sessions(Subsystem):
    """The registry of one server's session module.

    ``live`` are the sessions that have not ended, in order of appearance; ``profiles`` are those of the endpoints.
    ``ended`` are the hash values of the identifiers of the dialogs that ended last.
    """

    def __init__(self, owner: Owner, core: SipCore) -> None:
        self.owner = owner
        self._log = core.log
        self.live: dict[Session, None] = {}
        self.ended: deque[int] = deque(maxlen=_REMEMBERED)
        self.tasks: set[asyncio.Task[None]] = set()
        self.supplements: list[SessionSupplement] = []
        self.handlers: dict[str, list[SdpHandler]] = {}
        self.technologies: dict[str, SessionTechnology] = {}
        """The technologies of SIP channels, by name."""
        self.unlimited: dict[str, None] = {}
        """The types of streams that some handler offers in each call."""
        self.items: dict[str, ChannelItems] = {}
        """What the channels of a technology have in ``CHANNEL()``, where that differs from those of PJSIP."""
        self.gathering: list[Preparation] = []
        """What is asked, while ``context.gathers``, whether a description has to wait for its candidates."""
        self.profiles = Profiles(core, self)
        self._callbacks: dict[tuple[SessionSupplement, ...], Callbacks] = {}

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
        if not handler.limit:
            self.unlimited[handler.media] = None
        return self.owner.on_release(lambda: handlers.remove(handler))

    def register_items(self, technology: str, items: ChannelItems) -> Callable[[], None]:
        """Let ``CHANNEL()`` ask ``items`` about channels of a technology (``SIP``); return the undo."""
        self.items[technology] = items

        def remove() -> None:
            del self.items[technology]

        return self.owner.on_release(remove)

    def register_technology(self, technology: SessionTechnology) -> Callable[[], None]:
        """Make channels of calls from endpoints with that technology of it; return the undo."""
        self.technologies[technology.name] = technology
        return self.owner.on_release(partial(self.technologies.__delitem__, technology.name))

    def run(self, waiting: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine, a look-up for instance, for as long as the module is loaded."""
        task = asyncio.get_running_loop().create_task(waiting)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def candidates(
        self, session: Session, description: SessionDescription | None = None
    ) -> Coroutine[Any, Any, None] | None:
        """What a description in a dialog has to wait for: candidates that servers give; ``None``: for nothing.

        The INVITEs that begin calls ask :attr:`gathering` themselves, so that a call without servers calls nothing.

        Args:
            session: whose description it is.
            description: the offer that is to be answered; ``None``: an offer of ours is to be made.
        """
        for one in self.gathering:
            if one.context.gathers and (waiting := one.before(session, description)) is not None:
                return waiting
        return None

    def _changed(self) -> None:
        self._callbacks.clear()
        self.profiles.clear()
        for session in self.live:
            session.profile.follow(self)

    def callbacks_of(self, endpoint: Endpoint) -> Callbacks:
        """Callbacks of the supplements that apply to an endpoint's calls; shared by endpoints with the same ones."""
        supplements = tuple(
            each
            for each in self.supplements
            if attempt(self._log, f"concerns of session supplement '{each.name}'", False, each.concerns, endpoint)
        )
        found = self._callbacks.get(supplements)
        if found is None:
            found = self._callbacks[supplements] = Callbacks(supplements, self._log)
        return found

    @property
    def supported(self) -> str:
        """The option tags of ``Supported``: those that the supplements bring, in their order."""
        return ", ".join(tag for each in self.supplements for tag in each.supported)


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
