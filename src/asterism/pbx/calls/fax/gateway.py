"""``FAXOPT(gateway)``: a bridge of a party with T.38 and one with audio carries faxes, in either direction.

While the channel is in a bridge with one other, the *watch* has charge of T.38 on both::

    a party asks for T.38  ->  the other party is asked for it too, where it may be
    a fax machine answers  ->  the party that hears it is asked for T.38; else, or if it refuses, the one that says it
    both have T.38         ->  packets are passed on by the bridge: the watch is over
    one has T.38           ->  the gateway runs, between its packets and the other's audio
    it cannot              ->  the watch is over, and T.38 with it
    none has it any more   ->  the gateway ends, the watch goes on: for the next fax

All of it ends when either leaves the bridge.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from asterism.core.containment import FAILURES, report_failure
from asterism.media.fax.gateway import Gateway
from asterism.media.fax.library import MissingFaxLibraryError
from asterism.media.fax.tones import AnswerDetector
from asterism.media.taps import Direction
from asterism.pbx.calls.fax import events as fax_events
from asterism.pbx.calls.fax.modem import Ear, ModemOnChannel
from asterism.pbx.calls.fax.packets import agree_on
from asterism.pbx.calls.fax.session import T38, FaxError, Operation, SessionState
from asterism.pbx.calls.fax.settings import details_of
from asterism.pbx.channels.t38 import USUAL, T38State, t38_of
from asterism.pbx.vocabulary import events
from asterism.pbx.vocabulary.errors import ChannelHangup

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from asterism.core.events import EventType
    from asterism.pbx.calls.fax.session import FaxSession
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.t38 import ChannelT38, T38Parameters
    from asterism.pbx.vocabulary.host import Host

_LOOKED_AFTER = 50
"""Blocks of audio after which the numbers of a session are read again: a second."""
_ASKABLE = (T38State.UNKNOWN, T38State.REJECTED)


class Gateways:
    """The channels of a server with ``FAXOPT(gateway)``; nothing is listened to while there are none."""

    def __init__(self, pbx: Host) -> None:
        """Begin without any."""
        self._pbx = pbx
        self._channels: dict[Channel, _Watch | None] = {}
        self._deaf: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._channels)

    def set(self, channel: Channel, on: bool) -> None:
        """A channel is to have a gateway in its bridges, or no more."""
        if not on:
            self._forget(channel)
        elif channel not in self._channels and not channel.dead:
            self._channels[channel] = None
            self._listen()
            self._look(channel)

    def stop(self) -> None:
        """End all."""
        for channel in list(self._channels):
            self._forget(channel)

    def _listen(self) -> None:
        if not self._deaf:
            bus, owner = self._pbx.bus, self._pbx.owner
            self._deaf = [
                bus.subscribe(owner, events.BRIDGE_ENTER, self._bridge_changed),
                bus.subscribe(owner, events.BRIDGE_LEAVE, self._bridge_changed),
                bus.subscribe(owner, events.HANGUP, self._hung_up),
            ]

    def _forget(self, channel: Channel) -> None:
        watch = self._channels.pop(channel, None)
        if watch is not None:
            watch.stop()
        if not self._channels:
            while self._deaf:
                self._deaf.pop()()

    def _hung_up(self, _: EventType, args: tuple[object, ...]) -> None:
        channel = next((one for one in self._channels if one is args[0]), None)
        if channel is not None:
            self._forget(channel)

    def _bridge_changed(self, kind: EventType, args: tuple[object, ...]) -> None:
        bridge, who = args[0], args[1]
        for channel, watch in list(self._channels.items()):
            if kind is events.BRIDGE_LEAVE and watch is not None and who in watch.channels:
                watch.stop()
                self._channels[channel] = None
            if channel is who or channel.bridge is bridge:
                # When the bridge is through with it.
                self._pbx.loop.call_soon(self._look, channel)

    def _look(self, channel: Channel) -> None:
        """Watch the channel and its party, if it has one now."""
        if channel not in self._channels:
            return
        bridge = channel.bridge
        peer = None if bridge is None or channel.dead else bridge.peer(channel)
        watch = self._channels[channel]
        if watch is not None:
            if not watch.over and watch.channels == (channel, peer):
                return
            watch.stop()
            self._channels[channel] = None
        if peer is None or peer.dead:
            return
        try:
            self._channels[channel] = _Watch(channel, peer)
        except RuntimeError as error:  # an application, or the other party's gateway, has charge
            self._pbx.log.debug("no fax gateway on %s: %s", channel.name, error)
        except MissingFaxLibraryError as error:
            self._pbx.log.error("no fax gateway on %s: %s", channel.name, error)
            self._forget(channel)


class _Leg:
    """One of the two channels."""

    def __init__(self, channel: Channel, heard: Callable[[_Leg], None]) -> None:
        self.channel = channel
        self.t38 = t38_of(channel)
        self._heard = heard
        self._detector: AnswerDetector | None = None
        self._ear: Ear | None = None

    def listen(self, on: bool) -> None:
        """Listen for a fax machine that answers, or not; raises ``MissingFaxLibraryError``."""
        if on is (self._ear is not None):
            return
        if on:
            self._detector = AnswerDetector()
            self._ear = Ear(self.channel, self._hear, lambda samples: self._hear(bytes(2 * samples)))
            self.channel.attach(self._ear, Direction.IN)
        elif self._ear is not None and self._detector is not None:
            self.channel.detach(self._ear)
            self._detector.close()
            self._ear = self._detector = None

    def _hear(self, pcm: bytes) -> None:
        if self._detector is not None and self._detector.hear(pcm):
            # Not from within the packet.
            self.channel.pbx.loop.call_soon(self._tell)

    def _tell(self) -> None:
        if self._ear is not None:  # once, however many packets have come
            self.listen(False)
            self._heard(self)


class _Watch:
    """Two channels of a bridge, between which a gateway may be needed: a ``T38User`` of both."""

    def __init__(self, channel: Channel, peer: Channel) -> None:
        """Take charge of T.38 on both.

        Raises:
            RuntimeError: another one has.
            MissingFaxLibraryError: the library is not there.
        """
        self.channels = (channel, peer)
        self._pbx = channel.pbx
        self._details = details_of(channel, self._pbx.faxes.settings)
        self.over = False
        self._running: _Running | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._legs = tuple(_Leg(each, self._fax_answers) for each in self.channels)
        try:
            for leg in self._legs:
                leg.t38.use(self)
                leg.listen(True)
        except (RuntimeError, MissingFaxLibraryError):
            self.stop()
            raise
        if self._details.gateway_timeout:
            self._timer = self._pbx.loop.call_later(self._details.gateway_timeout, self.stop)
        for leg in self._legs:
            if leg.t38.asked is not None:
                self.t38_requested(leg.t38)
        self._choose()

    @property
    def _parameters(self) -> T38Parameters:
        return USUAL._replace(max_bit_rate=self._details.maxrate)

    def _other(self, t38: ChannelT38) -> ChannelT38:
        one, two = (leg.t38 for leg in self._legs)
        return two if t38 is one else one

    # -- T38User ---------------------------------------------------------------------------------------------

    def t38_requested(self, t38: ChannelT38) -> None:
        """A party asks for T.38: the other one may have it too; else there is the gateway."""
        self._begun()
        other = self._other(t38)
        if other.state in _ASKABLE and t38.asked is not None:
            other.ask(t38.asked, partial(self._other_answered, t38))
        else:
            t38.accept(other.parameters or self._parameters)

    def _other_answered(self, t38: ChannelT38, answer: T38Parameters | None) -> None:
        if not self.over and t38.asked is not None:
            t38.accept(answer or self._parameters)

    def t38_changed(self, t38: ChannelT38) -> None:
        """T.38 was agreed on with a party, was refused, or is over."""
        self._choose()

    # -- what is done ----------------------------------------------------------------------------------------

    def _begun(self) -> None:
        """There is a fax: it is waited for no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fax_answers(self, leg: _Leg) -> None:
        """A fax machine answers at a party, in audio."""
        if self.over or self._running is not None:
            return
        self._begun()
        self._listen(False)
        parties = [self._other(leg.t38), leg.t38]
        if self._details.negotiate_both:
            for one in parties:
                self._ask([one])
        else:
            self._ask(parties)

    def _ask(self, parties: Sequence[ChannelT38], answer: T38Parameters | None = None) -> None:
        """Ask the first of them for T.38, and the next one where it cannot or refuses."""
        if self.over or answer is not None or not parties:
            return
        one, *others = parties
        if one.state in _ASKABLE:
            one.ask(self._parameters, partial(self._ask, others))
        elif one.state is T38State.UNAVAILABLE:
            self._ask(others)

    def _listen(self, on: bool) -> None:
        for leg in self._legs:
            leg.listen(on)

    def _choose(self) -> None:
        """What the states of both make of it."""
        if self.over:
            return
        states = [leg.t38.state for leg in self._legs]
        agreed = [leg for leg in self._legs if leg.t38.state is T38State.NEGOTIATED]
        if T38State.NEGOTIATING in states:
            return
        if len(agreed) == 1:
            if self._running is None:
                self._run(agreed[0])
            return
        if agreed:
            self.stop()
        elif self._running is not None:
            self._running.stop()
            self._running = None
            self._listen(True)

    def _run(self, leg: _Leg) -> None:
        audio = next(each for each in self._legs if each is not leg)
        self._begun()
        self._listen(False)
        try:
            self._running = _Running(self.channels[0], audio.channel, leg.t38)
        except (ChannelHangup, MemoryError, RuntimeError, FaxError) as error:
            self._pbx.log.warning("no fax gateway between %s and %s: %s", *(one.name for one in self.channels), error)
            self.stop()

    def stop(self) -> None:
        """Give charge back; harmless when that was done."""
        if self.over:
            return
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._running is not None:
            self._running.stop()
            self._running = None
        self._listen(False)
        for leg in self._legs:
            leg.t38.release(self)


