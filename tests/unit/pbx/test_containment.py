"""Technologies, drivers, streams, applications and observers that raise: told by name, and no channel is left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from fake_technology import FakeDriver, FakeServer, FakeStream, settle
from test_events_call import make_server

from asterism.core.documentation import Documentation
from asterism.media.formats import ULAW
from asterism.media.player import Playback
from asterism.media.stream import Frame
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.technology import ChannelRequest
from asterism.pbx.messaging.message import Message, SendStatus
from asterism.pbx.states.device_states import DeviceState
from asterism.pbx.states.hints import ExtensionState
from asterism.pbx.vocabulary.controls import STAGE_MOVES, STATE_MOVES, ChannelState, Control, Stage
from asterism.pbx.vocabulary.errors import RequestError


class BrokenError(Exception):
    """What the extensions of these tests raise."""


def fail(*args: object) -> Any:
    raise BrokenError


class Names(logging.Handler):
    """The names of the extensions whose failures were logged."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[0] is BrokenError:
            self.names.append(record.__dict__["extension"])


def run(scenario: Callable[[FakeServer], Any]) -> list[str]:
    """Run a scenario; nothing may be left. Returns the names of what has failed."""
    names = Names()

    async def main() -> None:
        server = make_server()
        server.log.addHandler(names)
        await scenario(server)
        for channel in server.pbx.channels:
            channel.soft_hangup()
        await settle(40)
        assert len(server.pbx.channels) == 0
        assert not server.pbx.bridges
        assert server.pbx.active_calls == 0

    asyncio.run(main())
    return names.names


METHODS = ("call", "answer", "indicate", "hangup", "send_digit", "send_text", "channel_item")


@pytest.mark.parametrize("leg", ["caller", "callee"])
@pytest.mark.parametrize("method", METHODS)
def test_a_driver_that_raises_ends_its_call_and_no_other(method: str, leg: str) -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.scripts["bob"] = lambda channel: channel.queue_control(Control.ANSWER)
        server.dialplan(("1", 1, "Dial", "PJSIP/bob,20"))
        alice = server.sip.incoming("alice", "1")
        if leg == "caller":
            setattr(alice.driver, method, fail)
        else:
            made = FakeDriver.__init__

            def broken(self: FakeDriver, technology: Any) -> None:
                made(self, technology)
                setattr(self, method, fail)

            server.sip.request = with_driver(server, broken)
        server.pbx.start(alice)
        await settle()
        for channel in list(server.pbx.channels):
            channel.send_digit("5")
            channel.indicate(Control.RINGING)
            channel.ask_driver("send_text", False, "hello")
            channel.ask_driver("channel_item", None, "pjsip,call-id")
        alice.queue_hangup()
        await settle()

    names = run(scenario)
    if not (method == "call" and leg == "caller") and not (method == "answer" and leg == "callee"):
        assert f"{method} of the PJSIP driver" in names


def with_driver(server: FakeServer, init: Callable[[FakeDriver, Any], None]) -> Callable[..., Channel]:
    """The technology's ``request`` with drivers of a class of their own."""
    request = server.sip.request

    def make(asked: ChannelRequest) -> Channel:
        channel = request(asked)
        driver = type("BrokenDriver", (FakeDriver,), {"__init__": init})(server.sip)
        driver.channel, driver.on_call = channel, server.sip.scripts.get(asked.destination)
        channel.driver = driver
        return channel

    return make


def test_a_driver_whose_streams_raise_has_none() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        alice.driver = type("NoStreams", (FakeDriver,), {"streams": property(fail)})(server.sip)
        assert alice.stream is None
        assert not alice.streams

    assert set(run(scenario)) == {"streams of the PJSIP driver"}


def test_a_driver_that_cannot_tell_its_call_id_has_none() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        alice.driver = type("NoCallId", (FakeDriver,), {"call_id": property(fail)})(server.sip)
        assert alice.call_id == ""
        assert "call_id" not in alice.log_fields()

    assert set(run(scenario)) == {"call_id of the PJSIP driver"}


@pytest.mark.parametrize("made", [False, True], ids=["before", "after it made its channel"])
def test_a_technology_that_raises_leaves_no_channel(made: bool) -> None:
    async def scenario(server: FakeServer) -> None:
        request = server.sip.request

        def broken(*args: Any) -> Channel:
            if made:
                request(*args)
            raise BrokenError

        server.sip.request = broken  # type: ignore[assignment]
        with pytest.raises(RequestError):
            server.pbx.request("PJSIP/bob")

    assert run(scenario) == ["request of the channel technology 'PJSIP'"]


def test_a_technology_that_cannot_prepare_can_still_be_called() -> None:
    async def scenario(server: FakeServer) -> None:
        async def broken(resource: str) -> None:
            raise BrokenError

        server.sip.prepare = broken  # type: ignore[attr-defined]
        await server.pbx.prepare(["PJSIP/bob", "nobody"])
        assert server.pbx.request("PJSIP/bob") is not None

    assert run(scenario) == ["prepare of the channel technology 'PJSIP'"]


