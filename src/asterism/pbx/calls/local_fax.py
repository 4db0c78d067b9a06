"""T.38 through Local channels: what one half is asked, whoever is beyond the other half answers.

A half is the far end of the other one's channel (:class:`~asterism.pbx.channels.t38.T38Driver`). A request to it is the
request of the other half's far end, which its user, or its party in a bridge, answers as that of a phone; so it goes
through any number of Local channels. When both have agreed the halves get a pair of ports, and the bridges on both
sides pass the packets on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asterism.media.ifp_port import ifp_pair
from asterism.media.memory import MAX_PAIRS
from asterism.media.stream import IMAGE, ChannelStream
from asterism.pbx.channels.fax_tone import expects_request, goes_to_fax
from asterism.pbx.channels.t38 import known_t38, t38_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from asterism.media.ifp_port import IfpEnd
    from asterism.pbx.calls.local import LocalPair
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.channels.t38 import T38Parameters


class FaxHalf:
    """What a half has of T.38."""

    __slots__ = ("_fax_port", "_fax_wanted", "channel", "other", "pair", "parted", "streams")

    channel: Channel
    other: Self

    def __init__(self, pair: LocalPair, streams: Sequence[ChannelStream]) -> None:
        self.pair = pair
        self.streams = list(streams)
        self.parted = False
        """Whether the other half has gone and is told of nothing further."""
        self._fax_port: IfpEnd | None = None
        self._fax_wanted: T38Parameters | None = None
        """The terms of a request to it that is not answered."""

    # -- T38Driver -------------------------------------------------------------------------------------------

    @property
    def t38_available(self) -> bool:
        """Whether there is somebody beyond the other half who may be asked."""
        half: FaxHalf = self
        for _ in range(MAX_PAIRS):
            if half.parted:
                return False
            if half._fax_port is not None:
                return True
            beyond = half.other.channel
            t38, bridge = known_t38(beyond), beyond.bridge
            if (t38 is not None and t38.user is not None) or expects_request(beyond):
                return True
            peer = None if bridge is None else bridge.peer(beyond)
            if peer is None or peer.dead:
                return False
            driver: Any = peer.driver
            if not isinstance(driver, FaxHalf):
                return bool(getattr(driver, "t38_available", False))
            half = driver
        return False

    @property
    def t38_port(self) -> IfpEnd | None:
        """The end of the pair of ports, while T.38 is agreed."""
        return self._fax_port

    def t38_request(self, parameters: T38Parameters) -> None:
        """The other half's far end asks for T.38."""
        self._fax_wanted = parameters
        self.channel.pbx.loop.call_soon(self._ask_other, parameters)

    def _ask_other(self, parameters: T38Parameters) -> None:
        if self._fax_wanted is not parameters:
            return  # it was taken back
        beyond = self.other.channel
        if self.parted or beyond.dead:
            self._refused()
        else:
            t38_of(beyond).requested(parameters, keep=goes_to_fax(beyond, expects_request(beyond)))

    def t38_answer(self, parameters: T38Parameters | None) -> None:
        """The other half's far end answers the request that was made to that half."""
        asker = self.other
        if asker._fax_wanted is not None:
            self.channel.pbx.loop.call_soon(asker._answered, parameters)

    def _answered(self, parameters: T38Parameters | None) -> None:
        wanted, other = self._fax_wanted, self.other
        if wanted is None:
            self._withdraw()
        elif parameters is None or self.parted or self.channel.dead or other.channel.dead:
            self._refused()
        else:
            self._fax_wanted = other._fax_wanted = None
            ports = ifp_pair()
            other._set_fax_port(ports[0])
            self._set_fax_port(ports[1])
            t38_of(other.channel).negotiated(parameters._replace(max_ifp=wanted.max_ifp))
            t38_of(self.channel).negotiated(parameters)

    def t38_end(self) -> None:
        """The other half's far end wants audio again, or takes its request back."""
        self._fax_wanted = None
        self.channel.pbx.loop.call_soon(self._withdraw if self._fax_port is None else self._end_fax)

    # -- details ---------------------------------------------------------------------------------------------

    def _refused(self) -> None:
        self._fax_wanted = None
        if not self.channel.dead:
            t38_of(self.channel).refused()
        self.pair.consider()

    def _withdraw(self) -> None:
        """Nobody asks the other half any more."""
        t38 = known_t38(self.other.channel)
        if t38 is not None and self._fax_wanted is None and self._fax_port is None:
            t38.withdrawn()
            self.pair.consider()

    def _end_fax(self) -> None:
        """There is audio again."""
        if self._fax_port is not None:
            for half in (self, self.other):
                half._set_fax_port(None)
                t38_of(half.channel).ended()

    def _set_fax_port(self, port: IfpEnd | None) -> None:
        channel, before = self.channel, self._fax_port
        self._fax_port = port
        if before is not None:
            before.close()
        self.streams = [each for each in self.streams if each.type != IMAGE]
        if port is not None:
            stream: Any = port  # connected as streams of audio are, by ``relay_to``
            self.streams.append(ChannelStream(IMAGE, stream))
        channel.streams_changed()
        if channel.bridge is not None:
            channel.bridge.connect_media()

    def close_fax(self) -> None:
        """The half is over."""
        self._fax_wanted = None
        if self._fax_port is not None:
            self._fax_port.close()
            self._fax_port = None
        t38 = known_t38(self.channel)
        if t38 is not None:
            t38.ended()
