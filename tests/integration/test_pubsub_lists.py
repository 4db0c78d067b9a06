"""Subscriptions to lists (RFC 4662), as recorded: answers, NOTIFYs, bodies byte for byte."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from call_kit import CONFIG, World, two_phones

from asterism.applications.pubsub import list_subscription, lists
from asterism.applications.pubsub.registry import pubsub
from asterism.applications.pubsub.service import SubscriptionService
from asterism.interfaces.console.runner import CommandRunner
from asterism.stack.message import Request
from asterism.testing import Phone, assert_idle, running_server, until

RECORD = (Path(__file__).resolve().parents[1] / "data/record/sip_wire_resource_lists.txt").read_text()
LISTS = """
[team]
type=resource_list
event=presence
list_item=bob,carol,nosuch

[teamfull]
type=resource_list
event=presence
list_item=bob
list_item=carol
full_state=yes
resource_display_name=yes

[teambatch]
type=resource_list
event=presence
list_item=bob,carol
notification_batch_interval=300

[nest]
type=resource_list
event=presence
list_item=dave,teamfull

[boxes]
type=resource_list
event=message-summary
list_item=bxa,bxb
full_state=yes

[lamps]
type=resource_list
event=dialog
list_item=bob,carol

[loop]
type=resource_list
event=presence
list_item=bob,loop,pool,bob

[pool]
type=resource_list
event=presence
list_item=carol,loop,bob

[named]
type=resource_list
event=presence
list_item=erin
resource_display_name=yes

[nobody]
type=resource_list
event=presence
list_item=nosuch

[bxa]
type=aor
mailboxes=bxa@default

[bxb]
type=aor
mailboxes=bxb@default
"""
PJSIP = CONFIG["pjsip.conf"].replace("context=phones\n", "context=phones\nsubscribe_context=hints\n") + LISTS
HINTS = """
[hints]
exten => bob,hint,Custom:bob
exten => carol,hint,Custom:carol
exten => dave,hint,Custom:dave
exten => erin,hint,Custom:erin,Erin & Sons
"""
EVENTLIST: dict[str, Any] = {"Supported": "eventlist"}


@asynccontextmanager
async def world(pjsip: str = PJSIP) -> AsyncIterator[World]:
    """Two phones, extensions and lists of them."""
    config = {**CONFIG, "pjsip.conf": pjsip, "extensions.conf": CONFIG["extensions.conf"] + HINTS}
    async with two_phones(config) as found:
        for name in ("bob", "carol", "dave", "erin"):
            await state(found, name, "NOT_INUSE")
        yield found
        for phone in (found.ann, found.bob):
            for watch in phone.subscriptions.values():
                if watch.state == "active":
                    await watch.end()


async def state(world: World, name: str, value: str) -> None:
    """Set a custom device's state."""
    line = f"devstate change Custom:{name} {value}"
    assert await CommandRunner(world.server).run(line, lambda _text: None) == 0


def recorded(title: str, count: int = 0) -> str:
    """The body of a NOTIFY in the record after a headline, with the names in it that are made up numbered."""
    part = RECORD[RECORD.index(title) :]
    for _ in range(count + 1):
        found = re.search(
            r"Content-Type: multipart/related;.*?\nContent-Length: +(\d+)\n\n(.*?)\n---- ", part, re.DOTALL
        )
        assert found is not None
        part = part[found.end() :]
    return numbered(found[2] + "\n")


def numbered(text: str) -> str:
    """A body with numbers in place of what is new in each NOTIFY."""
    seen: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        return seen.setdefault(match[0], f"#{len(seen)}")

    return re.sub(r"(?<=boundary=)\w{5}|(?<=^--)\w{5}|(?<=<)\w{5}(?=@)|(?<= id=\")[a-z]{5}(?=\" )|(?<=cid=\")\w{5}",
                  number, text, flags=re.MULTILINE)  # fmt: skip


def as_recorded(notify: Request, phone: Phone) -> str:
    """The body with the addresses and names of the record, and without lengths that hang on them."""
    assert notify.body is not None
    text = notify.body.decode().replace("\r\n", "\n").replace(f"127.0.0.1:{phone.server[1]}", "127.0.0.1:15600")
    return numbered(text.replace("sip:101@", "sip:alice@"))


def without_lengths(text: str) -> str:
    """The lengths hang on how many digits our port has and on the subscriber's name."""
    return re.sub(r"(Content-Length: +)\d+", r"\1", text).strip()


def parts_of(notify: Request) -> Message:
    """The body as a reader of MIME sees it."""
    kind = notify.get("Content-Type") or ""
    message = message_from_bytes(f"Content-Type: {kind}\r\n".encode() + b"\r\n" + bytes(notify.body))
    assert message.is_multipart()
    assert not message.defects
    for part in message.walk():
        if not part.is_multipart():
            assert len(part.get_payload(decode=True) or b"") == int(part["Content-Length"])
    return message


