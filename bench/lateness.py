"""``python -m bench lateness``: how late packets of 100 relayed calls arrive, beside those of a bare UDP echo.

One process sends 10,000 packets a second, each with the time at which it was due, and takes them when they are back:
through the server from one leg of a call to the other, and through a process that sends each back, in turns. What
that process or the machine does late is in both figures; the difference is the server's.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import os
import select
import socket
import struct
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from asterism.testing.call import PhoneCall
from asterism.testing.phone import Phone
from bench import servers
from bench.configuration import SERVER
from bench.memory import verdict

CALLS = 100
INTERVAL = 0.02
"""Seconds between two packets of one leg; those of all legs are spread over it evenly."""
ROUNDS, ROUND_SECONDS = 4, 6.0
"""Echo and relay in turns, as the machine's good and bad seconds would else decide."""
WARM_UP = 1.0
"""The first seconds of a round, sent but not counted: the server learns where each party sends from."""
LINGER = 0.5
"""How long the last packets of a round are waited for."""
MARGIN = 0.005
"""How much later than the echo's the relay's 99th percentile may be, in seconds."""
MISSING = 0.001
"""The share of the packets that may be lost in a figure that counts."""
PATIENCE = 60.0

_HEADER, _DUE = struct.Struct("!BBHIId"), struct.Struct("!12xd")
_SILENCE = b"\xff" * 152
_DIALPLAN = "[default]\nexten => ping,1,NoOp()\nexten => u1,1,{}Dial(PJSIP/u1,30)\n"
_RECORD = "MixMonitor(${UNIQUEID}.wav)\n same => n,"


@dataclass(slots=True)
class Lateness:
    """Of each packet that came, how many seconds after its time; and how many were sent."""

    seconds: list[float] = field(default_factory=list)
    sent: int = 0

    def percentile(self, share: float) -> float:
        """The lateness that ``share`` of the packets do not exceed."""
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]

    @property
    def valid(self) -> bool:
        """Whether as good as all packets came."""
        return bool(self.sent) and len(self.seconds) >= self.sent * (1 - MISSING)

    def __str__(self) -> str:
        if not self.seconds:
            return "nothing came"
        figures = ((name, self.percentile(share) * 1000) for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1)))
        text = ", ".join(f"{name} {figure:.2f} ms" for name, figure in figures)
        return f"{text}, {len(self.seconds)} of {self.sent} packets"


def exchange(legs: list[socket.socket], seconds: float, first: int, into: Lateness) -> None:
    """Send from all legs in turn, and take what comes; ``first`` is the RTP sequence number to begin with.

    The packets of one interval are spread over it evenly.
    """
    gap = INTERVAL / len(legs)
    poll, sockets = select.epoll(), {leg.fileno(): leg for leg in legs}
    for descriptor in sockets:
        poll.register(descriptor, select.EPOLLIN)
    clock, number, count = time.monotonic, 0, int((WARM_UP + seconds) / gap)
    start = clock() + 0.01
    counted, end = start + WARM_UP, start + count * gap + LINGER
    into.sent += count - int(WARM_UP / gap)
    due = start
    while (now := clock()) < end:
        while number < count and due <= now:
            turn, leg = divmod(number, len(legs))
            sequence = first + turn
            header = _HEADER.pack(0x80, 0, sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, leg + 1, due)
            legs[leg].send(header + _SILENCE)
            number += 1
            due = start + number * gap
        # A wait is rounded up to whole milliseconds: some ten packets for each time it wakes up.
        for descriptor, _ in poll.poll(max(due - now, 0) if number < count else LINGER / 10):
            (was_due,) = _DUE.unpack_from(sockets[descriptor].recv(2048))
            if was_due >= counted - gap / 2:
                into.seconds.append(clock() - was_due)
    poll.close()


def echo(pipe: Connection) -> None:
    """Say the port, then send back whatever comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("127.0.0.1", 0))
        pipe.send(here.getsockname()[1])
        while True:
            here.sendto(*here.recvfrom(2048))


def connected(remote: tuple[str, int], port: int = 0) -> socket.socket:
    """A socket that hears ``remote`` only: what does not come through the server is not counted."""
    leg = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    leg.bind(("127.0.0.1", port))
    leg.connect(remote)
    return leg


def media(call: PhoneCall) -> socket.socket:
    """Take the audio of an established call from its phone."""
    call.audio.close()
    if call.audio.remote is None:
        raise RuntimeError("the call has no audio")
    return connected(call.audio.remote, call.audio.port)


async def relayed(calls: int = CALLS) -> list[socket.socket]:
    """Establish the calls; returns both legs' sockets of each. The phones keep silent from then on."""
    caller, callee = Phone("caller", SERVER), Phone("u1", SERVER, "pw1")
    callee.auto_answer = True
    await callee.register(3600)
    legs = []
    for _ in range(calls):
        call = await caller.dial("u1")
        await call.answered()
        taken = await callee.incoming()
        await taken.answered()
        legs += [media(call), media(taken)]
    return legs


def generate(port: int, seconds: float, pipe: Connection) -> None:
    """The generator: send through the echo at ``port`` and the server in turns; gives both results to ``pipe``."""

    async def main() -> None:
        through = (await relayed(), Lateness())
        beside = ([connected(("127.0.0.1", port)) for _ in range(2 * CALLS)], Lateness())
        gc.freeze()
        gc.disable()
        for turn in range(ROUNDS):
            for legs, result in (beside, through):
                # Nothing else is to run in this process meanwhile, so its event loop stands still.
                exchange(legs, seconds, turn * int((WARM_UP + seconds) / INTERVAL), result)
        pipe.send((beside[1], through[1]))

    asyncio.run(main())


def run(folder: Path, share: int = 1, *, recorded: bool = False) -> bool:
    """Measure and print both; whether all packets came and the target is met. ``recorded``: the calls are recorded."""
    seconds = max(ROUND_SECONDS / share, 1.0)
    ports, echo_port = multiprocessing.Pipe()
    results, given = multiprocessing.Pipe()
    started = [multiprocessing.Process(target=echo, args=(echo_port,), daemon=True)]
    found: tuple[Lateness, Lateness] | None = None
    with servers.asterism(folder, {"extensions.conf": _DIALPLAN.format(_RECORD if recorded else "")}) as process:
        servers.wait_ready(process)
        try:
            started[0].start()
            started.append(multiprocessing.Process(target=generate, args=(ports.recv(), seconds, given), daemon=True))
            started[1].start()
            given.close()
            with contextlib.suppress(EOFError):
                if results.poll(2 * ROUNDS * (WARM_UP + seconds + LINGER) + PATIENCE):
                    found = results.recv()
        finally:
            for each in started:
                each.terminate()
                each.join()
    kind = "recorded calls" if recorded else "calls"
    print(
        f"\nLateness of {CALLS} {kind}, {2 * CALLS / INTERVAL:.0f} packets a second, "
        f"{ROUNDS} x {seconds:.0f} s each in turns"
    )
    if found is None:
        return verdict(False, "the generator ended", "results")
    for name, result in zip(("bare UDP echo", "relayed by the server"), found, strict=True):
        print(f"  {name}: {result}{'' if result.valid else '; NOT VALID: packets are missing'}")
    print(f"  load average of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    if not all(result.valid for result in found):
        return False
    more = found[1].percentile(0.99) - found[0].percentile(0.99)
    return verdict(more <= MARGIN, f"p99 {more * 1000:+.2f} ms of the echo's", f"at most +{MARGIN * 1000:.0f} ms")
