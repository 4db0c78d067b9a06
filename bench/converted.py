"""``python -m bench converted-lateness``: how late OPTIONS are answered beside ten calls that are converted.

One process asks at a fixed rate, and in every other turn speaks in ten calls from u-law to another codec, whose called
side echoes what it hears, so that both directions are converted. What the machine does late is in the figures of both
turns; the difference is that of the conversion.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import re
import select
import socket
import struct
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from asterism.testing.phone import Phone
from bench import servers
from bench.configuration import CONVERTED, SERVER
from bench.lateness import Lateness, media
from bench.load import callee, speech
from bench.memory import verdict

CALLS = 10
RATE = 100
"""OPTIONS a second."""
ROUNDS, ROUND_SECONDS = 4, 6.0
"""Of each kind, in turns."""
WARM_UP = 1.0
"""The first seconds of a round, which are not counted."""
LINGER = 0.5
MARGIN = 0.020
"""How much later the 99th percentile may be with the calls than without them, in seconds."""
PATIENCE = 60.0
_FRAME = 160
_HEADER = struct.Struct("!BBHII")
_OPTIONS = (
    "OPTIONS sip:ping@127.0.0.1:5070 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKlate{n}\r\n"
    "From: <sip:late@127.0.0.1>;tag=l{n}\r\nTo: <sip:ping@127.0.0.1>\r\nCall-ID: late-{n}\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)
_NUMBER = re.compile(rb"\r\nCall-ID: late-(\d+)\r\n", re.I)


class Talk:
    """The calling legs, and how far each has come."""

    def __init__(self, legs: list[socket.socket]) -> None:
        sound = speech()
        self._frames = [sound[at : at + _FRAME] for at in range(0, len(sound) - _FRAME, _FRAME)]
        self._legs = legs
        self._sent = 0
        self.heard = 0

    @property
    def gap(self) -> float:
        """Seconds between two packets."""
        return 0.02 / len(self._legs)

    def send(self) -> None:
        """Send the next packet of the next leg."""
        turn, leg = divmod(self._sent, len(self._legs))
        header = _HEADER.pack(0x80, 0, turn & 0xFFFF, turn * _FRAME & 0xFFFFFFFF, leg + 1)
        self._legs[leg].send(header + self._frames[turn % len(self._frames)])
        self._sent += 1

    def take(self) -> None:
        """Count what has come."""
        for leg in self._legs:
            while True:
                try:
                    leg.recv(2048, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    break
                self.heard += 1


def ask(talk: Talk | None, seconds: float, first: int, into: Lateness) -> None:
    """Ask for a while, and meanwhile speak in the calls, if any; ``first`` numbers the requests."""
    clock = time.monotonic
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.connect(SERVER)
        line.setblocking(False)
        port, poll = line.getsockname()[1], select.epoll()
        poll.register(line.fileno(), select.EPOLLIN)
        start = clock() + 0.01
        count, number = int((WARM_UP + seconds) * RATE), 0
        waiting: dict[int, float] = {}
        into.sent += int(seconds * RATE)
        spoken, end = start, start + WARM_UP + seconds
        while (now := clock()) < end + LINGER:
            while number < count and start + number / RATE <= now:
                line.send(_OPTIONS.format(port=port, n=first + number).encode())
                waiting[first + number] = start + number / RATE
                number += 1
            while talk is not None and spoken <= now < end:
                talk.send()
                spoken += talk.gap
            following = start + number / RATE if number < count else end + LINGER
            if talk is not None and now < end:
                following = min(following, spoken)
            for _ in poll.poll(max(following - now, 0)):
                found = _NUMBER.search(line.recv(65536))
                due = waiting.pop(int(found[1]), None) if found else None
                if due is not None and due >= start + WARM_UP - 1e-9:
                    into.seconds.append(clock() - due)
            if talk is not None:
                talk.take()
        poll.close()


async def called(codec: str) -> list[socket.socket]:
    """Establish the calls; returns the sockets of the calling legs."""
    caller = Phone("caller", SERVER)
    legs = []
    for _ in range(CALLS):
        call = await caller.dial(codec)
        await call.answered()
        legs.append(media(call))
    return legs


def generate(codec: str, seconds: float, pipe: Connection) -> None:
    """Ask with and without the calls in turns; gives both results, and how much of the audio came back."""

    async def main() -> None:
        talk = Talk(await called(codec))
        without, beside = Lateness(), Lateness()
        gc.freeze()
        gc.disable()
        number = 0
        for _ in range(ROUNDS):
            for spoken, result in ((None, without), (talk, beside)):
                # Nothing else is to run in this process meanwhile, so its event loop stands still.
                ask(spoken, seconds, number, result)
                number += int((WARM_UP + seconds) * RATE)
        pipe.send((without, beside, talk.heard / (ROUNDS * (WARM_UP + seconds) * 50 * CALLS)))

    asyncio.run(main())


def run(folder: Path, share: int = 1) -> bool:
    """Measure and print both for each codec; whether the figures count and meet the target."""
    verdicts = [_run(folder / codec, codec, max(ROUND_SECONDS / share, 1.0)) for codec in CONVERTED]
    return all(verdicts)


def _run(folder: Path, codec: str, seconds: float) -> bool:
    results, given = multiprocessing.Pipe()
    found: tuple[Lateness, Lateness, float] | None = None
    with servers.asterism(folder) as process, tempfile.TemporaryDirectory() as name:
        servers.wait_ready(process)
        phones = callee(Path(name), codec)
        started = multiprocessing.Process(target=generate, args=(codec, seconds, given), daemon=True)
        try:
            time.sleep(0.5)
            started.start()
            given.close()
            if results.poll(2 * ROUNDS * (WARM_UP + seconds + LINGER) + PATIENCE):
                try:
                    found = results.recv()
                except EOFError:
                    found = None
        finally:
            started.terminate()
            started.join()
            phones.end()
    print(
        f"\nLateness of {RATE} OPTIONS a second beside {CALLS} calls from u-law to {codec}, "
        f"{ROUNDS} x {seconds:.0f} s each in turns"
    )
    if found is None:
        return verdict(False, "the generator ended", "results")
    without, beside, heard = found
    for label, result in (("without", without), ("beside the calls", beside)):
        print(f"  {label}: {result}{'' if result.valid else '; NOT VALID: answers are missing'}")
    print(f"  load average of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    if not (without.valid and beside.valid):
        return False
    if heard < 0.97:
        return verdict(False, f"{heard:.0%} of the audio came back", "97%")
    more = beside.percentile(0.99) - without.percentile(0.99)
    return verdict(more <= MARGIN, f"p99 {more * 1000:+.2f} ms", f"at most +{MARGIN * 1000:.0f} ms")
