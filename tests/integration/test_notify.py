"""NOTIFYs sent by hand: console, manager, dialplan; as recorded, and what may not be set."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from call_kit import CONFIG, World, two_phones
from manager_kit import MANAGER, RECORD, manager

from asterism.interfaces.console.runner import CommandRunner
from asterism.stack.message import Request
from asterism.stack.parser import parse_message
from asterism.testing import Phone, until

TEMPLATES = """
[snom-check-cfg]
Event=>check-sync\\;reboot=false
[clear-mwi]
Event=>message-summary
Content-type=>application/simple-message-summary
Content=>Messages-Waiting: no
Content=>Message-Account: sip:asterisk@127.0.0.1
Content=>Voice-Message: 0/0 (0/0)
Content=>
"""
EXTENSIONS = CONFIG["extensions.conf"] + """
exten => 700,1,Answer()
 same => n,PJSIPNotify(,&Event=x-flash&X-Name=${CALLERID(name)}&Content-Type=text/plain&Content=one&Content=two)
 same => n,PJSIPNotify(,clear-mwi)
 same => n,PJSIPNotify(,nothing)
 same => n,UserEvent(After)
 same => n,Wait(5)
"""  # fmt: skip


@asynccontextmanager
async def world(pjsip: str = CONFIG["pjsip.conf"], **more: str) -> AsyncIterator[World]:
    """Two phones."""
    files = {"pjsip_notify.conf": TEMPLATES, "manager.conf": MANAGER, "extensions.conf": EXTENSIONS}
    async with two_phones({**CONFIG, **files, "pjsip.conf": pjsip, **more}) as found:
        yield found


async def told(phone: Phone, count: int = 1) -> Request:
    """The ``count``-th NOTIFY that a phone gets."""

    def found() -> list[Request]:
        messages = [parse_message(data) for mark, data in phone.wire.messages if mark == "<"]
        return [one for one in messages if isinstance(one, Request) and one.method == "NOTIFY"]

    await until(lambda: len(found()) >= count, 5, phone.story)
    return found()[count - 1]


async def command(world: World, line: str) -> str:
    """Type a console command."""
    written: list[str] = []
    await CommandRunner(world.server).run(line, written.append)
    return "".join(written)


def recorded(name: str, title: str) -> str:
    """What follows a title in the record."""
    text = (RECORD / name).read_text() + "\n### "
    start = text.index("\n", text.index(f"### [Asterisk 22.10] {title}")) + 1
    return text[start : text.index("\n### ", start)]


def lines_of(text: str, *without: str) -> list[str]:
    """Names of the headers, and the values that do not hang on who asks."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    kept = []
    for line in head.split("\n")[1:]:
        name, _, value = line.partition(":")
        changing = ("Via", "From", "To", "Contact", "Call-ID", "CSeq", "User-Agent")
        kept.append(name if name in changing else f"{name}: {value.strip()}")
    return [*kept, body]


@pytest.mark.parametrize(
    ("title", "variables"),
    [
        ("endpoint", ("Event=check-sync",)),
        (
            "endpoint multi-variable",
            ("Event=check-sync", "Content-Type=text/plain", "X-Custom=abc", "Content=line one", "Content=line two"),
        ),
        ("without Event", ("X-A=1",)),
        ("Option", ()),
    ],
)
async def test_the_manager_sends_it_as_recorded(title: str, variables: tuple[str, ...]) -> None:
    async with world() as found, manager(found.server) as client:
        option = {} if variables else {"Option": "snom-check-cfg"}
        answer = await client.action(
            "PJSIPNotify", *(("Variable", text) for text in variables), Endpoint="101", **option
        )
        assert (answer["Response"], answer["Message"]) == ("Success", "NOTIFY sent")
        notify = await told(found.ann)
        record = recorded("pjsip_ami_actions.txt", f"AMI PJSIPNotify {title}\n")
        wanted = record[record.index("NOTIFY sip:") :].partition("\n----")[0]
        assert lines_of(notify.to_bytes().decode()) == lines_of(wanted)
        assert notify.from_.uri.user == "101"
        assert notify.contacts[0].uri.user == "101"
        assert str(notify.uri) == found.ann.contact.strip("<>")


