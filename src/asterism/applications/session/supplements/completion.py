"""Call completion in calls: the ``cc_*`` options of endpoints, and what RFC 6910 has in INVITEs and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.registry import sessions
from asterism.applications.session.supplement import SessionSupplement
from asterism.applications.session.uac import OutgoingSession
from asterism.applications.session.uas import IncomingSession
from asterism.core.module import Module
from asterism.pbx.calls.completion.monitors import CCBS, CCNR
from asterism.pbx.calls.completion.parameters import DEFAULT, NAMES, Parameters, kept
from asterism.stack.errors import ParseError
from asterism.stack.headers import CallInfo, NameAddr
from asterism.stack.uri import Uri

if TYPE_CHECKING:
    from asterism.applications.session.session import Session
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.stack.message import Request, Response

PURPOSE = "call-completion"
MODES = {CCBS: "BS", CCNR: "NR"}
_SERVICES = {mode: service for service, mode in MODES.items()}


def parameters_of_endpoint(endpoint: Endpoint) -> Parameters:
    """An endpoint's options."""
    return Parameters(**{name: getattr(endpoint, name) for name in NAMES})


class CompletionOptions(SessionSupplement):
    """Gives a new channel its endpoint's options; ``CALLCOMPLETION`` changes them for that channel."""

    name = "completion_options"
    priority = 100
    methods = frozenset(("INVITE",))

    def concerns(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint has any."""
        return parameters_of_endpoint(endpoint) != DEFAULT

    def on_begin(self, session: Session) -> None:
        """The channel of a call that is to be made."""
        self._mark(session)

    def on_channel(self, session: Session, request: Request) -> None:
        """The channel of a call that has come."""
        self._mark(session)

    def _mark(self, session: Session) -> None:
        if session.channel is not None:
            kept(session.channel).parameters = parameters_of_endpoint(session.endpoint)


class NativeCompletion(SessionSupplement):
    """Offers completion to callers that ask by themselves, and notes what called parties offer: Call-Info (RFC 6910 5).

    The URI of an offer stands for the caller's failed call. A call that follows on being told goes to the URI that was
    told for it, or has an ``m`` parameter in its Request-URI.
    """

    name = "completion"
    priority = 900
    methods = frozenset(("INVITE",))

    def concerns(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint has a native policy."""
        return endpoint.cc_agent_policy == "native" or endpoint.cc_monitor_policy in ("native", "always")

    def on_begin(self, session: Session) -> None:
        """A call that is to be made may be one that its far end waits for."""
        channel = session.channel
        if channel is None or not isinstance(session, OutgoingSession):
            return
        monitor = channel.pbx.completion.recalled_by(channel)
        if monitor is None:
            return
        try:
            told = Uri.parse(monitor.recall_uri) if monitor.recall_uri else session.target
        except ParseError:
            told = session.target
        if told.scheme in ("sip", "sips"):
            session.target = told.with_params(m=MODES.get(monitor.service, "BS"))

    def on_channel(self, session: Session, request: Request) -> None:
        """A call that has come may be one that its caller was told to make."""
        if session.channel is not None and session.endpoint.cc_agent_policy == "native":
            session.channel.pbx.completion.calls_again(session.channel, request.uri.param("m") is not None)

    def on_incoming_response(self, session: Session, response: Response) -> None:
        """Note an offer."""
        channel = session.channel
        if channel is None or not isinstance(session, OutgoingSession) or not response.has("Call-Info"):
            return
        try:
            found = response.typed_all(CallInfo)
        except ParseError:
            return
        for info in found:
            if info.purpose == PURPOSE:
                mode = (info.param("m") or "").upper()
                service = _SERVICES.get(mode, CCBS if response.status in (486, 600) else CCNR)
                channel.pbx.completion.offered(channel, session.endpoint.id, info.value, service)
                return

    def on_outgoing_response(self, session: Session, response: Response) -> None:
        """Make an offer."""
        channel = session.channel
        if channel is None or not isinstance(session, IncomingSession) or 200 <= response.status < 300:
            return
        transaction = channel.pbx.completion.waiting(channel)
        if transaction is None or not transaction.monitors:
            return
        try:
            contact = NameAddr.parse(session.contact or session.profile.uas_contact(session.flow)).uri
        except ParseError:
            return
        busy = any(monitor.service == CCBS for monitor in transaction.monitors)
        mode = MODES[CCBS if busy else CCNR]
        uri = contact.replace(user=transaction.agent.token, params={"m": mode})
        response.add_header("Call-Info", f"<{uri}>;purpose={PURPOSE};m={mode}")


class CompletionOptionsModule(Module):
    """Registers :class:`CompletionOptions` and :class:`NativeCompletion`."""

    name = "session_completion"
    part_of = ("session",)
    requires = ("session",)
    description = "Call completion options of endpoints"

    def load(self, server: Any) -> None:
        """Register the supplements."""
        registry = sessions(server)
        registry.register_supplement(CompletionOptions())
        registry.register_supplement(NativeCompletion())