def names_in(notify: Request) -> list[str]:
    """The names of the resources in the first RLMI document."""
    document = parts_of(notify).get_payload(0)
    assert isinstance(document, Message)
    root = ElementTree.fromstring(document.get_payload(decode=True) or b"")  # type: ignore[arg-type]
    space = "{urn:ietf:params:xml:ns:rlmi}"
    return [resource.findtext(f"{space}name") or "" for resource in root.findall(f"{space}resource")]


def same(notify: Request, phone: Phone, title: str, count: int = 0) -> None:
    """The NOTIFY is that of the record."""
    parts_of(notify)
    assert without_lengths(as_recorded(notify, phone)) == without_lengths(recorded(title, count))


async def test_a_list_as_recorded() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("team", "presence", "application/pidf+xml", 300, **EVENTLIST)
        assert watch.response is not None
        assert [name for name, _ in watch.response.headers][5:8] == ["Expires", "Require", "Contact"]
        assert watch.response.get("Require") == "eventlist"
        notify = await watch.next()
        assert [name for name, _ in notify.headers] == [
            "Via", "From", "To", "Call-ID", "CSeq", "Contact", "Event", "Subscription-State", "Allow-Events",
            "Require", "Max-Forwards", "User-Agent", "Content-Type", "Content-Length",
        ]  # fmt: skip
        same(notify, found.ann, "SUBSCRIBE team (partial state list")
        await state(found, "bob", "RINGING")
        same(await watch.next(), found.ann, "team: bob starts ringing")
        await watch.renew(300)
        same(await watch.next(), found.ann, "team: refresh SUBSCRIBE")
        await state(found, "bob", "NOT_INUSE")
        same(await watch.next(), found.ann, "team: refresh SUBSCRIBE", 1)
        await watch.end()
        same(watch.notifies[-1], found.ann, "team: bob idle again")
        await until(lambda: not len(pubsub(found.server)), 5)


async def test_a_list_that_is_always_told_whole() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("teamfull", "presence", "application/pidf+xml", 300, **EVENTLIST)
        same(await watch.next(), found.ann, "SUBSCRIBE teamfull")
        await state(found, "bob", "RINGING")
        same(await watch.next(), found.ann, "teamfull: bob rings")
        await state(found, "bob", "NOT_INUSE")
        same(await watch.next(), found.ann, "teamfull: bob rings", 1)


async def test_changes_are_gathered() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("teambatch", "presence", "application/pidf+xml", 300, **EVENTLIST)
        same(await watch.next(), found.ann, "SUBSCRIBE teambatch")
        began = asyncio.get_running_loop().time()
        await state(found, "bob", "RINGING")
        await state(found, "carol", "RINGING")
        notify = await watch.next()
        assert asyncio.get_running_loop().time() - began >= 0.29
        same(notify, found.ann, "teambatch: bob and carol ring")
        await state(found, "bob", "NOT_INUSE")
        await state(found, "carol", "NOT_INUSE")
        same(await watch.next(), found.ann, "teambatch: bob and carol ring", 1)


async def test_a_list_in_a_list() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("nest", "presence", "application/pidf+xml", 300, **EVENTLIST)
        same(await watch.next(), found.ann, "SUBSCRIBE nest")
        await state(found, "dave", "INUSE")
        same(await watch.next(), found.ann, "nest: Custom:dave INUSE")
        await state(found, "bob", "RINGING")
        same(await watch.next(), found.ann, "nest: bob rings")
        await state(found, "bob", "NOT_INUSE")
        same(await watch.next(), found.ann, "nest: bob rings", 1)
        await state(found, "dave", "NOT_INUSE")
        same(await watch.next(), found.ann, "nest: bob rings", 2)


async def test_a_list_of_mailboxes() -> None:
    async with world() as found:
        accept = "application/simple-message-summary, application/rlmi+xml, multipart/related"
        watch = await found.ann.subscribe("boxes", "message-summary", accept, 300, **EVENTLIST)
        same(await watch.next(), found.ann, "SUBSCRIBE boxes (message-summary list)")


async def test_a_list_of_dialogs() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("lamps", "dialog", "", 300, **EVENTLIST)
        assert names_in(await watch.next()) == ["bob", "carol"]
        await state(found, "carol", "RINGING")
        notify = await watch.next()
        assert names_in(notify) == ["carol"]
        assert b'version="1"' in bytes(notify.body)
        assert b"<state>early</state>" in bytes(notify.body)


