"""Mixing any number of parties, each of which hears all others and not itself.

What arrives waits in a small buffer of the party. At every turn 20 ms of each are added up; a party is sent the sum
without its own part. Parties with one format are decoded and encoded together, in numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asterism.media import g711
from asterism.media.formats import ALAW, LINEAR, ULAW, Format
from asterism.media.stream import Frame
from asterism.media.translate import path, silence, stream_translator

if TYPE_CHECKING:
    from asterism.media.stream import FrameSink
    from asterism.media.translate import Translator

TURNS = 50
"""Turns in a second."""
DEPTH = 2
"""Turns that are waited for before a party is heard: what may come late."""
MOST = 10
"""Turns that may be waiting; what is older is dropped, down to :data:`DEPTH`."""
NARROW = 8000

_Sums = npt.NDArray[np.int32]


class _Law:
    """Both tables of a companding law."""

    def __init__(self, decode: Callable[[bytes], bytes], encode: Callable[[bytes], bytes]) -> None:
        self.values = np.frombuffer(decode(bytes(range(256))), "<i2").astype(np.int32)
        every = np.arange(65536, dtype=np.uint16).astype("<u2").tobytes()
        self.codes = np.frombuffer(encode(every), np.uint8)


def rate_for(formats: Iterable[Format]) -> int:
    """The sample rate at which parties with these formats are mixed: the highest that two of them can make use of."""
    rates = sorted(fmt.sample_rate for fmt in formats if fmt.sample_rate in LINEAR)
    return max(NARROW, rates[-2] if len(rates) > 1 else NARROW)


class Port:
    """One party's place in a mix: :meth:`take` what it says, ``write`` what it hears, in ``format``."""

    __slots__ = ("_buffer", "_convert", "_encode", "_flowing", "_mixer", "_source", "code", "format", "piece", "write")

    def __init__(self, mixer: Mixer, fmt: Format, write: FrameSink) -> None:
        self._mixer = mixer
        self.format = fmt
        self.write = write
        self.piece: bytes | None = None
        """What it says in this turn, in the format ``code``."""
        self.retune()

    def retune(self) -> None:
        """The mix has another rate: what is waiting is dropped."""
        self._buffer = bytearray()
        self._flowing = False
        self._source: Format | None = None
        self._convert: Translator | None = None
        self._encode: Translator | None = None
        self.code = self._mixer.linear
        """The format of what is waiting."""

    def take(self, frame: Frame) -> None:
        """Keep what has arrived until its turn."""
        fmt, payload, _ = frame
        if fmt is not self._source:
            self._follow(fmt)
        if self._convert is not None:
            payload = self._convert(payload)
        buffer = self._buffer
        buffer += payload
        size = self._mixer.sizes[self.code]
        if len(buffer) > MOST * size:
            del buffer[: len(buffer) - DEPTH * size]

    def _follow(self, fmt: Format) -> None:
        """Another format arrives from now on."""
        mixer = self._mixer
        self._buffer.clear()
        self._source = fmt
        self._convert = None
        if fmt in mixer.sizes:
            self.code = fmt
        else:
            self.code = mixer.linear
            self._convert = stream_translator(fmt, mixer.linear) or _nothing

    def advance(self) -> bool:
        """Take out what belongs to this turn; whether there is anything but silence."""
        buffer, code = self._buffer, self.code
        size = self._mixer.sizes[code]
        self.piece = None
        waiting = len(buffer)
        if not self._flowing:
            if waiting < DEPTH * size:
                return False
            self._flowing = True
        elif waiting < size:
            self._flowing = False
            return False
        piece = bytes(buffer[:size])
        del buffer[:size]
        if piece == self._mixer.silences[code]:
            return False
        self.piece = piece
        return True

    @property
    def waiting(self) -> bool:
        """Whether a turn's worth waits."""
        return self._flowing and len(self._buffer) >= self._mixer.sizes[self.code]

    def send_linear(self, linear: bytes) -> None:
        """Send linear audio of the mix in a format that the mixer does not encode itself."""
        if self._encode is None:
            self._encode = stream_translator(self._mixer.linear, self.format) or _nothing
        payload = self._encode(linear)
        if payload:
            self.write(Frame(self.format, payload))


def _nothing(_: bytes) -> bytes:
    return b""


