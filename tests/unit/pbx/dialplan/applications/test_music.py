"""MusicOnHold, StartMusicOnHold, StopMusicOnHold."""

from __future__ import annotations

import pytest
from fake_technology import FakeServer, FakeStream, run

from asterism.media.formats import ULAW
from asterism.pbx.channels.music.classes import MusicClass, MusicSettings, built_in
from asterism.pbx.channels.music.playing import music_of
from asterism.pbx.dialplan.applications.music import MusicApplications
from asterism.pbx.vocabulary.errors import ChannelHangup


def test_music_for_some_time_and_a_key_on_the_way() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        alice.pbx.music.use(
            MusicSettings({"default": built_in(), "other": MusicClass("other", files=built_in().files, digit="5")})
        )
        alice.queue_digit("4")
        alice.queue_digit("5")
        await MusicApplications().music_on_hold(alice, "default,0.05")
        assert [event["Class"] for event in server.fields("MusicOnHoldStart")] == ["default", "other"]
        assert len(server.fields("MusicOnHoldStop")) == 2
        assert music_of(alice) is None

    run(scenario)


def test_in_the_background_until_it_is_stopped() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        applications = MusicApplications()
        await applications.start_music_on_hold(alice, "")
        assert music_of(alice) is not None
        await applications.stop_music_on_hold(alice, "")
        assert music_of(alice) is None

    run(scenario)


def test_a_hang_up_ends_the_music() -> None:
    async def scenario(server: FakeServer) -> None:
        server.sip.stream = lambda: FakeStream(ULAW)
        alice = server.sip.incoming("alice", "1")
        server.pbx.loop.call_later(0.01, alice.queue_hangup)
        with pytest.raises(ChannelHangup):
            await MusicApplications().music_on_hold(alice, "")
        assert music_of(alice) is None
        assert len(server.fields("MusicOnHoldStop")) == 1

    run(scenario)
