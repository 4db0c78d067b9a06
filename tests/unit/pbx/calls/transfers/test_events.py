"""The fields of the events, in the recorded order, and those of each kind of destination."""

from __future__ import annotations

from fake_technology import FakeServer
from transfer_kit import connect, recorded, run

from asterism.pbx.calls.transfers import events
from asterism.pbx.calls.transfers.results import TransferResult


def test_blind_transfer() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await connect(server, "alice", "bob")
        assert alice.bridge is not None
        events.tell_blind(TransferResult.SUCCESS, bob, alice, alice.bridge, True, "internal", "6003")

    (event,) = run(scenario).fields("BlindTransfer")
    wanted = next(one for one in recorded("AMI BlindTransfer") if one["Event"] == "BlindTransfer")
    assert ["Event", "Privilege", *event] == list(wanted)
    assert (event["IsExternal"], event["Extension"]) == (wanted["IsExternal"], wanted["Extension"])


def test_attended_transfer_tells_what_was_when_it_was_taken_down() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await connect(server, "alice", "bob")
        who = events.parties(alice, alice, bob, None)
        alice.exten = "changed"
        assert alice.bridge is not None
        for destination in (
            events.to_bridge(alice.bridge),
            events.to_application("VoiceMail"),
            events.to_threeway(alice.bridge, alice),
            events.to_link(alice, bob),
            list(events.NOWHERE),
        ):
            events.tell_attended(TransferResult.SUCCESS, who, destination)

    told = run(scenario).fields("AttendedTransfer")
    assert [event["DestType"] for event in told] == ["Bridge", "App", "Threeway", "Link", "Fail"]
    assert {event["OrigTransfererExten"] for event in told} == {"6002"}
    assert told[1]["DestApp"] == "VoiceMail"
    assert told[2]["DestTransfererChannel"] == told[2]["OrigTransfererChannel"]
    assert "TransferTargetChannel" not in told[0]
