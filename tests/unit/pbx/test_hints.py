"""Device states from channels, and what several devices of a hint amount to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_technology import FakeServer, settle

from asterism.pbx.channels.technology import ChannelRequest
from asterism.pbx.states.hints import STATE_TEXTS, ExtensionState, Watched, extension_state
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.pbx.vocabulary.device_state import DeviceState, parse_device_state

NAMES = {
    "Idle": DeviceState.NOT_INUSE, "InUse": DeviceState.INUSE, "Busy": DeviceState.BUSY,
    "Unavailable": DeviceState.UNAVAILABLE, "Invalid": DeviceState.INVALID, "Ringing": DeviceState.RINGING,
    "RingInUse": DeviceState.RINGINUSE, "Hold": DeviceState.ONHOLD,
}  # fmt: skip


@pytest.mark.parametrize(
    ("pair", "result"),
    [
        ("Idle Idle", "Idle"), ("Idle InUse", "InUse"), ("Idle Busy", "Busy"), ("InUse Busy", "Busy"),
        ("Busy Busy", "Busy"), ("Unavailable Busy", "Busy"), ("Idle Unavailable", "Idle"), ("Idle Invalid", "Idle"),
        ("Idle Ringing", "Ringing"), ("Unavailable Ringing", "Ringing"), ("Ringing Ringing", "Ringing"),
        ("InUse Ringing", "InUse&Ringing"), ("Busy Ringing", "InUse&Ringing"), ("Hold Ringing", "InUse&Ringing"),
        ("Idle RingInUse", "InUse&Ringing"), ("Busy RingInUse", "InUse&Ringing"), ("Idle Hold", "Hold"),
        ("Unavailable Hold", "Hold"), ("Hold Hold", "Hold"), ("InUse Hold", "InUse"), ("Busy Hold", "Busy"),
        ("Unavailable Unavailable", "Unavailable"), ("Unavailable Invalid", "Unavailable"),
    ],
)  # fmt: skip
def test_pairs_as_recorded(pair: str, result: str) -> None:
    states = [NAMES[name] for name in pair.split()]
    assert STATE_TEXTS[extension_state(states)] == STATE_TEXTS[extension_state(states[::-1])] == result


def run(scenario: Any) -> None:
    async def main() -> None:
        server = FakeServer()
        server.pbx.dialplan.add_extension(server.owner, "hints", "6001", -1, "PJSIP/alice", "")
        server.pbx.dialplan.add_extension(server.owner, "hints", "6050", -1, "PJSIP/alice&PJSIP/bob", "")
        server.pbx.dialplan.add_extension(server.owner, "hints", "_61XX", -1, "PJSIP/x${EXTEN}", "")
        server.record()
        await scenario(server)
        for channel in server.pbx.channels:
            channel.hang_up()
        await settle()

    asyncio.run(main())


def test_states_follow_the_calls() -> None:
    async def scenario(server: FakeServer) -> None:
        bob = server.sip.request(ChannelRequest("bob"))
        bob.queue_control(Control.RINGING)
        await settle()
        alice = server.sip.incoming("alice", "1")
        await settle()
        bob.queue_control(Control.ANSWER)
        await settle()
        alice.hang_up()
        bob.hang_up()
        await settle()
        assert [(e["Device"], e["State"]) for e in server.fields("DeviceStateChange")] == [
            ("PJSIP/bob", "RINGING"), ("PJSIP/alice", "INUSE"), ("PJSIP/bob", "INUSE"),
            ("PJSIP/alice", "NOT_INUSE"), ("PJSIP/bob", "NOT_INUSE"),
        ]  # fmt: skip
        assert [(e["Exten"], e["StatusText"]) for e in server.fields("ExtensionStatus")] == [
            ("6050", "Ringing"), ("6001", "InUse"), ("6050", "InUse&Ringing"), ("6050", "InUse"),
            ("6001", "Idle"), ("6050", "Idle"),
        ]  # fmt: skip

    run(scenario)


def test_a_device_is_evaluated_once_per_pass() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        alice.set_state(ChannelState.UP)
        alice.hang_up()
        await settle()
        assert [e["State"] for e in server.fields("DeviceStateChange")] in ([], ["NOT_INUSE"])

    run(scenario)


def test_watching_a_pattern_and_losing_a_hint() -> None:
    async def scenario(server: FakeServer) -> None:
        seen: list[tuple[str, ExtensionState]] = []

        def watcher(watched: Watched) -> None:
            seen.append((watched.exten, watched.state))

        hints = server.pbx.hints
        assert hints.watch("hints", "9999", watcher) is None
        watched = hints.watch("hints", "6105", watcher)
        assert watched is not None
        assert watched.hint == "PJSIP/x6105"
        server.sip.phones["x6105"] = server.sip.phones["alice"]
        server.pbx.device_states.changed("PJSIP/x6105")
        await settle()
        assert seen == [("6105", ExtensionState.IDLE)]
        first = hints.watch("hints", "6001", watcher)
        assert first is not None
        server.pbx.dialplan.remove_extension("hints", "6001")
        assert seen[-1] == ("6001", ExtensionState.REMOVED)
        hints.unwatch(watched, watcher)
        assert hints.get("hints", "6105") is None
        assert hints.state("hints", "6001") == (ExtensionState.DEACTIVATED, "")

    run(scenario)


def test_providers_and_names() -> None:
    async def scenario(server: FakeServer) -> None:
        states = server.pbx.device_states
        states.register_provider(server.owner, "Custom", lambda name: DeviceState.BUSY)
        assert states.get("Custom:lamp") is DeviceState.BUSY
        assert states.get("Nothing:x") is DeviceState.INVALID
        assert states.get("PJSIP/nosuch") is DeviceState.INVALID
        assert parse_device_state("not_inuse") is DeviceState.NOT_INUSE
        assert parse_device_state("bogus") is None
        told: list[tuple[str, DeviceState]] = []
        stop = states.observe(server.owner, lambda device, state: told.append((device, state)))
        states.changed("Custom:lamp")
        await settle()
        assert told == [("Custom:lamp", DeviceState.BUSY)]
        stop()

    run(scenario)


def test_busy_from_a_number_of_calls_on() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.incoming("alice", "1")
        states = server.pbx.device_states
        assert states.channel_state("PJSIP/alice", busy_at=2) is DeviceState.INUSE
        assert states.channel_state("PJSIP/alice", busy_at=1) is DeviceState.BUSY

    run(scenario)
