"""Two simulated phones call each other without a server between them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from asterism.stack.transactions.config import TimerConfig
from asterism.testing import Phone, PhoneError


@asynccontextmanager
async def two_phones(**options):
    async with (
        Phone("bob", ("127.0.0.1", 9), **options) as bob,
        Phone("ann", ("127.0.0.1", bob.port), **options) as ann,
    ):
        bob.server = ("127.0.0.1", ann.port)
        yield ann, bob


async def establish(ann, bob, **options):
    call = await ann.dial("bob", **options)
    incoming = await bob.incoming()
    incoming.ring()
    await call.ringing()
    incoming.answer()
    await call.answered()
    await incoming.answered()
    return call, incoming


@pytest.mark.parametrize("offer", [True, False])
def test_a_call_with_sound_both_ways(offer):
    async def main():
        async with two_phones() as (ann, bob):
            call, incoming = await establish(ann, bob, offer=offer)
            call.play(440)
            incoming.play(660)
            await incoming.hears(440)
            await call.hears(660)
            with pytest.raises(PhoneError, match="440 Hz"):
                await call.hears(440, timeout=0.5)
            await call.hangup()
            assert await incoming.ended() == "BYE received"
            assert call.end == "BYE sent"

    asyncio.run(main())


def test_the_called_side_hangs_up():
    async def main():
        async with two_phones() as (ann, bob):
            call, incoming = await establish(ann, bob)
            await incoming.hangup()
            assert await call.ended() == "BYE received"

    asyncio.run(main())


@pytest.mark.parametrize("status", [486, 603, 480])
def test_refused(status):
    async def main():
        async with two_phones() as (ann, bob):
            call = await ann.dial("bob")
            (await bob.incoming()).reject(status)
            assert await call.refused() == status
            with pytest.raises(PhoneError, match=str(status)):
                await call.answered()

    asyncio.run(main())


def test_cancelled():
    async def main():
        async with two_phones() as (ann, bob):
            call = await ann.dial("bob")
            incoming = await bob.incoming()
            incoming.ring()
            await call.ringing()
            await call.cancel()
            assert (call.status, call.end) == (487, "cancelled")
            assert await incoming.ended() == "cancelled"

    asyncio.run(main())


def test_early_media():
    async def main():
        async with two_phones() as (ann, bob):
            call = await ann.dial("bob")
            incoming = await bob.incoming()
            incoming.ring(183, early_media=True)
            await call.ringing(183)
            incoming.play(480, 620)
            await call.hears(480, 620)
            assert not call.established

    asyncio.run(main())


def test_hold_and_digits():
    async def main():
        async with two_phones() as (ann, bob):
            call, incoming = await establish(ann, bob)
            call.send_digits("12#")
            await incoming.audio.hears_digits("12#")
            call.play(440)
            await incoming.hears(440)
            await call.hold()
            assert incoming.remote_description.direction == "sendonly"
            assert call.remote_description.direction == "recvonly"
            await incoming.audio.hears_nothing()
            await call.unhold()
            await incoming.hears(440)
            await call.hangup()

    asyncio.run(main())


def test_nobody_answers_the_request():
    async def main():
        async with Phone("ann", ("127.0.0.1", 9), timers=TimerConfig(t1=0.005)) as ann:
            with pytest.raises(PhoneError, match="REGISTER was not answered"):
                await ann.register()
            call = await ann.dial("x")
            assert await call.refused() in (408, 503)

    asyncio.run(main())


def test_requests_outside_a_call():
    async def main():
        async with two_phones() as (ann, bob):
            for method, status in (("OPTIONS", 200), ("MESSAGE", 200), ("SUBSCRIBE", 405)):
                request = ann.create_request(method, ann.uri("bob"))
                assert (await ann.request(request)).status == status
            with pytest.raises(PhoneError, match="no call"):
                await bob.incoming(timeout=0.05)

    asyncio.run(main())


def test_nothing_is_left_open():
    async def main():
        loop = asyncio.get_running_loop()
        async with two_phones() as (ann, bob):
            await establish(ann, bob)
        assert not loop._selector.get_map() or len(loop._selector.get_map()) == 1  # type: ignore[attr-defined]  # the loop's own pipe
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
