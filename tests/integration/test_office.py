"""``samples/office``: the server starts with it, and every extension of it does what its comment says."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from server_process import ServerProcess

from asterism.config.file import ConfigFile
from asterism.interfaces.console.runner import CommandRunner
from asterism.server.server import Server
from asterism.testing import Phone, PhoneSubscription, free_port, make_tone, running_server, until
from asterism.testing.tone import prompt

OFFICE = Path(__file__).parents[2] / "samples" / "office"
MUSIC = 850
PHONES = ("201", "202", "203", "204", "205", "206")
PROVIDER = """
[udp]
type=transport
protocol=udp
bind={host}:5060
[5551000]
type=endpoint
context=from-office
allow=!all,ulaw
direct_media=no
auth=5551000
aors=5551000
[5551000]
type=auth
username=5551000
password=change-me-provider
[5551000]
type=aor
max_contacts=1
[outside]
type=endpoint
context=outside
allow=!all,ulaw
direct_media=no
aors=outside
callerid="Mrs Customer" <5559999>
[outside]
type=aor
max_contacts=1
"""
PROVIDED = """
[from-office]
exten => _X.,1,Set(DB(called/number)=${EXTEN})
 same => n,Set(DB(called/caller)=${CALLERID(num)})
 same => n,GotoIf($["${EXTEN}" = "5550000"]?busy)
 same => n,Dial(PJSIP/outside,20)
 same => n(busy),Busy()
[outside]
exten => _X.,1,Dial(PJSIP/5551000/sip:${EXTEN}@{office},20)
 same => n,Hangup(${HANGUPCAUSE})
