"""Carries out the requests of a channel to its far end in SIP (``ChannelDriver`` of the PBX)."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from asterism.applications.session.causes import CONGESTION, answer_of
from asterism.applications.session.destinations import addresses_of, referred
from asterism.applications.session.direct_media import DirectLeg, may_send, targets_of
from asterism.applications.session.items import item_named
from asterism.applications.session.outgoing_refer import NAME as OUTGOING_REFER
from asterism.applications.session.outgoing_refer import OutgoingRefer
from asterism.applications.session.state import BEFORE_ANSWER_STATES, SessionState
from asterism.applications.session.t38 import NAME as T38
from asterism.applications.session.t38 import may_fax, session_t38
from asterism.applications.session.uac import OutgoingSession
from asterism.applications.session.uas import IncomingSession
from asterism.media.stream import AUDIO
from asterism.pbx.channels.transfer import BAD_DESTINATION
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.party import Redirecting
from asterism.stack.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from asterism.applications.session.session import Session
    from asterism.media.stream import Agreed, AudioStream, Offered
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.security import Security
    from asterism.pbx.channels.t38 import T38Parameters, T38Port
    from asterism.pbx.channels.technology import DirectMedia, MediaTarget
    from asterism.pbx.channels.transfer import TransferOrder


class SessionDriver:
    """The far end of one SIP channel."""

    __slots__ = ("session",)

    def __init__(self, session: Session) -> None:
        self.session = session

    streams = property(attrgetter("session.media.streams"), doc="Those of the session.")
    offered = property(
        attrgetter("session.offered"),
        doc="The streams agreed or, before that, those that an answer to the peer's offer comes to.",
    )

    @property
    def first_offered(self) -> Offered:
        """The streams that the peer's call began with; those of now for a call of ours."""
        session = self.session
        return session.offered_streams(first=True) if isinstance(session, IncomingSession) else session.offered

    def attach(self, channel: Channel) -> None:
        """The session is the far end of another channel from now on."""
        session = self.session
        before, session.channel = session.channel, channel
        t38 = session.datastores.get(T38)
        if t38 is not None and before is not None:
            t38.moved(before)

    def call(self, timeout: float | None) -> bool | None:
        """Send the INVITE; the Dial that set ``timeout`` keeps it."""
        session = self.session
        if isinstance(session, OutgoingSession) and session.channel is not None:
            session.call(session.channel.connected)
        return None

    def answer(self) -> None:
        """Send 200."""
        session = self.session
        if isinstance(session, IncomingSession):
            session.answer()

    def audio_wanted(self) -> None:
        """Let a caller hear what comes before the answer, where that is wanted (``progress_on_audio``)."""
        session = self.session
        if session.endpoint.progress_on_audio and isinstance(session, IncomingSession) and not session.answered:
            session.progress()

    def indicate(self, condition: Control, data: object = None) -> bool:
        """Show a condition by a response where SIP has one for it."""
        session = self.session
        if condition is Control.CONNECTED_LINE:
            session.tell_connected()
            return True
        if condition in (Control.HOLD, Control.UNHOLD):
            session.held = condition is Control.HOLD
            if session.moh_passthrough and session.confirmed:
                session.refresh()
                return True
            return False
        if not isinstance(session, IncomingSession) or session.state not in BEFORE_ANSWER_STATES:
            return condition not in _TONES
        if condition is Control.RINGING:
            if session.endpoint.inband_progress:
                session.progress()
                return False
            session.ring()
        elif condition is Control.PROGRESS:
            session.progress()
        elif condition is Control.PROCEEDING:
            session.proceed()
        elif condition is Control.REDIRECTING:
            session.divert(data if isinstance(data, Redirecting) else None)
        elif condition is Control.BUSY:
            session.refuse(486, self._channel_cause())
        elif condition is Control.CONGESTION:
            session.refuse(503, self._channel_cause() or CONGESTION)
        elif condition is Control.INCOMPLETE:
            session.refuse(484, 28)
        return True

    def _channel_cause(self) -> int:
        """The hangup cause that a called leg left on the channel, 0 if none."""
        channel = self.session.channel
        return 0 if channel is None else channel.hangup_cause

    def hangup(self, cause: int) -> None:
        """BYE, CANCEL or a final response, whatever ends the leg."""
        session = self.session
        channel = session.channel
        if cause not in (0, 16) and channel is not None and not channel.tech_cause and not session.confirmed:
            # As in Asterisk 22, also where CANCEL says it and no response.
            channel.tech_cause = answer_of(cause, session.endpoint.habits).status
        session.hang_up(cause)

    def send_digit(self, digit: str, duration_ms: int) -> None:
        """Send a digit the way ``dtmf_mode`` says."""
        session = self.session
        mode = session.media.dtmf_mode or session.endpoint.dtmf_mode
        audio = session.media.port(AUDIO)
        if mode == "info" or (mode == "auto_info" and (audio is None or not audio.sends_events)):
            session.send_digit_info(digit, duration_ms)
        elif mode == "short_info":
            session.send_short_digit(digit)
        elif mode != "none" and audio is not None:
            audio.send_digit(digit, duration_ms)

    def send_text(self, text: str, content_type: str = "text/plain") -> bool:
        """Send an in-dialog MESSAGE."""
        session = self.session
        if not session.confirmed or session.refuses("MESSAGE"):
            return False
        session.send_request("MESSAGE", body=text.encode("utf-8", "surrogateescape"), content_type=content_type)
        return True

    def send_in_dialog(self, method: str, headers: Sequence[tuple[str, str]], body: bytes, content_type: str) -> bool:
        """Send a request and ignore its outcome; ``False`` while there is no confirmed dialog."""
        session = self.session
        if not session.confirmed:
            return False
        session.send_request(method, headers, body, content_type)
        return True

    def transfer(self, order: TransferOrder) -> None:
        """Send the peer elsewhere: by 302 before the answer, by REFER after it."""
        session, channel = self.session, self.session.channel
        if channel is None:
            order.done(0)
            return
        try:
            uris = addresses_of(session, channel, order)
        except ParseError as error:
            channel.pbx.log.notice("%s is not transferred: %s", channel.name, error.message)
            order.done(BAD_DESTINATION)
            return
        if session.confirmed and OUTGOING_REFER not in session.datastores and not session.bye_pending:
            OutgoingRefer(session, order, [referred(uri, session.endpoint.habits.refer_bare) for uri in uris]).start()
        elif isinstance(session, IncomingSession) and not session.answered and order.replaced is None:
            order.done(302)  # before the call ends by it: the outcome is known already
            session.redirect(uris)
        else:
            order.done(0)

    may_move = property(attrgetter("session.endpoint.direct_media"), doc="The option ``direct_media``.")

    @property
    def media_targets(self) -> tuple[MediaTarget, ...]:
        """The addresses at which the peer receives."""
        return targets_of(self.session)

    @property
    def settled(self) -> bool:
        """Whether the call is answered and that was acknowledged."""
        return self.session.state is SessionState.CONFIRMED

    def direct_media(self, peer: DirectMedia) -> bool:
        """Whether the peer may send to another one."""
        return may_send(self.session, peer)

    def send_to(self, peer: DirectMedia | None) -> None:
        """Have the peer send to another one, or here again."""
        session = self.session
        if session.direct is None:
            if peer is None:
                return
            session.direct = DirectLeg(session)
        session.direct.send_to(peer)

    def offer_streams(self, offered: Offered) -> None:
        """Offer video and text as the call's other party has them now."""
        self.session.follow(offered)

    def show_videos(self, count: int, ending: Collection[AudioStream], codecs: Agreed) -> None:
        """Have so many streams of video, without some of those that there are."""
        self.session.show_videos(count, ending, codecs)

    @property
    def t38_available(self) -> bool:
        """Whether the options allow T.38."""
        return may_fax(self.session)

    @property
    def t38_port(self) -> T38Port | None:
        """The port of the open stream of T.38."""
        t38 = self.session.datastores.get(T38)
        return None if t38 is None or t38.stream is None else t38.stream.udptl

    def t38_request(self, parameters: T38Parameters) -> None:
        """Send a re-INVITE to T.38."""
        session_t38(self.session).request(parameters)

    def t38_answer(self, parameters: T38Parameters | None) -> None:
        """Answer the peer's re-INVITE that is held."""
        session_t38(self.session).answer(parameters)

    def t38_end(self) -> None:
        """Send a re-INVITE back to audio."""
        session_t38(self.session).end()

    @property
    def call_id(self) -> str:
        """The Call-ID of the dialog."""
        dialog = self.session.dialog
        return "" if dialog is None else dialog.call_id

    def channel_item(self, name: str) -> str | None:
        """An item of ``CHANNEL()``."""
        session = self.session
        items = session.registry.items.get(session.endpoint.habits.technology)
        if items is not None:
            return items(session, name)
        item = item_named(name)
        return None if item is None else item(session)

    def require_security(self, demand: Security) -> bool:
        """Have the call go only where nobody listens; media where the endpoint's options demand encryption already."""
        session = self.session
        options = session.profile.transport
        if not isinstance(session, OutgoingSession):
            return False
        if demand.media and (options.encryption == "no" or options.optimistic):
            return False
        session.secure = bool(demand.signaling)
        return True


_TONES = frozenset((Control.RINGING, Control.BUSY, Control.CONGESTION))
"""Conditions that can only be signalled as audio on an answered call or on an outgoing one."""
