"""ICE across networks: NAT, servers that relay, paths that are blocked, addresses that change (coturn, namespaces)."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from network import Host, Nat, Network, network

pytestmark = pytest.mark.e2e

SERVER = "203.0.113.1"


class Peer:
    """``ice_peer.py`` on a host."""

    def __init__(self, host: Host, options: str = "") -> None:
        self.host = host
        program = str(Path(__file__).with_name("ice_peer.py"))
        conf = f"[general]\nrtpstart=10000\nrtpend=10100\n{options}"
        self.process = host.run(
            sys.executable, program, "0.0.0.0", conf, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.reports: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.wait("ready")

    def _read(self) -> None:
        for line in self.process.stdout:
            self.reports.put(json.loads(line))

    def do(self, command: str, **arguments: Any) -> None:
        self.process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self.process.stdin.flush()

    def wait(self, kind: str, seconds: float = 20) -> dict[str, Any]:
        """The next report of a kind; others are passed over."""
        until = time.monotonic() + seconds
        while True:
            report = self.reports.get(timeout=max(until - time.monotonic(), 0.01))
            assert kind == "failed" or "failed" not in report, report
            if kind in report:
                return report

    def describe(self, **arguments: Any) -> list[Any]:
        self.do("describe", **arguments)
        return self.wait("local")["local"]

    def hears(self, seconds: float = 10) -> None:
        """Check that packets come."""
        self.do("heard")
        before = self.wait("heard")["heard"]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.do("heard")
            if self.wait("heard")["heard"] > before + 10:
                return
            time.sleep(0.1)
        raise AssertionError("nothing is heard")


def connect(offerer: Peer, answerer: Peer, **arguments: Any) -> tuple[list[Any], list[Any]]:
    offer = offerer.describe(**arguments)
    answerer.do("apply", remote=offer, controlling=False)
    answer = answerer.describe()
    offerer.do("apply", remote=answer, controlling=True)
    return offer, answer


def kinds(description: list[Any]) -> list[str]:
    return [line.split()[7] for line in description[2]]


@pytest.fixture
def net() -> Iterator[Network]:
    with network() as made:
        yield made


@pytest.fixture
def coturn(net: Network, tmp_path: Path) -> Path:
    """A STUN and TURN server; its log."""
    host = net.host("coturn", SERVER)
    log = tmp_path / "coturn.log"
    host.run(
        "turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls", "--listening-ip", SERVER, "--relay-ip", SERVER,
        "--lt-cred-mech", "--realm", "example.com", "--user", "asterism:secret", "--pidfile", str(tmp_path / "pid"),
        "--log-file", "stdout", "--userdb", str(tmp_path / "db"), "--simple-log", "--verbose",
        stdout=log.open("w"), stderr=subprocess.STDOUT, cwd=tmp_path,
    )  # fmt: skip
    until = time.monotonic() + 20
    while "IPv4. UDP listener opened" not in log.read_text() and "UDP listener opened" not in log.read_text():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)
    return log


STUN = f"stunaddr={SERVER}\n"
TURN = f"turnaddr={SERVER}\nturnusername=asterism\nturnpassword=secret\n"


def test_behind_nat_by_what_a_stun_server_sees(net: Network, coturn: Path) -> None:
    """Both are behind NAT that lets in only what was sent for: checks of both open the way."""
    one, other = net.host("one", "10.0.0.2"), net.host("other", "10.1.0.2")
    net.put_behind(one, Nat("192.0.2.5"))
    net.put_behind(other, Nat("198.51.100.5"))
    offerer, answerer = Peer(one, STUN), Peer(other, STUN)
    offer, answer = connect(offerer, answerer)
    assert kinds(offer) == kinds(answer) == ["host", "srflx"]
    assert offer[2][1].split()[4] == "192.0.2.5"
    assert offer[2][1].endswith("raddr 10.0.0.2 rport " + offer[2][0].split()[5])
    assert answerer.wait("selected")["selected"][0] == "192.0.2.5"
    assert offerer.wait("selected")["selected"][0] == "198.51.100.5"
    offerer.hears()
    answerer.hears()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_through_a_relay_when_direct_paths_are_blocked(net: Network, coturn: Path, transport: str) -> None:
    one, other = net.host("one", "192.0.2.2"), net.host("other", "198.51.100.2")
    net.passes = lambda packet: SERVER in (packet.source[0], packet.target[0])
    offerer, answerer = Peer(one, STUN + TURN + f"turn_transport={transport}\n"), Peer(other)
    offer, answer = connect(offerer, answerer)
    assert kinds(offer) == ["host", "relay"]
    assert kinds(answer) == ["host"]
    selected = answerer.wait("selected")
    assert selected["selected"][0] == SERVER
    assert offerer.wait("selected")["kind"] == "relay"
    offerer.hears()
    answerer.hears()
    offerer.do("end")
    offerer.process.wait(10)
    until = time.monotonic() + 10
    while "refreshed, realm=<example.com>, username=<asterism>, lifetime=0" not in coturn.read_text():
        assert time.monotonic() < until, coturn.read_text()
        time.sleep(0.1)


def test_wrong_password_of_the_relay(net: Network, coturn: Path) -> None:
    peer = Peer(net.host("one", "192.0.2.2"), TURN.replace("secret", "wrong"))
    assert kinds(peer.describe()) == ["host"]


def test_servers_that_do_not_answer_take_two_seconds(net: Network) -> None:
    peer = Peer(net.host("one", "192.0.2.2"), STUN + TURN)
    began = time.monotonic()
    assert kinds(peer.describe()) == ["host"]
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("who", ["offerer", "answerer"])
def test_an_address_that_changes_in_the_middle(net: Network, who: str) -> None:
    one, other = net.host("one", "192.0.2.2"), net.host("other", "198.51.100.2")
    offerer, answerer = Peer(one), Peer(other)
    connect(offerer, answerer)
    offerer.hears()
    answerer.hears()
    mover, stays = (one, answerer) if who == "offerer" else (other, offerer)
    mover.use("203.0.113.77")
    while stays.wait("selected")["selected"][0] != "203.0.113.77":
        pass
    offerer.hears()
    answerer.hears()


def test_a_router_that_forgets_its_ports(net: Network, coturn: Path) -> None:
    """The peer's checks come from another port of its NAT from then on."""
    one, other = net.host("one", "10.0.0.2"), net.host("other", "198.51.100.2")
    nat = Nat("192.0.2.5")
    net.put_behind(one, nat)
    offerer, answerer = Peer(one, STUN), Peer(other)
    connect(offerer, answerer)
    first = answerer.wait("selected")["selected"]
    offerer.hears()
    answerer.hears()
    nat.forget()
    second = answerer.wait("selected")["selected"]
    assert second[0] == first[0]
    assert second != first
    offerer.hears()
    answerer.hears()


def test_restart_while_media_goes_on(net: Network) -> None:
    offerer, answerer = Peer(net.host("one", "192.0.2.2")), Peer(net.host("other", "198.51.100.2"))
    before = connect(offerer, answerer)
    offerer.hears()
    after = connect(offerer, answerer, restart=True)
    assert {side[0] for side in before}.isdisjoint(side[0] for side in after)
    assert offerer.wait("selected")["selected"][0] == "198.51.100.2"
    answerer.hears()
    offerer.hears()


def test_with_a_tenth_of_the_packets_lost(net: Network) -> None:
    net.loss, net.delay = 0.1, 0.05
    offerer, answerer = Peer(net.host("one", "192.0.2.2")), Peer(net.host("other", "198.51.100.2"))
    connect(offerer, answerer)
    offerer.wait("selected")
    answerer.wait("selected")
    offerer.hears()
    answerer.hears()
