"""Offer and answer of one stream (RFC 3264): which codecs, which payload types, which direction.

Pure functions; what a session description looks like is :mod:`asterism.stack.sdp`'s affair. A phone offers and answers
the same in all its calls, so that their results are kept: they take and give tuples, which nobody changes.

Payload types belong to a direction: a number means what the side that *receives* it has said (RFC 3264 5.1, 6.1). So
:class:`AudioTerms` holds what the peer said, for what is sent; what we wrote ourselves holds for what arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from asterism.media.codecs.discovery import passed_only
from asterism.media.formats import DTMF_ENCODING, DTMF_FMTP, DTMF_PAYLOAD_TYPE, Format, format_for
from asterism.media.payload_types import PayloadTypes
from asterism.media.text import RED, T140
from asterism.media.translate import joinable
from asterism.stack.sdp import Connection, MediaDescription

REVERSED = {"sendonly": "recvonly", "recvonly": "sendonly", "sendrecv": "sendrecv", "inactive": "inactive"}
"""Directions, seen from the other side."""
_EVENT_MODES = frozenset(("rfc4733", "auto", "auto_info"))
"""Values of ``dtmf_mode`` with which telephone-event is negotiated."""
_DEFAULT_RATE = 8000
"""The clock rate of telephone-event that many phones name alone, whatever their codecs."""
MAX_PTIME = 1000
"""The longest packet in milliseconds that a peer may ask for."""


MAX_ENCODING = 64
"""Characters of an encoding's name; no codec has a longer one."""
MAX_PARAMETERS = 512
"""Characters of the parameters of a codec; longer ones are none that concern this server."""


_LEVELS = 2
"""How often text is repeated, if nothing else is said (RFC 4103 4)."""
_MOST_LEVELS = 5


class Offered(NamedTuple):
    """One payload type of a media section: its number, ``rtpmap`` encoding and clock rate, and format parameters."""

    payload_type: int
    encoding: str = ""
    """Empty: there was no rtpmap."""
    clock_rate: int = 0
    fmtp: str = ""


class Section(NamedTuple):
    """A media section of the peer, as far as it concerns one audio stream."""

    offered: tuple[Offered, ...]
    direction: str = "sendrecv"
    ptime: int = 0
    """The packet length in milliseconds that it asks for; 0 if it does not."""


class AudioTerms(NamedTuple):
    """The terms that both sides agreed for one audio stream, seen from this server.

    Attributes:
        types: the payload types that the peer expects, the preferred codec first.
        direction: what this server does: ``recvonly`` when the peer sends only.
        ptime: the packet length in milliseconds that the peer asks for, 0 if it does not.
        parameters: what the peer's ``fmtp`` says of codecs whose parameters are passed on.
    """

    types: PayloadTypes
    direction: str = "sendrecv"
    ptime: int = 0
    parameters: tuple[tuple[Format, str], ...] = ()


@lru_cache(maxsize=512)
def agreed_codecs(terms: AudioTerms) -> tuple[tuple[Format, str], ...]:
    """Each codec with the parameters that are passed on."""
    said = dict(terms.parameters)
    return tuple((one, said.get(one, "")) for _, one in terms.types.formats)


@lru_cache(maxsize=512)
def offer_terms(
    allowed: tuple[Format, ...], dtmf_mode: str, parameters: tuple[tuple[Format, str], ...] = ()
) -> AudioTerms:
    """The terms of our own offer: every allowed codec under its usual payload type, or under a free one.

    ``parameters`` are those of the other party of the call.
    """
    numbers: dict[Format, int] = {}
    for one in _whole(allowed):
        _number(numbers, one, one.payload_type)
    formats = tuple((number, one) for one, number in numbers.items())
    return AudioTerms(PayloadTypes(formats, _offered_events(formats, dtmf_mode)), parameters=parameters)


def _whole(formats: Sequence[Format]) -> Sequence[Format]:
    """The formats without one that repeats text where there is no text to repeat (RFC 4103)."""
    return formats if T140 in formats or RED not in formats else [one for one in formats if one is not RED]


def _number(numbers: dict[Format, int], one: Format, wanted: int, *taken: int) -> None:
    """Give a codec the payload type ``wanted``, or a free dynamic one; none if all are taken."""
    used = {*numbers.values(), *taken}
    number = next((number for number in (wanted, *range(96, 128)) if number not in used), None)
    if number is not None:
        numbers[one] = number


def _offered_events(formats: tuple[tuple[int, Format], ...], dtmf_mode: str) -> tuple[tuple[int, int], ...]:
    """One telephone-event for each clock rate of the codecs, from 101 upwards."""
    if dtmf_mode not in _EVENT_MODES:
        return ()
    used = {number for number, _ in formats}
    free = (number for number in (*range(DTMF_PAYLOAD_TYPE, 128), *range(96, DTMF_PAYLOAD_TYPE)) if number not in used)
    return tuple(zip(dict.fromkeys(one.clock_rate for _, one in formats), free, strict=False))


