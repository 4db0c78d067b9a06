"""Ports for the IFP packets of T.38, whatever carries them; and pairs of them inside the server.

Each port hands what comes to whoever has taken charge of it, or passes it on to another port. The two halves of a Local
channel have a pair of ports, where what is written to one comes at the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asterism.media.formats import Format


class IfpPort:
    """A port.

    Attributes:
        on_ifp: called with the sequence number (16 bits) and the octets of each IFP packet that comes; ``None``: they
            go to where :meth:`relay_to` says.
        relays_to: that one.
        closed: whether it is over.
    """

    __slots__ = ("closed", "on_ifp", "relays_to", "sink")

    formats: Sequence[Format] = ()
    """There are none: it is no audio."""

    def __init__(self) -> None:
        self.closed = False
        self.on_ifp: Callable[[int, bytes], None] | None = None
        self.relays_to: IfpPort | None = None
        self.sink: Any = None
        """Unused; streams of audio have one."""

    def write(self, ifp: bytes, times: int = 1) -> None:
        """Send an IFP packet, ``times`` times over where much depends on it; nothing happens when it is closed."""
        raise NotImplementedError

    def skip(self) -> None:
        """What would be sent next is lost, which the far end is to see; nothing happens when it is closed."""
        raise NotImplementedError

    def relay_to(self, other: object) -> bool:
        """Hand IFP packets to another port, ``None``: to none; whether it is one."""
        self.relays_to = other if isinstance(other, IfpPort) and other is not self else None
        return self.relays_to is not None

    def give(self, sequence: int, ifp: bytes) -> None:
        """Hand one on; without octets it stands for what is lost, which ``on_ifp`` sees by the next number."""
        if self.on_ifp is not None:
            if ifp:
                self.on_ifp(sequence, ifp)
        elif self.relays_to is not None:
            if ifp:
                self.relays_to.write(ifp)
            else:
                self.relays_to.skip()

    def close(self) -> None:
        """Be over; harmless when it is."""
        self.closed = True
        self.on_ifp = self.relays_to = None


class IfpEnd(IfpPort):
    """One end of a pair; from :func:`ifp_pair`."""

    __slots__ = ("_other", "_sequence", "_writing")

    def __init__(self) -> None:
        super().__init__()
        self._other: IfpEnd | None = None
        self._sequence = 0
        self._writing = False

    def write(self, ifp: bytes, times: int = 1) -> None:
        """See :class:`IfpPort`; between the ends nothing is lost: once is enough."""
        self._pass(ifp)

    def skip(self) -> None:
        """See :class:`IfpPort`."""
        self._pass(b"")

    def _pass(self, ifp: bytes) -> None:
        other = self._other
        if other is None or self._writing:
            return
        self._writing = True  # pairs may be joined in a circle: nothing goes around twice
        sequence, self._sequence = self._sequence, self._sequence + 1 & 0xFFFF
        try:
            other.give(sequence, ifp)
        finally:
            self._writing = False

    def close(self) -> None:
        """Part the pair: both ends are closed."""
        super().close()
        other, self._other = self._other, None
        if other is not None:
            other.close()


def ifp_pair() -> tuple[IfpEnd, IfpEnd]:
    """Two ends."""
    one, two = IfpEnd(), IfpEnd()
    one._other, two._other = two, one
    return one, two
