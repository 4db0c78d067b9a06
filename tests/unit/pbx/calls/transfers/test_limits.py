"""Loops of transfers end."""

from __future__ import annotations

from fake_technology import FakeServer, settle
from transfer_kit import answers, connect, run, together

from asterism.pbx.calls.transfers.blind import blind
from asterism.pbx.calls.transfers.limits import MAX_TRANSFERS, WINDOW, allow
from asterism.pbx.calls.transfers.results import TransferResult


def test_a_call_that_is_transferred_again_and_again_ends_it() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["carol"] = server.sip.scripts["bob"] = answers
        alice, peer = await connect(server, "alice", "bob")
        for count in range(MAX_TRANSFERS):
            assert blind(peer, "internal", "6003" if count % 2 else "6002") is TransferResult.SUCCESS
            await settle(40)
            peer = server.sip.made[-1]
        assert blind(peer, "internal", "6003") is TransferResult.FAIL
        await settle()
        assert together(peer, alice)

    run(scenario)


def test_after_a_while_it_may_be_transferred_again() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "600")
        now = server.pbx.loop.time()
        alice.data["transfers"] = (now - WINDOW + 1, MAX_TRANSFERS)
        assert not allow(alice)
        alice.data["transfers"] = (now - WINDOW, MAX_TRANSFERS)
        assert allow(alice)
        server.pbx.start(alice)
        await settle(20)

    run(scenario)
