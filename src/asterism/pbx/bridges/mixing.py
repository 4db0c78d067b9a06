"""Mixing any number of parties, each of which hears all others and not itself.

What arrives waits in a small buffer of the party. At every turn an interval (20 ms, unless chosen otherwise) of each is
added up; a party is sent the sum without its own part, and all who say nothing are sent the same, encoded once for each
format. Parties with one format are decoded and encoded together, in numpy. A party costs a turn no function call of its
own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from asterism.media import g711
from asterism.media.formats import ALAW, LINEAR, ULAW, Format
from asterism.media.order import WINDOW, Sequencer, ticks_ahead
from asterism.media.stream import Frame
from asterism.media.translate import path, silence, stream_translator
from asterism.media.transmitter import resume_each, write_each

if TYPE_CHECKING:
    from asterism.media.codecs.codec import Translator

PACKET_MS = 20
"""Milliseconds of audio in a packet that is sent, unless the mix is made of less at a time."""
LATE_MS = 20
"""Milliseconds beyond a turn's worth that are waited for before a party is heard: what may come late."""
MOST = 10
"""Turns that may be waiting; what is older is dropped, down to what is waited for at the beginning."""
NARROW = 8000


class MixOptions(NamedTuple):
    """How a mix is made."""

    rate: int = 0
    """Samples a second; 0: the highest that two of the parties can make use of."""
    most: int = 0
    """The most samples a second where :attr:`rate` is 0; 0: no limit."""
    interval: int = 20
    """Milliseconds of audio that are mixed at a time: 10, 20, 40 or 80. More costs less work, and is heard later."""


USUAL = MixOptions()

_Sums = npt.NDArray[np.intp]


class Listener(Protocol):
    """The stream that the audio for a party is sent to."""

    def write(self, frame: Frame) -> None:
        """Send one frame now."""


class _Law:
    """Both tables of a companding law; sums beyond 16 bits are cut off by the way they are looked up."""

    def __init__(self, decode: Callable[[bytes], bytes], encode: Callable[[bytes], bytes]) -> None:
        self.values = np.frombuffer(decode(bytes(range(256))), "<i2").astype(np.intp)
        self.codes = np.frombuffer(encode(np.arange(-32768, 32768).astype("<i2").tobytes()), np.uint8)

    def decode(self, data: bytes) -> _Sums:
        return self.values.take(np.frombuffer(data, np.uint8))

    def encode(self, sums: _Sums) -> bytes:
        return self.codes.take(sums + 32768, mode="clip").tobytes()


class _Linear:
    """Samples as they are."""

    @staticmethod
    def decode(data: bytes) -> _Sums:
        return np.frombuffer(data, "<i2").astype(np.intp)

    @staticmethod
    def encode(sums: _Sums) -> bytes:
        return np.minimum(np.maximum(sums, -32768), 32767).astype("<i2").tobytes()


_LAWS = {
    ULAW: _Law(g711.ulaw_to_linear, g711.linear_to_ulaw),
    ALAW: _Law(g711.alaw_to_linear, g711.linear_to_alaw),
}


def rate_for(formats: Iterable[Format], options: MixOptions = USUAL) -> int:
    """The sample rate at which parties with these formats are mixed: the highest that two of them can make use of."""
    if options.rate:
        return options.rate
    rates = sorted(fmt.sample_rate for fmt in formats if fmt.sample_rate in LINEAR)
    rate = max(NARROW, rates[-2] if len(rates) > 1 else NARROW)
    return min(rate, options.most) if options.most else rate


class _Tuning:
    """Formats, sizes and encoders for one sample rate of a mix."""

    __slots__ = ("codes", "early", "linear", "order", "pieces", "rate", "samples", "shared", "silences", "sizes")

    def __init__(self, rate: int, interval: int = PACKET_MS) -> None:
        self.rate = rate
        self.linear = LINEAR[rate]
        self.samples = rate * interval // 1000
        """Samples of a turn."""
        packet = rate * min(interval, PACKET_MS) // 1000
        self.pieces = [slice(at, at + packet) for at in range(0, self.samples, packet)]
        """Samples of each packet of a turn."""
        self.early = max(interval + LATE_MS, 2 * LATE_MS) / interval
        """Turns that are waited for before a party is heard."""
        self.codes: dict[Format, _Law | _Linear] = {self.linear: _Linear()}
        """The formats that are mixed without being converted before."""
        if rate == NARROW:
            self.codes |= _LAWS
        self.order = tuple(self.codes)
        self.sizes = {fmt: packet * (1 if fmt in _LAWS else 2) for fmt in self.codes}
        """Bytes of a packet in each of them."""
        self.silences = {fmt: silence(fmt, size * len(self.pieces)) for fmt, size in self.sizes.items()}
        """A turn of silence in each of them."""
        self.shared: dict[tuple[Format, bool], Translator | None] = {}
        """Encoders that several parties share, by format and by what they are given: see :meth:`share`."""

    def encoder(self, fmt: Format) -> Translator | None:
        """A new encoder from linear audio of the mix; ``None`` for what the mix encodes itself."""
        return None if fmt in self.codes else stream_translator(self.linear, fmt) or _nothing

    def share(self, fmt: Format, deaf: bool) -> Translator | None:
        """The encoder that all silent parties share, or all deaf ones: it has a state, so it gets one signal."""
        key = fmt, deaf
        if key not in self.shared:
            self.shared[key] = self.encoder(fmt)
        return self.shared[key]


