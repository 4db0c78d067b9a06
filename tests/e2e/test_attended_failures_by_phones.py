"""Foreign phones that consult before they transfer, and what becomes of it when it fails (T3 to T6), or when they
leave while the target still rings (T12 to T14).

baresip presses the keys of ``features.conf``; linphone holds one call, makes another, and sends REFER with Replaces;
SIPp does either, message by message.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from linphone import Linphone
from peers import LIMIT, Baresip, write_wav
from transfer_world import BOB, BY_KEYS, CAROL, MUSIC, World, baresip, keys_and_music, world

from asterism.testing import PhoneCall, level, until

pytestmark = pytest.mark.e2e

ANN = 440
"""Hertz: what the foreign phone says."""

SLACK = 4096
"""Bytes of a recording that may have been heard before, as the phone writes them in pieces of this size."""


class Ann(ABC):
    """The foreign phone, 101, by what its user does."""

    def __init__(self, found: World) -> None:
        self.found = found

    @abstractmethod
    async def call_bob(self) -> None:
        """Call 102."""

    @abstractmethod
    async def consult(self, number: str, bob: PhoneCall) -> None:
        """Have Bob wait, who hears music, and call another number."""

    @abstractmethod
    async def leave(self) -> None:
        """Go, while the second call rings, so that the two others are to talk."""

    @abstractmethod
    async def take_back(self) -> None:
        """Talk to Bob again, after the second call has failed."""

    @abstractmethod
    def recordings(self) -> list[Path]:
        """What it has heard: WAV files at 8 kHz, each a call or several."""

    async def hears(self, frequency: float) -> None:
        """Wait until it has heard a quarter of a second of this tone from now on."""
        begun = {path: path.stat().st_size for path in self.recordings()}

        def most() -> float:
            new = [path.read_bytes()[begun.get(path, 44) + SLACK :] for path in self.recordings()]
            pieces = (one[at : at + 4000] for one in new for at in range(0, len(one) - 3999, 2000))
            return max((level(piece, frequency) for piece in pieces), default=0.0)

        await until(lambda: most() > 0.8, LIMIT, lambda: f"{frequency} Hz: {most():.2f}")

    @abstractmethod
    async def nobody_answered(self, bob: PhoneCall) -> None:
        """After :meth:`leave`: how it and Bob end."""


class AnnByKeys(Ann):
    """baresip."""

    def __init__(self, found: World, phone: Baresip) -> None:
        super().__init__(found)
        self.phone = phone

    async def call_bob(self) -> None:
        await self.phone.registered()
        self.phone.command("dial", f"sip:102@{self.found.host}")

    async def consult(self, number: str, bob: PhoneCall) -> None:
        self._press("*2")
        await bob.hears(MUSIC, timeout=LIMIT)
        self._press(f"{number}#" if number == "999" else number)

    def _press(self, keys: str) -> None:
        for key in keys:
            self.phone.command("sndcode", key)

    async def take_back(self) -> None:
        """It has him without doing anything."""

    async def leave(self) -> None:
        self.phone.command("hangup")
        await self.phone.event("CALL_CLOSED")

    def recordings(self) -> list[Path]:
        return list(self.phone.folder.glob("dump-*-dec.wav"))

    async def nobody_answered(self, bob: PhoneCall) -> None:
        """It is called back, and has Bob again."""
        await self.phone.event("CALL_INCOMING")
        self.phone.command("accept")
        await bob.hears(ANN, timeout=LIMIT)
        await self.hears(BOB)
        await bob.hangup()
        await self.phone.event("CALL_CLOSED", 2)


class AnnByRefer(Ann):
    """linphone."""

    def __init__(self, found: World, phone: Linphone, folder: Path) -> None:
        super().__init__(found)
        self.phone = phone
        self.folder = folder

    async def call_bob(self) -> None:
        await until(lambda: self.found.server.sip.location.contacts("101"), LIMIT)
        write_wav(self.folder / "said.wav", ANN)
        self.phone.say(f"record {self.folder}/heard.wav")
        self.phone.say(f"play {self.folder}/said.wav")
        self.phone.say(f"call sip:102@{self.found.host}")
        await self.phone.tells("Media streams established")

    async def consult(self, number: str, bob: PhoneCall) -> None:
        self.phone.say("pause 1")
        await self.phone.tells("is now paused")
        await bob.hears(MUSIC, timeout=LIMIT)
        self.phone.say(f"call sip:{number}@{self.found.host}")

    async def leave(self) -> None:
        self.phone.say("transfer 1 --to-call 2")

    async def take_back(self) -> None:
        await self.phone.tells("Call 2 with")
        self.phone.say("resume 1")

    def recordings(self) -> list[Path]:
        return list(self.folder.glob("heard.wav"))

    async def nobody_answered(self, bob: PhoneCall) -> None:
        """It has left both calls: Bob's ends."""
        await bob.ended(timeout=LIMIT)


