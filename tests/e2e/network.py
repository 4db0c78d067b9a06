"""Networks of a test's own: hosts in network namespaces, and between them a router that runs in the test.

Each host has a TUN interface. What it sends is read by the router, which passes it on, loses it, delays it, translates
its address (NAT) or blocks it, as the test says. So nothing of the kernel is needed but namespaces and
``/dev/net/tun``, and a test can change the network while calls go on. Only IPv4.

Making one takes the right to do so. Without it :func:`why_not` says why, and tests are skipped; where
``ASTERISM_NETNS`` is ``required``, as ``.ci/run`` has it for root, they fail instead.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import ipaddress
import os
import random
import selectors
import shutil
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, NamedTuple, Self

import pytest

_TUNSETIFF = 0x400454CA
_TUN = 0x0001
_NO_PROTOCOL_INFORMATION = 0x1000
_UDP, _TCP = 17, 6
_LARGEST = 65000
"""Octets of a datagram."""
_CLONE_NEWNET = 0x40000000


@lru_cache(1)
def why_not() -> str:
    """Why no network can be made here; empty: one can."""
    if shutil.which("ip") is None:
        return "there is no ip (Debian: iproute2)"
    try:
        with Network() as network:
            network.host("probe", "192.0.2.1")
    except (OSError, subprocess.CalledProcessError) as error:
        output = getattr(error, "stderr", b"") or b""
        return f"no network namespace can be made: {output.decode(errors='replace').strip() or error}"
    return ""


@contextmanager
def network() -> Iterator[Network]:
    """A network for one test, which is skipped, or fails, where there can be none."""
    reason = why_not()
    if reason:
        (pytest.fail if os.environ.get("ASTERISM_NETNS") == "required" else pytest.skip)(reason)
    with Network() as made:
        yield made


class Packet(NamedTuple):
    """What rules are asked about."""

    protocol: int
    source: tuple[str, int]
    target: tuple[str, int]


class Host:
    """A network namespace with one interface.

    Attributes:
        name: its name in the test.
        namespace: its name for ``ip netns``.
        addresses: what reaches it; the first is the one that it sends from.
    """

    def __init__(self, network: Network, name: str, address: str) -> None:
        self.network = network
        self.name = name
        self.namespace = f"asterism-{os.getpid()}-{next(network.numbers)}"
        self.addresses: list[str] = []
        self.processes: list[subprocess.Popen[Any]] = []
        interface = f"tun{os.getpid() % 100000}n{next(network.numbers)}"
        self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        try:
            fcntl.ioctl(self.tun, _TUNSETIFF, struct.pack("16sH", interface.encode(), _TUN | _NO_PROTOCOL_INFORMATION))
            _ip("netns", "add", self.namespace)
        except BaseException:
            os.close(self.tun)
            raise
        _ip("link", "set", interface, "netns", self.namespace, "name", "net0")
        self.ip("link", "set", "lo", "up")
        self.ip("link", "set", "net0", "mtu", str(_LARGEST), "up")  # so large that nothing comes in pieces
        self.use(address)

    def ip(self, *arguments: str) -> None:
        """Run ``ip`` in this host."""
        _ip("-n", self.namespace, *arguments)

    def use(self, address: str, *, keep: bool = False) -> None:
        """Have this address, from which is sent from now on; the others are gone unless ``keep``."""
        before = list(self.addresses)
        if address not in before:
            self.ip("addr", "add", f"{address}/32", "dev", "net0")
        self.addresses = [address, *(before if keep else ())]
        self.ip("route", "replace", "default", "dev", "net0", "src", address)
        if not keep:
            for other in before:
                if other != address:
                    self.ip("addr", "del", f"{other}/32", "dev", "net0")
        self.network.learn(self)

    def run(self, *command: str, **options: Any) -> subprocess.Popen[Any]:
        """Start a program here; it is ended with the network."""
        process = subprocess.Popen(["ip", "netns", "exec", self.namespace, *command], start_new_session=True, **options)
        self.processes.append(process)
        return process

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Within this, sockets that the calling thread makes are of this host."""
        libc = ctypes.CDLL(None, use_errno=True)
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/var/run/netns/{self.namespace}", os.O_RDONLY)
        try:
            if libc.setns(there, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            libc.setns(here, _CLONE_NEWNET)
            os.close(here)
            os.close(there)

    def end(self) -> None:
        """End what runs here, and the host."""
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        subprocess.run(["ip", "netns", "del", self.namespace], check=False, capture_output=True)
        os.close(self.tun)


class Nat:
    """Translates the address of hosts behind it. What comes from outside passes only where it was sent to before.

    Attributes:
        address: its address outside.
        symmetric: whether each target sees another port; else all see the same.
    """

    def __init__(self, address: str, *, symmetric: bool = False) -> None:
        self.address = address
        self.symmetric = symmetric
        self._ports: dict[tuple[Any, ...], int] = {}
        self._inside: dict[tuple[int, int], tuple[str, int]] = {}
        self._allowed: set[tuple[int, int, tuple[str, int]]] = set()

    def forget(self) -> None:
        """Lose all ports, as after a restart of the router."""
        self._ports.clear()
        self._inside.clear()
        self._allowed.clear()

    def outward(self, packet: Packet) -> Packet:
        """The packet as it is seen outside."""
        key = (packet.protocol, packet.source, packet.target if self.symmetric else None)
        port = self._ports.get(key)
        if port is None:
            port = self._ports[key] = 20000 + random.randrange(40000)
            self._inside[packet.protocol, port] = packet.source
        self._allowed.add((packet.protocol, port, packet.target))
        return packet._replace(source=(self.address, port))

    def inward(self, packet: Packet) -> Packet | None:
        """The packet as it goes to the host inside; ``None``: it does not pass."""
        port = packet.target[1]
        inside = self._inside.get((packet.protocol, port))
        if inside is None or (packet.protocol, port, packet.source) not in self._allowed:
            return None
        return packet._replace(target=inside)


class Network:
    """The hosts and the router between them.

    Attributes:
        delay: seconds that each packet takes.
        loss: which part of the packets is lost.
        passes: asked for each packet, as it is sent (before NAT); what it says no to is lost.
    """

    def __init__(self) -> None:
        self.delay = 0.0
        self.loss = 0.0
        self.passes: Callable[[Packet], bool] = lambda _packet: True
        self.numbers = iter(range(1, 1000))
        self.hosts: dict[str, Host] = {}
        self._by_address: dict[str, Host] = {}
        self._behind: dict[str, Nat] = {}
        self._nats: dict[str, Nat] = {}
        self._random = random.Random(5)
        self._selector = selectors.DefaultSelector()
        self._waiting: list[tuple[float, int, int, bytes]] = []
        self._count = 0
        self._ended = False
        self._thread = threading.Thread(target=self._route, name="router", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for host in self.hosts.values():
            for process in host.processes:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
        self._ended = True
        self._thread.join()
        for host in self.hosts.values():
            host.end()
        self._selector.close()

    def host(self, name: str, address: str) -> Host:
        """A further host."""
        made = self.hosts[name] = Host(self, name, address)
        self._selector.register(made.tun, selectors.EVENT_READ, made)
        return made

    def learn(self, host: Host) -> None:
        """Addresses of a host have changed."""
        for address in [known for known, where in self._by_address.items() if where is host]:
            del self._by_address[address]
        for address in host.addresses:
            self._by_address[address] = host

    def put_behind(self, host: Host, nat: Nat) -> None:
        """Have a host be behind a NAT."""
        self._behind[host.name] = nat
        self._nats[nat.address] = nat

    # The router, in a thread.

    def _route(self) -> None:
        while not self._ended:
            wait = 0.05
            if self._waiting:
                wait = max(min(self._waiting[0][0] - time.monotonic(), wait), 0)
            for key, _ in self._selector.select(wait) if self._selector.get_map() else ():
                self._read(key.data)
            now = time.monotonic()
            while self._waiting and self._waiting[0][0] <= now:
                _, _, tun, data = heapq.heappop(self._waiting)
                with suppress(OSError):
                    os.write(tun, data)

    def _read(self, host: Host) -> None:
        for _ in range(32):
            try:
                data = os.read(host.tun, _LARGEST)
            except OSError:
                return
            whole = len(data) >= 28 and not (data[6] & 0x3F or data[7])
            if whole and data[0] >> 4 == 4:
                self._pass(host, data)

    def _pass(self, host: Host, data: bytes) -> None:
        packet = _read_packet(data)
        if not self.passes(packet) or self._random.random() < self.loss:
            return
        target = packet.target[0]
        if target.startswith("224."):
            for other in self.hosts.values():
                if other is not host:
                    self._deliver(other, data)
            return
        behind = self._behind.get(host.name)
        seen: Packet | None = packet
        if behind is not None and (behind is not self._nat_of(target)):
            seen = behind.outward(packet)
        nat = self._nats.get(target)
        if nat is not None and seen is not None:
            seen = nat.inward(seen)
        if seen is None:
            return
        to = self._by_address.get(seen.target[0])
        if to is not None:
            self._deliver(to, data if seen == packet else _rewritten(data, seen))

    def _nat_of(self, address: str) -> Nat | None:
        """The NAT that a host with this address inside is behind."""
        host = self._by_address.get(address)
        return None if host is None else self._behind.get(host.name)

    def _deliver(self, host: Host, data: bytes) -> None:
        self._count += 1
        heapq.heappush(self._waiting, (time.monotonic() + self.delay, self._count, host.tun, data))


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _read_packet(data: bytes) -> Packet:
    header = (data[0] & 15) * 4
    source, target = (str(ipaddress.IPv4Address(data[at : at + 4])) for at in (12, 16))
    ports = struct.unpack_from("!HH", data, header) if data[9] in (_UDP, _TCP) and len(data) >= header + 4 else (0, 0)
    return Packet(data[9], (source, ports[0]), (target, ports[1]))


def _rewritten(data: bytes, packet: Packet) -> bytes:
    """The datagram with other addresses and ports, and the sums that belong to them (RFC 1624)."""
    header = (data[0] & 15) * 4
    made = bytearray(data)
    made[12:16] = ipaddress.IPv4Address(packet.source[0]).packed
    made[16:20] = ipaddress.IPv4Address(packet.target[0]).packed
    made[10:12] = b"\0\0"
    made[10:12] = struct.pack("!H", _sum(made[:header]))
    if packet.protocol in (_UDP, _TCP):
        struct.pack_into("!HH", made, header, packet.source[1], packet.target[1])
        at = header + (6 if packet.protocol == _UDP else 16)
        made[at : at + 2] = b"\0\0"
        pseudo = made[12:20] + struct.pack("!BBH", 0, packet.protocol, len(made) - header)
        made[at : at + 2] = struct.pack("!H", _sum(pseudo + made[header:]) or 0xFFFF)
    return bytes(made)


def _sum(data: Sequence[int]) -> int:
    octets = bytes(data)
    if len(octets) & 1:
        octets += b"\0"
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
