"""Page with phones: who hears whom, what rings, what is recorded, and that nothing is left."""

from __future__ import annotations

import asyncio
import logging
import re
import wave
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from call_kit import PJSIP, World, two_phones
from manager_kit import MANAGER, RECORD, manager
from test_parking import tone

from asterism.core.log import VERBOSE
from asterism.interfaces.console.runner import CommandRunner
from asterism.testing import Phone, PhoneCall, until

ANN, BOB, CAROL, BEEP, NEWS = 440, 660, 520, 2000, 1300
EXTENSIONS = """
[phones]
exten => 800,1,Page(PJSIP/102&PJSIP/103&PJSIP/101,,10)
 same => n,UserEvent(Dialled,Status: ${CONFBRIDGE_RESULT},Cause: 0)
exten => 801,1,Page(PJSIP/102&PJSIP/103,dq)
exten => 802,1,Page(PJSIP/102&PJSIP/103,qA(news)b(answer^s^1(now)))
exten => 803,1,Page(PJSIP/102&PJSIP/103,qnA(news)r)
exten => 804,1,Page(PJSIP/102&PJSIP/103,q,0.3)
exten => 805,1,Page(PJSIP/102&PJSIP/103,qs)
exten => 806,1,Page(PJSIP/102&PJSIP/103,,5)
exten => 900,1,Answer()
 same => n,Echo()
exten => h,1,UserEvent(Dialled,Status: ${CONFBRIDGE_RESULT},Cause: 0)
[answer]
exten => s,1,Set(PJSIP_HEADER(add,Alert-Info)=<http://none>\\;info=${ARG1})
 same => n,Return()
"""
PHONES = PJSIP.replace("[103](phone)", '[103](phone)\ncallerid="Carol" <103>')


@dataclass
class Hall:
    """Three phones and their server."""

    world: World
    carol: Phone

    async def page(self, number: str) -> PhoneCall:
        return await self.world.ann.dial(number)

    async def answer(self) -> tuple[PhoneCall, PhoneCall]:
        bob, carol = await self.world.bob.incoming(), await self.carol.incoming()
        for call in (bob, carol):
            call.ring()
            call.answer()
        await bob.answered()
        await carol.answered()
        return bob, carol

    async def nobody_is_left(self) -> None:
        pbx = self.world.server.pbx
        await until(lambda: not (pbx.bridges or pbx.conferences or len(pbx.channels)))


@asynccontextmanager
async def hall() -> AsyncIterator[Hall]:
    files = {"pjsip.conf": PHONES, "extensions.conf": EXTENSIONS, "manager.conf": MANAGER}
    async with two_phones(files) as world, Phone("103", world.server, "bob's secret", username="102") as carol:
        await carol.register()
        folder = Path(world.server.paths.data) / "sounds" / "en"
        tone(folder / "beep.wav", BEEP, 0.5)
        tone(folder / "news.wav", NEWS, 1)
        yield Hall(world, carol)


async def test_the_caller_hears_a_beep_and_is_heard_by_all_and_hears_none() -> None:
    async with hall() as each:
        ann = await each.page("800")
        bob, carol = await each.answer()
        await ann.hears(BEEP)
        await ann.answered()
        ann.play(ANN)
        bob.play(BOB)
        carol.play(CAROL)
        await bob.hears(ANN)
        await carol.hears(ANN)
        for call, other in ((ann, BOB), (ann, CAROL), (bob, CAROL), (carol, BOB)):
            assert call.audio.level(other) < 0.02
        await ann.hangup()
        assert [await bob.ended(), await carol.ended()] == ["BYE received"] * 2
        await each.nobody_is_left()
        assert each.world.dialled == [("HANGUP", "0")]


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(VERBOSE)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if record.levelno == VERBOSE and not re.match(
            r"Channel \S+ (joined|left) |Spawn ", line
        ):  # the record has them not
            self.lines.append(line)


def comparable(lines: Iterable[str]) -> list[str]:
    """Lines of the console that are equal in two servers: without numbers of calls, phones and kinds of files."""
    found = []
    for line in lines:
        line = re.sub(r"-[0-9a-f]{8}", "", line.removeprefix("pbx.c: ").removeprefix("file.c: "))
        found.append(re.sub(r"\.(gsm|wav|ulaw)'", "'", line))
    return found


async def test_the_console_says_what_happens_as_recorded() -> None:
    recorded = (RECORD / "call_applications.txt").read_text()
    part = recorded.partition("verbose log: Page(PJSIP/bob&PJSIP/carol,,5)\n")[2].partition("\n\n")[0]
    for theirs, ours in (("alice", "101"), ("bob", "102"), ("carol", "103"), ("internal", "phones"), ("7903", "806")):
        part = part.replace(theirs, ours)
    async with hall() as each:
        lines = _Lines()
        log = each.world.server.log
        log.addHandler(lines)
        log.verbose_level = 3
        ann = await each.page("806")
        await each.answer()
        await ann.answered()
        await ann.hears(BEEP)
        await asyncio.sleep(0.6)
        await ann.hangup()
        await each.nobody_is_left()
        log.removeHandler(lines)
    wanted = [re.sub(r'NoOp\((.*), "hangup"\)', r"UserEvent(\1)", line) for line in comparable(part.split("\n"))]
    assert [re.sub(r'(UserEvent\("[^"]*"), "[^"]*"\)', r"\1)", line) for line in comparable(lines.lines)] == wanted


