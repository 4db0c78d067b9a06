"""Device states: from channels, told once per pass, by providers."""

from __future__ import annotations

from fake_technology import FakeServer, settle
from hint_kit import run

from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.device_state import DeviceState, parse_device_state


def test_a_device_is_evaluated_once_per_pass() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        alice.set_state(ChannelState.UP)
        alice.hang_up()
        await settle()
        assert [e["State"] for e in server.fields("DeviceStateChange")] in ([], ["NOT_INUSE"])

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


def test_one_device_is_watched_without_anything_else_being_followed() -> None:
    async def scenario(server: FakeServer) -> None:
        states = server.pbx.device_states
        told: list[tuple[str, DeviceState]] = []
        unwatch = states.watch("PJSIP/alice", lambda device, state: told.append((device, state)))
        again = states.watch("PJSIP/alice", lambda device, state: 1 / 0)  # type: ignore[arg-type]
        for phone in ("alice", "bob"):
            channel = server.sip.incoming(phone, "1")
            channel.set_state(ChannelState.UP)
            await settle()
            channel.hang_up()
            await settle()
        assert told == [("PJSIP/alice", DeviceState.INUSE), ("PJSIP/alice", DeviceState.NOT_INUSE)]
        unwatch()
        again()
        unwatch()
        server.sip.incoming("alice", "1")
        await settle()
        assert len(told) == 2

    run(scenario)


def test_a_provider_s_devices_may_have_a_slash() -> None:
    async def scenario(server: FakeServer) -> None:
        states = server.pbx.device_states
        states.register_provider(server.owner, "ccss", lambda name: DeviceState.BUSY if name == "PJSIP/a" else None)
        assert states.get("ccss:PJSIP/a") is DeviceState.BUSY
        assert states.get("nothing:PJSIP/a") is DeviceState.INVALID

    run(scenario)
