"""Subscriptions of stock programs: SIPp for each answer and each way to behave, baresip's lamps."""

from __future__ import annotations

import re
import time
from functools import partial
from pathlib import Path

import pytest
from peers import LIMIT, SCENARIOS, Baresip, finish_sipp, own_host, server_process, sipp, start_sipp

from asterism.testing import until

pytestmark = pytest.mark.e2e

EXTENSIONS = """
[phones]
exten => 101,hint,PJSIP/101
exten => 102,hint,PJSIP/102
exten => 200,hint,Custom:lamp,CustomPresence:carol
"""
PJSIP = """
[phone-options](!)
type=endpoint
[mute]
type=endpoint
context=phones
allow=!all,ulaw
auth=mute
allow_subscribe=no
[mute]
type=auth
username=mute
password=secretmute
[slow]
type=endpoint
context=phones
allow=!all,ulaw
auth=slow
sub_min_expiry=100
mailboxes=told@unasked
aors=slow
[slow]
type=auth
username=slow
password=secretslow
[slow]
type=aor
mailboxes=told@unasked
max_contacts=1
[box]
type=aor
mailboxes=6001@default
[103]
type=endpoint
context=phones
allow=!all,ulaw
auth=103
aors=103
[103]
type=auth
username=103
password=secret103
[103]
type=aor
max_contacts=1
mailboxes=6001@default
[team]
type=resource_list
event=presence
list_item=101,102
[loud]
type=resource_list
event=presence
list_item=loud,nobody
"""


def account(user: str, number: str) -> list[str]:
    """SIPp's options."""
    return ["-s", user, "-au", user, "-ap", f"secret{user}", "-m", "1", "-p", "5060", "-key", "number", number]


def filled(name: str, folder: Path, **words: str) -> str:
    """A scenario with words of the test in it."""
    folder.mkdir(parents=True, exist_ok=True)
    text = (SCENARIOS / f"{name}.xml").read_text()
    for word, value in words.items():
        text = text.replace(f"[{word}]", value)
    (folder / f"{name}.xml").write_text(text)
    return str(folder / name)


@pytest.mark.parametrize(
    ("event", "number"), [("presence", "200"), ("dialog", "200"), ("message-summary", "box"), ("presence", "101")]
)
async def test_a_life_of_each_package(tmp_path: Path, event: str, number: str) -> None:
    host = own_host()
    async with server_process(tmp_path / "server", host, EXTENSIONS, PJSIP) as server:
        options = [*account("101", number), "-key", "event", event, "-m", "20", "-r", "20"]
        await sipp("subscribe", f"{host}:5060", own_host(), *options, folder=tmp_path / "phone")
        assert "0 active subscriptions" in server.rx("pjsip show subscriptions inbound").stdout


async def test_a_life_of_a_list(tmp_path: Path) -> None:
    host = own_host()
    folder = tmp_path / "phone"
    folder.mkdir()
    text = (SCENARIOS / "subscribe.xml").read_text()
    (folder / "list.xml").write_text(text.replace("Event: [event]", "Event: [event]\nSupported: eventlist"))
    async with server_process(tmp_path / "server", host, EXTENSIONS, PJSIP) as server:
        options = [*account("101", "team"), "-key", "event", "presence", "-m", "20", "-r", "20"]
        await sipp(str(folder / "list"), f"{host}:5060", own_host(), *options, folder=folder)
        assert "0 active subscriptions" in server.rx("pjsip show subscriptions inbound").stdout


