"""A session: an INVITE dialog and its media, the far end of one channel (docs/development/architecture.md, "A call").

What both directions share is here: requests within the dialog, offers and answers, the end; what is sent is in
:mod:`.messages`.
:mod:`.uas` and :mod:`.uac` add how a session begins when the peer calls, and when we do.

Everything runs in the packet's or the dial plan's own call: no task belongs to a session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.applications.session.causes import INTERWORKING, NORMAL_CLEARING
from asterism.applications.session.descriptions import description_of
from asterism.applications.session.dialog_requests import HANDLERS
from asterism.applications.session.media import FOLLOWED, SessionMedia
from asterism.applications.session.messages import SessionMessages
from asterism.applications.session.negotiation import outgoing_order
from asterism.applications.session.refresh import Refresh
from asterism.applications.session.state import ANSWERED_STATES, MOVES, SessionState
from asterism.applications.session.t38 import NAME as T38
from asterism.applications.session.testing_aids import tell_end
from asterism.core.containment import attempt
from asterism.media.stream import AUDIO, VIDEO
from asterism.pbx.vocabulary.causes import cause_text
from asterism.pbx.vocabulary.controls import Control
from asterism.stack.errors import ParseError
from asterism.stack.sdp.exchange import Action, Message, OfferAnswer, OfferState, Side

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from asterism.applications.session.direct_media import DirectLeg
    from asterism.applications.session.identity import EndpointProfile
    from asterism.applications.session.registry import Sessions
    from asterism.media.formats import Format
    from asterism.media.stream import Agreed, AudioStream, Offered
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.party import PartyId
    from asterism.sip.core import SipCore
    from asterism.sip.decision import Decision
    from asterism.sip.objects.endpoint import Endpoint
    from asterism.sip.rx import Rx
    from asterism.sip.works import Work
    from asterism.stack.message import Request
    from asterism.stack.timers import Timer
    from asterism.stack.transactions.server import ServerTransaction

_EVENTS = "0123456789*#ABCD!"
"""Digits in the order of their numbers among telephone events (RFC 4733 3.2); ``!`` is the hook flash."""
_LAST_WORD = 2.0
"""Seconds that a BYE waits for the answer to the request that has the peer send its media here again."""


class Session(SessionMessages):
    """One call leg.

    Attributes:
        endpoint: whose call this is.
        channel: its channel; ``None`` before it is made and after it was hung up.
        contact: the Contact of our responses, once worked out.
        dialog: the dialog, once there is one; of a forked call the branch's that was heard of last.
        offers: the offers and answers of that dialog.
        unacknowledged: the CSeq number of the INVITE whose 2xx of ours has no ACK yet, 0: there is none.
        refreshing: our re-INVITE or UPDATE that is not through.
        send_again: set by a supplement that is told of the refusal of an INVITE or UPDATE of ours and can do something
            about it: the request is sent once more.
        work: what in-dialog requests are pushed to.
        datastores: what supplements keep, by their names. What has a method ``close`` is closed with the session.
        cause: the Q.850 cause we end the session with, ``None`` before.
        peer_cause: the cause the peer told in a Reason header.
        holds_bye: asked when our side ends the answered call, whether the BYE is to wait for :meth:`say_bye`.
        held: the channel at the other side of the bridge put this one on hold.
        moh_passthrough: hold is passed on to the peer instead of playing music to it.
        remote_hold: the peer put us on hold.
        offer_all: our offer is to name every codec of the endpoint, not only those agreed.
        told: number and name of the party that the peer was told of last.
        direct: where the peer sends its media, once that was to be elsewhere than here.
        keeps_way: requests within the dialog go the way of the first one, whatever the dialog's routes are.
        symmetric: whether media is sent to where it comes from (``rtp_symmetric``).
        from_domain: the domain of our own addresses in what the peer is told; empty: the address that it reaches.
    """

    __slots__ = (
        "_patience",
        "bye_pending",
        "cause",
        "channel",
        "datastores",
        "direct",
        "from_domain",
        "held",
        "holds_bye",
        "media",
        "moh_passthrough",
        "offer_all",
        "offer_formats",
        "offers",
        "peer_allows_update",
        "peer_cause",
        "refreshing",
        "remote_hold",
        "send_again",
        "state",
        "symmetric",
        "told",
        "unacknowledged",
        "work",
    )

    def __init__(
        self, core: SipCore, registry: Sessions, endpoint: Endpoint, profile: EndpointProfile, work: Work
    ) -> None:
        self.core = core
        self.registry = registry
        self.endpoint = endpoint
        self.profile = profile
        self.work = work
        work.subject = self
        self.state = SessionState.NEW
        self.offers = OfferAnswer()
        self.channel: Channel | None = None
        self.dialog = None
        self.media = SessionMedia()
        self.datastores: dict[str, Any] = {}
        self.cause: int | None = None
        self.peer_cause: int | None = None
        self.held = False
        self.moh_passthrough = endpoint.moh_passthrough
        self.from_domain: str = endpoint.from_domain
        self.symmetric = endpoint.rtp_symmetric
        self.remote_hold = False
        self.peer_allows_update = False
        self.bye_pending = False
        self.holds_bye: Callable[[], bool] | None = None
        self.offer_all = False
        self.told: tuple[str, str] | None = None
        self.direct: DirectLeg | None = None
        self.keeps_way = False
        self._patience: Timer | None = None
        """Until BYE is sent, answer or not."""
        self.offer_formats: dict[str, tuple[Format, ...]] = {}
        self.contact = ""
        self.unacknowledged = 0
        self.send_again = False
        self.refreshing: Refresh | None = None
        registry.live[self] = None

    def __repr__(self) -> str:
        return f"<Session {self.endpoint.id} {self.state.value}>"

    def log_fields(self) -> Mapping[str, str]:
        """Fields of log records of this session (:class:`~asterism.core.log.LogSubject`)."""
        if self.channel is not None:
            return self.channel.log_fields()
        return {} if self.dialog is None else {"call_id": self.dialog.call_id}

    def move(self, to: SessionState) -> bool:
        """Go to another state, or stay; ``False``, with a line in the log, where there is no such way."""
        state = self.state
        if to is state:
            return True
        if to not in MOVES[state]:
            self.core.log.error("a session of %s cannot go from %s to %s", self.endpoint.id, state.value, to.value)
            return False
        self.state = to
        return True

    # What supplements and SDP handlers ask.

    @property
    def formats(self) -> Sequence[Format]:
        """The endpoint's codecs in its order."""
        return self.profile.formats

    def offers_of(self, kind: str) -> tuple[Format, ...]:
        """The codecs of a type of stream that our next offer has; empty: there is to be no such stream."""
        chosen = self.media.wanted if kind == AUDIO else ()
        return chosen or self.offer_formats.get(kind) or self.profile.formats_of.get(kind, ())

    @property
    def offered(self) -> Offered:
        """The streams that were agreed, each with its codecs, the preferred one first; nothing before."""
        return [(one.type, one.agreed) for one in self.media.streams if one is not None and one.agreed]

    @property
    def confirmed(self) -> bool:
        """Whether the call is answered and not over."""
        return self.state in ANSWERED_STATES

    def call_later(self, delay: float, function: Callable[..., object], *args: Any) -> Timer:
        """Run ``function(*args)`` in the session's work after ``delay`` seconds."""
        return self.core.layer.timers.call_later(delay, self._in_work, function, args)

    def _in_work(self, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.work.push(function, *args)

    def on_rtp_digit_begin(self, digit: str) -> None:
        """A digit began as RFC 4733 events."""
        if self.channel is not None:
            self.channel.queue_digit_begin(digit, self._passed_to)

    def on_rtp_digit(self, digit: str, duration_ms: int) -> None:
        """A digit came as RFC 4733 events."""
        if self.channel is not None:
            self.channel.queue_digit(digit, duration_ms, self._passed_to)

    @property
    def _passed_to(self) -> AudioStream | None:
        """The stream to which the media layer passes on digits by itself, if any."""
        audio = self.media.port(AUDIO)
        return None if audio is None else audio.digit_passed_to

    def set_remote_hold(self, hold: bool) -> None:
        """The peer's description says whether it holds us; told to the channel when that changes."""
        if hold == self.remote_hold:
            return
        self.remote_hold = hold
        channel = self.channel
        if channel is None:
            return
        channel.pbx.device_states.channel_changed(channel.device)  # of a technology where the one that holds is on hold
        if not self.confirmed or self.endpoint.suppress_moh_on_sendonly:
            return
        if hold:
            channel.queue_control(Control.HOLD, self.endpoint.moh_suggest)
        else:
            channel.queue_control(Control.UNHOLD)

    def media_changed(self) -> None:
        """Streams or codecs of an answered call are others now: the bridge looks for the cheapest way anew."""
        if self.channel is not None and self.channel.bridge is not None:
            self.channel.bridge.connect_media()

    def offered_by_peer(self) -> None:
        """An offer of the peer's was answered: the other party is to have the same video and text."""
        self.media_changed()
        channel = self.channel
        if self.media.types_changed and channel is not None and channel.bridge is not None:
            channel.bridge.pass_streams(channel)

    def follow(self, offered: Offered) -> None:
        """The call's other party has these streams now: offer as many of each type."""
        if not self.confirmed:
            return
        self.prefer(offered)
        if self.media.follow(self, offered):
            self._offer_streams()

    def show_videos(self, count: int, ending: Collection[AudioStream], codecs: Agreed) -> None:
        """Offer as many streams of video, with these codecs first where some are added."""
        if not self.confirmed:
            return
        if codecs:
            self.prefer([(VIDEO, codecs)])
        if self.media.show(self, count, ending):
            self._offer_streams()

    def _offer_streams(self) -> None:
        """Offer the streams that there are to be, as soon as that may be done."""
        self.media.due = not self.refresh("INVITE")

    def prefer(self, offered: Offered) -> None:
        """Offer video and text as the call's other party has them: its codecs first, with its parameters."""
        parameters = dict(self.media.parameters)
        for kind, codecs in offered:
            parameters.update({one: said for one, said in codecs if said})
            allowed = self.profile.formats_of.get(kind, ())
            if kind in FOLLOWED and codecs and allowed:
                wanted = tuple([one for one, _ in codecs])
                self.offer_formats[kind] = outgoing_order(allowed, wanted, self.endpoint.outgoing_call_offer_pref)
        self.media.parameters = tuple(parameters.items())

    # Requests within the dialog.

    def on_request(self, rx: Rx) -> bool:
        """Handle an in-dialog request (``DialogUsage``); ``False`` for methods a session has no part in."""
        method = rx.request.method
        for callback in self.profile.callbacks["on_incoming_request", method]:
            if callback(self, rx):
                return True
        handler = HANDLERS.get(method)
        if handler is None:
            return False
        handler(self, rx)
        return True

    def evaluate(self, rx: Rx) -> Decision | None:
        """What would become of an in-dialog request (``ExplainableUsage``)."""
        return self.profile.callbacks.evaluate(self, rx)

    def bye_received(self) -> None:
        """The peer hung up, and has been answered."""
        self.ended_by_peer(self.peer_cause if self.peer_cause is not None else NORMAL_CLEARING)

    def on_ack(self, request: Request) -> None:
        """The ACK to a 2xx of ours (``DialogUsage``)."""
        for callback in self.profile.callbacks["on_incoming_ack"]:
            callback(self, request)
        if not self.unacknowledged or request.cseq.number != self.unacknowledged:
            return
        self.unacknowledged = 0
        self.move(SessionState.CONFIRMED)
        if self.bye_pending:
            self._send_bye()
            return
        try:
            description = description_of(request) if request.body else None
        except ParseError:
            description = None
        action = self.offers.see(Side.PEER, Message.ACK, description is not None)
        if action is Action.TAKE_ANSWER and description is not None:
            if not self.media.apply(self, description):
                self.fail(58)
                return
            self.media_changed()
        elif action is Action.UNANSWERED:
            self.unanswered(0)
        if self.refreshing is not None:
            self.refreshing.go_on()
        if self.direct is not None:
            self.direct.acknowledged()
        if self.media.due:
            self.media.due = False
            self.refresh("INVITE")
        referring = self.datastores.get("outgoing_refer")
        if referring is not None:
            referring.acknowledged()
        if self.refreshing is None and self.profile.told_identities:
            self.tell_connected()

    def offer_settled(self) -> None:
        """An offer of the peer's that was not answered at once has been."""

    def unanswered(self, cause: int) -> None:
        """No answer came to our offer: back to what was agreed on before, or the end if that is nothing."""
        if self.offers.state is not OfferState.NONE:
            self.media.roll_back(self)
            return
        channel = self.channel
        self.hang_up(cause)
        if channel is not None:
            channel.queue_hangup(cause)

    def on_cancel(self, transaction: ServerTransaction, request: Request) -> None:
        """A re-INVITE is cancelled; it was answered already, unless it is held for T.38."""
        t38 = self.datastores.get(T38)
        if t38 is not None:
            t38.cancelled(transaction)

    def on_ack_timeout(self, transaction: ServerTransaction) -> None:
        """Our final response was not acknowledged: the dialog is useless (RFC 3261 13.3.1.4, 14.2)."""
        if not self.unacknowledged or transaction.request.cseq.number != self.unacknowledged:
            return
        self.unacknowledged = 0
        self.move(SessionState.CONFIRMED)
        self.core.log.info("no ACK came from %s; ending the call", self.endpoint.id)
        self.fail(INTERWORKING)

    def on_response_error(self, transaction: ServerTransaction) -> None:
        """Our response could not be sent."""
        if transaction.request.method == "INVITE" and self.state is not SessionState.ENDED:
            self.ended_by_peer(INTERWORKING)

    # Requests of our own in the dialog.

    def untold_party(self) -> PartyId | None:
        """The connected party, if the peer may know it and was not told yet."""
        endpoint, channel = self.endpoint, self.channel
        if channel is None or not endpoint.send_connected_line or not self.profile.told_identities:
            return None
        party = channel.connected
        if not party.number or (party.private and not endpoint.trust_id_outbound):
            return None
        return None if (party.number, party.name) == self.told else party

    def refuses(self, method: str) -> bool:
        """Whether the endpoint is not to be sent a method (``disallowed_methods``)."""
        names = self.endpoint.disallowed_methods
        return bool(names) and method in (name.upper() for name in names)

    def tell_connected(self) -> None:
        """Tell an answered peer that it is connected to another party now, as soon as it can be told."""
        party = self.untold_party()
        if party is not None and self.state is SessionState.CONFIRMED and self.refreshing is None:
            self.told = (party.number, party.name)
            by_update = self.endpoint.connected_line_method == "update" and not self.refuses("UPDATE")
            self.refresh("UPDATE" if by_update else "", bare=True)

    def refresh(self, method: str = "", needed: Callable[[], bool] | None = None, bare: bool = False) -> bool:
        """Send a re-INVITE or UPDATE with our description as it stands; if one is under way, another after it.

        Args:
            method: ``"INVITE"`` or ``"UPDATE"``; empty: an UPDATE to a peer that allows it.
            needed: whether there is still a reason to when it could not be sent at once.
            bare: if it is an UPDATE, our description need not be in it.

        Returns:
            ``False``: the session is not answered, or over.
        """
        if self.state is not SessionState.CONFIRMED:
            return False
        if self.refreshing is not None:
            self.refreshing.repeat(method)
        else:
            self.refreshing = Refresh(self, method, needed, bare)
            self.refreshing.send()
        return True

    def refreshed(self, again: str | None = None) -> None:
        """Our re-INVITE or UPDATE is through, whatever became of it; ``again``: another is due, by that method."""
        self.refreshing = None
        if again is None:
            self.media.forget_target()
        t38 = self.datastores.get(T38)
        if t38 is not None:
            t38.offered()
        if self.profile.told_identities and not self.bye_pending:
            self.tell_connected()
        if again is not None:
            self.refresh(again)
        if self.direct is not None:
            self.direct.flush()
            if self.bye_pending and self.refreshing is None:
                self._last_bye()

    def send_digit_info(self, digit: str, duration_ms: int) -> None:
        """Send a digit as INFO, for ``dtmf_mode=info``."""
        if self.confirmed:
            body = f"Signal={digit}\r\nDuration={duration_ms}\r\n".encode()
            self.send_request("INFO", body=body, content_type="application/dtmf-relay")

    def send_short_digit(self, digit: str) -> None:
        """Send a digit as INFO with its number among telephone events alone, for ``dtmf_mode=short_info``."""
        number = _EVENTS.find(digit.upper())
        if self.confirmed and number >= 0:
            self.send_request("INFO", body=f"{number}\r\n".encode(), content_type="application/dtmf")

    # The end.

    def hang_up(self, cause: int) -> None:
        """End the session from our side, however far it got; the channel is gone already or going."""
        if self.state is SessionState.ENDED:
            return
        self.cause = cause
        if self.state is SessionState.CONFIRMED:
            if not self.bye_pending and self.direct is not None and self.direct.coming_home():
                self.bye_pending = True
                self._patience = self.call_later(_LAST_WORD, self._last_bye)
            elif not self.bye_pending and self.holds_bye is not None and self.holds_bye():
                self.bye_pending = True
            else:
                self._send_bye()
        elif self.state is SessionState.CONNECTING:
            # RFC 3261 15: the called side must not send BYE before the ACK.
            self.bye_pending = True
            self.media.close(self)
        else:
            self.give_up(cause)

    def give_up(self, cause: int) -> None:
        """End an unanswered session; each direction has its own way."""
        self.terminate()

    def fail(self, cause: int) -> None:
        """End an answered session that cannot go on, telling both the peer and the channel."""
        channel = self.channel
        self.hang_up(cause or NORMAL_CLEARING)
        if channel is not None:
            channel.queue_hangup(cause)

    def ended_by_peer(self, cause: int, status: int = 0) -> None:
        """The session is over: free everything and tell the channel; ``status`` is of the final response."""
        channel = self.channel
        self.terminate()
        if channel is not None:
            channel.queue_hangup(cause, tech_cause=status)

    def _last_bye(self) -> None:
        """The peer sends its media here again, or does not answer: now the call ends."""
        if self.state is SessionState.CONFIRMED and not (self.holds_bye is not None and self.holds_bye()):
            self._send_bye()

    def say_bye(self) -> None:
        """What held the BYE back is over."""
        if self.bye_pending and self.state is SessionState.CONFIRMED:
            self._send_bye()

    def _send_bye(self) -> None:
        cause = self.cause
        if cause is not None and self.endpoint.habits.hangup_headers:
            lines = (("X-Asterisk-HangupCause", cause_text(cause)), ("X-Asterisk-HangupCauseCode", str(cause)))
            self.send_request("BYE", lines)
        else:
            self.send_request("BYE")
        self.terminate()

    def terminate(self) -> None:
        """Free the dialog, the media and the work; harmless when done before."""
        if self.state is SessionState.ENDED:
            return
        self.move(SessionState.ENDED)
        if self.core.test_events.wanted:
            self.test_end()
        if self.refreshing is not None:
            self.refreshing.close()
        for callback in self.profile.callbacks["on_end"]:
            callback(self)
        for name, kept in self.datastores.items():
            if hasattr(kept, "close"):
                attempt(self.core.log, f"close of the datastore '{name}'", None, kept.close)
        if self.dialog is not None:
            self.registry.ended.append(hash(self.dialog.id))
        self._leave_dialogs()
        self.media.close(self)
        self.registry.live.pop(self, None)
        self.channel = None
        # They must not hold each other, or only the collector frees them.
        self.direct = self.refreshing = self.holds_bye = None
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self.release()

    def test_end(self) -> None:
        """Tell tests that the session has ended."""
        tell_end(self.core.test_events, self.endpoint.id)

    def _leave_dialogs(self) -> None:
        """Take no more requests."""
        if self.dialog is not None:
            self.core.dialogs.remove(self.dialog, self)

    def release(self) -> None:
        """Free what outlives the media: the work."""
        self.work.close()
