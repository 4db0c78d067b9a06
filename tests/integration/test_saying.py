"""Phones that hear what the Say applications say: every prompt is recognised by its content, and keys are pressed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prompt_kit import Recogniser

from asterism.command.demo.configuration import create
from asterism.testing import Phone, assert_idle, running_server, until

PROMPTS = Path(__file__).resolve().parents[2] / "src/asterism/media/sounds/en"
NAMES = [
    f"{folder}/{path.stem}"
    for folder in ("digits", "letters", "phonetic")
    for path in sorted((PROMPTS / folder).glob("*.ulaw"))
]
PJSIP = """
[101]
type=endpoint
direct_media=no
context=default
disallow=all
allow={codec}
auth=101
aors=101
[101]
type=auth
username=101
password=secret
[101]
type=aor
max_contacts=1
"""
EXTENSIONS = """
[default]
exten => 1,1,Answer()
 same => n,SayNumber(12345)
 same => n,Hangup()
exten => 2,1,Answer()
 same => n,SayDigits(*98#)
 same => n,SayOrdinal(21)
 same => n,Hangup()
exten => 3,1,Answer()
 same => n,SayAlphaCase(a,aB)
 same => n,SayPhonetic(k1)
 same => n,Hangup()
exten => 4,1,Answer()
 same => n,SayMoney(12.34)
 same => n,SayCountedNoun(5,hour)
 same => n,Hangup()
exten => 5,1,Answer()
 same => n,SayUnixTime(1700000000,UTC)
 same => n,Hangup()
exten => 6,1,Answer()
 same => n,Set(CHANNEL(language)=de)
 same => n,SayNumber(21)
 same => n,SayDigits(7)
 same => n,Hangup()
exten => 7,1,Answer()
 same => n,Set(SAY_DTMF_INTERRUPT=true)
 same => n,SayDigits(11111111111111111111)
 same => n,SayDigits(3)
 same => n,Hangup()
exten => 8,1,Answer()
 same => n,SayDigits(8)
 same => n,Hangup()
exten => 9,1,Answer()
 same => n,Playback(${SAYFILES(42,number)})
 same => n,SayNumber(${LONG})
 same => n,SayDigits(9)
 same => n,Hangup()
"""


@asynccontextmanager
async def office(folder: Path, codec: str = "ulaw"):
    config = {"pjsip.conf": PJSIP.format(codec=codec), "extensions.conf": EXTENSIONS}
    async with running_server(config) as server, Phone("101", server, "secret") as phone:
        await phone.register()
        yield server, phone
        await assert_idle(server)


async def heard(server, phone: Phone, extension: str, expected: list[str]) -> list[str]:
    """What a phone hears at an extension until it is hung up; expected names win over others that sound the same."""
    call = await phone.dial(extension)
    await call.answered()
    await call.ended()
    return Recogniser(server.media.sounds, dict.fromkeys([*expected, *NAMES])).hear(b"".join(call.audio.packets))


@pytest.mark.parametrize(
    ("extension", "names"),
    [
        ("1", "digits/12 digits/thousand digits/3 digits/hundred digits/40 digits/5"),
        ("2", "digits/star digits/9 digits/8 digits/pound digits/20 digits/h-1"),
        ("3", "lowercase letters/a uppercase letters/b phonetic/k_p digits/1"),
        ("4", "digits/12 dollars and digits/30 digits/4 cents hours"),
        (
            "5",
            "digits/day-2 digits/mon-10 digits/h-14 digits/2 digits/thousand digits/20 digits/3 digits/at "  # noqa: ISC004
            "digits/10 digits/13 digits/p-m",
        ),
    ],
)
def test_a_phone_hears_the_words(tmp_path: Path, extension: str, names: str) -> None:
    async def main() -> None:
        async with office(tmp_path) as (server, phone):
            assert await heard(server, phone, extension, names.split()) == names.split()

    asyncio.run(main())


def test_a_phone_with_another_codec_hears_the_same(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path, "alaw") as (server, phone):
            expected = ["digits/star", "digits/9", "digits/8", "digits/pound", "digits/20", "digits/h-1"]
            assert await heard(server, phone, "2", expected) == expected

    asyncio.run(main())


def test_a_language_has_its_own_order_and_english_prompts_for_those_it_lacks(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path) as (server, phone):
            # The folder of the user wins; this stands for "einund".
            folder = Path(server.paths.data) / "sounds" / "de" / "digits"
            folder.mkdir(parents=True)
            own = (PROMPTS / "phonetic/g_p.ulaw").read_bytes()
            (folder / "1-and.ulaw").write_bytes(own)
            expected = ["phonetic/g_p", "digits/20", "digits/7"]
            assert await heard(server, phone, "6", expected) == expected

    asyncio.run(main())


def test_a_key_ends_it_and_dials(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path) as (server, phone):
            call = await phone.dial("7")
            await call.answered()
            await until(lambda: call.audio.received > 75)
            call.send_digits("8")
            await call.ended()
            names = Recogniser(server.media.sounds, NAMES).hear(b"".join(call.audio.packets))
            assert names[-1] == "digits/8"
            assert set(names[:-1]) == {"digits/1"}
            assert len(names) < 8

    asyncio.run(main())


def test_a_million_digits_hold_nobody_up_and_the_call_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path) as (server, phone):
            server.pbx.dialplan.set_global("LONG", "7" * 1_000_000)
            assert await heard(server, phone, "9", ["digits/40"]) == ["digits/40", "digits/2", "digits/9"]

    asyncio.run(main())


def test_the_demo_says_the_callers_number_and_the_time(tmp_path: Path) -> None:
    async def main() -> None:
        create(tmp_path / "demo", "127.0.0.1", 5060, 5038)
        extensions = (tmp_path / "demo" / "extensions.conf").read_text()
        endpoint = PJSIP.format(codec="ulaw").replace("context=default", 'context=demo\ncallerid="Ann" <4711>')
        async with (
            running_server({"pjsip.conf": endpoint, "extensions.conf": extensions}) as server,
            Phone("101", server, "secret") as phone,
        ):
            await phone.register()
            number = ["number", "digits/4", "digits/7", "digits/1", "digits/1", "goodbye"]
            assert await heard(server, phone, "606", number) == number
            names = await heard(server, phone, "607", ["at-tone-time-exactly", "beep"])
            assert names[0] == "at-tone-time-exactly"
            assert names[-1] == "beep"
            assert {"digits/a-m", "digits/p-m"} & set(names)
            for code, state in (("*72600", "activated"), ("*73", "de-activated")):
                confirmed = ["call-forwarding", state]
                assert await heard(server, phone, code, confirmed) == confirmed

    asyncio.run(main())
