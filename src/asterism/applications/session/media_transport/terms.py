"""Which transports of media are agreed on: one table for what is offered to us, and for answers to our offers.

The rows are the options' ``media_encryption`` and what a section offers; what is in none of them is refused, with words
that say why. The rest (feedback, ICE, RTCP on one port, BUNDLE) is agreed on where both sides have it.
"""

from __future__ import annotations

from enum import Enum, Flag, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from asterism.applications.session.media_transport import crypto
from asterism.applications.session.media_transport.crypto import CryptoLine

if TYPE_CHECKING:
    from asterism.applications.session.media_transport.sections import SectionTransport
    from asterism.sip.objects.endpoint import Endpoint


class Options(NamedTuple):
    """What an endpoint's options say of the transport of its media."""

    encryption: str = "no"
    """``no``, ``sdes`` or ``dtls``."""
    optimistic: bool = False
    """Media may go in the clear where the peer does not encrypt (RFC 8643)."""
    suites: tuple[str, ...] = crypto.DEFAULT_SUITES
    """The crypto suites that are accepted."""
    offered_suites: tuple[str, ...] = crypto.DEFAULT_SUITES[:1]
    setup: str = "active"
    """``dtls_setup``."""
    feedback: bool = False
    """``use_avpf``."""
    force_avp: bool = False
    any_profile: bool = False
    """``media_use_received_transport``."""
    ice: bool = False
    mux: bool = False
    bundle: bool = False
    browser: bool = False
    """``webrtc``."""
    in_clear: bool = False
    """The peer has refused an offer with the profile of DTLS-SRTP: the next goes over ``RTP/AVP`` (RFC 8643)."""

    @classmethod
    def of(cls, endpoint: Endpoint) -> Options:
        """Those of an endpoint."""
        suites = tuple(endpoint.srtp_suites) or crypto.DEFAULT_SUITES
        offered = tuple(endpoint.srtp_suites) or crypto.DEFAULT_SUITES[endpoint.srtp_tag_32 :][:1]
        return cls(
            endpoint.media_encryption, endpoint.media_encryption_optimistic, suites, offered, endpoint.dtls_setup,
            endpoint.use_avpf, endpoint.force_avp, endpoint.media_use_received_transport, endpoint.ice_support,
            endpoint.rtcp_mux, endpoint.bundle, endpoint.webrtc,
        )  # fmt: skip

    @property
    def plain(self) -> bool:
        """Whether nothing but plain RTP on ports of its own is agreed on or offered."""
        return self.encryption == "no" and not (
            self.feedback or self.any_profile or self.ice or self.mux or self.bundle or self.browser
        )

    @property
    def protocol(self) -> str:
        """What stands in the ``m=`` lines of our offers."""
        kind = self.encryption
        if self.optimistic and (kind == "sdes" or self.in_clear):
            kind = "no"
        elif kind == "dtls" and self.force_avp:
            kind = "sdes"
        return _OFFERED[kind] + ("F" if self.feedback else "")

    @property
    def yields(self) -> bool:
        """Whether an offer that was refused may be followed by one that a peer without encryption takes.

        With SDES the first one is so (RFC 8643). Peers that know DTLS-SRTP expect the profile that names it.
        """
        return self.optimistic and self.encryption == "dtls" and not self.browser and not self.in_clear


_OFFERED: Final = {"no": "RTP/AVP", "sdes": "RTP/SAVP", "dtls": "UDP/TLS/RTP/SAVP"}


class Protection(Enum):
    """How packets are protected."""

    NONE = ""
    SDES = "sdes"
    DTLS = "dtls"


class _When(Flag):
    """The options with one of which a row of the table holds."""

    ALWAYS = auto()
    OPTIMISTIC = auto()
    LENIENT = auto()
    """``force_avp`` or ``media_use_received_transport``: the profile's name does not count."""


_NONE, _SDES, _DTLS = Protection.NONE, Protection.SDES, Protection.DTLS
_BOTH = (True, False)
TABLE: Final[dict[tuple[str, str, bool], tuple[Protection, _When]]] = {
    # media_encryption, family of the profile, whether keys (or fingerprints) of that kind come with it
    **{("no", "plain", keyed): (_NONE, _When.ALWAYS) for keyed in _BOTH},
    ("sdes", "srtp", True): (_SDES, _When.ALWAYS),
    ("sdes", "plain", True): (_SDES, _When.ALWAYS),
    ("sdes", "plain", False): (_NONE, _When.OPTIMISTIC),
    ("dtls", "dtls", True): (_DTLS, _When.ALWAYS),
    ("dtls", "srtp", True): (_DTLS, _When.LENIENT),
    ("dtls", "plain", True): (_DTLS, _When.LENIENT | _When.OPTIMISTIC),
    ("dtls", "plain", False): (_NONE, _When.OPTIMISTIC),
}
_NO_ROW: Final = (_NONE, _When(0))


