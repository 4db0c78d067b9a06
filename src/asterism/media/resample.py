"""Linear audio from one sample rate to another.

Whole sounds are converted by libsoxr. It gives a stream's audio late (25 to 140 ms) and in pieces of other lengths than
came, so that streams have a polyphase filter of windowed sinc functions, in numpy: late by 1 ms at 8 kHz.

The rates are in the ratio of two whole numbers, so that only few filters are needed, one for each place that an output
sample can have between two input samples. Each is as long as it has to be at the lower of the two rates.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soxr

Samples = npt.NDArray[np.float32]

_ZEROS = 16
"""Zero crossings of the sinc function that a filter covers, at the lower rate."""
_PASS = 0.93
"""Share of the band that is kept, to leave almost no aliasing."""


class _Filters(NamedTuple):
    """The filters of one pair of rates."""

    up: int
    down: int
    bank: Samples
    """One row for each place, reversed: to be multiplied with the input that ends at the place."""

    @property
    def taps(self) -> int:
        """Input samples that one output sample is made of."""
        return int(self.bank.shape[1])


@lru_cache(maxsize=128)
def _filters(source: int, target: int) -> _Filters:
    common = math.gcd(source, target)
    up, down = target // common, source // common
    cutoff = _PASS * min(1.0, up / down)  # of the input's band
    taps = 2 * math.ceil(_ZEROS / 2 * max(1.0, down / up))
    places = np.arange(taps * up, dtype=np.float64)
    # Where each coefficient is, in input samples from the middle of the filter.
    distance = places / up - taps / 2
    window = np.kaiser(taps * up + 1, 7.0)[: taps * up]
    prototype = cutoff * np.sinc(cutoff * distance) * window
    bank = prototype.reshape(taps, up).T  # row p, column k: what belongs to the input k samples before
    bank /= bank.sum(axis=1, keepdims=True)
    return _Filters(up, down, np.ascontiguousarray(bank[:, ::-1], dtype=np.float32))


@lru_cache(maxsize=128)
def _places(count: int, phase: int, up: int, down: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], int]:
    """Window and filter of each output sample of a block of ``count`` that begins at ``phase``, and the next phase."""
    total = count * up
    at = np.arange(phase, total, down)
    following = phase + len(at) * down - total
    return at // up, at % up, following


def to_samples(data: bytes) -> Samples:
    """16-bit little endian samples as numbers; an odd last byte is ignored."""
    return np.frombuffer(data, "<i2", len(data) // 2).astype(np.float32)


def to_octets(samples: Samples) -> bytes:
    """Numbers as 16-bit little endian samples; what is too loud is cut off."""
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()


class Resampler:
    """Turns one stream's samples into another rate's, block by block without a seam.

    What it gives is late by half a filter: 1 ms at 8 kHz.
    """

    __slots__ = ("_filters", "_phase", "_tail")

    def __init__(self, source: int, target: int) -> None:
        """Prepare for a stream.

        Args:
            source: The rate that comes, in Hz.
            target: The rate that is wanted, in Hz.
        """
        self._filters = _filters(source, target)
        self._phase = 0
        self._tail = np.zeros(self._filters.taps - 1, np.float32)

    @property
    def delay(self) -> float:
        """Delay of the output, in samples of the input."""
        return self._filters.taps / 2

    def __call__(self, data: bytes) -> bytes:
        """The next block: 16-bit little endian samples in and out."""
        return to_octets(self.convert(to_samples(data)))

    def convert(self, samples: Samples) -> Samples:
        """The next block as numbers."""
        if not len(samples):
            return samples
        up, down, bank = self._filters
        whole = np.concatenate((self._tail, samples))
        count = len(samples)
        self._tail = whole[count:]
        windows = np.lib.stride_tricks.sliding_window_view(whole, self._filters.taps)
        if down == 1:  # every place of each input sample
            first, self._phase = self._phase, 0
            return np.asarray((windows @ bank.T).reshape(-1)[first:], np.float32)
        if up == 1:
            first, self._phase = self._phase, (self._phase - count) % down
            return np.asarray(windows[first::down] @ bank[0], np.float32)
        index, place, self._phase = _places(count, self._phase, up, down)
        return np.asarray(np.einsum("ij,ij->i", windows[index], bank[place]), np.float32)


def resample(data: bytes, source: int, target: int) -> bytes:
    """All of a sound at once, aligned: 16-bit little endian samples in and out.

    Args:
        data: The samples.
        source: Their rate in Hz.
        target: The rate that is wanted, in Hz.
    """
    samples = np.frombuffer(data, "<i2", len(data) // 2)
    if not len(samples):
        return b""
    # The edges are held, so that neither begins nor ends with a click.
    edge = min(len(samples), source // 50)
    held = np.concatenate((np.full(edge, samples[0]), samples, np.full(edge, samples[-1]))).astype(np.float32)
    converted = soxr.resample(held, source, target, "HQ")
    begin = edge * target // source
    return to_octets(converted[begin : begin + len(samples) * target // source])
