"""A decoder for GSM full rate in Python: ETSI EN 300 961 (GSM 06.10), its fixed-point arithmetic bit by bit.

For machines without libgsm: 20 ms take about 1 ms.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from sys import byteorder

FRAME_BYTES = 33
"""Octets of a frame: 4 bits that mark it, and 260 bits of parameters."""
_MAGIC = 0xD
_SUBFRAME = 40
_HISTORY = 120
"""Samples of the long-term history: the longest lag."""

# Tables 4.1 and 4.2 of the standard: what the coded log area ratios mean.
_LAR_BITS = (6, 6, 5, 5, 4, 4, 3, 3)
_LAR_B = (0, 0, 2048, -2560, 94, -1792, -341, -1144)
_LAR_MIC = (-32, -32, -16, -16, -8, -8, -4, -4)
_LAR_INVA = (13107, 13107, 13107, 13107, 19223, 17476, 31454, 29708)
_GAIN = (3277, 11469, 21299, 32767)
"""Long-term gain by its code."""
_FAC = (18431, 20479, 22527, 24575, 26623, 28671, 30719, 32767)
"""Normalized direct mantissa."""
_DEEMPHASIS = 28180


def _clip(value: int) -> int:
    return 32767 if value > 32767 else -32768 if value < -32768 else value


def _product(one: int, two: int) -> int:
    """Product of two fractions, rounded."""
    return 32767 if one == two == -32768 else (one * two + 16384) >> 15


class GsmDecoder:
    """One stream: whole frames in, 16-bit little endian samples at 8 kHz out.

    What is no frame, and a lost packet (``b""``), is 20 ms of silence.
    """

    __slots__ = ("_filter", "_history", "_lag", "_lar", "_last")

    def __init__(self) -> None:
        self._history = [0] * _HISTORY
        self._lag = _SUBFRAME
        self._lar = [0] * 8
        self._filter = [0] * 9
        self._last = 0

    def __call__(self, payload: bytes) -> bytes:
        """Decode the frames of a payload."""
        frames = [payload[at : at + FRAME_BYTES] for at in range(0, len(payload), FRAME_BYTES)] or [b""]
        samples = array("h")
        for frame in frames:
            if len(frame) == FRAME_BYTES and frame[0] >> 4 == _MAGIC:
                samples.extend(self._frame(frame))
            else:
                samples.extend([0] * 160)
        return _little_endian(samples)

    def _frame(self, frame: bytes) -> list[int]:
        bits = _Bits(frame)
        lar = []
        for i, width in enumerate(_LAR_BITS):
            value = ((bits.take(width) + _LAR_MIC[i]) << 10) - 2 * _LAR_B[i]
            lar.append(_clip(2 * _product(_LAR_INVA[i], _clip(value))))
        residual: list[int] = []
        for _ in range(4):
            residual += self._long_term(bits)
        speech: list[int] = []
        for begin, end, coefficients in _interpolated(self._lar, lar):
            self._short_term(coefficients, residual[begin:end], speech)
        self._lar = lar
        return self._deemphasized(speech)

    def _long_term(self, bits: _Bits) -> list[int]:
        """Excitation of a subframe: the pulses, and what it has in common with the past."""
        lag, gain, grid, block = bits.take(7), _GAIN[bits.take(2)], bits.take(2), bits.take(6)
        if 40 <= lag <= _HISTORY:
            self._lag = lag
        pulses = _pulses(block, [bits.take(3) for _ in range(13)])
        excitation = [0] * _SUBFRAME
        excitation[grid : grid + 39 : 3] = pulses[: len(excitation[grid : grid + 39 : 3])]
        past = self._history
        first = len(past) - self._lag
        for k in range(_SUBFRAME):
            excitation[k] = _clip(excitation[k] + _product(gain, past[first + k]))
        self._history = past[_SUBFRAME:] + excitation
        return excitation

    def _short_term(self, coefficients: list[int], residual: list[int], speech: list[int]) -> None:
        """The lattice filter."""
        state = self._filter
        stages = [(i, coefficients[i]) for i in range(7, -1, -1)]
        for sample in residual:
            for i, factor in stages:
                kept = state[i]
                sample -= (factor * kept + 16384) >> 15
                if not -32768 <= sample <= 32767:
                    sample = _clip(sample)
                state[i + 1] = _clip(kept + ((factor * sample + 16384) >> 15))
            state[0] = sample
            speech.append(sample)

    def _deemphasized(self, speech: list[int]) -> list[int]:
        last, out = self._last, []
        for sample in speech:
            last = _clip(sample + ((last * _DEEMPHASIS + 16384) >> 15))
            out.append(_clip(2 * last) & ~7)
        self._last = last
        return out


class _Bits:
    """The bits of a frame, behind its mark."""

    __slots__ = ("_left", "_value")

    def __init__(self, frame: bytes) -> None:
        self._value = int.from_bytes(frame, "big")
        self._left = 8 * FRAME_BYTES - 4

    def take(self, width: int) -> int:
        """The next ``width`` bits."""
        self._left -= width
        return self._value >> self._left & (1 << width) - 1


def _pulses(block: int, codes: list[int]) -> list[int]:
    """Amplitudes of a subframe's pulses, by the coded maximum of its block."""
    exponent = (block >> 3) - 1 if block > 15 else 0
    mantissa = block - (exponent << 3)
    if mantissa == 0:
        exponent, mantissa = -4, 7
    else:
        while mantissa <= 7:
            mantissa = mantissa << 1 | 1
            exponent -= 1
        mantissa -= 8
    factor, shift = _FAC[mantissa], 6 - exponent
    half = 1 << (shift - 1) if shift > 0 else 0
    return [_clip(_product(factor, (2 * code - 7) << 12) + half) >> shift for code in codes]


def _interpolated(before: list[int], now: list[int]) -> Iterator[tuple[int, int, list[int]]]:
    """The reflection coefficients of the pieces of a frame, which go over from those of the frame before."""
    pairs = list(zip(before, now, strict=True))
    yield 0, 13, [_reflection((a >> 2) + (b >> 2) + (a >> 1)) for a, b in pairs]
    yield 13, 27, [_reflection((a >> 1) + (b >> 1)) for a, b in pairs]
    yield 27, 40, [_reflection((a >> 2) + (b >> 2) + (b >> 1)) for a, b in pairs]
    yield 40, 160, [_reflection(b) for b in now]


def _reflection(lar: int) -> int:
    lar = _clip(lar)
    size = 32767 if lar == -32768 else abs(lar)
    if size < 11059:
        size <<= 1
    elif size < 20070:
        size += 11059
    else:
        size = _clip((size >> 2) + 26112)
    return size if lar >= 0 else -size


def _little_endian(samples: array[int]) -> bytes:
    if byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
