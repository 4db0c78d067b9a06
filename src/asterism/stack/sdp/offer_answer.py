"""The rules of offer and answer (RFC 3264), independent of what carries the media."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from asterism.stack.errors import ParseError
from asterism.stack.sdp.model import Direction, MediaDescription, RtpMap, SessionDescription


@dataclass(frozen=True, slots=True)
class CommonFormat:
    """A format that both sides have.

    Attributes:
        local: as the local side names it (its payload type is what it would offer).
        remote: as the remote side names it (its payload type is what to send).
        remote_fmtp: the remote side's parameters, raw.
    """

    local: RtpMap
    remote: RtpMap
    remote_fmtp: str = ""


def common_formats(
    local: Iterable[RtpMap], remote: MediaDescription, *, prefer_remote: bool = True
) -> list[CommonFormat]:
    """The formats that both sides have, in the remote side's order of preference or in the local one's."""
    ours, theirs = list(local), remote.rtpmaps()
    pairs: list[CommonFormat] = []
    taken: set[tuple[str, int, int]] = set()
    for one in theirs if prefer_remote else ours:
        match = next((other for other in (ours if prefer_remote else theirs) if one.same_encoding(other)), None)
        key = (one.encoding.lower(), one.clock_rate, one.channels)
        if match is None or key in taken:
            continue
        taken.add(key)
        mine, peer = (match, one) if prefer_remote else (one, match)
        pairs.append(CommonFormat(mine, peer, remote.fmtp(peer.payload) or ""))
    return pairs


def answer_direction(offered: Direction, wanted: Direction = Direction.SENDRECV) -> Direction:
    """The direction to answer with: what we want, as far as the offer allows (RFC 3264 6.1)."""
    return Direction.of(wanted.sends and offered.receives, wanted.receives and offered.sends)


def reject(offered: MediaDescription) -> MediaDescription:
    """The section that refuses an offered one: same media, protocol and formats, port 0 (RFC 3264 6)."""
    return MediaDescription(
        media=offered.media, port=0, protocol=offered.protocol, formats=list(offered.formats) or ["0"]
    )


def answer_media(
    offer: SessionDescription,
    offered: MediaDescription,
    formats: Sequence[CommonFormat],
    port: int,
    wanted: Direction = Direction.SENDRECV,
) -> MediaDescription:
    """The section that takes an offered one, with the offer's payload types; no common format refuses it."""
    if not formats or offered.rejected:
        return reject(offered)
    media = MediaDescription(media=offered.media, port=port, protocol=offered.protocol)
    for common in formats:
        media.add_format(replace(common.local, payload=common.remote.payload))
    media.set_direction(answer_direction(offer.direction_of(offered), wanted))
    return media


def check_answer(offer: SessionDescription, answer: SessionDescription) -> None:
    """Check that an answer fits its offer.

    Raises:
        ParseError: another number of sections, or one of another media type or protocol family.
    """
    if len(answer.media) != len(offer.media):
        raise ParseError("the answer has another number of media sections than the offer", 488)
    for ours, theirs in zip(offer.media, answer.media, strict=True):
        if ours.media.lower() != theirs.media.lower():
            raise ParseError("the answer changes the type of a media section", 488)
        if ours.rejected and not theirs.rejected:
            raise ParseError("the answer takes a media section that was not offered", 488)


def check_new_offer(previous: SessionDescription, offer: SessionDescription) -> None:
    """Check that a new offer may follow the session so far (RFC 3264 8).

    Raises:
        ParseError: sections disappeared.
    """
    if len(offer.media) < len(previous.media):
        raise ParseError("the new offer drops media sections", 488)


def unchanged(previous: SessionDescription | None, current: SessionDescription) -> bool:
    """Whether a description repeats the one before: same origin and version (a session refresh)."""
    return previous is not None and previous.origin is not None and previous.origin == current.origin


def next_version(description: SessionDescription, previous: SessionDescription | None) -> SessionDescription:
    """Set the origin's version for sending: the previous one's if nothing changed, one more if something did."""
    if previous is None or previous.origin is None or description.origin is None:
        return description
    same = replace(previous.origin, version=previous.origin.version)
    description.origin = same
    if str(description) != str(previous):
        description.origin = replace(same, version=same.version + 1)
    return description
