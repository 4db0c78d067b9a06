"""The manager's BlindTransfer, as recorded."""

from __future__ import annotations

import re
from typing import Any

from fake_manager import FakeCall
from fake_technology import FakeServer, settle
from local_kit import short
from transfer_kit import answers, connect, order, recorded, run, section, three, together

from asterism.core.commands import marks_of
from asterism.pbx.calls.transfers.actions import TransferActions

APART = ("VarSet", "NewAccountCode", "Newstate", "DeviceStateChange", "ExtensionStatus")
"""Told in the recorded call but not here, where nobody has an account, or from another thread."""


def actions(server: FakeServer) -> dict[str, Any]:
    holder = TransferActions()
    server.register_events = lambda *types: None
    holder.load(server)  # type: ignore[arg-type]
    return {found.name: method for found, method in marks_of(holder)}


def ask(server: FakeServer, **fields: str) -> tuple[str, str]:
    call = FakeCall(dict(fields))
    actions(server)["BlindTransfer"](call)
    assert call.answer is not None
    return call.answer


def test_the_peer_goes_to_the_extension() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["carol"] = answers
        alice, bob = await connect(server, "alice", "bob")
        response, message = ask(server, Channel=bob.name, Context="internal", Exten="6003")
        assert f"Response: {response}\nMessage: {message}" in section("AMI action BlindTransfer")
        await settle(40)
        assert together(alice, server.sip.made[-1])

    (event,) = run(scenario).fields("BlindTransfer")
    wanted = next(one for one in recorded("AMI BlindTransfer") if one["Event"] == "BlindTransfer")
    assert event["IsExternal"] == wanted["IsExternal"] == "Yes"


def test_the_order_of_events_is_the_recorded_one() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["carol"] = answers
        _, bob = await connect(server, "alice", "bob")
        begin = len(server.recorded)
        ask(server, Channel=bob.name, Context="internal", Exten="6003")
        await settle(60)
        server.kept = server.recorded[begin:]  # type: ignore[attr-defined]

    server: Any = run(scenario)
    ours = [(kind.name, short({key: str(value) for key, value in fields})) for kind, fields in server.kept]
    theirs = order("AMI BlindTransfer of bob's channel")
    assert [plain(one) for one in ours if one[0] not in APART] == [plain(one) for one in theirs if one[0] not in APART]


def plain(event: tuple[str, str]) -> str:
    name, who = event
    return re.sub(r"-[0-9a-f]{8}", "", f"{name} {who}").strip()


def test_what_is_wrong_with_the_request() -> None:
    async def scenario(server: FakeServer) -> None:
        answered = [ask(server, Channel="none", Exten="1"), ask(server)]
        assert answered == [("Error", "Channel specified does not exist"), ("Error", "No channel specified")]
        assert f"Message: {answered[0][1]}" in section("AMI action BlindTransfer errors")
        alice, bob = await connect(server, "alice", "bob")
        assert ask(server, Channel=bob.name) == ("Error", "No extension specified")
        assert ask(server, Channel=bob.name, Exten="999") == ("Error", "No such extension: 999@internal")
        alone = server.sip.incoming("carol", "600")
        server.pbx.start(alone)
        await settle(20)
        assert ask(server, Channel=alone.name, Exten="6003") == ("Error", "Channel is not bridged")
        assert together(alice, bob)

    run(scenario)


def test_transfer_context() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = await connect(server, "alice", "bob")
        bob.set_variable("TRANSFER_CONTEXT", "nowhere")
        assert ask(server, Channel=bob.name, Exten="6003") == ("Error", "No such extension: 6003@nowhere")
        assert together(alice, bob)

    run(scenario)


def test_who_waits_in_a_holding_bridge_transfers_nobody() -> None:
    async def scenario(server: FakeServer) -> None:
        from asterism.pbx.bridges.bridge import HOLDING, Bridge

        hall = Bridge(server.pbx, kind="base", uses=HOLDING, dissolve=False, permanent=True)
        waiting = [server.sip.incoming(phone, "600") for phone in ("alice", "bob")]
        for one in waiting:
            server.pbx.start(one)
        await settle(20)
        for one in waiting:
            hall.enter(one)
        assert ask(server, Channel=waiting[0].name, Exten="6003") == ("Error", "Transfer not permitted")
        hall.dismiss()

    run(scenario)


def test_several_parties() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["carol"] = answers
        alice, bob, dave = await three(server)
        assert ask(server, Channel=bob.name, Exten="6003") == ("Success", "Transfer succeeded")
        await settle(80)
        assert together(alice, dave, server.sip.made[-1])

    run(scenario)
