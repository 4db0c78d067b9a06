"""The manager brings calls together: Bridge, BridgeInfo, BridgeKick, BridgeDestroy, Redirect of both legs."""

from __future__ import annotations

import pytest
from call_kit import two_phones
from manager_kit import MANAGER, Manager, manager

from asterism.testing import until

EXTENSIONS = """
[phones]
exten => 700,1,Answer(,i)
 same => n,Wait(60)
 same => n,NoOp(went on)
 same => n,Wait(60)
exten => 102,1,Dial(PJSIP/102,30)
exten => 600,1,Answer()
 same => n,Echo()
"""
FILES = {"manager.conf": MANAGER, "extensions.conf": EXTENSIONS}


async def names(client: Manager) -> list[str]:
    return [item["Channel"] for item in (await client.list("CoreShowChannels"))[:-1]]


async def test_two_calls_are_bridged_hear_each_other_and_go_on() -> None:
    async with two_phones(FILES) as world, manager(world.server) as client:
        first = await world.ann.dial("700")
        await first.answered()
        second = await world.bob.dial("700")
        await second.answered()
        ann, bob = await names(client)
        response = await client.action("Bridge", Channel1=ann, Channel2=bob, Tone="no")
        assert response.text.endswith("Message: Channels have been bridged")
        created = await client.event("BridgeCreate")
        await client.event("BridgeEnter", Channel=bob)
        order = [event["Event"] for event in client.events if event["Event"].startswith("Bridge")]
        assert order == ["BridgeCreate", "BridgeEnter", "BridgeEnter"]
        first.play(440)
        second.play(660)
        await second.hears(440)
        await first.hears(660)

        (shown, complete) = await client.list("BridgeList")
        assert shown["BridgeUniqueid"] == complete.get("BridgeUniqueid", created["BridgeUniqueid"])
        *members, info = await client.list("BridgeInfo", BridgeUniqueid=created["BridgeUniqueid"])
        assert [member["Channel"] for member in members] == [ann, bob]
        assert info["BridgeNumChannels"] == "2"

        await second.hangup()
        await client.event("Newexten", Channel=ann, AppData="went on")
        await first.hangup()


async def test_a_called_leg_can_be_bridged_and_ends_with_the_bridge() -> None:
    """Bob's leg of Ann's call has no dialplan of its own: it leaves Ann, whose Dial then is over."""
    async with two_phones(FILES) as world, manager(world.server) as client:
        call, incoming = await world.connect("102")
        third = await world.ann.dial("700")
        await third.answered()
        caller, called, other = await names(client)
        response = await client.action("Bridge", Channel1=called, Channel2=other)
        assert response["Response"] == "Success"
        assert await call.ended() == "BYE received"
        assert caller not in await names(client)
        third.play(440)
        await incoming.hears(440)
        await third.hangup()
        assert await incoming.ended() == "BYE received"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Channel1": "x"}, "Missing channel parameter in request"),
        ({"Channel1": "x", "Channel2": "y"}, "Channel1 does not exist: x"),
    ],
)
async def test_what_cannot_be_bridged(fields: dict[str, str], message: str) -> None:
    async with two_phones(FILES, register=False) as world, manager(world.server) as client:
        response = await client.action("Bridge", **fields)
        assert (response["Response"], response["Message"]) == ("Error", message)


async def test_one_who_hangs_up_before_the_bridge_does_not_take_the_other_along() -> None:
    async with two_phones(FILES) as world, manager(world.server) as client:
        first = await world.ann.dial("700")
        await first.answered()
        second = await world.bob.dial("700")
        await second.answered()
        ann, bob = world.server.pbx.channels
        bob.soft_hangup()
        response = await client.action("Bridge", Channel1=ann.name, Channel2=bob.name)
        assert response["Message"] == f"Channel2 does not exist: {bob.name}"
        assert await second.ended() == "BYE received"
        assert await names(client) == [ann.name]
        await first.hangup()


@pytest.mark.parametrize("how", ["BridgeKick", "BridgeDestroy", "kick"])
async def test_a_bridge_is_ended(how: str) -> None:
    async with two_phones(FILES) as world, manager(world.server) as client:
        call, incoming = await world.connect("102")
        _, called = await names(client)
        uniqueid = next(iter(world.server.pbx.bridges))
        if how == "BridgeKick":
            assert (await client.action(how, Channel=called))["Message"] == "Channel has been kicked"
        elif how == "BridgeDestroy":
            assert (await client.action(how, BridgeUniqueid=uniqueid))["Response"] == "Success"
        else:
            line = f"bridge {how} {uniqueid}" + (f" {called}" if how == "kick" else "")
            assert (await client.action("Command", Command=line))["Response"] == "Success"
        await call.ended()
        await incoming.ended()
        await until(lambda: not world.server.pbx.bridges)


async def test_both_legs_are_redirected() -> None:
    async with two_phones(FILES) as world, manager(world.server) as client:
        call, incoming = await world.connect("102")
        caller, called = await names(client)
        response = await client.action(
            "Redirect", Channel=caller, ExtraChannel=called, Context="phones", Exten="700", Priority="1"
        )
        assert response["Message"] == "Dual Redirect successful"
        await client.event("Newexten", Channel=caller, Exten="700", Application="Wait")
        await client.event("Newexten", Channel=called, Exten="700", Application="Wait")
        assert world.server.pbx.active_calls == 2
        await call.hangup()
        await incoming.hangup()


async def test_actions_on_a_channel() -> None:
    async with two_phones(FILES) as world, manager(world.server) as client:
        call = await world.ann.dial("700")
        await call.answered()
        (name,) = await names(client)
        assert (await client.action("PlayDTMF", Channel=name, Digit="5"))["Message"] == "DTMF successfully queued"
        await client.event("DTMFEnd", Digit="5", Direction="Sent")
        await client.action("PlayDTMF", Channel=name, Digit="#", Receive="true")
        await client.event("DTMFEnd", Digit="#", Direction="Received")
        assert (await client.action("PlayDTMF", Channel=name, Digit="x"))["Response"] == "Error"
        assert (await client.action("AbsoluteTimeout", Channel=name, Timeout="1"))["Message"] == "Timeout Set"
        assert (await client.action("AbsoluteTimeout", Channel="x", Timeout="1"))["Message"] == "No such channel"
        assert await call.ended() == "BYE received"
