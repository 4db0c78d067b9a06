"""Fax in packets (ITU-T T.38) on a channel: asking the far end for it, answering when it asks, and the end of it.

A call begins as audio. Either side may ask for T.38 instead, and then for audio again; :class:`ChannelT38` is where
that stands on one channel. Who decides when the far end asks:

- the *user*, an application or a gateway that has taken charge by :meth:`ChannelT38.use`;
- else the other party of the bridge, which is asked for the same (the packets are then passed on, by the bridge);
- else nobody: it is refused, and the call goes on as audio.

How a far end is asked is its driver's affair (:class:`T38Driver`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum, StrEnum
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from asterism.core.containment import attempt
from asterism.pbx.vocabulary import events

if TYPE_CHECKING:
    from asterism.core.events import EventType
    from asterism.pbx.channels.channel import Channel

_KEY = "t38"
"""Where ``channel.data`` keeps the :class:`ChannelT38`."""
PATIENCE = 10.0
"""Seconds within which the far end's request is answered: by its user or the other party; then it is refused."""
ANSWERED_WITHIN = 10.0
"""Seconds that :meth:`ChannelT38.request` waits for the far end, unless told otherwise."""
USUAL_IFP = 400
"""Largest IFP packet in octets that a fax application takes."""
_LEFT_ALONE = 0.1
"""Seconds after a bridge's end until audio is asked for: the call may be over as well."""


class T38State(Enum):
    """The state of T.38 on a channel."""

    UNAVAILABLE = "unavailable"
    """The far end cannot be asked: it is no SIP phone, or not allowed to (``t38_udptl``)."""
    UNKNOWN = "unknown"
    """Nobody has asked, or it is over."""
    NEGOTIATING = "negotiating"
    """One side has asked, and the other not answered yet."""
    NEGOTIATED = "negotiated"
    """Fax goes by T.38 now."""
    REJECTED = "rejected"
    """The side that was asked last has refused."""


class RateManagement(StrEnum):
    """How the two fax machines find the rate that works (T.38 ``T38FaxRateManagement``)."""

    TRANSFERRED_TCF = "transferredTCF"
    """The training signal is sent through, and the receiving machine judges it: the method for UDP."""
    LOCAL_TCF = "localTCF"
    """It is made and judged by the gateway beside each machine."""


class T38Parameters(NamedTuple):
    """Terms of T.38, as one side offers or answers them; they hold from fax machine to fax machine."""

    version: int = 0
    """``T38FaxVersion``."""
    max_bit_rate: int = 14400
    """``T38MaxBitRate``, in bits per second."""
    rate_management: RateManagement = RateManagement.TRANSFERRED_TCF
    max_ifp: int = USUAL_IFP
    """The largest IFP packet in octets that this side can take; ``T38FaxMaxDatagram`` is worked out of it."""
    fill_bit_removal: bool = False
    transcoding_mmr: bool = False
    transcoding_jbig: bool = False

    def meet(self, own: T38Parameters) -> T38Parameters:
        """The answer to an offer of these terms by a side that can do ``own``; ``max_ifp`` is its own."""
        return T38Parameters(
            min(self.version, own.version),
            min(self.max_bit_rate, own.max_bit_rate),
            self.rate_management,
            own.max_ifp,
            self.fill_bit_removal and own.fill_bit_removal,
            self.transcoding_mmr and own.transcoding_mmr,
            self.transcoding_jbig and own.transcoding_jbig,
        )


USUAL = T38Parameters()
"""The terms of a fax application."""


class T38Port(Protocol):
    """Where the IFP packets of one leg go in and out, once T.38 is agreed."""

    on_ifp: Callable[[int, bytes], None] | None
    """Called with the sequence number (16 bits) and the octets of each IFP packet from the far end, in order, those
    that error correction has brought back included; what is lost for good is missing. While it is ``None`` packets go
    to the other party of the bridge, if that has T.38 too."""

    def write(self, ifp: bytes, times: int = 1) -> None:
        """Send an IFP packet, protected as was agreed, ``times`` times over where much depends on it.

        Nothing happens when the port is closed.
        """


