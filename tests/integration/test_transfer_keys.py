"""Features on keys between phones: who talks to whom, who hears music, by what is on the wire."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from call_kit import PJSIP, World, two_phones

from asterism.testing import Phone, PhoneCall, until
from asterism.testing.audio import PhoneAudio

EXTENSIONS = """
[phones]
exten => 102,1,Dial(PJSIP/102,30,tThH)
exten => 103,1,Dial(PJSIP/103,30)
 same => n,Hangup()
exten => 104,1,Dial(PJSIP/102,30)
exten => 105,1,Set(__DYNAMIC_FEATURES=say)
 same => n,Dial(PJSIP/102,30)
exten => 600,1,Answer()
 same => n,Echo()
"""
FEATURES = """
[general]
transferannouncesound =
transferretrysound =
transferinvalidsound = beeperr
transferdigittimeout = 1
transferdialattempts = 1
featuredigittimeout = 600
atxfernoanswertimeout = {timeout}
atxfercallbackretries = 1
[featuremap]
blindxfer = #1
atxfer = *2
disconnect = *0
[applicationmap]
say => *9,peer,Playback,beep
"""
PHONES = PJSIP.replace("[102](phone)", "[102](phone)\ndtmf_mode={mode}").replace(
    "[103](phone)", '[103](phone)\ncallerid="Carol" <103>'
)
ANN, BOB, CAROL, MUSIC = 440, 660, 1000, 2600


@dataclass
class Three:
    """Ann talks to Bob; Carol may be called."""

    world: World
    carol_phone: Phone
    ann: PhoneCall
    bob: PhoneCall

    def speak(self) -> None:
        self.ann.play(ANN)
        self.bob.play(BOB)

    async def talk(self, one: PhoneCall, other: PhoneCall) -> None:
        """These two hear each other and nobody else, and no music."""
        tones = {self.ann: ANN, self.bob: BOB}
        await one.hears(tones.get(other, CAROL))
        await other.hears(tones.get(one, CAROL))
        for call in (one, other):
            assert call.audio.level(MUSIC) < 0.02

    async def press(self, call: PhoneCall, digits: str) -> None:
        call.send_digits(digits)

    async def carol(self) -> PhoneCall:
        """Carol's phone rings."""
        call = await self.carol_phone.incoming()
        call.ring()
        return call

    async def consult(self, by: PhoneCall, waiting: PhoneCall) -> PhoneCall:
        """Call Carol; until her phone rings."""
        await self.press(by, "*2103")
        call = await self.carol()
        await waiting.hears(MUSIC)
        return call


