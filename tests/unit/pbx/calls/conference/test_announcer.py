"""The announcer of a conference: listed, and told of by no event."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_technology import FakeServer, run, settle

from asterism.media.formats import SLIN
from asterism.media.stream import Frame
from asterism.pbx.calls.conference.announcer import MOST_WAITING, Announcer, AnnouncerTechnology
from asterism.pbx.channels.technology import ChannelRequest
from asterism.pbx.channels.transfer import TransferOrder, TransferStatus
from asterism.pbx.vocabulary.controls import Control
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.pbx.vocabulary.errors import RequestError


def test_what_is_played_to_one_comes_from_the_other_and_no_event_tells_of_them() -> None:
    async def scenario(server: FakeServer) -> None:
        pair = Announcer(server.pbx, "room-00000014")
        assert [each.name for each in server.pbx.channels] == ["CBAnn/room-00000014;1", "CBAnn/room-00000014;2"]
        heard: list[Frame] = []
        source, target = pair.speaker.stream, pair.member.stream
        assert source is not None
        assert target is not None
        target.sink = heard.append
        source.write(Frame(SLIN, b"\1\2" * 160))
        assert [frame.payload for frame in heard] == [b"\1\2" * 160]
        pair.member.indicate(Control.RINGING)
        pair.member.send_digit("1")
        pair.end()
        await settle()
        assert len(server.pbx.channels) == 0
        assert server.names() == []

    run(scenario)


def test_neither_is_called_nor_sent_elsewhere() -> None:
    async def scenario(server: FakeServer) -> None:
        technology = AnnouncerTechnology()
        with pytest.raises(RequestError):
            technology.request(ChannelRequest("room"))
        assert technology.device_state("room") is DeviceState.INVALID
        pair = Announcer(server.pbx, "room")
        driver = pair.member.driver
        assert driver is not None
        order = TransferOrder(pair.member, ("1",))
        driver.transfer(order)
        assert order.result is not None
        assert order.result.status is TransferStatus.UNSUPPORTED
        assert (driver.call(None), driver.send_text("x"), driver.channel_item("x")) == (False, False, None)
        driver.answer()
        driver.attach(pair.member)
        driver.offer_streams(())
        pair.end()

    run(scenario)


def test_announcements_follow_each_other_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[str] = []

    async def play(_channel: Any, _application: str, name: str) -> None:
        await settle(2)
        played.append(name)

    monkeypatch.setattr("asterism.pbx.calls.conference.announcer.play_or_tell", play)

    async def scenario(server: FakeServer) -> None:
        pair = Announcer(server.pbx, "room", "fr")
        assert pair.speaker.language == "fr"
        waiting = [pair.say((f"{number}", "x")) for number in range(MOST_WAITING + 1)]
        assert [each.done() for each in waiting] == [False] * MOST_WAITING + [True]
        assert not waiting[-1].result()
        assert await waiting[0]
        assert played == ["0", "x"]
        assert all(await asyncio.gather(*waiting[:-1]))
        assert played == [name for number in range(MOST_WAITING) for name in (str(number), "x")]
        assert await pair.say(("again",))
        pair.end()
        assert not await pair.say(("late",))
        await settle()

    run(scenario)


def test_the_end_ends_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(channel: Any, _application: str, _name: str) -> None:
        await channel.wait(60)

    monkeypatch.setattr("asterism.pbx.calls.conference.announcer.play_or_tell", play)

    async def scenario(server: FakeServer) -> None:
        pair = Announcer(server.pbx, "room")
        said = [pair.say(("one",)), pair.say(("two",))]
        await settle()
        pair.end()
        assert await asyncio.wait_for(asyncio.gather(*said), 5) == [False, False]

    run(scenario)


def test_an_announcement_that_fails_keeps_nobody_waiting_and_the_next_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(_channel: Any, _application: str, name: str) -> None:
        if name == "broken":
            raise ValueError("on purpose")

    monkeypatch.setattr("asterism.pbx.calls.conference.announcer.play_or_tell", play)

    async def scenario(server: FakeServer) -> None:
        pair = Announcer(server.pbx, "room")
        said = [pair.say((name,)) for name in ("fine", "broken", "next")]
        assert await asyncio.wait_for(asyncio.gather(*said), 5) == [True, False, True]
        assert await asyncio.wait_for(pair.say(("again",)), 5)
        pair.end()
        await settle()

    run(scenario)
