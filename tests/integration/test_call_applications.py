"""Calls beside a call, with phones that hear: Originate and its kin, groups, call files."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from call_kit import PJSIP, World, two_phones
from test_parking import tone

from asterism.pbx.calls.spool import module as spool
from asterism.testing import until

ANN, BOB, GREETING = 440, 660, 1300
EXTENSIONS = """
[phones]
exten => 102,1,Dial(PJSIP/102,30)
exten => 600,1,Answer()
 same => n,Echo()
exten => 601,1,Answer()
 same => n,Playback(greeting)
 same => n,Echo()
exten => 700,1,Answer()
 same => n,Originate(PJSIP/102,app,Playback,greeting,,10,c(555)n(Front desk)v(A=1))
 same => n,UserEvent(Dialled,Status: ${ORIGINATE_STATUS},Cause: 0)
 same => n,Echo()
exten => 701,1,Originate(PJSIP/102,exten,phones,601,1,10,a)
 same => n,UserEvent(Dialled,Status: ${ORIGINATE_STATUS},Cause: 0)
 same => n,Hangup()
exten => 702,1,Originate(PJSIP/102,exten,phones,601,1,10)
 same => n,UserEvent(Dialled,Status: ${ORIGINATE_STATUS},Cause: 0)
 same => n,Hangup()
exten => 710,1,ChanIsAvail(PJSIP/103&PJSIP/102)
 same => n,UserEvent(Dialled,Status: ${AVAILORIGCHAN} ${AVAILSTATUS},Cause: ${AVAILCAUSECODE})
 same => n,ChanIsAvail(PJSIP/101,s)
 same => n,UserEvent(Dialled,Status: ${AVAILORIGCHAN} ${AVAILSTATUS},Cause: ${AVAILCAUSECODE})
 same => n,Hangup()
exten => 720,1,SoftHangup(PJSIP/102)
 same => n,Hangup()
exten => 730,1,ChannelRedirect(${GLOBAL(BOB)},phones,601,1)
 same => n,UserEvent(Dialled,Status: ${CHANNELREDIRECT_STATUS},Cause: 0)
 same => n,ChannelRedirect(PJSIP/none,phones,601,1)
 same => n,UserEvent(Dialled,Status: ${CHANNELREDIRECT_STATUS},Cause: 0)
 same => n,Hangup()
exten => 740,1,Set(GROUP(trunk)=out)
 same => n,GotoIf($[${GROUP_COUNT(out@trunk)} > 1]?full)
 same => n,Answer()
 same => n,Echo()
 same => n(full),UserEvent(Dialled,Status: ${GROUP_COUNT(@trunk)} ${GROUP_MATCH_COUNT(^o@tr)} ${GROUP_LIST()},Cause: 0)
 same => n,Congestion()
exten => 760,1,Set(GLOBAL(BOB)=${CHANNEL})
 same => n,Answer()
 same => n,Echo()
