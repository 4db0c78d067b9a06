"""``call-limit``, ``callcounter`` and ``busylevel``: calls that are refused, and the states of devices."""

from __future__ import annotations

import pytest
from sip_calls_kit import SIP, World, phones

from asterism.chan_sip.call_limits import Usage
from asterism.chan_sip.objects.peer import SipPeer
from asterism.chan_sip.technology import SipTechnology
from asterism.chan_sip.words import UNLIMITED
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.testing import Phone, PhoneCall, until


def usage(world: World, name: str) -> Usage:
    technology = world.server.pbx.technologies.get("SIP")
    assert isinstance(technology, SipTechnology)
    peer = world.server.data.get(SipPeer, name)
    assert isinstance(peer, SipPeer)
    return technology.limits.of(peer)


def state(world: World, name: str = "bob") -> DeviceState:
    return world.server.pbx.device_states.get(f"SIP/{name}")


async def connect(world: World, number: str = "6002", by: Phone | None = None) -> tuple[PhoneCall, PhoneCall]:
    call = await (by or world.ann).dial(number)
    incoming = await world.bob.incoming()
    incoming.ring()
    await call.ringing()
    incoming.answer()
    await call.answered()
    return call, incoming


async def test_a_peer_gets_no_more_calls_than_its_limit() -> None:
    """As recorded: DIALSTATUS=CHANUNAVAIL HANGUPCAUSE=17; the caller hears busy."""
    async with phones(bob_options="call-limit=2") as world:
        calls = [await connect(world), await connect(world)]
        assert usage(world, "bob") == Usage(2, 0, 0, 2)
        third = await world.ann.dial("6002")
        assert await third.refused() == 486
        assert world.dialled == [("CHANUNAVAIL", "17")]
        await calls[0][0].hangup()
        await calls[0][1].ended()
        calls.append(await connect(world))
        for call, incoming in calls[1:]:
            await call.hangup()
            await incoming.ended()
        await until(lambda: usage(world, "bob").in_use == 0)


async def test_a_call_that_fails_is_counted_no_more() -> None:
    async with phones(bob_options="call-limit=1") as world:
        for _ in range(3):
            call = await world.ann.dial("6002")
            incoming = await world.bob.incoming()
            assert usage(world, "bob") == Usage(1, 1, 0, 1)
            incoming.reject(480)
            await call.refused()
        call = await world.ann.dial("6002")
        await world.bob.incoming()
        await call.cancel()
        await until(lambda: usage(world, "bob").in_use == 0)


async def test_both_of_one_dial_are_counted() -> None:
    async with phones("exten => 700,1,Dial(SIP/bob&SIP/bob,30)\n", bob_options="call-limit=1") as world:
        call = await world.ann.dial("700")
        incoming = await world.bob.incoming()
        assert usage(world, "bob").in_use == 1
        assert len(world.bob.calls) == 1
        incoming.reject()
        assert await call.refused() == 486


async def test_the_limit_of_a_reload_holds_for_calls_from_then_on() -> None:
    async with phones(bob_options="call-limit=1") as world:
        call, incoming = await connect(world)
        path = world.folder / "sip.conf"
        path.write_text(path.read_text().replace("call-limit=1", "call-limit=2"))
        await world.server.reload()
        assert usage(world, "bob") == Usage(1, 0, 0, 2)
        second = await connect(world)
        path.write_text(path.read_text().replace("call-limit=2", "call-limit=1"))
        await world.server.reload()
        assert await (await world.ann.dial("6002")).refused() == 486
        for one, other in ((call, incoming), second):
            await one.hangup()
            await other.ended()


async def test_without_counter_calls_make_no_state() -> None:
    """As with chan_sip: a lamp follows calls only where these are counted."""
    async with phones(sip=SIP.replace("callcounter=yes\n", "")) as world:
        call, incoming = await connect(world)
        assert state(world) is DeviceState.NOT_INUSE
        assert usage(world, "bob") == Usage(1, 0, 0, 0)
        await call.hangup()
        await incoming.ended()


