"""T.38 in a session: the peer's re-INVITE to it is held until the channel has answered, and ours are sent.

RFC 3261 14.2 lets a re-INVITE be answered late. Until then the transaction waits with 100, other offers are refused by
:class:`~asterism.stack.sdp.exchange.OfferAnswer`, and audio goes on. An UPDATE has to be answered at once (RFC 3311
5.2): it gets 504 where the channel does not, and the peer may send a re-INVITE. Who decides is
:mod:`asterism.pbx.channels.t38`; how a section looks is :mod:`.sdp_handlers.t38`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from asterism.applications.session.state import SessionState
from asterism.applications.session.switching import StreamSwitch
from asterism.applications.session.t38_sections import is_fax
from asterism.media.stream import AUDIO, IMAGE
from asterism.pbx.channels.fax_tone import expects_request, goes_to_fax
from asterism.pbx.channels.t38 import T38State, known_t38, t38_of
from asterism.stack.sdp.exchange import Message, Side

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.applications.session.sdp_handlers.t38 import T38Stream
    from asterism.applications.session.session import Session
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.t38 import T38Parameters
    from asterism.sip.rx import Rx
    from asterism.stack.sdp import MediaDescription, SessionDescription
    from asterism.stack.transactions.server import ServerTransaction

NAME = "t38"
"""Where ``session.datastores`` keeps it."""


class _Held(NamedTuple):
    """A request of the peer that is not answered."""

    rx: Rx
    description: SessionDescription
    answer: Callable[[Session, Rx, SessionDescription], None]
    channel: Channel
    """Who was asked."""


class SessionT38:
    """What one session has of T.38.

    Attributes:
        session: whose it is.
        stream: the open stream of T.38, with terms agreed on.
        accepting: the terms that the channel has accepted the peer's offer with, while that is answered.
        wanted: the terms of a request of ours that the peer has not answered.
    """

    __slots__ = ("_ending", "_held", "_inside", "_told", "accepting", "session", "stream", "wanted")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.stream: T38Stream | None = None
        self.accepting: T38Parameters | None = None
        self.wanted: T38Parameters | None = None
        self._held: _Held | None = None
        self._inside = False
        """Whether the channel is just being told, so that its answer comes within the session's work."""
        self._ending = False
        """Whether our request for audio is not answered."""
        self._told = False
        """Whether the channel knows of the stream."""

    # The peer's request.

    def hold(
        self,
        rx: Rx,
        description: SessionDescription,
        asked: T38Parameters,
        answer: Callable[[Session, Rx, SessionDescription], None],
    ) -> None:
        """Keep the peer's request and ask the channel; in the end ``answer`` answers it, with or without T.38."""
        session, channel = self.session, self.session.channel
        assert channel is not None
        late = rx.request.method == "INVITE"
        if late:
            rx.transaction_for().user = session
        self._held = _Held(rx, description, answer, channel)
        self._inside = True
        try:
            wanted = _wants_t38(session) or expects_request(channel)
            if late:
                t38_of(channel).requested(asked, keep=goes_to_fax(channel, wanted))
            elif t38_of(channel).user is not None:
                t38_of(channel).requested(asked)
            elif channel.bridge is None and not wanted:
                self.answer(None)  # nobody could be asked
        finally:
            self._inside = False
        if self._held is not None and late:
            rx.send(rx.make_response(100))
        elif self._held is not None:
            self._drop(504)
            t38_of(channel).withdrawn()

    def answer(self, parameters: T38Parameters | None) -> None:
        """The channel has answered (``T38Driver``)."""
        if self._inside:
            self._answer(parameters)
        else:
            self.session.work.push(self._answer, parameters)

    def _answer(self, parameters: T38Parameters | None) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        # Who has accepted it may have lost the far end meanwhile, see ``moved``.
        self.accepting = parameters = parameters if held.channel is self.session.channel else None
        try:
            held.answer(self.session, held.rx, held.description)
        finally:
            self.accepting = None
        if self.stream is not None:
            self._pointless(IMAGE)
            self.told()
        elif parameters is not None and self.session.channel is not None:
            t38_of(self.session.channel).refused()

    def cancelled(self, transaction: ServerTransaction) -> None:
        """The peer cancels an INVITE, perhaps the one that is held, or whose answer is under way (RFC 3261 9.2)."""
        if self._held is not None and self._held.rx.transaction is transaction:
            self._drop(487)
            if self.session.channel is not None:
                t38_of(self.session.channel).withdrawn()

    def _drop(self, status: int) -> None:
        held, self._held = self._held, None
        if held is not None:
            update = held.rx.request.method == "UPDATE"
            self.session.offers.see(Side.US, Message.UPDATE_REFUSED if update else Message.INVITE_REFUSED)
            self.session.respond(held.rx, status)

    # Our requests.

    def request(self, parameters: T38Parameters) -> None:
        """Ask the peer for T.38 (``T38Driver``)."""
        self.session.work.push(self._request, parameters)

    def _request(self, parameters: T38Parameters) -> None:
        self.wanted, self._ending = parameters, False
        self._send(IMAGE)

    def end(self) -> None:
        """Ask the peer for audio, or take our request back (``T38Driver``)."""
        self.session.work.push(self._end)

    def _end(self) -> None:
        self.wanted = None
        media = self.session.media
        if self.stream is not None:
            self._ending = True
            self._send(AUDIO)
        elif media.switch is not None and not media.switch.offered:
            media.switch = None

    def _send(self, kind: str) -> None:
        session = self.session
        if session.media.switch is not None and session.media.switch.kind == kind:
            return  # it is on its way
        session.media.switch = StreamSwitch(kind)
        if session.state is SessionState.CONNECTING:
            session.media.due = True  # when our 2xx is acknowledged
        elif not session.refresh("INVITE", self._needed):
            session.media.switch = None
            self.offered()

    def _pointless(self, kind: str) -> None:
        """What we would ask for is there by the peer's own offer."""
        media = self.session.media
        if media.switch is not None and media.switch.kind == kind and not media.switch.offered:
            media.switch = None
            self.wanted = None

    def _needed(self) -> bool:
        return self.session.media.switch is not None

    def offered(self) -> None:
        """A request of ours is through, or has become pointless: tell the channel what has become of it."""
        if self.session.media.switch is not None:
            return  # it is still to be sent
        ending, self._ending = self._ending, False
        wanted, self.wanted = self.wanted, None
        channel = self.session.channel
        if channel is None:
            return
        if wanted is not None and self.stream is None:
            t38_of(channel).refused()
        elif ending and self.stream is not None:
            self.session.core.log.info("%s does not go back to audio from T.38", self.session.endpoint.id)
        elif self.stream is not None and not self._told and wanted is None:
            self._end()  # nobody waits for it any more
        elif wanted is not None or ending:
            self.told()

    # What has become of it.

    def told(self) -> None:
        """Have the channel know of the stream that there is, or that there is none any more."""
        session, stream = self.session, self.stream
        channel = session.channel
        if channel is None:
            return
        if stream is not None:
            self._told = True
            session.media_changed()
            t38_of(channel).negotiated(stream.theirs)
        elif self._told:
            self._told = False
            session.media_changed()
            t38_of(channel).ended()

    def moved(self, before: Channel) -> None:
        """The session is the far end of another channel now; the one before hears that its fax is over."""
        before.pbx.loop.call_soon(self._moved, before)

    def _moved(self, before: Channel) -> None:
        there = known_t38(before)
        if there is not None and getattr(before.driver, "t38_port", None) is None:
            there.withdrawn()
            there.ended()
        self.answer(None)
        channel = self.session.channel
        if channel is not None and self.stream is not None:
            t38_of(channel).negotiated(self.stream.theirs)
            t38_of(channel).check()

    def opened(self, stream: T38Stream) -> None:
        """A stream of T.38 has terms: from now on it is what the session has."""
        self.stream = stream

    def closed(self, stream: T38Stream) -> None:
        """A stream of T.38 is over; the channel is told once the offer is answered that ended it."""
        if stream is self.stream:
            self.stream = None
            self._pointless(AUDIO)
            channel = self.session.channel
            if channel is not None and self._told:
                channel.pbx.loop.call_soon(self._push_told)

    def _push_told(self) -> None:
        if self.stream is None and self.session.state is not SessionState.ENDED:
            self.session.work.push(self.told)

    def close(self) -> None:
        """The session is over."""
        self._drop(487)
        channel, self.stream = self.session.channel, None
        if channel is not None:
            t38_of(channel).ended()


