"""What receivers may report to senders at once: which kinds of feedback there are, as SDP has them (RFC 4585 4.2).

A kind is the value of ``a=rtcp-fb`` without the payload type: ``nack pli``. Streams of the profiles AVPF and SAVPF have
some; with others, feedback comes and is passed on without having been agreed on, as many phones have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from asterism.media import feedback

TRANSPORT_CC = "transport-cc"
"""Arrival times of all packets of a transport (draft-holmer-rmcat-transport-wide-cc-extensions-01)."""
NACK = "nack"
PLI = "nack pli"
FIR = "ccm fir"
REMB = "goog-remb"
SLI = "nack sli"

_VIDEO = (FIR, REMB, NACK, PLI)
_OFFERED = {
    ("audio", True): (TRANSPORT_CC,),
    ("video", True): (TRANSPORT_CC, *_VIDEO),
    ("video", False): (FIR, NACK, PLI),
}
_KNOWN = {"audio": frozenset((TRANSPORT_CC,)), "video": frozenset((TRANSPORT_CC, *_VIDEO, SLI))}
_ORDER = (TRANSPORT_CC, *_VIDEO, SLI)
_MOST_LINES = 256
_ALL = "*"

KEY_FRAMES = frozenset((PLI, FIR))
"""The kinds of which one is enough to ask for a whole picture by RTCP."""

Terms = tuple[tuple[str, str], ...]
"""What was agreed on: payload type (``*``: all) and kind."""

_PACKETS: Mapping[tuple[int, int], str] = MappingProxyType(
    {
        feedback.NACK: NACK, feedback.PLI: PLI, feedback.SLI: SLI, feedback.FIR: FIR, feedback.REMB: REMB,
    }
)  # fmt: skip
"""Which kind each packet is of; the others that are known were never agreed on."""


def offered(media: str, *, congestion: bool) -> Terms:
    """What a stream of ``media`` is offered with; ``congestion``: the peer measures its path, as browsers do."""
    return tuple((_ALL, kind) for kind in _OFFERED.get((media, congestion), ()))


def accepted(media: str, lines: Iterable[str], payload_types: Sequence[int], *, congestion: bool = True) -> Terms:
    """What of an offer is accepted, or what of ours the peer has: no more than it says, and what is known.

    Args:
        media: the stream's type.
        lines: values of ``a=rtcp-fb``.
        payload_types: those of the answer, without those for digits.
        congestion: whether arrival times may be reported, and estimates of bandwidth.

    Returns:
        With ``*`` where all payload types have a kind.
    """
    known = _KNOWN.get(media, frozenset())
    found: dict[str, set[str]] = {}
    for index, line in enumerate(lines):
        if index >= _MOST_LINES:
            break
        number, _, rest = line.strip().partition(" ")
        kind = " ".join(rest.split()).lower()
        if kind in known and (congestion or kind not in (TRANSPORT_CC, REMB)):
            found.setdefault(kind, set()).add(number)
    terms: list[tuple[str, str]] = []
    for kind in _ORDER:
        numbers = found.get(kind, set())
        having = [str(number) for number in payload_types if _ALL in numbers or str(number) in numbers]
        if having and len(having) == len(payload_types):
            terms.append((_ALL, kind))
        else:
            terms += [(number, kind) for number in having]
    return tuple(terms)


def lines(terms: Terms) -> tuple[str, ...]:
    """The values of ``a=rtcp-fb``."""
    return tuple(f"{number} {kind}" for number, kind in terms)


def has(terms: Terms, *kinds: str) -> bool:
    """Whether any of these kinds was agreed on, for any payload type."""
    return any(kind in kinds for _, kind in terms)


def takes(terms: Terms, kind: tuple[int, int]) -> bool:
    """Whether a peer takes packets of a kind (:mod:`asterism.media.feedback`).

    Of one with whom nothing was agreed on only estimates of bandwidth are kept away: phones without AVPF have the rest.
    """
    if not terms:
        return kind in feedback.PASSED
    name = _PACKETS.get(kind)
    return name is not None and has(terms, name)
