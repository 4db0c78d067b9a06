"""Options of endpoints for fax, each with what it changes in a call."""

from __future__ import annotations

import asyncio
import re
import socket
from typing import Any

import pytest
from session_bench import Bench, on_bench, sdp, set_options
from stream_phone import rtp
from t38_steps import Machine, allow_fax, bridged, called, described, fax, kinds, port_of

from asterism.media.g711 import linear_to_ulaw
from asterism.media.udptl import ErrorCorrection, UdptlSender
from asterism.pbx.channels.t38 import T38State, t38_of
from asterism.sip.objects.endpoint import Endpoint
from asterism.sip.objects.habits import PJSIP
from asterism.stack.message import Response
from asterism.testing.tone import make_tone
from asterism.testing.waiting import until

CNG = linear_to_ulaw(make_tone(1100, seconds=0.5))


@pytest.mark.parametrize(("allowed", "status"), [(True, 200), (False, 488)])
def test_t38_udptl(tmp_path: Any, allowed: bool, status: int) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        if allowed:
            allow_fax(bench, "alice")
        phone, ok, channels = await called(bench, Machine())
        t38 = t38_of(channels[0])
        assert t38.state is (T38State.UNKNOWN if allowed else T38State.UNAVAILABLE)
        if not allowed:
            assert await t38.request() is None
            assert "INVITE" not in kinds(phone)
        phone.in_dialog("INVITE", ok, 2, fax())
        assert (await phone.next(status)).cseq.number == 2
        phone.in_dialog("ACK", ok, 2)

    test(tmp_path)


@pytest.mark.parametrize(
    ("correction", "expected"),
    [
        ("none", ["a=T38FaxMaxDatagram:425"]),
        ("redundancy", ["a=T38FaxMaxDatagram:1400", "a=T38FaxUdpEC:t38UDPRedundancy"]),
        ("fec", ["a=T38FaxMaxDatagram:849", "a=T38FaxUdpEC:t38UDPFEC"]),
    ],
)
def test_t38_udptl_ec(tmp_path: Any, correction: str, expected: list[str]) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        allow_fax(bench, "alice", t38_udptl_ec=correction)
        phone, _, channels = await called(bench, Machine())
        waiting = asyncio.create_task(t38_of(channels[0]).request())
        invite = await phone.next("INVITE")
        assert described(invite)[4:] == expected
        phone.respond(invite, 488)
        assert await waiting is None

    test(tmp_path)


@pytest.mark.parametrize(("datagram", "ifp"), [(0, 79), (400, 186)])
def test_t38_udptl_maxdatagram(tmp_path: Any, datagram: int, ifp: int) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        allow_fax(bench, "alice", t38_udptl_maxdatagram=datagram)
        machine = Machine()
        phone, ok, channels = await called(bench, machine)
        phone.in_dialog("INVITE", ok, 2, fax())
        await phone.next(200)
        phone.in_dialog("ACK", ok, 2)
        assert machine.asked[0].max_ifp == ifp
        agreed = t38_of(channels[0]).parameters
        assert agreed is not None
        assert agreed.max_ifp == ifp
        port: Any = t38_of(channels[0]).port
        assert port.sender.largest == (datagram or 176)

    test(tmp_path)


@pytest.mark.parametrize("nat", [True, False])
def test_t38_udptl_nat(tmp_path: Any, nat: bool) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        allow_fax(bench, "alice", t38_udptl_nat=nat)
        machine = Machine()
        phone, ok, channels = await called(bench, machine)
        phone.in_dialog("INVITE", ok, 2, fax(31900))
        answer = await phone.next(200)
        phone.in_dialog("ACK", ok, 2)
        sender = UdptlSender(ErrorCorrection.REDUNDANCY)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as router:
            router.bind(("127.0.0.1", 0))
            for _ in range(6):
                router.sendto(sender.packet(b"\x02")[1], ("127.0.0.1", port_of(answer)))
            await machine.hears(3)
            port: Any = t38_of(channels[0]).port
            assert port.remote == (router.getsockname() if nat else ("127.0.0.1", 31900))

    test(tmp_path)