def test_a_message_technology_that_raises_has_not_sent() -> None:
    async def scenario(server: FakeServer) -> None:
        class Broken:
            async def send(self, destination: str, message: Message) -> None:
                raise BrokenError

        server.pbx.register_message_technology("broken", Broken(), Documentation("Raises."))
        assert await server.pbx.messages.send("broken:bob", Message("", "", "text")) is SendStatus.FAILURE

    assert run(scenario) == ["the message technology 'broken'"]


def test_a_watcher_and_an_observer_that_raise_do_not_keep_others_from_being_told() -> None:
    async def scenario(server: FakeServer) -> None:
        told: list[object] = []
        dialplan = server.pbx.dialplan
        dialplan.observe(fail)
        dialplan.observe(lambda: told.append("dialplan"))
        dialplan.add_extension(None, "internal", "7", 1, "Hangup")
        assert told == ["dialplan"]
        dialplan.find_hint = lambda context, exten: "Custom:lamp&Custom:mute"

        def custom(name: str) -> DeviceState:
            return DeviceState.INUSE if name == "lamp" else fail()

        server.pbx.device_states.register_provider(server.owner, "Custom", custom)
        hints = server.pbx.hints
        watched = hints.watch("internal", "7", fail)
        assert watched is hints.watch("internal", "7", told.append)
        watched.state = ExtensionState.IDLE
        server.pbx.device_states.changed("Custom:lamp")
        await settle()
        assert told[1:] == [watched]
        assert watched.state is ExtensionState.INUSE

    assert set(run(scenario)) == {
        "an observer of the dialplan", "a watcher of the hint 7@internal", "the state of device Custom:mute",
    }  # fmt: skip


def test_a_technology_that_cannot_tell_a_device_harms_no_other() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.device_state = fail  # type: ignore[assignment]
        told: list[str] = []
        server.pbx.device_states.observe(server.owner, lambda device, state: told.append(device))
        server.pbx.device_states.changed("PJSIP/alice")
        server.pbx.device_states.changed("Custom:lamp")
        await settle()

    assert "the state of device PJSIP/alice" in run(scenario)


def test_a_python_extension_that_raises_ends_its_call() -> None:
    async def scenario(server: FakeServer) -> None:
        @server.pbx.extension("internal", "1")
        async def broken(channel: Channel) -> None:
            await channel.answer()  # type: ignore[attr-defined]
            raise BrokenError

        alice = server.sip.incoming("alice", "1")
        server.pbx.start(alice)
        await settle()
        assert alice.dead

    assert run(scenario) == ["extension 1@internal"]


def test_an_application_and_a_function_that_raise_end_their_call_alone() -> None:
    async def scenario(server: FakeServer) -> None:
        async def broken(channel: Channel, data: str) -> None:
            raise BrokenError

        server.pbx.register_application("Broken", broken, Documentation("Fails", "Broken()", "It fails."))
        server.dialplan(("1", 1, "Broken", ""))
        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        server.pbx.start(alice)
        await settle()
        assert alice.dead
        assert bob.alive

    assert run(scenario) == ["application Broken"]


def test_a_stream_that_raises_tells_whoever_waits_for_the_playback() -> None:
    async def scenario(server: FakeServer) -> None:
        stream = FakeStream(ULAW)
        playback = Playback(stream, [Frame(ULAW, b"\xff" * 160)] * 3, asyncio.get_running_loop(), period=0.0)
        stream.write = fail  # type: ignore[assignment]
        with pytest.raises(BrokenError):
            await playback.wait()
        assert not playback.active

    run(scenario)


def test_frames_that_cannot_be_made_tell_it_too() -> None:
    async def scenario(server: FakeServer) -> None:
        def frames() -> Any:
            yield Frame(ULAW, b"\xff" * 160)
            raise BrokenError

        playback = Playback(FakeStream(ULAW), frames(), asyncio.get_running_loop(), period=0.0)
        with pytest.raises(BrokenError):
            await playback.wait()

    run(scenario)


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("to", list(Stage))
def test_the_life_of_a_channel_goes_one_way(stage: Stage, to: Stage) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        path = {Stage.LIVE: (), Stage.LEAVING: (Stage.LEAVING,), Stage.GONE: (Stage.GONE,), Stage.DEAD: (Stage.DEAD,)}
        for step in path[stage]:
            assert alice._move(step)
        assert alice._move(to) is (to in STAGE_MOVES[stage])
        assert alice.alive is (alice.stage is Stage.LIVE)
        assert alice.dead is (alice.stage is Stage.DEAD)
        alice.stage, alice.alive, alice.dead = Stage.LIVE, True, False  # as it was, so that it can be torn down

    run(scenario)


def test_an_answered_channel_rings_no_more() -> None:
    async def scenario(server: FakeServer) -> None:
        bob = server.pbx.request("PJSIP/bob")
        bob.queue_control(Control.RINGING)
        assert bob.state is ChannelState.RINGING
        bob.queue_control(Control.ANSWER)
        for state in ChannelState:
            bob.set_state(state)
        assert bob.state is ChannelState.UP
        assert not STATE_MOVES[ChannelState.UP]

    run(scenario)
