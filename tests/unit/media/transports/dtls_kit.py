"""Two ends of a DTLS association in memory, on the clock of the test's loop, and a network between them that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from typing import Any

from asterism.core.log import ServerLogger
from asterism.media.transports.dtls import DtlsAgent
from asterism.media.transports.dtls_server import DtlsServer, DtlsSettings
from asterism.media.transports.parameters import Address, SrtpKey
from virtual_loop import VirtualLoop

CALLER: Address = ("192.0.2.1", 5000)
CALLED: Address = ("192.0.2.2", 5000)


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test on a clock that costs no time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(test)


class Inline(Executor):
    """Does what it is given at once, in the same thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Busy(Executor):
    """Does what it is given after some seconds, as a machine that is busy."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        asyncio.get_running_loop().call_later(self._seconds, lambda: fn(*args, **kwargs))
        return Future()


class End:
    """An agent with what it has told."""

    def __init__(self, network: Network, address: Address, settings: DtlsSettings, server: DtlsServer) -> None:
        self.address = address
        self.keys: list[tuple[SrtpKey, SrtpKey]] = []
        self.failures: list[str] = []
        self.settled = asyncio.Event()
        self.reachable = True
        self.agent = DtlsAgent(server, settings, self._send, self._keyed, self._failed)
        self._network = network
        network.ends[address] = self

    @property
    def fingerprints(self) -> list[tuple[str, str]]:
        return [self.agent.fingerprint()]

    def _send(self, datagram: bytes, address: Address) -> None:
        if not self.reachable:
            raise OSError
        self._network.carry(datagram, self.address, address)

    def _keyed(self, sent: SrtpKey, received: SrtpKey) -> None:
        self.keys.append((sent, received))
        self.settled.set()

    def _failed(self, reason: str) -> None:
        self.failures.append(reason)
        self.settled.set()


class Network:
    """Carries datagrams to the ends that have their addresses.

    Attributes:
        fate: says for each datagram after how many seconds it arrives, once per time that it does; ``()``: never.
        carried: all that was sent: source, destination, octets.
    """

    def __init__(self, executor: Executor | None = None) -> None:
        self.ends: dict[Address, End] = {}
        self.fate: Callable[[bytes], tuple[float, ...]] = lambda datagram: (0.0,)
        self.carried: list[tuple[Address, Address, bytes]] = []
        self.server = DtlsServer(ServerLogger("dtls"), executor or Inline())

    def end(self, address: Address, settings: DtlsSettings | None = None, **options: Any) -> End:
        return End(self, address, settings or DtlsSettings(auto_generate=True, **options), self.server)

    def carry(self, datagram: bytes, source: Address, destination: Address) -> None:
        self.carried.append((source, destination, datagram))
        for delay in self.fate(datagram):
            asyncio.get_running_loop().call_later(delay, self._arrive, datagram, source, destination)

    def _arrive(self, datagram: bytes, source: Address, destination: Address) -> None:
        end = self.ends.get(destination)
        if end is not None:
            end.agent.receive(datagram, source)


def pair(**options: Any) -> tuple[Network, End, End]:
    """A network with two ends: the one that becomes active and the one that becomes passive."""
    network = Network()
    return network, network.end(CALLER, **options), network.end(CALLED, **options)


def start(active: End, passive: End) -> None:
    """Both know the other's description."""
    passive.agent.start("passive", active.fingerprints, address=active.address)
    active.agent.start("active", passive.fingerprints, address=passive.address)


async def keyed(*ends: End) -> None:
    """Wait until each of the ends has keys or has failed."""
    async with asyncio.timeout(60):
        for end in ends:
            await end.settled.wait()
