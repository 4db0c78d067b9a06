"""Cost of manager clients: CPU per call with 50 of them reading every event, against none."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import servers
from bench.load import measure
from bench.measurement import Measurement

PORT = 5048
CLIENTS = 50
RATE = 50
MAXIMUM_GROWTH = 0.60
"""The most that the clients may add to a call's CPU."""

_MANAGER_CONF = f"""\
[general]
enabled=yes
bindaddr=127.0.0.1
port={PORT}
[bench]
secret=bench
read=all
write=all
"""
_LOGIN = b"Action: Login\r\nUsername: bench\r\nSecret: bench\r\nEvents: on\r\n\r\n"


def run(folder: Path, calls: int) -> bool:
    """Measure both; returns whether the growth is within bounds and both measurements count."""
    with servers.asterism(folder, {"manager.conf": _MANAGER_CONF}) as process:
        servers.wait_ready(process)
        measure("call", process.pid, RATE, max(calls // 4, 50))
        alone = measure("call", process.pid, RATE, calls)
        with _clients() as count_events:
            beside = measure("call", process.pid, RATE, calls)
            events = count_events()
    for title, result in (("no manager client", alone), (f"{CLIENTS} manager clients", beside)):
        print(f"two-leg call, {title}: {result.microseconds:.0f} us CPU, {result.good} done" + _complaints(result))
    growth = beside.microseconds / alone.microseconds - 1 if alone.microseconds else 0.0
    per_call = events / CLIENTS / max(beside.good, 1)
    met = growth <= MAXIMUM_GROWTH and per_call > 10
    print(
        f"growth {growth:.0%} (at most {MAXIMUM_GROWTH:.0%}: {'met' if met else 'MISSED'}), "
        f"{per_call:.0f} events a call and client"
    )
    return met and alone.valid and beside.valid


def _complaints(result: Measurement) -> str:
    return "".join(f"; NOT VALID: {complaint}" for complaint in result.complaints)


@contextmanager
def _clients() -> Iterator[Callable[[], int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.manager"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout
    try:
        assert stdout.readline() == "ready\n"

        def count_events() -> int:
            stdin.write("end\n")
            stdin.flush()
            return int(stdout.readline())

        yield count_events
    finally:
        process.kill()
        process.wait()
        stdin.close()
        stdout.close()


class _Client(asyncio.Protocol):
    """Reads as fast as it can and counts."""

    def __init__(self) -> None:
        self.events = 0
        self.ready = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(_LOGIN)

    def data_received(self, data: bytes) -> None:
        self.events += data.count(b"\r\nPrivilege: ")
        if not self.ready.done() and b"Fully Booted" in data:
            self.ready.set_result(None)


async def _read_events() -> None:
    """The process of the clients: connect, say ready, count until told to end."""
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(CLIENTS):
        _, client = await loop.create_connection(_Client, "127.0.0.1", PORT)
        await client.ready
        clients.append(client)
    before = sum(client.events for client in clients)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    print(sum(client.events for client in clients) - before, flush=True)


if __name__ == "__main__":
    asyncio.run(_read_events())
