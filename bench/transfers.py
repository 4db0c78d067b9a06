"""``python -m bench transfers``: 50 relayed calls beside blind transfers at 10 a second, and without them.

One process sends and takes the packets of the relayed calls, as for the lateness; another has phones that call each
other and transfer (REFER) what they have to a third one. Seconds with transfers and without come in turns, as the
machine's good and bad ones would else decide. Nothing may be left of the transfers, and memory may not grow.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from asterism.testing.call import PhoneCall
from asterism.testing.phone import Phone
from asterism.testing.waiting import PhoneError
from bench import servers
from bench.configuration import SERVER
from bench.lateness import INTERVAL, PATIENCE, WARM_UP, Lateness, exchange, relayed
from bench.memory import SETTLE_SECONDS, counts, verdict
from bench.process import resident_mib

CALLS = 50
RATE = 10
"""Transfers a second."""
ROUNDS, ROUND_SECONDS = 4, 15.0
"""Of each kind: a minute of both."""
LATE = 0.020
"""Seconds; what comes later than the next packet would be too late for most phones."""
MORE = 0.001
"""How much larger the share of lost or late packets may be while calls are transferred."""
GROWTH_MIB = 4.0
"""How much larger the server may be after the transfers of the second half than after those of the first."""
TALK = 0.5
"""Seconds that a transferred call lasts."""

_DIALPLAN = "[default]\nexten => ping,1,NoOp()\nexten => _uX,1,Dial(PJSIP/${EXTEN},30)\n"


class Transfers:
    """The phones that call, transfer and hang up."""

    def __init__(self) -> None:
        self.done = 0
        self.failed: list[str] = []
        self._running: set[asyncio.Task[None]] = set()

    async def register(self) -> None:
        """Make the phones: one that calls and transfers, one that is transferred, one that it goes to."""
        self._caller = Phone("caller", SERVER)
        self._called = Phone("u2", SERVER, "pw2")
        self._target = Phone("u3", SERVER, "pw3")
        for phone in (self._called, self._target):
            phone.auto_answer = True
            await phone.register(3600)

    async def run(self, seconds: float) -> None:
        """Begin so many transfers a second, and wait for their ends."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in range(int(seconds * RATE)):
            await asyncio.sleep(start + number / RATE - loop.time())
            task = loop.create_task(self._one())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        if self._running:
            await asyncio.wait(self._running)

    async def _one(self) -> None:
        try:
            call = await self._caller.dial("u2")
            await call.answered()
            transferred = await self._called.incoming()
            response = await call.refer(f"<sip:u3@{SERVER[0]}>")
            if response.status != 202:
                raise PhoneError(f"REFER was answered {response.status}")
            target = await self._target.incoming()
            await self._ends(call, transferred, target)
            self.done += 1
        except (PhoneError, TimeoutError) as error:
            self.failed.append(str(error)[:200])

    @staticmethod
    async def _ends(call: PhoneCall, transferred: PhoneCall, target: PhoneCall) -> None:
        await call.ended()
        if not call.told or " 200 " not in call.told[-1]:
            raise PhoneError(f"the transferer was told {call.told}")
        await asyncio.sleep(TALK)
        # Which of the transferred calls it is does not matter: each has one at its other end.
        await target.hangup()
        await transferred.ended()


def transfer(pipe: Connection) -> None:
    """The process of the phones: transfers for as many seconds as it is told; says how many were done, and failed."""

    async def main() -> None:
        transfers = Transfers()
        await transfers.register()
        loop = asyncio.get_running_loop()
        pipe.send(None)
        while True:
            seconds = await loop.run_in_executor(None, pipe.recv)
            transfers.done, transfers.failed = 0, []
            await transfers.run(seconds)
            pipe.send((transfers.done, transfers.failed))

    asyncio.run(main())


def generate(seconds: float, pipe: Connection) -> None:
    """The generator: establish the calls, then send for a round whenever told to; gives each round's result."""

    async def main() -> None:
        legs = await relayed(CALLS)
        gc.freeze()
        gc.disable()
        first = 0
        pipe.send(None)
        while True:
            pipe.recv()
            result = Lateness()
            exchange(legs, seconds, first, result)
            first += int((WARM_UP + seconds) / INTERVAL)
            pipe.send(result)

    asyncio.run(main())


