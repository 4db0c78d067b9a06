"""Direct media: the peer of a session is told to send to another peer, and back, by re-INVITE or UPDATE.

The bridge says who is to send where (:mod:`asterism.pbx.bridges.direct`). Here is what a session makes of that: its
next description names the other peer's address and ports, in ``c=`` and ``m=``, and what that peer understands; the
origin (``o=``) of an offer is this host's then. Every description of the session is made so as long as it lasts: an
answer to the peer's hold, an offer of the session timer. What the peer has agreed to is kept for each stream
(``MediaStream.sends_to``).

A refusal ends it for the rest of the call: both peers send here again, and the call goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from asterism.applications.session.identity import address_towards
from asterism.applications.session.state import SessionState
from asterism.applications.session.uac import OutgoingSession
from asterism.media.payload_types import PayloadTypes
from asterism.sip.objects.acl import NamedAcl
from asterism.stack.sdp import Connection, MediaDescription

if TYPE_CHECKING:
    from asterism.applications.session.sdp_handler import MediaStream
    from asterism.applications.session.session import Session
    from asterism.pbx.channels.technology import DirectMedia, MediaTarget

_ELSEWHERE = {4: "192.0.2.1", 6: "2001:db8::1"}
"""Addresses outside of every network of this host (RFC 5737, RFC 3849): the way to them is the default route."""


class Place(NamedTuple):
    """The address that a stream's peer is to send to, and the payload types understood there."""

    kind: str
    host: str
    port: int
    types: PayloadTypes


def shared_types(sent: PayloadTypes, target: PayloadTypes) -> PayloadTypes | None:
    """Payload types that one peer may send and the other understands under the same numbers.

    ``None`` if the preferred codec is not among them, or if one does not understand the digits of the other: the media
    has to be translated here then.
    """
    if not sent.formats or sent.formats[0] not in target.formats:
        return None
    formats = tuple(one for one in sent.formats if one in target.formats)
    rates = {one.clock_rate for _, one in formats}
    events = tuple(one for one in sent.events if one in target.events)
    wanted = [one for one in sent.events if one[0] in rates] or sent.events
    if bool(sent.events) != bool(target.events) or not set(wanted) <= set(events):
        return None
    return PayloadTypes(formats, events)


def may_send(session: Session, peer: DirectMedia) -> bool:
    """Whether the session's peer may send to ``peer``: the options allow it, and each stream fits."""
    endpoint = session.endpoint
    if not endpoint.direct_media or (session.direct is not None and session.direct.barred):
        return False
    targets = peer.media_targets
    streams = [one for one in session.media.streams if one is not None and one.target is not None]
    if not targets or not streams:
        return False
    if endpoint.disable_direct_media_on_nat and any(one.behind_nat for one in streams):
        return False
    own = [one.target for one in streams if one.target is not None]
    if any((":" in one.host) != (":" in other.host) for one in own for other in targets):
        return False
    if not all(_permitted(session, one.host) for one in targets):
        return False
    pairs = _pairs(streams, targets)
    return bool(pairs) and all(_place(one, target) is not None for one, target in pairs)


def targets_of(session: Session) -> tuple[MediaTarget, ...]:
    """The addresses at which the session's peer receives; none once the session is over."""
    if session.state is SessionState.ENDED:
        return ()
    return tuple(one.target for one in session.media.streams if one is not None and one.target is not None)


def _pairs(
    streams: Sequence[MediaStream | None], targets: Sequence[MediaTarget]
) -> list[tuple[MediaStream, MediaTarget]]:
    """Each stream with the target of its type that has the same place among those; streams without one are left out."""
    left = list(targets)
    found = []
    for stream in streams:
        if stream is None or stream.target is None:
            continue
        target = next((one for one in left if one.kind == stream.type), None)
        if target is not None:
            left.remove(target)
            found.append((stream, target))
    return found


def _place(stream: MediaStream, target: MediaTarget) -> Place | None:
    types = shared_types(stream.peer_types, target.types)
    return None if types is None else Place(target.kind, target.host, target.port, types)


def _permitted(session: Session, host: str) -> bool:
    """Whether media may go between the endpoint and an address without passing here."""
    endpoint = session.endpoint
    if not endpoint.direct_media_rules.allows(host):
        return False
    for name in endpoint.direct_media_acl:
        named = session.core.data.get(NamedAcl, name)
        if not isinstance(named, NamedAcl) or not named.address_rules.allows(host):
            return False
    return True


