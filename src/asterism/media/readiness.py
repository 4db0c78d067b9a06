"""Which RTP sockets have something to read, for the many sockets of short calls.

An event loop makes an object for each socket that it watches, and several system calls to begin and to end it. The
sockets of calls come and go all the time, so they are watched by an epoll of their own, which takes one call for each,
and the loop watches that. One wake-up then serves every socket that has a packet waiting.
"""

from __future__ import annotations

import asyncio
import logging
import select
from typing import Protocol

_BATCH = 64
"""Sockets served in one wake-up; the others are served after what else the loop has to do."""


class Reader(Protocol):
    """Reader of a socket."""

    def on_readable(self, now: float) -> None:
        """The socket has something to read; ``now`` is the loop's time."""


class Readiness:
    """Tells a reader whenever its socket can be read; where there is no epoll, the loop does it by itself."""

    __slots__ = ("_epoll", "_log", "_loop", "_readers")

    def __init__(self, loop: asyncio.AbstractEventLoop, log: logging.Logger) -> None:
        self._loop = loop
        self._log = log
        self._readers: list[Reader | None] = []  # by descriptor
        self._epoll: select.epoll | None = None

    def add(self, descriptor: int, reader: Reader) -> None:
        """Tell ``reader`` while ``descriptor`` has something to read. Raises OSError.

        A negative one is that of a virtual socket, whose transport tells its reader itself.
        """
        if descriptor < 0:
            return
        epoll = self._epoll
        if epoll is None:
            if not hasattr(select, "epoll"):
                self._loop.add_reader(descriptor, lambda: reader.on_readable(self._loop.time()))
                return
            epoll = self._epoll = select.epoll()
            self._loop.add_reader(epoll.fileno(), self._serve)
        readers = self._readers
        if descriptor >= len(readers):
            readers.extend([None] * (descriptor + 1 - len(readers)))
        epoll.register(descriptor, select.EPOLLIN)
        readers[descriptor] = reader

    def forget(self, descriptor: int) -> None:
        """Stop reporting ``descriptor``, which is about to be closed: closing it ends the watching."""
        if descriptor < 0:
            return
        if self._epoll is None:
            self._loop.remove_reader(descriptor)
        elif descriptor < len(self._readers):
            self._readers[descriptor] = None

    def close(self) -> None:
        """Stop watching all sockets."""
        self._readers[:] = [None] * len(self._readers)
        if self._epoll is not None:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def _serve(self) -> None:
        epoll = self._epoll
        if epoll is None:
            return
        readers = self._readers
        now = self._loop.time()
        for descriptor, _ in epoll.poll(0, _BATCH):
            # One of those before it may have ended the call.
            reader = readers[descriptor]
            if reader is not None:
                try:
                    reader.on_readable(now)
                except Exception:
                    self._log.exception("a packet was not handled")
