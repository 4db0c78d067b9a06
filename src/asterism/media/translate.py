"""Turning one format's payload into another's: a path of steps, found once for each pair of formats.

A step decodes or encodes a codec, or turns linear audio of one rate into another. Of the ways there are, the one that
keeps most of the band is taken, and of these the cheapest by the measured cost of its steps.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from functools import lru_cache, partial
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from asterism.media import g711
from asterism.media.formats import ALAW, LINEAR, SLIN, ULAW, Format
from asterism.media.resample import Resampler, resample

Translator = Callable[[bytes], bytes]


def swap_bytes(data: bytes) -> bytes:
    """Little endian samples to the network order of L16 (RFC 3551 4.5.11), and back."""
    swapped = bytearray(data[: len(data) & ~1])
    swapped[0::2], swapped[1::2] = swapped[1::2], swapped[0::2]
    return bytes(swapped)


class Step(NamedTuple):
    """One step from a format to another."""

    source: Format
    target: Format
    whole: Translator
    """Turns a whole sound, or one payload by itself."""
    stream: Callable[[], Translator] | None = None
    """Creates a stateful translator for one stream, where payloads cannot be translated one by one without a seam."""


_CODECS = (
    Step(ULAW, ALAW, g711.ulaw_to_alaw),
    Step(ALAW, ULAW, g711.alaw_to_ulaw),
    Step(ULAW, SLIN, g711.ulaw_to_linear),
    Step(ALAW, SLIN, g711.alaw_to_linear),
    Step(SLIN, ULAW, g711.linear_to_ulaw),
    Step(SLIN, ALAW, g711.linear_to_alaw),
)


def _rate_step(source: Format, target: Format) -> Step:
    rates = source.sample_rate, target.sample_rate
    return Step(
        source, target, partial(resample, source=rates[0], target=rates[1]), partial(Resampler, rates[0], rates[1])
    )


@lru_cache(maxsize=1)
def _steps() -> MappingProxyType[Format, tuple[Step, ...]]:
    """The steps from each format."""
    found: dict[Format, list[Step]] = {}
    rates = [_rate_step(one, two) for one in LINEAR.values() for two in LINEAR.values() if one is not two]
    for step in (*_CODECS, *rates):
        found.setdefault(step.source, []).append(step)
    return MappingProxyType({fmt: tuple(steps) for fmt, steps in found.items()})


_FRAMES = 10


@lru_cache(maxsize=256)
def _cost(source: Format, target: Format) -> float:
    """Seconds that one second of audio costs in a step, measured once, on silence."""
    step = next(one for one in _steps()[source] if one.target is target)
    frame = bytes(source.frame_bytes)
    convert = step.whole if step.stream is None else step.stream()
    convert(frame)  # tables are made on first use
    started = time.perf_counter()
    for _ in range(_FRAMES):
        convert(frame)
    return (time.perf_counter() - started) / _FRAMES * 1000 / source.ptime


class Path(NamedTuple):
    """Path of translation steps from one format to another."""

    steps: tuple[Step, ...]

    @property
    def cost(self) -> float:
        """Seconds of the processor's time that one second of audio costs, as measured."""
        return sum(_cost(step.source, step.target) for step in self.steps)

    @property
    def formats(self) -> tuple[Format, ...]:
        """The formats on the way, the first and the last included."""
        return (self.steps[0].source, *(step.target for step in self.steps)) if self.steps else ()


@lru_cache(maxsize=512)
def path(source: Format, target: Format) -> Path | None:
    """The way from ``source`` to ``target``; ``None`` where there is none, without a step for the same format."""
    if source is target:
        return Path(())
    band = min(source.sample_rate, target.sample_rate)
    # By what is lost of the band, then the number of steps; what was measured decides among equals only.
    waiting: list[tuple[int, int, int, Format, tuple[Step, ...]]] = [(0, 0, 0, source, ())]
    reached: dict[Format, tuple[int, int]] = {}
    found: list[Path] = []
    count = 0
    while waiting:
        lost, length, _, fmt, steps = heapq.heappop(waiting)
        if reached.setdefault(fmt, (lost, length)) != (lost, length):
            continue
        if fmt is target:
            found.append(Path(steps))
            continue
        for step in _steps().get(fmt, ()):
            following = step.target
            if following is target or LINEAR.get(following.sample_rate) is following:
                count += 1
                narrowed = max(lost, band - following.sample_rate)
                heapq.heappush(waiting, (narrowed, length + 1, count, following, (*steps, step)))
    if len(found) < 2:
        return found[0] if found else None
    return min(found, key=attrgetter("cost"))


@lru_cache(maxsize=512)
def translator(source: Format, target: Format) -> Translator | None:
    """Translator of a whole sound from ``source`` to ``target``; ``None`` when there is no path.

    The same format gives the identity. For a stream that comes in pieces see :func:`stream_translator`.
    """
    way = path(source, target)
    return None if way is None else _join([step.whole for step in way.steps])


def stream_translator(source: Format, target: Format) -> Translator | None:
    """Translator of one stream from ``source`` to ``target``, payload by payload; ``None`` when there is no path.

    It may remember the end of a payload, so that the next follows without a seam: one for each stream.
    """
    way = path(source, target)
    if way is None:
        return None
    if all(step.stream is None for step in way.steps):
        return translator(source, target)
    return _join([step.whole if step.stream is None else step.stream() for step in way.steps])


def _join(steps: list[Translator]) -> Translator:
    if not steps:
        return bytes
    if len(steps) == 1:
        return steps[0]
    return partial(_run, tuple(steps))


def _run(steps: tuple[Translator, ...], data: bytes) -> bytes:
    for step in steps:
        data = step(data)
    return data


_SILENCE = MappingProxyType({ULAW: b"\xff", ALAW: b"\xd5", **dict.fromkeys(LINEAR.values(), b"\0")})


def silence(fmt: Format, size: int) -> bytes:
    """``size`` octets of silence; none in a format that would need a codec library."""
    return _SILENCE.get(fmt, b"") * size


def byte_table(source: Format, target: Format) -> bytes | None:
    """The ``bytes.translate`` table from ``source`` to ``target``, where one byte becomes one byte."""
    if (source is ULAW and target is ALAW) or (source is ALAW and target is ULAW):
        return g711.cross_table(source.name)
    return None
