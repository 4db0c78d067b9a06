"""What becomes of a call when a transport of its media has no keys."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from secure_phone import HEAD, call, change, echo, wait_for
from session_bench import Bench, answers_later, on_bench
from test_session_transports import DIGEST

from asterism.media.transports import dtls
from asterism.pbx.calls.originate import OriginateRequest, originate
from asterism.pbx.vocabulary.controls import Control
from asterism.stack.sdp import SessionDescription
from asterism.testing.waiting import until

KEYED = (f"a=fingerprint:SHA-256 {DIGEST}", "a=setup:actpass")
AUDIO = ("m=audio 31800 UDP/TLS/RTP/SAVP 0", "a=rtpmap:0 PCMU/8000", *KEYED)
VIDEO = ("m=video 31802 UDP/TLS/RTP/SAVP 96", "a=rtpmap:96 VP8/90000", *KEYED)
GONE = ("m=video 0 UDP/TLS/RTP/SAVP 96",)


def body(*sections: tuple[str, ...], version: int = 1) -> str:
    return HEAD.format(version=version) + "\r\n".join(line for one in sections for line in one) + "\r\n"


def ports(message: Any) -> list[int]:
    return [one.port for one in SessionDescription.parse(message.body).media]


def transport_at(bench: Bench, port: int) -> Any:
    return next(one for one in bench.server.media.transports if one.local[1] == port)


async def in_call(bench: Bench, sections: tuple[tuple[str, ...], ...]) -> tuple[Any, Any]:
    change(bench, "alice", media_encryption="dtls", allow="ulaw,vp8", max_video_streams=2)
    echo(bench)
    alice = bench.phone(5071)
    return alice, await call(alice, "700", body(*sections))


@pytest.mark.parametrize("sections", [(AUDIO, VIDEO), (VIDEO, AUDIO)])
def test_video_without_keys_ends_alone(sections: tuple[tuple[str, ...], ...], tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        alice, ok = await in_call(bench, sections)
        where = sections.index(VIDEO)
        transport_at(bench, ports(ok)[where]).fail("wrong fingerprint")
        offer = await wait_for(alice, "INVITE")
        assert [bool(port) for port in ports(offer)] == [one is AUDIO for one in sections]
        assert ports(offer)[1 - where] == ports(ok)[1 - where]
        alice.respond(offer, 200, body=body(*(AUDIO if one is AUDIO else GONE for one in sections), version=2))
        await wait_for(alice, "ACK")
        assert len(bench.server.media.transports) == 1
        alice.in_dialog("BYE", ok, 2)
        await alice.next(200)

    test(tmp_path)


@on_bench
async def test_video_without_keys_before_the_ack_ends_after_it(bench: Bench) -> None:
    change(bench, "alice", media_encryption="dtls", allow="ulaw,vp8", max_video_streams=2)
    echo(bench)
    alice = bench.phone(5071)
    alice.call("700", body=body(AUDIO, VIDEO))
    ok = await wait_for(alice, 200)
    transport_at(bench, ports(ok)[1]).fail("wrong fingerprint")
    await bench.turn()
    alice.in_dialog("ACK", ok, 1)
    offer = await wait_for(alice, "INVITE")
    assert ports(offer) == [ports(ok)[0], 0]
    alice.respond(offer, 200, body=body(AUDIO, GONE, version=2))
    await wait_for(alice, "ACK")
    alice.in_dialog("BYE", ok, 2)
    await alice.next(200)


@pytest.mark.parametrize("sections", [(AUDIO,), (AUDIO, VIDEO), (VIDEO,)])
def test_the_first_audio_or_all_there_is_without_keys_ends_the_call(
    sections: tuple[tuple[str, ...], ...], tmp_path: Path
) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        alice, ok = await in_call(bench, sections)
        transport_at(bench, ports(ok)[0]).fail("wrong fingerprint")
        alice.respond(await wait_for(alice, "BYE"), 200)

    test(tmp_path)


@pytest.mark.parametrize("again", [True, False])
def test_a_call_that_rings_waits_for_keys(again: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer of early media need not be there yet; from the answer on it has the whole time again."""
    monkeypatch.setattr(dtls, "_PATIENCE", 0.05)

    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "bob", media_encryption="dtls")
        bob = bench.phone(5072)
        task = asyncio.ensure_future(originate(bench.server.pbx, OriginateRequest("PJSIP/bob", "internal", "900")))
        invite = await wait_for(bob, "INVITE")
        passive = [line.replace("actpass", "passive") for line in AUDIO]
        bob.respond(invite, 183, body=body(tuple(passive)))
        (session,) = bench.sessions.live
        stream = session.media.streams[0]
        await until(lambda: stream.leg.failed)
        assert not any(getattr(one, "method", "") == "CANCEL" for one in bob.messages())
        begun: list[str] = []
        monkeypatch.setattr(dtls.DtlsAgent, "start", recording(begun))
        bob.respond(invite, 200, body=body(tuple(passive)) if again else "")
        await wait_for(bob, "ACK")
        channel = (await task).channel
        assert channel is not None
        assert begun
        assert set(begun) == {"active"}
        # Nobody answers the handshake.
        bob.respond(await wait_for(bob, "BYE"), 200)

    test(tmp_path)


def recording(begun: list[str]) -> Any:
    original = dtls.DtlsAgent.start

    def start(self: Any, role: str, *more: Any, **options: Any) -> None:
        begun.append(role)
        original(self, role, *more, **options)

    return start


def test_a_call_of_theirs_that_rings_waits_for_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dtls, "_PATIENCE", 0.05)

    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", media_encryption="dtls")
        answer = answers_later(bench)

        alice = bench.phone(5071)
        alice.call("700", body=body(AUDIO))
        await wait_for(alice, 183)
        (session,) = bench.sessions.live
        await until(lambda: session.media.streams[0].leg.failed)
        answer.set()
        ok = await wait_for(alice, 200)
        assert not session.media.streams[0].leg.failed
        alice.in_dialog("ACK", ok, 1)
        alice.respond(await wait_for(alice, "BYE"), 200)

    test(tmp_path)


def test_what_began_before_the_answer_has_the_whole_time_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        change(bench, "alice", media_encryption="dtls")

        @bench.server.pbx.extension("internal", "700")
        async def answering(channel: Any) -> None:
            channel.indicate(Control.PROGRESS)
            await channel.answer()
            await asyncio.sleep(100)

        alice = bench.phone(5071)
        alice.call("700", body=body(AUDIO))
        ok = await wait_for(alice, 200)
        alice.in_dialog("ACK", ok, 1)
        (transport,) = bench.server.media.transports
        begun: list[str] = []
        monkeypatch.setattr(dtls.DtlsAgent, "start", recording(begun))
        transport.fail("no DTLS handshake")
        await bench.turn()
        assert begun
        assert not any(getattr(one, "method", "") == "BYE" for one in alice.messages())
        transport.fail("no DTLS handshake")
        alice.respond(await wait_for(alice, "BYE"), 200)

    test(tmp_path)