async def test_states_follow_the_calls() -> None:
    async with phones(bob_options="busylevel=2") as world:
        told: list[DeviceState] = []
        world.server.pbx.device_states.watch("SIP/bob", lambda _device, state: told.append(state))
        assert state(world) is DeviceState.NOT_INUSE
        call = await world.ann.dial("6002")
        incoming = await world.bob.incoming()
        assert state(world) is DeviceState.RINGING  # before the phone says so
        assert usage(world, "bob") == Usage(1, 1, 0, UNLIMITED)
        incoming.answer()
        await call.answered()
        await until(lambda: state(world) is DeviceState.INUSE)
        second = await world.ann.dial("6002")
        ringing = await world.bob.incoming()
        assert state(world) is DeviceState.RINGINUSE
        ringing.answer()
        await second.answered()
        await until(lambda: state(world) is DeviceState.BUSY)
        await second.hangup()
        await ringing.ended()
        await until(lambda: state(world) is DeviceState.INUSE)
        await incoming.hold()
        await until(lambda: state(world) is DeviceState.ONHOLD)
        assert usage(world, "bob") == Usage(1, 0, 1, UNLIMITED)
        await incoming.unhold()
        await until(lambda: state(world) is DeviceState.INUSE)
        await call.hangup()
        await incoming.ended()
        await until(lambda: told[-1:] == [DeviceState.NOT_INUSE])
        busy = [DeviceState.RINGINUSE, DeviceState.BUSY, DeviceState.INUSE, DeviceState.ONHOLD, DeviceState.INUSE]
        assert told == [DeviceState.RINGING, DeviceState.INUSE, *busy, DeviceState.NOT_INUSE]


@pytest.mark.parametrize("limit", ["1", "2"])
async def test_calls_of_a_peer_are_refused_as_well(limit: str) -> None:
    async with phones(bob_options=f"call-limit={limit}") as world:
        calls = [await world.bob.dial("600") for _ in range(int(limit))]
        for call in calls:
            await call.answered()
        assert await (await world.bob.dial("600")).refused() == 480
        for call in calls:
            await call.hangup()


@pytest.mark.parametrize("by_bob", [False, True])
async def test_a_blind_transfer_goes_on_counting_who_is_still_there(by_bob: bool) -> None:
    async with phones(bob_options="call-limit=1") as world:
        call, incoming = await connect(world, by=world.alice)
        who = incoming if by_bob else call
        assert (await who.refer(f"<{who.phone.uri('101')}>")).status == 202
        third = await world.ann.incoming()
        third.answer()
        await third.answered()
        if not who.over:
            await who.hangup()
        await until(lambda: usage(world, "bob").in_use == (0 if by_bob else 1))
        another = await world.alice.dial("6002")
        if by_bob:
            (await world.bob.incoming()).reject(480)
            assert await another.refused() == 480
        else:
            assert await another.refused() == 486
            assert len(world.bob.calls) == 1
        await third.hangup()
        await (call if by_bob else incoming).ended()
        await until(lambda: usage(world, "bob").in_use == 0)


async def test_a_blind_transfer_to_a_peer_at_its_limit_is_refused() -> None:
    async with phones(bob_options="call-limit=1") as world:
        call, incoming = await connect(world, by=world.alice)
        first = await world.alice.dial("101")
        second = await world.ann.incoming()
        second.answer()
        await first.answered()
        await second.answered()
        assert (await first.refer(f"<{world.alice.uri('6002')}>")).status == 202
        await until(lambda: world.dialled == [("CHANUNAVAIL", "17")], what=lambda: str(world.dialled))
        await second.ended()
        assert len(world.bob.calls) == 1
        assert usage(world, "bob").in_use == 1
        if not first.over:
            await first.hangup()
        await call.hangup()
        await incoming.ended()