class TransportTerms(NamedTuple):
    """What is agreed of one section's transport.

    Attributes:
        protocol: as the ``m=`` line of the answer has it.
        protection: how packets are protected.
        crypto: the peer's key, with SDES.
        feedback: whether reports may be sent at any time (RFC 4585).
        setup: what our description says of the DTLS handshake; empty: nothing.
        role: what we do in it, ``active`` or ``passive``; empty: it is not to begin yet (``holdconn``).
        ice, mux: whether those are used.
        mid: the section's name; empty: it has none.
        group: the names of its BUNDLE group, empty without one.
    """

    protocol: str = "RTP/AVP"
    protection: Protection = Protection.NONE
    crypto: CryptoLine | None = None
    feedback: bool = False
    setup: str = ""
    role: str = ""
    ice: bool = False
    mux: bool = False
    mid: str = ""
    group: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Whether this is nothing but RTP on ports of its own."""
        return not (self.protection is not Protection.NONE or self.feedback or self.ice or self.mux or self.group)


PLAIN: Final = TransportTerms()


class Refused(NamedTuple):
    """A section cannot be had."""

    why: str
    """Words that follow "its audio"."""


def accept(options: Options, offered: SectionTransport, role: str = "") -> TransportTerms | Refused:
    """The terms of our answer to an offered section.

    Args:
        options: the endpoint's.
        offered: what the section says.
        role: what we do in the DTLS association that is there already, to be kept where the offer leaves it to us.
    """
    lenient = options.any_profile or options.force_avp
    found = _protection(options, offered, options.suites, lenient)
    if isinstance(found, Refused):
        return found
    profile = offered.profile
    assert profile is not None
    if profile.feedback != options.feedback and not options.any_profile:
        return Refused(f"goes over {offered.protocol}, but use_avpf is {'yes' if options.feedback else 'no'}")
    setup, does = _answered_role(options.setup, offered.setup, role) if found is Protection.DTLS else ("", "")
    mux = options.mux and offered.mux
    # RTCP must be on one port in a group (RFC 8843 9.3).
    group = offered.group if options.bundle and mux else ()
    if offered.disabled and not group:
        return Refused("is to be had in a BUNDLE group only, but bundle is no")
    return TransportTerms(
        offered.protocol,
        found,
        crypto.chosen(offered.crypto, options.suites) if found is Protection.SDES else None,
        profile.feedback,
        setup,
        does,
        options.ice and offered.ice is not None and (offered.trickle or bool(offered.ice.candidates)),
        mux,
        offered.mid if options.bundle else "",
        group,
    )


def take_answer(
    options: Options, offered: TransportTerms, answered: SectionTransport, suites: tuple[str, ...] = ()
) -> TransportTerms | Refused:
    """The terms after the peer's answer.

    Args:
        options: the endpoint's.
        offered: what we offered.
        answered: the section of the answer.
        suites: the crypto suites that we offered; empty: those that are offered at first.
    """
    suites = suites or options.offered_suites
    found = _protection(options, answered, suites, lenient=True)
    if isinstance(found, Refused):
        return found
    profile = answered.profile
    assert profile is not None
    group = answered.group if offered.group and offered.mid in answered.group else ()
    return TransportTerms(
        answered.protocol,
        found,
        crypto.chosen(answered.crypto, suites) if found is Protection.SDES else None,
        offered.feedback and profile.feedback,
        offered.setup,
        _role_of_answer(offered.setup, answered.setup) if found is Protection.DTLS else "",
        offered.ice and answered.ice is not None,
        offered.mux and answered.mux,
        offered.mid,
        group,
    )


def offer(options: Options, mid: str, setup: str = "") -> TransportTerms:
    """The terms of a section of our offer.

    Args:
        options: the endpoint's.
        mid: what it is called, where it is called anything.
        setup: what it says of an association that is there already.
    """
    protection = Protection(options.encryption) if options.encryption != "no" else Protection.NONE
    return TransportTerms(
        options.protocol, protection, None, options.feedback,
        (setup or options.setup) if protection is Protection.DTLS else "", "",
        options.ice, options.mux, mid if options.bundle else "", (mid,) if options.bundle else (),
    )  # fmt: skip


def _protection(
    options: Options, section: SectionTransport, suites: tuple[str, ...], lenient: bool
) -> Protection | Refused:
    """Look a section up in the table."""
    profile = section.profile
    if profile is None:
        return Refused(f"goes over {section.protocol}, which is not available")
    line = crypto.chosen(section.crypto, suites)
    keyed = bool(section.fingerprints) if options.encryption == "dtls" else line is not None
    has = _When.ALWAYS
    if options.optimistic:
        has |= _When.OPTIMISTIC
    if lenient:
        has |= _When.LENIENT
    protection, when = TABLE.get((options.encryption, profile.family, keyed), _NO_ROW)
    if when & has:
        return protection
    return Refused(_why(options, section, profile.family, keyed))


def _why(options: Options, section: SectionTransport, family: str, keyed: bool) -> str:
    """Why a section is in no row of the table that holds."""
    wanted = f"media_encryption is {options.encryption}"
    if family == "plain" and not keyed:
        return f"is not encrypted, but {wanted}"
    if keyed or options.encryption == "no" or (options.encryption, family) not in _KEYS:
        return f"goes over {section.protocol}, but {wanted}"
    return f"goes over {section.protocol} without {_KEYS[options.encryption, family]}"


_KEYS: Final = {
    ("sdes", "srtp"): "an a=crypto line that can be used",
    ("dtls", "dtls"): "an a=fingerprint line that can be used",
}


def _answered_role(configured: str, offered: str, role: str) -> tuple[str, str]:
    """What our answer says of the handshake, and what we do (RFC 4145 4.1, RFC 5763 5).

    An offer that says nothing is answered ``actpass``, as in Asterisk 22, and taken for ``active``.
    """
    if offered == "holdconn":
        return "", role
    if offered == "":
        return "actpass", role or "passive"
    if offered != "actpass":
        return _OPPOSITE[offered], _OPPOSITE[offered]
    does = role or ("passive" if configured == "passive" else "active")
    return does, does


def _role_of_answer(offered: str, answered: str) -> str:
    """What we do after the peer's answer; what our offer settled counts, as for baresip, which repeats ``active``."""
    if answered == "holdconn":
        return ""
    if offered in _OPPOSITE:
        return offered
    return _OPPOSITE.get(answered, "active")


_OPPOSITE: Final = {"active": "passive", "passive": "active"}