def all_terms(agreed: AudioTerms, allowed: Sequence[Format], dtmf_mode: str) -> AudioTerms:
    """The terms of an offer within a call that names every allowed codec; those agreed keep their payload types."""
    kept = {one: number for number, one in agreed.types.formats}
    numbers = {one: kept[one] for one in allowed if one in kept}
    events = dict(agreed.types.events)
    for one in allowed:
        if one not in numbers:
            _number(numbers, one, one.payload_type, *events.values())
    formats = tuple((numbers[one], one) for one in allowed if one in numbers)
    if not formats:
        return agreed
    if dtmf_mode in _EVENT_MODES:
        used = {*numbers.values(), *events.values()}
        for rate, number in _offered_events(formats, dtmf_mode):
            if rate not in events:
                events[rate] = next(free for free in (number, *range(96, 128)) if free not in used)
                used.add(events[rate])
        rates = {one.clock_rate for _, one in formats}
        events = {rate: number for rate, number in events.items() if rate in rates} or events
    else:
        events = {}
    return agreed._replace(types=PayloadTypes(formats, tuple(events.items())))


@lru_cache(maxsize=512)
def outgoing_order(allowed: tuple[Format, ...], wanted: tuple[Format, ...], preference: str) -> tuple[Format, ...]:
    """The codecs of an outgoing offer: ``allowed`` combined with the calling side's ``wanted``.

    ``preference`` is ``outgoing_call_offer_pref``. Nothing in common: what can be converted from and to one of the
    calling side's, none if there is nothing of the kind.
    """
    shared_remote = tuple(one for one in wanted if one in allowed)
    shared_local = tuple(one for one in allowed if one in wanted)
    if not shared_local:
        return tuple(one for one in allowed if not wanted or any(joinable(one, other) for other in wanted))
    if preference == "local":
        return shared_local
    if preference == "local_first":
        return shared_local[:1]
    if preference == "local_merge":
        return allowed
    if preference == "remote":
        return shared_remote
    if preference == "remote_first":
        return shared_remote[:1]
    return shared_remote + tuple(one for one in allowed if one not in wanted)


@lru_cache(maxsize=1024)
def accept_offer(
    allowed: tuple[Format, ...], offer: Section, dtmf_mode: str, preference: str = "local"
) -> AudioTerms | None:
    """The terms of an answer to an ``offer``, or ``None`` when no codec is shared.

    ``preference`` is ``incoming_call_offer_pref``: the order of this server's list (``local``) or of
    the offer (``remote``), all or only the first (``*_first``); codecs that nothing here converts come last: with them
    a call hears nothing but another one with the same. Payload types are the offer's.
    """
    by_format, events = _match(offer.offered, allowed)
    if preference.startswith("remote"):
        chosen = [(by_format[one], one) for one in by_format if one in allowed]
    else:
        chosen = [(by_format[one], one) for one in allowed if one in by_format]
    chosen.sort(key=lambda pair: passed_only(pair[1]))
    if preference.endswith("first"):
        del chosen[1:]
    return _terms(chosen, events if dtmf_mode in _EVENT_MODES else {}, offer)


@lru_cache(maxsize=1024)
def accept_answer(offer: AudioTerms, answer: Section) -> AudioTerms | None:
    """The terms after the peer's ``answer`` to our ``offer``: its codecs in its order, or ``None`` when it has none.

    An answer may use other payload types for what *we* send (RFC 3264 6.1); those are taken.
    """
    allowed = [one for _, one in offer.types.formats]
    by_format, events = _match(answer.offered, allowed)
    chosen = [(by_format[one], one) for one in by_format if one in allowed]
    return _terms(chosen, events if offer.types.events else {}, answer)


def _terms(chosen: list[tuple[Offered, Format]], events: dict[int, int], section: Section) -> AudioTerms | None:
    kept = _whole([one for _, one in chosen])
    chosen = [(item, one) for item, one in chosen if one in kept]
    if not chosen:
        return None
    rates = {one.clock_rate for _, one in chosen}
    agreed = tuple((rate, number) for rate, number in events.items() if rate in rates)
    if not agreed and _DEFAULT_RATE in events:
        agreed = ((_DEFAULT_RATE, events[_DEFAULT_RATE]),)
    parameters = tuple((one, _passed_on(one, item.fmtp)) for item, one in chosen if one.parameters and item.fmtp)
    formats = tuple((item.payload_type, one) for item, one in chosen)
    return AudioTerms(PayloadTypes(formats, agreed), REVERSED[section.direction], section.ptime, parameters)