"""


@dataclass
class World:
    """The office as a process, its phones, its provider and a customer."""

    process: ServerProcess
    provider: Server
    phones: Mapping[str, Phone]
    customer: Phone

    def rx(self, command: str) -> str:
        return self.process.rx(command).stdout

    def words(self, name: str) -> bytes:
        """What is said: linear samples of 8 kHz."""
        return prompt(name, "en", [self.process.etc])

    async def idle(self) -> None:
        await until(lambda: self.rx("core show channels count").startswith("0 active channels"), 10)


async def console(server: Server, line: str) -> str:
    printed: list[str] = []
    await CommandRunner(server).run(line, printed.append)
    return "".join(printed)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{path.name} has no {old!r}"
    path.write_text(text.replace(old, new))


@asynccontextmanager
async def office(tmp_path: Path, hours: str = "*,*,*,*") -> AsyncIterator[World]:
    port, provider_host = free_port(), f"127.3.{free_port() % 250 + 1}.{free_port() % 250 + 2}"
    etc = tmp_path / "etc"
    shutil.copytree(OFFICE, etc, ignore=shutil.ignore_patterns("var"))
    replace(etc / "pjsip.conf", "127.0.0.1:5060", f"127.0.0.1:{port}")
    replace(etc / "pjsip_wizard.conf", "127.0.0.2:5060", f"{provider_host}:5060")
    replace(etc / "extensions.conf", "HOURS = 08:00-18:00,mon-fri,*,*", f"HOURS = {hours}")
    replace(etc / "extensions.conf", "RING = 20", "RING = 2")
    # Music as the comment there says.
    text = (etc / "musiconhold.conf").read_text()
    (etc / "musiconhold.conf").write_text(re.sub(r"(?m)^;(?=\S)", "", text))
    (etc / "moh").mkdir()
    (etc / "moh/tone.sln").write_bytes(make_tone(MUSIC, seconds=2))
    process = ServerProcess(tmp_path)
    here = ("127.0.0.1", port)
    provided = PROVIDED.replace("{office}", f"127.0.0.1:{port}")
    config = {"pjsip.conf": PROVIDER.format(host=provider_host), "extensions.conf": provided}
    phones = {user: Phone(user, here, f"change-me-{user}") for user in PHONES}
    async with running_server(config) as provider, Phone("outside", provider) as customer:
        try:
            await asyncio.to_thread(process.start)
            for phone in (*phones.values(), customer):
                await phone.register()
            world = World(process, provider, phones, customer)
            while "5551000/" not in await console(provider, "pjsip show contacts"):  # noqa: ASYNC110 - a listing
                await asyncio.sleep(0.05)
            yield world
            await world.idle()
            assert await asyncio.to_thread(process.stop) == 0
            output = process.output()
            assert not re.search(r"\b(ERROR|WARNING)\b", output), output
        finally:
            for phone in phones.values():
                phone.close()
            process.__exit__(None, None, None)


async def talk(world: World, caller: Phone, number: str, called: Phone) -> None:
    """A call between two phones: both hear each other."""
    call = await caller.dial(number)
    incoming = await called.incoming()
    incoming.ring()
    incoming.answer()
    await call.answered()
    call.play(440)
    incoming.play(660)
    await incoming.hears(440)
    await call.hears(660)
    await call.hangup()
    await incoming.ended()


async def shows(lamp: PhoneSubscription, state: str) -> None:
    """Wait until the lamp was told this state of a dialog."""
    while f"<state>{state}</state>" not in (await lamp.next()).body.decode():
        pass


async def training(world: World) -> None:
    """Reception hears a call of sales, whispers, and joins in."""
    call = await world.phones["204"].dial("202")
    incoming = await world.phones["202"].incoming()
    incoming.answer()
    await call.answered()
    call.play(440)
    incoming.play(700)
    await incoming.hears(440)
    lead = await world.phones["201"].dial("*45202")
    await lead.answered()
    lead.send_digits("7392#")
    await until(lambda: lead.audio.level(440) > 0.1 and lead.audio.level(700) > 0.1)
    lead.play(1150)
    assert max(call.audio.level(1150), incoming.audio.level(1150)) < 0.05
    lead.send_digits("5")
    await until(lambda: incoming.audio.level(1150) > 0.1)
    assert call.audio.level(1150) < 0.05
    lead.send_digits("6")
    await until(lambda: call.audio.level(1150) > 0.1)
    await call.hangup()
    await lead.ended()


async def people(world: World) -> None:
    ann, pat = world.phones["201"], world.phones["204"]
    await talk(world, ann, "206", world.phones["206"])
    unanswered = await ann.dial("204")
    (await pat.incoming()).ring()
    await unanswered.hears_sound(world.words("office/nobody"))
    assert await unanswered.refused() == 480
    busy = await ann.dial("204")
    (await pat.incoming()).reject(486)
    assert await busy.refused() == 486
    lamp = await ann.subscribe("204", "dialog")
    call = await world.phones["202"].dial("204")
    (await pat.incoming()).ring()
    await shows(lamp, "early")
    await call.cancel()
    await shows(lamp, "terminated")
    await lamp.end()


async def sales(world: World) -> None:
    """Both phones ring, music until one answers; the other stops."""
    call = await world.phones["201"].dial("301")
    sue, sam = [await world.phones[one].incoming() for one in ("202", "203")]
    sue.ring()
    sam.ring()
    await call.hears(MUSIC)
    sam.answer()
    await call.answered()
    assert await sue.ended() == "cancelled"
    call.play(440)
    await sam.hears(440)
    await call.hangup()
    await sam.ended()


async def support(world: World) -> None:
    """One phone after the other, then reception."""
    call = await world.phones["206"].dial("302")
    (await world.phones["204"].incoming()).ring()
    (await world.phones["205"].incoming()).reject(486)
    reception = await world.phones["201"].incoming()
    reception.answer()
    await call.answered()
    reception.play(660)
    await call.hears(660)
    await call.hangup()


async def paging(world: World) -> None:
    """All hear the caller, and answer by themselves; who is in a call is left alone."""
    others = [world.phones[one] for one in ("202", "203", "204", "205", "206")]
    call = await world.phones["201"].dial("310")
    pages = [await one.incoming() for one in others]
    for page in pages:
        assert page.request.get("Call-Info") == "<sip:office>;answer-after=0"
        assert page.request.get("Alert-Info") == "<http://office>;info=alert-autoanswer"
        page.answer()
    await call.answered()
    call.play(440)
    for page in pages:
        await page.hears(440)
    await call.hangup()
    for page in pages:
        await page.ended()


async def meeting(world: World) -> None:
    """The room, its chair, and a guest with a PIN who waits for the chair and leaves with him."""
    ann, bob, chair = (world.phones[one] for one in ("201", "202", "203"))
    lamp = await ann.subscribe("610", "dialog")
    first = await ann.dial("610")
    await first.answered()
    await first.hears_sound(world.words("conf-onlyperson"))
    await shows(lamp, "confirmed")
    second = await bob.dial("610")
    await second.answered()
    first.play(440)
    await second.hears(440)
    guest = await world.customer.dial("5551210")
    await guest.answered()
    await guest.hears_sound(
        world.words("conf-getpin")[3200:]
    )  # its beginning may come before the provider's way is open
    guest.send_digits("4711#")
    await guest.hears_sound(world.words("vm-rec-name"))
    await guest.hears_sound(world.words("beep"))
    guest.play(700)
    await asyncio.sleep(0.6)
    guest.play()
    guest.send_digits("#")
    await guest.hears_sound(world.words("conf-waitforleader"))
    await guest.hears(MUSIC)
    first.play()  # silence, so that the words are heard alone
    lead = await chair.dial("611")
    await lead.answered()
    await second.hears_sound(world.words("confbridge-conf-begin"), timeout=20)
    second.play(440)
    await guest.hears(440)
    second.play()
    lead.audio.packets.clear()  # "The conference ..." is in both
    lead.send_digits("2")
    await lead.hears_sound(world.words("conf-lockednow"))
    third = await world.phones["204"].dial("610")
    await third.hears_sound(world.words("conf-locked"))
    await third.ended()
    await lead.hangup()
    await guest.hears_sound(world.words("conf-leaderhasleft"))
    await guest.ended()
    await first.hangup()
    second.send_digits("8")
    await second.ended()
    await shows(lamp, "terminated")
    await lamp.end()


async def services(world: World) -> None:
    ann = world.phones["201"]
    echo = await ann.dial("600")
    await echo.answered()
    echo.play(700)
    await echo.hears(700)
    echo.send_digits("#")
    await echo.ended()
    clock = await ann.dial("601")
    await clock.hears_sound(world.words("digits/p-m" if time.localtime().tm_hour >= 12 else "digits/a-m"), timeout=10)
    await clock.ended()
    music = await ann.dial("602")
    await music.hears(MUSIC)
    await music.hangup()
    number = await ann.dial("603")
    for digit in "201":
        await number.hears_sound(world.words(f"digits/{digit}"))
    await number.ended()


async def pickup(world: World) -> None:
    """Another phone answers for the one that rings."""
    call = await world.phones["201"].dial("204")
    rings = await world.phones["204"].incoming()
    rings.ring()
    taken = await world.phones["205"].dial("**204")
    await taken.answered()
    await call.answered()
    assert await rings.ended() == "cancelled"
    call.play(440)
    await taken.hears(440)
    await call.hangup()
    await taken.ended()


async def night(world: World) -> None:
    """*28 closes the office for callers, and opens it again; its lamp shows it."""
    ann = world.phones["201"]
    lamp = await ann.subscribe("*28", "dialog")
    for state, words in (("confirmed", "night-on"), ("terminated", "night-off")):
        switch = await ann.dial("*28")
        await switch.hears_sound(world.words(f"office/{words}"))
        await switch.ended()
        await shows(lamp, state)
        if state == "confirmed":
            call = await world.customer.dial("5551000")
            await call.hears_sound(world.words("office/closed"))
            assert await call.ended() == "BYE received"


async def menu(world: World) -> None:
    """Each choice of the menu, from outside and from a phone."""
    choices = (("1", "202"), ("2", "204"), ("0", "201"), ("203", "203"), ("", "201"))
    for number, choice, called in (*(("5551000", *one) for one in choices), ("500", "0", "201")):
        call = await (world.customer if number == "5551000" else world.phones["206"]).dial(number)
        await call.answered()
        await call.hears_sound(world.words("office/welcome"))
        if choice:
            call.send_digits(choice)  # during the words
        else:
            await call.hears_sound(world.words("office/menu"))
        incoming = await world.phones[called].incoming(timeout=20)
        also = await world.phones["203"].incoming() if choice == "1" else None
        incoming.answer()
        if also is not None:
            await also.ended()
        incoming.play(660)
        await call.hears(660)
        await call.hangup()
        await incoming.ended()


async def wrong_choices(world: World) -> None:
    """Three of them, and it is reception that answers."""
    call = await world.customer.dial("5551000")
    await call.answered()
    for _ in range(3):
        await call.hears_sound(world.words("office/menu"))
        call.audio.packets.clear()
        call.send_digits("7")
        await call.hears_sound(world.words("office/invalid"))
        call.audio.packets.clear()
    (await world.phones["201"].incoming()).reject(480)
    await call.hears_sound(world.words("office/nobody"))
    await call.ended()


async def from_provider(world: World) -> None:
    await talk(world, world.customer, "5551203", world.phones["203"])
    wrong = await world.customer.dial("5557777")
    assert await wrong.refused() == 404


async def outside(world: World) -> None:
    await talk(world, world.phones["204"], "05559999", world.customer)
    assert world.customer.calls[-1].request.get("From").startswith('"Office" <sip:5551000@')
    call = await world.phones["204"].dial("112")
    (await world.customer.incoming()).answer()
    await call.answered()
    await call.hangup()
    busy = await world.phones["204"].dial("05550000")
    assert await busy.refused() == 486


DRIVEN: Mapping[tuple[str, str], Callable[[World], Awaitable[None]]] = {
    ("people", "_20[1-6]"): people,
    ("groups", "301"): sales,
    ("groups", "302"): support,
    ("groups", "310"): paging,
    ("answer-by-itself", "s"): paging,
    ("unanswered", "BUSY"): people,
    ("unanswered", "_[A-Z]."): people,
    ("services", "500"): menu,
    ("services", "600"): services,
    ("services", "601"): services,
    ("services", "602"): services,
    ("services", "603"): services,
    ("services", "610"): meeting,
    ("services", "611"): meeting,
    ("services", "_*4520[23]"): training,
    ("services", "*28"): night,
    ("services", "_**20[1-6]"): pickup,
    ("from-provider", "5551000"): menu,
    ("from-provider", "_555120[1-6]"): from_provider,
    ("from-provider", "5551210"): meeting,
    ("from-provider", "_X."): from_provider,
    ("menu", "s"): menu,
    ("menu", "1"): menu,
    ("menu", "2"): menu,
    ("menu", "0"): menu,
    ("menu", "_20[1-6]"): menu,
    ("menu", "i"): wrong_choices,
    ("menu", "t"): menu,
    ("menu", "reception"): wrong_choices,
    ("outside", "112"): outside,
    ("outside", "_0X."): outside,
}
"""How each extension is driven."""


def test_each_extension_is_driven() -> None:
    found = set()
    for section in ConfigFile.load(OFFICE / "extensions.conf").sections:
        for option in section:
            if option.name == "exten":
                found.add((section.name, option.value.partition(",")[0]))
    assert found == set(DRIVEN)


LONG = {meeting, outside, paging, pickup, sales, services, support, training, wrong_choices}
"""What ``make long`` drives; the others are the menu and what most calls use."""
DRIVES = [
    pytest.param(drive, id=drive.__name__, marks=[pytest.mark.long] if drive in LONG else [])
    for drive in dict.fromkeys(DRIVEN.values())
]


@pytest.mark.parametrize("drive", DRIVES)
async def test_every_extension(tmp_path: Path, drive: Callable[[World], Awaitable[None]]) -> None:
    async with office(tmp_path) as world:
        await drive(world)


async def test_closed_by_the_clock(tmp_path: Path) -> None:
    """Nobody answers outside of the hours."""
    tomorrow = time.strftime("%a", time.localtime(time.time() + 36 * 3600)).lower()
    async with office(tmp_path, f"*,{tomorrow},*,*") as world:
        call = await world.customer.dial("5551000")
        await call.hears_sound(world.words("office/closed"))
        assert await call.ended(timeout=20) == "BYE received"