class DirectLeg:
    """Directs the media of the peer of one session.

    Attributes:
        peer: whose far end it is to send to; ``None``: here.
        barred: it has refused to, and is not asked again.
    """

    __slots__ = (
        "_answered", "_forced", "_open", "_refused", "_scheduled", "_told", "_wanted", "barred", "peer", "session",
    )  # fmt: skip

    def __init__(self, session: Session) -> None:
        self.session = session
        self.peer: DirectMedia | None = None
        self.barred = False
        self._wanted: tuple[MediaTarget, ...] = ()
        self._told: tuple[Place, ...] = ()
        """The addresses that the peer last agreed to."""
        self._open: tuple[Place, ...] = ()
        """The addresses in our open offer."""
        self._refused: tuple[Place, ...] | None = None
        self._answered = False
        """Whether the peer has made an offer since it was first told."""
        self._forced = False
        self._scheduled = False

    @property
    def _stays(self) -> bool:
        """Whether ``direct_media_glare_mitigation`` leaves it to the other leg to move."""
        mitigation = self.session.endpoint.direct_media_glare_mitigation
        return mitigation == ("outgoing" if isinstance(self.session, OutgoingSession) else "incoming")

    def send_to(self, peer: DirectMedia | None) -> None:
        """See :class:`~asterism.pbx.channels.technology.DirectMedia`; told in the next turn of the loop or later.

        A leg that glare mitigation leaves where it is gets its re-INVITE all the same when the other one comes back, as
        in Asterisk 22.
        """
        if peer is None and self.peer is not None and self._stays:
            self._forced = True
        self.peer = peer
        self._wanted = () if peer is None or self._stays else tuple(peer.media_targets)
        channel = self.session.channel
        if not self._scheduled and self.untold and channel is not None:
            self._scheduled = True
            channel.pbx.loop.call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        self.session.work.push(self.flush)

    # What descriptions say.

    def _places(self) -> list[tuple[MediaStream, Place]]:
        pairs = ((one, _place(one, target)) for one, target in _pairs(self.session.media.streams, self._wanted))
        return [(one, place) for one, place in pairs if place is not None]

    def place_for(self, stream: MediaStream) -> Place | None:
        """The address in our next description that the peer is to send a stream to; ``None``: here."""
        return next((place for one, place in self._places() if one is stream), None)

    def connect(self, sections: Sequence[tuple[MediaStream | None, MediaDescription]], common: str) -> str:
        """Write the streams' addresses into their sections where they are not those of the whole; that one.

        ``common`` is what stands there when all streams come here.
        """
        placed = [one.placed for one, _ in sections if one is not None and one.placed is not None]
        self._open = tuple(placed)
        if not placed:
            return common
        whole = placed[0].host
        for stream, section in sections:
            if stream is None or not section.port:
                continue
            if stream.placed is not None:
                host = stream.placed.host
                section.connection = None if host == whole else _connection(host)
            elif section.connection is None:
                section.connection = _connection(common)
        return whole

    def origin(self) -> str:
        """The address in ``o=`` of our next offer: this host's own while media goes elsewhere, as in Asterisk 22.

        After an offer of the peer's it changes no more. A ``media_address``, or that outside of a NAT, is told instead:
        it was set for the peer not to see ours.
        """
        session = self.session
        found = session.media_address
        if not self._open or self._answered or found != session.local_address:
            return found
        return address_towards(_ELSEWHERE[6 if ":" in found else 4], 9)

    def agreed(self, by_us: bool = False) -> None:
        """Our description was answered, or was an answer (``by_us``): what it says holds."""
        self._answered = self._answered or by_us
        self._told = self._open
        for stream in self.session.media.streams:
            if stream is not None:
                before, stream.sends_to = stream.sends_to, stream.placed
                if (before is None) != (stream.sends_to is None):
                    stream.moved(self.session)

    def roll_back(self) -> None:
        """Our offer came to nothing."""
        self._open = self._told
        for stream in self.session.media.streams:
            if stream is not None:
                stream.placed = stream.sends_to

    # Our re-INVITE or UPDATE.

    @property
    def untold(self) -> bool:
        """Whether the peer is to send elsewhere than it was told last."""
        if self._forced:
            return True
        wanted = tuple(place for _, place in self._places())
        return wanted != self._told and wanted != self._refused

    @property
    def moving(self) -> bool:
        """Whether our open offer has the peer send elsewhere than before."""
        return self._open != self._told

    @property
    def going_away(self) -> bool:
        """Whether it has the peer send to the other one: a peer that does not answer to that may be here still."""
        return self.moving and bool(self._open)

    def flush(self) -> None:
        """Tell the peer if there is something to tell, and it can be told now."""
        session = self.session
        if session.state is not SessionState.CONFIRMED or session.refreshing is not None or not self.untold:
            return
        update = session.endpoint.direct_media_method == "update"
        if not update and self.peer is not None and not self.peer.settled:
            return  # the other one's acknowledgement comes first
        self._forced = False
        session.refresh("UPDATE" if update else "INVITE", lambda: self.untold)

    def acknowledged(self) -> None:
        """The peer has acknowledged our 2xx: it can be told now, and so can the one that waited for that."""
        self.flush()
        if self.peer is not None:
            self.session.media_changed()

    def refused(self, reason: str) -> None:
        """The peer did not take our offer, which was to move its media; ``reason`` for the log."""
        session = self.session
        places = tuple(place for _, place in self._places())
        session.core.log.info("%s goes on sending media as before (%s)", session.endpoint.id, reason)
        self._refused = places
        if places:
            self.barred = True
            self._wanted = ()
            session.media_changed()

    def coming_home(self) -> bool:
        """Whether the peer is being told to send here again, and should hear that before the call ends."""
        if self.peer is not None:
            return False
        self.flush()
        refreshing = self.session.refreshing
        return refreshing is not None and refreshing.under_way


def _connection(host: str) -> Connection:
    return Connection("IP6" if ":" in host else "IP4", host)
