"""Messages that wait: told to those who subscribe and to those who do not, counted by manager, console and servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from call_kit import CONFIG, World, two_phones
from manager_kit import MANAGER, manager

from asterism.interfaces.console.runner import CommandRunner
from asterism.pbx.states.mailboxes import MessageCounts
from asterism.stack.message import Request
from asterism.stack.parser import parse_message
from asterism.testing import Phone, running_server, until

RECORD = (Path(__file__).resolve().parents[1] / "data/record/sip_wire_subscribe_notify.txt").read_text()
TYPE = "application/simple-message-summary"
AOR = "[{number}]\ntype=aor\nmax_contacts=2\n"
PJSIP = (
    CONFIG["pjsip.conf"]
    .replace("type=global\n", "type=global\ndefault_voicemail_extension=*97\n")
    .replace(AOR.format(number=101), AOR.format(number=101) + "mailboxes=6001@default,6002@default\n")
    .replace("[102](phone)\n", "[102](phone)\nmailboxes=7001@default,7002@default\n")
)


def changed(option: str, number: str = "102") -> str:
    """The configuration with an option more on an endpoint."""
    return PJSIP.replace(f"[{number}](phone)\n", f"[{number}](phone)\n{option}\n")


@asynccontextmanager
async def world(pjsip: str = PJSIP) -> AsyncIterator[World]:
    """Two phones: ann may subscribe, bob is told unasked."""
    async with two_phones({**CONFIG, "pjsip.conf": pjsip, "manager.conf": MANAGER}) as found:
        yield found
        for phone in (found.ann, found.bob):
            for watch in phone.subscriptions.values():
                if watch.state == "active":
                    await watch.end()


def unasked(phone: Phone) -> list[Request]:
    """The NOTIFYs that a phone got outside subscriptions."""
    found = [parse_message(data) for mark, data in phone.wire.messages if mark == "<" and data.startswith(b"NOTIFY ")]
    return [one for one in found if isinstance(one, Request) and one.call_id not in phone.subscriptions]


async def told(phone: Phone, count: int) -> Request:
    """Wait for the ``count``-th of those."""
    await until(lambda: len(unasked(phone)) >= count, 5, phone.story)
    return unasked(phone)[count - 1]


async def command(world: World, line: str) -> str:
    """Type a console command."""
    written: list[str] = []
    await CommandRunner(world.server).run(line, written.append)
    return "".join(written)


def recorded(title: str) -> str:
    """The first body in the record after a headline."""
    part = RECORD[RECORD.index(title) :]
    start = part.index("\n\n", part.index(f"Content-Type: {TYPE}")) + 2
    return part[start : part.index("\n----", start)].rstrip("\n") + "\n"


async def test_the_mailboxes_of_an_aor_as_recorded() -> None:
    async with world() as found:
        boxes = found.server.pbx.mailboxes
        boxes.set("6001@default", MessageCounts(1, 1))
        boxes.set("6002@default", MessageCounts(1))
        watch = await found.ann.subscribe("101", "message-summary", TYPE, 600)
        notify = await watch.next()
        assert notify.get("Content-Type") == TYPE
        assert notify.get("Allow-Events") == "message-summary, presence, dialog, refer, call-completion"
        body = notify.body.decode().replace(f":{found.ann.server[1]}", ":15160")
        assert body == recorded("SUBSCRIBE message-summary alice").replace("\n", "\r\n")
        boxes.set("6001@default", MessageCounts(0, 2, 1, 3))
        body = (await watch.next()).body.decode()
        assert body.startswith("Messages-Waiting: yes\r\n")
        assert body.endswith("Voice-Message: 1/2 (1/3)\r\n")
        boxes.remove("6002@default")
        assert (await watch.next()).body.endswith(b"Voice-Message: 0/2 (1/3)\r\n")
        await watch.end()
        assert (await watch.next()).get("Subscription-State") == "terminated"


async def test_no_user_means_all_aors_of_the_endpoint() -> None:
    async with world() as found:
        found.server.pbx.mailboxes.set("6001@default", MessageCounts(3))
        watch = await found.ann.subscribe("", "message-summary")
        assert b"3/0" in (await watch.next()).body


@pytest.mark.parametrize("resource", ["102", "nobody"])
async def test_404_without_mailboxes(resource: str) -> None:
    async with world() as found:
        watch = await found.ann.subscribe(resource, "message-summary")
        assert watch.response is not None
        assert watch.response.status == 404


async def test_the_extension_of_the_aor_comes_first() -> None:
    for pjsip, account in (
        (PJSIP.replace("mailboxes=6001", "voicemail_extension=777\nmailboxes=6001"), b"sip:777@"),
        (changed("voicemail_extension=778", "101"), b"sip:778@"),
        (PJSIP.replace("default_voicemail_extension=*97\n", ""), None),
    ):
        async with world(pjsip) as found:
            watch = await found.ann.subscribe("101", "message-summary")
            body = (await watch.next()).body
            assert (account in body) if account else (b"Account" not in body)


async def test_told_unasked_as_a_contact_registers_and_as_counts_change() -> None:
    async with world() as found:
        first = await told(found.bob, 1)
        assert first.get("Subscription-State") == "terminated"
        assert first.get("Event") == "message-summary"
        assert first.to.tag is None
        assert first.from_.uri.user == "102"
        assert first.contacts[0].uri.user == "102"
        assert b"Messages-Waiting: no" in first.body
        found.server.pbx.mailboxes.set("7001@default", MessageCounts(1))
        second = await told(found.bob, 2)
        body = second.body.decode().replace(f":{found.bob.server[1]}", ":15160")
        assert body == recorded("unsolicited MWI: dave").replace("\n", "\r\n")
        found.server.pbx.mailboxes.set("7002@default", MessageCounts(2, 5))
        assert b"3/5" in (await told(found.bob, 3)).body
        await found.bob.register()
        assert b"3/5" in (await told(found.bob, 4)).body
        assert not unasked(found.ann)


async def test_each_mailbox_by_itself() -> None:
    async with world(changed("aggregate_mwi=no")) as found:
        await told(found.bob, 2)
        found.server.pbx.mailboxes.set("7001@default", MessageCounts(1))
        assert b"1/0" in (await told(found.bob, 3)).body
        found.server.pbx.mailboxes.set("7002@default", MessageCounts(2))
        assert b"2/0" in (await told(found.bob, 4)).body


async def test_mwi_from_user_and_extension() -> None:
    async with world(changed("mwi_from_user=voice\nvoicemail_extension=800")) as found:
        first = await told(found.bob, 1)
        assert first.from_.uri.user == "voice"
        assert first.contacts[0].uri.user == "voice"
        assert b"Message-Account: sip:800@" in first.body


async def test_without_urgent_messages() -> None:
    option = "mwi_without_urgent=yes"
    pjsip = changed(option).replace("[101](phone)\n", f"[101](phone)\n{option}\n")
    async with world(pjsip) as found:
        assert (await told(found.bob, 1)).body.endswith(b"Voice-Message: 0/0\r\n")
        watch = await found.ann.subscribe("101", "message-summary", TYPE, 600)
        assert (await watch.next()).body.endswith(b"Voice-Message: 0/0\r\n")


REPLACED = PJSIP.replace(AOR.format(number=102), AOR.format(number=102) + "mailboxes=7001@default\n")


async def test_500_where_the_same_mailbox_is_told_unasked() -> None:
    async with world(REPLACED) as found:
        watch = await found.bob.subscribe("102", "message-summary")
        assert watch.response is not None
        assert watch.response.status == 500


async def test_a_subscription_replaces_what_is_told_unasked() -> None:
    async with world(
        REPLACED.replace("mailboxes=7001@default,", "mwi_subscribe_replaces_unsolicited=yes\nmailboxes=7001@default,")
    ) as found:
        await told(found.bob, 1)
        watch = await found.bob.subscribe("102", "message-summary")
        await watch.next()
        found.server.pbx.mailboxes.set("7001@default", MessageCounts(1))
        assert b"1/0" in (await watch.next()).body
        found.server.pbx.mailboxes.set("7002@default", MessageCounts(1))
        assert b"2/0" in (await told(found.bob, 2)).body
        await watch.end()
        await told(found.bob, 3)
        assert len(unasked(found.bob)) == 3


async def test_at_the_start_unless_told_otherwise(tmp_path: Path) -> None:
    for option, count in (("no", 1), ("yes", 0)):
        pjsip = PJSIP.replace("type=global\n", f"type=global\nmwi_disable_initial_unsolicited={option}\n")
        async with running_server({**CONFIG, "pjsip.conf": pjsip}, tmp_path / option) as server:
            phone = Phone("102", server, "bob's secret")
            await phone.register()
            await told(phone, 1)
            port = server.sip_address("udp")
        seen = len(unasked(phone))
        assert port
        async with running_server(
            {**CONFIG, "pjsip.conf": (tmp_path / option / "pjsip.conf").read_text()}, tmp_path / option
        ) as server:
            probe = Phone("101", server, "ann's secret")
            await probe.register()
            await until(lambda: len(unasked(phone)) >= seen + count)  # noqa: B023
            assert len(unasked(phone)) == seen + count
            probe.close()
        phone.close()


async def test_counts_of_other_servers() -> None:
    async with world(changed("incoming_mwi_mailbox=7009@default", "101")) as found:
        events = []
        found.server.bus.subscribe(found.server.owner, None, lambda kind, args: events.append((kind.name, args)))
        request = found.ann.create_request("NOTIFY", found.ann.uri("101"))
        request.add_header("Event", "message-summary")
        request.add_header("Subscription-State", "terminated")
        request.set_body(
            "Messages-Waiting: yes\r\nMessage-Account: sip:7001@127.0.0.1\r\nVoice-Message: 2/8 (1/0)\r\n", TYPE
        )
        assert (await found.ann.request(request)).status == 200
        counts = found.server.pbx.mailboxes.get("7009@default")
        assert counts == MessageCounts(2, 8, 1, 0)
        assert ("MessageWaiting", ("7009@default", counts)) in events
        assert found.server.pbx.device_states.get("MWI:7009@default").name == "INUSE"


@pytest.mark.parametrize(
    ("user", "event", "kind", "body", "status"),
    [
        ("101", "message-summary", TYPE, "Voice-Message: 1/2", 404),
        ("102", "check-sync", TYPE, "Voice-Message: 1/2", 489),
        ("102", "message-summary", "text/plain", "Voice-Message: 1/2", 415),
        ("102", "message-summary", TYPE, "x" * 5000, 413),
        ("102", "message-summary", TYPE, "Voice-Message: 99999999999/2", 200),
        ("102", "message-summary", TYPE, "<?xml?>", 200),
    ],
)
async def test_notifies_that_count_nothing(user: str, event: str, kind: str, body: str, status: int) -> None:
    async with world(changed("incoming_mwi_mailbox=7009@default")) as found:
        phone = found.ann if user == "101" else found.bob
        request = phone.create_request("NOTIFY", phone.uri(user))
        request.add_header("Event", event)
        request.add_header("Subscription-State", "terminated")
        request.set_body(body, kind)
        assert (await phone.request(request)).status == status
        assert found.server.pbx.mailboxes.get("7009@default") == MessageCounts()


async def test_counts_of_programs(tmp_path: Path) -> None:
    async with world() as found, manager(found.server) as client:
        answer = await client.action("MWIUpdate", Mailbox="6001@default", NewMessages="2", OldMessages="1")
        assert answer["Response"] == "Success"
        answer = await client.action("MailboxCount", Mailbox="6001@default")
        assert (answer["NewMessages"], answer["OldMessages"], answer["UrgMessages"]) == ("2", "1", "0")
        answer = await client.action("MailboxStatus", Mailbox="6001@default")
        assert (answer["Message"], answer["Waiting"]) == ("Mailbox Status", "1")
        for fields, message in (
            ({}, "Missing mailbox parameter in request"),
            ({"Mailbox": "a", "NewMessages": "x"}, "Invalid NewMessages: x"),
            ({"Mailbox": "a", "OldMessages": "-1"}, "Invalid OldMessages: -1"),
        ):
            assert (await client.action("MWIUpdate", **fields))["Message"] == message
        assert (await client.action("MailboxCount"))["Message"] == "Mailbox not specified"
        assert (await client.action("MWIGet", Mailbox="/[/"))["Message"] == "Mailbox regex format invalid in: /[/"
        assert await command(found, "mwi list all") == "   New    Old Mailbox\n     2      1 6001@default\n"
        assert await command(found, "mwi update mailbox 6002@default 4 5") == "Updated mailbox 6002@default.\n"
        assert (
            await command(found, "mwi show mailbox 6002@default")
            == "Mailbox: 6002@default\nNewMessages: 4\nOldMessages: 5\n"
        )
        assert "Invalid NewMessages: 'x'." in await command(found, "mwi update mailbox 6002@default x")
        assert "6001" not in await command(found, "mwi list like ^6002")
        assert await command(found, "mwi show mailbox nobody") == "External MWI mailbox 'nobody' not found.\n"
        answer = await client.action("MWIDelete", Mailbox="/6001/")
        assert answer["Response"] == "Success"
        assert (await client.action("MWIDelete", Mailbox="nobody"))["Response"] == "Success"
        assert found.server.pbx.mailboxes.get("6001@default") == MessageCounts()
        assert await command(found, "mwi delete like 6002") == "Deleted external MWI mailboxes matching '6002'.\n"
        assert await command(found, "mwi delete all") == "Deleted all external MWI mailboxes.\n"
        assert await command(found, "mwi delete mailbox x") == "Deleted external MWI mailbox 'x'.\n"


async def test_counts_of_programs_are_kept(tmp_path: Path) -> None:
    async with running_server(CONFIG, tmp_path) as server:
        await CommandRunner(server).run("mwi update mailbox 6001@default 4 5", print)
    async with running_server({**CONFIG, "pjsip.conf": (tmp_path / "pjsip.conf").read_text()}, tmp_path) as server:
        assert server.pbx.mailboxes.get("6001@default") == MessageCounts(4, 5)
