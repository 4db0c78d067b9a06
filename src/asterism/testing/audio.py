"""Audio of a simulated phone: one RTP socket that sends tones and keeps the audio received."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from asterism.media.dtmf import DigitReceiver, event_payloads
from asterism.media.durations import ticks_of
from asterism.media.formats import SLIN
from asterism.media.g711 import ulaw_to_linear
from asterism.media.translate import stream_translator, swap_bytes
from asterism.testing.sdp import CODECS, PCMA, PCMU, Audio
from asterism.testing.tone import level, likeness, ulaw_tone
from asterism.testing.waiting import PATIENCE, PhoneError, until

if TYPE_CHECKING:
    from asterism.media.codecs.codec import Translator

_HEADER = struct.Struct("!BBHII")
_KEPT = 60 * 50
_RECENT = 15
"""Packets that a tone is looked for in: 300 ms."""
_SOUND = 16000
"""Octets of a sound that are looked for: its first second, for what comes later may be cut off."""


class PhoneAudio:
    """RTP as a phone does it: a packet every 20 ms while it plays, every packet that arrives kept for a minute.

    ``codec`` is what is sent, as negotiated; what is received may be any of :data:`~asterism.testing.sdp.CODECS` that
    can be decoded on this machine. Sound is made and kept at 8 kHz.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        self._loop.add_reader(self._socket.fileno(), self._on_readable)
        self.host, self.port = self._socket.getsockname()[:2]
        self.remote: tuple[str, int] | None = None
        self.codec = PCMU
        self.dtmf: int | None = None
        self.sending = True
        """False while on hold."""
        self.packets: list[bytes] = []
        """Audio received: linear samples of each packet, the newest last."""
        self.received = 0
        """Audio packets received in all."""
        self.sources: set[tuple[str, int]] = set()
        """Where packets came from."""
        self.ssrcs: set[int] = set()
        self.digits = ""
        """Digits received as telephone-event."""
        self._digit_receiver = DigitReceiver()
        self._tone: Sequence[bytes] = ()
        self._position = 0
        self._events: list[tuple[bool, bytes]] = []
        """Packets of digits, and whether each begins one; empty ones are the pause after it."""
        self._begun = 0
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0
        self._sequence = random.randrange(0x8000)
        self._timestamp = random.randrange(0x10000000)
        self._ssrc = random.randrange(0xFFFFFFFF)
        self.sent = 0
        """Packets sent."""
        self.heard_codecs: set[int] = set()
        """Payload types of the audio received."""
        self._encoder: tuple[int, Translator | None] | None = None
        self._decoder: tuple[int, Translator | None] | None = None

    def connect(self, description: Audio, own: Sequence[int] = (PCMU, PCMA)) -> None:
        """Take the other side's description; what is sent is the first of its codecs that is one of our ``own``."""
        self.remote = (description.host, description.port)
        self.codec = next((one for one in description.codecs if one in own), PCMU)
        self.dtmf = description.dtmf

    def play(self, *frequencies: float) -> None:
        """Send a tone until :meth:`stop` or another one; without frequencies silence."""
        self._tone = ulaw_tone(*frequencies)
        if self._timer is None:
            self._next = self._loop.time()
            self._tick()

    def play_packets(self, packets: Sequence[bytes]) -> None:
        """Send these u-law packets of 20 ms, over and over, until :meth:`stop`."""
        self._tone = packets
        self._position = 0
        if self._timer is None:
            self._next = self._loop.time()
            self._tick()

    def stop(self) -> None:
        """Send nothing more."""
        self._tone = ()

    def send_digits(self, digits: str, duration_ms: int = 80) -> None:
        """Send digits as telephone-event, with a pause after each; instead of the tone while they last."""
        if self.dtmf is None:
            raise PhoneError("telephone-event was not negotiated")
        for digit in digits:
            self._events += [(not n, payload) for n, payload in enumerate(event_payloads(digit, duration_ms))]
            self._events += [(False, b"")] * 3
        if self._timer is None:
            self._next = self._loop.time()
            self._tick()

    def _tick(self) -> None:
        self._timer = None
        if self._events:
            begins, payload = self._events.pop(0)
            if begins:
                # When it is sent, not when it was asked for: a later digit never has an earlier time (RFC 4733 2.2.1).
                self._begun = self._timestamp
            if payload and self.dtmf is not None:
                self._send(self.dtmf, self._begun, payload)
        elif self._tone:
            packet = self._tone[self._position % len(self._tone)]
            self._position += 1
            self._send_audio(packet)
        else:
            return
        if self._events or not self._tone:
            self._timestamp = self._timestamp + CODECS[self.codec].clock_rate // 50 & 0xFFFFFFFF
        self._next = max(self._next + 0.02, self._loop.time() - 0.1)
        self._timer = self._loop.call_at(self._next, self._tick)

    def _send_audio(self, packet: bytes) -> None:
        """Send 20 ms of u-law in the codec agreed, once they make a packet of it."""
        fmt = CODECS[self.codec]
        if self._encoder is None or self._encoder[0] != self.codec:
            self._encoder = self.codec, stream_translator(SLIN, fmt)
        encode = self._encoder[1]
        payload = packet if self.codec == PCMU else b"" if encode is None else encode(ulaw_to_linear(packet))
        if payload:
            self._send(self.codec, self._timestamp, swap_bytes(payload) if fmt.encoding == "L16" else payload)
            self._timestamp = self._timestamp + ticks_of(fmt, payload) & 0xFFFFFFFF

    def _send(self, payload_type: int, timestamp: int, payload: bytes) -> None:
        if self.remote is None or not self.sending:
            return
        self._sequence = self._sequence + 1 & 0xFFFF
        try:
            self._socket.sendto(
                _HEADER.pack(0x80, payload_type, self._sequence, timestamp, self._ssrc) + payload, self.remote
            )
        except OSError:
            return
        self.sent += 1

    def _on_readable(self) -> None:
        try:
            data, source = self._socket.recvfrom(9216)
        except OSError:
            return
        if len(data) < 12 or data[0] >> 6 != 2:
            return
        _, second, _, timestamp, ssrc = _HEADER.unpack_from(data)
        self.sources.add(source[:2])
        self.ssrcs.add(ssrc)
        payload_type, payload = second & 0x7F, data[12:]
        if payload_type in CODECS and payload_type != self.dtmf:
            self.received += 1
            self.heard_codecs.add(payload_type)
            self.packets.append(self._decode(payload_type, payload))
            del self.packets[:-_KEPT]
        elif payload_type >= 96:
            for digit, duration in self._digit_receiver.update(payload, timestamp, self._loop.time()):
                if duration >= 0:
                    self.digits += digit

    def _decode(self, payload_type: int, payload: bytes) -> bytes:
        fmt = CODECS[payload_type]
        if self._decoder is None or self._decoder[0] != payload_type:
            self._decoder = payload_type, stream_translator(fmt, SLIN)
        decode = self._decoder[1]
        if decode is None:
            return b""
        return decode(swap_bytes(payload) if fmt.encoding == "L16" else payload)

    def level(self, frequency: float) -> float:
        """How much of the latest 300 ms heard is at ``frequency``, 0 to 1."""
        return level(b"".join(self.packets[-_RECENT:]), frequency)

    async def hears(self, *frequencies: float, timeout: float = PATIENCE) -> None:
        """Wait until a steady 300 ms of these tones, and little else, has been heard from now on.

        Raises:
            PhoneError: it never was.
        """
        start = self.received

        def heard() -> bool:
            if self.received - start < _RECENT:
                return False
            levels = [self.level(one) for one in frequencies]
            return sum(levels) >= 0.8 and min(levels) >= 0.8 / (2 * len(levels))

        def missed() -> str:
            levels = ", ".join(f"{one} Hz {self.level(one):.2f}" for one in frequencies)
            return f"heard {self.received - start} packets, of the latest: {levels}"

        await until(heard, timeout, missed)

    def likeness(self, sound: bytes) -> float:
        """How much of ``sound``, linear samples of 8 kHz, is in what was heard of the latest minute, 0 to 1."""
        return likeness(b"".join(self.packets), sound[:_SOUND])

    async def hears_sound(self, sound: bytes, timeout: float = PATIENCE) -> None:
        """Wait until ``sound`` (linear samples of 8 kHz), or the first second of it, has been heard.

        Raises:
            PhoneError: it was not.
        """
        end = self._loop.time() + timeout
        while self.likeness(sound) <= 0.7:
            if self._loop.time() > end:
                raise PhoneError(f"the sound was not heard: {self.likeness(sound):.2f} of {self.received} packets")
            await asyncio.sleep(0.1)  # a look costs more than looking each time something arrives is worth

    async def hears_nothing(self, seconds: float = 0.3) -> None:
        """Check that no audio arrives for ``seconds``.

        Raises:
            PhoneError: some did.
        """
        start = self.received
        await asyncio.sleep(seconds)
        if self.received != start:
            raise PhoneError(f"heard {self.received - start} packets where there should be none")

    async def hears_digits(self, digits: str, timeout: float = PATIENCE) -> None:
        """Wait until exactly ``digits`` have been received in all.

        Raises:
            PhoneError: they were not.
        """
        await until(lambda: self.digits == digits, timeout, lambda: f"digits {self.digits!r}, expected {digits!r}")

    def close(self) -> None:
        """Close the socket."""
        self._tone, self._events = (), []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
