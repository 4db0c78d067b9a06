"""A call that turns out to be a fax goes to the extension ``fax``."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_technology import FakeServer, FakeStream, run, settle

from asterism.media.formats import ULAW
from asterism.media.g711 import linear_to_ulaw
from asterism.media.stream import Frame
from asterism.pbx.channels.channel import Channel
from asterism.pbx.channels.fax_tone import detect_fax, goes_to_fax
from asterism.pbx.channels.t38 import t38_of
from asterism.testing.tone import make_tone

CNG = linear_to_ulaw(make_tone(1100, seconds=0.5))


class User:
    def t38_requested(self, t38: Any) -> None:
        pass

    def t38_changed(self, t38: Any) -> None:
        pass


def scene(server: FakeServer, exten: str = "100", fax: bool = True) -> tuple[Channel, FakeStream, list[str]]:
    """A channel that waits in the dialplan, and what it has run."""
    stream, ran = FakeStream(ULAW), list[str]()
    server.sip.stream = lambda: stream
    alice = server.sip.incoming("alice", exten)

    def extension(name: str) -> None:
        @server.pbx.extension("internal", name)
        async def wait(channel: Any) -> None:
            ran.append(name)
            await channel.answer()
            await channel.wait_for_hangup()

    extension(exten)
    if fax and exten != "fax":
        extension("fax")
    server.pbx.start(alice)
    return alice, stream, ran


async def say(stream: FakeStream, sound: bytes = CNG) -> None:
    for at in range(0, len(sound), 160):
        for tap in list(stream.taps_in.taps) if stream.taps_in is not None else []:
            tap.take(Frame(ULAW, sound[at : at + 160]))
    await settle()


def taps(stream: FakeStream) -> int:
    return 0 if stream.taps_in is None else len(stream.taps_in.taps)


def test_the_tone_sends_it_there_once() -> None:
    async def test(server: FakeServer) -> None:
        alice, stream, ran = scene(server)
        await settle()
        assert taps(stream) == 0
        detect_fax(alice, True)
        detect_fax(alice, True)
        assert taps(stream) == 1
        await say(stream)
        assert ran == ["100", "fax"]
        assert alice.get_variable("FAXEXTEN") == "100"
        assert taps(stream) == 0
        detect_fax(alice, True)
        assert taps(stream) == 0
        assert not goes_to_fax(alice)
        assert ran == ["100", "fax"]

    run(test)


@pytest.mark.parametrize("way", ["no extension", "there already", "not wanted", "taken off", "an application has it"])
def test_it_stays_where_it_is(way: str) -> None:
    async def test(server: FakeServer) -> None:
        alice, stream, ran = scene(server, "fax" if way == "there already" else "100", way != "no extension")
        await settle()
        detect_fax(alice, True)
        if way == "taken off":
            detect_fax(alice, False)
        elif way == "an application has it":
            t38_of(alice).use(User())
        if way == "not wanted":
            assert not goes_to_fax(alice, False)
            assert taps(stream) == 1
        else:
            await say(stream)
            assert taps(stream) == 0
        assert len(ran) == 1
        assert alice.get_variable("FAXEXTEN") is None

    run(test)


def test_after_the_time_it_is_not_listened_for_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(server: FakeServer) -> None:
        alice, stream, ran = scene(server)
        await settle()
        loop = asyncio.get_running_loop()
        begun = now = loop.time()
        monkeypatch.setattr(loop, "time", lambda: now)
        detect_fax(alice, True, 5)
        await say(stream, b"\xff" * 160)
        now = begun + 4.9
        await say(stream, b"\xff" * 160)
        assert taps(stream) == 1
        now = begun + 5.1
        await say(stream)
        assert (taps(stream), ran) == (0, ["100"])

    run(test)