@pytest.mark.parametrize(("nat", "status"), [(True, 200), (False, 488)])
def test_a_phone_whose_address_cannot_be_reached_is_waited_for_behind_its_nat(
    tmp_path: Any, nat: bool, status: int
) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        allow_fax(bench, "alice", t38_udptl_nat=nat)
        machine = Machine()
        phone, ok, channels = await called(bench, machine)
        phone.in_dialog("INVITE", ok, 2, fax().replace("IN IP4 127.0.0.1\r\nt=", "IN IP4 fax.example.test\r\nt="))
        assert (await phone.next(status)).cseq.number == 2
        phone.in_dialog("ACK", ok, 2)
        port: Any = t38_of(channels[0]).port
        assert (port is not None) is nat
        assert port is None or port.remote is None
        assert machine.states == ["negotiated" if nat else "rejected"]

    test(tmp_path)


@pytest.mark.parametrize("tos", ["0", "ef"])
def test_tos_audio_marks_t38_too(tmp_path: Any, tos: str) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        allow_fax(bench, "alice", tos_audio=184 if tos == "ef" else 0)
        phone, ok, channels = await called(bench, Machine())
        phone.in_dialog("INVITE", ok, 2, fax())
        await phone.next(200)
        phone.in_dialog("ACK", ok, 2)
        port: Any = t38_of(channels[0]).port
        assert port.sock.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == (184 if tos == "ef" else 0)

    test(tmp_path)


@pytest.mark.parametrize("bound", [True, False])
def test_t38_bind_udptl_to_media_address(tmp_path: Any, bound: bool) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        allow_fax(bench, "alice", t38_bind_udptl_to_media_address=bound, media_address="127.0.0.9")
        phone, ok, channels = await called(bench, Machine())
        phone.in_dialog("INVITE", ok, 2, fax())
        answer = await phone.next(200)
        phone.in_dialog("ACK", ok, 2)
        port: Any = t38_of(channels[0]).port
        assert port.local[0] == ("127.0.0.9" if bound else "127.0.0.1")
        assert b"c=IN IP4 127.0.0.9\r\n" in answer.body

    test(tmp_path)


@pytest.mark.parametrize(("optimistic", "status"), [(True, 200), (False, 488)])
def test_where_media_must_be_encrypted_there_is_no_t38(tmp_path: Any, optimistic: bool, status: int) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        allow_fax(bench, "alice")
        phone, ok, channels = await called(bench, Machine())
        session: Any = channels[0].driver.session
        session.profile.transport = session.profile.transport._replace(encryption="sdes", optimistic=optimistic)
        assert (t38_of(channels[0]).state is T38State.UNAVAILABLE) is not optimistic
        phone.in_dialog("INVITE", ok, 2, fax())
        assert (await phone.next(status)).cseq.number == 2
        phone.in_dialog("ACK", ok, 2)

    test(tmp_path)


def fax_extension(bench: Bench, machine: Machine | None = None) -> list[Any]:
    """The extension that faxes go to; the channels that came there."""
    came: list[Any] = []

    @bench.server.pbx.extension("internal", "fax")
    async def receive(channel: Any) -> None:
        came.append(channel)
        if machine is not None:
            machine.use(channel)
        await channel.wait_for_hangup()

    return came


async def say(bench: Bench, answer: Response, sound: bytes, sequence: int = 0) -> None:
    """Send audio to where an answer says, until it is heard."""

    def octets() -> int:
        return sum(session.received.octets for session in bench.server.media.sessions)

    found = re.search(r"^m=audio (\d+)", answer.body.decode(), re.MULTILINE)
    assert found is not None
    wanted = octets() + len(sound)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        phone.bind(("127.0.0.1", 31800))
        for at in range(0, len(sound), 160):
            number = sequence + at // 160
            phone.sendto(rtp(0, number, sound[at : at + 160], number * 160), ("127.0.0.1", int(found[1])))
        await until(lambda: octets() >= wanted)
    await bench.turn()


@pytest.mark.parametrize("wanted", [True, False])
def test_fax_detect(tmp_path: Any, wanted: bool) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        set_options(bench.server.data.get(Endpoint, "alice"), fax_detect=wanted)
        came = fax_extension(bench)
        _, ok, channels = await called(bench, None)
        await say(bench, ok, CNG)
        assert len(came) == wanted
        assert channels[0].get_variable("FAXEXTEN") == ("740" if wanted else None)
        await say(bench, ok, CNG, 100)
        assert len(came) == wanted

    test(tmp_path)