def _wants_t38(session: Session) -> bool:
    """Whether the peer's request for T.38 sends the call to the extension ``fax``."""
    return session.endpoint.fax_detect and "t38" in session.endpoint.habits.fax_signs


def may_fax(session: Session) -> bool:
    """Whether the call may have T.38: it is allowed, and media need not be encrypted, as it never is."""
    endpoint, options = session.endpoint, session.profile.transport
    return bool(endpoint.t38_udptl) and (options.encryption == "no" or options.optimistic)


def session_t38(session: Session) -> SessionT38:
    """T.38 of a session."""
    found = session.datastores.get(NAME)
    if not isinstance(found, SessionT38):
        found = session.datastores[NAME] = SessionT38(session)
    return found


def t38_state(session: Session) -> str:
    """The state of T.38 in Asterisk's words: ``CHANNEL(pjsip,t38state)``, ``CHANNEL(t38)`` of ``SIP/``."""
    t38 = None if session.channel is None else known_t38(session.channel)
    if t38 is None:
        return "DISABLED"
    if t38.state is T38State.NEGOTIATING:
        return "LOCAL_REINVITE" if t38.asked is None else "REMOTE_REINVITE"
    return _STATES.get(t38.state, "DISABLED")


_STATES = {T38State.NEGOTIATED: "ENABLED", T38State.REJECTED: "REJECTED"}


def fax_section(description: SessionDescription) -> MediaDescription | None:
    """The first section of a description that offers T.38, ``None`` where none does."""
    for media in description.media:
        if media.media.lower() == IMAGE and media.port and is_fax(media):
            return media
    return None
