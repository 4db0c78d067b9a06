"""Requests for a whole picture that come by INFO (``application/media_control+xml``, RFC 5168)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.picture_updates import CONTENT_TYPE, PictureUpdates, asks_for_picture
from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.rx import Rx


class MediaControl(SessionSupplement):
    """Passes the wish for a whole picture on to whoever is shown."""

    name = "media_control"
    methods = frozenset(("INFO",))

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """Answer 200 to a document of media control, whatever it asks for, and 400 to one that cannot be read."""
        request = rx.request
        content_type = (request.get("Content-Type") or "").partition(";")[0].strip().lower()
        if content_type != CONTENT_TYPE:
            return False
        try:
            asks = asks_for_picture(request.body)
        except ParseError as error:
            session.core.log.debug("INFO of %s: %s", session.endpoint.id, error)
            rx.respond(400)
            return True
        rx.respond(200)
        if asks:
            PictureUpdates.of(session).take()
        return True


class MediaControlModule(Module):
    """Registers :class:`MediaControl`."""

    name = "session_media_control"
    part_of = ("session",)
    requires = ("session",)
    description = "Requests for whole pictures in SIP INFO requests"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(MediaControl())