"""


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    async with two_phones({"extensions.conf": EXTENSIONS, "pjsip.conf": PJSIP}) as found:
        tone(Path(found.server.paths.data) / "sounds" / "en" / "greeting.wav", GREETING, 2)
        yield found


async def told(found: World, *wanted: tuple[str, str]) -> None:
    await until(lambda: len(found.dialled) >= len(wanted))
    assert found.dialled == list(wanted)


async def test_an_originated_call_hears_its_application_and_the_caller_goes_on() -> None:
    async with world() as found:
        ann = await found.ann.dial("700")
        bob = await found.bob.incoming()
        assert '"Front desk" <sip:555@' in str(bob.request.get("From"))
        bob.answer()
        await bob.answered()
        await bob.hears(GREETING)
        await told(found, ("SUCCESS", "0"))
        ann.play(ANN)
        await ann.hears(ANN)
        assert bob.audio.level(ANN) < 0.02
        await bob.ended()
        await ann.hangup()


async def test_the_caller_of_an_asynchronous_one_is_gone_before_the_answer() -> None:
    async with world() as found:
        ann = await found.ann.dial("701")
        await ann.refused()
        await told(found, ("SUCCESS", "0"))
        bob = await found.bob.incoming()
        bob.answer()
        await bob.hears(GREETING)
        bob.play(BOB)
        await bob.hears(BOB)
        await bob.hangup()


async def test_a_busy_phone_is_told() -> None:
    async with world() as found:
        ann = await found.ann.dial("702")
        (await found.bob.incoming()).reject(486)
        await ann.refused()
        await told(found, ("BUSY", "0"))


async def test_a_phone_that_is_there_is_available_and_does_not_ring() -> None:
    async with world() as found:
        await (await found.ann.dial("710")).refused()
        await told(found, ("PJSIP/102 0", "0"), ("2", "0"))
        assert found.bob.calls == []


async def test_another_channel_is_hung_up() -> None:
    async with world() as found:
        bob = await found.bob.dial("760")
        await bob.answered()
        await (await found.ann.dial("720")).refused()
        assert await bob.ended() == "BYE received"


async def test_another_channel_is_sent_elsewhere_and_hears_it() -> None:
    async with world() as found:
        bob = await found.bob.dial("760")
        await bob.answered()
        bob.play(BOB)
        await bob.hears(BOB)
        await (await found.ann.dial("730")).refused()
        await told(found, ("SUCCESS", "0"), ("NOCHANNEL", "0"))
        await bob.hears(GREETING)
        await bob.hangup()


async def test_a_group_limits_calls() -> None:
    async with world() as found:
        bob = await found.bob.dial("740")
        await bob.answered()
        assert await (await found.ann.dial("740")).refused() == 503
        await told(found, ("2 2 out@trunk", "0"))
        await bob.hangup()
        ann = await found.ann.dial("740")
        await ann.answered()
        await ann.hangup()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "INTERVAL", 0.05)
    monkeypatch.setattr(spool, "SETTLED", 0.2)


def call_file(found: World, text: str, name: str = "b.call") -> Path:
    """Write a file beside the folder, and move it there."""
    folder = Path(found.server.paths.spool)
    (folder / name).write_text(text)
    os.utime(folder / name, (1_000_000, 1_000_000))
    (folder / name).replace(folder / "outgoing" / name)
    return folder / "outgoing" / name


@pytest.mark.usefixtures("quick")
async def test_a_call_file_calls_a_phone_which_hears_and_presses() -> None:
    async with world() as found:
        outgoing = Path(found.server.paths.spool) / "outgoing"
        await until(outgoing.is_dir)
        path = call_file(
            found,
            'Channel: PJSIP/102\nCallerID: "Reminder" <555>\nMaxRetries: 1\nRetryTime: 0\nContext: phones\n'
            "Extension: 601\nPriority: 1\nSetvar: A=1\nArchive: yes\n",
        )
        (await found.bob.incoming()).reject(486)
        bob = await found.bob.incoming()
        assert '"Reminder" <sip:555@' in str(bob.request.get("From"))
        bob.answer()
        await bob.hears(GREETING)
        assert path.exists()
        bob.play(BOB)
        await bob.hears(BOB)
        await bob.hangup()
        await until(lambda: not path.exists())
        text = (outgoing.parent / "outgoing_done" / "b.call").read_text()
        assert text.endswith("\nStatus: Completed\n")
        assert [line.split(":")[0] for line in text.splitlines() if re.match("StartRetry|EndRetry", line)] == [
            "StartRetry", "EndRetry", "StartRetry",
        ]  # fmt: skip


@pytest.mark.usefixtures("quick")
async def test_a_call_file_survives_a_server_that_was_killed_and_another_is_written_meanwhile() -> None:
    async with world() as found:
        outgoing = Path(found.server.paths.spool) / "outgoing"
        await until(outgoing.is_dir)
        half = outgoing / "half.call"
        half.write_text("Channel: PJSIP/102\n")  # not done yet
        left = call_file(
            found,
            "Channel: PJSIP/102\nApplication: Playback\nData: greeting\nMaxRetries: 1\nRetryTime: 0\n"
            "\nStartRetry: 1 1 (1000000)\n",
        )
        bob = await found.bob.incoming()
        bob.answer()
        await bob.hears(GREETING)
        assert "AbortRetry" in left.read_text()
        await bob.ended()
        await until(lambda: not left.exists())
        with half.open("a") as file:
            file.write("Application: Echo\n")
        bob = await found.bob.incoming()
        bob.answer()
        bob.play(BOB)
        await bob.hears(BOB)
        await bob.hangup()
        await until(lambda: not half.exists())


@pytest.mark.usefixtures("quick")
async def test_what_is_no_call_file_harms_nobody() -> None:
    async with world() as found:
        outgoing = Path(found.server.paths.spool) / "outgoing"
        await until(outgoing.is_dir)
        os.mkfifo(outgoing / "pipe")
        (outgoing / "link").symlink_to("/dev/zero")
        (outgoing / "folder").mkdir()
        with (outgoing / "huge").open("wb") as file:
            file.truncate(4 << 30)
        (outgoing / "binary").write_bytes(os.urandom(5000) + b"\0")
        for each in outgoing.iterdir():
            os.utime(each, (1_000_000, 1_000_000), follow_symlinks=False)
        call_file(found, "Channel: PJSIP/102\nApplication: Echo\n", "z.call")
        bob = await asyncio.wait_for(found.bob.incoming(), 5)
        bob.answer()
        await bob.answered()
        await bob.hangup()
        assert sorted(each.name for each in outgoing.iterdir() if each.name != "z.call") == [
            "binary", "folder", "huge", "link", "pipe",
        ]  # fmt: skip


async def test_a_server_makes_the_folder_for_itself_alone() -> None:
    async with world() as found:
        outgoing = Path(found.server.paths.spool) / "outgoing"
        await until(outgoing.is_dir)
        assert outgoing.stat().st_mode & 0o007 == 0
