"""Parking between phones: who hears what, by what is on the wire; lamps; nothing is left."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from call_kit import PJSIP, World, two_phones
from manager_kit import MANAGER, manager
from test_demo_forwarding import demo

from asterism.interfaces.console.runner import CommandRunner
from asterism.pbx.assembly.channel import Channel
from asterism.testing import Phone, PhoneCall, running_server, until

ANN, BOB, CAROL, MUSIC, BEEP, FAILED = 440, 660, 520, 2600, 2000, 2300
DIGITS = {"7": 1300, "0": 1000, "1": 1600}
"""The tones by which this test says the digits."""
EXTENSIONS = """
[phones]
exten => 102,1,Dial(PJSIP/102,30,kK)
exten => 7400,1,Park()
exten => 7500,1,Set(CHANNEL(parkinglot)=small)
 same => n,Dial(PJSIP/102,30,kK)
include => parkedcalls
[parkedcallstimeout]
exten => s,1,Answer()
 same => n,Echo()
"""
LOTS = """
[default]
parkext = 700
parkpos = 701-702
parkinghints = yes
parkingtime = {time}
courtesytone = courtesy
parkedmusicclass = waiting
{more}
[small]
context = small
parkpos = 801-801
"""
FEATURES = "[featuremap]\nparkcall = #72\n"
PHONES = PJSIP.replace("[103](phone)", '[103](phone)\ncallerid="Carol" <103>')


def tone(path: Path, frequency: int, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = (8000 * np.sin(2 * np.pi * frequency * np.arange(int(8000 * seconds)) / 8000)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())


@dataclass
class Parked:
    """Three phones; Ann and Bob are in a call."""

    world: World
    carol_phone: Phone
    ann: PhoneCall
    bob: PhoneCall

    def spaces(self) -> list[int]:
        return sorted(call.space for call in self.world.server.pbx.parking.calls.values())

    async def space_said(self, call: PhoneCall, digits: str = "701") -> None:
        for digit in digits:
            await call.hears(DIGITS[digit])

    async def retrieve(self, number: str = "701") -> PhoneCall:
        """Carol dials the space and talks with whoever is there."""
        carol = await self.carol_phone.dial(number)
        await carol.answered()
        carol.play(CAROL)
        return carol


def config(folder: Path, time: int, more: str) -> dict[str, str]:
    tone(folder / "music" / "tone.wav", MUSIC, 1)
    return {
        "pjsip.conf": PHONES,
        "extensions.conf": EXTENSIONS,
        "res_parking.conf": LOTS.replace("{time}", str(time)).replace("{more}", more),
        "features.conf": FEATURES,
        "manager.conf": MANAGER,
        "musiconhold.conf": f"[waiting]\nmode=files\ndirectory={folder}/music\n",
    }


def sounds(world: World) -> None:
    """The sounds of the server: tones."""
    folder = Path(world.server.paths.data) / "sounds" / "en"
    for digit, frequency in DIGITS.items():
        tone(folder / "digits" / f"{digit}.wav", frequency, 0.6)
    tone(folder / "courtesy.wav", BEEP, 0.5)
    tone(folder / "pbx-parkingfailed.wav", FAILED, 0.8)
    tone(folder / "pbx-invalidpark.wav", FAILED, 0.8)


@asynccontextmanager
async def talking(folder: Path, time: int = 45, more: str = "", number: str = "102") -> AsyncIterator[Parked]:
    async with (
        two_phones(config(folder, time, more)) as world,
        Phone("103", world.server, "bob's secret", username="102") as carol,
    ):
        sounds(world)
        await carol.register()
        ann, bob = await world.connect(number)
        ann.play(ANN)
        bob.play(BOB)
        await ann.hears(BOB)
        yield Parked(world, carol, ann, bob)


async def test_a_transfer_to_the_lot_and_the_call_is_retrieved_from_another_phone(tmp_path: Path) -> None:
    async with talking(tmp_path) as calls:
        server = calls.world.server
        response = await calls.bob.refer(f"<{calls.world.bob.uri('700')}>")
        assert response.status == 202
        await calls.space_said(calls.bob)
        assert calls.spaces() == [701]
        await calls.ann.hears(MUSIC)
        assert calls.ann.audio.level(BOB) < 0.02
        await until(lambda: calls.bob.told == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"])
        await calls.bob.ended()
        assert server.pbx.hints.state("parkedcalls", "701")[0].name == "INUSE"
        carol = await calls.carol_phone.dial("701")
        await carol.answered()
        carol.play(CAROL)
        await carol.hears(BEEP)
        await carol.hears(ANN)
        await calls.ann.hears(CAROL)
        assert calls.ann.audio.level(MUSIC) < 0.02
        assert server.pbx.hints.state("parkedcalls", "701")[0].name == "IDLE"
        await carol.hangup()
        await calls.ann.ended()


async def test_a_call_comes_back_to_the_phone_that_parked_it(tmp_path: Path) -> None:
    async with talking(tmp_path, time=3) as calls:
        await calls.bob.refer(f"<{calls.world.bob.uri('700')}>")
        await calls.ann.hears(MUSIC)
        back = await calls.world.bob.incoming()
        back.ring()
        back.answer()
        await back.answered()
        back.play(BOB)
        await back.hears(ANN)
        await calls.ann.hears(BOB)
        assert calls.spaces() == []
        await back.hangup()
        await calls.ann.ended()


async def test_a_lot_without_room_leaves_the_call_as_it_is(tmp_path: Path) -> None:
    async with talking(tmp_path, number="7500") as calls:
        pbx = calls.world.server.pbx
        full = await calls.carol_phone.dial("7400")
        await full.answered()
        (parked,) = pbx.parking.calls
        pbx.parking.lots.get("small").calls[801] = pbx.parking.calls[parked]
        calls.ann.send_digits("#72")
        await calls.ann.hears(FAILED)
        await calls.ann.hears(BOB)
        await calls.bob.hears(ANN)
        pbx.parking.lots.get("small").calls.clear()
        await full.hangup()
        await calls.ann.hangup()
        await calls.bob.ended()


async def test_parking_by_key_from_the_lot_of_the_channel(tmp_path: Path) -> None:
    async with talking(tmp_path) as calls:
        calls.ann.send_digits("#72")
        await calls.space_said(calls.ann)
        await calls.bob.hears(MUSIC)
        assert calls.spaces() == [701]
        await calls.ann.ended()
        carol = await calls.retrieve()
        await carol.hears(BOB)
        await calls.bob.hears(CAROL)
        await calls.bob.hangup()
        await carol.ended()


async def test_who_parks_itself_hears_its_space_then_music(tmp_path: Path) -> None:
    async with talking(tmp_path) as calls:
        carol = await calls.carol_phone.dial("7400")
        await carol.answered()
        await calls.space_said(carol)
        await carol.hears(MUSIC)
        await carol.hangup()
        await until(lambda: calls.spaces() == [])
        await calls.ann.hangup()
        await calls.bob.ended()


async def test_a_space_with_nobody(tmp_path: Path) -> None:
    async with talking(tmp_path) as calls:
        carol = await calls.carol_phone.dial("702")
        await carol.answered()
        await carol.hears(FAILED)
        await carol.ended()
        await calls.ann.hangup()
        await calls.bob.ended()


async def test_reading_the_files_again_leaves_the_parked_call_where_it_is(tmp_path: Path) -> None:
    async with talking(tmp_path) as calls, manager(calls.world.server) as client:
        names = {one.device: one.name for one in calls.world.server.pbx.channels}
        response = await client.action("Park", Channel=names["PJSIP/101"], TimeoutChannel=names["PJSIP/102"])
        assert response["Response"] == "Success", response.text
        await calls.bob.ended()
        printed: list[str] = []
        for command in ("dialplan reload", "module reload res_parking.so", "parking show default"):
            assert await CommandRunner(calls.world.server).run(command, printed.append) == 0
        assert "  Space               :  701\n" in "".join(printed)
        carol = await calls.retrieve()
        await carol.hears(ANN)
        await carol.hangup()
        await calls.ann.ended()
        await client.event("UnParkedCall")


async def test_the_server_stops_with_calls_parked(tmp_path: Path) -> None:
    async with running_server(config(tmp_path, 45, "")) as server, Phone("101", server, "ann's secret") as ann:
        await ann.register()
        call = await ann.dial("7400")
        await call.answered()
        await call.hears(MUSIC)
        assert server.pbx.parking.calls
        await server.stop()
        assert await call.ended() == "BYE received"
    assert not server.pbx.parking.calls
    assert not server.pbx.bridges


async def test_code_parks_a_call_and_brings_another_one_to_it(tmp_path: Path) -> None:
    async with talking(tmp_path) as calls:
        server = calls.world.server

        @server.pbx.extension("phones", "7600")
        async def park(channel: Channel) -> None:
            await channel.park_call(space=702, silent=True)

        @server.pbx.extension("phones", "7601")
        async def fetch(channel: Channel) -> None:
            await server.pbx.parking.retrieve(channel, space=702)

        waits = await calls.carol_phone.dial("7600")
        await waits.answered()
        await waits.hears(MUSIC)
        waits.play(CAROL)
        await calls.ann.hangup()
        await calls.bob.ended()
        ann = await calls.world.ann.dial("7601")
        await ann.answered()
        ann.play(ANN)
        await ann.hears(CAROL)
        await waits.hears(ANN)
        await ann.hangup()
        await waits.ended()


async def test_two_parked_calls_hear_music_and_not_each_other(tmp_path: Path) -> None:
    async with talking(tmp_path) as calls:
        await calls.bob.refer(f"<{calls.world.bob.uri('700')}>")
        carol = await calls.carol_phone.dial("7400")
        await carol.answered()
        carol.play(CAROL)
        await carol.hears(MUSIC)
        await calls.ann.hears(MUSIC)
        assert calls.ann.audio.level(CAROL) < 0.02
        assert carol.audio.level(ANN) < 0.02
        await calls.bob.ended()
        await asyncio.gather(carol.hangup(), calls.ann.hangup())


async def test_the_demo_has_a_lot(tmp_path: Path) -> None:
    async with demo(tmp_path) as (server, one, two, three):
        call = await one.dial("102")
        incoming = await two.incoming()
        incoming.answer()
        await call.answered()
        call.play(ANN)
        await incoming.refer(f"<{two.uri('700')}>")
        await until(lambda: len(server.pbx.parking.calls) == 1)
        assert server.pbx.hints.state("demo", "701")[0].name == "INUSE"
        fetched = await three.dial("701")
        await fetched.answered()
        await fetched.hears(ANN)
        await fetched.hangup()
        await call.ended()