@pytest.mark.parametrize(
    ("resource", "event", "headers", "status"),
    [
        ("boxes", "presence", EVENTLIST, 404),
        ("nolist", "presence", EVENTLIST, 404),
        ("team", "presence", {}, 404),
        ("nobody", "presence", EVENTLIST, 404),
        ("team", "presence", {"Require": "EventList"}, 200),
        ("bob", "presence", {"Require": "eventlist"}, 200),
        ("team", "presence", {"Require": "eventlist, other"}, 420),
        ("team", "presence", {**EVENTLIST, "Accept": "application/foo"}, 489),
        ("team", "presence", {**EVENTLIST, "Accept": "application/xpidf+xml, application/rlmi+xml"}, 200),
        ("team", "presence", {**EVENTLIST, "Accept": "application/rlmi+xml, multipart/related"}, 200),
    ],
)
async def test_what_is_refused(resource: str, event: str, headers: dict[str, Any], status: int) -> None:
    async with world() as found:
        watch = await found.ann.subscribe(resource, event, **headers)
        assert watch.response is not None
        assert watch.response.status == status


async def test_a_loop_ends_where_it_is_met() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("loop", "presence", **EVENTLIST)
        notify = await watch.next()
        assert names_in(notify) == ["bob", "pool"]
        assert bytes(notify.body).count(b"<presence ") == 2


async def test_the_name_of_a_hint() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("named", "presence", **EVENTLIST)
        assert names_in(await watch.next()) == ["Erin & Sons"]


