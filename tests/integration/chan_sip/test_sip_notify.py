"""sip_notify.conf, ``sip notify`` and ``SIPnotify``: as recorded at the console and the manager, and by SIP."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from ami_kit import PORTS, exchanges, files
from manager_kit import RECORD, manager
from sip_console_kit import first_usage, recorded, said

from asterism.chan_sip.notify import NoAddressError, _address
from asterism.server.server import Server
from asterism.sip.contacts import Contact
from asterism.sip.objects.contact import contact_id
from asterism.stack.message import Request
from asterism.stack.parser import parse_message
from asterism.testing import Phone, free_port, running_server, until

PJSIP = """
[pat]
type=endpoint
aors=pat
context=internal
allow=!all,ulaw
[pat]
type=aor
max_contacts=1
"""
"""The dialog that a Call-ID means may be anybody's."""


@asynccontextmanager
async def world(tmp_path: Path) -> AsyncIterator[tuple[Server, Phone]]:
    """The recorded configuration; a phone at whose address alice is registered."""
    config = files({port: free_port() for port in PORTS})
    config["sip.conf"] = config["sip.conf"].replace("qualify=yes", "qualify=no").replace("\nmailbox=", "\n;mailbox=")
    config["pjsip.conf"] = PJSIP
    async with running_server(config, tmp_path) as server, Phone("alice", server, "alicepw") as phone:
        yield server, phone


async def register(server: Server, phone: Phone, name: str = "alice") -> None:
    """A contact at the phone's address."""
    uri = f"sip:{name}@{phone.host}:{phone.port}"
    until_when = int(time.time()) + 600
    await server.data.create(Contact(contact_id(name, uri), uri=uri, expiration_time=until_when, endpoint=name))


async def notified(phone: Phone, number: int = 1) -> Request:
    """The ``number``-th NOTIFY that the phone gets."""

    def found() -> list[Request]:
        messages = [parse_message(data) for mark, data in phone.wire.messages if mark == "<"]
        return [one for one in messages if isinstance(one, Request) and one.method == "NOTIFY"]

    await until(lambda: len(found()) >= number, 5, phone.story)
    return found()[number - 1]


def on_the_wire(title: str) -> list[str]:
    """The lines of the NOTIFY that was recorded after an action, ours only."""
    text = (RECORD / "chan_sip_ami.txt").read_text()
    text = text[text.index(f"AMI {title}\n") :]
    message = text[text.index("\nNOTIFY sip:") + 1 :].split("\n----")[0]
    return message.rstrip("\n").split("\n")


OURS = ("Subscription-State", "Event", "Content-Type", "X-Custom", "X-Two", "X-Only", "Content-Length")
"""Headers that are the NOTIFY's, and no other's; the others are those of all requests outside of dialogs."""


def ours(lines: list[str]) -> list[str]:
    """The NOTIFY's own headers (where Content-Type stands among them is the dress of all messages), and the body."""
    head, empty, body = "\n".join(lines).partition("\n\n")
    kept = sorted(line for line in head.split("\n")[1:] if line.partition(":")[0] in OURS)
    return [*kept, *([body] if empty and body else [])]


@pytest.mark.parametrize("title", ["multi-Variable", "single", "comma separated", "no Event"])
async def test_a_notify_by_the_manager_is_as_recorded(tmp_path: Path, title: str) -> None:
    exchange = next(each for each in exchanges() if each.title == f"SIPnotify {title}")
    pairs = [line.partition(": ")[::2] for line in exchange.sent.split("\n")]
    async with world(tmp_path) as (server, phone), manager(server) as client:
        await register(server, phone)
        response = await client.action("SIPnotify", *(pair for pair in pairs if pair[0] not in ("Action", "ActionID")))
        assert (response["Response"], response["Message"]) == ("Success", "Notify Sent")
        request = await notified(phone)
        sent = request.to_bytes().decode().replace("\r\n", "\n").rstrip("\n").split("\n")
        assert ours(sent) == ours(on_the_wire(f"SIPnotify {title}"))
        assert str(request.uri) == f"sip:alice@{phone.host}:{phone.port}"
        recorded_from = next(line for line in on_the_wire(f"SIPnotify {title}") if line.startswith("From: "))
        assert f"From: {request.get('From')}".partition("@")[0] == recorded_from.partition("@")[0]
        assert request.contacts[0].uri.user == "asterisk"


