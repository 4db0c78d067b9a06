"""Values of ``a=candidate``: which are read, as another reader has it, and what an agent sends because of them."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "media" / "transports"))

from ice_kit import Network, Side, VirtualLoop

from asterism.media.transports.candidates import LocalCandidate, RemoteCandidate, foundation, priority, read_candidate
from asterism.media.transports.parameters import IceParameters

_KINDS = ("host", "srflx", "prflx", "relay")
_NOBODY = tuple(map(IPv4Network, ("0.0.0.0/32", "224.0.0.0/4", "255.255.255.255/32")))
_NOBODY_6 = tuple(map(IPv6Network, ("::/128", "ff00::/8", "fe80::/10", "::ffff:0:0/96")))
_HOSTS = (
    "192.0.2.2", "192.0.2.3", "198.51.100.9", "2001:db8::7", "a-b-c.local", "A.LOCAL", "127.0.0.1", "::1", "0.0.0.0",
    "::", "224.0.0.1", "239.255.255.255", "223.255.255.255", "240.0.0.1", "255.255.255.255", "ff02::1", "fe80::1",
    "fec0::1", "::ffff:192.0.2.2", "::ffff:0:1", "host.example", "192.0.2", "192.0.2.256", "1::2::3", "192.0.2.02",
    "fe80::1%eth0", "2001:db8::7%x",
)  # fmt: skip
SEEDS = (
    (
        b"Hc0000202 1 UDP 2130706431 192.0.2.2 15646 typ host\n"
        b"1 2 udp 1694498815 203.0.113.5 40000 typ srflx raddr 10.0.0.2 rport 5000 "
        b"generation 0 ufrag abcd network-id 1\n"
        b"1 1 tcp 1518280447 192.0.2.3 9 typ host tcptype active\n1 1 udp 2113937151 a-b-c.local 52010 typ host\n"
        b"2 1 UDP 33562367 2001:db8::7 49152 typ relay raddr :: rport 9\n"
    ),
    b"\n".join(b"%d 1 udp %d 192.0.2.%d 5000 typ host" % (at, 7000 - at, at) for at in range(2, 42)),
    b"1 1 udp 1 192.0.2.2 65535 typ host\n2 1 udp 4294967295 192.0.2.2 1 typ prflx",
)


def candidates(data: bytes) -> None:
    """Lines that are read, and told to an agent in one description."""
    lines = data.decode("utf-8", "replace").splitlines()
    for line in lines:
        for loopback in (False, True):
            found = read_candidate(line, loopback=loopback)
            assert found == _plain_read(line, loopback), line
            if found is not None:
                _same_again(found, loopback)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_checked([line for line in lines if ".local" not in line.lower()]))


def _plain_read(line: str, loopback: bool) -> RemoteCandidate | None:
    """The candidate of a line by RFC 8839 5.1, as far as it can be used; ``None`` for the others."""
    words = line[:512].split()
    numbers = [word for word in words[1:6:2] if word.isascii() and word.isdigit() and len(word) <= 10]
    if len(words) < 8 or len(numbers) < 3 or (words[2].upper(), words[6].upper()) != ("UDP", "TYP"):
        return None
    component, liked, port = map(int, numbers)
    kind, host = words[7].lower(), words[4].lower()
    if kind not in _KINDS or component not in (1, 2) or port not in range(1, 2**16) or liked not in range(1, 2**32):
        return None
    if host[-6:] == ".local":
        return RemoteCandidate(component, kind, host, port, words[0][:32], liked) if kind == "host" else None
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        refused = any(IPv6Address(int(address)) in network for network in _NOBODY_6)
        own = int(address) == 1
    else:
        refused = any(address in network for network in _NOBODY)
        own = address.packed[0] == 127
    if refused or (own and not loopback):
        return None
    return RemoteCandidate(component, kind, str(address), port, words[0][:32], liked)


def _same_again(found: RemoteCandidate, loopback: bool) -> None:
    """What we would tell in its place is read as the same."""
    if found.host.endswith(".local") or found.kind == "prflx":
        return
    name = foundation(found.kind, found.host.partition("%")[0])
    ours = LocalCandidate(found.component, found.kind, found.address, name, found.priority, ("192.0.2.9", 9))
    assert read_candidate(str(ours), loopback=loopback) == found._replace(foundation=name)
    assert 0 < priority(found.kind, found.component) < 2**31


async def _checked(lines: Sequence[str]) -> None:
    """Each of the first 32 candidates of the one component is asked a few times, and nobody else ever."""
    network = Network(asyncio.get_running_loop())
    ours = Side(network, "192.0.2.1", 5000)
    ours.agent.apply(IceParameters("abcd", "p" * 22, tuple(lines)), controlling=True)
    read = [found for line in lines[:32] if (found := _plain_read(line, False)) is not None]
    wanted = {one.address: one for one in reversed(read) if one.component == 1 and ":" not in one.host}
    # Of one address the first candidate counts; one learned from checks makes room for one that is told.
    for one in reversed(read):
        if one.address in wanted and wanted[one.address].kind == "prflx":
            wanted[one.address] = one
    await asyncio.sleep(120)
    asked = Counter(target for _, target, _ in network.sent)
    assert asked.keys() == wanted.keys(), "others are asked than those told of"
    assert all(times == 6 for times in asked.values()), "asked more often, or less, than RFC 8489 has it"
    if wanted:
        best = max(one.priority for one in wanted.values())
        first = wanted[network.sent[0][1]].priority
        assert first == best or any(one.kind == "prflx" for one in read), "the best is asked first"
    assert ours.failures
    ours.agent.close()


def mutate(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Lines made anew, field by field; one or two fields of a line are odd."""
    lines = data.split(b"\n")
    for _ in range(chance.choice((1, 1, 2, 5, 36))):
        at = chance.randrange(len(lines) + 1)
        lines[at : at + chance.randrange(2)] = [_made(chance)]
    return b"\n".join(lines)


def _made(chance: random.Random) -> bytes:
    odd = {chance.randrange(7) for _ in range(chance.choice((0, 1, 1, 2)))}
    words = [
        chance.choice(("1", "x" * 33, "é", "2")),
        chance.choice(("2", "0", "3", "01", "+1")) if 0 in odd else "1",
        chance.choice(("tcp", "UDP", "udpx")) if 1 in odd else "udp",
        chance.choice(("0", "1", "4294967295", "4294967296", "-1", "²"))
        if 2 in odd
        else str(chance.randrange(1, 2**31)),
        chance.choice(_HOSTS if 3 in odd else _HOSTS[:3]),
        chance.choice(("0", "1", "65535", "65536", "99999999999", "05"))
        if 4 in odd
        else str(chance.randrange(1024, 1030)),
        "TYP" if 5 in odd else "typ",
        chance.choice((*_KINDS, "HOST", "x")) if 5 in odd else "host",
    ]
    if 6 in odd:
        words = [words[:7], [*words, "raddr", "::", "rport", "9"], [*words, "x" * 500], ["", *words]][
            chance.randrange(4)
        ]
    return " ".join(words).encode()
