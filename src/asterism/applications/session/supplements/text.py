"""Texts within a call (MESSAGE in the dialog): for those that the channel is bridged with, or ReceiveText."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.module import Module
from asterism.pbx.bridges.texts import pass_text
from asterism.pbx.channels.texting import take_text

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.rx import Rx

_MAX_BYTES = 16384


class Text(SessionSupplement):
    """Takes MESSAGE requests of a call."""

    name = "text"
    methods = frozenset(("MESSAGE",))

    def on_incoming_request(self, session: Session, rx: Rx) -> bool:
        """Answer 202 when the other party takes the text, 480 when there is no other party."""
        request = rx.request
        content_type = request.get("Content-Type")
        # A body without a type is none.
        body = b"" if content_type is None else request.body
        if content_type is not None and content_type.partition(";")[0].strip().lower() != "text/plain":
            rx.respond(415, headers=(("Accept", "text/plain"),))
        elif len(body) > _MAX_BYTES:
            rx.respond(413)
        elif self._pass_on(session, body.decode("utf-8", "surrogateescape")):
            rx.respond(202)
        else:
            rx.respond(480)
        return True

    def _pass_on(self, session: Session, text: str) -> bool:
        channel = session.channel
        if channel is None:
            return False
        if channel.bridge is None:
            return take_text(channel, text)
        return pass_text(channel, text)


class TextModule(Module):
    """Registers :class:`Text`."""

    name = "session_text"
    part_of = ("session",)
    requires = ("session",)
    description = "Text messages within calls"

    def load(self, server: Any) -> None:
        """Register the supplement."""
        sessions(server).register_supplement(Text())
