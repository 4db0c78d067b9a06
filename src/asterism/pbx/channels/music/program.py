"""Music that a program makes (``mode=custom``): one process for all listeners of its class."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING

from asterism.media.formats import SLIN
from asterism.media.stream import Frame
from asterism.media.translate import silence

if TYPE_CHECKING:
    import logging

    from asterism.pbx.channels.music.classes import MusicClass

_PERIOD = 0.020
_MOST = 64 * 1024
"""Octets of audio kept; the program waits while there are more."""
_AGAIN = 5.0
"""Seconds before a program that ended is started again."""


class Program(asyncio.SubprocessProtocol):
    """The running program of one class; started by the first listener, ended with the last.

    Everybody hears the same: the frame of the moment.
    """

    def __init__(self, music: MusicClass, loop: asyncio.AbstractEventLoop, log: logging.Logger) -> None:
        self.music = music
        self._loop = loop
        self._log = log
        self._listeners = 0
        self.buffer = bytearray()
        """Audio that is still to be heard."""
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.SubprocessTransport | None = None
        self.held = False
        """Whether the program waits until some of the audio has been heard."""
        self._ended = asyncio.Event()
        self._number = 0
        self._frame = self._silence()

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._transport is not None

    @property
    def pid(self) -> int:
        """The process, 0 for none."""
        return 0 if self._transport is None else self._transport.get_pid()

    @property
    def idle(self) -> bool:
        """Whether the program has ended and has no listeners."""
        return self._task is None and self._transport is None

    def _silence(self) -> Frame:
        fmt = self.music.format
        payload = silence(fmt, fmt.frame_bytes)
        return Frame(fmt, payload) if payload else Frame(SLIN, bytes(SLIN.frame_bytes))

    def frames(self) -> Iterator[Frame]:
        """Frames for one listener, until it stops."""
        self._listeners += 1
        if self._task is None:
            self._task = self._loop.create_task(self._run(), name=f"music class {self.music.name}")
        try:
            while True:
                yield self._now()
        finally:
            self._listeners -= 1
            if not self._listeners:
                self.close()

    def close(self) -> None:
        """End the program."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def _now(self) -> Frame:
        number = int(self._loop.time() / _PERIOD)
        if number == self._number:
            return self._frame
        size = self.music.format.frame_bytes
        due = min(number - self._number, len(self.buffer) // size) if self._number else 1
        self._number = number
        if due < 1 or len(self.buffer) < size:
            self._frame = self._silence()
            return self._frame
        self._frame = Frame(self.music.format, bytes(self.buffer[(due - 1) * size : due * size]))
        del self.buffer[: due * size]
        if self.held and len(self.buffer) < _MOST // 2:
            self._pause(False)
        return self._frame

    def _pause(self, paused: bool) -> None:
        pipe = None if self._transport is None else self._transport.get_pipe_transport(1)
        if isinstance(pipe, asyncio.ReadTransport):
            self.held = paused
            (pipe.pause_reading if paused else pipe.resume_reading)()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Keep what the program wrote."""
        self.buffer += data
        if len(self.buffer) > _MOST and not self.held:
            self._pause(True)

    def process_exited(self) -> None:
        """The program is over."""
        self._ended.set()

    async def _run(self) -> None:
        try:
            while True:
                self._ended.clear()
                started = self._loop.time()
                try:
                    self._transport, _ = await self._loop.subprocess_shell(
                        lambda: self, self.music.application, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                        start_new_session=True,
                    )  # fmt: skip
                except OSError as error:
                    self._log.error("music class '%s': %s", self.music.name, error)
                else:
                    await self._ended.wait()
                    code = self._transport.get_returncode()
                    self._log.warning("music class '%s': its program ended (%s)", self.music.name, code)
                    self._transport.close()
                    self._transport = None
                    self.held = False
                await asyncio.sleep(max(0.0, started + _AGAIN - self._loop.time()))
        finally:
            await self._kill()

    async def _kill(self) -> None:
        """End the process, with more and more force."""
        transport = self._transport
        if transport is None:
            return
        for force in (signal.SIGHUP, signal.SIGTERM, signal.SIGKILL):
            if self._ended.is_set():
                break
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if self.music.kill_group:
                    os.killpg(transport.get_pid(), force)
                else:
                    transport.send_signal(force)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self.music.kill_delay)
        transport.close()
        self._transport = None
        self.buffer.clear()
