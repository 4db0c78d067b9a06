"""The ids of objects that are made of ``sip.conf``."""

from __future__ import annotations

from asterism.chan_sip.objects.peer import SipPeer

OWN = "sip.conf/"
"""Begins the ids of objects that are made of ``[general]``; no section of a peer has such a name."""
GUEST = f"{OWN}guest"
"""The endpoint of callers who are nobody's."""


class Names:
    """The names that a server gives them: those of a peer are its own, the rest cannot be those of a section.

    ``asterism migrate`` derives from this: names for a file that people go on with.
    """

    identifies = False
    """Whether ``identify`` objects are made. A server does without: it finds peers of ``sip.conf`` in its own way."""

    written = False
    """Whether the objects are written to a file, which other servers may read: then nothing is left to this one."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}
        """Transports of other files that serve where ``sip.conf`` wants one: their ids by protocol."""

    def endpoint(self, peer: SipPeer) -> str:
        """The endpoint; of a user that has a peer of its name beside it, ``name/user``."""
        return peer.id

    def aor(self, peer: SipPeer) -> str:
        """The AOR."""
        return peer.id

    def inbound_auth(self, peer: SipPeer) -> str:
        """What the peer must know."""
        return f"{peer.id}/in"

    def outbound_auth(self, peer: SipPeer, number: int = 0) -> str:
        """What the peer is told; ``number`` counts those for single realms from 1."""
        return f"{peer.id}/out{number or ''}"

    def identify(self, peer: SipPeer) -> str:
        """How the peer is recognised."""
        return f"{peer.id}/identify"

    def transport(self, protocol: str, family: int = 4) -> str:
        """The transport of a protocol; ``family`` 6 is the second one that ``::`` makes."""
        return self.given.get(protocol) or f"{OWN}{protocol}{'6' if family == 6 else ''}"

    def general_auth(self, number: int) -> str:
        """Credentials of ``[authentication]``, counted from 1."""
        return f"{OWN}auth{number}"

    def registration(self, number: int) -> str:
        """The registration of a ``register`` line, counted from 1."""
        return f"{OWN}register{number}"

    def registration_auth(self, number: int) -> str:
        """The credentials of a registration."""
        return f"{OWN}register{number}/out"

    def mwi(self, number: int) -> str:
        """The subscription of an ``mwi`` line, counted from 1."""
        return f"{OWN}mwi{number}"

    def mwi_auth(self, number: int) -> str:
        """The credentials of such a subscription."""
        return f"{OWN}mwi{number}/out"

    def guest(self) -> str:
        """The endpoint of calls from and to those who are no peers."""
        return GUEST

    def contact_acl(self) -> str:
        """The access list of the ``contactpermit`` and ``contactdeny`` lines of ``[general]``."""
        return f"{OWN}contact"
