"""Music in the background of a channel."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, run

from asterism.media.formats import ULAW
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.music.classes import DEFAULT, MusicClass, MusicSettings, built_in
from asterism.pbx.channels.music.playing import class_by_digit, music_of, start_music, stop_music
from asterism.pbx.vocabulary.controls import ChannelState

MUSIC = ("MusicOnHoldStart", "MusicOnHoldStop")


def caller(server: FakeServer, *classes: MusicClass, prefer: bool = True) -> Channel:
    server.sip.stream = lambda: FakeStream(ULAW)
    known = {one.name: one for one in (built_in(), *classes)}
    server.pbx.music.use(MusicSettings(known, prefer))
    return server.sip.incoming("alice", "1")


def told(server: FakeServer) -> list[str]:
    return [name for name in server.names() if name in MUSIC]


def shipped(name: str, **options: Any) -> MusicClass:
    return MusicClass(name, files=built_in().files, **options)


def test_music_starts_and_stops_once() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = caller(server)
        assert start_music(alice)
        assert start_music(alice)
        playing = music_of(alice)
        assert playing is not None
        assert playing.active
        stop_music(alice)
        stop_music(alice)
        assert told(server) == list(MUSIC)
        assert not playing.active

    run(scenario)


def test_whatever_stops_it_is_told() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = caller(server)
        start_music(alice)
        alice.hang_up()
        assert told(server) == list(MUSIC)

    run(scenario)


@pytest.mark.parametrize(
    ("own", "asked", "prefer", "heard"),
    [
        ("", "", True, DEFAULT), ("", "one", True, "one"), ("two", "one", True, "two"), ("two", "one", False, "one"),
        ("two", "", False, "two"), ("gone", "one", True, "one"), ("", "gone", True, DEFAULT),
    ],
)  # fmt: skip
def test_the_class_that_is_heard(own: str, asked: str, prefer: bool, heard: str) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = caller(server, shipped("one"), shipped("two"), prefer=prefer)
        alice.music_class = own
        start_music(alice, asked)
        assert server.fields("MusicOnHoldStart")[0]["Class"] == heard

    run(scenario)


def test_another_class_takes_over_and_what_stops_goes_on_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.ulaw").write_bytes(bytes(160) + b"\x01" * 160)
    counted = MusicClass("counted", files=(str(tmp_path / "a"),))

    async def scenario(server: FakeServer) -> None:
        alice = caller(server, counted)
        stream: Any = alice.stream
        start_music(alice, DEFAULT)
        start_music(alice, "counted")
        assert told(server) == [*MUSIC, MUSIC[0]]
        del stream.written[:-1]
        stop_music(alice)
        start_music(alice, "counted")
        assert [frame.payload[0] for frame in (stream.written[0], stream.written[-1])] == [0, 1]

    run(scenario)


def test_before_the_answer_only_where_the_class_allows_it() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = caller(server, shipped("late", answered_only=True))
        assert not start_music(alice, "late")
        alice.set_state(ChannelState.UP)
        assert start_music(alice, "late")

    run(scenario)


def test_a_channel_without_audio_and_a_class_without_a_file_leave_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(server: FakeServer) -> None:
        alice = caller(server, MusicClass("broken", files=("/nowhere/a",)))
        assert not start_music(alice, "broken")
        assert told(server) == []
        assert music_of(alice) is None
        server.sip.stream = None
        assert not start_music(server.sip.incoming("bob", "1"))

    with caplog.at_level(logging.WARNING):
        run(scenario)


def test_a_class_is_chosen_by_its_key() -> None:
    one, two = MusicClass("one"), MusicClass("two", digit="2")
    assert class_by_digit((one, two), "2") is two
    assert class_by_digit((one, two), "3") is None
