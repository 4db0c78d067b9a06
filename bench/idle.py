"""``python -m bench idle``: what an OPTIONS costs beside 10,000 idle TCP connections.

The connections come from several addresses of the loopback network, for each address may have 1024 of them.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
from multiprocessing.connection import Connection
from pathlib import Path

from bench import servers
from bench.configuration import SERVER, pjsip
from bench.memory import descriptors, verdict
from bench.process import resident_mib
from bench.transports import COUNT, cost

CONNECTIONS = 10_000
PER_ADDRESS = 1000
FILES = 20_000
"""Open files that the server and the connections' process may each have."""
LIMIT = 1.2
ROUNDS = 3
AT_ONCE = 100
PATIENCE = 120.0


def raise_limits() -> None:
    """Allow this process and its children enough open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def hold(count: int, pipe: Connection) -> None:
    """Open connections, say how many stand, keep them until told, say how many still stand."""

    async def connect(number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        local = (f"127.0.1.{1 + number // PER_ADDRESS}", 0)
        return await asyncio.open_connection(*SERVER, local_addr=local)

    async def main() -> None:
        lines = []
        for first in range(0, count, AT_ONCE):
            lines += await asyncio.gather(*(connect(n) for n in range(first, min(first + AT_ONCE, count))))
        pipe.send(len(lines))
        await asyncio.to_thread(pipe.recv)
        # What the server closed has been read to its end.
        pipe.send(sum(not reader.at_eof() for reader, _ in lines))
        for _, writer in lines:
            writer.transport.abort()

    asyncio.run(main())


def _costs(pid: int, count: int) -> dict[str, float]:
    """The least cost of some rounds, of each protocol: what others do on the machine only adds to it."""
    found: dict[str, float] = {}
    for protocol in ("udp", "tcp"):
        cost(pid, protocol, max(count // 10, 200))
        values = [value for _ in range(ROUNDS) if (value := cost(pid, protocol, count)) is not None]
        if values:
            found[protocol] = min(values)
    return found


def run(folder: Path, share: int = 1) -> bool:
    """Measure without and with the connections; whether the targets are met."""
    count, requests, good = CONNECTIONS // share, COUNT // share, True
    raise_limits()
    configuration = pjsip() + f"\n[tcp]\ntype=transport\nprotocol=tcp\nbind={SERVER[0]}:{SERVER[1]}\n"
    own, other = multiprocessing.Pipe()
    holder = multiprocessing.Process(target=hold, args=(count, other), daemon=True)
    with servers.asterism(folder, {"pjsip.conf": configuration}) as process:
        servers.wait_ready(process)
        alone, small = _costs(process.pid, requests), resident_mib(process.pid)
        holder.start()
        try:
            stand = own.recv() if own.poll(PATIENCE) else 0
            beside, large = _costs(process.pid, requests), resident_mib(process.pid)
            open_files = descriptors(process.pid)
            own.send("end")
            left = own.recv() if own.poll(PATIENCE) else 0
        finally:
            holder.terminate()
            holder.join()
    if stand:
        print(f"{stand} idle TCP connections: {(large - small) * 1024 / stand:.1f} KiB each, {open_files} files open")
    good = verdict(stand == left == count, f"{left} of {count} connections stood all the time", "all") and good
    for protocol in ("udp", "tcp"):
        if protocol not in alone or protocol not in beside:
            good = False
            continue
        ratio = beside[protocol] / alone[protocol]
        figure = f"OPTIONS over {protocol}: {alone[protocol]:.1f} us alone, {beside[protocol]:.1f} us, {ratio:.2f}"
        good = verdict(ratio <= LIMIT, figure, f"at most {LIMIT}") and good
    return good
