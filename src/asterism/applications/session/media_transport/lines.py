"""How our sections say what their transport is: the attributes, in the order in which Asterisk 22 has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from asterism.applications.session.media_transport.terms import Protection, TransportTerms

if TYPE_CHECKING:
    from asterism.applications.session.media_transport.crypto import CryptoLine
    from asterism.media.transports.parameters import IceParameters
    from asterism.stack.sdp import MediaDescription

Attribute = tuple[str, str | None]


class LocalTransport(NamedTuple):
    """What our end of a transport is, as far as descriptions tell it."""

    crypto: tuple[CryptoLine, ...] = ()
    """The keys that we send with."""
    fingerprint: tuple[str, str] = ("", "")
    """Hash in lower case and digest of our certificate."""
    existing: bool = False
    """Whether the DTLS association is there already."""
    association: str = ""
    """What ``a=tls-id`` names it, where the peer names it too."""
    ice: IceParameters | None = None


class StreamNames(NamedTuple):
    """What a section says of its stream beyond codecs and transport."""

    ssrc: int = 0
    """0: not told."""
    cname: str = ""
    msid: str = ""
    """Names of the stream and its track (RFC 8830); empty: not told."""
    feedback: tuple[str, ...] = ()
    """Values of ``a=rtcp-fb``."""
    extensions: tuple[str, ...] = ()
    """Values of ``a=extmap``."""


NO_NAMES = StreamNames()


def write(
    section: MediaDescription,
    terms: TransportTerms,
    local: LocalTransport,
    names: StreamNames = NO_NAMES,
    *,
    carries: bool = True,
) -> None:
    """Write the transport into a section of ours that has its codecs and direction.

    Args:
        section: the section.
        terms: what is offered or answered.
        local: our end.
        names: what is told of the stream.
        carries: whether this is the section of its group that has the candidates (RFC 8843 7.1.2).
    """
    section.protocol = terms.protocol
    section.attributes[:0] = list(_before(terms, local, carries))
    section.attributes += _after(terms, names)


def _before(terms: TransportTerms, local: LocalTransport, carries: bool) -> Iterable[Attribute]:
    if terms.protection is Protection.SDES:
        for line in local.crypto:
            yield "crypto", str(line)
    elif terms.protection is Protection.DTLS:
        yield "connection", "existing" if local.existing else "new"
        if terms.setup:
            yield "setup", terms.setup
        name, digest = local.fingerprint
        yield "fingerprint", f"{name.upper()} {digest}"
        if local.association:
            yield "tls-id", local.association
    if terms.ice and local.ice is not None:
        yield "ice-ufrag", local.ice.ufrag
        yield "ice-pwd", local.ice.password
        if carries:
            for candidate in local.ice.candidates:
                if not terms.mux or _component(candidate) != "2":
                    yield "candidate", candidate


def _after(terms: TransportTerms, names: StreamNames) -> Iterable[Attribute]:
    if terms.mux:
        yield "rtcp-mux", None
    if names.ssrc and terms.group:
        yield "ssrc", f"{names.ssrc} cname:{names.cname}"
    if names.msid:
        yield "msid", names.msid
    for value in names.feedback:
        yield "rtcp-fb", value
    for value in names.extensions:
        yield "extmap", value
    if terms.mid:
        yield "mid", terms.mid


def _component(candidate: str) -> str:
    words = candidate.split(None, 2)
    return words[1] if len(words) > 2 else ""


def session_lines(groups: Sequence[Sequence[str]], *, browser: bool, lite: bool = False) -> str:
    """The attributes of the session: what names streams mean, the groups of bundled sections, and ICE without checks.

    Args:
        groups: the names of the sections of each group.
        browser: the peer is a browser.
        lite: our end does ICE in its simple form (RFC 8445 2.5).
    """
    text = "a=msid-semantic:WMS *\r\n" if browser else ""
    text += "".join(f"a=group:BUNDLE {' '.join(names)}\r\n" for names in groups if names)
    return f"{text}a=ice-lite\r\n" if lite else text