class _Lane:
    """Incoming audio of one party, at one rate of the mix and in one format."""

    __slots__ = (
        "buffer", "convert", "depth", "encode", "flowing", "format", "index", "most", "port", "raw", "silence", "size",
        "taken",
    )  # fmt: skip

    def __init__(self, port: Port, tuning: _Tuning, source: Format | None, encode: Translator | None) -> None:
        direct = source is None or source in tuning.codes
        code = source if source is not None and direct else tuning.linear
        self.port = port
        self.format = port.format
        self.index = tuning.order.index(code)
        self.silence = tuning.silences[code]
        self.size = size = len(self.silence)
        """Bytes of a turn."""
        self.depth = int(tuning.early * size)
        """Bytes that are waited for before the party is heard."""
        self.most = MOST * size
        self.convert = None if direct or source is None else stream_translator(source, tuning.linear) or _nothing
        self.encode = encode
        self.raw: list[bytes] = []
        """Payloads received in a format that is converted before mixing."""
        self.buffer = bytearray()
        self.taken = 0
        """Octets that were taken out of it so far, or left out."""
        self.flowing = False

    def decode_raw(self) -> None:
        """Convert what has arrived."""
        convert, raw = self.convert, self.raw
        while raw:
            payload = raw.pop(0)
            if convert is not None:
                self.buffer += convert(payload)


class Port:
    """One party's place in a mix: called with what it says; ``stream`` is sent what it hears, in ``format``."""

    __slots__ = ("_gaps", "_known", "_mixer", "_order", "_source", "deaf", "format", "hears", "lane", "stream")

    def __init__(self, mixer: Mixer, fmt: Format, stream: Listener) -> None:
        self._mixer = mixer
        self._source: Format | None = None
        self._order = Sequencer()
        """Puts payloads in order that are converted before mixing."""
        self._begin()
        self.format = fmt
        self.stream: Listener | None = stream
        """``None``: it is sent nothing."""
        self.hears = True
        """Whether anybody is there who listens to what it is sent."""
        self.deaf = False
        """Whether it is sent silence and is not heard; see :meth:`Mixer.set_deaf`."""
        self.lane = _Lane(self, mixer.tuning, None, mixer.tuning.encoder(fmt))

    def _begin(self) -> None:
        self._known: tuple[int, int] | None = None
        """A timestamp, and its position in the audio received so far."""
        self._gaps: list[tuple[int, int]] = []
        """Where something is missing, counted as the lane's ``taken`` is."""

    def retune(self) -> None:
        """The mix has another rate: what is waiting is dropped."""
        self._begin()
        tuning = self._mixer.tuning
        self.lane = _Lane(self, tuning, self._source, tuning.encoder(self.format))

    def __call__(self, frame: Frame) -> None:
        """Keep what has arrived until its turn."""
        if frame.format is not self._source:
            self._follow(frame.format)
        lane = self.lane
        if lane.convert is None:
            buffer = lane.buffer
            if frame.timestamp is not None and not self._in_order(frame, frame.timestamp):
                return
            buffer += frame.payload
            more = len(buffer) - lane.most
            if more > 0:
                del buffer[: len(buffer) - lane.depth]
                lane.taken += more + lane.most - lane.depth
        else:
            lane.raw += [one.payload for one in self._order.put(frame)]
            del lane.raw[:-MOST]

    def _in_order(self, frame: Frame, timestamp: int) -> bool:
        """Whether a frame is to be added at the end; what is missing before it is there then, as silence.

        One that comes late takes its place, unless that was heard. Between two calls payloads may have been added
        without one, in order: their number tells the time.
        """
        fmt, lane = frame.format, self.lane
        end = lane.taken + len(lane.buffer)
        start, self._known = self._known, (timestamp, end)
        if start is None or not fmt.frame_bytes:
            return True
        passed = (end - start[1]) * fmt.timestamp_step // fmt.frame_bytes
        ahead = ticks_ahead(timestamp, start[0] + passed)
        if ahead == 0 or abs(ahead) > WINDOW * fmt.clock_rate:
            self._gaps.clear()
            return True
        octets = ahead * fmt.frame_bytes // fmt.timestamp_step
        if octets > 0:
            lane.buffer += silence(fmt, octets)
            self._gaps.append((end, end + octets))
            del self._gaps[:-MOST]
            self._known = timestamp, end + octets
            return True
        self._known = start
        self._fill_gap(end + octets, frame.payload)
        return False

    def _fill_gap(self, begin: int, payload: bytes) -> None:
        """Put in what belongs at ``begin``, counted as ``taken`` is, where it is missing and was not heard yet."""
        lane, end = self.lane, begin + len(payload)
        gaps: list[tuple[int, int]] = []
        for first, last in self._gaps:
            low, high = max(first, begin, lane.taken), min(last, end)
            if low < high:
                lane.buffer[low - lane.taken : high - lane.taken] = payload[low - begin : high - begin]
                gaps += [gap for gap in ((first, low), (high, last)) if gap[0] < gap[1]]
            else:
                gaps.append((first, last))
        self._gaps = gaps

    def pending_for(self, fmt: Format) -> bytearray | None:
        """Where payloads of that format may be added to without a call; see :data:`~asterism.media.receiver.Keeping`.

        It is another one after the mix has changed its rate.
        """
        return self.lane.buffer if fmt is self._source and self.lane.convert is None else None

    def _follow(self, fmt: Format) -> None:
        """Another format arrives from now on."""
        self._source = fmt
        self._begin()
        self.lane = _Lane(self, self._mixer.tuning, fmt, self.lane.encode)
        self._mixer.lanes_changed()

    @property
    def waiting(self) -> bool:
        """Whether a turn's worth waits."""
        lane = self.lane
        return lane.flowing and (len(lane.buffer) >= lane.size or bool(lane.raw))


