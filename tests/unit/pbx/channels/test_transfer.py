"""The order that a driver gets to send its far end elsewhere: the first outcome counts, and what it says."""

from __future__ import annotations

from typing import Any

import pytest
from dial_kit import run
from fake_technology import FakeServer, settle

from asterism.pbx.channels.transfer import TransferOrder, Transferred, TransferStatus, transfer


def channel_of(server: FakeServer) -> Any:
    return server.sip.incoming("alice", "7900")


def test_only_the_first_outcome_counts() -> None:
    async def scenario(server: FakeServer) -> None:
        order = TransferOrder(channel_of(server), ("6001",))
        order.done(486)
        order.done(200)
        assert order.result == Transferred(TransferStatus.FAILURE, 486)

    run(scenario)


@pytest.mark.parametrize(
    ("code", "status", "good", "protocol"),
    [
        (200, None, True, 0),
        (302, None, True, 0),
        (404, None, False, 404),
        (0, TransferStatus.UNSUPPORTED, False, 0),
        (202, TransferStatus.FAILURE, False, 202),
    ],
)
def test_what_a_code_means(code: int, status: TransferStatus | None, good: bool, protocol: int) -> None:
    async def scenario(server: FakeServer) -> None:
        order = TransferOrder(channel_of(server), ("6001",))
        order.done(code, status)
        assert order.result is not None
        assert (bool(order.result), order.result.protocol, order.result.code) == (good, protocol, code)

    run(scenario)


def test_progress_is_told_until_the_outcome_and_a_listener_that_fails_harms_nobody() -> None:
    heard: list[int] = []

    def hear(code: int) -> None:
        heard.append(code)
        raise RuntimeError("of the listener")

    async def scenario(server: FakeServer) -> None:
        order = TransferOrder(channel_of(server), ("6001",), heard=hear)
        order.progress(100)
        order.progress(180)
        order.done(200)
        order.progress(183)

    run(scenario)
    assert heard == [100, 180]


def test_whoever_waits_goes_on_with_the_outcome() -> None:
    results: list[Transferred] = []

    async def scenario(server: FakeServer) -> None:
        alice = channel_of(server)

        @server.pbx.extension("internal", "7900")
        async def code(channel: Any) -> None:
            results.append(await transfer(channel, "6001"))

        server.pbx.start(alice)
        await settle()
        assert not results
        (order,) = [entry[1] for entry in alice.driver.log if entry[0] == "transfer"]
        order.done(603)
        await settle()

    run(scenario)
    assert results == [Transferred(TransferStatus.FAILURE, 603)]


def test_a_transfer_without_destination_is_a_mistake_and_to_another_technology_fails() -> None:
    results: list[object] = []

    async def scenario(server: FakeServer) -> None:
        alice = channel_of(server)

        @server.pbx.extension("internal", "7900")
        async def code(channel: Any) -> None:
            for destinations in ((), ("",), ("PJSIP/ ",)):
                with pytest.raises(ValueError, match="destination"):
                    await transfer(channel, *destinations)
            results.append(await transfer(channel, "Local/6001"))

        server.pbx.start(alice)
        await settle()
        assert not [entry for entry in alice.driver.log if entry[0] == "transfer"]

    run(scenario)
    assert results == [Transferred(TransferStatus.FAILURE, 416)]