def bad(result: Lateness) -> float:
    """The share of the packets that were lost, or late."""
    return 1 - sum(one <= LATE for one in result.seconds) / result.sent if result.sent else 1.0


class Measured:
    """What the rounds gave."""

    def __init__(self) -> None:
        self.without, self.beside = Lateness(), Lateness()
        self.done = 0
        self.failed: list[str] = []
        self.sizes: list[float] = []


def rounds(process_id: int, seconds: float, packets: Connection, phones: Connection) -> Measured:
    """Play the rounds; notes the server's size after each with transfers."""
    found = Measured()
    for _ in range(ROUNDS):
        for transferring, into in ((False, found.without), (True, found.beside)):
            if transferring:
                phones.send(WARM_UP + seconds)
            packets.send(None)
            result = receive(packets, seconds)
            into.seconds += result.seconds
            into.sent += result.sent
            if transferring:
                done, failed = receive(phones, seconds)
                found.done += done
                found.failed += failed
                found.sizes.append(resident_mib(process_id))
    return found


def receive(pipe: Connection, seconds: float = 0.0) -> Any:
    """What a process says; raises ``RuntimeError`` when it says nothing."""
    if not pipe.poll(seconds + PATIENCE):
        raise RuntimeError("a process of the measurement says nothing")
    return pipe.recv()


def run(folder: Path, share: int = 1) -> bool:
    """Measure and print; whether all was transferred, no more packets are bad, and nothing is left or has grown."""
    seconds = max(ROUND_SECONDS / share, 2.0)
    packets, packets_end = multiprocessing.Pipe()
    phones, phones_end = multiprocessing.Pipe()
    started: list[multiprocessing.Process] = []
    found: Measured | None = None
    with servers.asterism(folder, {"extensions.conf": _DIALPLAN}) as process:
        servers.wait_ready(process)
        conf = folder / "etc/asterisk.conf"
        try:
            for target, words, pipe in ((generate, (seconds, packets_end), packets), (transfer, (phones_end,), phones)):
                started.append(multiprocessing.Process(target=target, args=words, daemon=True))
                started[-1].start()
                receive(pipe)
            with contextlib.suppress(RuntimeError, EOFError):
                found = rounds(process.pid, seconds, packets, phones)
            time.sleep(SETTLE_SECONDS)
            left = counts(conf)
        finally:
            for each in started:
                each.kill()  # a thread of it waits for the pipe, and would outlive its SIGTERM
                each.join()
    title = f"{CALLS} relayed calls and blind transfers at {RATE} a second, {ROUNDS} x {seconds:.0f} s with and without"
    print(f"\n{title}")
    if found is None:
        return verdict(False, "a process of the measurement ended", "results")
    print(f"  without transfers: {found.without}; {bad(found.without):.3%} lost or later than {LATE * 1000:.0f} ms")
    print(f"  beside transfers: {found.beside}; {bad(found.beside):.3%} lost or later than {LATE * 1000:.0f} ms")
    print(f"  load average of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"  server after each round: {', '.join(f'{size:.1f}' for size in found.sizes)} MiB")
    wanted = ROUNDS * int((WARM_UP + seconds) * RATE)
    good = verdict(found.done == wanted, f"{found.done} calls transferred", str(wanted))
    for failure in sorted(set(found.failed))[:5]:
        print(f"    {failure}")
    more = bad(found.beside) - bad(found.without)
    good = verdict(more <= MORE, f"{more:+.3%} packets lost or late", f"at most +{MORE:.1%}") and good
    growth = found.sizes[-1] - found.sizes[len(found.sizes) // 2 - 1]
    good = verdict(growth <= GROWTH_MIB, f"{growth:+.1f} MiB in the second half", f"{GROWTH_MIB:.0f}") and good
    channels = left.get("channels", 0)
    return verdict(channels == 2 * CALLS, f"{channels} channels at the end", f"the {2 * CALLS} of the calls") and good
