"""A call that rings, and a phone that picks it up."""

from __future__ import annotations

from typing import Any

from dial_kit import dialling
from dial_kit import run as run_call
from fake_technology import FakeServer, settle

from asterism.pbx.channels.channel import Channel
from asterism.pbx.dialplan.applications.pickup import PickupApplications
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.marks import register_marked
from asterism.pbx.vocabulary.party import PartyId


def run(scenario: Any) -> FakeServer:
    applications = PickupApplications()

    async def with_applications(server: FakeServer) -> None:
        applications.pbx = server.pbx
        register_marked(server.pbx, applications)
        for number, name in enumerate(("carol", "dave"), 3):
            server.sip.phones[name] = PartyId(f"600{number}", name.capitalize())
        await scenario(server)

    return run_call(with_applications)


async def ringing(server: FakeServer, args: str = "PJSIP/bob,20") -> tuple[Channel, Channel]:
    alice = await dialling(server, args)
    bob = server.sip.made[0]
    bob.queue_control(Control.RINGING)
    return alice, bob


async def picker(server: FakeServer, args: str, application: str = "Pickup", **groups: object) -> Channel:
    server.dialplan(("7500", 1, application, args), ("7500", 2, "Echo", ""))
    carol = server.sip.incoming("carol", "7500")
    for name, value in groups.items():
        setattr(carol, name, value)
    server.pbx.start(carol)
    await settle()
    return carol
