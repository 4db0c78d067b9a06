"""The engine behind Dial and Originate: calls destinations, follows their progress, picks the answer.

Nothing here waits. What the called channels do arrives through their ``control_listener`` and is
handled at once; when the outcome is known, ``done`` is called and whoever started the dialling
goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asterism.core.containment import FAILED
from asterism.core.errors import UsageError
from asterism.pbx.bridges.linking import connect_channels, disconnect_channel
from asterism.pbx.calls.completion.parameters import KEY
from asterism.pbx.channels.interception import CONNECTED, intercept
from asterism.pbx.channels.music.playing import music_of, start_music
from asterism.pbx.channels.playing import start_tone
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.causes import Cause, cause_text
from asterism.pbx.vocabulary.controls import ChannelState, Control, DialStatus
from asterism.pbx.vocabulary.errors import RequestError
from asterism.pbx.vocabulary.party import Redirecting

if TYPE_CHECKING:
    from asterism.media.formats import Format
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host
    from asterism.pbx.vocabulary.party import PartyId

MAX_DESTINATIONS = 64
"""Destinations of one Dial; more are ignored."""
MAX_FORWARDS = 20
"""Maximum number of times that a call may be forwarded, here and before it came here."""


@dataclass(slots=True)
class DialResult:
    """Result of a Dial: ``cause`` is Q.850, times are in seconds; ``peer`` is the channel that answered."""

    status: DialStatus
    cause: int = 0
    peer: str = ""
    answered: float = 0.0
    dialed: float = 0.0


class Leg:
    """One called channel of a Dial."""

    __slots__ = ("before", "begun", "channel", "destination", "resource")

    def __init__(self, channel: Channel, destination: str, before: tuple[str, ...] = ()) -> None:
        self.channel = channel
        self.destination = destination
        self.resource = destination.partition("/")[2]
        self.before = before
        """Destination of the call before it was forwarded here."""
        self.begun = False
        """Whether DialBegin has told of it."""


def status_of_cause(cause: int) -> DialStatus:
    """The DIALSTATUS that one leg's hangup cause amounts to."""
    if cause == Cause.USER_BUSY:
        return DialStatus.BUSY
    if cause == Cause.NORMAL_CIRCUIT_CONGESTION:
        return DialStatus.CONGESTION
    if cause in (Cause.NO_ANSWER, Cause.NORMAL_CLEARING):
        return DialStatus.NOANSWER
    return DialStatus.CHANUNAVAIL


def end_status_of_cause(cause: int) -> DialStatus:
    """``DialStatus`` of the DialEnd of a leg that ended with that cause."""
    if cause == Cause.USER_BUSY:
        return DialStatus.BUSY
    if cause == Cause.NORMAL_CIRCUIT_CONGESTION:
        return DialStatus.CONGESTION
    if cause in (Cause.NO_ROUTE_DESTINATION, Cause.SUBSCRIBER_ABSENT):
        return DialStatus.CHANUNAVAIL
    return DialStatus.NOANSWER


