"""``python -m bench parties``: fifty parties of one conference for five minutes, without growth and in time.

Every party says a tone or nothing in u-law and takes what it is sent; some talk at a time, others in the next ten
seconds. Once a second somebody else comes in and leaves. Counted is how late each packet is, by its timestamp, against
the earliest of its party; what is missing; and the server's memory and CPU. At the end every count must be back.
"""

from __future__ import annotations

import asyncio
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

from asterism.testing.phone import Phone
from asterism.testing.tone import ulaw_tone
from bench import memory, servers
from bench.configuration import SERVER
from bench.lateness import INTERVAL, LINGER, Lateness, media
from bench.memory import verdict
from bench.process import cpu_seconds, resident_mib

PARTIES, SECONDS = 50, 300.0
TALKING = 3
"""Parties that talk at a time."""
TURN_SECONDS = 10
VISITS_BEFORE = 450
"""Calls before the parties come: until then the server's memory grows with what it keeps for the next ones."""
GROWTH = 1.0
"""MiB that the last third of the run may use more than the one before it."""
LATE = 0.020
"""How much later than the generator's own the 99th percentile of the packets may be, in seconds."""
MISSING = 0.001
SAMPLE_SECONDS = 10.0
PATIENCE = 120.0

_HEADER, _STAMP = struct.Struct("!BBHII"), struct.Struct("!2xHI")
_SILENCE = b"\xff" * 160


@dataclass(slots=True)
class Heard:
    """What all parties were sent."""

    late: Lateness = field(default_factory=Lateness)
    own: Lateness = field(default_factory=Lateness)
    """How late the generator itself sent, which is the machine's doing."""
    missing: int = 0
    silent: int = 0
    """Packets with nothing in them while others talked."""
    visitors: int = 0
    failed: int = 0


@dataclass(slots=True)
class _Party:
    """A leg: its socket, and what the last packet said."""

    leg: socket.socket
    number: int
    sequence: int = -1
    stamp: int = 0
    """The last timestamp, which goes on where those of packets begin anew."""
    earliest: float = 1e9
    """The least of arrival less timestamp: a packet that was not late."""
    arrivals: list[float] = field(default_factory=list)


def talk(legs: list[socket.socket], seconds: float, heard: Heard) -> None:
    """Send from all legs, and take what comes, until the time is over."""
    parties = [_Party(leg, number) for number, leg in enumerate(legs)]
    poll, by_descriptor = select.epoll(), {party.leg.fileno(): party for party in parties}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.EPOLLIN)
    tones = [ulaw_tone(400 + 20 * number) for number in range(len(legs))]
    clock, gap, turn_length = time.monotonic, INTERVAL / len(legs), round(TURN_SECONDS / INTERVAL)
    start, number = clock() + 0.01, 0
    end, due = start + seconds, start
    count = int(seconds / gap)
    while (now := clock()) < end + LINGER:
        while number < count and due <= now:
            turn, at = divmod(number, len(legs))
            first = turn // turn_length * TALKING % len(legs)
            payload = tones[at][turn % 50] if (at - first) % len(legs) < TALKING else _SILENCE
            header = _HEADER.pack(0x80, 0, turn & 0xFFFF, turn * 160 & 0xFFFFFFFF, at + 1)
            legs[at].send(header + payload)
            heard.own.seconds.append(now - due)
            number += 1
            due = start + number * gap
        for descriptor, _ in poll.poll(max(due - now, 0) if number < count else LINGER / 10):
            party = by_descriptor[descriptor]
            data = party.leg.recv(2048)
            if data[1] & 0x7F == 0:
                _take(party, data, clock(), clock() - start > 1.0, heard)
    poll.close()
    for party in parties:
        heard.late.seconds += [one - party.earliest for one in party.arrivals]


