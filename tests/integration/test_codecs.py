"""Calls between a phone of each codec and one of u-law: heard both ways, held, played to, changed, in a conference."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from call_kit import CONFIG

from asterism.media.codecs.discovery import reason
from asterism.media.formats import FORMATS, SLIN, Format
from asterism.server.server import Server
from asterism.testing import Phone, PhoneCall, assert_idle, running_server, until
from asterism.testing.sdp import PCMU
from asterism.testing.tone import make_tone

DIALPLAN = """
[phones]
exten => 101,1,Dial(PJSIP/101,20)
exten => 102,1,Dial(PJSIP/102,20)
 same => n,Hangup()
exten => 500,1,Answer()
 same => n,PlayTones(1000)
 same => n,Wait(20)
exten => 501,1,Answer()
 same => n,Playback(beep)
 same => n,Echo()
exten => 503,1,Set(VOLUME(RX)=2)
 same => n,Dial(PJSIP/102,20)
exten => 504,1,Set(JITTERBUFFER(fixed)=60)
 same => n,Dial(PJSIP/102,20)
exten => 700,1,BridgeAdd(PJSIP/101)
"""


def each(*names: str) -> pytest.MarkDecorator:
    """The codecs that this machine has libraries for; the others are skipped with the reason."""
    params = []
    for name in names:
        why = reason(FORMATS[name])
        params.append(pytest.param(FORMATS[name], id=name, marks=pytest.mark.skipif(bool(why), reason=why)))
    return pytest.mark.parametrize("fmt", params)


EVERY = each(
    "opus", "g722", "gsm", "speex", "speex16", "g726", "g729", "ilbc", "slin", "slin16", "slin44", "slin192", "alaw"
)  # fmt: skip


@dataclass
class World:
    """A server and two phones: ``ann`` (101) has one codec, ``bob`` (102) another."""

    server: Server
    ann: Phone
    bob: Phone

    async def connect(self, number: str = "102") -> tuple[PhoneCall, PhoneCall]:
        """Ann calls, Bob answers: both ends of the call."""
        call = await self.ann.dial(number)
        incoming = await self.bob.incoming()
        incoming.answer()
        await call.answered()
        await incoming.answered()
        return call, incoming


@contextmanager
def logged(log: logging.Logger) -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    log.addHandler(handler)
    yield lines
    log.removeHandler(handler)


@asynccontextmanager
async def world(
    fmt: Format, allow: str = "", offered: tuple[int, ...] = (), files: dict[str, str] | None = None
) -> AsyncIterator[World]:
    """A server at which 101 may have ``fmt`` (or what ``allow`` says) only, and 102 u-law only."""
    pjsip = CONFIG["pjsip.conf"].replace("[101](phone)\n", f"[101](phone)\nallow=!all,{allow or fmt.name}\n", 1)
    pjsip = pjsip.replace("[102](phone)\n", "[102](phone)\nallow=!all,ulaw\n", 1)
    async with (
        running_server({"pjsip.conf": pjsip, "extensions.conf": DIALPLAN, **(files or {})}) as server,
        Phone("101", server, "ann's secret") as ann,
        Phone("102", server, "bob's secret") as bob,
    ):
        ann.codecs = list(offered) or [fmt.payload_type]
        bob.codecs = [PCMU]
        await ann.register()
        await bob.register()
        yield World(server, ann, bob)
        await assert_idle(server)


async def over(call: PhoneCall, incoming: PhoneCall) -> None:
    await call.hangup()
    await incoming.ended()


@EVERY
async def test_both_hear_each_other_also_after_hold(fmt: Format) -> None:
    async with world(fmt) as here:
        call, incoming = await here.connect()
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        assert call.audio.heard_codecs == {fmt.payload_type}
        assert incoming.audio.heard_codecs == {PCMU}
        await call.hold()
        await call.unhold()
        await incoming.hears(440)
        await call.hears(660)
        await over(call, incoming)


@EVERY
async def test_the_called_phone_may_be_the_one_with_the_codec(fmt: Format) -> None:
    async with world(fmt) as here:
        call = await here.bob.dial("101")
        incoming = await here.ann.incoming()
        incoming.answer()
        await call.answered()
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        await over(call, incoming)


@EVERY
async def test_tones_sounds_and_its_own_voice_are_heard(fmt: Format) -> None:
    async with world(fmt) as here:
        call = await here.ann.dial("500")
        await call.answered()
        await call.hears(1000)
        await call.hangup()
        beep = b"".join(frame.payload for frame in here.server.media.sounds.load("beep", format=SLIN).frames())
        call = await here.ann.dial("501")
        await call.answered()
        await call.hears_sound(beep[:-640])  # an encoder keeps the last moment until more comes
        call.play(523)
        await call.hears(523)
        await call.hangup()
        await call.ended()


@EVERY
async def test_music_is_heard_by_the_one_on_hold(fmt: Format, tmp_path: Path) -> None:
    (tmp_path / "tone.sln").write_bytes(make_tone(800, seconds=2.0))
    music = f"[default]\nmode=files\ndirectory={tmp_path}\n"
    async with world(fmt, files={"musiconhold.conf": music}) as here:
        call, incoming = await here.connect()
        incoming.play(660)
        await call.hears(660)
        await incoming.hold()
        await call.hears(800)
        assert call.audio.heard_codecs == {fmt.payload_type}
        await incoming.unhold()
        await call.hears(660)
        await over(call, incoming)


@each("opus", "g722", "ilbc", "g729")
async def test_a_conference_of_both_and_a_third(fmt: Format) -> None:
    async with world(fmt) as here:
        calls = [*await here.connect(), await here.bob.dial("700")]
        await calls[2].answered()
        for call, hertz in zip(calls, (440, 660, 1000), strict=True):
            call.play(hertz)
        await calls[0].hears(660, 1000)
        await calls[1].hears(440, 1000)
        await calls[2].hears(440, 660)
        assert calls[0].audio.heard_codecs == {fmt.payload_type}
        await calls[2].hangup()
        await calls[0].hears(660)
        await calls[1].hears(440)
        await over(calls[0], calls[1])


@each("opus", "g722", "gsm")
@pytest.mark.parametrize("number", ["503", "504"], ids=["louder", "jitter buffer"])
async def test_a_tap_changes_what_is_converted(fmt: Format, number: str) -> None:
    async with world(fmt) as here:
        call, incoming = await here.connect(number)
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        await over(call, incoming)


@pytest.mark.parametrize("codecs", ["opus,ulaw", "g722,ulaw", "g723,ulaw"])
async def test_a_phone_that_has_the_other_ones_codec_too_hears_and_is_heard(codecs: str) -> None:
    """It sends its first codec, whatever the other one has."""
    first = FORMATS[codecs.partition(",")[0]]
    async with world(first, codecs, (first.payload_type, PCMU)) as here:
        call, incoming = await here.connect()
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        await call.hears(660)
        await over(call, incoming)


async def test_whom_a_caller_cannot_hear_is_not_called() -> None:
    async with world(FORMATS["g723"]) as here:
        with logged(here.server.log) as lines:
            call = await here.ann.dial("102")
            assert await call.refused() == 488
        assert "102 is not called: its caller has g723, it has ulaw: no codec for g723" in lines
        assert not here.bob.calls


async def test_what_cannot_be_played_is_told_once() -> None:
    async with world(FORMATS["g723"]) as here:
        with logged(here.server.log) as lines:
            call = await here.ann.dial("500")
            await call.answered()
            await until(lambda: [one for one in lines if "no codec for g723" in one])
            await call.audio.hears_nothing()
            await call.hangup()
        (told,) = [one for one in lines if "no codec for g723" in one]
        assert told.startswith("Nothing of what comes in slin is sent to 127.0.0.1:")
