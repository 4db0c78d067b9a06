"""A path that is lost in the middle of a call: the restart of ICE that we offer, and the one that a peer offers."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from secure_phone import HEAD, call, change, echo, wait_for
from session_bench import Bench, Phone, on_bench

from asterism.media.transports import checks, consent
from asterism.media.transports.ice import IceAgent
from asterism.media.transports.ice_services import IceServices
from asterism.media.transports.ice_settings import IceSettings
from asterism.media.transports.parameters import IceParameters
from asterism.stack.message import Response
from asterism.stack.sdp import SessionDescription


class IcePort:
    """One end of a stream of PCMU that finds the other by ICE."""

    def __init__(self) -> None:
        self.services = IceServices(
            lambda: IceSettings(loopback=True), asyncio.get_running_loop(), logging.getLogger("ice"), os.urandom
        )
        self.socket: socket.socket
        self.path: tuple[str, int] | None = None
        self.heard: list[tuple[bytes, tuple[str, int]]] = []
        self.number = 0
        self.deaf = False
        self.agent: IceAgent
        self.open()

    def open(self) -> None:
        """Be at another port, as an end that has a new agent."""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.agent = IceAgent(self.services, [self.socket.getsockname()], self._send, mux=True)
        self.agent.on_selected = self._selected
        asyncio.get_running_loop().add_reader(self.socket, self._readable)

    def _send(self, data: bytes, address: tuple[str, int], _component: int) -> None:
        self.socket.sendto(data, address)

    def _selected(self, _component: int, _base: object, address: tuple[str, int]) -> None:
        self.path = address

    def _readable(self) -> None:
        data, address = self.socket.recvfrom(2000)
        if self.deaf:
            return
        if data[0] < 4:
            self.agent.receive(data, address, 1)
        elif 128 <= data[0] < 192 and data[1] == 0:
            self.heard.append((data[12:], address))

    def section(self, version: int = 1) -> str:
        """The whole description."""
        ours = self.agent.local
        lines = [
            f"m=audio {self.socket.getsockname()[1]} RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=rtcp-mux",
            f"a=ice-ufrag:{ours.ufrag}", f"a=ice-pwd:{ours.password}",
            *[f"a=candidate:{one}" for one in ours.candidates],
        ]  # fmt: skip
        return HEAD.format(version=version) + "\r\n".join(lines) + "\r\n"

    def take(self, body: bytes, *, answered: bool) -> IceParameters:
        """Take the other end's description."""
        theirs = described(body)
        self.agent.apply(theirs, controlling=answered)
        return theirs

    async def hears(self, payload: bytes) -> tuple[str, int]:
        """Say something until it comes back; from where."""
        for _ in range(100):
            if self.path is not None:
                self.number += 1
                head = b"\x80\x00" + self.number.to_bytes(2, "big") + (self.number * 160).to_bytes(4, "big")
                self.socket.sendto(head + b"\x01\x02\x03\x04" + payload, self.path)
            await asyncio.sleep(0.02)
            for data, address in self.heard:
                if data == payload:
                    return address
        raise AssertionError("it did not come back")

    def close(self) -> None:
        self.agent.close()
        asyncio.get_running_loop().remove_reader(self.socket)
        self.socket.close()


