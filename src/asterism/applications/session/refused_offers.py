"""Why no stream of a peer's description could be taken, for who reads the log: it says what was offered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from asterism.applications.session.media_transport import sections
from asterism.applications.session.media_transport.terms import Refused, accept
from asterism.applications.session.negotiation import Offered
from asterism.applications.session.sdp_handlers.reading import read_section
from asterism.applications.session.t38_sections import is_fax
from asterism.media.formats import DTMF_ENCODING, Format, format_for
from asterism.media.stream import IMAGE

if TYPE_CHECKING:
    from asterism.applications.session.identity import EndpointProfile
    from asterism.stack.sdp import MediaDescription, SessionDescription

_MOST = 12
"""Codecs and streams that are named; of more it is said how many they are."""
_LIMITS = {"audio": "max_audio_streams", "video": "max_video_streams"}


def why_refused(profile: EndpointProfile, description: SessionDescription) -> str:
    """What each stream of a description has, and what the endpoint allows; for one whose streams were all refused."""
    texts = [_why(profile, description, media) for media in description.media[:_MOST]]
    return "; ".join(dict.fromkeys(texts)) or "it has no streams"


def _why(profile: EndpointProfile, description: SessionDescription, media: MediaDescription) -> str:
    kind, endpoint = media.media.lower(), profile.endpoint
    if sections.disabled(media):
        return f"its {kind} is disabled"
    if kind == IMAGE and is_fax(media):
        return "T.38 has no taker here" if endpoint.t38_udptl else "T.38 is not allowed (t38_udptl is no)"
    if kind not in profile.formats_of:
        return f"there is no support for {kind}"
    limit = _LIMITS.get(kind)
    if limit is not None and not getattr(endpoint, limit):
        return f"{kind} is not allowed ({limit} is 0)"
    found = accept(profile.transport, sections.read(description, media))
    if isinstance(found, Refused):
        return f"its {kind} {found.why}"
    offered, allowed = _names(read_section(description, media).offered), profile.formats_of[kind]
    words = f"{kind}: offered {_listed(offered)}; allowed {_listed(one.name for one in allowed)}"
    known = {one.name for one in allowed}
    if known.intersection(offered):
        return f"{words}; but its address or its parameters cannot be used"
    return words


def _names(offered: Sequence[Offered]) -> list[str]:
    """The codecs as ``allow`` names them, others as the offer does."""
    names = []
    for item in offered:
        if item.encoding.lower() == DTMF_ENCODING:
            continue
        found: Format | None = None
        if item.encoding or item.payload_type < 96:
            found = format_for(item.payload_type, item.encoding, item.clock_rate)
        if found is not None:
            names.append(found.name)
        elif item.encoding:
            names.append(f"{item.encoding}/{item.clock_rate}")
        else:
            names.append(f"payload type {item.payload_type}")
    return list(dict.fromkeys(names))


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return (", ".join(found[:_MOST]) + more) or "none"
