"""What a media transport needs of ICE and of DTLS, and what it is made with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from asterism.media.source import Address
from asterism.media.transports.candidates import Base
from asterism.media.transports.parameters import IceParameters

if TYPE_CHECKING:
    from asterism.media.transports.transport import MediaTransport


class IceAgent(Protocol):
    """Finds and keeps the path to the peer; see :mod:`asterism.media.transports.ice`."""

    mux: bool
    on_selected: Callable[[int, Base, Address], None]
    on_relayed: Callable[[int, bytes, Address], None]
    on_failed: Callable[[int, str], None]

    @property
    def local(self) -> IceParameters:
        """What our next description tells: credentials and candidates."""

    @property
    def gathers(self) -> bool:
        """Whether a description has to wait for :meth:`gather`."""

    async def gather(self) -> None:
        """Ask servers for further candidates."""

    @property
    def lost(self) -> bool:
        """Whether the next offer should ask for a restart, because there is no path."""

    def restart(self) -> None:
        """Have the next offer ask for a restart."""

    def roll_back(self) -> None:
        """Forget that offer."""

    def apply(self, remote: IceParameters, *, controlling: bool) -> None:
        """Take the peer's credentials and candidates; others than before restart it."""

    def receive(self, data: bytes, address: Address, component: int) -> None:
        """Take a STUN message."""

    def close(self) -> None:
        """End."""


class DtlsAgent(Protocol):
    """Agrees on keys with the peer; see :mod:`asterism.media.transports.dtls`."""

    def fingerprint(self) -> tuple[str, str]:
        """Hash and value of our fingerprint."""

    def start(
        self,
        role: str,
        fingerprints: Sequence[tuple[str, str]],
        *,
        address: Address | None = None,
        by_ice: bool = False,
        new: bool = False,
    ) -> None:
        """Begin the handshake, or go on with the association that there is."""

    def stop(self) -> None:
        """Forget the association, and seek no other."""

    @property
    def renewing(self) -> bool:
        """Whether the peer may have new keys already."""

    def path_ready(self, address: Address) -> None:
        """ICE has found the peer there."""

    def receive(self, datagram: bytes, address: Address) -> None:
        """Take a datagram from anywhere."""

    def close(self) -> None:
        """End."""


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """What a transport is to be able to do; which of it is done, the peer decides too.

    Attributes:
        ice: makes its ICE agent: ``Media.make_ice``.
        dtls: makes a DTLS agent of a component (1: RTP; 2: RTCP that has a port of its own), as what
            :func:`~asterism.media.transports.dtls.dtls_agents` gives.
    """

    ice: Callable[[MediaTransport], IceAgent] | None = None
    dtls: Callable[[MediaTransport, int], DtlsAgent] | None = None
