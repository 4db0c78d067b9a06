"""Sockets are served while they have something to read, whatever the others do."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest

from asterism.media.readiness import Readiness
from asterism.testing.waiting import until


class _Reader:
    def __init__(self, read):
        self.read = read

    def on_readable(self, now: float) -> None:
        assert now <= asyncio.get_running_loop().time()
        self.read()


def _pairs(count: int) -> list[tuple[socket.socket, socket.socket]]:
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(count)]
    for pair in pairs:
        pair[0].setblocking(False)
    return pairs


@pytest.mark.parametrize("epoll", [True, False])
def test_every_socket_with_something_to_read_is_served(monkeypatch: pytest.MonkeyPatch, epoll: bool) -> None:
    if not epoll:
        monkeypatch.delattr("select.epoll")

    async def main() -> None:
        readiness = Readiness(asyncio.get_running_loop(), logging.getLogger("test"))
        pairs = _pairs(100)
        read: list[int] = []
        for number, (ours, _) in enumerate(pairs):
            readiness.add(ours.fileno(), _Reader(lambda n=number, s=ours: read.append((n, s.recv(9)))))  # type: ignore[arg-type]
        for _, theirs in pairs:
            theirs.send(b"1")
            theirs.send(b"2")
        await until(lambda: len(read) == 200)
        assert sorted(read) == [(n, data) for n in range(100) for data in (b"1", b"2")]
        for ours, theirs in pairs:
            theirs.send(b"3")
            readiness.forget(ours.fileno())
            ours.close()
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(read) == 200
        # The kernel gives the same descriptors out again, and watches only what they are now.
        others = _pairs(100)
        for number, (ours, theirs) in enumerate(others):
            readiness.add(ours.fileno(), _Reader(lambda n=number, s=ours: read.append((n, s.recv(9)))))  # type: ignore[arg-type]
            theirs.send(b"4")
        await until(lambda: len(read) == 300)
        assert sorted(read[200:]) == [(n, b"4") for n in range(100)]
        readiness.close()
        for pair in pairs + others:
            pair[0].close()
            pair[1].close()

    asyncio.run(main())


def test_one_that_ends_another_or_fails_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        readiness = Readiness(asyncio.get_running_loop(), logging.getLogger("test"))
        pairs = _pairs(3)
        served: list[int] = []

        def serve(number: int) -> None:
            pairs[number][0].recv(9)
            served.append(number)
            if number == 0:
                readiness.forget(pairs[1][0].fileno())
                raise ValueError("broken")

        for number, (ours, _) in enumerate(pairs):
            readiness.add(ours.fileno(), _Reader(lambda n=number: serve(n)))
        for _, theirs in pairs:
            theirs.send(b"1")
        await until(lambda: 2 in served)
        assert served == [0, 2]
        # Closed and used again.
        readiness.close()
        readiness.add(pairs[1][0].fileno(), _Reader(lambda: serve(1)))
        await until(lambda: 1 in served)
        readiness.close()
        for pair in pairs:
            pair[0].close()
            pair[1].close()

    asyncio.run(main())
    assert "a packet was not handled" in caplog.text