def _nothing(_: bytes) -> bytes:
    return b""


Levels = list[tuple[Port, float]]
"""The mean absolute sample of each party that said something in a turn."""


class Output(NamedTuple):
    """Payloads to be sent to some of the parties in a turn, all in one format."""

    format: Format
    lanes: list[_Lane]
    payloads: list[bytes]
    packet: int = 0
    """Which packet of the turn it is."""


class Mixer:
    """All parties of one mix."""

    def __init__(self, options: MixOptions = USUAL) -> None:
        self.options = options
        self.ports: list[Port] = []
        self.tuning = _Tuning(options.rate or NARROW, options.interval)
        self.packets = len(self.tuning.pieces)
        """Packets of a turn, one after the other, for each party."""
        self._lanes: list[_Lane] | None = []
        self._deaf: list[_Lane] = []
        self._mouths: list[_Lane] = []
        self._measured: deque[Levels] = deque(maxlen=MOST)
        self.on_levels: Callable[[Levels], None] | None = None
        """Told with each turn how loud each party was that said something; ``None``: that is not measured."""

    @property
    def rate(self) -> int:
        """Samples a second that are mixed."""
        return self.tuning.rate

    def can(self, fmt: Format) -> bool:
        """Whether a party with that format can be heard and can hear."""
        linear = self.tuning.linear
        return path(fmt, linear) is not None and path(linear, fmt) is not None

    def add(self, fmt: Format, stream: Listener, *, hears: bool = True) -> Port:
        """Let a party in that is sent ``fmt`` on ``stream``; the rate may change for everybody.

        One that does not hear costs nothing while it says nothing.
        """
        port = Port(self, fmt, stream)
        port.hears = hears
        self.ports.append(port)
        self._choose_rate()
        return port

    def remove(self, port: Port) -> None:
        """Let a party go."""
        self.ports.remove(port)
        port.stream = None
        self._choose_rate()

    def set_deaf(self, port: Port, deaf: bool) -> None:
        """Have a party neither be heard nor hear the others, or hear them again; meanwhile it is sent silence."""
        port.deaf = deaf
        self.lanes_changed()

    def _choose_rate(self) -> None:
        self.lanes_changed()
        rate = rate_for((port.format for port in self.ports), self.options)
        if rate != self.tuning.rate:
            self.tuning = _Tuning(rate, self.options.interval)
            for port in self.ports:
                port.retune()

    def lanes_changed(self) -> None:
        """A party has come, gone, or says something in another format."""
        self._lanes = None

    def resume(self, since: float, skipped: float) -> None:
        """Go on after a stall; see :func:`~asterism.media.transmitter.resume_each`."""
        resume_each([port.stream for port in self.ports], since, skipped)

    def drain(self) -> None:
        """Send what is still waiting: the mix is over, and what has arrived shall be heard."""
        for _ in range(MOST):
            if len(self.ports) < 2 or not any(port.waiting for port in self.ports):
                return
            self.turn()

    def turn(self) -> None:
        """Mix and send the next interval."""
        self.send(self.begin()())

    def begin(self) -> Callable[[], list[Output]]:
        """The work of the next turn, which may be done in another thread; in the order of the turns, one at a time."""
        lanes = self._lanes
        if lanes is None:
            lanes = self._lanes = [port.lane for port in self.ports if port.hears and not port.deaf]
            self._deaf = [port.lane for port in self.ports if port.deaf]
            self._mouths = [port.lane for port in self.ports if not port.hears]
        for lane in self._mouths:
            if lane.buffer or lane.raw:
                lanes = [*lanes, lane]
        tuning, deaf = self.tuning, self._deaf
        levels = None if self.on_levels is None else self._measured
        return lambda: mix(lanes, tuning, deaf, levels)

    def send(self, outputs: list[Output]) -> None:
        """Send the output of a turn to the parties that are still in the mix."""
        for fmt, lanes, payloads, _ in outputs:
            write_each([lane.port.stream for lane in lanes], fmt, payloads)
        if self._measured:
            levels = self._measured.popleft()
            if self.on_levels is not None:
                self.on_levels(levels)


