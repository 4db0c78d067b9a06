"""A channel by itself: waiting, digits, hanging up."""

from __future__ import annotations

from fake_technology import FakeDriver, FakeServer, FakeStream, run

from asterism.media.formats import ULAW
from asterism.media.stream import AUDIO, VIDEO, ChannelStream
from asterism.pbx.vocabulary.controls import Control


def test_variables_are_told_and_inherited() -> None:
    async def scenario(server: FakeServer) -> None:
        alice, bob = server.sip.incoming("alice", "1"), server.sip.incoming("bob", "1")
        alice.set_variable("PLAIN", "0")
        alice.set_variable("_ONCE", "1")
        alice.set_variable("__ALWAYS", "2")
        assert alice.get_variable("ONCE") == "1"
        bob.inherit_variables(alice)
        assert bob.variables == {"ONCE": "1", "ALWAYS": "2"}
        assert bob.inheritance == {"ALWAYS": 2}
        alice.set_variable("ONCE", None)
        assert alice.get_variable("ONCE") is None
        assert [event["Variable"] for event in server.fields("VarSet")] == [
            "PLAIN", "_ONCE", "__ALWAYS", "ONCE", "__ALWAYS", "ONCE",
        ]  # fmt: skip

    run(scenario)


def test_a_place_is_told_once() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        alice.new_exten("Exec", "NoOp()")
        alice.new_exten("NoOp", "")
        alice.priority = 2
        alice.new_exten("Hangup", "")
        assert [event["Application"] for event in server.fields("Newexten")] == ["Exec", "Hangup"]

    run(scenario)


def test_hold_names_the_holder() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        alice.queue_control(Control.HOLD, "default")
        alice.queue_control(Control.UNHOLD)
        assert server.fields("Hold")[0]["MusicClass"] == "default"
        assert server.fields("Unhold")[0]["Channel"] == alice.name

    run(scenario)


def test_the_audio_is_the_first_open_stream_of_audio() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        assert alice.stream is None
        first, second = FakeStream(ULAW), FakeStream(ULAW)
        video, empty = ChannelStream(VIDEO, FakeStream(ULAW)), ChannelStream(AUDIO)
        topology = [None, video, empty, ChannelStream(AUDIO, first), ChannelStream(AUDIO, second)]
        alice.driver = type("Many", (FakeDriver,), {"streams": topology})(server.sip)
        assert alice.stream is first
        assert alice.streams == topology[1:]
        alice.dead = True
        assert alice.stream is None
        assert not alice.streams

    run(scenario)