def described(body: bytes) -> IceParameters:
    (media,) = SessionDescription.parse(body).media
    found = [media.attribute(name) or "" for name in ("ice-ufrag", "ice-pwd")]
    lines = tuple(value or "" for name, value in media.attributes if name == "candidate")
    return IceParameters(found[0], found[1], lines)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are given up after fractions of a second."""
    monkeypatch.setattr(consent, "_INTERVAL", 0.05)
    monkeypatch.setattr(consent, "_LASTS", 0.4)
    monkeypatch.setattr(consent, "_VERIFYING", 0.1)
    monkeypatch.setattr(checks, "_PATIENCE", 1.0)


async def begin(bench: Bench, port: IcePort) -> tuple[Phone, Response]:
    change(bench, "alice", ice_support=True, rtcp_mux=True)
    echo(bench)
    alice = bench.phone(5071)
    ok = await call(alice, "700", port.section())
    port.take(ok.body, answered=True)
    await port.hears(b"\x11" * 160)
    return alice, ok


async def end(alice: Phone, ok: Response, number: int, port: IcePort) -> None:
    alice.in_dialog("BYE", ok, number)
    await wait_for(alice, 200)
    port.close()


def play(scenario: Callable[[Bench], Any], folder: Path) -> None:
    on_bench(scenario)(folder)


def test_a_lost_path_is_found_again_by_a_restart(quick: None, tmp_path: Path) -> None:
    """The peer has another address, which it does not tell by itself."""

    async def scenario(bench: Bench) -> None:
        port = IcePort()
        alice, ok = await begin(bench, port)
        before = described(ok.body)
        old, old_agent = port.socket, port.agent
        asyncio.get_running_loop().remove_reader(old)
        invite = await wait_for(alice, "INVITE")
        offered = described(invite.body)
        assert offered.ufrag != before.ufrag
        assert offered.password != before.password
        port.open()
        alice.respond(invite, 200, body=port.section(2))
        port.take(invite.body, answered=False)
        await port.hears(b"\x22" * 160)
        await wait_for(alice, "ACK")
        # What holds now is told in the next description.
        alice.in_dialog("INVITE", ok, 2, body=port.section(2))
        assert described((await wait_for(alice, 200)).body) == offered
        old_agent.close()
        old.close()
        await end(alice, ok, 3, port)

    play(scenario, tmp_path)


def test_a_restart_meets_another_offer(quick: None, tmp_path: Path) -> None:
    """491: it is offered again after a while, unless the peer's own restart has found a path (RFC 3261 14.1)."""

    async def scenario(bench: Bench) -> None:
        port = IcePort()
        alice, ok = await begin(bench, port)
        port.deaf = True
        invite = await wait_for(alice, "INVITE")
        first = described(invite.body)
        alice.respond(invite, 491)
        await wait_for(alice, "ACK")
        bench.advance(4.1)
        invite = await wait_for(alice, "INVITE")
        second = described(invite.body)
        assert second.ufrag not in (first.ufrag, described(ok.body).ufrag)
        alice.respond(invite, 491)
        await wait_for(alice, "ACK")
        old, old_agent = port.socket, port.agent
        port.deaf = False
        asyncio.get_running_loop().remove_reader(old)
        port.open()
        alice.in_dialog("INVITE", ok, 2, body=port.section(2))
        answer = await wait_for(alice, 200)
        alice.in_dialog("ACK", answer, 2)
        port.take(answer.body, answered=True)
        await port.hears(b"\x22" * 160)
        bench.advance(10)
        await bench.turn()
        assert not [one for one in alice.messages() if getattr(one, "method", "") == "INVITE"]
        old_agent.close()
        old.close()
        await end(alice, ok, 3, port)

    play(scenario, tmp_path)


@pytest.mark.parametrize("status", [488, 200])
def test_restarts_that_find_nothing_end(status: int, quick: None, tmp_path: Path) -> None:
    """One that is refused is the last; of those that are answered, the third; the call goes on until it times out."""

    async def scenario(bench: Bench) -> None:
        port = IcePort()
        alice, ok = await begin(bench, port)
        port.deaf = True
        port.agent.close()
        for _ in range(1 if status == 488 else 3):
            invite = await wait_for(alice, "INVITE")
            if status == 200:
                ours = IceParameters(os.urandom(4).hex(), os.urandom(16).hex(), port.agent.local.candidates)
                local = port.agent.local
                body = port.section(2).replace(local.ufrag, ours.ufrag).replace(local.password, ours.password)
                alice.respond(invite, 200, body=body)
            else:
                alice.respond(invite, status)
            await wait_for(alice, "ACK")
        await asyncio.sleep(2.5)
        assert not [one for one in alice.messages() if getattr(one, "method", "") == "INVITE"]
        if status == 488:
            alice.in_dialog("INVITE", ok, 2, body=port.section(2))
            assert described((await wait_for(alice, 200)).body).ufrag == described(ok.body).ufrag
        await end(alice, ok, 3, port)

    play(scenario, tmp_path)