class T38Driver(Protocol):
    """Further methods of a channel's driver whose far end may have T.38; plain functions that raise nothing.

    What becomes of them is told by :meth:`ChannelT38.negotiated`, :meth:`~ChannelT38.refused` and
    :meth:`~ChannelT38.ended`, from within the call or later.
    """

    @property
    def t38_available(self) -> bool:
        """Whether the far end may be asked for it at all."""

    @property
    def t38_port(self) -> T38Port | None:
        """The open port, ``None`` without T.38."""

    def t38_request(self, parameters: T38Parameters) -> None:
        """Ask the far end for T.38 instead of audio."""

    def t38_answer(self, parameters: T38Parameters | None) -> None:
        """Answer the far end's request: with these terms, or ``None``: refuse it."""

    def t38_end(self) -> None:
        """Ask the far end for audio again, or take back a request that is not answered yet."""


class T38User(Protocol):
    """Who has charge of T.38 on a channel. Plain functions; one that raises is logged."""

    def t38_requested(self, t38: ChannelT38) -> None:
        """The far end asks (``t38.asked``): to be answered by ``accept`` or ``refuse``, now or within some seconds."""

    def t38_changed(self, t38: ChannelT38) -> None:
        """T.38 was agreed on, was refused, or is over: see ``t38.state``."""


