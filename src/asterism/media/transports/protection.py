"""The keys of a media transport, both directions, and how one follows another (RFC 3711 8.1, RFC 4568 6.4)."""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import TypeVar

from asterism.media.transports.parameters import SrtpKey
from asterism.media.transports.srtp import WINDOW, Buffers, Inbound, Outbound

_KEPT = 4
"""Keys of one direction whose state is kept: phones that a call has forked to may answer by turns, each with its own.
What goes on under a key of before goes on where it was: no number is used again, and nothing is taken twice."""
REKEY_SECONDS = 2.0
"""For how long what was sent under the peer's last key is still taken, unless the first packet under the new one comes
before."""


_State = TypeVar("_State", Inbound, Outbound)


def _keep(states: OrderedDict[SrtpKey, _State], key: SrtpKey, state: _State) -> None:
    """Keep the state of a key; that of the key whose use is longest ago makes room."""
    states[key] = state
    states.move_to_end(key)
    if len(states) > _KEPT:
        states.popitem(last=False)


class State(Enum):
    """What becomes of packets."""

    WAITING = "waiting"
    """Nothing is known of the peer yet, or no key: they are dropped, both ways."""
    PLAIN = "plain"
    """They pass as they are."""
    SECURE = "secure"
    """They are protected, both ways."""
    CLOSED = "closed"
    """Nothing passes."""


class Protection:
    """What protects the packets of a transport, once there are keys.

    Attributes:
        outbound: what is sent.
        inbound: what comes.
    """

    __slots__ = ("_buffers", "_old", "_old_until", "_received", "_sent", "inbound", "outbound")

    def __init__(self, buffers: Buffers) -> None:
        self._buffers = buffers
        self.outbound: Outbound | None = None
        self.inbound: Inbound | None = None
        self._old: Inbound | None = None
        self._old_until = 0.0
        self._sent: OrderedDict[SrtpKey, Outbound] = OrderedDict()
        self._received: OrderedDict[SrtpKey, Inbound] = OrderedDict()

    def take(self, sent: SrtpKey, received: SrtpKey, now: float, window: int = WINDOW) -> None:
        """Send and take packets under these keys from now on; those that hold already go on.

        Raises:
            ValueError: a key is none, ours was used elsewhere or long before, or the peer's is ours; nothing has
                changed then.
        """
        if sent.key == received.key:
            raise ValueError("the peer's key is ours")
        inbound = self._received.get(received) or Inbound(self._buffers, received, window)
        self.outbound = self._sent.get(sent) or Outbound(self._buffers, sent)
        if inbound is not self.inbound:
            self._old, self._old_until = self.inbound, now + REKEY_SECONDS
            self.inbound = inbound
        _keep(self._sent, sent, self.outbound)
        _keep(self._received, received, inbound)

    def clear(self) -> None:
        """Have nothing sent, nor taken, until there are keys again."""
        self.outbound = self.inbound = self._old = None

    @property
    def changing(self) -> bool:
        """Whether packets under the peer's last key are still taken."""
        return self._old is not None

    def unprotect(self, size: int, now: float, *, control: bool = False) -> int:
        """The size of the packet that the first ``size`` octets received are; 0: it is not the peer's, or too late."""
        inbound, old = self.inbound, self._old
        if inbound is None:
            return 0
        if old is None:
            return inbound.unprotect_rtcp(size) if control else inbound.unprotect(size)
        # What is not authentic may be changed by the attempt (RFC 7714: decrypted before it is known).
        packet = bytes(self._buffers.views[size])
        made = inbound.unprotect_rtcp(size) if control else inbound.unprotect(size)
        if made or now >= self._old_until:
            self._old = None
            return made
        self._buffers.received[:size] = packet
        return old.unprotect_rtcp(size) if control else old.unprotect(size)

    def protect(self, packet: memoryview | bytes) -> memoryview:
        """The protected packet, good until the next one. Raises ``OSError`` where it must not be sent."""
        if self.outbound is None:
            raise BlockingIOError("there is no key yet")
        return self.outbound.protect(packet)

    def protect_rtcp(self, packet: memoryview | bytes) -> memoryview:
        """The same for RTCP."""
        if self.outbound is None:
            raise BlockingIOError("there is no key yet")
        return self.outbound.protect_rtcp(packet)
