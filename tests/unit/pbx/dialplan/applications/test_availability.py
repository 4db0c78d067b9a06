"""ChanIsAvail."""

from __future__ import annotations

from typing import Any

import pytest
from fake_technology import FakeServer, run, settle

from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.availability import Availability
from asterism.pbx.vocabulary.controls import ChannelState


async def asked(server: FakeServer, alice: Channel, args: str) -> list[str]:
    module = Availability()
    module.pbx = server.pbx
    await module.chan_is_avail(alice, args)
    return [alice.variables[f"AVAIL{name}"] for name in ("CHAN", "ORIGCHAN", "STATUS", "CAUSECODE")]


def test_the_first_that_can_be_called_is_told_and_not_called() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        found = await asked(server, alice, "PJSIP/nosuch&PJSIP/bob&PJSIP/alice")
        (made,) = server.sip.made
        assert found == [made.name, "PJSIP/bob", "0", "0"]
        assert made.linkedid == alice.linkedid
        await settle()
        assert made.dead
        driver: Any = made.driver
        assert [entry[0] for entry in driver.log] == ["hangup"]
        assert server.names("VarSet", "Newstate", "DeviceStateChange") == [
            "Newchannel",
            "Newchannel",
            "HangupRequest",
            "Hangup",
        ]
        assert server.fields("Hangup")[0]["Cause-txt"] == "Call Rejected"

    run(scenario)


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        ("PJSIP/nosuch", ["", "", "0", "3"]),
        ("Nothing/bob", ["", "", "0", "66"]),
        ("", ["", "", "0", "0"]),
        ("PJSIP/bob,s", ["", "", "2", "0"]),
        ("PJSIP/bob,t", ["", "", "2", "0"]),
        ("PJSIP/carol,s", ["", "", "4", "0"]),
        ("PJSIP/carol,t", ["", "", "0", "3"]),
    ],
)
def test_none_is_available(args: str, wanted: list[str]) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        server.sip.incoming("bob", "1").set_state(ChannelState.UP)
        assert await asked(server, alice, args) == wanted
        assert server.sip.made == []

    run(scenario)


def test_all_are_told_with_option_a() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        found = await asked(server, alice, "PJSIP/bob&PJSIP/no&PJSIP/bob,sa")
        assert found == ["&".join(one.name for one in server.sip.made), "PJSIP/bob&PJSIP/bob", "1&1", "0"]
        await settle()
        assert all(one.dead for one in server.sip.made)
        await asked(server, alice, "PJSIP/bob,q")  # an unknown letter is told, and the rest is done
        assert len(server.sip.made) == 3

    run(scenario)