class _Running:
    """A gateway at work."""

    def __init__(self, channel: Channel, audio: Channel, t38: ChannelT38) -> None:
        """Begin, for a channel that has the gateway; raises what keeps it from that."""
        port, parameters = t38.port, t38.parameters
        if port is None or parameters is None:
            raise FaxError("T38_NEG_ERROR", "T.38 is over before it has begun")
        self._pbx, self._channel, self._port = channel.pbx, channel, port
        faxes = self._pbx.faxes
        details = details_of(channel, faxes.settings)
        self._gateway = Gateway(details.terms(), port.write)
        self._session: FaxSession | None = None
        self._blocks = 0
        try:
            agree_on(self._gateway, parameters)
            self._session = faxes.begin(channel, Operation.GATEWAY)
            self._modem = ModemOnChannel(audio, self._gateway, self._after)
        except BaseException:
            self._gateway.close()
            if self._session is not None:
                faxes.end(self._session, False)
            raise
        self._session.type, self._session.state = T38, SessionState.ACTIVE
        self._session.outcome = "No FAX"
        details.session = self._session.number
        port.on_ifp = self._take
        self._status("T.38 gateway active")

    def _take(self, number: int, packet: bytes) -> None:
        try:
            self._gateway.take(number, packet)
        except FAILURES:
            report_failure(self._pbx.log, f"the fax gateway of {self._channel.name}")

    def _after(self) -> None:
        self._blocks += 1
        if self._blocks % _LOOKED_AFTER == 0:
            self._read()

    def _read(self) -> None:
        session = self._session
        if session is not None:
            before = 0 if session.transfer is None else session.transfer.pages
            session.transfer = self._gateway.transfer()
            if session.transfer.pages > before:
                self._status(f"Page {session.transfer.pages}")

    def _status(self, text: str) -> None:
        session, bus = self._session, self._pbx.bus
        if self._pbx.faxes.settings.statusevents and bus.listeners[fax_events.FAX_STATUS]:
            bus.publish(fax_events.FAX_STATUS, self._channel, str(Operation.GATEWAY), text, "", "")
        if session is not None and self._pbx.log.verbosity >= 3:
            self._pbx.log.verbose(3, "Channel '%s' fax session %d: %s", self._channel.name, session.number, text)

    def stop(self) -> None:
        """End it."""
        session = self._session
        if session is None:
            return
        self._read()
        self._modem.stop()
        self._port.on_ifp = None
        self._gateway.close()
        self._pbx.faxes.end(session, session.transfer is not None and session.transfer.pages > 0)
        self._status("T.38 gateway over")
        self._session = None