class ChannelT38:
    """T.38 on one channel; from :func:`t38_of`.

    Attributes:
        channel: whose it is.
        asked: the terms of the far end's request that waits for an answer; ``None``: there is none.
        parameters: what the far end has agreed to, as long as the state is ``NEGOTIATED``: what it can take.
        user: who has charge of it.
    """

    __slots__ = (
        "_answered", "_deaf", "_state", "_timer", "_wanted", "asked", "channel", "parameters", "user",
    )  # fmt: skip

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._state = T38State.UNKNOWN
        self.asked: T38Parameters | None = None
        self.parameters: T38Parameters | None = None
        self.user: T38User | None = None
        self._wanted: T38Parameters | None = None
        """Terms of our request that is not answered."""
        self._answered: list[Callable[[T38Parameters | None], None]] = []
        """Called with the far end's answer to it, ``None``: it has refused."""
        self._timer: asyncio.TimerHandle | None = None
        self._deaf: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<ChannelT38 {self.channel.name} {self.state.value}>"

    @property
    def state(self) -> T38State:
        """Where it stands."""
        driver = self.channel.driver
        if self.channel.dead or not getattr(driver, "t38_available", False):
            return T38State.UNAVAILABLE
        return self._state

    @property
    def port(self) -> T38Port | None:
        """Where the packets go in and out while T.38 is agreed."""
        port: T38Port | None = getattr(self.channel.driver, "t38_port", None)
        return port

    # -- what an application or a gateway does -------------------------------------------------------------------

    def use(self, user: T38User) -> None:
        """Take charge; the far end may have asked already (``asked``).

        Raises:
            RuntimeError: another one has.
        """
        if self.user is not None and self.user is not user:
            raise RuntimeError(f"another one has charge of T.38 on {self.channel.name}")
        self.user = user

    def release(self, user: T38User) -> None:
        """Give charge back: a request that is open is refused, and what is T.38 still becomes audio again soon."""
        if self.user is not user:
            return
        self.user = None
        if self.asked is not None:
            self.refuse()
        self.check()

    async def request(
        self, parameters: T38Parameters = USUAL, timeout: float = ANSWERED_WITHIN
    ) -> T38Parameters | None:
        """Ask the far end for T.38, unless it is agreed already; its terms, or ``None`` where it has refused.

        Where the far end has asked for it as well its request is accepted. After ``timeout`` seconds without an answer
        the request is taken back, and the result is ``None``.

        Raises:
            ChannelHangup: The channel has hung up, or was sent elsewhere (``Goto``).
        """
        channel = self.channel
        channel.check()
        found: asyncio.Future[bool] = channel.pbx.loop.create_future()
        answers: list[T38Parameters | None] = []

        def answered(answer: T38Parameters | None) -> None:
            answers.append(answer)
            if not found.done():
                found.set_result(True)

        self.ask(parameters, answered)
        if not answers:
            try:
                await channel.park(timeout, 0, found)
            finally:
                if not answers:
                    self._give_up(answered)
        return answers[0] if answers else None

    def ask(self, parameters: T38Parameters, answered: Callable[[T38Parameters | None], None]) -> None:
        """The same for who cannot wait: ``answered`` is called with the far end's terms, or ``None``, now or later."""
        state = self.state
        if state is T38State.UNAVAILABLE or not self.channel.alive:
            answered(None)
        elif state is T38State.NEGOTIATED:
            answered(self.parameters)
        elif self.asked is not None:
            self._answered.append(answered)
            self.accept(parameters)
        elif self._wanted is not None:
            self._answered.append(answered)
        else:
            self._answered.append(answered)
            self._wanted = parameters
            self._state = T38State.NEGOTIATING
            self.channel.ask_driver("t38_request", None, parameters)

    def accept(self, parameters: T38Parameters = USUAL) -> None:
        """Accept the far end's request, as far as ``parameters`` go; that T.38 is agreed on is told soon."""
        asked = self.asked
        if asked is not None:
            self._forget_request()
            self.channel.ask_driver("t38_answer", None, asked.meet(parameters))

    def refuse(self) -> None:
        """Refuse the far end's request; the call goes on as it was."""
        if self.asked is not None:
            self._forget_request()
            self.channel.ask_driver("t38_answer", None, None)
            self._settle(T38State.REJECTED)

    def leave(self) -> None:
        """Ask the far end for audio again, if it has T.38; told by ``t38_changed`` of the user."""
        if self._state is T38State.NEGOTIATED and self.channel.alive:
            self.channel.ask_driver("t38_end", None)

    async def end(self, timeout: float = ANSWERED_WITHIN) -> bool:
        """The same, and wait for it; whether there is audio again.

        Raises:
            ChannelHangup: The channel has hung up, or was sent elsewhere (``Goto``).
        """
        channel = self.channel
        channel.check()
        if self._state is T38State.NEGOTIATED:
            found: asyncio.Future[bool] = channel.pbx.loop.create_future()

            def over(_: T38Parameters | None) -> None:
                if not found.done():
                    found.set_result(True)

            self._answered.append(over)
            try:
                self.leave()
                if self._state is T38State.NEGOTIATED:
                    await channel.park(timeout, 0, found)
            finally:
                if over in self._answered:
                    self._answered.remove(over)
        return self._state is not T38State.NEGOTIATED

    # -- what the driver tells -----------------------------------------------------------------------------------

    def requested(self, parameters: T38Parameters, *, keep: bool = False) -> None:
        """The far end asks for T.38. ``keep``: somebody will have charge of it soon, who is waited for."""
        self._forget_request()
        self.asked = parameters
        self._state = T38State.NEGOTIATING
        if self._wanted is not None:
            self.accept(self._wanted)
            return
        self._timer = self.channel.pbx.loop.call_later(PATIENCE, self.refuse)
        if self.user is not None:
            self._tell_user("t38_requested")
        elif not keep:
            self._ask_other(parameters)

    def withdrawn(self) -> None:
        """The far end has taken its request back, which may have been accepted already, but is not answered."""
        self._forget_request()
        if self._state is T38State.NEGOTIATING and self._wanted is None:
            self._settle(T38State.UNKNOWN)

    def negotiated(self, parameters: T38Parameters) -> None:
        """T.38 is agreed on, or its terms have changed; ``parameters`` are the far end's."""
        self._forget_request()
        self.parameters = parameters
        if not self._deaf:
            bus, owner = self.channel.pbx.bus, self.channel.pbx.owner
            for kind in (events.BRIDGE_ENTER, events.BRIDGE_LEAVE):
                self._deaf.append(bus.subscribe(owner, kind, self._bridge_changed))
        self._settle(T38State.NEGOTIATED, parameters)

    def refused(self) -> None:
        """The far end has refused our request."""
        self._settle(T38State.REJECTED)

    def ended(self) -> None:
        """There is audio again, or the call is over."""
        self._forget_request()
        self._settle(T38State.UNKNOWN)

    # -- details -------------------------------------------------------------------------------------------------

    def _settle(self, state: T38State, answer: T38Parameters | None = None) -> None:
        self._state, self._wanted = state, None
        if state is not T38State.NEGOTIATED:
            self.parameters = None
            while self._deaf:
                self._deaf.pop()()
            other = self._other() if self.user is None else None
            if other is not None:
                other.check()  # it may have agreed already
        waiting, self._answered = self._answered, []
        for answered in waiting:
            attempt(self.channel.pbx.log, "an answer to T.38", None, answered, answer)
        self._tell_user("t38_changed")

    def _tell_user(self, method: str) -> None:
        if self.user is not None:
            attempt(self.channel.pbx.log, f"{method} of {self.channel.name}", None, getattr(self.user, method), self)

    def _forget_request(self) -> None:
        self.asked = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self, answered: Callable[[T38Parameters | None], None]) -> None:
        """Nobody waits for the far end's answer any more."""
        if answered in self._answered:
            self._answered.remove(answered)
        if self._wanted is not None and not self._answered:
            self._wanted = None
            self._state = T38State.UNKNOWN
            self.channel.ask_driver("t38_end", None)

    def _other(self) -> ChannelT38 | None:
        """That of the other party of the bridge; ``None``: there is none to talk to."""
        bridge = self.channel.bridge
        peer = None if bridge is None else bridge.peer(self.channel)
        if peer is None or peer.away or self.channel.away:
            return None
        return t38_of(peer)

    def _ask_other(self, parameters: T38Parameters) -> None:
        """Pass the far end's request on to the other party; its answer is ours."""
        other = self._other()
        if other is None or other.user is not None:
            self.refuse()
        else:
            other.ask(parameters, partial(self._other_answered, other))

    def _other_answered(self, other: ChannelT38, answer: T38Parameters | None) -> None:
        if self.asked is None:
            other.check()  # too late: the far end has taken its request back, or the time is over
        elif answer is None:
            self.refuse()
        else:
            self.accept(answer)

    def _bridge_changed(self, _: EventType, args: tuple[object, ...]) -> None:
        if self.user is None and len(args) > 1:
            self.check()

    def check(self) -> None:
        """See soon whether somebody is at the other end of the fax: if not, it becomes audio again."""
        if self._state is T38State.NEGOTIATED and self._timer is None:
            self._timer = self.channel.pbx.loop.call_later(_LEFT_ALONE, self._check)

    def _check(self) -> None:
        """Go back to audio unless somebody is at the other end of the fax: the user, or a party with T.38 as well."""
        self._timer = None
        if self.user is not None:
            return
        other = self._other()
        if other is None or other.user is not None or other.state not in _GOING_ON:
            self.leave()


_GOING_ON = frozenset((T38State.NEGOTIATED, T38State.NEGOTIATING))


def t38_of(channel: Channel) -> ChannelT38:
    """T.38 on a channel."""
    found: ChannelT38 | None = channel.data.get(_KEY)
    if found is None:
        found = channel.data[_KEY] = ChannelT38(channel)
    return found


def known_t38(channel: Channel) -> ChannelT38 | None:
    """The same, ``None`` where nobody has ever asked for it."""
    found: ChannelT38 | None = channel.data.get(_KEY)
    return found