@asynccontextmanager
async def talking(way: str, folder: Path) -> AsyncIterator[tuple[World, Ann, PhoneCall]]:
    """Ann talks to Bob."""
    async with world(folder, BY_KEYS, keys_and_music(folder)) as found:
        if way == "keys":
            async with baresip(folder, f"{found.host}:5060") as phone:
                yield await begun(AnnByKeys(found, phone))
        else:
            async with Linphone(folder / "ann", "101", f"{found.host}:5060", "udp") as console:
                yield await begun(AnnByRefer(found, console, folder))


async def begun(ann: Ann) -> tuple[World, Ann, PhoneCall]:
    calling = asyncio.create_task(ann.call_bob())
    bob = await ann.found.answered(ann.found.bob, BOB)
    await calling
    await bob.hears(ANN, timeout=LIMIT)
    await ann.hears(BOB)
    return ann.found, ann, bob


async def ringing(found: World, ann: Ann, bob: PhoneCall) -> PhoneCall:
    """Carol's phone rings; Bob still hears music."""
    await ann.consult("103", bob)
    carol = await found.carol.incoming(timeout=LIMIT)
    carol.ring()
    await bob.hears(MUSIC, timeout=LIMIT)
    return carol


WAYS = pytest.mark.parametrize("way", ["keys", "refer"])


@WAYS
@pytest.mark.parametrize("why", ["busy", "no-answer", "nobody"])
async def test_the_original_call_goes_on(why: str, way: str, tmp_path: Path) -> None:
    """T3, T4, T5."""
    async with talking(way, tmp_path) as (found, ann, bob):
        if why == "nobody":
            await ann.consult("999", bob)
        else:
            carol = await ringing(found, ann, bob)
            if why == "busy":
                carol.reject()
            else:
                assert await carol.ended(timeout=LIMIT) == "cancelled"
        await ann.take_back()
        await bob.hears(ANN, timeout=LIMIT)
        await ann.hears(BOB)
        assert {one.name[:9] for one in found.server.pbx.channels} == {"PJSIP/101", "PJSIP/102"}
        await bob.hangup()


@WAYS
async def test_the_waiting_party_hangs_up(way: str, tmp_path: Path) -> None:
    """T6: those who consult go on."""
    async with talking(way, tmp_path) as (found, ann, bob):
        carol = await ringing(found, ann, bob)
        carol.answer()
        await carol.answered()
        carol.play(CAROL)
        await carol.hears(ANN, timeout=LIMIT)
        await ann.hears(CAROL)
        await bob.hangup()
        await until(lambda: len(found.server.pbx.bridges) == 1, LIMIT)
        await carol.hears(ANN, timeout=LIMIT)
        await ann.hears(CAROL)
        await carol.hangup()


@WAYS
async def test_the_transferer_leaves_while_it_rings(way: str, tmp_path: Path) -> None:
    """T12."""
    async with talking(way, tmp_path) as (found, ann, bob):
        carol = await ringing(found, ann, bob)
        await ann.leave()
        await until(lambda: bob.audio.level(MUSIC) < 0.01, LIMIT)
        carol.answer()
        await carol.answered()
        carol.play(CAROL)
        await carol.hears(BOB, timeout=LIMIT)
        await bob.hears(CAROL, timeout=LIMIT)
        await until(lambda: len(found.server.pbx.channels) == 2, LIMIT)
        await bob.hangup()
        await carol.ended()


@WAYS
async def test_nobody_answers_when_the_transferer_has_left(way: str, tmp_path: Path) -> None:
    """T13."""
    async with talking(way, tmp_path) as (found, ann, bob):
        carol = await ringing(found, ann, bob)
        await ann.leave()
        assert await carol.ended(timeout=LIMIT) == "cancelled"
        await ann.nobody_answered(bob)


@WAYS
async def test_the_waiting_party_hangs_up_when_the_transferer_has_left(way: str, tmp_path: Path) -> None:
    """T14."""
    async with talking(way, tmp_path) as (found, ann, bob):
        carol = await ringing(found, ann, bob)
        await ann.leave()
        await until(lambda: bob.audio.level(MUSIC) < 0.01, LIMIT)
        await bob.hangup()
        assert await carol.ended(timeout=LIMIT) == "cancelled"
