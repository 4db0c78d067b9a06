"""Three and more in a bridge: how it moves to the mix and back, and what is left of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, run, set_audio, settle

from asterism.media.formats import ALAW, FORMATS, ULAW
from asterism.media.stream import Frame
from asterism.pbx.bridges.bridge import MIXING, Bridge
from asterism.pbx.bridges.mixing import Mixer
from asterism.pbx.bridges.technologies import softmix
from asterism.pbx.bridges.technologies.softmix import SoftMix
from asterism.pbx.bridges.video import VideoMode
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.music.playing import start_music, stop_music
from asterism.pbx.vocabulary.controls import ChannelState, Control
from asterism.testing import until


def far(channel: Channel) -> Any:
    """The scripted far end of a channel."""
    return channel.driver


def enter(server: FakeServer, bridge: Bridge, *phones: str) -> list[Channel]:
    channels = [server.sip.incoming(phone, "1") for phone in phones]
    for channel in channels:
        bridge.enter(channel)
    return channels


def stream(channel: Channel) -> FakeStream:
    found = channel.stream
    assert isinstance(found, FakeStream)
    return found


async def turns(server: FakeServer, count: int) -> None:
    """Wait for so many turns of the clock."""
    clock, left, over = server.pbx.bridges.clock, count, asyncio.Event()

    def turn() -> None:
        nonlocal left
        left -= 1
        if not left:
            over.set()

    clock.add(turn, server.log)
    await asyncio.wait_for(over.wait(), 5)
    clock.remove(turn)


def test_a_third_party_makes_it_a_mix_and_its_leaving_a_relay_again() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        bridge = Bridge(server.pbx)
        bob, alice = enter(server, bridge, "bob", "alice")
        assert (bridge.technology, stream(bob).relayed_to) == ("native_rtp", stream(alice))
        server.recorded.clear()
        (carol,) = enter(server, bridge, "alice")
        assert bridge.technology == "softmix"
        # The switch shows in the next event only.
        assert server.fields("BridgeEnter")[0]["BridgeTechnology"] == "native_rtp"
        assert stream(bob).relayed_to is None
        peers = [
            (event["Channel"], event["Value"]) for event in server.fields("VarSet") if event["Variable"] == "BRIDGEPEER"
        ]
        assert peers == [
            (carol.name, f"{alice.name},{bob.name}"),
            (alice.name, f"{carol.name},{bob.name}"),
            (bob.name, f"{carol.name},{alice.name}"),
        ]
        assert len(server.pbx.bridges.clock) == 1
        carol_stream = stream(carol)
        bridge.depart(carol)
        assert server.fields("BridgeLeave")[0]["BridgeTechnology"] == "softmix"
        assert server.fields("BridgeLeave")[0]["BridgeNumChannels"] == "2"
        assert (bridge.technology, stream(bob).relayed_to) == ("native_rtp", stream(alice))
        assert carol_stream.sink is None
        assert len(server.pbx.bridges.clock) == 0
        assert bob.get_variable("BRIDGEPEER") == alice.name
        assert carol.get_variable("BRIDGEPEER") is None

    run(scenario)


def test_a_lone_voice_is_heard_by_the_two_others() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        bridge = Bridge(server.pbx, uses=MIXING, kind="base", dissolve=False)
        channels = enter(server, bridge, "bob", "alice", "alice")
        said = Frame(ULAW, bytes(range(0x80, 0xFF)) + b"\xff" * 33)
        for _ in range(4):
            stream(channels[0]).sink(said)
        await turns(server, 3)
        assert [frame.payload for frame in stream(channels[1]).written[:2]] == [said.payload] * 2
        assert [frame.payload for frame in stream(channels[2]).written[:2]] == [said.payload] * 2
        assert {frame.payload for frame in stream(channels[0]).written} == {b"\xff" * 160}

    run(scenario)


def test_a_stream_that_changes_goes_on_in_the_mix() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        bridge = Bridge(server.pbx)
        bob, alice, carol = enter(server, bridge, "bob", "alice", "alice")
        old, new = stream(bob), FakeStream(ALAW)
        set_audio(bob, new)
        bridge.connect_media()
        assert new.sink is not None
        count = len(old.written)
        await turns(server, 2)
        assert len(old.written) == count
        assert {frame.format for frame in new.written} == {ALAW}
        assert bridge.channels == [bob, alice, carol]

    run(scenario)


def test_a_mix_that_loses_all_at_once_leaves_nothing() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        for uses, dissolve in ((MIXING, False), (None, True)):
            bridge = (
                Bridge(server.pbx, dissolve=dissolve)
                if uses is None
                else Bridge(server.pbx, uses=uses, dissolve=dissolve)
            )
            channels = enter(server, bridge, *["alice"] * 10)
            assert len(server.pbx.bridges.clock) == 1
            for channel in channels:
                channel.hang_up()
            await settle()
            assert len(server.pbx.bridges.clock) == 0
            assert not server.pbx.bridges
            assert server.names().count("BridgeLeave") % 10 == 0

    run(scenario)


def test_a_digit_goes_to_all_others() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge = Bridge(server.pbx)
        bob, alice, carol = enter(server, bridge, "bob", "alice", "alice")
        alice.queue_digit("5", 120)
        for other in (bob, carol):
            assert ("digit", "5", 120) in far(other).log
        assert not [entry for entry in far(alice).log if entry[0] == "digit"]

    run(scenario)


def test_who_hears_music_does_not_hear_the_mix_in_between() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        bridge = Bridge(server.pbx)
        channels = enter(server, bridge, "bob", "alice", "alice")
        bob = channels[0]
        bob.set_state(ChannelState.UP)
        assert start_music(bob)
        playing = bob.tone
        written: list[Frame] = []
        audio: Any = stream(bob)
        audio.write = written.append
        bridge.connect_media()
        bridge.enter(server.sip.incoming("alice", "1"))  # the mix is not begun anew by that, nor the music ended
        assert bob.tone is playing
        await turns(server, 3)
        assert len(written) == playing.played - 1
        assert len(stream(channels[1]).written) == 3
        stop_music(bob)
        count = len(written)
        await turns(server, 2)
        assert {frame.payload for frame in written[count:]} == {b"\xff" * 160}

    run(scenario)


def test_a_third_party_ends_the_hold_of_two_and_its_leaving_brings_it_back() -> None:
    """Nobody among three is on hold; whom one still holds, when they are two again, is told so."""

    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        bridge = Bridge(server.pbx)
        bob, alice = enter(server, bridge, "bob", "alice")
        alice.queue_control(Control.HOLD, "slow")
        assert bob.on_hold
        (carol,) = enter(server, bridge, "alice")
        assert not bob.on_hold
        assert far(bob).indicated()[-1] is Control.UNHOLD
        bridge.depart(carol)
        assert bob.on_hold
        assert far(bob).log[-1] == ("indicate", Control.HOLD)
        (dave,) = enter(server, bridge, "alice")
        alice.queue_control(Control.UNHOLD)
        bridge.depart(dave)
        assert not bob.on_hold
        alice.queue_control(Control.HOLD)
        enter(server, bridge, "alice")
        bridge.depart(alice)
        assert not bob.on_hold

    run(scenario)


def test_a_format_that_nothing_turns_into_audio_is_told() -> None:
    async def scenario(server: FakeServer) -> None:
        lines: list[str] = []
        server.log.warning = lambda text, *values: lines.append(text % values)
        server.sip.stream = lambda: FakeStream(ULAW)
        bridge = Bridge(server.pbx)
        enter(server, bridge, "bob", "alice")
        server.sip.stream = lambda: FakeStream(FORMATS["g723"])
        (carol,) = enter(server, bridge, "alice")
        assert lines == [f"{carol.name} neither hears nor is heard in bridge {bridge.uniqueid}: no codec for g723"]
        assert len(bridge.members) == 3

    run(scenario)


def test_a_turn_that_fails_ends_one_mix_and_another_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it fails again and again: not more than one in RESTART_S seconds."""

    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        bridge = Bridge(server.pbx, uses=MIXING, kind="base", dissolve=False)
        channels = enter(server, bridge, "bob", "alice")
        began = 0
        plain = SoftMix.start

        def start(mix: SoftMix) -> None:
            nonlocal began
            began += 1
            plain(mix)

        monkeypatch.setattr(SoftMix, "start", start)
        monkeypatch.setattr(softmix, "RESTART_S", 0.1)
        with monkeypatch.context() as broken:
            broken.setattr(Mixer, "begin", lambda _: 1 / 0)
            begun = server.pbx.loop.time()
            await until(lambda: began == 2)
            assert server.pbx.loop.time() - begun > 0.09
        await until(lambda: began >= 3 or bool(stream(channels[1]).written))
        stream(channels[1]).written.clear()
        said = Frame(ULAW, bytes(range(0x80, 0xFF)) + b"\xff" * 33)
        await until(lambda: stream(channels[0]).sink is not None)
        for _ in range(4):
            stream(channels[0]).sink(said)
        await until(lambda: said.payload in [frame.payload for frame in stream(channels[1]).written])
        bridge.dismiss()
        await settle()
        assert len(server.pbx.bridges.clock) == 0

    run(scenario)


class Blind:
    """Video that fails whenever it is asked."""

    mode = VideoMode.TALKER
    listens = True
    source_id = ""

    def __init__(self) -> None:
        self.asked = 0

    def arrange(self, _without: object = None) -> None:
        self.asked += 1
        raise RuntimeError("no video")

    def hear(self, _levels: object) -> None:
        self.asked += 1
        raise RuntimeError("no video")

    def tell(self) -> None:
        pass

    def stop(self) -> None:
        pass


def test_video_that_fails_does_not_end_the_audio() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        bridge = Bridge(server.pbx, uses=MIXING, kind="base", dissolve=False)
        video: Any = Blind()
        bridge.video = video
        channels = enter(server, bridge, "bob", "alice")
        said = Frame(ULAW, bytes(range(0x80, 0xFF)) + b"\xff" * 33)
        for _ in range(4):
            stream(channels[0]).sink(said)
        asked = video.asked
        await turns(server, 4)
        assert video.asked > asked
        assert said.payload in [frame.payload for frame in stream(channels[1]).written]
        assert len(server.pbx.bridges.clock) == 1

    run(scenario)