def _match(offered: Sequence[Offered], allowed: Sequence[Format]) -> tuple[dict[Format, Offered], dict[int, int]]:
    """The known codecs in order, each where it comes first, and the payload types of telephone-event by clock rate.

    A name means what it means to those who have the ``allowed`` formats.
    """
    meant = {one.instead_of: one for one in allowed if one.instead_of is not None}
    by_format: dict[Format, Offered] = {}
    events: dict[int, int] = {}
    for item in offered:
        if item.encoding.lower() == DTMF_ENCODING:
            if item.clock_rate > 0:
                events.setdefault(item.clock_rate, item.payload_type)
            continue
        if not item.encoding and item.payload_type >= 96:
            continue
        found = format_for(item.payload_type, item.encoding, item.clock_rate)
        if found is not None:
            by_format.setdefault(meant.get(found, found), item)
    return by_format, events


def _passed_on(one: Format, fmtp: str) -> str:
    """The parameters of a codec that concern the other party, in their order or in that of the format."""
    if one is RED:
        return f"levels={min(fmtp.count('/'), _MOST_LEVELS)}"
    pieces = (piece.strip() for piece in fmtp.split(";"))
    if not isinstance(one.parameters, tuple):
        return ";".join(piece for piece in pieces if piece.partition("=")[0].strip().lower() in one.parameters)
    found: dict[str, str] = {}
    for piece in pieces:
        name, _, value = piece.partition("=")
        found.setdefault(name.strip().lower(), value.strip())
    # As Asterisk 22 writes it; case means nothing in this one (RFC 6184 8.1).
    if "profile-level-id" in found:
        found["profile-level-id"] = found["profile-level-id"].upper()
    return ";".join(f"{name}={found[name]}" for name in one.parameters if name in found)


def audio_section(
    terms: AudioTerms, port: int, ptime: int = 0, connection: Connection | None = None, media: str = "audio"
) -> MediaDescription:
    """The section of an offer or answer of ours; ``ptime`` in milliseconds instead of the codec's own."""
    formats, attributes = _lines(terms.types, terms.parameters, ptime, media == "audio")
    return MediaDescription(
        media=media,
        connection=connection,
        attributes=[*attributes, (terms.direction, None)],
        port=port,
        formats=[*formats],
    )


_Attribute = tuple[str, str | None]


@lru_cache(maxsize=512)
def _lines(
    types: PayloadTypes, parameters: tuple[tuple[Format, str], ...], ptime: int, timed: bool
) -> tuple[tuple[str, ...], tuple[_Attribute, ...]]:
    """The payload types, and the attributes that explain them; ``timed``: how long packets are among them."""
    formats = types.formats
    said = dict(parameters)
    numbers: list[str] = []
    lines: list[_Attribute] = []
    length = formats[0][1].ptime
    longest = 1000
    for number, one in formats:
        numbers.append(str(number))
        lines.append(("rtpmap", f"{number} {one.rtpmap}"))
        fmtp = said.get(one, one.fmtp)
        if one is RED:
            fmtp = _repeated(types, fmtp)
        if fmtp:
            lines.append(("fmtp", f"{number} {fmtp}"))
        longest = min(longest, one.max_ptime)
    for rate, number in types.events:
        numbers.append(str(number))
        lines.append(("rtpmap", f"{number} {DTMF_ENCODING}/{rate}"))
        lines.append(("fmtp", f"{number} {DTMF_FMTP}"))
    if not timed:
        return tuple(numbers), tuple(lines)
    # Whole packets only: codecs that allow 150 ms are offered 140 with packets of 20.
    longest -= longest % length
    lines.append(("ptime", str(min(ptime, MAX_PTIME) or length)))
    lines.append(("maxptime", str(longest)))
    return tuple(numbers), tuple(lines)


def _repeated(types: PayloadTypes, said: str) -> str:
    """The parameters of text with redundancy: what each packet has, as payload types (RFC 4103 5)."""
    levels = int(said.removeprefix("levels=")) if said else _LEVELS
    return "/".join([str(number) for number, one in types.formats if one is T140][:1] * (1 + levels))


def write_session(
    owner: str, session_id: str, version: int, origin: str, address: str, name: str, sections: Sequence[str],
    bandwidth: int = 0, attributes: str = "",
) -> bytes:  # fmt: skip
    """A whole session description with the connection line at session level, which names ``address``.

    ``bandwidth`` is that of the session in kbit/s (``b=CT``, RFC 8866 5.8); 0: none is told. ``attributes`` are lines
    of the session.
    """
    limit = f"b=CT:{bandwidth}\r\n" if bandwidth else ""
    kind = "IP6" if ":" in address else "IP4"
    from_kind = "IP6" if ":" in origin else "IP4"
    return (
        f"v=0\r\no={owner} {session_id} {version} IN {from_kind} {origin}\r\ns={name}\r\n"
        f"c=IN {kind} {address}\r\n{limit}t=0 0\r\n{attributes}{''.join(sections)}"
    ).encode("utf-8", "surrogateescape")