async def test_the_console_says_what_was_recorded(tmp_path: Path) -> None:
    async with world(tmp_path) as (server, phone):
        for state in ("idle", "registered, no calls"):
            if state != "idle":
                await register(server, phone)
                await register(server, phone, "bob")
            for command, text in recorded(state):
                if command.startswith("sip notify"):
                    assert first_usage(await said(server, command)) == first_usage(text), command
        request = await notified(phone, 2)
        assert request.get("Event") == "message-summary"
        assert request.body == (
            b"Messages-Waiting: no\r\nMessage-Account: sip:asterisk@127.0.0.1\r\nVoice-Message: 0/0 (0/0)\r\n"
        )


async def test_within_a_call(tmp_path: Path) -> None:
    async with world(tmp_path) as (server, phone), manager(server) as client:
        await register(server, phone, "pat")
        await client.action(
            "Originate", Channel="PJSIP/pat", Application="Wait", Data="5", Async="true", Timeout="5000"
        )
        call = await phone.incoming()
        call.answer()
        await until(lambda: any(channel.state == 6 for channel in server.pbx.channels), 5)
        call_id = call.request.call_id
        response = await client.action("SIPnotify", ("Call-ID", call_id), Channel="alice", Variable="Event=talk")
        assert (response["Response"], response["Message"]) == ("Success", "Notify Sent")
        request = await notified(phone)
        assert (request.call_id, request.get("Event"), request.get("Subscription-State")) == (
            call_id, "talk", "terminated",
        )  # fmt: skip
        assert request.to.tag
        response = await client.action("SIPnotify", ("Call-ID", "nosuch@x"), Channel="alice", Variable="Event=talk")
        assert (response["Response"], response["Message"]) == ("Error", "Call-ID not found")


async def test_an_address_in_place_of_a_peer(tmp_path: Path) -> None:
    async with world(tmp_path) as (server, phone):
        where = f"{phone.host}:{phone.port}"
        assert await said(server, f"sip notify snom-reboot {where}") == (
            f"Sending NOTIFY of type 'snom-reboot' to '{where}'\n"
        )
        assert str((await notified(phone)).uri) == f"sip:{where}"


@pytest.mark.parametrize("text", ["nobody", "", "a b.c", "x.", "192.0.2.1>\r\nX: y"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(NoAddressError):
        _address(text)


async def test_templates_are_read_again_and_wrong_ones_are_told(tmp_path: Path) -> None:
    async with world(tmp_path) as (server, _phone):
        path = server.paths.etc / "sip_notify.conf"
        path.write_text("[mine]\nEvent=>x\n[bad]\nNo Header=>y\n")
        await server.modules.reload("chan_sip_notify")
        assert await said(server, "sip notify mine nosuch") == "Could not create address for 'nosuch'\n"
        assert "Unable to find notify type 'bad'" in await said(server, "sip notify bad alice")
        path.write_text("[mine\n")
        await server.modules.reload("chan_sip_notify")
        assert await said(server, "sip notify mine nosuch") == "Could not create address for 'nosuch'\n"


async def test_what_is_the_request_s_own_is_not_to_be_set(tmp_path: Path) -> None:
    async with world(tmp_path) as (server, phone), manager(server) as client:
        await register(server, phone)
        response = await client.action(
            "SIPnotify", ("Variable", "Event=x"), ("Variable", "Call-ID=evil"), ("Variable", "Via=SIP/2.0/UDP evil"),
            ("Variable", "Max-Forwards=3"), Channel="alice",
        )  # fmt: skip
        assert response["Response"] == "Success"
        request = await notified(phone)
        assert request.call_id != "evil"
        assert "evil" not in (request.get("Via") or "")
        assert request.get_all("Max-Forwards") == ["3"]
        response = await client.action("SIPnotify", ("Variable", "X A=b"), Channel="alice")
        assert response["Response"] == "Error"
