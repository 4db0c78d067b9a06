"""Descriptions wait for the candidates that servers give, where there are servers and the endpoint uses ICE."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aioice.stun import Class, Message, Method, parse_message
from session_bench import Bench, Phone, answers_later, on_bench, sdp
from test_session_transports import change, described

from asterism.media.transports.ice_settings import IceSettings
from asterism.pbx.calls.originate import OriginateRequest, originate
from asterism.stack.message import Response
from asterism.stack.sdp import SessionDescription
from asterism.testing.waiting import until

PUBLIC = "203.0.113.9"
ICE = (
    "a=ice-ufrag:abcd",
    "a=ice-pwd:0123456789abcdef012345",
    "a=candidate:1 1 UDP 2130706431 127.0.0.1 31800 typ host",
)


class StunServer(asyncio.DatagramProtocol):
    """Says that it sees everybody at :data:`PUBLIC`; or nothing, while ``silent``."""

    def __init__(self) -> None:
        self.asked = 0
        self.silent = False
        self.address = ("", 0)
        self._wire: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = transport
        self.address = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, address: tuple[str | Any, int]) -> None:
        self.asked += 1
        message = parse_message(data)
        answer = Message(Method.BINDING, Class.RESPONSE, message.transaction_id)
        answer.attributes["XOR-MAPPED-ADDRESS"] = (PUBLIC, address[1])
        if not self.silent:
            self._wire.sendto(bytes(answer), address)

    def close(self) -> None:
        self._wire.close()


@asynccontextmanager
async def stun_server(bench: Bench) -> AsyncIterator[StunServer]:
    loop = asyncio.get_running_loop()
    _, server = await loop.create_datagram_endpoint(StunServer, local_addr=("127.0.0.1", 0), family=socket.AF_INET)
    media = bench.server.media
    media.use(replace(media.settings, ice=IceSettings(stun=server.address, loopback=True)))
    try:
        yield server
    finally:
        server.close()


async def wait(phone: Phone, what: Callable[[], Awaitable[Any]]) -> Any:
    """What comes after real time has passed."""
    for _ in range(400):
        count = len(phone.flow.sent)
        if count > phone.read:
            try:
                return await what()
            except AssertionError:
                pass
        await asyncio.sleep(0.01)
    raise AssertionError("nothing came")


def reflexive(message: Any) -> list[str]:
    return re.findall(rf"a=candidate:(\S+ \d) UDP \d+ {re.escape(PUBLIC)} \d+ typ srflx", message.body.decode())


def port_of(message: Any) -> int:
    return SessionDescription.parse(message.body).media[0].port


@pytest.mark.parametrize("mux", [True, False])
def test_our_offer(mux: bool, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        async with stun_server(bench) as server:
            change(bench, "bob", ice_support=True, rtcp_mux=mux)
            bob = bench.phone(5072)
            task = asyncio.ensure_future(originate(bench.server.pbx, OriginateRequest("PJSIP/bob", "internal", "900")))
            invite = await wait(bob, lambda: bob.next("INVITE"))
            assert [text.split()[1] for text in reflexive(invite)] == (["1"] if mux else ["1", "2"])
            assert server.asked == (1 if mux else 2)
            bob.respond(invite, 486)
            await task

    test(tmp_path)


@on_bench
async def test_our_answer_and_one_more_stream(bench: Bench) -> None:
    ended = asyncio.Event()

    @bench.server.pbx.extension("internal", "700")
    async def answering(channel: Any) -> None:
        await channel.answer()
        await ended.wait()

    async with stun_server(bench) as server:
        change(bench, "alice", ice_support=True, allow="ulaw,vp8", max_video_streams=1)
        alice = bench.phone(5071)
        alice.call("700", body=described("RTP/AVP", *ICE))
        ok: Response = await wait(alice, lambda: alice.next(200))
        assert len(reflexive(ok)) == 2
        asked = server.asked
        alice.in_dialog("ACK", ok, 1)
        # The same again asks nobody.
        alice.in_dialog("INVITE", ok, 2, described("RTP/AVP", *ICE))
        ok = await wait(alice, lambda: alice.next(200))
        assert len(reflexive(ok)) == 2
        assert server.asked == asked
        alice.in_dialog("ACK", ok, 2)
        # A section that has a transport of its own waits for its candidates too.
        video = "\r\n".join(["m=video 31900 RTP/AVP 96", "a=rtpmap:96 VP8/90000", *ICE, ""])
        alice.in_dialog("INVITE", ok, 3, described("RTP/AVP", *ICE) + video)
        ok = await wait(alice, lambda: alice.next(200))
        assert len(reflexive(ok)) == 4
        assert server.asked == asked + 2
        alice.in_dialog("ACK", ok, 3)
        ended.set()
        alice.respond(await wait(alice, lambda: alice.next("BYE")), 200)
    await bench.until(lambda: bench.idle)
    assert not bench.server.media.transports


@on_bench
async def test_a_caller_that_gives_up_meanwhile(bench: Bench) -> None:
    @bench.server.pbx.extension("internal", "700")
    async def answering(channel: Any) -> None:
        await channel.answer()

    async with stun_server(bench) as server:
        server.silent = True
        change(bench, "alice", ice_support=True)
        alice = bench.phone(5071)
        alice.call("700", body=described("RTP/AVP", *ICE))
        await bench.turn()
        alice.cancel()
        await wait(alice, lambda: alice.next(487))
        for _ in range(400):
            if bench.idle and not bench.server.media.transports:
                break
            await asyncio.sleep(0.01)
    assert bench.idle
    assert not bench.server.media.transports


@on_bench
async def test_others_do_not_wait(bench: Bench) -> None:
    """Neither a phone without ICE nor an endpoint that does not use it."""

    @bench.server.pbx.extension("internal", "700")
    async def answering(channel: Any) -> None:
        await channel.answer()

    async with stun_server(bench) as server:
        for number, (body, options) in enumerate(((sdp(), True), (described("RTP/AVP", *ICE), False))):
            change(bench, "alice", ice_support=options)
            alice = bench.phone(5071)
            alice.call("700", body=body, call=f"others-{number}")
            ok = await alice.next(200)
            assert not reflexive(ok)
            alice.in_dialog("ACK", ok, 1, call=f"others-{number}")
            alice.respond(await alice.next("BYE"), 200)
        assert not server.asked


@pytest.mark.parametrize("options", [{"ice_support": True}, {"ice_support": True, "rtcp_mux": True}])
def test_without_ice_in_general_an_endpoint_keeps_its_transport(options: dict[str, Any], tmp_path: Path) -> None:
    """``icesupport = no`` of rtp.conf holds for endpoints with ``ice_support`` too, in each of their offers."""

    @on_bench
    async def test(bench: Bench) -> None:
        @bench.server.pbx.extension("internal", "700")
        async def answering(channel: Any) -> None:
            await channel.answer()
            await asyncio.sleep(100)

        media = bench.server.media
        media.use(replace(media.settings, ice_support=False))
        change(bench, "alice", **options)
        alice = bench.phone(5071)
        alice.call("700", body=described("RTP/AVP", *ICE, "a=rtcp-mux"))
        ok = await alice.next(200)
        assert b"ice-ufrag" not in ok.body
        alice.in_dialog("ACK", ok, 1)
        alice.in_dialog("INVITE", ok, 2, described("RTP/AVP", *ICE, "a=rtcp-mux"))
        again = await alice.next(200)
        alice.in_dialog("ACK", again, 2)
        assert port_of(again) == port_of(ok)
        alice.in_dialog("BYE", ok, 3)
        await alice.next(200)

    test(tmp_path)


@on_bench
async def test_our_offer_without_ice_in_general(bench: Bench) -> None:
    media = bench.server.media
    media.use(replace(media.settings, ice_support=False))
    change(bench, "bob", webrtc=True)
    bob = bench.phone(5072)
    task = asyncio.ensure_future(originate(bench.server.pbx, OriginateRequest("PJSIP/bob", "internal", "900")))
    invite = await bob.next("INVITE")
    assert b"a=fingerprint" in invite.body
    assert b"a=ice-" not in invite.body
    assert b"a=candidate" not in invite.body
    bob.respond(invite, 486)
    await task


@on_bench
async def test_a_call_keeps_its_ice_when_it_is_switched_off_in_general(bench: Bench) -> None:
    @bench.server.pbx.extension("internal", "700")
    async def answering(channel: Any) -> None:
        await channel.answer()
        await asyncio.sleep(100)

    change(bench, "alice", ice_support=True)
    media = bench.server.media
    media.use(replace(media.settings, ice=IceSettings(loopback=True)))
    alice = bench.phone(5071)
    alice.call("700", body=described("RTP/AVP", *ICE))
    ok = await alice.next(200)
    alice.in_dialog("ACK", ok, 1)
    media.use(replace(media.settings, ice_support=False))
    alice.in_dialog("INVITE", ok, 2, described("RTP/AVP", *ICE))
    again = await alice.next(200)
    alice.in_dialog("ACK", again, 2)
    assert again.body.split(b"t=0 0")[1] == ok.body.split(b"t=0 0")[1]
    alice.in_dialog("BYE", ok, 3)
    await alice.next(200)


VIDEO = "\r\n".join(["m=video 31900 RTP/AVP 96", "a=rtpmap:96 VP8/90000", *ICE, ""])


@on_bench
async def test_an_update_waits_as_a_re_invite_does(bench: Bench) -> None:
    @bench.server.pbx.extension("internal", "700")
    async def answering(channel: Any) -> None:
        await channel.answer()
        await asyncio.sleep(100)

    async with stun_server(bench) as server:
        change(bench, "alice", ice_support=True, allow="ulaw,vp8", max_video_streams=1)
        alice = bench.phone(5071)
        alice.call("700", body=described("RTP/AVP", *ICE))
        ok: Response = await wait(alice, lambda: alice.next(200))
        alice.in_dialog("ACK", ok, 1)
        asked = server.asked
        alice.in_dialog("UPDATE", ok, 2, described("RTP/AVP", *ICE) + VIDEO)
        alice.in_dialog("OPTIONS", ok, 3)
        answer = await wait(alice, lambda: alice.next(200))
        assert answer.cseq.method == "UPDATE"
        assert len(reflexive(answer)) == 4
        assert server.asked == asked + 2
        assert (await wait(alice, lambda: alice.next(200))).cseq.method == "OPTIONS"
        # Without an offer it waits for nothing.
        alice.in_dialog("UPDATE", ok, 4)
        assert not (await alice.next(200)).body
        alice.in_dialog("BYE", ok, 5)
        await alice.next(200)
    assert not bench.server.media.transports


@pytest.mark.parametrize("method", ["UPDATE", "INVITE"])
def test_a_call_that_ends_meanwhile_leaves_no_request_unanswered(method: str, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        channels: list[Any] = []

        @bench.server.pbx.extension("internal", "700")
        async def answering(channel: Any) -> None:
            channels.append(channel)
            await channel.answer()
            await asyncio.sleep(100)

        async with stun_server(bench) as server:
            change(bench, "alice", ice_support=True, allow="ulaw,vp8", max_video_streams=1)
            alice = bench.phone(5071)
            alice.call("700", body=described("RTP/AVP", *ICE))
            ok: Response = await wait(alice, lambda: alice.next(200))
            alice.in_dialog("ACK", ok, 1)
            server.silent = True
            alice.in_dialog(method, ok, 2, described("RTP/AVP", *ICE) + VIDEO, branch="z9hG4bKwaiting")
            channels[0].hang_up()
            alice.respond(await wait(alice, lambda: alice.next("BYE")), 200)
            alice.read = 0
            await wait(alice, lambda: alice.next(487 if method == "INVITE" else 481))
            if method == "INVITE":
                alice.in_dialog("ACK", ok, 2, branch="z9hG4bKwaiting")
        await until(lambda: not bench.server.media.transports)

    test(tmp_path)


@on_bench
async def test_an_answer_waits_for_that_of_an_early_update(bench: Bench) -> None:
    answer = answers_later(bench)

    async with stun_server(bench):
        change(bench, "alice", ice_support=True, allow="ulaw,vp8", max_video_streams=1, rel100="yes")
        alice = bench.phone(5071)
        alice.call("700", body=described("RTP/AVP", *ICE), extra="Require: 100rel\r\nSupported: 100rel\r\n")
        early: Response = await wait(alice, lambda: alice.next(183))
        alice.in_dialog("PRACK", early, 2, extra=f"RAck: {early.get('RSeq')} 1 INVITE\r\n")
        assert (await alice.next(200)).cseq.method == "PRACK"
        alice.in_dialog("UPDATE", early, 3, described("RTP/AVP", *ICE) + VIDEO)
        answer.set()
        found = [await wait(alice, lambda: alice.next(200)) for _ in range(2)]
        assert [one.cseq.method for one in found] == ["UPDATE", "INVITE"]
        assert len(reflexive(found[0])) == 4
        alice.in_dialog("ACK", found[1], 1)
        alice.in_dialog("BYE", found[1], 4)
        await alice.next(200)
    assert not bench.server.media.transports


@on_bench
async def test_an_offer_in_prack_waits_too(bench: Bench) -> None:
    answer = answers_later(bench)

    async with stun_server(bench) as server:
        change(bench, "alice", ice_support=True, allow="ulaw,vp8", max_video_streams=1, rel100="yes")
        alice = bench.phone(5071)
        alice.call("700", body=described("RTP/AVP", *ICE), extra="Require: 100rel\r\nSupported: 100rel\r\n")
        early: Response = await wait(alice, lambda: alice.next(183))
        assert len(reflexive(early)) == 2
        asked = server.asked
        rack = f"RAck: {early.get('RSeq')} 1 INVITE\r\n"
        alice.in_dialog("PRACK", early, 2, described("RTP/AVP", *ICE) + VIDEO, extra=rack)
        answer.set()
        taken = await wait(alice, lambda: alice.next(200))
        assert taken.cseq.method == "PRACK"
        assert len(reflexive(taken)) == 4
        assert server.asked == asked + 2
        ok = await wait(alice, lambda: alice.next(200))
        assert ok.cseq.method == "INVITE"
        alice.in_dialog("ACK", ok, 1)
        alice.in_dialog("BYE", ok, 3)
        await alice.next(200)
    assert not bench.server.media.transports
