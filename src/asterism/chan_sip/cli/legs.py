"""The dialogs of ``sip.conf``'s peers, put together: what was seen on the wire, calls and subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

from asterism.applications.pubsub.bodies.message_summary import TYPE as SUMMARY
from asterism.applications.pubsub.outbound.objects import OutboundSubscription
from asterism.applications.pubsub.packages.extension_state import ExtensionInfo
from asterism.applications.session.uac import OutgoingSession
from asterism.applications.session.uas import IncomingSession
from asterism.chan_sip import registry
from asterism.chan_sip.channels import peer_named_by
from asterism.chan_sip.dialogs import SeenDialog, Told
from asterism.chan_sip.habits import TECHNOLOGY
from asterism.chan_sip.objects.general import SipGeneral, general_of
from asterism.chan_sip.translation.names import OWN
from asterism.media.rtp import RtpSession
from asterism.media.stream import AUDIO
from asterism.pbx.states.hints import STATE_TEXTS
from asterism.sip.objects.endpoint import Endpoint

if TYPE_CHECKING:
    from asterism.applications.outbound_registration.table import OutboundRegistrations
    from asterism.applications.pubsub.incoming import IncomingSubscription
    from asterism.applications.pubsub.outbound.subscription import OutgoingSubscription
    from asterism.applications.pubsub.registry import PubSub
    from asterism.applications.session.registry import Sessions
    from asterism.applications.session.session import Session
    from asterism.chan_sip.dialogs import SipDialogs
    from asterism.chan_sip.peers import Peers
    from asterism.data.data import Data
    from asterism.media.statistics import Quality

GUEST = "<guest>"


def of_sip(endpoint: Endpoint | None) -> bool:
    """Whether an endpoint is of ``sip.conf``."""
    return endpoint is not None and endpoint.habits.technology == TECHNOLOGY


class Leg:
    """One dialog.

    Attributes:
        call_id: its Call-ID.
        seen: what was seen of it, ``None`` where it began before that was watched.
        session: its call.
        incoming: the subscription made at this server.
        outgoing: the subscription made by this server.
        peer: the name of the peer that it asks whether it answers.
    """

    def __init__(
        self,
        call_id: str,
        seen: SeenDialog | None,
        session: Session | None = None,
        incoming: IncomingSubscription | None = None,
        outgoing: OutgoingSubscription | None = None,
    ) -> None:
        self.call_id = call_id
        self.seen = seen
        self.session = session
        self.incoming = incoming
        self.outgoing = outgoing
        self.peer = ""

    @property
    def is_subscription(self) -> bool:
        """Whether ``sip show subscriptions`` lists it."""
        return self.incoming is not None or self.outgoing is not None

    @property
    def remote(self) -> tuple[str, int]:
        """Where the peer is."""
        flow: Any = None
        for owner in (self.session, self.incoming, self.outgoing):
            if owner is not None and getattr(owner, "flow", None) is not None:
                flow = owner.flow
        if flow is not None:
            return str(flow.remote[0]), int(flow.remote[1])
        return ("", 0) if self.seen is None else self.seen.remote

    @property
    def last(self) -> str:
        """The last request."""
        return "" if self.seen is None else self.seen.last

    @property
    def endpoint(self) -> Endpoint | None:
        """Whose it is, where that is known."""
        for owner in (self.session, self.incoming, self.outgoing):
            if owner is not None:
                return owner.endpoint
        return None


class Legs:
    """Reads the registries of calls and subscriptions, and the table of what was seen; ``Owners`` of that table.

    ``registrations`` gives the registrations at other servers, ``None`` without that module.
    """

    def __init__(
        self,
        data: Data,
        peers: Peers,
        sessions: Sessions,
        pubsub: PubSub,
        registrations: Callable[[], OutboundRegistrations | None],
    ) -> None:
        self._data = data
        self._registrations = registrations
        self._peers = peers
        self._sessions = sessions
        self._pubsub = pubsub

    # For the table of dialogs.

    def _calls(self) -> dict[str, Session]:
        return {
            one.dialog.call_id: one
            for one in self._sessions.live
            if one.dialog is not None and of_sip(one.endpoint)
        }  # fmt: skip

    def _incoming(self) -> dict[str, IncomingSubscription]:
        return {one.call_id: one for one in self._pubsub if of_sip(one.endpoint)}

    def mailboxes(self) -> list[tuple[OutboundSubscription, OutgoingSubscription | None]]:
        """What ``mwi`` lines ask for, each with its subscription where there is one now."""
        found = {(one.target, one.options.get("mailbox", "")): one for one in self._pubsub.outgoing}
        return [
            (config, found.get((config.server_uri, config.mailbox)))
            for config in self._data.all(OutboundSubscription)
            if config.id.startswith(OWN)
        ]

    def _outgoing(self) -> dict[str, OutgoingSubscription]:
        return {found.call_id: found for _, found in self.mailboxes() if found is not None}

    def held(self) -> Collection[str]:
        """The Call-IDs of calls and subscriptions that stand."""
        return {*self._calls(), *self._incoming(), *self._outgoing()}

    def told(self, call_id: str) -> Told | None:
        """The subscription with a Call-ID, for its history."""
        found = self._incoming().get(call_id)
        if found is None:
            return None
        return Told(peer_named_by(found.endpoint), subscription_state(found), found.machine.seconds)

    # For listings.

    def all(self, dialogs: SipDialogs) -> Iterator[Leg]:
        """Every dialog of peers of ``sip.conf``, in the order in which they began."""
        calls, incoming, outgoing = self._calls(), self._incoming(), self._outgoing()
        table = self._registrations()
        registering = {one.identity.call_id for one in (registry.of_sip(table) if table else ())}
        located = self._peers.located()
        listed = set()
        for seen in dialogs:
            call_id = seen.call_id
            listed.add(call_id)
            leg = Leg(call_id, seen, calls.get(call_id), incoming.get(call_id), outgoing.get(call_id))
            at = located.get(seen.remote)
            if leg.session is None and not leg.is_subscription:
                if not seen.peer and not seen.incoming and seen.method == "OPTIONS" and at is not None:
                    leg.peer = at.name
                elif call_id not in registering and at is None and not self._is_ours(seen):
                    continue
            yield leg
        for call_id in dict.fromkeys((*calls, *incoming, *outgoing)):
            if call_id not in listed:
                yield Leg(call_id, None, calls.get(call_id), incoming.get(call_id), outgoing.get(call_id))

    def _is_ours(self, seen: SeenDialog) -> bool:
        """Whether a dialog that nobody has any more, or that is none, is of ``sip.conf`` rather than ``pjsip.conf``."""
        if seen.peer or self._peers.get(seen.to_user) is not None:
            return True
        found = self._data.get(Endpoint, seen.to_user) if seen.to_user else None
        return seen.incoming and not isinstance(found, Endpoint)

    def peer_of(self, leg: Leg) -> str:
        """The peer's name; ``<guest>`` for what is not known to be a peer's."""
        endpoint = leg.endpoint
        if endpoint is not None:
            name = peer_named_by(endpoint)
            return name if self._peers.get(name) or self._peers.user(name) else GUEST
        return leg.peer or (leg.seen.peer if leg.seen is not None else "") or GUEST

    def user_of(self, leg: Leg) -> str:
        """The user at the peer: of its Request-URI, or who it is registered as; ``(None)`` where there is none."""
        name = self.peer_of(leg)
        peer = self._peers.get(name)
        if leg.outgoing is not None:
            return leg.seen.to_user if leg.seen is not None else ""
        if leg.seen is not None and leg.session is None and not leg.is_subscription:
            if leg.seen.method == "REGISTER" and not leg.seen.incoming:
                return leg.seen.to_user
            return leg.seen.user or "(None)"
        if peer is not None:
            return self._peers.username(peer) or name
        if leg.session is not None and isinstance(leg.session, IncomingSession):
            return leg.session.request.from_.uri.user or "(None)"
        return name if name != GUEST else "(None)"

    @property
    def general(self) -> SipGeneral | None:
        """``[general]``."""
        return general_of(self._data)


def subscription_state(found: IncomingSubscription) -> str:
    """The extension's state that a subscriber was told last, ``<none>`` of what is no extension."""
    state = found.state
    return STATE_TEXTS.get(int(state.state), "<none>") if isinstance(state, ExtensionInfo) else "<none>"


def subscription_kind(leg: Leg) -> str:
    """``pidf+xml``, ``xpidf+xml``, ``dialog-info+xml``, ``mwi``, or the event."""
    if leg.incoming is None:
        return "mwi" if leg.outgoing is not None and leg.outgoing.subscriber.event == "message-summary" else ""
    generator = leg.incoming.generator
    content = generator.content_type if generator is not None else ""
    if content == SUMMARY:
        return "mwi"
    return content.rpartition("/")[2] or leg.incoming.notifier.event


def audio_of(session: Session | None) -> RtpSession | None:
    """The audio of a call."""
    port = None if session is None else session.media.port(AUDIO)
    return port if isinstance(port, RtpSession) else None


def quality_of(leg: Leg) -> Quality | None:
    """The figures of a call's audio, also just after its end."""
    audio = audio_of(leg.session)
    if audio is not None:
        return audio.quality
    return None if leg.seen is None else leg.seen.quality


def outgoing_call(session: Session) -> bool:
    """Whether we called."""
    return isinstance(session, OutgoingSession)
