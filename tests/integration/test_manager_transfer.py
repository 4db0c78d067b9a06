"""BlindTransfer: the peer goes on elsewhere, the channel leaves."""

from __future__ import annotations

import re

import pytest
from call_kit import two_phones
from manager_kit import MANAGER, RECORD, manager

EXTENSIONS = """
[phones]
exten => 102,1,Dial(PJSIP/102,30,g)
 same => n,UserEvent(WentOn)
exten => 600,1,Answer()
 same => n,Echo()
[other]
exten => 601,1,Echo()
"""
FILES = {"manager.conf": MANAGER, "extensions.conf": EXTENSIONS}


def recorded_fields() -> list[str]:
    text = (RECORD / "ami_events_call.txt").read_text()
    found = re.search(r"^Event: BlindTransfer\n(.+?)\n\n", text, re.M | re.S)
    assert found is not None
    return ["Event", *(line.partition(":")[0] for line in found.group(1).splitlines())]


@pytest.mark.parametrize("by_caller", [True, False])
async def test_the_peer_goes_to_the_extension_and_the_channel_is_hung_up(by_caller: bool) -> None:
    async with two_phones(FILES) as world, manager(world.server) as client:
        call, incoming = await world.connect()
        names = {one.device: one.name for one in world.server.pbx.channels}
        leaves, stays = ("PJSIP/101", "PJSIP/102") if by_caller else ("PJSIP/102", "PJSIP/101")
        leaver, stayer = (call, incoming) if by_caller else (incoming, call)
        context = {} if by_caller else {"Context": "other"}
        exten = "600" if by_caller else "601"
        if by_caller:
            # The called channel's own place is the dialplan's; the caller's context is the default.
            assert world.server.pbx.channels.get(names[leaves]).context == "phones"
        response = await client.action("BlindTransfer", Channel=names[leaves], Exten=exten, **context)
        assert response["Response"] == "Success", response.text
        event = await client.event("BlindTransfer")
        assert [name for name, _ in event.pairs] == recorded_fields()
        told = [event[name] for name in ("Result", "TransfererChannel", "TransfereeChannel", "BridgeNumChannels")]
        assert told == ["Success", names[leaves], names[stays], "2"]
        assert (event["Context"], event["Extension"]) == (context.get("Context", "phones"), exten)
        await leaver.ended()
        await client.event("Hangup", Channel=names[leaves])
        # As recorded: the first Newexten there still has the application that the channel leaves.
        await client.event(
            "Newexten", Channel=names[stays], Exten=exten, Application="AppDial" if by_caller else "Dial"
        )
        stayer.play(440)
        await stayer.hears(440)
        (channel,) = world.server.pbx.channels
        assert channel.get_variable("BLINDTRANSFER") == names[leaves]
        await stayer.hangup()
        assert not [one for one in client.events if one["Event"] == "UserEvent"]


async def test_what_cannot_be_transferred() -> None:
    async with two_phones(FILES) as world, manager(world.server) as client:
        assert (await client.action("BlindTransfer", Exten="600"))["Message"] == "No channel specified"
        assert (await client.action("BlindTransfer", Channel="x"))["Message"] == "No extension specified"
        assert (await client.action("BlindTransfer", Channel="x", Exten="600"))["Message"] == (
            "Channel specified does not exist"
        )
        alone = await world.ann.dial("600")
        await alone.answered()
        (channel,) = world.server.pbx.channels
        response = await client.action("BlindTransfer", Channel=channel.name, Exten="600")
        assert (response["Response"], response["Message"]) == ("Error", "Channel is not bridged")
        await alone.hangup()
        call, incoming = await world.connect()
        caller = next(one for one in world.server.pbx.channels if one.device == "PJSIP/101")
        response = await client.action("BlindTransfer", Channel=caller.name, Exten="999")
        assert (response["Response"], response["Message"]) == ("Error", "No such extension: 999@phones")
        call.play(440)
        await incoming.hears(440)
        await call.hangup()
        await incoming.ended()
