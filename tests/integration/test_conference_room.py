"""A conference of phones, by what each hears: who waits, who is muted, what is announced, recorded and told of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from call_kit import EXTENSIONS, PJSIP, World, two_phones
from recorded_kit import heard, samples_of

from asterism.core.events import EventType
from asterism.pbx.calls.conference.conference import Conference, User
from asterism.pbx.calls.conference.events import CONFBRIDGE_TALKING
from asterism.pbx.calls.conference.profiles import BridgeProfile, UserProfile
from asterism.pbx.channels.channel import Channel
from asterism.testing import Phone, PhoneCall, until
from asterism.testing.tone import prompt

TONES = (440, 700, 1000)


class Room:
    """Phones of a server that come into a conference, each with a profile of its own."""

    def __init__(self, world: World, phones: list[Phone], profile: BridgeProfile) -> None:
        self.world = world
        self.phones = phones
        self.profile = profile
        self.profiles: list[UserProfile] = []

        @world.server.pbx.extension("phones", "700")
        async def come(channel: Channel) -> None:
            await channel.answer()  # type: ignore[attr-defined]
            user = User(channel, self.profiles.pop(0))
            await self.conference.attend(user)

    @property
    def conference(self) -> Conference:
        pbx = self.world.server.pbx
        found: Conference | None = pbx.conferences.get("room")
        return found or Conference(pbx, "room", self.profile)

    async def enter(self, phone: int, **options: Any) -> PhoneCall:
        self.profiles.append(UserProfile(f"user{phone}", **options))
        call = await self.phones[phone].dial("700")
        await call.answered()
        call.audio.play(TONES[phone])
        return call

    def user(self, number: int) -> User:
        """The user that came as the ``number``-th."""
        return list(self.conference.users.values())[number]


@asynccontextmanager
async def room(codecs: str = "ulaw,alaw", **options: Any) -> AsyncIterator[Room]:
    pjsip = PJSIP.replace("allow=ulaw,alaw", f"allow={codecs}") + (
        "\n[104](phone)\nauth=104\naors=104\n[104]\ntype=auth\nusername=104\npassword=carol's\n[104]\ntype=aor\n"
    )
    async with two_phones({"pjsip.conf": pjsip, "extensions.conf": EXTENSIONS}, register=False) as world:
        async with Phone("104", world.server, "carol's") as carol:
            yield Room(world, [world.ann, world.bob, carol], BridgeProfile("default_bridge", **options))
        pbx = world.server.pbx
        await until(lambda: not pbx.conferences and not pbx.bridges)


def others(own: int) -> list[int]:
    return [tone for number, tone in enumerate(TONES) if number != own]


async def test_each_hears_the_others_and_one_who_is_muted_is_not_heard() -> None:
    async with room() as found:
        calls = [await found.enter(number) for number in range(3)]
        await asyncio.gather(*(call.audio.hears(*others(number)) for number, call in enumerate(calls)))
        for number, call in enumerate(calls):
            assert call.audio.level(TONES[number]) < 0.02
        found.conference.mute(found.user(2))
        await asyncio.gather(calls[0].audio.hears(TONES[1]), calls[1].audio.hears(TONES[0]))
        await calls[2].audio.hears(TONES[0], TONES[1])
        found.conference.mute(found.user(2), False)
        await calls[0].audio.hears(TONES[1], TONES[2])
        await asyncio.gather(*(call.hangup() for call in calls))


async def test_one_leaves_and_the_others_go_on() -> None:
    async with room() as found:
        calls = [await found.enter(number) for number in range(3)]
        await calls[0].audio.hears(*others(0))
        await calls[1].hangup()
        await asyncio.gather(calls[0].audio.hears(TONES[2]), calls[2].audio.hears(TONES[0]))
        await asyncio.gather(calls[0].hangup(), calls[2].hangup())


async def test_who_waits_hears_silence_until_a_marked_user_comes() -> None:
    async with room() as found:
        waiting, plain = await found.enter(0, wait_marked=True), await found.enter(1)
        start = waiting.audio.received
        await until(lambda: waiting.audio.received > start + 25)
        assert waiting.audio.level(TONES[1]) == 0.0
        assert plain.audio.level(TONES[0]) == 0.0
        leader = await found.enter(2, marked=True)
        await asyncio.gather(waiting.audio.hears(*others(0)), plain.audio.hears(*others(1)))
        await leader.hangup()
        await until(lambda: found.user(0).waiting)
        start = waiting.audio.received
        await until(lambda: waiting.audio.received > start + 25)
        assert waiting.audio.level(TONES[1]) == 0.0
        await asyncio.gather(waiting.hangup(), plain.hangup())


async def test_all_hear_an_announcement() -> None:
    async with room(language="en") as found:
        calls = [await found.enter(number) for number in range(2)]
        for call in calls:
            call.audio.play()
        assert await found.conference.announce("hello-world", "beep")
        for call in calls:
            await call.audio.hears_sound(prompt("hello-world"))
        await asyncio.gather(*(call.hangup() for call in calls))


async def test_it_is_told_who_talks() -> None:
    async with room() as found:
        told: list[tuple[str, bool]] = []

        def note(_type: EventType, args: tuple[Any, ...]) -> None:
            told.append((args[1].profile.name, args[2]))

        found.world.server.subscribe(CONFBRIDGE_TALKING, note)
        first = await found.enter(0, talk_detection_events=True, dsp_silence_threshold=200)
        second = await found.enter(1)
        await until(lambda: told == [("user0", True)])
        assert found.user(0).talking
        first.audio.play()
        await until(lambda: told == [("user0", True), ("user0", False)])
        await asyncio.gather(first.hangup(), second.hangup())


async def test_silence_that_is_dropped_is_not_mixed() -> None:
    async with room() as found:
        noisy = await found.enter(0, dsp_drop_silence=True, dsp_talking_threshold=9000, dsp_silence_threshold=200)
        second, third = await found.enter(1), await found.enter(2)
        await asyncio.gather(second.audio.hears(TONES[2]), third.audio.hears(TONES[1]))
        await asyncio.gather(noisy.hangup(), second.hangup(), third.hangup())


async def test_the_record_holds_what_all_said() -> None:
    async with room(record_conference=True, record_file="meeting.wav") as found:
        calls = [await found.enter(number) for number in range(2)]
        await asyncio.gather(calls[0].audio.hears(TONES[1]), calls[1].audio.hears(TONES[0]))
        await asyncio.sleep(0.5)
        (recording,) = found.world.server.pbx.recordings
        await asyncio.gather(*(call.hangup() for call in calls))
        await recording.wait(5)
        pcm = samples_of(recording.path)[0]
        assert recording.path.name.startswith("meeting-")
        for number in range(2):
            assert sum(heard(pcm, TONES[number])) > 3


@pytest.mark.parametrize("interval", [10, 40, 80])
async def test_intervals_change_nothing_that_is_heard(interval: int) -> None:
    async with room("g722,ulaw", mixing_interval=interval) as found:
        calls = [await found.enter(number) for number in range(3)]
        await asyncio.gather(*(call.audio.hears(*others(number)) for number, call in enumerate(calls)))
        clocks = found.world.server.pbx.bridges
        assert len(clocks.clock_of(min(interval, 20))) == 1
        await asyncio.gather(*(call.hangup() for call in calls))


@pytest.mark.parametrize(
    ("options", "rate"), [({}, 8000), ({"internal_sample_rate": 32000}, 32000), ({"maximum_sample_rate": 8000}, 8000)]
)
async def test_rates(options: dict[str, Any], rate: int) -> None:
    async with room(**options) as found:
        calls = [await found.enter(number) for number in range(2)]
        await asyncio.gather(calls[0].audio.hears(TONES[1]), calls[1].audio.hears(TONES[0]))
        mixing: Any = found.conference.bridge._mixer
        assert mixing._mixer.rate == rate
        await asyncio.gather(*(call.hangup() for call in calls))


async def test_ten_parties_in_time_and_nothing_left() -> None:
    """As ``python -m bench parties``, in short: what each is sent comes without a gap, and all of it ends."""
    async with room() as found:
        tasks = len(asyncio.all_tasks())
        calls = []
        for number in range(10):
            call = await found.enter(number % 3)
            call.audio.play(*([TONES[0]] if number == 0 else []))
            calls.append(call)
        await asyncio.gather(*(call.audio.hears(TONES[0]) for call in calls[1:]))
        starts = [call.audio.received for call in calls]
        begun = asyncio.get_running_loop().time()
        for _ in range(20):  # others come and go
            visitor = await found.enter(2)
            await visitor.hangup()
        await asyncio.sleep(1)
        packets = (asyncio.get_running_loop().time() - begun) * 50
        for call, start in zip(calls, starts, strict=True):
            assert abs(call.audio.received - start - packets) < 15
        await asyncio.gather(*(call.audio.hears(TONES[0]) for call in calls[1:]))
        assert len(found.conference.users) == 10
        await asyncio.gather(*(call.hangup() for call in calls))
        await until(lambda: not found.world.server.pbx.conferences)
        await until(lambda: len(asyncio.all_tasks()) <= tasks)