class Dialer:
    """Calls one or more destinations for ``caller`` (``None``: for an Originate).

    ``winner`` is the channel that answered; without one ``status`` tells why, once ``finished``: the outcome is known.
    """

    def __init__(self, pbx: Host, caller: Channel | None, done: Callable[[], None]) -> None:
        self.pbx = pbx
        self.caller = caller
        self.winner: Channel | None = None
        self.pending: dict[Channel, Leg] = {}
        self.cause = 0
        self.started = pbx.loop.time()
        self.single = True
        self._inside = caller is not None and getattr(caller.technology, "inside", False)
        """Whether the caller's far end is inside the server: it gets connected line updates before any answer."""
        self.early_media = True
        self.answered_early = False
        """Whether audio before the answer counts as one."""
        self.ring_until_media = False
        self.ignore_forwards = False
        self.shows_connected = False
        """Whether the caller gets connected line updates before there is an answer."""
        self.ignore_updates = False
        """Whether the caller is not told that its call goes elsewhere."""
        self.forwarded = False
        """Whether a destination has sent its call elsewhere."""
        self.losers_cause: int = Cause.ANSWERED_ELSEWHERE
        self.on_answer: Callable[[Channel, Leg], None] | None = None
        self.on_forward: Callable[[Channel], None] | None = None
        self.on_ringing: Callable[[Channel], None] | None = None
        self.on_progress: Callable[[Channel], None] | None = None
        self.tells_answer = True
        """Whether the DialEnd of the one that answers is published here, at once."""
        self._done = done
        self.refusal: Control | None = None
        """BUSY or CONGESTION if a leg indicated that instead of being hung up."""
        self.finished = False
        self._lines = self._busy = self._congested = self._unavailable = 0
        self._rung = self._progressed = False
        self._shown: set[Control] = set()
        if caller is not None:
            caller.on_replaced = self._caller_replaced

    @property
    def status(self) -> DialStatus:
        """DIALSTATUS as far as it is known.

        A busy leg outweighs one that was congested, and that one what could not be called at all; but only where every
        destination failed in one of these ways, which is what Asterisk's "Everyone is busy/congested" counts. One that
        rang, or said that nobody answers, makes it NOANSWER.
        """
        if self.winner is not None:
            return DialStatus.ANSWER
        if self._busy + self._congested + self._unavailable < self._lines:
            return DialStatus.NOANSWER
        if self._busy:
            return DialStatus.BUSY
        if self._congested:
            return DialStatus.CONGESTION
        if self._unavailable:
            return DialStatus.CHANUNAVAIL
        return DialStatus.NOANSWER

    def request(
        self,
        destination: str,
        before: tuple[str, ...] = (),
        uniqueid: str = "",
        other_uniqueid: str = "",
        formats: Sequence[Format] = (),
    ) -> Leg | None:
        """Make the channel to a destination; ``None`` if it cannot be made, which counts as a failure.

        ``formats`` are what it is to be offered first; by default what the caller has.
        """
        caller = self.caller
        if not before:
            self._lines += 1
        stream = None if caller is None or caller.offers_first else caller.stream
        try:
            formats = formats or (() if stream is None else stream.formats)
            channel = self.pbx.request(destination, caller, formats, uniqueid, other_uniqueid)
        except RequestError as error:
            if caller is None:
                self.pbx.log.verbose(3, "Could not call %s: %s", destination, error)
            else:
                kind, cause = destination.partition("/")[0], error.cause
                # Asterisk's line, and behind it what of several destinations is meant, and why.
                self.pbx.log.notice(
                    "Unable to create channel of type '%s' (cause %d - %s): %s: %s",
                    kind, cause, cause_text(cause), destination, error,
                )  # fmt: skip
            self.count(error.cause)
            return None
        if caller is not None:
            channel.redirecting = caller.redirecting
        leg = Leg(channel, destination, before)
        channel.data["dialed_resource"] = leg.resource
        return leg

    def call(self, leg: Leg, timeout: float | None = None) -> None:
        """Call a leg that was made by :meth:`request`; publishes DialBegin."""
        channel = leg.channel
        if not channel.alive:
            self.count(channel.hangup_cause)
            channel.hang_up()
            return
        self.pending[channel] = leg
        channel.control_listener = self._on_control
        channel.picked_up = self._picked_up
        called = channel.ask_driver("call", FAILED, timeout)
        if called is False:
            self._not_called(leg)
            return
        if not leg.begun:
            self._begin(leg)
        log = self.pbx.log
        if log.verbosity >= 3 and self.caller is not None:
            log.verbose(3, "Called %s", leg.destination)
            if self.single and self.ignore_updates:
                log.verbose(3, "Connected line update to %s prevented.", self.caller.name)
        if called is FAILED and channel.driver is not None:
            channel.queue_hangup(Cause.INTERWORKING)

    def _begin(self, leg: Leg) -> None:
        """Tell of a leg that is called: before anything it does, and after what its technology tells of the call."""
        leg.begun = True
        channel, caller = leg.channel, self.caller
        bus = self.pbx.bus
        if bus.listeners[events.DIAL_BEGIN]:
            bus.publish(events.DIAL_BEGIN, caller, channel, leg.resource)
        inside = getattr(channel.technology, "inside", False)  # who is behind it is told later
        party = channel.caller
        if caller is not None and self.shows_connected and party and not inside:
            shown = caller.connected
            # Numbers first, and a subroutine only where one is set: this is the path of every call.
            if party.number != shown.number or party != shown:
                if caller.get_variable(CONNECTED) is None:
                    caller.set_connected(party, tell=self._inside)
                else:
                    self._connect(caller, party)

    def _connect(self, caller: Channel, party: PartyId) -> None:
        """Whom the caller will talk to; it is told with the next response, unless its far end is inside the server."""
        caller.set_connected(party, tell=self._inside)
        if not self._inside and caller.get_variable(CONNECTED) is not None:
            intercept(caller, CONNECTED)

    def _not_called(self, leg: Leg) -> None:
        channel = leg.channel
        del self.pending[channel]
        _let_go(channel)
        if self.caller is not None:
            self.pbx.log.verbose(3, "Couldn't call %s", leg.destination)
        self.count(channel.hangup_cause or Cause.NO_ROUTE_DESTINATION, DialStatus.CHANUNAVAIL)
        if leg.before and self.caller is not None:
            # A forward that leads nowhere leaves no cause behind.
            self.caller.hangup_cause = self.cause = 0
        channel.hang_up()

    def called(self) -> None:
        """Every destination has been called: from now on the dialling may be over."""
        if not self.pending:
            self._finish()

    def count(self, cause: int, status: DialStatus | None = None) -> None:
        """Count a failure; the caller's hangup cause becomes the last one. ``status``: not the one of the cause."""
        self.cause = int(cause)
        if self.caller is not None:
            self.caller.hangup_cause = self.cause
        status = status or status_of_cause(cause)
        if status is DialStatus.BUSY:
            self._busy += 1
        elif status is DialStatus.CONGESTION:
            self._congested += 1
        elif status is DialStatus.CHANUNAVAIL:
            self._unavailable += 1

    def release(self) -> None:
        """Drop the references to the initiator once dialling has ended, to break the reference cycle."""
        self.on_answer = self.on_forward = self.on_ringing = self.on_progress = None
        if self.caller is not None:
            self.caller.on_replaced = None

    def cancel(self, status: DialStatus | None, cause: int) -> None:
        """Give up the legs that have not answered, with DialEnd ``status`` unless it is ``None``."""
        for channel in list(self.pending):
            self._end_leg(channel, status, cause)

    # -- what the called channels do ---------------------------------------------------------------

    def _on_control(self, channel: Channel, control: Control, data: object) -> None:
        leg = self.pending.get(channel)
        if leg is None:
            return
        if not leg.begun:
            self._begin(leg)
        if control is Control.RINGING:
            self._ringing(channel)
        elif control is Control.ANSWER:
            self._answered(channel)
        elif control is Control.HANGUP:
            self._failed(channel, channel.hangup_cause)
        elif control is Control.PROGRESS:
            self._progress(channel)
        elif control is Control.PROCEEDING:
            self.pbx.bus.publish(events.DIAL_STATE, self.caller, channel, DialStatus.PROCEEDING)
            if self.single and self.early_media:
                self._show(Control.PROCEEDING)
        elif control is Control.BUSY or control is Control.CONGESTION:
            self.refusal = control
            busy = control is Control.BUSY
            cause = Cause.USER_BUSY if busy else Cause.NORMAL_CIRCUIT_CONGESTION
            status = DialStatus.BUSY if busy else DialStatus.CONGESTION
            self._failed(channel, data if isinstance(data, int) else cause, told=False, status=status)
        elif control is Control.FORWARD:
            self._forward(channel, data if isinstance(data, str) else str(data))
        elif control is Control.REDIRECTING:
            self._divert(data if isinstance(data, Redirecting) else None)
        elif control is Control.CONNECTED_LINE and self.caller is not None and self.shows_connected:
            self.caller.set_connected(channel.caller)

    def _elapsed(self, name: str) -> None:
        if self.caller is not None:
            elapsed = self.pbx.loop.time() - self.started
            self.caller.set_variables({name: str(int(elapsed)), f"{name}_MS": str(int(elapsed * 1000))})

    def _show(self, condition: Control) -> None:
        if self.caller is not None and condition not in self._shown:
            self._shown.add(condition)
            self.caller.indicate(condition)

    def _caller_replaced(self) -> None:
        """The caller has another far end: it is shown what the first one was, and the called ones who calls now."""
        caller, shown = self.caller, self._shown
        if caller is None or self.finished:
            return
        self._shown = set()
        for condition in (Control.PROGRESS, Control.RINGING):
            if condition in shown:
                if condition is Control.RINGING and music_of(caller) is not None:
                    self._shown.add(condition)  # it hears music instead
                else:
                    self._show(condition)
        for channel in list(self.pending):
            if self._progressed and self.single:
                connect_channels(caller, channel)
            channel.set_connected(caller.caller)

    def show_ringing(self) -> None:
        """Let the caller hear ringing without waiting for a leg that rings."""
        self._show(Control.RINGING)

    def show_tone(self, tone: str) -> None:
        """Let the caller hear a tone instead of ringing: a name, or a list as in ``indications.conf``."""
        caller = self.caller
        if caller is None:
            return
        self._show(Control.PROGRESS)
        self._shown.add(Control.RINGING)
        try:
            start_tone(caller, tone)
        except UsageError as error:
            self.pbx.log.warning("%s hears no tone: %s", caller.name, error)

    def show_music(self, music_class: str) -> None:
        """Let the caller hear music instead of ringing."""
        caller = self.caller
        if caller is not None:
            self._show(Control.PROGRESS)
            self._shown.add(Control.RINGING)
            start_music(caller, music_class)

    def _ringing(self, channel: Channel) -> None:
        if not self._rung:
            self._rung = True
            self._elapsed("RINGTIME")
        bus = self.pbx.bus
        if bus.listeners[events.DIAL_STATE]:
            bus.publish(events.DIAL_STATE, self.caller, channel, DialStatus.RINGING)
        log = self.pbx.log
        if log.verbosity >= 3 and self.caller is not None:
            log.verbose(3, "%s is ringing", channel.name)
        if self.on_ringing is not None:
            self.on_ringing(channel)
        self._show(Control.RINGING)

    def _progress(self, channel: Channel) -> None:
        if not self._progressed:
            self._progressed = True
            self._elapsed("PROGRESSTIME")
        self.pbx.bus.publish(events.DIAL_STATE, self.caller, channel, DialStatus.PROGRESS)
        caller = self.caller
        if self.on_progress is not None:
            self.on_progress(channel)
        if self.answered_early:
            self._answered(channel)
        elif caller is not None and self.single and (self.early_media or self.ring_until_media):
            self.pbx.log.verbose(3, "%s is making progress passing it to %s", channel.name, caller.name)
            self._show(Control.PROGRESS)
            connect_channels(caller, channel)

    def _picked_up(self, channel: Channel, picker: Channel) -> None:
        """Another channel, which is up, answers for one that is called; that one is let go of."""
        if self._progressed:
            disconnect_channel(channel)
            if self.caller is not None:
                disconnect_channel(self.caller)
        if self.caller is not None and self.shows_connected:
            self._connect(self.caller, picker.caller)
        self._answered(channel, picker)

    def _answered(self, called: Channel, picker: Channel | None = None) -> None:
        leg = self.pending.pop(called)
        called.control_listener = called.picked_up = None
        channel = self.winner = picker or called
        if self.on_answer is not None:
            self.on_answer(channel, leg)
        caller = self.caller
        bus = self.pbx.bus
        log = self.pbx.log
        if log.verbosity >= 3 and caller is not None:
            log.verbose(3, "%s answered %s", channel.name, caller.name)
        if self.tells_answer and bus.listeners[events.DIAL_END]:
            bus.publish(events.DIAL_END, caller, channel, DialStatus.ANSWER)
        if caller is not None and self.shows_connected and caller.state is ChannelState.UP:
            # An answer of ours would have told it; this one was answered before.
            caller.show_connected()
        if self.pending:
            self.cancel(DialStatus.CANCEL, self.losers_cause)
        self._finish()

    def _failed(self, channel: Channel, cause: int, told: bool = True, status: DialStatus | None = None) -> None:
        """A leg has failed; ``told``: its channel was told the cause, by the hang-up of its far end."""
        if told and channel.hangup_cause == 0:
            channel.hangup_cause = int(cause)
        self.count(cause, status)
        status = status or end_status_of_cause(cause)
        # An Originate tells only these two ends, as in Asterisk 22.
        tell = self.caller is not None or status in (DialStatus.BUSY, DialStatus.CONGESTION)
        self._end_leg(channel, status if tell else None, channel.hangup_cause, last=True)

    def _forward(self, channel: Channel, target: str) -> None:
        leg = self.pending[channel]
        channel.data.pop(KEY, None)  # nobody waits for a phone that sends its calls elsewhere, nor for where it does
        self._end_leg(channel, DialStatus.CANCEL, Cause.NORMAL_CLEARING, "" if self.ignore_forwards else target)
        redirecting = _diverted(channel, self.caller)
        if self.ignore_forwards:
            self._busy += 1
        elif redirecting.count > MAX_FORWARDS or target in leg.before or target == leg.destination:
            # In a circle: nothing is tried twice (RFC 3261 8.1.3.4), and what comes round by the dialplan ends as well.
            self._unavailable += 1
        else:
            self.forwarded = True
            if self.caller is not None:
                log, name = self.pbx.log, self.caller.name
                log.verbose(3, "Now forwarding %s to '%s' (thanks to %s)", name, target, channel.name)
            forwarded = self.request(target, (*leg.before, leg.destination))
            if forwarded is not None:
                forwarded.channel.redirecting = redirecting
                self._divert(redirecting)
                if self.on_forward is not None:
                    self.on_forward(forwarded.channel)
                self.call(forwarded)
            elif self.caller is not None:
                # A forward that leads nowhere leaves no cause behind.
                self.caller.hangup_cause = self.cause = 0
        if not self.pending:
            self._finish()

    def _divert(self, redirecting: Redirecting | None) -> None:
        """Let the caller know that its call goes elsewhere; of several destinations it would not know which."""
        caller = self.caller
        if caller is not None and self.single and not self.ignore_updates and caller.state is not ChannelState.UP:
            caller.indicate(Control.REDIRECTING, redirecting)

    def _end_leg(
        self, channel: Channel, status: DialStatus | None, cause: int, forward: str = "", last: bool = False
    ) -> None:
        self.pending.pop(channel, None)
        _let_go(channel)
        if self._progressed:
            disconnect_channel(channel)
            if self.caller is not None:
                disconnect_channel(self.caller)
        if status is not None:
            self.pbx.bus.publish(events.DIAL_END, self.caller, channel, status, forward)
        if last and not self.pending:
            # Whoever waits is woken first: its next steps come before the leg's Hangup, as in Asterisk 22.
            self._finish()
        if channel.alive:
            channel.hangup_cause = int(cause)
        channel.hang_up()

    def _finish(self) -> None:
        if not self.finished:
            self.finished = True
            if self.winner is None and self.caller is not None:
                self._tell_failures()
            self._done()

    def _tell_failures(self) -> None:
        failed = self._busy + self._congested + self._unavailable
        if failed >= self._lines:
            counts = self._lines, self._busy, self._congested, self._unavailable
            self.pbx.log.verbose(3, "Everyone is busy/congested at this time (%d:%d/%d/%d)", *counts)


def _let_go(channel: Channel) -> None:
    channel.control_listener = None
    channel.picked_up = None


def _diverted(by: Channel, caller: Channel | None) -> Redirecting:
    """The redirecting information of a call that the party of ``by`` has diverted.

    Its technology may have stored the received target, reason and diverting party in ``data["diversion"]``.
    """
    told = by.data.get("diversion")
    if not isinstance(told, Redirecting):
        told = Redirecting()
    from_ = told.from_ if told.from_.number else by.caller
    now = Redirecting(from_=from_, to=told.to, original=from_, reason=told.reason, count=1)
    before = by.redirecting or (caller.redirecting if caller is not None else None)
    return now if before is None else before.then(now)
