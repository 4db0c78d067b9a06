"""Playback, Echo, tones and digit applications on a channel whose audio is real RTP."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from asterism.core.events import EventBus
from asterism.core.log import ServerLogger
from asterism.core.registry import Owner, Registry
from asterism.core.test_events import TestEvents
from asterism.media.core import Media
from asterism.media.formats import ALAW, ULAW
from asterism.media.payload_types import PayloadTypes
from asterism.media.stream import AUDIO, ChannelStream
from asterism.pbx.assembly.pbx import Pbx
from asterism.pbx.dialplan.applications.digits import DigitsModule
from asterism.pbx.dialplan.applications.echo import EchoModule
from asterism.pbx.dialplan.applications.playback import PlaybackModule
from asterism.pbx.dialplan.applications.reading import ReadingModule
from asterism.pbx.dialplan.applications.tones import TonesModule
from asterism.pbx.vocabulary.controls import ChannelState
from asterism.pbx.vocabulary.errors import ChannelHangup
from asterism.testing import PhoneAudio, until
from asterism.testing.sdp import Audio


class Driver:
    """A driver whose far end is a simulated phone's audio."""

    def __init__(self, media, phone, codec):
        self.media = media.open_rtp("127.0.0.1")
        self.streams = (ChannelStream(AUDIO, self.media),)
        self.media.set_formats(PayloadTypes(((codec, ULAW if codec == 0 else ALAW),), ((8000, 101),)))
        self.media.set_remote("127.0.0.1", phone.port)
        phone.connect(Audio(*self.media.local, [codec]))  # type: ignore[call-arg]
        self.answered = 0
        self.digits = ""

    def answer(self):
        self.answered += 1

    def hangup(self, cause):
        self.media.close()

    def send_digit(self, digit, duration_ms):
        self.digits += digit
        self.media.send_digit(digit, duration_ms)

    def indicate(self, condition, data=None):
        return True

    @property
    def call_id(self):
        return ""

    def channel_item(self, name):
        return None


class World:
    def __init__(self, tmp_path, codec):
        self.server = SimpleNamespace(
            owner=Owner("test"), log=ServerLogger("test"), name="test", version="0", commands=Registry("command"),
            actions=Registry("action"),
            paths=SimpleNamespace(data=tmp_path, spool=tmp_path, etc=tmp_path, share=tmp_path),
            options=SimpleNamespace(systemname="", defaultlanguage="en"),
        )  # fmt: skip
        self.server.bus = EventBus(self.server.log)
        self.server.test_events = TestEvents(self.server.bus)
        self.server.media = Media(self.server)
        self.server.pbx = Pbx(self.server)
        self.phone = PhoneAudio()
        self.driver = Driver(self.server.media, self.phone, codec)
        technology = SimpleNamespace(name="PJSIP", device_state=lambda resource: None)
        self.channel = self.server.pbx.create_channel(
            technology, "PJSIP/phone", self.driver, state=ChannelState.RING, context="default", exten="100"
        )
        self.driver.media.on_digit = self.channel.queue_digit
        self.playback = PlaybackModule()
        self.echo = EchoModule()
        self.tones = TonesModule()
        self.digits = DigitsModule()
        self.digits.pbx = self.server.pbx
        self.reading = ReadingModule()
        self.reading.pbx = self.server.pbx


@pytest.fixture
def run(tmp_path):
    def runner(function, codec=0):
        async def main():
            world = World(tmp_path, codec)
            try:
                await function(world)
            finally:
                world.channel.hang_up()
                world.phone.close()
            assert not world.server.media.sessions

        asyncio.run(main())

    return runner


@pytest.mark.parametrize("codec", [0, 8])
def test_playback_is_heard_and_answers(run, codec):
    async def scenario(world):
        listening = asyncio.ensure_future(world.phone.hears(1000))
        await world.playback.playback(world.channel, "beep&beep")
        await listening
        await until(lambda: world.phone.received == 30)
        assert world.driver.answered == 1
        assert world.channel.get_variable("PLAYBACKSTATUS") == "SUCCESS"

    run(scenario, codec)


def test_playback_options(run):
    async def scenario(world):
        await world.playback.playback(world.channel, "beep,skip")
        assert (world.phone.received, world.driver.answered) == (0, 0)
        assert world.channel.get_variable("PLAYBACKSTATUS") == "SUCCESS"
        await world.playback.playback(world.channel, "beep,noanswer")
        await until(lambda: world.phone.received == 15)
        assert world.driver.answered == 0

    run(scenario)