@pytest.mark.parametrize(
    ("option", "why"),
    [("max_list_items=2", "max_list_items"), ("max_list_depth=1", "max_list_depth")],
)
async def test_a_list_that_is_too_much(option: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    async with world(PJSIP.replace("type=global\n", f"type=global\n{option}\n")) as found:
        watch = await found.ann.subscribe("nest", "presence", **EVENTLIST)
        assert watch.response is not None
        assert watch.response.status == 500
        assert why in capsys.readouterr().out
        assert not len(pubsub(found.server))


async def test_a_list_counts_as_many_as_it_names() -> None:
    async with world(PJSIP.replace("[101](phone)\n", "[101](phone)\nmax_subscriptions=3\n")) as found:
        first = await found.ann.subscribe("teamfull", "presence", **EVENTLIST)
        await first.next()
        second = await found.ann.subscribe("lamps", "dialog", **EVENTLIST)
        assert second.response is not None
        assert second.response.status == 503


async def test_a_resource_that_goes_is_told_once() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("team", "presence", **EVENTLIST)
        await watch.next()
        (subscription,) = pubsub(found.server)
        item = next(one for one in subscription.items() if one.resource == "bob")  # type: ignore[attr-defined]
        item.end("noresource")
        notify = await watch.next()
        assert b'state="terminated" reason="noresource" />' in bytes(notify.body)
        await watch.renew(300)
        assert names_in(await watch.next()) == ["carol"]


async def test_a_list_that_was_changed_is_subscribed_to_anew(tmp_path: Path) -> None:
    config = {**CONFIG, "pjsip.conf": PJSIP, "extensions.conf": CONFIG["extensions.conf"] + HINTS}
    async with running_server(config, tmp_path) as server:
        phone = Phone("101", server, "ann's secret")
        watch = await phone.subscribe("team", "presence", **EVENTLIST)
        await watch.next()
        path = tmp_path / "pjsip.conf"
        path.write_text(path.read_text().replace("list_item=bob,carol,nosuch", "list_item=bob,dave"))
        assert await CommandRunner(server).run("pjsip reload", lambda _text: None) == 0
        await watch.renew(300)
        await until(lambda: watch.state == "terminated", 5)
        assert watch.notifies[-1].get("Subscription-State") == "terminated;reason=deactivated"
        await until(lambda: not len(pubsub(server)), 5)
        assert_idle(server)  # type: ignore[unused-coroutine]
        phone.close()


async def test_a_list_goes_on_after_a_restart(tmp_path: Path) -> None:
    config = {**CONFIG, "pjsip.conf": PJSIP, "extensions.conf": CONFIG["extensions.conf"] + HINTS}
    async with running_server(config, tmp_path) as server:
        phone = Phone("101", server, "ann's secret")
        watch = await phone.subscribe("nest", "presence", **EVENTLIST)
        assert names_in(await watch.next()) == ["dave", "teamfull"]
    config["pjsip.conf"] = (tmp_path / "pjsip.conf").read_text()
    async with running_server(config, tmp_path) as server:
        notify = await watch.next()
        assert names_in(notify) == ["dave", "teamfull"]
        versions = [int(found) for found in re.findall(rb'version="(\d+)" fullState="true"', bytes(notify.body))]
        assert len(versions) == 2
        assert min(versions) >= 1000
        await CommandRunner(server).run("devstate change Custom:bob RINGING", lambda _text: None)
        assert names_in(await watch.next()) == ["teamfull"]
        await watch.end()
        await until(lambda: not len(pubsub(server)), 5)
    phone.close()


async def test_what_a_refused_notify_said_is_told_again() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("team", "presence", **EVENTLIST)
        await watch.next()
        watch.status = 500
        await state(found, "bob", "RINGING")
        assert names_in(await watch.next()) == ["bob"]
        watch.status = 200
        await state(found, "carol", "RINGING")
        assert names_in(await watch.next()) == ["bob", "carol"]


async def test_who_requires_lists_is_told_one_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    """``Require: eventlist`` alone says that the subscriber can read lists."""
    config = {**CONFIG, "pjsip.conf": PJSIP, "extensions.conf": CONFIG["extensions.conf"] + HINTS}
    async with running_server(config, tmp_path) as server:
        phone = Phone("101", server, "ann's secret")
        watch = await phone.subscribe("lamps", "dialog", Require="eventlist")
        assert names_in(await watch.next()) == ["bob", "carol"]
    config["pjsip.conf"] = (tmp_path / "pjsip.conf").read_text()
    async with running_server(config, tmp_path):
        assert names_in(await watch.next()) == ["bob", "carol"]
        await watch.end()
    phone.close()


async def test_an_invite_may_not_require_lists() -> None:
    async with world() as found:
        request = found.ann.create_request("INVITE", found.ann.uri("102"))
        request.add_header("Require", "eventlist")
        response = await found.ann.request(request)
        assert (response.status, response.get("Unsupported")) == (420, "eventlist")


LONG = "[long]\ntype=resource_list\nevent=presence\n" + "".join(f"list_item=x{number}\n" for number in range(45))
LONG_HINTS = "[hints]\n" + "".join(f"exten => x{number},hint,Custom:x{number}\n" for number in range(45))


@asynccontextmanager
async def long_list(monkeypatch: pytest.MonkeyPatch, heard: Callable[[str, Any], None]) -> AsyncIterator[World]:
    """A list of 45 that takes several turns; ``heard`` is told of each word to its notifier, and to whom."""
    for module in (lists, list_subscription):
        monkeypatch.setattr(module, "AT_ONCE", 10)
    config = {"pjsip.conf": PJSIP + LONG, "extensions.conf": CONFIG["extensions.conf"] + LONG_HINTS}
    async with two_phones(config) as found:
        notifier = next(
            service.pubsub.notifiers["presence"]
            for service in found.server.sip.services
            if isinstance(service, SubscriptionService)
        )
        deciding, beginning = notifier.new_subscribe, notifier.on_subscribe

        def new_subscribe(*args: Any) -> Any:
            heard("asked", args[1])
            return deciding(*args)

        def on_subscribe(subscription: Any) -> None:
            heard("begun", subscription)
            beginning(subscription)

        monkeypatch.setattr(notifier, "new_subscribe", new_subscribe)
        monkeypatch.setattr(notifier, "on_subscribe", on_subscribe)
        yield found


async def test_a_long_list_leaves_the_loop_to_others_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    turns: list[Counter[str]] = []

    def heard(what: str, _whom: Any) -> None:
        if not turns:
            turn()
        turns[-1][what] += 1

    def turn() -> None:
        if len(turns) < 1000:
            turns.append(Counter())
            loop.call_soon(turn)

    async with long_list(monkeypatch, heard) as found:
        watch = await found.ann.subscribe("long", "presence", **EVENTLIST)
        assert watch.response is not None
        assert watch.response.status == 200
        assert len(names_in(await watch.next())) == 45
        for what in ("asked", "begun"):
            assert sum(turn[what] for turn in turns) == 45
            assert max(turn[what] for turn in turns) == 10
        assert (await watch.end()).status == 200


@pytest.mark.parametrize(("what", "status"), [("end", 200), ("drop", 500)])
async def test_a_long_list_may_end_while_it_begins(what: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    owners = []

    def heard(word: str, whom: Any) -> None:
        if word == "begun" and not owners:
            owners.append(whom.owner)
            asyncio.get_running_loop().call_soon(getattr(whom.owner, what))

    async with long_list(monkeypatch, heard) as found:
        watch = await found.ann.subscribe("long", "presence", **EVENTLIST)
        assert watch.response is not None
        assert watch.response.status == status
        if status == 200:
            assert (await watch.next()).get("Subscription-State") == "terminated;reason=noresource"
        assert len(pubsub(found.server)) == 0
        assert not found.server.pbx.hints.get("hints", "x0").watchers
