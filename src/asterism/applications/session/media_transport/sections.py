"""What a section of the peer's description says of the transport of its media, with what its session level adds.

Lines that are malformed count as absent: whether what is left will do is decided in :mod:`.terms`. What stands at both
levels is taken from the section (RFC 8839 5.4, RFC 8122 5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from asterism.applications.session.media_transport import crypto
from asterism.applications.session.media_transport.crypto import CryptoLine
from asterism.media.sockets import is_address
from asterism.media.transports.parameters import IceParameters

if TYPE_CHECKING:
    from asterism.media.transports.parameters import Address
    from asterism.stack.sdp import MediaDescription, SessionDescription

MOST_CANDIDATES = 64
"""Candidates of one section that are looked at."""
MOST_FINGERPRINTS = 8
LONGEST_CANDIDATE = 512
"""Characters of a candidate that is looked at."""
MOST_GROUPS = 16
"""Groups of one description that are looked at."""
MOST_LINES = 128
"""Lines about feedback, sources or header extensions that are looked at."""

_HASHES = MappingProxyType({"sha-1": 20, "sha-256": 32, "sha-384": 48, "sha-512": 64})
"""Octets of the hashes that can be verified. MD5 and MD2 (RFC 8122 5) are none to trust."""
SETUPS = frozenset(("active", "passive", "actpass", "holdconn"))
_fingerprint = re.compile(r"([A-Za-z0-9-]{1,16})\s+([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){15,63})").fullmatch
_ufrag = re.compile(r"[A-Za-z0-9+/]{4,256}").fullmatch
_password = re.compile(r"[A-Za-z0-9+/]{22,256}").fullmatch
_token = re.compile(r"[!#-'*+\-.0-9A-Z^-~]{1,64}").fullmatch
_digits = re.compile(r"[0-9]{1,10}").fullmatch
_rtcp = re.compile(r"([0-9]{1,5})(?:\s+IN\s+IP[46]\s+(\S{1,64}))?").fullmatch


class Profile(NamedTuple):
    """A transport of RTP, as an ``m=`` line has it."""

    family: str
    """``plain``, ``srtp`` (keys may come in any way), or ``dtls``."""
    feedback: bool
    """Whether reports may be sent at any time (RFC 4585)."""


PROFILES = MappingProxyType(
    {
        "RTP/AVP": Profile("plain", False),
        "RTP/AVPF": Profile("plain", True),
        "RTP/SAVP": Profile("srtp", False),
        "RTP/SAVPF": Profile("srtp", True),
        "UDP/TLS/RTP/SAVP": Profile("dtls", False),
        "UDP/TLS/RTP/SAVPF": Profile("dtls", True),
    }
)


class SectionTransport(NamedTuple):
    """The transport of one section.

    Attributes:
        protocol: as its ``m=`` line has it, in capitals.
        crypto: the keys that can be used.
        fingerprints: each with its hash in lower case, in capitals with colons.
        setup: who is to begin the DTLS handshake; empty: nothing that is understood was said.
        association: what ``a=tls-id`` names the association (RFC 8842 4); empty where it does not.
        ice: credentials and candidates, ``None`` without credentials.
        trickle: candidates may come later (RFC 8840 4.1): none need be there.
        mux: RTCP may go with RTP.
        rtcp: where RTCP goes: a port, and an address or nothing.
        mid: the section's name.
        group: the names of the BUNDLE group that it is in; empty: none.
        disabled: port 0.
        sources: the SSRCs that the peer sends with.
        feedback: the values of ``a=rtcp-fb``.
        extensions: the values of ``a=extmap``.
    """

    protocol: str
    crypto: tuple[CryptoLine, ...] = ()
    fingerprints: tuple[tuple[str, str], ...] = ()
    setup: str = ""
    association: str = ""
    ice: IceParameters | None = None
    trickle: bool = False
    mux: bool = False
    rtcp: tuple[int, str] | None = None
    mid: str = ""
    group: tuple[str, ...] = ()
    disabled: bool = False
    sources: tuple[int, ...] = ()
    feedback: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()

    @property
    def profile(self) -> Profile | None:
        """What the protocol means; ``None`` for one that is not known."""
        return PROFILES.get(self.protocol)

    def rtcp_address(self, host: str) -> Address | None:
        """The address of RTCP, where it was told; ``host`` is that of RTP."""
        if self.rtcp is None:
            return None
        port, address = self.rtcp
        return (address if is_address(address) else host), port


def disabled(media: MediaDescription) -> bool:
    """Whether a section is disabled: port 0, unless it is to be had in its BUNDLE group only (RFC 8843 6)."""
    return not media.port and not any(name == "bundle-only" for name, _ in media.attributes)


_Attributes = tuple[tuple[str, str | None], ...]


def read(description: SessionDescription, media: MediaDescription) -> SectionTransport:
    """Read a section's transport.

    In a BUNDLE group, what the section does not say of the transport is that of the group's first section
    (RFC 8843 7.1.3, 7.3.1).
    """
    found = _read(media.protocol, not media.port, tuple(media.attributes), tuple(description.attributes))
    if found.group and found.mid != found.group[0]:
        for other in description.media:
            if other is not media and (other.attribute("mid") or "").strip() == found.group[0]:
                first = _read(other.protocol, not other.port, tuple(other.attributes), tuple(description.attributes))
                return _with(found, first)
    return found


def _with(section: SectionTransport, first: SectionTransport) -> SectionTransport:
    """A bundled section with what it leaves to the group's first."""
    ice = section.ice or first.ice
    if ice is not None and first.ice is not None and not ice.candidates and first.ice[:2] == ice[:2]:
        ice = first.ice
    return section._replace(
        crypto=section.crypto or first.crypto,
        fingerprints=section.fingerprints or first.fingerprints,
        setup=section.setup or first.setup,
        association=section.association or first.association,
        ice=ice,
        trickle=section.trickle or first.trickle,
    )


