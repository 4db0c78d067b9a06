"""What members of a holding bridge hear, whatever comes, goes or changes meanwhile."""

from __future__ import annotations

from typing import Any

from fake_technology import FakeServer, FakeStream, run, set_audio, settle

from asterism.media.formats import ALAW, ULAW
from asterism.media.stream import Frame
from asterism.pbx.bridges.bridge import ANNOUNCER, HOLDING, Bridge
from asterism.pbx.bridges.member import Waiting
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.music.playing import music_of, start_music
from asterism.testing import until

ROLE = frozenset({ANNOUNCER})


def far(channel: Channel) -> Any:
    """The scripted far end of a channel."""
    return channel.driver


def room(server: FakeServer) -> Bridge:
    server.sip.stream = lambda: FakeStream(ULAW)
    return Bridge(server.pbx, kind="base", name="room", uses=HOLDING, dissolve=False)


def phone(server: FakeServer, name: str = "bob") -> Channel:
    channel = server.sip.incoming(name, "1")
    channel.set_state(type(channel.state).UP)
    return channel


def stream(channel: Channel) -> FakeStream:
    found = channel.stream
    assert isinstance(found, FakeStream)
    return found


def test_music_goes_on_with_another_stream() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge, bob = room(server), phone(server)
        bridge.enter(bob)
        first = music_of(bob)
        assert first is not None
        stream(bob).close()
        set_audio(bob, FakeStream(ALAW))
        await until(lambda: music_of(bob) is None)  # it ended with its stream
        bridge.connect_media()
        assert music_of(bob) is not None
        await until(lambda: bool(stream(bob).written))
        bridge.depart(bob)
        assert music_of(bob) is None
        assert [event for event in server.names() if event.startswith("Music")] == [
            "MusicOnHoldStart",
            "MusicOnHoldStop",
        ] * 2

    run(scenario)


def test_nobody_is_written_to_who_hears_music_from_elsewhere() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge, bob, alice = room(server), phone(server), phone(server, "alice")
        bridge.enter(bob)
        bridge.enter(alice, roles=ROLE)
        start_music(bob)
        heard = list(stream(bob).written)
        stream(alice).sink(Frame(ULAW, bytes(160)))
        assert stream(bob).written == heard

    run(scenario)


def test_silence_ends_with_the_last_who_hears_it() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge, bob, alice = room(server), phone(server), phone(server, "alice")
        for channel in (bob, alice):
            bridge.enter(channel, waiting=Waiting("s"))
        clock = server.pbx.bridges.clock
        assert len(clock) == 1
        bridge.depart(bob)
        assert len(clock) == 1
        bridge.depart(alice)
        assert len(clock) == 0
        await settle()
        assert not server.pbx.bridges

    run(scenario)


def test_all_are_lost_at_once() -> None:
    async def scenario(server: FakeServer) -> None:
        bridge = room(server)
        channels = [phone(server) for _ in range(3)]
        for channel, kind in zip(channels, "msr", strict=True):
            bridge.enter(channel, waiting=Waiting(kind))
        bridge.enter(phone(server, "alice"), roles=ROLE)
        bridge.dismiss()
        await settle()
        assert not server.pbx.bridges
        assert len(server.pbx.bridges.clock) == 0
        assert len(server.pbx.channels) == 0  # none had a dialplan

    run(scenario)


def test_the_room_stays_usable_when_all_have_left_one_that_is_kept() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        bridge = Bridge(server.pbx, kind="base", uses=HOLDING, dissolve=False, permanent=True)
        for _ in range(2):
            bob = phone(server)
            bridge.enter(bob)
            assert music_of(bob) is not None
            bridge.depart(bob)
            assert music_of(bob) is None
        assert server.names().count("MusicOnHoldStart") == 2
        bridge.dismiss()

    run(scenario)
