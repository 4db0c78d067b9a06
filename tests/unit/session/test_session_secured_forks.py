"""Early media of several branches that are encrypted, each with its own key."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from call_steps import dialing
from rtp_kit import HEADER
from session_bench import Bench, on_bench
from srtp_kit import AES80, SecurePeer
from test_session_branches import audio, finish
from test_session_transports import HEAD, change

from asterism.testing.waiting import until


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
