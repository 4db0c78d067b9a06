"""Two phones and the server between them, over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from asterism.testing import Phone, assert_idle, running_server, until

PJSIP = """
[101]
type=endpoint
direct_media=no
context=phones
aors=101
auth=101
allow=ulaw,alaw
callerid="Ann" <101>
[101]
type=auth
username=101
password=secret1
[101]
type=aor
max_contacts=1
[102]
type=endpoint
context=phones
aors=102
auth=102
allow=ulaw,alaw
[102]
type=auth
username=102
password=secret2
[102]
type=aor
max_contacts=1
"""

EXTENSIONS = """
[phones]
exten => 102,1,Dial(PJSIP/102,3)
 same => n,Hangup()
exten => 103,1,Dial(PJSIP/103,3)
 same => n,Hangup()
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Busy(3)
exten => 602,1,Congestion(3)
exten => 603,1,Progress()
 same => n,Wait(1)
 same => n,Hangup(1)
exten => _7XX,1,Hangup(${EXTEN:1})
"""

Scenario = Callable[[object, Phone, Phone], Awaitable[None]]


def run(scenario: Scenario, extensions: str = EXTENSIONS, pjsip: str = PJSIP) -> None:
    async def main() -> None:
        async with running_server({"pjsip.conf": pjsip, "extensions.conf": extensions}) as server:
            transport = server.sip.transports.transports["transport-udp"]
            address = (transport.host, transport.port)
            async with Phone("101", address, "secret1") as ann, Phone("102", address, "secret2") as bob:
                await ann.register()
                await bob.register()
                await scenario(server, ann, bob)
                await assert_idle(server)

    asyncio.run(main())


def test_they_hear_each_other_and_the_caller_hangs_up() -> None:
    async def scenario(server: object, ann: Phone, bob: Phone) -> None:
        call = await ann.dial("102")
        incoming = await bob.incoming()
        assert incoming.request.from_.display == "Ann"
        assert incoming.request.from_.uri.user == "101"
        incoming.ring()
        await call.ringing()
        incoming.answer()
        await call.answered()
        await incoming.answered()
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        await call.hangup()
        assert await incoming.ended() == "BYE received"

    run(scenario)


def test_the_called_one_hangs_up() -> None:
    async def scenario(server: object, ann: Phone, bob: Phone) -> None:
        call = await ann.dial("102")
        incoming = await bob.incoming()
        incoming.answer()
        await call.answered()
        await incoming.answered()
        await incoming.hangup()
        assert await call.ended() == "BYE received"

    run(scenario)


def test_offer_in_the_200() -> None:
    async def scenario(server: object, ann: Phone, bob: Phone) -> None:
        call = await ann.dial("102", offer=False)
        incoming = await bob.incoming()
        incoming.answer()
        await call.answered()
        call.play(440)
        await incoming.hears(440)
        await call.hangup()
        await incoming.ended()

    run(scenario)


def test_early_media() -> None:
    async def scenario(server: object, ann: Phone, bob: Phone) -> None:
        call = await ann.dial("102")
        incoming = await bob.incoming()
        incoming.ring(183, early_media=True)
        await call.ringing(183)
        incoming.play(660)
        await call.hears(660)
        incoming.answer()
        await call.answered()
        await call.hangup()
        await incoming.ended()

    run(scenario)


def test_cancel_while_ringing() -> None:
    async def scenario(server: object, ann: Phone, bob: Phone) -> None:
        call = await ann.dial("102")
        incoming = await bob.incoming()
        incoming.ring()
        await call.ringing()
        await call.cancel()
        assert call.status == 487
        assert await incoming.ended() == "cancelled"

    run(scenario)


@pytest.mark.parametrize(("status", "seen"), [(486, 486), (603, 403), (404, 404), (480, 480), (503, 503), (415, 500)])
def test_refusals_reach_the_caller_as_recorded(status: int, seen: int) -> None:
    async def scenario(server: object, ann: Phone, bob: Phone) -> None:
        call = await ann.dial("102")
        incoming = await bob.incoming()
        incoming.reject(status)
        assert await call.refused() == seen

    run(scenario)


def test_no_answer_cancels_the_called_one() -> None:
    async def scenario(server: object, ann: Phone, bob: Phone) -> None:
        call = await ann.dial("102")
        incoming = await bob.incoming()
        incoming.ring()
        assert await call.refused(timeout=10) == 603
        assert await incoming.ended() == "cancelled"

    run(scenario)


@pytest.mark.parametrize(
    ("number", "seen"),
    [("103", 404), ("999", 404), ("601", 486), ("602", 503), ("603", 404), ("717", 486), ("758", 488)],
)
def test_what_the_dial_plan_refuses(number: str, seen: int) -> None:
    async def scenario(server: object, ann: Phone, bob: Phone) -> None:
        call = await ann.dial(number)
        assert await call.refused(timeout=10) == seen
        if number == "603":
            assert call.provisional == [183]

    run(scenario)


def test_unregistered_phone_is_not_found() -> None:
    async def scenario(server: object, ann: Phone, bob: Phone) -> None:
        await bob.unregister()
        call = await ann.dial("102")
        assert await call.refused() == 404

    run(scenario)


def test_a_phone_that_has_gone_without_a_word_does_not_answer() -> None:
    async def scenario(server: object, ann: Phone, bob: Phone) -> None:
        bob.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", bob.port))
            call = await ann.dial("102")
            assert await call.refused(timeout=10) == 603

    run(scenario)


def test_hold_and_digits() -> None:
    async def scenario(server: object, ann: Phone, bob: Phone) -> None:
        call = await ann.dial("102")
        incoming = await bob.incoming()
        incoming.answer()
        await call.answered()
        await call.hold()
        assert call.remote_description is not None
        assert call.remote_description.direction == "recvonly"
        await call.unhold()
        assert call.remote_description.direction == "sendrecv"
        call.play(440)
        await incoming.hears(440)
        call.send_digits("5")
        await until(lambda: incoming.audio.digits == "5", 5, lambda: f"heard {incoming.audio.digits!r}")
        await call.hangup()
        await incoming.ended()

    run(scenario)


def test_echo() -> None:
    async def scenario(server: object, ann: Phone, bob: Phone) -> None:
        call = await ann.dial("600")
        await call.answered()
        call.play(523)
        await call.hears(523)
        await call.hangup()

    run(scenario)


def test_garbage_meanwhile_disturbs_nobody() -> None:
    async def scenario(server: object, ann: Phone, bob: Phone) -> None:
        call = await ann.dial("102")
        incoming = await bob.incoming()
        incoming.answer()
        await call.answered()
        bad = await ann.dial("102", offer=False)
        await bad.cancel() if not bad.over else None
        for body in (b"v=0\r\n\0\0", b"\xff" * 500, b"v=0\r\nm=audio 99999999 RTP/AVP 0\r\n"):
            response = await call.send("INVITE", body, "application/sdp")
            assert response.status in (400, 488)
        call.play(440)
        await incoming.hears(440)
        await call.hangup()
        await incoming.ended()

    run(scenario)
