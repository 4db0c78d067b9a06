"""Call progress tones and DTMF, generated as 20 ms frames of linear samples (8 kHz).

A tone is written as in ``indications.conf``: ``freq[+freq][*freq]/ms`` parts in order, repeated for ever unless the
part begins with ``!``; frequency 0 is silence; ``a*b`` modulates; ``M69`` is a note of MIDI (440 Hz).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from asterism.core.errors import UsageError
from asterism.media.formats import SLIN
from asterism.media.stream import Frame
from asterism.media.translate import swap_bytes
from asterism.media.zones import DEFAULT, ZONES

RATE = 8000
FRAME = 160
_LEVEL = 7219.0
"""Amplitude of one frequency: about -13 dBFS, as telephone exchanges send."""

MILLIWATT = "1004/1000"
"""The test tone of telephone networks."""
MAX_TEXT = 2000
"""Characters that a tone may be written with."""

_ROWS, _COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_KEYPAD = "123A456B789C*0#D"


class Part(NamedTuple):
    """One part of a tone; ``ms`` 0 lasts for ever."""

    frequencies: tuple[float, ...]
    ms: int
    once: bool = False
    modulated: bool = False


def parse_tone(text: str, names: Mapping[str, str] = ZONES[DEFAULT].tones) -> tuple[Part, ...]:
    """The parts of a tone in the notation of ``indications.conf``, or of one of ``names``.

    Raises:
        UsageError: it is neither.
    """
    word = text.strip()
    text = names.get(word) or names.get(word.lower()) or (MILLIWATT if word.lower() == "milliwatt" else word)
    if len(text) > MAX_TEXT:
        raise UsageError(f"a tone of more than {MAX_TEXT} characters")
    parts = []
    for word in text.replace("|", ",").split(","):
        part = word.strip()
        once, part = part.startswith("!"), part.lstrip("!")
        tone, _, duration = part.partition("/")
        modulated = "*" in tone
        try:
            frequencies = tuple(_frequency(one.strip()) for one in tone.replace("*", "+").split("+"))
            ms = int(duration) if duration else 0
        except ValueError:
            raise UsageError(f"not a tone: '{text}'") from None
        if not 1 <= len(frequencies) <= 4 or not all(0 <= one < RATE / 2 for one in frequencies) or ms < 0:
            raise UsageError(f"not a tone: '{text}'")
        parts.append(Part(frequencies, ms, once, modulated))
    return tuple(parts)


def _frequency(text: str) -> float:
    """Hertz of a number, or of a note of MIDI."""
    if text[:1] in ("M", "m"):
        note = float(text[1:])
        if not 0 <= note <= 127:
            raise ValueError(text)
        return float(440 * 2 ** ((note - 69) / 12))
    return float(text)


@lru_cache(maxsize=64)
def samples(frequencies: tuple[float, ...], count: int, modulated: bool = False) -> bytes:
    """``count`` 16-bit samples of the sum (or, for two, the modulation) of ``frequencies``."""
    steps = [2 * math.pi * one / RATE for one in frequencies if one]
    if not steps:
        return bytes(2 * count)
    if modulated and len(steps) == 2:
        values = [_LEVEL * math.sin(steps[0] * n) * (1 + math.sin(steps[1] * n)) / 2 for n in range(count)]
    else:
        values = [_LEVEL * sum(math.sin(step * n) for step in steps) for n in range(count)]
    linear = array("h", [int(max(-32768, min(32767, value))) for value in values])
    data = linear.tobytes()
    return data if array("H", (1,)).tobytes() == b"\x01\x00" else swap_bytes(data)


def tone_frames(tone: str, names: Mapping[str, str] = ZONES[DEFAULT].tones) -> Iterator[Frame]:
    """20 ms frames of a tone, without end unless all its parts are to be played once.

    Raises:
        UsageError: ``tone`` is neither a tone nor one of ``names``.
    """
    parts = parse_tone(tone, names)
    return _frames(parts)


def _frames(parts: tuple[Part, ...]) -> Iterator[Frame]:
    rest = b""
    first = True
    while parts:
        for part in parts:
            if part.once and not first:
                continue
            endless = not part.ms
            left = max(1, RATE * (part.ms or 1000) // 1000)
            while True:
                # A second at most at a time: how long a tone lasts may come from anywhere.
                block = samples(part.frequencies, min(left, RATE), part.modulated)
                left -= 0 if endless else min(left, RATE)
                for start in range(-len(rest), len(block), 2 * FRAME):
                    piece = (rest if start < 0 else b"") + block[max(0, start) : start + 2 * FRAME]
                    if len(piece) < 2 * FRAME:
                        rest = piece
                        break
                    yield Frame(SLIN, piece)
                else:
                    rest = b""
                if not left:
                    break
        first = False
        parts = tuple(part for part in parts if not part.once)
    if rest:
        yield Frame(SLIN, rest.ljust(2 * FRAME, b"\0"))


def dtmf_frequencies(digit: str) -> tuple[float, float]:
    """The two frequencies of a digit (ITU-T Q.23).

    Raises:
        ValueError: the digit has no tone.
    """
    index = _KEYPAD.find(digit.upper())
    if index < 0 or len(digit) != 1:
        raise ValueError(f"no tone for digit {digit!r}")
    return _ROWS[index // 4], _COLUMNS[index % 4]


def dtmf_frames(digit: str, duration_ms: int = 100) -> list[Frame]:
    """20 ms frames of a digit's tone, at least one; none for flash, which has no tone."""
    if digit == "!":
        return []
    count = max(1, min(duration_ms, 6000) // 20)
    data = samples(dtmf_frequencies(digit), count * FRAME)
    return [Frame(SLIN, data[index : index + 2 * FRAME]) for index in range(0, len(data), 2 * FRAME)]
