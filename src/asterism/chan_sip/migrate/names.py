"""The names of the objects that a migrated ``pjsip.conf`` has."""

from __future__ import annotations

from asterism.chan_sip.objects.peer import USER_SUFFIX, SipPeer
from asterism.chan_sip.translation.names import Names


class PlainNames(Names):
    """Names for a file that people go on with: those of the sections, and short ones for the rest."""

    identifies = True
    written = True

    def endpoint(self, peer: SipPeer) -> str:
        """The section's name."""
        return peer.id.replace(USER_SUFFIX, "-user")

    def aor(self, peer: SipPeer) -> str:
        """The endpoint's, so that phones can register as what they are called."""
        return self.endpoint(peer)

    def inbound_auth(self, peer: SipPeer) -> str:
        """The endpoint's."""
        return self.endpoint(peer)

    def outbound_auth(self, peer: SipPeer, number: int = 0) -> str:
        """The endpoint's, with a word behind."""
        return f"{self.endpoint(peer)}-out{number or ''}"

    def identify(self, peer: SipPeer) -> str:
        """The endpoint's."""
        return self.endpoint(peer)

    def transport(self, protocol: str, family: int = 4) -> str:
        """``transport-udp``, or what is there already."""
        return self.given.get(protocol) or f"transport-{protocol}{'6' if family == 6 else ''}"

    def general_auth(self, number: int) -> str:
        """Credentials of ``[authentication]``."""
        return f"authentication-{number}"

    def registration(self, number: int) -> str:
        """The registration of the n-th ``register`` line."""
        return f"register-{number}"

    def registration_auth(self, number: int) -> str:
        """Its credentials have its name."""
        return self.registration(number)

    def mwi(self, number: int) -> str:
        """The subscription of the n-th ``mwi`` line."""
        return f"mwi-{number}"

    def mwi_auth(self, number: int) -> str:
        """Its credentials have its name."""
        return self.mwi(number)

    def contact_acl(self) -> str:
        """The access list for contacts."""
        return "contacts"
