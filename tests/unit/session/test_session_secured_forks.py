"""Early media of several branches that are encrypted, each with its own key."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from call_steps import dialing
from rtp_kit import HEADER
from secure_phone import SecurePort, wait_for
from session_bench import Bench, on_bench
from srtp_kit import AES80, SecurePeer
from test_session_branches import audio, finish
from test_session_transports import HEAD, change

from asterism.applications.session.media_transport.crypto import parse
from asterism.pbx.calls.originate import OriginateRequest, originate
from asterism.stack.sdp import SessionDescription
from asterism.testing.waiting import until

AES32 = "AES_CM_128_HMAC_SHA1_32"


class Fork(SecurePeer):
    """One of the phones that ring."""

    def __init__(self, ssrc: int) -> None:
        super().__init__()
        self.ssrc = ssrc

    @property
    def answer(self) -> str:
        key = base64.b64encode(self.own.key).decode()
        return HEAD + (
            f"m=audio {self.address[1]} RTP/SAVP 0\r\na=rtpmap:0 PCMU/8000\r\na=crypto:1 {AES80} inline:{key}\r\n"
        )

    def say(self, port: int) -> None:
        packet = HEADER.pack(0x80, 0, self.sequence, self.timestamp, self.ssrc) + b"\x55" * 160
        self.sequence += 1
        self.timestamp += 160
        self.socket.sendto(self.out.protect(packet), ("127.0.0.1", port))

    def close(self) -> None:
        self.socket.close()
        self.control.close()


def crypto_of(body: bytes) -> dict[str, bytes]:
    """The keys of a description, by their suites."""
    lines = map(parse, SessionDescription.parse(body).media[0].attribute_all("crypto"))
    return {line.suite: line.key for line in lines if line is not None}


@pytest.mark.parametrize("follow", [True, False])
def test_the_branch_that_is_heard_is_the_last_or_the_first(follow: bool, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", media_encryption="sdes", follow_early_media_fork=follow)
        alice, bob, invite, _ = await dialing(bench, "PJSIP/bob", 5072)
        forks = {"b1": Fork(111), "b2": Fork(222)}
        for tag, fork in forks.items():
            bob.respond(invite, 183, body=fork.answer, tag=tag)
        rtp = audio(bench)
        port = rtp.local[1]
        heard, other = ("b2", "b1") if follow else ("b1", "b2")
        forks[other].say(port)
        forks[heard].say(port)
        await until(lambda: rtp.rx_packets)
        assert rtp.remote_ssrc == forks[heard].ssrc
        # The one that answers is heard from then on.
        bob.respond(invite, 200, body=forks[other].answer, tag=other)
        await bob.next("ACK")
        forks[other].say(port)
        await until(lambda: rtp.remote_ssrc == forks[other].ssrc)
        assert rtp.remote == forks[other].address
        await finish(alice, bob)
        for fork in forks.values():
            fork.close()

    test(tmp_path)


@pytest.mark.parametrize("other", ["clear", AES32])
def test_a_branch_is_heard_again_under_the_key_that_it_was_offered(other: str, tmp_path: Path) -> None:
    """Another branch has chosen another suite, or none, meanwhile: the first goes on where it was."""

    @on_bench
    async def test(bench: Bench) -> None:
        change(
            bench, "bob", media_encryption="sdes", media_encryption_optimistic=True, srtp_suites=(AES80, AES32),
            follow_early_media_fork=True,
        )  # fmt: skip
        bob, first = bench.phone(5072), SecurePort(AES80)
        second = SecurePort(AES80 if other == "clear" else other)
        task = asyncio.ensure_future(originate(bench.server.pbx, OriginateRequest("PJSIP/bob", "internal", "900")))
        invite = await wait_for(bob, "INVITE")
        answers = {"b1": first.section(protocol="RTP/AVP"), "b2": second.section(protocol="RTP/AVP")}
        second.take(invite.body)
        if other == "clear":
            answers["b2"] = second.section("a=sendrecv", protocol="RTP/AVP")
            second.out = second.inbound = None
        assert first.take(invite.body) is not None
        (session,) = bench.sessions.live
        for tag, port in (("b1", first), ("b2", second)):
            bob.respond(invite, 183, tag=tag, body=answers[tag])
            rtp: Any = session.media.port("audio")
            rtp.sink = rtp.write
            await port.hears(b"\x11" * 160)
        bob.respond(invite, 200, tag="b1", body=answers["b1"])
        await wait_for(bob, "ACK")
        channel = (await task).channel
        assert channel is not None
        # The phone's own SRTP refuses what has a number that came before.
        rtp = channel.streams[0].port
        rtp.sink = rtp.write
        await first.hears(b"\x22" * 160)
        # What is offered next has another key for what is not in use.
        driver: Any = channel.driver
        driver.session.refresh("INVITE")
        again = await wait_for(bob, "INVITE")
        before, now = crypto_of(invite.body), crypto_of(again.body)
        assert now[AES80] == before[AES80]
        assert (now[AES32] == before[AES32]) is (other == "clear")
        bob.respond(again, 200, body=answers["b1"])
        await wait_for(bob, "ACK")
        await first.hears(b"\x33" * 160)
        channel.hang_up()
        bob.respond(await wait_for(bob, "BYE"), 200)
        first.close()
        second.close()

    test(tmp_path)