@pytest.mark.parametrize(("wanted", "status"), [(True, 200), (False, 488)])
def test_fax_detect_by_the_request_for_t38(tmp_path: Any, wanted: bool, status: int) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        allow_fax(bench, "alice", fax_detect=wanted)
        came = fax_extension(bench, Machine())
        phone, ok, channels = await called(bench, None)
        phone.in_dialog("INVITE", ok, 2, fax())
        assert (await phone.next(status)).cseq.number == 2
        phone.in_dialog("ACK", ok, 2)
        assert came == (channels if wanted else [])

    test(tmp_path)


@pytest.mark.parametrize(("seconds", "found"), [(0, 1), (1, 0)])
def test_fax_detect_timeout(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, seconds: int, found: int) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        set_options(bench.server.data.get(Endpoint, "alice"), fax_detect=True, fax_detect_timeout=seconds)
        came = fax_extension(bench)
        _, ok, _ = await called(bench, None)
        await say(bench, ok, b"\xff" * 160)
        loop = asyncio.get_running_loop()
        time = loop.time
        monkeypatch.setattr(loop, "time", lambda: time() + 1.05)
        await say(bench, ok, CNG, 1)
        assert len(came) == found

    test(tmp_path)


@pytest.mark.parametrize("signs", ["cng", "t38"])
def test_each_sign_of_a_fax_by_itself_as_peers_of_sip_conf_have_it(tmp_path: Any, signs: str) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        from dataclasses import replace

        alice: Any = bench.server.data.get(Endpoint, "alice")
        alice.habits = replace(PJSIP, fax_signs=frozenset((signs,)))
        allow_fax(bench, "alice", fax_detect=True)
        machine = Machine()
        came = fax_extension(bench, machine)
        phone, ok, channels = await called(bench, None)
        if signs == "t38":
            await say(bench, ok, CNG)
            assert came == []
        phone.in_dialog("INVITE", ok, 2, fax())
        if signs == "cng":
            await phone.next(488)
            await say(bench, ok, CNG)
            assert machine.asked == []
        else:
            await phone.next(200)
            phone.in_dialog("ACK", ok, 2)
            assert machine.states == ["negotiated"]
        assert came == channels

    test(tmp_path)


@on_bench
async def test_a_bridged_call_goes_to_fax_by_its_request_for_t38(bench: Bench) -> None:
    allow_fax(bench, "alice", fax_detect=True)
    machine = Machine()
    came = fax_extension(bench, machine)
    alice, bob, ok, _ = await bridged(bench)
    alice.in_dialog("INVITE", ok, 2, fax())
    bob.respond(await bob.next("BYE"), 200)
    assert described(await alice.next(200))[0] == "m=image PORT udptl t38"
    alice.in_dialog("ACK", ok, 2)
    assert len(came) == 1
    assert came[0].get_variable("FAXEXTEN") == "743"
    alice.in_dialog("INVITE", ok, 3, sdp(version=3))
    await alice.next(200)
    alice.in_dialog("ACK", ok, 3)
    await bench.until(lambda: machine.states == ["negotiated", "unknown"])


@on_bench
async def test_what_channel_says_of_it(bench: Bench) -> None:
    allow_fax(bench, "alice")
    machine = Machine(accepts=False)
    phone, ok, channels = await called(bench, machine)

    def state() -> Any:
        return channels[0].driver.channel_item("pjsip,t38state")

    assert state() == "DISABLED"
    phone.in_dialog("INVITE", ok, 2, fax())
    assert state() == "REMOTE_REINVITE"
    t38 = t38_of(channels[0])
    t38.refuse()
    await phone.next(488)
    assert state() == "REJECTED"
    waiting = asyncio.create_task(t38.request())
    invite = await phone.next("INVITE")
    assert state() == "LOCAL_REINVITE"
    phone.respond(invite, 200, body=fax())
    await waiting
    assert state() == "ENABLED"