@pytest.mark.parametrize("names", ["nothing-here", "../../etc/passwd", "", "nothing-here&beep"])
def test_playback_of_a_missing_file_fails(run, names):
    async def scenario(world):
        await world.playback.playback(world.channel, names)
        assert world.channel.get_variable("PLAYBACKSTATUS") == "FAILED"
        await until(lambda: world.phone.received == (15 if "beep" in names else 0))

    run(scenario)


def test_hangup_ends_playback(run):
    async def scenario(world):
        playing = asyncio.ensure_future(world.playback.playback(world.channel, "welcome"))
        await until(lambda: world.phone.received)
        world.channel.queue_hangup()
        with pytest.raises(ChannelHangup):
            await playing
        await world.phone.hears_nothing(0.1)

    run(scenario)


def test_echo(run):
    async def scenario(world):
        echoing = asyncio.ensure_future(world.echo.echo(world.channel, ""))
        world.phone.play(700)
        await world.phone.hears(700)
        world.phone.send_digits("7#")
        await asyncio.wait_for(echoing, 5)
        assert world.driver.digits == "7"
        assert world.driver.media.sink is None

    run(scenario)


def test_milliwatt(run):
    async def scenario(world):
        playing = asyncio.ensure_future(world.tones.milliwatt(world.channel, ""))
        await world.phone.hears(1004)
        world.channel.queue_hangup()
        with pytest.raises(ChannelHangup):
            await playing

    run(scenario)


def test_play_tones_goes_on_until_stopped(run):
    async def scenario(world):
        await world.tones.play_tones(world.channel, "nonsense")
        await world.tones.play_tones(world.channel, "dial")
        await world.phone.hears(350, 440)
        await world.tones.stop_play_tones(world.channel, "")
        await asyncio.sleep(0.03)
        await world.phone.hears_nothing(0.1)
        await world.tones.play_tones(world.channel, "1400/500")
        await world.phone.hears(1400)
        await world.playback.playback(world.channel, "beep")  # another sound ends the tone
        await world.phone.hears_nothing(0.1)

    run(scenario)


def test_read(run):
    async def scenario(world):
        reading = asyncio.ensure_future(world.reading.read(world.channel, "CODE,welcome,4,,,2"))
        await until(lambda: world.phone.received)
        world.phone.send_digits("12#")  # interrupts the prompt
        await asyncio.wait_for(reading, 10)
        assert world.channel.get_variable("CODE") == "12"
        assert world.channel.get_variable("READSTATUS") == "OK"
        heard = world.phone.received
        assert heard < 200
        for digits, args, expected, status in (
            ("123", "CODE,,3,,,2", "123", "OK"),
            ("", "CODE,,3,,,0.05", "", "TIMEOUT"),
            ("4*", "CODE,,9,t(*),,2", "4", "OK"),
            ("4", "CODE,,9,t(),,0.05", "4", "TIMEOUT"),
        ):
            for digit in digits:
                world.channel.queue_digit(digit, 100)
            await world.reading.read(world.channel, args)
            assert (world.channel.get_variable("CODE"), world.channel.get_variable("READSTATUS")) == (expected, status)

    run(scenario)


def test_read_skips_or_answers(run):
    async def scenario(world):
        await world.reading.read(world.channel, "X,,1,s")
        assert world.channel.get_variable("READSTATUS") == "SKIPPED"
        await world.reading.read(world.channel, "")
        assert world.channel.get_variable("READSTATUS") == "ERROR"
        assert world.driver.answered == 0

    run(scenario)


def test_wait_digit(run):
    async def scenario(world):
        world.channel.queue_digit("5", 100)
        world.channel.queue_digit("7", 100)
        await world.digits.wait_digit(world.channel, "2,789")
        assert world.channel.get_variable("WAITDIGITRESULT") == "7"
        assert world.channel.get_variable("WAITDIGITSTATUS") == "DTMF"
        await world.digits.wait_digit(world.channel, "0.03")
        assert world.channel.get_variable("WAITDIGITSTATUS") == "TIMEOUT"
        await world.digits.wait_digit(world.channel, "x")
        assert world.channel.get_variable("WAITDIGITSTATUS") == "ERROR"

    run(scenario)


def test_send_dtmf(run):
    async def scenario(world):
        await world.digits.send_dtmf(world.channel, "1w#x,20,60")
        await world.phone.hears_digits("1#")
        await world.digits.send_dtmf(world.channel, "1,20,60,PJSIP/nobody")
        assert world.driver.digits == "1#"

    run(scenario)