async def test_all_hear_all_in_full_duplex_and_the_others_may_leave() -> None:
    async with hall() as each:
        ann = await each.page("801")
        await ann.answered()
        bob, carol = await each.answer()
        ann.play(ANN)
        bob.play(BOB)
        carol.play(CAROL)
        await ann.hears(BOB, CAROL)
        await bob.hears(ANN, CAROL)
        await carol.hears(ANN, BOB)
        await bob.hangup()
        await carol.hears(ANN)
        await carol.hangup()
        await until(lambda: [len(one.users) for one in each.world.server.pbx.conferences.values()] == [1])
        assert ann.established
        await ann.hangup()
        await each.nobody_is_left()


async def test_an_announcement_and_a_header_by_which_phones_answer() -> None:
    async with hall() as each:
        ann = await each.page("802")
        bob, carol = await each.world.bob.incoming(), await each.carol.incoming()
        for call in (bob, carol):
            assert str(call.request.get("Alert-Info")) == "<http://none>;info=now"
            assert '"Ann Example" <sip:101@' in str(call.request.get("From"))
        bob.answer()
        await bob.hears(NEWS)
        await ann.hears(NEWS)
        carol.answer()
        await carol.hears(NEWS)
        ann.play(ANN)
        await carol.hears(ANN)
        await bob.hears(ANN)
        await ann.hangup()
        await bob.ended()
        await carol.ended()
        await each.nobody_is_left()


async def test_who_hears_the_announcement_when_the_caller_leaves_is_let_go_of() -> None:
    async with hall() as each:
        ann = await each.page("802")
        bob, carol = await each.world.bob.incoming(), await each.carol.incoming()
        await ann.answered()
        bob.answer()
        await bob.hears(NEWS)
        await ann.hangup()
        assert await bob.ended() == "BYE received"
        assert await carol.ended() == "cancelled"
        await each.nobody_is_left()


async def test_a_page_is_recorded_with_all_that_is_said() -> None:
    async with hall() as each, manager(each.world.server) as client:
        ann = await each.page("803")
        await ann.answered()
        assert ann.audio.level(NEWS) < 0.02
        bob, carol = await each.answer()
        ann.play(ANN)
        await bob.hears(ANN)
        folder = Path(each.world.server.paths.spool) / "monitor"
        await until(lambda: [path for path in folder.glob("confbridge-*.wav") if path.stat().st_size > 16000])
        await ann.hangup()
        await bob.ended()
        await carol.ended()
        await each.nobody_is_left()
        (path,) = folder.glob("confbridge-*.wav")
        with wave.open(str(path)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        spectrum = np.abs(np.fft.rfft(samples))
        assert abs(np.argmax(spectrum) * 8000 / len(samples) - ANN) < 20
        await client.action("Ping")
        names = [event["Event"] for event in client.events if event["Event"].startswith("Confbridge")]
        assert [name for name in names if "Record" in name] == ["ConfbridgeRecord", "ConfbridgeStopRecord"]


async def test_who_does_not_answer_in_time_is_not_called_any_longer() -> None:
    async with hall() as each:
        ann = await each.page("804")
        await ann.answered()
        bob, carol = await each.world.bob.incoming(), await each.carol.incoming()
        carol.answer()
        bob.ring()
        assert await bob.ended() == "cancelled"
        ann.play(ANN)
        await carol.hears(ANN)
        await ann.hangup()
        await carol.ended()
        await each.nobody_is_left()


async def test_a_phone_in_a_call_is_left_out_if_asked() -> None:
    async with hall() as each:
        busy = await each.world.bob.dial("900")
        await busy.answered()
        ann = await each.page("805")
        carol = await each.carol.incoming()
        carol.answer()
        ann.play(ANN)
        await carol.hears(ANN)
        assert not each.world.bob._waiting
        await ann.hangup()
        await carol.ended()
        await busy.hangup()
        await each.nobody_is_left()


async def test_a_caller_who_hangs_up_at_once_pages_nobody() -> None:
    async with hall() as each:
        ann = await each.page("800")
        bob = await each.world.bob.incoming()
        await ann.answered()
        await ann.hangup()
        assert await bob.ended() == "cancelled"
        await each.nobody_is_left()


async def test_the_console_lists_the_page_and_a_kicked_caller_goes_on() -> None:
    async with hall() as each:
        ann = await each.page("800")
        bob, carol = await each.answer()
        await ann.answered()
        await until(lambda: [len(one.users) for one in each.world.server.pbx.conferences.values()] == [3])
        printed: list[str] = []
        await CommandRunner(each.world.server).run("confbridge list", printed.append)
        assert "".join(printed).splitlines()[2].split()[1:] == ["3", "1", "No", "No"]
        bridge = next(iter(each.world.server.pbx.bridges.values()))
        leader = next(channel for channel in bridge.channels if channel.device == "PJSIP/101")
        await CommandRunner(each.world.server).run(f"bridge kick {bridge.uniqueid} {leader.name}", printed.append)
        await bob.ended()
        await carol.ended()
        await until(lambda: each.world.dialled[:1] == [("KICKED", "0")])
        await ann.ended()
        await each.nobody_is_left()