PLAIN = "Event: presence\nExpires: 300"
REFUSALS = {
    "no hint": ("101", "999", PLAIN, 404),
    "no mailbox": ("101", "101", "Event: message-summary", 404),
    "a list that is not asked for as one": ("101", "team", PLAIN, 404),
    "a list of others": ("101", "team", "Event: dialog\nSupported: eventlist", 404),
    "a list without resources": ("101", "loud", "Event: presence\nSupported: eventlist", 404),
    "no event": ("101", "200", "Expires: 300", 489),
    "an unknown event": ("101", "200", "Event: bogus", 489),
    "an unknown type": ("101", "200", "Event: presence\nAccept: application/bogus+xml", 489),
    "too brief": ("slow", "200", "Event: presence\nExpires: 99", 423),
    "may not": ("mute", "200", PLAIN, 603),
    "told unasked": ("slow", "slow", "Event: message-summary", 500),
    "a bad event": ("101", "200", "Event: ;id=1", 400),
    "a bad time": ("101", "200", "Event: presence\nExpires: soon", 400),
    "an extension that it must understand": ("101", "200", f"{PLAIN}\nRequire: nonsense", 420),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_refused(tmp_path: Path, case: str) -> None:
    user, number, lines, status = REFUSALS[case]
    host = own_host()
    async with server_process(tmp_path / "server", host, EXTENSIONS, PJSIP) as server:
        scenario = filled("subscribe_refused", tmp_path / "phone", lines=lines, expected=str(status))
        await sipp(scenario, f"{host}:5060", own_host(), *account(user, number), folder=tmp_path / "phone")
        assert "0 active subscriptions" in server.rx("pjsip show subscriptions inbound").stdout


REPLY = """<send><![CDATA[
SIP/2.0 {status} Answer
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>"""


@pytest.mark.parametrize(("status", "left"), [(481, 0), (404, 0), (489, 0), (500, 1), (200, 1)])
async def test_how_a_notify_is_answered(tmp_path: Path, status: int, left: int) -> None:
    host = own_host()
    async with server_process(tmp_path / "server", host, EXTENSIONS, PJSIP) as server:
        scenario = filled("subscribe_answering", tmp_path / "phone", answer=REPLY.format(status=status))
        await sipp(scenario, f"{host}:5060", own_host(), *account("101", "200"), folder=tmp_path / "phone")
        shown = f"{left} active subscription{'' if left == 1 else 's'}\n"
        await until(lambda: shown in server.rx("pjsip show subscriptions inbound").stdout, LIMIT, "it stays")


async def test_a_subscriber_that_never_answers_is_forgotten(tmp_path: Path) -> None:
    host = own_host()
    system = "[system]\ntype=system\ntimer_t1=100\ntimer_b=6400\n"
    async with server_process(tmp_path / "server", host, EXTENSIONS, PJSIP + system) as server:
        scenario = filled("subscribe_answering", tmp_path / "phone", answer='<pause milliseconds="9000"/>')
        options = [*account("101", "200"), "-nd"]
        running = await start_sipp(scenario, f"{host}:5060", own_host(), *options, folder=tmp_path / "phone")
        began = time.monotonic()
        await until(lambda: "1 active" in server.rx("pjsip show subscriptions inbound").stdout, LIMIT, "none came")
        await until(lambda: "0 active" in server.rx("pjsip show subscriptions inbound").stdout, LIMIT, "it stays")
        assert time.monotonic() - began > 5
        await finish_sipp(running, tmp_path / "phone", "subscribe_answering")


def seen(phone: Baresip, end: re.Pattern[str]) -> bool:
    """Whether the last change that it printed ends so."""
    return end.search(phone.log().rpartition("changed status")[2]) is not None


async def test_baresip_sees_a_lamp(tmp_path: Path) -> None:
    # Not its mwi: version 1.0 at times subscribes anew with every answer, thousands of times a second.
    host = own_host()
    async with server_process(tmp_path / "server", host, EXTENSIONS, PJSIP) as server:
        phone = Baresip(tmp_path / "ann", "103", host, 440)
        config = tmp_path / "ann/config"
        config.write_text(config.read_text() + "module_app contact.so\nmodule_app presence.so\n")
        (tmp_path / "ann/contacts").write_text(f'"Lamp" <sip:200@{host}>;presence=p2p\n')
        async with phone as ann:
            await ann.registered()
            await until(
                lambda: "200/presence" in server.rx("pjsip list subscriptions inbound").stdout, LIMIT, ann.story
            )
            for state, word in (("NOT_INUSE", "Online"), ("UNAVAILABLE", "Offline"), ("INUSE", "Busy")):
                server.rx(f"devstate change Custom:lamp {state}")
                end = re.compile(rf"to \S*{word}\S*\s*$")
                await until(partial(seen, ann, end), LIMIT, ann.story)
