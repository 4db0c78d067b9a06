"""The recordings of a server: what runs, its turns, and what is done when one is over."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from asterism.media.recording.thread import RecordingThread
from asterism.pbx.calls.recording import events
from asterism.pbx.calls.recording.afterwards import Commands
from asterism.pbx.calls.recording.recording import Recording
from asterism.pbx.calls.recording.settings import RecordingError, RecordingSettings
from asterism.pbx.vocabulary.events import BRIDGE_ENTER, BRIDGE_LEAVE

if TYPE_CHECKING:
    from collections.abc import Callable

    from asterism.core.events import EventType
    from asterism.pbx.channels.channel import Channel
    from asterism.pbx.vocabulary.host import Host

_TICK = 0.1
"""Seconds between two looks at whose turn it is: the recordings' turns are spread over time as they began."""
_CLOSING = 5.0
"""Seconds that files have to be closed when the server stops."""
_KEY = "recordings"
"""Where ``channel.data`` keeps a channel's, by their identifiers."""
MOST = 16
"""Recordings that one channel may have at a time."""
FOLDER = "monitor"
"""The folder of relative names, below the spool folder."""


class Recordings:
    """All recordings of a server; iterated in the order in which they began."""

    def __init__(self, pbx: Host) -> None:
        """Begin without any."""
        self._pbx = pbx
        self._running: dict[str, Recording] = {}
        self._closing: set[Recording] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._unsubscribe: list[Callable[[], None]] = []
        self.thread = RecordingThread()
        self.commands = Commands(pbx.log, bool(getattr(pbx.server.options, "recording_commands", False)))

    def __iter__(self) -> Iterator[Recording]:
        return iter(list(self._running.values()))

    def __len__(self) -> int:
        return len(self._running)

    @property
    def folder(self) -> Path:
        """Where relative names are."""
        return Path(self._pbx.server.paths.spool) / FOLDER

    def of(self, channel: Channel) -> list[Recording]:
        """The announced recordings of a channel that run, in the order in which they began.

        Those of Record, ChanSpy, ConfBridge or a program are whose they are: nobody else ends or mutes them.
        """
        return [one for one in self._all(channel) if one.announced]

    def find(self, channel: Channel, identifier: str) -> Recording | None:
        """An announced recording of a channel by its identifier."""
        return next((one for one in self.of(channel) if one.identifier == identifier.strip()), None)

    @staticmethod
    def _all(channel: Channel) -> list[Recording]:
        return list(channel.data.get(_KEY, {}).values())

    def start(self, channel: Channel, settings: RecordingSettings, *, announced: bool = True) -> Recording:
        """Begin to record a channel.

        Args:
            channel: whom.
            settings: what, and where.
            announced: whether events and variables tell of it, and :meth:`of` and :meth:`find` give it.

        Raises:
            RecordingError: it cannot begin: a file's kind is unknown, or it is recorded to already, or there are too
                many. Whether a file can be written turns out later, and ends the recording.
        """
        if channel.dead:
            raise RecordingError(f"{channel.name} has hung up")
        own: dict[str, Recording] = channel.data.setdefault(_KEY, {})
        if len(own) >= MOST:
            raise RecordingError(f"{channel.name} is recorded {MOST} times already")
        busy = {one.path for recording in self._running.values() for one in recording.settings.outputs}
        if len({one.path for one in settings.outputs}) < len(settings.outputs):
            raise RecordingError(f"two of its files are the same: {settings.outputs[0].path}")
        for output in settings.outputs:
            if output.path in busy:
                raise RecordingError(f"{output.path} is being written by another recording")
        identifier = f"0x{secrets.randbits(44) | 1 << 44:x}"
        ended = self._ended if announced else self._ended_quietly
        recording = Recording(channel, identifier, settings, self.thread, ended, self._closed, announced)
        self._running[identifier] = own[identifier] = recording
        if settings.bridged_only:
            self._watch_bridges()
        if self._timer is None:
            self._timer = self._pbx.loop.call_later(_TICK, self._tick)
        if announced:
            if settings.filename:
                channel.set_variable("MIXMONITOR_FILENAME", settings.filename)
            if settings.variable:
                channel.set_variable(settings.variable, identifier)
        recording.begin()
        if announced:
            self._pbx.bus.publish(events.MIXMONITOR_START, channel)
        return recording

    def _tick(self) -> None:
        self._timer = None
        now = self._pbx.loop.time()
        for recording in list(self._running.values()):
            if recording.due <= now:
                recording.turn(now)
        if self._running:
            self._timer = self._pbx.loop.call_later(_TICK, self._tick)

    def _ended_quietly(self, recording: Recording) -> None:
        self._running.pop(recording.identifier, None)
        recording.channel.data.get(_KEY, {}).pop(recording.identifier, None)
        self._closing.add(recording)
        if not self._running and self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._unsubscribe and not any(one.settings.bridged_only for one in self._running.values()):
            for undo in self._unsubscribe:
                undo()
            self._unsubscribe.clear()

    def _ended(self, recording: Recording) -> None:
        self._ended_quietly(recording)
        self._pbx.bus.publish(events.MIXMONITOR_STOP, recording.channel)

    def _closed(self, recording: Recording) -> None:
        self._closing.discard(recording)
        if self._pbx.test_events.wanted:
            self._pbx.test_events.send("MIXMONITOR_END", (("File", recording.path.with_suffix("")),))
        if not (self._running or self._closing):
            self.thread.close()
        self.commands.after(recording)

    # -- bridges ----------------------------------------------------------------------------------------------

    def _watch_bridges(self) -> None:
        if not self._unsubscribe:
            bus, owner = self._pbx.bus, self._pbx.owner
            self._unsubscribe = [
                bus.subscribe(owner, BRIDGE_ENTER, self._bridged), bus.subscribe(owner, BRIDGE_LEAVE, self._bridged)
            ]  # fmt: skip

    def _bridged(self, kind: EventType, args: tuple[object, ...]) -> None:
        channel: Channel = args[1]  # type: ignore[assignment]
        for recording in self._all(channel):
            if recording.settings.bridged_only:
                recording.bridged(kind is BRIDGE_ENTER)

    # -- the end ----------------------------------------------------------------------------------------------

    async def finish(self) -> None:
        """End every recording; wait until files are closed and commands are over, as long as each may take at most."""
        await self._end(announced_only=False)
        self.thread.close()

    async def finish_announced(self) -> None:
        """The same of those that are announced; the others go on."""
        await self._end(announced_only=True)

    async def _end(self, announced_only: bool) -> None:
        for recording in self:
            if recording.announced or not announced_only:
                recording.stop()
        closing = [
            asyncio.ensure_future(one.wait()) for one in self._closing if one.announced or not announced_only
        ]  # fmt: skip
        if closing:
            _, late = await asyncio.wait(closing, timeout=_CLOSING)
            for task in late:
                task.cancel()
            if late:
                self._pbx.log.warning(
                    "The files of %d recordings could not be closed: the disk does not answer", len(late)
                )
        await self.commands.finish()