def mix(
    lanes: list[_Lane], tuning: _Tuning, deaf: list[_Lane] | None = None, levels: deque[Levels] | None = None
) -> list[Output]:
    """Mix the next interval for every party; those who are ``deaf`` get silence.

    How loud each was is added to ``levels``, if that is wanted.
    """
    order = tuning.order
    talking: list[list[_Lane]] = [[] for _ in order]
    pieces: list[list[bytearray]] = [[] for _ in order]
    quiet: list[_Lane] = []
    for lane in lanes:
        if lane.raw:
            lane.decode_raw()
        buffer, size = lane.buffer, lane.size
        waiting = len(buffer)
        if waiting < size or (waiting < lane.depth and not lane.flowing):
            lane.flowing = False
            quiet.append(lane)
            continue
        lane.flowing = True
        if waiting > lane.most:
            del buffer[: waiting - lane.depth]
            lane.taken += waiting - lane.depth
        piece = buffer[:size]
        del buffer[:size]
        lane.taken += size
        if piece == lane.silence:
            quiet.append(lane)
            if waiting > lane.depth + 2 * size:  # it has been late, and is heard sooner again
                del buffer[:size]
                lane.taken += size
        else:
            talking[lane.index].append(lane)
            pieces[lane.index].append(piece)
    outputs: list[Output] = []
    total: _Sums | None = None
    rows = [
        tuning.codes[order[index]].decode(b"".join(said)).reshape(len(said), tuning.samples)
        for index, said in enumerate(pieces)
        if said
    ]
    if rows:
        said = rows[0] if len(rows) == 1 else np.concatenate(rows)
        if levels is not None:
            ports = [lane.port for each in talking for lane in each]
            levels.append(list(zip(ports, np.abs(said).mean(axis=1).tolist(), strict=True)))
        total = np.add.reduce(said, axis=0)
        _for_each(outputs, [lane for each in talking for lane in each], total - said, tuning)
    elif levels is not None:
        levels.append([])
    if quiet:
        _for_all(outputs, quiet, total, tuning, False)
    if deaf:
        _for_all(outputs, deaf, None, tuning, True)
    return outputs


def _for_each(outputs: list[Output], lanes: list[_Lane], sums: _Sums, tuning: _Tuning) -> None:
    """Each of the parties is sent its own row."""
    for fmt in dict.fromkeys([lane.format for lane in lanes]):
        own = [index for index, lane in enumerate(lanes) if lane.format is fmt]
        rows = sums if len(own) == len(lanes) else sums[own]
        code = fmt if fmt in tuning.codes else tuning.linear
        encode, size = tuning.codes[code].encode, tuning.sizes[code]
        those = [lanes[index] for index in own]
        for number, piece in enumerate(tuning.pieces):
            data = encode(rows[:, piece])
            payloads = [data[at : at + size] for at in range(0, len(data), size)]
            if code is not fmt:
                payloads = [
                    payload if lane.encode is None else lane.encode(payload)
                    for lane, payload in zip(those, payloads, strict=True)
                ]
            outputs.append(Output(fmt, those, payloads, number))


def _for_all(outputs: list[Output], lanes: list[_Lane], total: _Sums | None, tuning: _Tuning, deaf: bool) -> None:
    """All of the parties are sent the same."""
    for fmt in dict.fromkeys([lane.format for lane in lanes]):
        those = [lane for lane in lanes if lane.format is fmt]
        code = fmt if fmt in tuning.codes else tuning.linear
        encode, size = tuning.share(fmt, deaf), tuning.sizes[code]
        for number, piece in enumerate(tuning.pieces):
            heard = tuning.silences[code][:size] if total is None else tuning.codes[code].encode(total[piece])
            outputs.append(Output(fmt, those, [heard if encode is None else encode(heard)] * len(those), number))
