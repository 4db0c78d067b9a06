"""The SIP service of sessions: takes INVITEs that begin a call."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from asterism.applications.session.descriptions import description_of, not_understood
from asterism.applications.session.refused_offers import why_refused
from asterism.applications.session.replaces import Refusal, begin, forbidden, read, replaced_by
from asterism.applications.session.testing_aids import tell_end
from asterism.applications.session.uas import IncomingSession
from asterism.core.containment import attempt
from asterism.hostport import format_host_port
from asterism.pbx.calls.overlap import dial_on
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.sip.decision import Decision, Outcome
from asterism.sip.service import Service
from asterism.stack.dialog import Dialog
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from asterism.applications.session.identity import EndpointProfile
    from asterism.applications.session.registry import Sessions
    from asterism.applications.session.session import Session
    from asterism.applications.session.technology import SessionTechnology
    from asterism.pbx.assembly.pbx import Pbx
    from asterism.pbx.channels.channel import Channel
    from asterism.sip.core import SipCore
    from asterism.sip.rx import Rx
    from asterism.stack.headers import Replaces
    from asterism.stack.sdp import SessionDescription


NO_CODECS = "the endpoint allows no codec: it needs 'allow'"


class Call(NamedTuple):
    """An INVITE as it was evaluated, before anything is changed."""

    profile: EndpointProfile
    context: str
    extension: str
    offer: SessionDescription | None
    code: Callable[[Channel], Awaitable[None]] | None
    """Runs on the channel instead of the dialplan, if the extension is a code valid in every context."""
    replaces: Session | Refusal | None = None
    """The call whose place it takes, if it names one, or why it does not."""


class SessionService(Service):
    """Begins incoming sessions."""

    name: ClassVar[str] = "session"
    priority: ClassVar[int] = 500
    methods: ClassVar[frozenset[str]] = frozenset(("INVITE",))
    methods_in_dialogs: ClassVar[frozenset[str]] = frozenset(
        ("ACK", "BYE", "CANCEL", "UPDATE", "PRACK", "MESSAGE", "INFO")
    )
    types: ClassVar[frozenset[str]] = frozenset(("application/sdp",))

    def __init__(self, core: SipCore, pbx: Pbx, registry: Sessions, technology: SessionTechnology) -> None:
        self._core = core
        self._pbx = pbx
        self._registry = registry
        self._technology = technology

    def extensions(self) -> frozenset[str]:
        """Option tags that the supplements support."""
        return frozenset(self._registry.supported.lower().split(", "))

    def evaluate(self, rx: Rx) -> Decision | None:
        """Whether the call can begin: Contact, body, extension, codecs."""
        endpoint = rx.endpoint
        if endpoint is None:
            return None
        request = rx.request
        try:
            if len(request.contacts) != 1:
                return Decision(Outcome.REJECT, "an INVITE needs exactly one Contact", 400)
            offer = description_of(request)
            replaces = None if request.get("Replaces") is None else read(request)
        except ParseError as error:
            return Decision(Outcome.REJECT, error.message, error.status)
        where = f"endpoint {endpoint.id}"
        extension = self._extension(rx)
        context, habits = endpoint.context, endpoint.habits
        if habits.domains:
            domain = request.uri.host.lower()
            if domain not in habits.domains and not habits.foreign_domains:
                return Decision(Outcome.REJECT, f"{domain} is no domain of this server", 404, where, endpoint.position)
            context = habits.domains.get(domain) or context
        dialplan = self._pbx.dialplan
        code = None if replaces is not None else self._pbx.codes.get(extension)
        if replaces is None and code is None and not dialplan.exists(context, extension):
            overlap = endpoint.overlap_context or context
            if endpoint.allow_overlap and dialplan.table.matches_more(overlap, extension):
                return Decision(Outcome.REJECT, f"extension {extension} is incomplete", 484, where, endpoint.position)
            if not endpoint.overlap_by_tones or not dialplan.table.matches_more(overlap, extension):
                reason = f"no extension {extension} in context {context}"
                return Decision(Outcome.REJECT, reason, 404, where, endpoint.position)
            code = partial(dial_on, overlap)
        profile = self._registry.profiles.of(endpoint)
        if not any(profile.formats_of.values()):
            return Decision(Outcome.REJECT, NO_CODECS, 488, where, endpoint.position)
        if offer is not None and not self._acceptable(profile, offer):
            reason = f"no stream of its offer can be taken: {why_refused(profile, offer)}"
            return Decision(Outcome.REJECT, reason, 488, where, endpoint.position)
        busy = self._pbx.refusal()
        if busy:
            return Decision(Outcome.REJECT, busy, 503, where)
        if replaces is not None:
            return self._replacing(rx, replaces, Call(profile, context, extension, offer, None))
        reason = f"extension {extension} in context {context}"
        return Decision(
            Outcome.TAKE, reason, 0, where, endpoint.position, Call(profile, context, extension, offer, code)
        )

    def _replacing(self, rx: Rx, replaces: Replaces, call: Call) -> Decision:
        endpoint = call.profile.endpoint
        found = forbidden(rx) or replaced_by(self._core, self._registry, replaces)
        call = call._replace(replaces=found)
        where = f"endpoint {endpoint.id}"
        if isinstance(found, Refusal):
            return Decision(Outcome.REJECT, found.reason, found.status, where, endpoint.position, call)
        reason = f"in the place of {found.channel.name if found.channel is not None else 'a call'}"
        return Decision(Outcome.TAKE, reason, 0, where, endpoint.position, call)

    def _extension(self, rx: Rx) -> str:
        user = rx.request.uri.user
        if user and self._core.state.ignore_uri_user_options:
            user = user.partition(";")[0]
        return user or "s"

    def _acceptable(self, profile: EndpointProfile, offer: SessionDescription) -> bool:
        handlers = self._registry.handlers
        log = self._core.log
        for media in offer.media:
            for handler in handlers.get(media.media.lower(), ()):
                if handler.limit and not getattr(profile.endpoint, handler.limit):
                    continue
                name = f"accepts of SDP handler '{handler.name}'"
                if attempt(log, name, False, handler.accepts, profile, offer, media):
                    return True
        return False

    def apply(self, decision: Decision, rx: Rx) -> None:
        """Refuse the call, or make session and channel and start the dial plan."""
        if decision.outcome is Outcome.TAKE:
            self._begin(rx, decision.data)
            return
        headers: tuple[tuple[str, str], ...] = ()
        no_codecs = decision.reason is NO_CODECS
        self._tell(decision, rx)
        if rx.endpoint is not None and self._core.test_events.wanted and not isinstance(decision.data, Call):
            tell_end(self._core.test_events, rx.endpoint.id)
        if isinstance(decision.data, Call):
            self._begin(rx, decision.data)  # as in Asterisk 22, a call that may replace none is refused as a channel
            return
        if no_codecs:
            rx.respond(100)  # as Asterisk 22 does, before the 488
        elif decision.status == 415:
            headers = not_understood(rx.request)
        elif decision.status == 400:
            text = decision.reason.replace("\\", "").replace('"', "'")
            headers = (("Warning", f'399 SIP "{text}"'),)
        rx.respond(decision.status, headers=headers)

    def _tell(self, decision: Decision, rx: Rx) -> None:
        """Log why a call of a known endpoint is refused: its owner sees only a status."""
        log, endpoint, flow = self._pbx.log, rx.endpoint, rx.flow
        if decision.status == 404 and endpoint is not None:
            log.notice(
                "%s: Call (%s:%s) to extension '%s' rejected because extension not found in context '%s'.",
                endpoint.id, flow.transport, format_host_port(*flow.remote), self._extension(rx), endpoint.context,
            )  # fmt: skip
        elif decision.status == 488 and endpoint is not None:
            log.warning(
                "%s: Call (%s:%s) to extension '%s' refused: %s",
                endpoint.id, flow.transport, format_host_port(*flow.remote), self._extension(rx), decision.reason,
            )  # fmt: skip
        elif decision.status == 503:
            log.warning("a call from %s is refused: %s", decision.object, decision.reason)
        else:
            log.notice(
                "a call from %s is refused with %d: %s",
                decision.object or (f"endpoint {endpoint.id}" if endpoint is not None else "nobody known"),
                decision.status,
                decision.reason,
            )

    def _begin(self, rx: Rx, call: Call) -> None:
        core, registry, profile = self._core, self._registry, call.profile
        endpoint = profile.endpoint
        technology = registry.technologies.get(endpoint.habits.technology, self._technology)
        transaction = rx.transaction_for()
        # Made before the session, for it may refuse the INVITE (ParseError, answered by the core).
        hops = rx.request.max_forwards
        contact = profile.uas_contact(rx.flow, call.extension)
        dialog = Dialog.uas(rx.request, transaction.to_tag, contact)
        session = IncomingSession(
            core, registry, endpoint, profile, rx, core.create_work(f"session/{endpoint.id}"), call.offer
        )
        session.dialog = dialog
        session.contact = contact
        transaction.user = session
        core.dialogs.add(dialog, session, session.work, endpoint)
        try:
            for callback in profile.callbacks["on_begin"]:
                callback(session)
            for callback in profile.callbacks["on_incoming_request", "INVITE"]:
                if callback(session, rx):
                    session.terminate()
                    return
            rx.send(rx.make_response(100))
            session.channel = channel = self._pbx.create_channel(
                technology,
                profile.device or technology.device_of_caller(endpoint, rx.request),
                technology.driver(session),
                state=ChannelState.DOWN if technology.begins_down else ChannelState.RING,
                caller=session.caller,
                context=call.context,
                exten=call.extension,
                accountcode=endpoint.accountcode,
                language=endpoint.language,
                dialed=call.extension,
                variables=None if technology.begins_down else profile.variables,
            )
            channel.tenantid = endpoint.tenantid
            channel.tone_zone = endpoint.tone_zone
            channel.hops = hops
            if not technology.begins_down:
                channel.set_variable("SIPDOMAIN", rx.request.uri.host)
            for callback in profile.callbacks["on_channel"]:
                callback(session, rx.request)
            if technology.begins_down:
                self._pbx.give_variables(channel, profile.variables)
                channel.set_state(ChannelState.RING)
        except BaseException:
            if session.channel is not None:
                session.channel.hang_up()
            session.terminate()
            raise
        if profile.groups:
            profile.put_in_groups(channel)
        for one in registry.gathering:
            if one.context.gathers and (waiting := one.before(session, call.offer)) is not None:
                registry.run(self._start_later(waiting, session, channel, call))
                return
        if call.replaces is not None:
            begin(session, channel, call.replaces)
        else:
            self._pbx.start(channel, call.code)

    async def _start_later(
        self, waiting: Awaitable[None], session: IncomingSession, channel: Channel, call: Call
    ) -> None:
        """Start the dialplan when our candidates are known. A caller that gave up meanwhile is seen by it at once."""
        await waiting
        if call.replaces is not None:
            begin(session, channel, call.replaces)
        else:
            self._pbx.start(channel, call.code)