@pytest.mark.parametrize(
    ("title", "fields", "variables"),
    [
        ("unknown", {"Endpoint": "nosuch"}, ("Event=x",)),
        ("no target", {}, ("Event=x",)),
        ("both", {"Endpoint": "101", "URI": "sip:x@127.0.0.1"}, ("Event=x",)),
        ("no variable", {"Endpoint": "101"}, ()),
        ("unregistered endpoint", {"Endpoint": "103"}, ("Event=x",)),
    ],
)
async def test_the_manager_answers_as_recorded(title: str, fields: dict[str, str], variables: tuple[str, ...]) -> None:
    async with world() as found, manager(found.server) as client:
        answer = await client.action("PJSIPNotify", *(("Variable", text) for text in variables), **fields)
        wanted = recorded("pjsip_ami_actions.txt", f"AMI PJSIPNotify {title}\n").partition("<<< response\n")[2]
        assert [f"{name}: {value}" for name, value in answer.pairs if name != "ActionID"] == [
            line for line in wanted.strip().split("\n") if not line.startswith("ActionID")
        ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"Endpoint": "101", "Option": "nosuch"}, "Unable to find notify type 'nosuch'"),
        ({"URI": "sip:101@127.0.0.1", "Option": "clear-mwi"}, "default_outbound_endpoint"),
        ({"channel": "PJSIP/no-0000", "Option": "clear-mwi"}, "Unable to find channel PJSIP/no-0000"),
        ({"Endpoint": "101", "Option": "clear-mwi", "Variable": "a=b"}, "You must use only one of them."),
        ({"Endpoint": "101", "Variable": "a b=c"}, "'a b' is not the name of a header"),
    ],
)
async def test_what_else_cannot_be_sent(fields: dict[str, str], said: str) -> None:
    async with world() as found, manager(found.server) as client:
        answer = await client.action("PJSIPNotify", **fields)
        assert answer["Response"] == "Error"
        assert said in answer["Message"]


async def test_the_console() -> None:
    async with world() as found:
        for line in ("nosuchtype endpoint alice", "snom-check-cfg endpoint nosuch"):
            wanted = recorded("pjsip_cli.txt", f"*CLI> pjsip send notify {line} ")
            assert (await command(found, f"pjsip send notify {line}")).rstrip("\n") == wanted.rstrip("\n")
        for line in ("", "snom-check-cfg endpoint", "snom-check-cfg alice"):
            assert "Usage: pjsip send notify <type>" in await command(found, f"pjsip send notify {line}")
        said = await command(found, "pjsip send notify clear-mwi endpoint 101 102")
        assert said.count("Sending NOTIFY of type 'clear-mwi' to '10") == 2
        notify = await told(found.bob)
        assert notify.body == (
            b"Messages-Waiting: no\r\nMessage-Account: sip:asterisk@127.0.0.1\r\nVoice-Message: 0/0 (0/0)\r\n"
        )
        assert (await told(found.ann)).get("Content-Type") == "application/simple-message-summary"
        runner = CommandRunner(found.server)
        assert runner.complete("pjsip send notify cl") == ["clear-mwi"]
        assert runner.complete("pjsip send notify clear-mwi e") == ["endpoint"]
        assert "102" in runner.complete("pjsip send notify clear-mwi endpoint 101 ")


async def test_a_uri_goes_through_the_default_endpoint() -> None:
    pjsip = CONFIG["pjsip.conf"].replace("type=global\n", "type=global\ndefault_outbound_endpoint=102\n")
    async with world(pjsip) as found:
        uri = f"sip:101@{found.ann.host}:{found.ann.port}"
        assert "Unable" not in await command(found, f"pjsip send notify snom-check-cfg uri {uri}")
        notify = await told(found.ann)
        assert (notify.from_.uri.user, notify.get("Event")) == ("102", "check-sync;reboot=false")
        for wrong in ("tel:5", "sip:", "nothing"):
            assert "is not a SIP URI" in await command(found, f"pjsip send notify snom-check-cfg uri {wrong}")


async def test_within_a_call() -> None:
    pjsip = CONFIG["pjsip.conf"].replace('callerid="Ann Example" <101>', "")
    async with world(pjsip) as found, manager(found.server) as client:
        found.ann.display = "A &Event=evil,b"
        call = await found.ann.dial("700")
        await call.answered()
        notify = await told(found.ann)
        assert call.dialog is not None
        assert notify.call_id == call.request.call_id
        assert (notify.get("Event"), notify.get("Subscription-State")) == ("x-flash", "terminated")
        assert notify.body == b"one\r\ntwo"
        assert "Event=evil" in (notify.get("X-Name") or ""), "what a caller says divides nothing"
        await client.event("UserEvent", UserEvent="After")
        (channel,) = list(found.server.pbx.channels)
        assert (await client.action("PJSIPNotify", channel=channel.name, Option="snom-check-cfg"))[
            "Response"
        ] == "Success"
        assert (await told(found.ann, 2)).get("Event") == "message-summary"
        assert (await told(found.ann, 3)).get("Event") == "check-sync;reboot=false"
        await call.hangup()
