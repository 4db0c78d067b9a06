"""Turning one format's payload into another's: a path of steps, found once for each pair of formats.

A step decodes or encodes a codec, or turns linear audio of one rate into another. Of the ways there are, the one that
keeps most of the band is taken, and of these the cheapest by the measured cost of its steps.
"""

from __future__ import annotations

import heapq
import time
from functools import lru_cache, partial
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from asterism.media import g711
from asterism.media.codecs.codec import Step, Translator
from asterism.media.codecs.discovery import codec_steps
from asterism.media.formats import ALAW, LINEAR, ULAW, Format
from asterism.media.resample import Resampler, resample, to_octets


def swap_bytes(data: bytes) -> bytes:
    """Little endian samples to the network order of L16 (RFC 3551 4.5.11), and back."""
    swapped = bytearray(data[: len(data) & ~1])
    swapped[0::2], swapped[1::2] = swapped[1::2], swapped[0::2]
    return bytes(swapped)


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
    for step in (*codec_steps(), *rates):
        found.setdefault(step.source, []).append(step)
    return MappingProxyType({fmt: tuple(steps) for fmt, steps in found.items()})


_FRAMES = 10


@lru_cache(maxsize=64)
def _example(fmt: Format) -> bytes:
    """A packet of something like speech, for measuring."""
    if LINEAR.get(fmt.sample_rate) is fmt:
        at = np.arange(fmt.frame_bytes // 2) / fmt.sample_rate
        hum = sum(np.sin(2 * np.pi * 150 * k * at) / k for k in range(1, 20))
        noise = np.random.default_rng(1).normal(0, 300, len(at))
        return to_octets(np.asarray(3000 * hum + noise, np.float32))
    for step in codec_steps():
        if step.target is fmt and LINEAR.get(step.source.sample_rate) is step.source:
            encode = _started(step)
            # Its packets may be longer than what comes.
            packets = (encode(_example(step.source)) for _ in range(6))
            return next(filter(None, packets), b"")
    return bytes(fmt.frame_bytes)


@lru_cache(maxsize=512)
def _cost(step: Step) -> float:
    """Seconds that one second of audio costs in a step, measured once."""
    frame = _example(step.source)
    convert = _started(step)
    convert(frame)  # tables are made on first use
    started = time.perf_counter()
    for _ in range(_FRAMES):
        convert(frame)
    return (time.perf_counter() - started) / _FRAMES * 1000 / step.source.ptime


class Path(NamedTuple):
    """Path of translation steps from one format to another."""

    steps: tuple[Step, ...]

    @property
    def cost(self) -> float:
        """Seconds of the processor's time that one second of audio costs, as measured."""
        return sum(_cost(step) for step in self.steps)

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


def joinable(one: Format, other: Format) -> bool:
    """Whether two parties with these formats can hear each other."""
    return path(one, other) is not None and path(other, one) is not None


@lru_cache(maxsize=512)
def translator(source: Format, target: Format) -> Translator | None:
    """Translator of a whole sound from ``source`` to ``target``; ``None`` when there is no path.

    The same format gives the identity. There is none to a format whose packets cannot be told apart in a whole sound,
    or are not of 20 ms (Opus, Speex, iLBC). For a stream that comes in pieces see :func:`stream_translator`.
    """
    way = path(source, target)
    if way is None:
        return None
    steps = [step.whole for step in way.steps if step.whole is not None]
    return _join(steps) if len(steps) == len(way.steps) else None


def stream_translator(source: Format, target: Format, parameters: str = "") -> Translator | None:
    """Translator of one stream from ``source`` to ``target``, payload by payload; ``None`` when there is no path.

    It may remember the end of a payload, so that the next follows without a seam: one for each stream.

    Args:
        source: The format that comes.
        target: The format that is wanted.
        parameters: What the recipient has said of that format (``a=fmtp``).
    """
    way = path(source, target)
    if way is None:
        return None
    if all(step.stream is None for step in way.steps):
        return translator(source, target)
    steps = [_started(step) for step in way.steps]
    last = way.steps[-1]
    if parameters and last.tuned is not None:
        steps[-1] = last.tuned(parameters)
    return _join(steps)


def _started(step: Step) -> Translator:
    translate = step.whole if step.stream is None else step.stream()
    assert translate is not None
    return translate


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
