"""Offer and answer of one audio stream (RFC 3264): which codecs, which payload types, which direction.

Pure functions; what a session description looks like is :mod:`asterism.stack.sdp`'s affair. A phone offers and answers
the same in all its calls, so that their results are kept: they take and give tuples, which nobody changes.
The codec order, payload types and attribute order are those observed on the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from asterism.media.formats import DTMF_ENCODING, DTMF_FMTP, DTMF_PAYLOAD_TYPE, Format, format_for

REVERSED = {"sendonly": "recvonly", "recvonly": "sendonly", "sendrecv": "sendrecv", "inactive": "inactive"}
"""Directions, seen from the other side."""
_DTMF_MODES = frozenset(("rfc4733", "auto", "auto_info"))
"""Those of ``dtmf_mode`` with which telephone-event is negotiated."""


class Offered(NamedTuple):
    """One payload type of a media section: its number, ``rtpmap`` encoding and clock rate (empty, 0: no rtpmap)."""

    payload_type: int
    encoding: str = ""
    clock_rate: int = 0


class AudioTerms(NamedTuple):
    """What both sides agreed for one audio stream, seen from this server.

    ``formats`` pairs each codec's payload type with it, the preferred one first. ``direction`` is
    what this server does: ``recvonly`` when the peer sends only.
    """

    formats: tuple[tuple[int, Format], ...]
    dtmf_payload: int | None = None
    direction: str = "sendrecv"


@lru_cache(maxsize=512)
def offer_terms(allowed: tuple[Format, ...], dtmf_mode: str) -> AudioTerms:
    """The terms of our own offer: every allowed codec under its usual payload type."""
    formats = tuple((one.payload_type, one) for one in allowed)
    return AudioTerms(formats, DTMF_PAYLOAD_TYPE if dtmf_mode in _DTMF_MODES else None)


def all_terms(agreed: AudioTerms, allowed: Sequence[Format]) -> AudioTerms:
    """The terms of an offer within a call that names every allowed codec; those agreed keep their payload types."""
    numbers = {one: number for number, one in agreed.formats}
    taken = {*numbers.values(), agreed.dtmf_payload}
    for one in allowed:
        if one not in numbers:
            free = (number for number in (one.payload_type, *range(96, 128)) if number not in taken)
            number = next(free, None)
            if number is not None:
                numbers[one] = number
                taken.add(number)
    formats = tuple((numbers[one], one) for one in allowed if one in numbers)
    return AudioTerms(formats or agreed.formats, agreed.dtmf_payload, agreed.direction)


@lru_cache(maxsize=512)
def outgoing_order(allowed: tuple[Format, ...], wanted: tuple[Format, ...], preference: str) -> tuple[Format, ...]:
    """The codecs of an outgoing offer: ``allowed`` combined with the calling side's ``wanted``.

    ``preference`` is ``outgoing_call_offer_pref``. Nothing in common: everything allowed.
    """
    shared_remote = tuple(one for one in wanted if one in allowed)
    shared_local = tuple(one for one in allowed if one in wanted)
    if not shared_local:
        return allowed
    if preference == "local":
        return shared_local
    if preference == "local_first":
        return shared_local[:1]
    if preference == "local_merge":
        return shared_local + tuple(one for one in allowed if one not in wanted)
    if preference == "remote":
        return shared_remote
    if preference == "remote_first":
        return shared_remote[:1]
    return shared_remote + tuple(one for one in allowed if one not in wanted)


@lru_cache(maxsize=1024)
def accept_offer(
    allowed: tuple[Format, ...],
    offered: tuple[Offered, ...],
    dtmf_mode: str,
    preference: str = "local",
    direction: str = "sendrecv",
) -> AudioTerms | None:
    """The terms of an answer to what was ``offered`` with a ``direction``, or ``None`` when no codec is shared.

    ``preference`` is ``incoming_call_offer_pref``: the order of this server's list (``local``) or of
    the offer (``remote``), all or only the first (``*_first``). Payload types are the offer's.
    """
    by_format, dtmf = _match(offered)
    if preference.startswith("remote"):
        chosen = [(number, one) for one, number in by_format.items() if one in allowed]
    else:
        chosen = [(by_format[one], one) for one in allowed if one in by_format]
    if preference.endswith("first"):
        del chosen[1:]
    if not chosen:
        return None
    return AudioTerms(tuple(chosen), dtmf if dtmf_mode in _DTMF_MODES else None, REVERSED[direction])


@lru_cache(maxsize=1024)
def accept_answer(offer: AudioTerms, answered: tuple[Offered, ...], direction: str = "sendrecv") -> AudioTerms | None:
    """The terms after the peer's answer to our ``offer``: its codecs in its order, or ``None`` when it has none.

    An answer may use other payload types for what *we* send (RFC 3264 6.1); those are taken.
    """
    by_format, dtmf = _match(answered)
    allowed = [one for _, one in offer.formats]
    chosen = tuple((number, one) for one, number in by_format.items() if one in allowed)
    if not chosen:
        return None
    return AudioTerms(chosen, None if offer.dtmf_payload is None else dtmf, REVERSED[direction])


def _match(offered: Sequence[Offered]) -> tuple[dict[Format, int], int | None]:
    """The known codecs with their payload types in order, and the telephone-event type of 8 kHz."""
    by_format: dict[Format, int] = {}
    dtmf: int | None = None
    for item in offered:
        if item.encoding and item.encoding.lower() == DTMF_ENCODING:
            if dtmf is None and item.clock_rate == 8000:
                dtmf = item.payload_type
            continue
        if not item.encoding and item.payload_type >= 96:
            continue
        found = format_for(item.payload_type, item.encoding, item.clock_rate)
        if found is not None:
            by_format.setdefault(found, item.payload_type)
    return by_format, dtmf


def write_audio(terms: AudioTerms, port: int, profile: str = "RTP/AVP") -> str:
    """The audio section of an offer or answer, each line ended with CR LF."""
    numbers, lines = _audio_lines(terms.formats, terms.dtmf_payload)
    return f"m=audio {port} {profile} {numbers}\r\n{lines}a={terms.direction}\r\n"


@lru_cache(maxsize=512)
def _audio_lines(formats: tuple[tuple[int, Format], ...], dtmf_payload: int | None) -> tuple[str, str]:
    """The payload types, and the attributes that explain them."""
    numbers: list[str] = []
    lines: list[str] = []
    ptime = formats[0][1].ptime
    longest = 1000
    for number, one in formats:
        numbers.append(str(number))
        lines.append(f"a=rtpmap:{number} {one.rtpmap}\r\n")
        if one.fmtp:
            lines.append(f"a=fmtp:{number} {one.fmtp}\r\n")
        longest = min(longest, one.max_ptime)
    if dtmf_payload is not None:
        numbers.append(str(dtmf_payload))
        lines.append(f"a=rtpmap:{dtmf_payload} {DTMF_ENCODING}/8000\r\na=fmtp:{dtmf_payload} {DTMF_FMTP}\r\n")
    # Whole packets only: codecs that allow 150 ms are offered 140 with packets of 20.
    longest -= longest % ptime
    return " ".join(numbers), f"{''.join(lines)}a=ptime:{ptime}\r\na=maxptime:{longest}\r\n"


def write_session(owner: str, session_id: str, version: int, address: str, name: str, sections: Sequence[str]) -> bytes:
    """A whole session description with the connection line at session level."""
    kind = "IP6" if ":" in address else "IP4"
    return (
        f"v=0\r\no={owner} {session_id} {version} IN {kind} {address}\r\ns={name}\r\n"
        f"c=IN {kind} {address}\r\nt=0 0\r\n{''.join(sections)}"
    ).encode("utf-8", "surrogateescape")
