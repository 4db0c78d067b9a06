"""The taps of a channel: they stay when its audio moves to another stream, and the bridge chooses by them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from asterism.core.containment import attempt

if TYPE_CHECKING:
    from asterism.media.stream import AudioStream
    from asterism.media.taps import Direction, Tap
    from asterism.pbx.channels.channel import Channel


class ChannelTaps:
    """The taps that a channel keeps, in the order in which they were attached."""

    __slots__ = ("_channel", "_kept", "_stream")

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._kept: dict[Tap, Direction] = {}
        self._stream: AudioStream | None = None

    @property
    def taps(self) -> tuple[Tap, ...]:
        """All of them."""
        return tuple(self._kept)

    @property
    def tap_log(self) -> logging.Logger:
        """Logger for failures of its taps."""
        return self._channel.pbx.log

    @property
    def tap_subject(self) -> Channel:
        """The subject of log records about its taps: the channel."""
        return self._channel

    @property
    def shows_simple(self) -> bool:
        """Whether one of them has the bridge shown as ``simple_bridge``."""
        return any(tap.shows_simple for tap in self._kept)

    def attach(self, tap: Tap, direction: Direction) -> None:
        """Keep a tap, on the present audio and on what takes its place."""
        if tap in self._kept:
            raise ValueError("the tap is attached already")
        self.follow()
        if self._stream is not None:
            self._stream.attach(tap, direction, self)
        self._kept[tap] = direction
        self._choose_anew()

    def detach(self, tap: Tap) -> bool:
        """Keep a tap no longer; whether it was kept."""
        if self._kept.pop(tap, None) is None:
            return False
        if self._stream is not None:
            self._stream.detach(tap)
        self._choose_anew()
        return True

    def tap_failed(self, tap: Tap) -> None:
        """A tap raised and has been removed from the stream."""
        if self._kept.pop(tap, None) is not None:
            self._choose_anew()

    def follow(self) -> None:
        """Move to what is the channel's audio now."""
        stream = self._channel.stream
        if stream is not self._stream:
            self._move(stream)

    def _move(self, stream: AudioStream | None) -> None:
        before, self._stream = self._stream, stream
        for tap, direction in self._kept.items():
            if before is not None:
                before.detach(tap)
            if stream is not None:
                stream.attach(tap, direction, self)

    def _choose_anew(self) -> None:
        bridge = self._channel.bridge
        if bridge is not None:
            bridge.connect_media()

    def end(self) -> None:
        """The channel is over: every tap is told."""
        kept, self._kept = self._kept, {}
        stream, self._stream = self._stream, None
        for tap in kept:
            if stream is not None:
                stream.detach(tap)
            attempt(self._channel.pbx.log, f"ended of tap {type(tap).__name__}", None, tap.ended)
