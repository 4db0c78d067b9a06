"""A call goes the same way whether anybody listens to its events or not."""

from __future__ import annotations

import asyncio
from typing import Any

from fake_technology import FakeServer, FakeStream, settle

from asterism.media.formats import ULAW
from asterism.pbx.channels.channel import Channel
from asterism.pbx.vocabulary.controls import Control

_VARYING = frozenset({"ANSWEREDTIME_MS", "DIALEDTIME_MS", "RINGTIME_MS"})


def _told(channel: Channel) -> dict[str, Any]:
    """What a channel has become, and what its far end was told."""
    return {
        "name": channel.name,
        "state": channel.state,
        "place": (channel.context, channel.exten, channel.priority, channel.application),
        "parties": (channel.caller, channel.connected),
        "accounts": (channel.accountcode, channel.peeraccount),
        "calls": (channel.callid, channel.linkedid.partition(".")[2]),
        "variables": [(name, "" if name in _VARYING else value) for name, value in channel.variables.items()],
        "driver": list(channel.driver.log),  # type: ignore[attr-defined]
        "ended": (channel.alive, channel.dead, channel.hangup_cause, channel.bridge),
    }


def _call(*, heard: bool) -> list[list[dict[str, Any]]]:
    """One call, rung, answered, ended by the caller: both channels at each stage."""
    stages: list[list[dict[str, Any]]] = []

    async def main() -> None:
        server = FakeServer()
        if heard:
            server.record()
        server.sip.stream = lambda: FakeStream(ULAW)
        server.dialplan(("1", 1, "Dial", "PJSIP/bob,20"))
        alice = server.sip.incoming("alice", "1", accountcode="acct")
        alice.set_variable("_ONCE", "inherited")
        server.pbx.start(alice)
        await settle()
        (bob,) = server.sip.made

        def look() -> None:
            stages.append([_told(alice), _told(bob)])

        look()
        bob.queue_control(Control.RINGING)
        await settle()
        look()
        bob.queue_control(Control.ANSWER)
        await settle()
        look()
        assert alice.bridge is bob.bridge is not None
        assert bob.variables["BRIDGEPEER"] == alice.name
        stages[-1] = [{**each, "ended": None} for each in stages[-1]]  # the bridge is another object each time
        alice.queue_hangup(16)
        await settle()
        look()
        assert "BRIDGEPEER" not in bob.variables
        assert not server.pbx.bridges
        assert len(server.pbx.channels) == 0
        assert bool(server.recorded) is heard

    asyncio.run(main())
    return stages


def test_listening_changes_nothing() -> None:
    assert _call(heard=True) == _call(heard=False)