def music(folder: str) -> None:
    """A class of music that is one tone."""
    samples = (8000 * np.sin(2 * np.pi * MUSIC * np.arange(8000) / 8000)).astype("<i2")
    with wave.open(f"{folder}/tone.wav", "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())


@asynccontextmanager
async def three(folder: object, number: str = "102", mode: str = "rfc4733", timeout: int = 15) -> AsyncIterator[Three]:
    music(str(folder))
    config = {
        "pjsip.conf": PHONES.replace("{mode}", mode),
        "extensions.conf": EXTENSIONS,
        "features.conf": FEATURES.replace("{timeout}", str(timeout)),
        "musiconhold.conf": f"[default]\nmode=files\ndirectory={folder}\n",
    }
    async with two_phones(config) as world, Phone("103", world.server, "bob's secret", username="102") as carol:
        await carol.register()
        call, incoming = await world.connect(number)
        found = Three(world, carol, call, incoming)
        found.speak()
        await found.talk(call, incoming)
        yield found
        assert not world.server.pbx.features.transfers


_TONES = {"1": (697, 1209), "2": (697, 1336), "*": (941, 1209), "0": (941, 1336)}


def _has_sent(audio: PhoneAudio, packets: int) -> bool:
    return audio.sent > packets


BY = pytest.mark.parametrize("by_caller", [True, False])


def sides(talk: Three, by_caller: bool) -> tuple[PhoneCall, PhoneCall]:
    return (talk.ann, talk.bob) if by_caller else (talk.bob, talk.ann)


@BY
async def test_a_blind_transfer(tmp_path: object, by_caller: bool) -> None:
    """T7."""
    async with three(tmp_path) as talk:
        who, other = sides(talk, by_caller)
        await talk.press(who, "#1")
        await other.hears(MUSIC)
        await talk.press(who, "103")
        carol = await talk.carol()
        await who.ended()
        carol.answer()
        carol.play(CAROL)
        await talk.talk(other, carol)
        await other.hangup()
        await carol.ended()


@pytest.mark.parametrize("status", [486, 480])
async def test_a_blind_transfer_to_a_phone_that_refuses_or_does_not_answer(tmp_path: object, status: int) -> None:
    """T8, T10: by key the transferer is gone; the transferee's dialplan goes on, which ends here."""
    async with three(tmp_path) as talk:
        await talk.press(talk.bob, "#1103")
        carol = await talk.carol()
        await talk.bob.ended()
        carol.reject(status)
        await talk.ann.ended()


async def test_a_blind_transfer_to_a_number_that_does_not_exist(tmp_path: object) -> None:
    """T9."""
    async with three(tmp_path) as talk:
        await talk.press(talk.bob, "#1999")
        await talk.ann.hears(MUSIC)
        await talk.talk(talk.ann, talk.bob)
        await talk.ann.hangup()
        await talk.bob.ended()


@BY
@pytest.mark.parametrize("end", ["*2", "hangup"])
async def test_an_attended_transfer(tmp_path: object, by_caller: bool, end: str) -> None:
    """T2."""
    async with three(tmp_path) as talk:
        who, other = sides(talk, by_caller)
        carol = await talk.consult(who, other)
        carol.answer()
        carol.play(CAROL)
        await talk.talk(who, carol)
        assert other.audio.level(CAROL) < 0.02
        if end == "hangup":
            await who.hangup()
        else:
            await talk.press(who, end)
            await who.ended()
        await talk.talk(other, carol)
        assert len(talk.world.server.pbx.channels) == 2  # the Local channel has left
        await carol.hangup()
        await other.ended()


@pytest.mark.parametrize("status", [486, 0])
async def test_the_target_is_busy_or_does_not_answer(tmp_path: object, status: int) -> None:
    """T3, T4."""
    async with three(tmp_path, timeout=1) as talk:
        carol = await talk.consult(talk.ann, talk.bob)
        if status:
            carol.reject(status)
        else:
            assert await carol.ended() == "cancelled"
        await talk.talk(talk.ann, talk.bob)
        await talk.bob.hangup()
        await talk.ann.ended()


async def test_the_target_does_not_exist(tmp_path: object) -> None:
    """T5."""
    async with three(tmp_path) as talk:
        await talk.press(talk.ann, "*2999")
        await talk.bob.hears(MUSIC)
        await talk.talk(talk.ann, talk.bob)
        await talk.bob.hangup()
        await talk.ann.ended()


async def test_the_transferee_hangs_up_during_the_consultation(tmp_path: object) -> None:
    """T6."""
    async with three(tmp_path) as talk:
        carol = await talk.consult(talk.ann, talk.bob)
        carol.answer()
        carol.play(CAROL)
        await talk.talk(talk.ann, carol)
        await talk.bob.hangup()
        await asyncio.sleep(0)
        await talk.talk(talk.ann, carol)
        await talk.ann.hangup()
        await carol.ended()


async def test_abort_swap_and_three_at_once(tmp_path: object) -> None:
    async with three(tmp_path) as talk:
        carol = await talk.consult(talk.ann, talk.bob)
        carol.answer()
        carol.play(CAROL)
        await talk.talk(talk.ann, carol)
        await talk.press(talk.ann, "*4")
        await carol.hears(MUSIC)
        await talk.talk(talk.ann, talk.bob)
        await talk.press(talk.ann, "*3")
        await talk.ann.hears(BOB, CAROL)
        await talk.bob.hears(ANN, CAROL)
        await carol.hears(ANN, BOB)
        await carol.hangup()
        await talk.talk(talk.ann, talk.bob)
        second = await talk.consult(talk.ann, talk.bob)
        second.answer()
        second.play(CAROL)
        await talk.talk(talk.ann, second)
        await talk.press(talk.ann, "*1")
        await second.ended()
        await talk.talk(talk.ann, talk.bob)
        await talk.ann.hangup()
        await talk.bob.ended()


@BY
async def test_hanging_up_while_it_rings(tmp_path: object, by_caller: bool) -> None:
    """T12."""
    async with three(tmp_path) as talk:
        who, other = sides(talk, by_caller)
        carol = await talk.consult(who, other)
        await who.hangup()
        await until(lambda: other.audio.level(MUSIC) < 0.01)
        carol.answer()
        carol.play(CAROL)
        await talk.talk(other, carol)
        await other.hangup()
        await carol.ended()


async def test_hanging_up_while_it_rings_and_nobody_answers(tmp_path: object) -> None:
    """T13: the transferer is called back."""
    async with three(tmp_path, timeout=2) as talk:
        carol = await talk.consult(talk.ann, talk.bob)
        await talk.ann.hangup()
        assert await carol.ended() == "cancelled"
        back = await talk.world.ann.incoming()
        back.ring()
        back.answer()
        back.play(CAROL)
        await talk.talk(talk.bob, back)
        await back.hangup()
        await talk.bob.ended()


async def test_the_transferee_hangs_up_while_it_rings(tmp_path: object) -> None:
    """T14."""
    async with three(tmp_path) as talk:
        carol = await talk.consult(talk.ann, talk.bob)
        await talk.ann.hangup()
        await talk.bob.hangup()
        assert await carol.ended() == "cancelled"


@pytest.mark.parametrize("mode", ["rfc4733", "info", "inband"])
async def test_keys_in_every_way_that_digits_come(tmp_path: object, mode: str) -> None:
    """Bob ends the call by ``*0``; what starts no code reaches Ann, whole and in order."""
    async with three(tmp_path, mode=mode) as talk:

        async def press(digits: str) -> None:
            if mode == "rfc4733":
                talk.bob.send_digits(digits)
                return
            for digit in digits:
                if mode == "info":
                    body = f"Signal={digit}\r\nDuration=100\r\n".encode()
                    assert (await talk.bob.send("INFO", body, "application/dtmf-relay")).status == 200
                    continue
                for tones in (_TONES[digit], (BOB,)):
                    talk.bob.play(*tones)
                    await until(partial(_has_sent, talk.bob.audio, talk.bob.audio.sent + 5))

        await press("1*2")
        await talk.ann.audio.hears_digits("1")
        await asyncio.sleep(0)
        talk.bob.play(BOB)
        await until(lambda: not talk.world.server.pbx.features.transfers, 10)
        await talk.talk(talk.ann, talk.bob)
        await press("*1")
        await talk.ann.audio.hears_digits("1*1")
        await press("*0" if mode != "inband" else "*")
        if mode == "inband":
            talk.bob.play(*_TONES["0"])
            await until(partial(_has_sent, talk.bob.audio, talk.bob.audio.sent + 5))
            talk.bob.play()
        await talk.ann.ended()
        await talk.bob.ended()


async def test_an_application_is_heard_by_the_one_it_is_for(tmp_path: object) -> None:
    async with three(tmp_path, "105") as talk:
        await talk.press(talk.ann, "*9")
        await talk.bob.hears(1000)  # the beep
        await talk.talk(talk.ann, talk.bob)
        assert talk.bob.audio.digits == ""
        await talk.ann.hangup()
        await talk.bob.ended()


async def test_without_features_packets_are_relayed_with_their_digits(tmp_path: object) -> None:
    async with three(tmp_path, "104") as talk:
        assert [one.technology for one in talk.world.server.pbx.bridges.values()] == ["native_rtp"]
        await talk.press(talk.ann, "*2#1")
        await talk.bob.audio.hears_digits("*2#1")
        await talk.ann.hangup()
        await talk.bob.ended()
