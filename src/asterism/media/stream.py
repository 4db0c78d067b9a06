"""The neutral view of one leg's audio that channels, bridges and applications work with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from asterism.media.formats import Format

if TYPE_CHECKING:
    from asterism.media.taps import Direction, Tap, TapKeeper

AUDIO = "audio"
VIDEO = "video"
TEXT = "text"
IMAGE = "image"


class Frame(NamedTuple):
    """One packet's worth of encoded audio, usually 20 ms."""

    format: Format
    """How ``payload`` is encoded."""
    payload: bytes
    """The encoded samples; linear formats are 16-bit native little endian."""
    timestamp: int | None = None
    """When it was said, by its source's clock: the RTP timestamp, in units of the format's ``clock_rate``.

    ``None``: it was made here, or has passed a jitter buffer: in order, and at an even pace.
    """


FrameSink = Callable[[Frame], None]
DigitSink = Callable[[str, int], None]
"""Called with a digit (``0``-``9 * # A``-``D``, or ``!`` for flash) and its length in milliseconds."""


class AudioStream(Protocol):
    """The audio of one call leg: frames in, frames out, or packets relayed to another leg.

    Every method is synchronous and safe to call after ``close`` (it then does nothing).
    """

    sink: FrameSink | None
    """Receives what arrives while it is not relayed; ``None`` discards it."""
    on_digit: DigitSink | None
    """Told of each digit when it ends, relayed or not."""
    on_digit_begin: Callable[[str], None] | None
    """Told of each digit when it begins, relayed or not."""
    hold: bool
    """While true nothing is sent: the peer asked not to be sent audio."""

    @property
    def format(self) -> Format:
        """The format that is sent."""

    @property
    def formats(self) -> Sequence[Format]:
        """Every format negotiated, the preferred one first."""

    @property
    def sends_events(self) -> bool:
        """Whether digits are sent as telephone-events (RFC 4733), not as tones in the audio."""

    @property
    def sends(self) -> bool:
        """Whether audio written now is sent: it is not on hold, without a peer, or while a digit is being sent."""

    @property
    def digit_passed_to(self) -> AudioStream | None:
        """The leg to which the current or last digit is passed as packets; ``None``: it must be sent to the others."""

    @property
    def closed(self) -> bool:
        """Whether the stream has been closed."""

    @property
    def changed(self) -> bool:
        """Whether a changing tap is there, in either direction."""

    def attach(self, tap: Tap, direction: Direction, keeper: TapKeeper | None = None) -> None:
        """Put a tap on one direction; see :meth:`asterism.media.taps.TappedStream.attach`."""

    def detach(self, tap: Tap) -> bool:
        """Take a tap off; whether it was there."""

    def change_behind(self, tap: Tap, frame: Frame) -> Frame | None:
        """Pass a frame that a tap held back to the taps behind it; see :class:`asterism.media.taps.TappedStream`."""

    def write(self, frame: Frame) -> None:
        """Send one frame now; pacing is the caller's. Translated when its format was not negotiated."""

    def write_behind(self, tap: Tap, frame: Frame) -> None:
        """As :meth:`write`, for a changing tap on what is sent: only the taps behind it hear and change the frame."""

    def relay_to(self, other: AudioStream | None) -> bool:
        """Pass what arrives here straight on to ``other``; ``None`` ends that.

        Returns whether the packets are relayed. ``False``: the formats have no common or cheaply translated
        pair, a tap changes what passes, or ``other`` is of another kind; the caller then has to carry frames from
        ``sink`` to ``write``.
        """

    def send_digit(self, digit: str, duration_ms: int = 100) -> None:
        """Send a digit; audio written meanwhile is dropped. Digits sent in a row are queued."""

    def close(self) -> None:
        """Release ports and timers; may be called again."""


class ChannelStream:
    """One stream of a channel: an entry of its topology.

    Attributes:
        type: what it carries: ``audio``, ``video``, ``text``, ``image`` or another media type of SDP (RFC 8866 5.14).
        port: what its packets go in and out by; ``None``: whoever made the stream deals with them.
        one_way: this server has added it to send something, and nothing is to come on it.
    """

    __slots__ = ("one_way", "port", "type")

    def __init__(self, kind: str, port: AudioStream | None = None) -> None:
        self.type = kind
        self.port = port
        self.one_way = False

    @property
    def direction(self) -> str:
        """Direction as seen by this server: ``sendrecv``, ``sendonly``, ``recvonly`` or ``inactive``."""
        return "sendrecv"

    @property
    def formats(self) -> Sequence[Format]:
        """The formats negotiated, the preferred one first."""
        return () if self.port is None else self.port.formats


Agreed = Sequence[tuple[Format, str]]
"""Codecs, each with the parameters (``a=fmtp``) of the peer that are passed on to the call's other party."""
Offered = Sequence[tuple[str, Agreed]]
"""The streams of one party of a call as they concern the other: type and codecs of each, in order."""
Topology = Sequence[ChannelStream | None]
"""The streams of a channel in the order of its description; ``None`` where one was refused or is over."""


def pair_ports(
    one: Sequence[ChannelStream], two: Sequence[ChannelStream]
) -> list[tuple[str, AudioStream, AudioStream | None]]:
    """Type and port of each of ``one`` but its first audio, with that of ``two`` which it belongs to.

    The n-th stream of a type belongs to the n-th of that type; where there is none it is left alone.
    """
    rest = [(each.type, each.port) for each in two if each.port is not None]
    found: list[tuple[str, AudioStream, AudioStream | None]] = []
    first = True
    for each in one:
        if each.port is None:
            continue
        partner = next((pair for pair in rest if pair[0] == each.type), None)
        if partner is not None:
            rest.remove(partner)
        if first and each.type == AUDIO:
            first = False
            continue
        found.append((each.type, each.port, None if partner is None else partner[1]))
    return found


def first_port(streams: Topology, kind: str) -> AudioStream | None:
    """The port of the first open stream of a type, ``None`` when there is none."""
    for one in streams:
        if one is not None and one.type == kind and one.port is not None:
            return one.port
    return None
