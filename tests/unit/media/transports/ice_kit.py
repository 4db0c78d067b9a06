"""ICE agents on a network in memory and in virtual time."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from functools import partial

from asterism.media.transports.candidates import Address
from asterism.media.transports.ice import IceAgent
from asterism.media.transports.ice_services import IceServices
from asterism.media.transports.ice_settings import IceSettings
from virtual_loop import VirtualLoop

__all__ = ["Network", "Side", "VirtualLoop"]


class Network:
    """Brings packets to whoever has the address, after a while; ``passes`` may lose them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, delay: float = 0.01) -> None:
        self.loop = loop
        self.delay = delay
        self.receivers: dict[Address, Callable[[bytes, Address], None]] = {}
        self.passes: Callable[[Address, Address], bool] = lambda _source, _target: True
        self.sent: list[tuple[Address, Address, bytes]] = []
        self.seen_as: dict[Address, Address] = {}
        """How the others see an address: as that of a NAT."""

    def send(self, source: Address, data: bytes, target: Address) -> None:
        seen = self.seen_as.get(source, source)
        self.sent.append((seen, target, data))
        behind = {outside: inside for inside, outside in self.seen_as.items()}
        if self.passes(seen, target):
            self.loop.call_later(self.delay, self._arrive, behind.get(target, target), data, seen)

    def _arrive(self, target: Address, data: bytes, source: Address) -> None:
        receiver = self.receivers.get(target)
        if receiver is not None:
            receiver(data, source)


class Side:
    """An agent with what it has told."""

    def __init__(
        self, network: Network, host: str, port: int, settings: IceSettings | None = None, *, mux: bool = True
    ) -> None:
        self.network = network
        self.settings = settings or IceSettings()
        self.services = IceServices(lambda: self.settings, network.loop, logging.getLogger("ice"), os.urandom)
        self.addresses = [(host, port), (host, port + 1)]
        self.selected: dict[int, Address] = {}
        self.told: list[tuple[int, str, Address]] = []
        self.failures: list[str] = []
        self.agent = IceAgent(self.services, self.addresses, self.send, mux=mux)
        self.agent.on_selected = self._selected
        self.agent.on_failed = lambda component, reason: self.failures.append(reason)
        for component, address in enumerate(self.addresses, 1):
            network.receivers[address] = partial(self._receive, component)

    def _receive(self, component: int, data: bytes, source: Address) -> None:
        self.agent.receive(data, source, component)

    def send(self, data: bytes, address: Address, component: int) -> None:
        self.network.send(self.addresses[component - 1], data, address)

    def move(self, host: str) -> None:
        """Be at another address from now on."""
        for component, address in enumerate(tuple(self.addresses), 1):
            receiver = self.network.receivers.pop(address)
            self.addresses[component - 1] = (host, address[1])
            self.network.receivers[host, address[1]] = receiver

    def _selected(self, component: int, base: object, address: Address) -> None:
        self.selected[component] = address
        self.told.append((component, base.kind, address))  # type: ignore[attr-defined]


def connect(offerer: Side, answerer: Side) -> None:
    """An offer and its answer."""
    answerer.agent.apply(offerer.agent.local, controlling=False)
    offerer.agent.apply(answerer.agent.local, controlling=True)