def test_media_go_by_the_old_path_until_the_peers_restart_has_found_one(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        port = IcePort()
        alice, ok = await begin(bench, port)
        old, old_path = port.socket, port.path
        before = described(ok.body)
        new = IcePort()
        # The new end does not answer yet.
        new.deaf = True
        alice.in_dialog("INVITE", ok, 2, body=new.section(2))
        answer = await wait_for(alice, 200)
        alice.in_dialog("ACK", answer, 2)
        assert described(answer.body).ufrag != before.ufrag
        assert SessionDescription.parse(answer.body).media[0].port == SessionDescription.parse(ok.body).media[0].port
        for number in range(3):
            await port.hears(bytes([0x30 + number]) * 160)
        new.deaf = False
        new.take(answer.body, answered=True)
        await new.hears(b"\x44" * 160)
        assert port.socket is old
        assert new.path == old_path
        port.heard.clear()
        await new.hears(b"\x45" * 160)
        assert not port.heard
        port.close()
        await end(alice, ok, 3, new)

    play(scenario, tmp_path)


def test_an_offer_of_something_else_restarts_nothing_while_there_is_a_path(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        port = IcePort()
        alice, ok = await begin(bench, port)
        (session,) = bench.sessions.live
        session.refresh("INVITE")
        invite = await wait_for(alice, "INVITE")
        assert described(invite.body).ufrag == described(ok.body).ufrag
        alice.respond(invite, 200, body=port.section(2))
        await wait_for(alice, "ACK")
        await port.hears(b"\x22" * 160)
        await end(alice, ok, 3, port)

    play(scenario, tmp_path)


def test_a_path_that_is_not_found_before_the_call_is_acknowledged(quick: None, tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        port = IcePort()
        port.deaf = True
        change(bench, "alice", ice_support=True, rtcp_mux=True)
        echo(bench)
        alice = bench.phone(5071)
        alice.call("700", body=port.section())
        ok = await wait_for(alice, 200)
        await asyncio.sleep(1.2)
        assert not [one for one in alice.messages() if getattr(one, "method", "") == "INVITE"]
        alice.in_dialog("ACK", ok, 1)
        invite = await wait_for(alice, "INVITE")
        assert described(invite.body).ufrag != described(ok.body).ufrag
        alice.respond(invite, 488)
        await wait_for(alice, "ACK")
        await end(alice, ok, 2, port)

    play(scenario, tmp_path)


@pytest.mark.parametrize("ours", [True, False])
def test_a_description_without_an_address_holds_nobody_where_ice_finds_it(ours: bool, tmp_path: Path) -> None:
    """Browsers have 0.0.0.0 in what they tell before their candidates are known (RFC 8840 4.3)."""

    async def scenario(bench: Bench) -> None:
        port = IcePort()
        alice, ok = await begin(bench, port)
        (session,) = bench.sessions.live
        nowhere = port.section(2).replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0")
        if ours:
            session.refresh("INVITE")
            alice.respond(await wait_for(alice, "INVITE"), 200, body=nowhere)
            await wait_for(alice, "ACK")
        else:
            alice.in_dialog("INVITE", ok, 2, body=nowhere)
            alice.in_dialog("ACK", await wait_for(alice, 200), 2)
        await bench.turn()
        (stream,) = session.media.streams
        assert not stream.peer_holds
        assert not stream.rtp.hold
        await port.hears(b"\x22" * 160)
        await end(alice, ok, 3, port)

    play(scenario, tmp_path)
