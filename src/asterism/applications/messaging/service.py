"""The SIP service that takes MESSAGE outside dialogs."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from asterism.applications.messaging.addresses import plain
from asterism.pbx.messaging.message import Message
from asterism.pbx.messaging.queue import Delivery
from asterism.sip.decision import Decision, Outcome
from asterism.sip.identifiers.lookup import user_part
from asterism.sip.service import Service
from asterism.stack.errors import ParseError
from asterism.stack.headers import NameAddr

if TYPE_CHECKING:
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx
    from asterism.stack.message import Request

MAX_BODY = 16384
"""Largest accepted body, in bytes."""
PREFIX = "pjsip"
"""Prefix of destinations."""


class MessageService(Service):
    """Gives messages of known endpoints to the dialplan; the answer says that they were taken, not more."""

    name: ClassVar[str] = "messaging"
    priority: ClassVar[int] = 70
    methods: ClassVar[frozenset[str]] = frozenset({"MESSAGE"})
    types: ClassVar[frozenset[str]] = frozenset({"text/plain"})

    def __init__(self, core: SipCore, pbx: Pbx) -> None:
        self._core = core
        self._pbx = pbx

    def evaluate(self, rx: Rx) -> Decision | None:
        """Whether it is a text, for an extension in the endpoint's ``message_context`` (or ``context``)."""
        endpoint = rx.endpoint
        if endpoint is None:
            return None
        request = rx.request
        where = f"endpoint {endpoint.id}"
        refusal = endpoint.habits.message_refusal
        if refusal is not None:
            return Decision(
                Outcome.REJECT, "it sends no messages outside of calls", refusal.status, where, endpoint.position
            )
        try:
            unsuitable = _unsuitable(request)
            from_, to, hops = request.from_, request.to, request.max_forwards
        except ParseError as error:
            return Decision(Outcome.REJECT, error.message, 400, where, endpoint.position)
        if unsuitable:
            return Decision(Outcome.REJECT, unsuitable, 415, where, endpoint.position)
        # A body without a type is none (RFC 3261 7.4.1).
        body = request.body if request.has("Content-Type") else b""
        if len(body) > MAX_BODY:
            return Decision(Outcome.REJECT, f"the text has more than {MAX_BODY} bytes", 413, where, endpoint.position)
        context = endpoint.message_context or endpoint.context
        user = request.uri.user
        exten = (user_part(user) if self._core.state.ignore_uri_user_options else user) or "s"
        place = f"extension {exten} in context {context}"
        if not self._pbx.dialplan.exists(context, exten):
            return Decision(Outcome.REJECT, f"no {place}", 404, where, endpoint.position)
        if self._pbx.messages.full(endpoint.id):
            return Decision(Outcome.REJECT, "too many messages wait", 503, where)
        habits = endpoint.habits
        message = Message(
            str(NameAddr(from_.display, plain(from_.uri, habits.own_number))),
            f"{habits.message_prefix}:{str(plain(to.uri, habits.own_number)).partition(':')[2]}",
            body.decode("utf-8", "surrogateescape"),
        )
        message.hops = hops
        for name, value in request.headers:
            message.add_received(name, value)
        delivery = Delivery(message, context, exten, endpoint.language, endpoint.accountcode, endpoint.id)
        return Decision(Outcome.TAKE, place, 202, where, endpoint.position, delivery)

    def apply(self, decision: Decision, rx: Rx) -> None:
        """Answer, and run the dialplan."""
        if decision.outcome is not Outcome.TAKE:
            headers: tuple[tuple[str, str], ...] = ()
            if decision.status == 415:
                headers = (("Accept", "text/plain"), ("Accept-Encoding", "identity"))
            elif decision.status == 503:
                headers = (("Retry-After", "5"),)
            rx.respond(decision.status, headers=headers)
            return
        rx.respond(202)
        self._pbx.messages.submit(decision.data)


def _unsuitable(request: Request) -> str:
    """The reason why a body is not accepted; empty if it is, or if there is no body or one without a type."""
    if (request.get("Content-Encoding") or "identity").strip().lower() != "identity":
        return "the body is encoded"
    media = request.content_type
    if media is None:
        return ""
    kind = f"{media.type}/{media.subtype}".lower()
    return "" if kind == "text/plain" else f"a body of type {kind} is no plain text"
