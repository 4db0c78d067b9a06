"""``make soak``: ten minutes of valid and broken traffic at about half of what the server can do.

Phones register, call and hang up, OPTIONS and REGISTERs arrive at a fixed rate, and among them mutated, cut and random
datagrams. It fails when an exception was logged, a count does not come back to where it was, memory
grows, or a valid request goes unanswered. ``--seconds`` shortens it.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import memory, servers
from bench.configuration import ACCOUNTS, SERVER
from bench.process import resident_mib

OPTIONS_RATE = 400
REGISTER_RATE = 100
FUZZ_RATE = 300
CALL_RATE = 5
SAMPLE_SECONDS = 15.0
MEMORY_GROWTH = 0.05
"""How much more memory the last third of the run may use than the middle third, as a share."""

_OPTIONS = (
    "OPTIONS sip:ping@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{n:x}\r\n"
    "From: <sip:soak@127.0.0.1>;tag={n:x}\r\nTo: <sip:ping@127.0.0.1>\r\nCall-ID: soak-{n}\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)
_INVITE = (
    "INVITE sip:nobody@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKf{n:x}\r\n"
    'From: "Fuzz" <sip:fuzz@127.0.0.1>;tag={n:x}\r\nTo: <sip:nobody@127.0.0.1>\r\nCall-ID: fuzz-{n}\r\n'
    "CSeq: 1 INVITE\r\n"
    "Contact: <sip:fuzz@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n"
    "Content-Length: 96\r\n\r\n"
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendrecv"
)


class _Traffic(asyncio.DatagramProtocol):
    """A socket that counts what comes back."""

    def __init__(self) -> None:
        self.received = 0
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.received += 1

    @property
    def port(self) -> int:
        assert self.transport is not None
        return int(self.transport.get_extra_info("sockname")[1])


@dataclass(slots=True)
class Tally:
    """Numbers of requests sent and of failures."""

    options: int = 0
    registers: int = 0
    registers_failed: int = 0
    fuzzed: int = 0
    calls: int = 0
    calls_failed: int = 0


def mutate(data: bytes, chance: random.Random) -> bytes:
    """A broken copy of a message: bytes changed, doubled, cut out, or the end missing."""
    broken = bytearray(data)
    for _ in range(chance.randrange(1, 8)):
        kind, at = chance.randrange(5), chance.randrange(len(broken))
        if kind == 0:
            broken[at] = chance.randrange(256)
        elif kind == 1:
            del broken[at : at + chance.randrange(1, 20)]
        elif kind == 2:
            broken[at:at] = broken[at : at + chance.randrange(1, 40)]
        elif kind == 3:
            broken[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 20)))
        else:
            del broken[at:]
        if not broken:
            return bytes(chance.randrange(256) for _ in range(chance.randrange(1, 600)))
    return bytes(broken)


async def _steady(rate: float, until: float, action: Callable[[], None]) -> None:
    """Call ``action`` ``rate`` times a second."""
    due = time.monotonic()
    while due < until:
        action()
        due += 1 / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _generate(seconds: float, seed: int, tally: Tally) -> int:
    """Send everything; returns how many responses to OPTIONS came."""
    from asterism.testing import Phone, PhoneError

    loop = asyncio.get_running_loop()
    until = time.monotonic() + seconds
    chance = random.Random(seed)
    _, valid = await loop.create_datagram_endpoint(_Traffic, ("127.0.0.1", 0), SERVER)
    # Another address: the server limits what it hears from an address that sends too much it cannot use.
    _, fuzz = await loop.create_datagram_endpoint(_Traffic, ("127.0.0.2", 0), SERVER)
    assert valid.transport is not None
    assert fuzz.transport is not None

    def options() -> None:
        tally.options += 1
        valid.transport.sendto(_OPTIONS.format(port=valid.port, n=tally.options).encode())  # type: ignore[union-attr]

    def broken() -> None:
        tally.fuzzed += 1
        template = chance.choice((_OPTIONS, _INVITE, _OPTIONS.replace("OPTIONS", "REGISTER")))
        data = template.format(port=fuzz.port, n=chance.getrandbits(40)).encode()
        fuzz.transport.sendto(mutate(data, chance)[:60_000])  # type: ignore[union-attr]

    tasks: set[asyncio.Task[None]] = set()

    def start(coroutine: Coroutine[Any, Any, None]) -> None:
        task = loop.create_task(coroutine)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    phones = [Phone(f"u{number}", SERVER, f"pw{number}") for number in range(1, ACCOUNTS + 1)]

    async def register(phone: Phone) -> None:
        try:
            await phone.register()
        except PhoneError:
            tally.registers_failed += 1

    async def call() -> None:
        try:
            async with Phone("callee", SERVER, host="127.0.0.1") as phone:
                made = await phone.dial("answer")
                await made.answered()
                await asyncio.sleep(0.5)
                await made.hangup()
        except PhoneError:
            tally.calls_failed += 1

    def registers() -> None:
        tally.registers += 1
        start(register(phones[tally.registers % ACCOUNTS]))

    def calls() -> None:
        tally.calls += 1
        start(call())

    await asyncio.gather(
        _steady(OPTIONS_RATE, until, options),
        _steady(FUZZ_RATE, until, broken),
        _steady(REGISTER_RATE, until, registers),
        _steady(CALL_RATE, until, calls),
    )
    if tasks:
        await asyncio.wait(tasks)
    await asyncio.sleep(1)
    await asyncio.gather(*(phone.unregister() for phone in phones), return_exceptions=True)
    for phone in phones:
        phone.close()
    return valid.received


async def _sample(pid: int, seconds: float, sizes: list[float]) -> None:
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        sizes.append(resident_mib(pid))
        print(f"  {time.monotonic() - started:4.0f} s: {sizes[-1]:.1f} MiB", flush=True)
        await asyncio.sleep(min(SAMPLE_SECONDS, seconds / 9))


async def _run(pid: int, seconds: float, seed: int, tally: Tally, sizes: list[float]) -> int:
    answered, _ = await asyncio.gather(_generate(seconds, seed, tally), _sample(pid, seconds, sizes))
    return answered


def main() -> int:
    """Run the soak; returns 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args()
    complaints: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with servers.asterism(folder) as process:
            servers.wait_ready(process)
            conf = folder / "etc/asterisk.conf"
            extensions = folder / "etc/extensions.conf"
            extensions.write_text(extensions.read_text() + "exten => answer,1,Answer()\n same => n,Wait(60)\n")
            memory.console(conf, "dialplan reload")
            idle = memory.counts(conf)
            tally, sizes = Tally(), list[float]()
            print(f"soak of {options.seconds:.0f} s, seed {options.seed}")
            answered = asyncio.run(_run(process.pid, options.seconds, options.seed, tally, sizes))
            time.sleep(memory.SETTLE_SECONDS)
            left = {key: value for key, value in memory.counts(conf).items() if value > idle.get(key, 0)}
            log = folder / "log/messages.log"
            errors = log.read_text() if log.exists() else ""
    if answered < tally.options:
        complaints.append(f"{tally.options - answered} of {tally.options} OPTIONS were not answered")
    if tally.registers_failed or tally.calls_failed:
        complaints.append(f"{tally.registers_failed} REGISTERs and {tally.calls_failed} calls failed")
    if "Traceback" in errors:
        complaints.append("exceptions were logged:\n" + errors[-3000:])
    if left:
        complaints.append(f"left over: {left}")
    third = len(sizes) // 3
    middle, last = sum(sizes[third : 2 * third]) / max(third, 1), sum(sizes[-third:]) / max(third, 1)
    if third and last > middle * (1 + MEMORY_GROWTH):
        complaints.append(f"memory grew from {middle:.1f} to {last:.1f} MiB")
    print(f"{tally.options} OPTIONS, {tally.registers} REGISTERs, {tally.calls} calls, {tally.fuzzed} broken datagrams")
    for complaint in complaints:
        print(f"  WRONG: {complaint}")
    print("soak failed" if complaints else "soak passed")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