class Mixer:
    """All parties of one mix."""

    def __init__(self) -> None:
        self._laws = {
            ULAW: _Law(g711.ulaw_to_linear, g711.linear_to_ulaw),
            ALAW: _Law(g711.alaw_to_linear, g711.linear_to_alaw),
        }
        self.ports: list[Port] = []
        self._tune(NARROW)

    def _tune(self, rate: int) -> None:
        self.rate = rate
        """Samples a second that are mixed."""
        self.linear = LINEAR[rate]
        self.samples = rate // TURNS
        self.sizes: dict[Format, int] = {self.linear: 2 * self.samples}
        """Bytes of a turn in each format that is mixed without being converted before."""
        if rate == NARROW:
            self.sizes |= dict.fromkeys(self._laws, self.samples)
        self.silences = {fmt: silence(fmt, size) for fmt, size in self.sizes.items()}

    def can(self, fmt: Format) -> bool:
        """Whether a party with that format can be heard and can hear."""
        return path(fmt, self.linear) is not None and path(self.linear, fmt) is not None

    def add(self, fmt: Format, write: FrameSink) -> Port:
        """Let a party in that is sent ``fmt`` through ``write``; the rate may change for everybody."""
        port = Port(self, fmt, write)
        self.ports.append(port)
        self._choose_rate()
        return port

    def remove(self, port: Port) -> None:
        """Let a party go."""
        self.ports.remove(port)
        self._choose_rate()

    def _choose_rate(self) -> None:
        rate = rate_for(port.format for port in self.ports)
        if rate != self.rate:
            self._tune(rate)
            for port in self.ports:
                port.retune()

    def drain(self) -> None:
        """Send what is still waiting: the mix is over, and what has arrived shall be heard."""
        for _ in range(MOST):
            if len(self.ports) < 2 or not any(port.waiting for port in self.ports):
                return
            self.turn()

    def turn(self) -> None:
        """Mix and send the next 20 ms."""
        talking: list[Port] = []
        quiet: list[Port] = []
        for port in self.ports:
            (talking if port.advance() else quiet).append(port)
        if talking:
            talking, said = self._decode(talking)
            total = said.sum(axis=0, dtype=np.int32)
            self._send_each(talking, np.clip(total - said, -32768, 32767))
            heard = np.clip(total, -32768, 32767)
        else:
            heard = np.zeros(self.samples, np.int32)
        self._send_all(quiet, heard)

    def _decode(self, talking: list[Port]) -> tuple[list[Port], _Sums]:
        """What each says, one row for each, and who they are in that order: each format is decoded at one go."""
        ordered: list[Port] = []
        rows: list[_Sums] = []
        for fmt in self.sizes:
            ports = [port for port in talking if port.code is fmt]
            if not ports:
                continue
            ordered += ports
            data = b"".join([port.piece or b"" for port in ports])
            law = self._laws.get(fmt)
            if law is None:
                linear = np.frombuffer(data, "<i2").astype(np.int32)
            else:
                linear = law.values.take(np.frombuffer(data, np.uint8))
            rows.append(linear.reshape(len(ports), self.samples))
        return ordered, rows[0] if len(rows) == 1 else np.concatenate(rows)

    def _encode(self, fmt: Format, sums: _Sums) -> bytes:
        """Sums that are within 16 bits, row after row."""
        law = self._laws.get(fmt)
        if law is None:
            return sums.astype("<i2").tobytes()
        return law.codes.take(sums & 0xFFFF).tobytes()

    def _send_each(self, ports: list[Port], sums: _Sums) -> None:
        """Send each of the ports its own row."""
        for fmt in dict.fromkeys([port.format for port in ports]):
            own = [index for index, port in enumerate(ports) if port.format is fmt]
            rows = sums if len(own) == len(ports) else sums[own]
            if fmt not in self.sizes:
                for index in own:
                    ports[index].send_linear(self._encode(self.linear, sums[index]))
                continue
            size = self.sizes[fmt]
            data = self._encode(fmt, rows)
            for place, index in enumerate(own):
                ports[index].write(Frame(fmt, data[place * size : place * size + size]))

    def _send_all(self, ports: list[Port], heard: _Sums) -> None:
        """Send all of the ports the same."""
        for fmt in dict.fromkeys([port.format for port in ports]):
            if fmt in self.sizes:
                frame = Frame(fmt, self._encode(fmt, heard))
                for port in ports:
                    if port.format is fmt:
                        port.write(frame)
            else:
                linear = self._encode(self.linear, heard)
                for port in ports:
                    if port.format is fmt:
                        port.send_linear(linear)