def _read(protocol: str, disabled: bool, attributes: _Attributes, common: _Attributes) -> SectionTransport:
    own: dict[str, list[str]] = {}
    for name, value in attributes:
        own.setdefault(name, []).append((value or "").strip())
    session: dict[str, list[str]] = {}
    for name, value in common:
        session.setdefault(name, []).append((value or "").strip())

    def either(name: str) -> list[str]:
        return own.get(name) or session.get(name) or []

    mid = _first(own.get("mid"))
    mid = mid if _token(mid) else ""
    setup = _first(either("setup")).lower()
    association = _first(either("tls-id"))
    return SectionTransport(
        protocol.upper(),
        crypto.read(own.get("crypto") or session.get("crypto") or ()),
        _fingerprints(either("fingerprint")),
        setup if setup in SETUPS else "",
        association if len(association) <= 255 else "",
        _ice(own, session),
        any("trickle" in value.split() for value in (*own.get("ice-options", ()), *session.get("ice-options", ()))),
        "rtcp-mux" in own,
        _where_rtcp(_first(own.get("rtcp"))),
        mid,
        _group(session.get("group", ()), mid),
        disabled,
        _sources(own.get("ssrc", ())),
        tuple(own.get("rtcp-fb", ())[:MOST_LINES]),
        tuple(own.get("extmap", ())[:MOST_LINES]),
    )


def _first(values: list[str] | None) -> str:
    return values[0] if values else ""


def _fingerprints(values: list[str]) -> tuple[tuple[str, str], ...]:
    found: dict[tuple[str, str], None] = {}
    for value in values[:MOST_FINGERPRINTS]:
        matched = _fingerprint(value) if len(value) <= LONGEST_CANDIDATE else None
        if matched is None:
            continue
        name, digest = matched[1].lower(), matched[2].upper()
        if 3 * _HASHES.get(name, 0) - 1 == len(digest):
            found[name, digest] = None
    return tuple(found)


def _ice(own: dict[str, list[str]], session: dict[str, list[str]]) -> IceParameters | None:
    """Credentials are taken together, from one level or the other."""
    level = own if "ice-ufrag" in own and "ice-pwd" in own else session
    ufrag, password = _first(level.get("ice-ufrag")), _first(level.get("ice-pwd"))
    if not (_ufrag(ufrag) and _password(password)):
        return None
    candidates = tuple(one for one in own.get("candidate", ())[:MOST_CANDIDATES] if len(one) <= LONGEST_CANDIDATE)
    return IceParameters(ufrag, password, candidates, "ice-lite" in session or "ice-lite" in own)


def _where_rtcp(value: str) -> tuple[int, str] | None:
    """Read ``a=rtcp`` (RFC 3605 2.1)."""
    found = _rtcp(value)
    if found is None or not 0 < int(found[1]) <= 65535:
        return None
    return int(found[1]), found[2] or ""


def _sources(values: Iterable[str]) -> tuple[int, ...]:
    """The SSRCs of ``a=ssrc`` (RFC 5576 4.1), each once."""
    numbers = (value.partition(" ")[0] for _, value in zip(range(MOST_LINES), values, strict=False))
    return tuple(dict.fromkeys(int(one) & 0xFFFFFFFF for one in numbers if _digits(one)))


def _group(values: Iterable[str], mid: str) -> tuple[str, ...]:
    """The names of the BUNDLE group that has ``mid`` (RFC 8843, RFC 5888 5); a name may be in one group only."""
    for _, value in zip(range(MOST_GROUPS), values, strict=False):
        semantics, *names = value.split(None, MOST_LINES)[:MOST_LINES] or ("",)
        if semantics.upper() == "BUNDLE" and mid and mid in names:
            return tuple(dict.fromkeys(name for name in names if _token(name)))
    return ()
