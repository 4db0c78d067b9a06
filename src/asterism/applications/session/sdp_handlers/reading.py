"""Reads the codecs, the direction and the packet length of a peer's section."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from asterism.applications.session.negotiation import (
    MAX_ENCODING,
    MAX_PARAMETERS,
    MAX_PTIME,
    REVERSED,
    Offered,
    Section,
)
from asterism.stack.errors import ParseError
from asterism.stack.sdp import RtpMap

if TYPE_CHECKING:
    from asterism.stack.sdp import MediaDescription, SessionDescription


def read_section(description: SessionDescription, media: MediaDescription) -> Section:
    """Read a section of the peer's description, as far as it concerns an audio stream."""
    keep = read_lines if description.cacheable else read_lines.__wrapped__
    return keep(tuple(media.formats), tuple(media.attributes), tuple(description.attributes))


_Attributes = tuple[tuple[str, str | None], ...]


@lru_cache(maxsize=512)
def read_lines(formats: tuple[str, ...], attributes: _Attributes, common: _Attributes) -> Section:
    """Read a section; its direction may be given in the session attributes, ``common`` to all sections."""
    direction = next((name for name, _ in attributes + common if name in REVERSED), "sendrecv")
    maps: dict[str, RtpMap] = {}
    parameters: dict[str, str] = {}
    ptime = 0
    for name, value in attributes:
        text = (value or "").strip()
        if name == "rtpmap":
            try:
                found = RtpMap.parse(text)
            except ParseError:
                continue
            maps.setdefault(found.payload, found)
        elif name == "fmtp":
            payload, _, rest = text.partition(" ")
            parameters.setdefault(payload, rest.strip() if len(rest) <= MAX_PARAMETERS else "")
        elif name == "ptime" and not ptime:
            whole = text.partition(".")[0]
            ptime = min(int(whole), MAX_PTIME) if whole.isascii() and whole.isdigit() and len(whole) < 6 else 0
    offered: list[Offered] = []
    for text in dict.fromkeys(formats):
        if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 127:
            known = maps.get(text)
            fmtp = parameters.get(text, "")
            offered.append(
                Offered(int(text), fmtp=fmtp)
                if known is None
                else Offered(int(text), _encoding(known), known.clock_rate, fmtp)
            )
    return Section(tuple(offered), direction, ptime)


def _encoding(known: RtpMap) -> str:
    """The encoding; that of several channels is another one. Opus always shows two (RFC 7587 7)."""
    name = known.encoding[:MAX_ENCODING]
    return name if known.channels == 1 or name.lower() == "opus" else f"{name}/{known.channels}"
