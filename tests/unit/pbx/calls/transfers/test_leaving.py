"""The legs of those who transfer."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, settle
from transfer_kit import connect, hung_up, run

from asterism.pbx.calls.transfers.leaving import occupy, release
from asterism.pbx.channels.channel import Channel


@pytest.mark.parametrize("by_caller", [True, False])
def test_a_leg_is_released_whatever_its_dialplan_would_do_next(by_caller: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        server.dialplan(("603", 1, "Dial", "PJSIP/bob,20,g"), ("603", 2, "Wait", "3000"))
        server.pbx.dialplan.remove_extension("internal", "6002", 1)
        server.dialplan(("6002", 1, "Dial", "PJSIP/bob,20,g"), ("6002", 2, "Wait", "3000"))
        pair = await connect(server, "alice", "bob")
        leaver = pair[0] if by_caller else pair[1]
        release(leaver)
        await settle(40)
        assert hung_up(leaver)
        assert leaver.hangup_cause == 16

    run(scenario)


@pytest.mark.parametrize("by_caller", [True, False])
def test_a_leg_is_busy_with_something_else_and_ends(by_caller: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        pair = await connect(server, "alice", "bob")
        one = pair[0] if by_caller else pair[1]
        seen: list[Channel] = []

        async def body(channel: Channel) -> None:
            assert channel.bridge is None
            seen.append(channel)
            await channel.park()

        occupy(one, body)
        await settle(40)
        assert seen == [one]
        assert one.alive
        one.wake()
        await settle(40)
        assert hung_up(one)
        assert one.hangup_cause == 16

    run(scenario)