def _take(party: _Party, data: bytes, now: float, counts: bool, heard: Heard) -> None:
    sequence, stamp = _STAMP.unpack_from(data)
    stamp = party.stamp + ((stamp - party.stamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000)
    party.stamp = stamp
    if counts and party.sequence >= 0:
        heard.missing += (sequence - party.sequence - 1) & 0x7FFF
        heard.late.sent += 1 + ((sequence - party.sequence - 1) & 0x7FFF)
        offset = now - stamp / 8000
        party.earliest = min(party.earliest, offset)
        party.arrivals.append(offset)
        heard.silent += data.count(b"\xff", 12) > 150
    party.sequence = sequence


async def _come(seconds: float) -> None:
    """Somebody comes in, and leaves after so many seconds."""
    async with Phone("visitor", SERVER) as phone:
        call = await phone.dial("conference")
        await call.answered()
        await asyncio.sleep(seconds)
        await call.hangup()


async def _visit(until: float, heard: Heard) -> None:
    """Somebody comes in and leaves, once a second."""
    while time.monotonic() < until - 2:
        try:
            await _come(0.4)
        except Exception:
            heard.failed += 1
        heard.visitors += 1
        await asyncio.sleep(0.5)


def _visitors(seconds: float, pipe: Connection) -> None:
    heard = Heard()
    asyncio.run(_visit(time.monotonic() + seconds, heard))
    pipe.send(heard)


def generate(parties: int, seconds: float, pipe: Connection) -> None:
    """The generator: have the parties call, talk and leave; gives the result to ``pipe``."""

    async def main() -> None:
        heard = Heard()
        for _ in range(VISITS_BEFORE):
            await _come(0.02)
        caller = Phone("caller", SERVER)
        calls = []
        for _ in range(parties):
            call = await caller.dial("conference")
            await call.answered()
            calls.append(call)
        legs = [media(call) for call in calls]
        pipe.send("begins")
        gc.freeze()
        gc.disable()
        # Nothing else is to run in this process meanwhile, so its event loop stands still.
        talk(legs, seconds, heard)
        gc.enable()
        for call in calls:
            await call.hangup()
        pipe.send(heard)
        caller.close()

    asyncio.run(main())


def run(folder: Path, share: int = 1, parties: int = PARTIES) -> bool:
    """Measure and print; whether every target is met."""
    seconds = SECONDS / share
    results, given = multiprocessing.Pipe()
    seen, told = multiprocessing.Pipe()
    conf = folder / "etc/asterisk.conf"
    sizes: list[float] = []
    heard = visited = None
    with servers.asterism(folder) as process:
        servers.wait_ready(process)
        idle = memory.counts(conf)
        started = [multiprocessing.Process(target=generate, args=(parties, seconds, given), daemon=True)]
        try:
            started[0].start()
            given.close()
            if not results.poll(PATIENCE) or results.recv() != "begins":
                return verdict(False, "the parties came in", "all")
            started.append(multiprocessing.Process(target=_visitors, args=(seconds, told), daemon=True))
            started[1].start()
            used, begun = cpu_seconds(process.pid), time.monotonic()
            while time.monotonic() - begun < seconds:
                sizes.append(resident_mib(process.pid))
                time.sleep(min(SAMPLE_SECONDS, seconds / 12))
            used = cpu_seconds(process.pid) - used
            if results.poll(PATIENCE):
                heard = results.recv()
            if seen.poll(PATIENCE):
                visited = seen.recv()
        except EOFError:
            heard = None
        finally:
            for each in started:
                each.terminate()
                each.join()
        time.sleep(memory.SETTLE_SECONDS)
        left = {key: value for key, value in memory.counts(conf).items() if value > idle.get(key, 0)}
        log = folder / "log/messages.log"
        errors = log.read_text() if log.exists() else ""
    print(f"\n{parties} parties of a conference for {seconds:.0f} s, {TALKING} of whom talk at a time")
    if heard is None or visited is None:
        return verdict(False, "the generator ended", "results")
    return _judge(heard, visited, sizes, used / seconds, left, errors)


def _judge(
    heard: Heard, visited: Heard, sizes: list[float], cpu: float, left: dict[str, int], errors: str
) -> bool:  # fmt: skip
    third = len(sizes) // 3
    middle, last = (sum(part) / max(len(part), 1) for part in (sizes[third : 2 * third], sizes[-third:]))
    print(f"  packets to the parties: {heard.late}; {heard.silent} with nothing in them")
    print(f"  the server used {cpu:.0%} of a processor; {visited.visitors} others came and left")
    print(f"  load average of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    heard.own.sent = len(heard.own.seconds)
    print(f"  the generator itself: {heard.own}")
    late, lost = heard.late.percentile(0.99) - heard.own.percentile(0.99), heard.missing / max(heard.late.sent, 1)
    return all(
        (
            verdict(late <= LATE, f"p99 {late * 1000:+.2f} ms of its own", f"at most +{LATE * 1000:.0f} ms"),
            verdict(lost <= MISSING, f"{heard.missing} packets missing", f"at most {MISSING:.1%}"),
            verdict(last - middle <= GROWTH, f"memory {middle:.1f}, then {last:.1f} MiB", f"at most +{GROWTH:.0f} MiB"),
            verdict(not visited.failed, f"{visited.failed} visits failed", "none"),
            verdict(not left, f"left over: {left or 'nothing'}", "nothing"),
            verdict("Traceback" not in errors, "exceptions logged", "none"),
        )
    )
