"""Subscriptions to the state of extensions, as recorded: answers, NOTIFYs, bodies byte for byte."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from call_kit import CONFIG, World, two_phones

from asterism.applications.pubsub.registry import pubsub
from asterism.interfaces.console.runner import CommandRunner
from asterism.testing import Phone, assert_idle, running_server, until

RECORD = (Path(__file__).resolve().parents[1] / "data/record/sip_wire_subscribe_notify.txt").read_text()

PJSIP = CONFIG["pjsip.conf"].replace("context=phones\n", "context=phones\nsubscribe_context=hints\n")
HINTS = """
[hints]
exten => 102,hint,PJSIP/102
exten => 103,hint,PJSIP/103,CustomPresence:carol
exten => 200,hint,Custom:lamp
exten => 201,hint,Custom:lamp,CustomPresence:carol
exten => _3XX,hint,Custom:lamp${EXTEN}
"""


@asynccontextmanager
async def world(pjsip: str = PJSIP, **files: str) -> AsyncIterator[World]:
    """Two phones and extensions to watch."""
    config = {"pjsip.conf": pjsip, "extensions.conf": CONFIG["extensions.conf"] + HINTS, **files}
    async with two_phones(config) as found:
        yield found
        for phone in (found.ann, found.bob):
            for watch in phone.subscriptions.values():
                if watch.state == "active":
                    watch.status = 200
                    await watch.end()


async def command(world: World, line: str) -> str:
    """Type a console command."""
    written: list[str] = []
    assert await CommandRunner(world.server).run(line, written.append) == 0, written
    return "".join(written)


def recorded(title: str, kind: str) -> str:
    """The first body of a type in the record after a headline."""
    part = RECORD[RECORD.index(title) :]
    found = re.search(rf"Content-Type: {re.escape(kind)}\nContent-Length: +(\d+)\n\n", part)
    assert found is not None
    return part[found.end() : found.end() + int(found[1])]


def as_recorded(body: bytes, phone: Phone) -> str:
    """A body with the names and addresses of the record in place of ours."""
    text = body.decode()
    text = text.replace("Ann Example", "Dave").replace('sip:101@127.0.0.1"', 'sip:6004@127.0.0.1"')
    text = text.replace(">sip:101@127.0.0.1</identity>", ">sip:6004@127.0.0.1</identity>")
    text = text.replace(f"127.0.0.1:{phone.server[1]}", "127.0.0.1:15160").replace("sip:101@", "sip:alice@")
    text = re.sub(r'(tuple|dialog|atom)( atomid="[^"]*")? id="102"', r'\1\2 id="6002"', text)
    return re.sub(r"sip:102@", "sip:6002@", text)


def of_102(body: bytes) -> bytes:
    """A body of 200 as if it were of 102; a port may have these digits too."""
    return re.sub(rb'(sip:|id=")200\b', rb"\g<1>102", body)


def without_atom(text: str) -> str:
    """An XPIDF without what is random."""
    return re.sub(r'atomid="[^"]*"', "", text)


@pytest.mark.parametrize(
    ("event", "accept", "kind"),
    [
        ("presence", "", "application/pidf+xml"),
        ("presence", "application/pidf+xml", "application/pidf+xml"),
        ("presence", "application/xpidf+xml", "application/xpidf+xml"),
        ("presence", "application/cpim-pidf+xml, application/pidf+xml", "application/cpim-pidf+xml"),
        ("presence", "text/plain, */*;q=0.1", "application/pidf+xml"),
        ("dialog", "application/dialog-info+xml", "application/dialog-info+xml"),
    ],
)
async def test_the_first_notify_follows_the_answer(event: str, accept: str, kind: str) -> None:
    async with world() as found:
        watch = await found.ann.subscribe("102", event, accept, 600)
        response = watch.response
        assert response is not None
        assert response.status == 200
        assert [name for name, _ in response.headers] == [
            "Via", "From", "To", "Call-ID", "CSeq", "Expires", "Contact", "Allow", "Supported", "Server",
            "Content-Length",
        ]  # fmt: skip
        assert response.expires == 600
        assert "SUBSCRIBE" in (response.get("Allow") or "")
        notify = await watch.next()
        assert [name for name, _ in notify.headers] == [
            "Via", "From", "To", "Call-ID", "CSeq", "Contact", "Event", "Subscription-State", "Allow-Events",
            "Max-Forwards", "User-Agent", "Content-Type", "Content-Length",
        ]  # fmt: skip
        assert notify.get("Event") == event
        assert notify.get("Subscription-State") == "active;expires=600"
        assert "presence, dialog" in (notify.get("Allow-Events") or "")
        assert notify.get("Content-Type") == kind
        title = f"SUBSCRIBE {event}, Accept {kind}"
        assert without_atom(as_recorded(notify.body, found.ann)) == without_atom(recorded(title, kind))
        await watch.end()


STATES = {
    "RINGING": "6002 RINGING (caller dave)",
    "INUSE": "6002 INUSE (answered)",
    "BUSY": "second call to 6002",
    "ONHOLD": "*** 6002 ONHOLD",
    "UNAVAILABLE": "bob unregisters: unavailable",
    "NOT_INUSE": "SUBSCRIBE presence, Accept application/pidf+xml",
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", ["pidf", "xpidf"])
async def test_presence_bodies_as_recorded(state: str, kind: str) -> None:
    async with world() as found:
        await command(found, f"devstate change Custom:lamp {'INUSE' if state == 'NOT_INUSE' else 'NOT_INUSE'}")
        watch = await found.ann.subscribe("200", "presence", f"application/{kind}+xml")
        await watch.next()
        await command(found, f"devstate change Custom:lamp {state}")
        notify = await watch.next()
        body = as_recorded(of_102(notify.body), found.ann)
        part = RECORD[RECORD.index(STATES[state]) :]
        bodies = re.findall(
            rf"Content-Type: application/{kind}\+xml\nContent-Length: +\d+\n\n(.*?>\n)\n?----", part, re.S
        )
        assert without_atom(body).rstrip() == without_atom(bodies[0]).rstrip()


async def test_dialog_info_of_a_call_as_recorded() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("102", "dialog", "application/dialog-info+xml")
        await watch.next()
        call = await found.ann.dial("102")
        incoming = await found.bob.incoming()
        incoming.ring()
        ringing = await watch.next()
        kind = "application/dialog-info+xml"
        assert as_recorded(ringing.body, found.ann) == recorded("6002 RINGING (caller dave)", kind)
        incoming.answer()
        await call.answered()
        assert as_recorded((await watch.next()).body, found.ann) == recorded("6002 INUSE (answered)", kind)
        await call.hangup()
        notify = await watch.next()
        while b"terminated" not in notify.body:
            notify = await watch.next()
        assert watch.state == "active"


async def test_held_is_told_in_dialog_info() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("200", "dialog")
        for state in ("RINGING", "INUSE", "ONHOLD"):
            await watch.next()
            await command(found, f"devstate change Custom:lamp {state}")
        body = as_recorded(of_102((await watch.next()).body), found.ann)
        assert body == recorded("*** 6002 ONHOLD", "application/dialog-info+xml")


async def test_renewed_and_ended_by_the_subscriber() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("200", "dialog")
        first = await watch.next()
        assert (await watch.renew(120)).expires == 120
        again = await watch.next()
        assert again.get("Subscription-State") == "active;expires=120"
        assert again.body == first.body
        assert (await watch.end()).expires == 0
        last = await watch.next()
        assert last.get("Subscription-State") == "terminated"
        assert last.body == first.body
        assert (await watch.renew()).status == 481
        assert not len(pubsub(found.server))


async def test_a_subscription_that_is_not_renewed_ends() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("200", "presence", expires=1)
        assert watch.response is not None
        assert watch.response.expires == 1
        await watch.next()
        last = await watch.next()
        assert last.get("Subscription-State") == "terminated"
        assert last.body
        assert not len(pubsub(found.server))


async def test_a_fetch_gets_one_notify() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("200", "presence", expires=0)
        assert watch.response is not None
        assert (watch.response.status, watch.response.expires) == (200, 0)
        only = await watch.next()
        assert only.get("Subscription-State") == "terminated"
        assert b"<presence" in only.body
        assert not len(pubsub(found.server))
        assert len(watch.notifies) == 1


@pytest.mark.parametrize(
    ("resource", "event", "accept", "expires", "status"),
    [
        ("9999", "presence", "", 300, 404),
        ("200", "bogus-event", "", 300, 489),
        ("200", "presence", "application/bogus+xml", 300, 489),
        ("200", "presence", "application/dialog-info+xml", 300, 200),
        ("200", "", "", 300, 489),
        ("200", "presence", "", 59, 423),
        ("200", "presence", "", 60, 200),
    ],
)
async def test_refusals(resource: str, event: str, accept: str, expires: int, status: int) -> None:
    pjsip = PJSIP.replace("context=phones\n", "context=phones\nsub_min_expiry=60\n")
    async with world(pjsip) as found:
        watch = await found.ann.subscribe(resource, event, accept, expires)
        response = watch.response
        assert response is not None
        assert response.status == status
        if status == 423:
            assert response.get("Min-Expires") == "60"
        if status == 489:
            assert "presence" in (response.get("Allow-Events") or "")
        if status == 200:
            await watch.next()
            assert (await watch.renew(59)).status == 423
            assert watch.state == "active"
        decision = await found.server.sip.explain(watch.request)
        assert decision is not None


async def test_allow_subscribe() -> None:
    async with world(PJSIP.replace("context=phones\n", "context=phones\nallow_subscribe=no\n")) as found:
        watch = await found.ann.subscribe("200", "presence")
        assert watch.response is not None
        assert watch.response.status == 603


async def test_the_context_is_that_of_calls_without_subscribe_context() -> None:
    async with world(CONFIG["pjsip.conf"]) as found:
        watch = await found.ann.subscribe("200", "presence")
        assert watch.response is not None
        assert watch.response.status == 404


async def test_early_while_in_use() -> None:
    option = "context=phones\nnotify_early_inuse_ringing=yes\n"
    for pjsip, word in ((PJSIP, b"confirmed"), (PJSIP.replace("context=phones\n", option), b"early")):
        async with world(pjsip) as found:
            watch = await found.ann.subscribe("200", "dialog")
            await watch.next()
            await command(found, "devstate change Custom:lamp RINGINUSE")
            assert b"<state>" + word + b"</state>" in (await watch.next()).body


async def test_limits_say_which() -> None:
    pjsip = PJSIP.replace("context=phones\n", "context=phones\nmax_subscriptions=2\n")
    pjsip = pjsip.replace("type=global\n", "type=global\nmax_subscriptions=3\n")
    async with world(pjsip) as found:
        await found.ann.subscribe("200", "presence")
        watch = await found.ann.subscribe("200", "dialog")
        refused = await found.ann.subscribe("200", "presence")
        assert refused.response is not None
        assert (refused.response.status, refused.response.get("Retry-After")) == (503, "60")
        other = await found.bob.subscribe("200", "presence")
        refused = await found.bob.subscribe("200", "presence")
        assert refused.response is not None
        assert refused.response.status == 503
        await watch.end()
        again = await found.bob.subscribe("200", "presence")
        assert again.response is not None
        assert again.response.status == 200
        await other.next()


@pytest.mark.parametrize("status", [481, 404, 489])
async def test_a_notify_that_is_refused_ends_the_subscription(status: int) -> None:
    async with world() as found:
        watch = await found.ann.subscribe("200", "presence")
        await watch.next()
        watch.status = status
        await command(found, "devstate change Custom:lamp INUSE")
        await watch.next()
        await until(lambda: not len(pubsub(found.server)))
        watched = found.server.pbx.hints.get("hints", "200")
        assert watched is not None
        assert not watched.watchers


async def test_a_passing_refusal_does_not_end_it() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("200", "presence")
        await watch.next()
        watch.status = 500
        await command(found, "devstate change Custom:lamp INUSE")
        await watch.next()
        watch.status = 200
        await command(found, "devstate change Custom:lamp NOT_INUSE")
        assert b"open" in (await watch.next()).body


async def test_only_the_newest_state_waits_for_the_answer() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("200", "dialog")
        await watch.next()
        watch.status = 0
        for state in ("INUSE", "RINGING", "ONHOLD"):
            await command(found, f"devstate change Custom:lamp {state}")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        unanswered = await watch.next()
        watch.status = 200
        watch._waiting.clear()
        await until(lambda: len({one.cseq.number for one in watch.notifies}) == 3)
        versions = {re.search(rb'version="(\d+)"', one.body)[1] for one in watch.notifies}
        assert versions == {b"0", b"1", b"2"}
        assert b"confirmed" in unanswered.body
        assert b"rendering" in watch.notifies[-1].body


async def test_presence_of_a_custom_provider_in_digium_phones() -> None:
    async with world() as found:
        await command(found, 'presencestate change CustomPresence:carol "away,out,lunch & <dinner>"')
        watch = await found.ann.subscribe("201", "presence", User_Agent="Digium D60 2_9_0")
        body = (await watch.next()).body.decode()
        assert body.endswith(
            ' <tuple id="digium-presence">\n  <status>\n'
            '   <digium_presence type="away" subtype="out">lunch &amp; &lt;dinner&gt;</digium_presence>\n'
            "  </status>\n </tuple>\n</presence>\n"
        )
        await command(found, "presencestate change CustomPresence:carol dnd")
        assert '<digium_presence type="dnd"></digium_presence>' in (await watch.next()).body.decode()
        plain = await found.bob.subscribe("201", "presence")
        assert b"digium" not in (await plain.next()).body


async def test_a_pattern_hint_is_followed_while_it_is_watched() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("345", "presence")
        await watch.next()
        await command(found, "devstate change Custom:lamp345 BUSY")
        assert b"On the phone" in (await watch.next()).body
        await watch.end()
        assert found.server.pbx.hints.get("hints", "345") is None


async def test_a_hint_that_goes_ends_its_subscriptions() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("200", "presence")
        await watch.next()
        path = found.server.paths.etc / "extensions.conf"
        path.write_text(path.read_text().replace("exten => 200,hint,Custom:lamp\n", ""))
        await command(found, "dialplan reload")
        last = await watch.next()
        assert last.get("Subscription-State") == "terminated;reason=noresource"


async def test_unloading_ends_what_there_is() -> None:
    async with world() as found:
        watch = await found.ann.subscribe("200", "presence")
        other = await found.ann.subscribe("200", "dialog")
        await watch.next()
        await other.next()
        await command(found, "module unload pubsub_dialog")
        assert (await other.next()).get("Subscription-State") == "terminated;reason=deactivated"
        refused = await found.ann.subscribe("200", "dialog")
        assert refused.response is not None
        assert refused.response.status == 489
        assert refused.response.get("Allow-Events") == found.server.sip.state.capabilities.events
        assert "dialog" not in found.server.sip.state.capabilities.events
        assert watch.state == "active"


async def test_nothing_is_left() -> None:
    async with world() as found:
        watches = [await found.ann.subscribe(name, "presence") for name in ("102", "200", "201")]
        for watch in watches:
            await watch.end()
        await assert_idle(found.server)


CHANGES = {
    "removed": ("[101](phone)\n", "[109](phone)\n", "rejected"),
    "forbidden": ("[101](phone)\n", "[101](phone)\nallow_subscribe=no\n", "rejected"),
    "elsewhere": ("[101](phone)\n", "[101](phone)\nsubscribe_context=phones\n", "deactivated"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_subscriptions_that_an_endpoint_may_not_have_any_more_end(change: str, tmp_path: Path) -> None:
    before, after, reason = CHANGES[change]
    files = {"pjsip.conf": PJSIP, "extensions.conf": CONFIG["extensions.conf"] + HINTS}
    async with (
        running_server(files, tmp_path) as server,
        Phone("101", server, "ann's secret") as ann,
        Phone("102", server, "bob's secret") as bob,
    ):
        lamp = await ann.subscribe("200", "presence")
        await lamp.next()
        other = await bob.subscribe("200", "presence")
        await other.next()
        conf = tmp_path / "pjsip.conf"
        conf.write_text(conf.read_text().replace(before, after))
        assert await CommandRunner(server).run("module reload res_pjsip", print) == 0
        last = await lamp.next()
        assert last.get("Subscription-State") == f"terminated;reason={reason}"
        assert (await lamp.renew()).status == 481
        assert [one.endpoint.id for one in pubsub(server)] == ["102"]
        assert (await other.renew()).status == 200
        await other.end()


@pytest.mark.parametrize("name", ['"a;b=c"', '"a\\"b"', "7", "<a>"])
async def test_the_id_of_an_event_is_told_as_it_was_received(name: str) -> None:
    async with world() as found:
        watch = await found.ann.subscribe("200", f"presence;id={name}")
        assert (await watch.next()).get("Event") == f"presence;id={name}"
        assert (await watch.end()).status == 200
        assert (await watch.next()).get("Event") == f"presence;id={name}"
        await assert_idle(found.server)
