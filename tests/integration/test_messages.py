"""MESSAGE outside calls, both ways: phones, dialplan, manager, as recorded."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from call_kit import CONFIG, World, two_phones
from manager_kit import MANAGER, manager

from asterism.core.events import EventType
from asterism.pbx.dialplan.applications.userevent import USER_EVENT
from asterism.pbx.messaging.queue import MAX_SECONDS, MAX_WAITING
from asterism.pbx.vocabulary import events
from asterism.sip.objects.endpoint import Endpoint
from asterism.stack.message import Request, Response, make_response
from asterism.stack.parser import parse_message
from asterism.testing import Phone, until

RECORD = Path(__file__).resolve().parents[1] / "data/record/sip_wire_message_notify_misc.txt"
GUIDE = Path(__file__).resolve().parents[2] / "docs/guide/dialplan.md"

PJSIP = (
    CONFIG["pjsip.conf"].replace("default_realm", "default_outbound_endpoint=trunk\ndefault_realm")
    + """
[101](+)
message_context=messages
[trunk]
type=endpoint
context=phones
from_user=office
from_domain=office.example.test
outbound_auth=trunk
aors=trunk
follow_redirect_methods=message
[trunk]
type=auth
username=office
password=trunk's secret
realm=carrier.example.test
[trunk]
type=aor
max_contacts=1
contact=sip:carrier@127.0.0.1:{carrier}
"""
)

EXTENSIONS = (
    CONFIG["extensions.conf"]
    + """
exten => 700,1,UserEvent(Note,Text: by context)
[messages]
exten => 6002,1,NoOp(MESSAGE to=${MESSAGE(to)} from=${MESSAGE(from)} body=${MESSAGE(body)})
 same => n,MessageSend(pjsip:101,${MESSAGE(from)})
 same => n,UserEvent(Note,Text: ${MESSAGE_SEND_STATUS},To: ${MESSAGE(to)},From: ${MESSAGE(from)})
 same => n,UserEvent(Note,In: ${CALLERID(num)}${CALLERID(name)}${CHANNEL})
exten => _1XX,1,MessageSend(pjsip:${EXTEN},${MESSAGE(from)})
exten => 800,1,Set(MESSAGE_DATA(X-Mine)=${MESSAGE_DATA(x-yours)}, too)
 same => n,Set(MESSAGE(body)=changed)
 same => n,Set(MESSAGE(to)=pjsip:somebody@example.test)
 same => n,MessageSend(pjsip:102)
exten => 801,1,Set(MESSAGE(custom_data)=mark_all_outbound)
 same => n,MessageSend(pjsip:102)
exten => 802,1,MessageSend(${MESSAGE(body)})
 same => n,UserEvent(Note,Text: ${MESSAGE_SEND_STATUS})
exten => 803,1,Wait(0.2)
 same => n,UserEvent(Note,Text: ${MESSAGE(body)})
exten => 804,1,Echo()
exten => 805,1,Dial(PJSIP/102,5)
 same => n,UserEvent(Note,Text: ${DIALSTATUS})
exten => h,1,UserEvent(Hung,Text: up)
"""
)


@asynccontextmanager
async def world(carrier: int = 9, **more: str) -> AsyncIterator[tuple[World, list[dict[str, str]]]]:
    """Two phones, and the fields of every Note that the dialplan sends."""
    config = {
        "pjsip.conf": PJSIP.replace("{carrier}", str(carrier)),
        "extensions.conf": EXTENSIONS,
        "manager.conf": MANAGER,
        **more,
    }
    async with two_phones(config) as found:
        notes: list[dict[str, str]] = []

        def note(_type: EventType, published: tuple[object, ...]) -> None:
            fields = dict(USER_EVENT.render(*published))
            if fields["UserEvent"] == "Note":
                notes.append(fields)  # type: ignore[arg-type]

        found.server.bus.subscribe(found.server.owner, USER_EVENT, note)
        yield found, notes


def message(
    phone: Phone, number: str, body: bytes | str = "hi there", content_type: str = "text/plain", **headers: str
) -> Request:
    """A MESSAGE of a phone."""
    request = phone.create_request("MESSAGE", phone.uri(number))
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    request.set_body(body, content_type)
    return request


def received(phone: Phone) -> list[Request]:
    """The MESSAGEs that a phone got."""
    found = [parse_message(data) for mark, data in phone.wire.messages if mark == "<" and data.startswith(b"MESSAGE ")]
    return [one for one in found if isinstance(one, Request)]


def names(message: Request | Response) -> list[str]:
    """The header names, in order."""
    return [name for name, _ in message.headers]


async def test_the_recorded_exchange():
    async with world() as (found, notes):
        ann = found.ann
        response = await ann.request(message(ann, "6002"))
        assert (response.status, response.reason) == (202, "Accepted")
        assert sorted(names(response)) == ["CSeq", "Call-ID", "Content-Length", "From", "Server", "To", "Via"]
        await until(lambda: ann.messages and notes, 5, "no message came back")
        assert ann.messages == [b"hi there"]
        [echoed] = received(ann)
        first_line = "MESSAGE sip:alice@127.0.0.1:15291 SIP/2.0\n"
        text = RECORD.read_text().partition(first_line)[2].partition("\n---- [SEND]")[0]
        recorded = parse_message((first_line + text).replace("\n", "\r\n").encode())
        assert names(echoed) == names(recorded)
        assert str(echoed.uri) == f"sip:101@127.0.0.1:{ann.port}"
        assert str(echoed.to) == "<sip:101@127.0.0.1>"
        assert str(echoed.from_.without_params("tag")) == "<sip:101@127.0.0.1>"
        assert echoed.get("Max-Forwards") == "69"
        assert str(echoed.content_type) == "text/plain"
        await until(lambda: len(notes) == 2, 5, "the dialplan did not end")
        note, where = notes
        assert where["In"] == "Message/ast_msg_queue"
        assert note["To"] == "pjsip:6002@127.0.0.1"
        assert note["From"] == "<sip:101@127.0.0.1>"
        assert note["Text"] == "SUCCESS"


async def test_a_text_goes_from_phone_to_phone_and_is_no_call():
    async with world() as (found, _):
        seen: list[str] = []
        for kind in (events.NEWCHANNEL, events.NEWEXTEN, events.VAR_SET, events.HANGUP, events.NEWSTATE):
            found.server.subscribe(kind, lambda kind, _: seen.append(kind.name))
        found.ann.display = "Ann, of Test"
        request = message(found.ann, "102", "zwei Zeilen\r\nmit Ümlaut".encode())
        assert (await found.ann.request(request)).status == 202
        await until(lambda: found.bob.messages, 5, "no message came")
        assert found.bob.messages == ["zwei Zeilen\r\nmit Ümlaut".encode()]
        assert str(received(found.bob)[0].from_.without_params("tag")) == '"Ann, of Test" <sip:101@127.0.0.1>'
        assert seen == []


async def test_message_context_falls_back_to_context():
    async with world() as (found, notes):
        assert (await found.bob.request(message(found.bob, "700"))).status == 202
        await until(lambda: notes, 5, "the dialplan did not run")
        assert notes[0]["Text"] == "by context"
        # 6002 is in Ann's message_context alone, 700 in the context that calls use.
        assert (await found.bob.request(message(found.bob, "6002"))).status == 404
        assert (await found.ann.request(message(found.ann, "700"))).status == 404


@pytest.mark.parametrize(
    ("content_type", "body", "headers", "status"),
    [
        ("application/bogus", "<x/>", {}, 415),
        ("text/html", "<b>", {}, 415),
        ("", "no type", {}, 202),
        ("text/plain", "zip", {"Content_Encoding": "gzip"}, 415),
        ("text/plain", b"x" * 16385, {}, 413),
        ("text/plain", b"x" * 16384, {}, 202),
        ('TEXT/Plain;charset="utf-8"', "hi", {"Content_Encoding": "identity"}, 202),
        ("", "", {}, 202),
    ],
)
async def test_what_is_taken(content_type: str, body: bytes | str, headers: dict[str, str], status: int):
    async with world() as (found, notes):
        request = message(found.ann, "803", body, content_type, **headers)
        response = await found.ann.request(request)
        assert response.status == status
        if status == 415:
            assert response.get("Accept") == "text/plain"
        if status == 202:
            await until(lambda: notes, 5, "the dialplan did not run")


async def test_nobody_unknown_runs_dialplan():
    async with world() as (found, notes):
        async with Phone("101", found.server, "not the secret") as stranger:
            assert (await stranger.request(message(stranger, "803"))).status == 401
        assert notes == []


async def test_headers_go_along_when_they_are_asked_to():
    async with world() as (found, _):
        found.ann.display = ""
        await found.ann.request(message(found.ann, "800", X_Yours="mine"))
        await until(lambda: len(found.bob.messages) == 1, 5, "no message came")
        [sent] = received(found.bob)
        assert sent.body == b"changed"
        assert sent.get("X-Mine") == "mine, too"
        assert sent.get("X-Yours") is None
        assert str(sent.to) == "<sip:somebody@example.test>"
        assert str(sent.from_.without_params("tag")) == "<sip:101@127.0.0.1>"
        await found.ann.request(message(found.ann, "801", X_Yours="mine", Subject="lunch"))
        await until(lambda: len(found.bob.messages) == 2, 5, "no message came")
        sent = received(found.bob)[1]
        assert sent.get("X-Yours") == "mine"
        assert sent.get("Subject") == "lunch"
        # Neither what a hop adds nor what opens doors.
        assert sent.get("Authorization") is None
        assert len(sent.get_all("User-Agent")) == len(sent.get_all("Max-Forwards")) == len(sent.vias) == 1


@pytest.mark.parametrize(
    ("destination", "status"),
    [
        ("pjsip:102", "SUCCESS"),
        ("PJSIP:102/102", "SUCCESS"),
        ("pjsip:102@anywhere", "SUCCESS"),
        ("pjsip:102/sip:102@127.0.0.1:{bob}", "SUCCESS"),
        ("pjsip:102/102@127.0.0.1:{bob}", "SUCCESS"),
        ('pjsip:102/"Bob" <sip:102@127.0.0.1:{bob}>', "SUCCESS"),
        ("pjsip:sip:102@127.0.0.1:{bob}", "SUCCESS"),
        ("pjsip:<sip:102@127.0.0.1:{bob}>", "SUCCESS"),
        ("pjsip:anyone@127.0.0.1:{bob}", "SUCCESS"),
        ("pjsip:PJSIP/555@102", "SUCCESS"),
        ("pjsip:103", "FAILURE"),
        ("pjsip:nobody/sip:102@127.0.0.1:{bob}", "FAILURE"),
        ("pjsip:PJSIP/555@nobody", "FAILURE"),
        ("pjsip:nosuch.invalid", "FAILURE"),
        ("pjsip:102/sip:", "INVALID_URI"),
        ("pjsip:sip:a b@127.0.0.1", "INVALID_URI"),
        ("pjsip:tel:123", "INVALID_URI"),
        ("pjsip:", "INVALID_URI"),
        ("102", "INVALID_URI"),
        ("xmpp:bob@example.test", "INVALID_PROTOCOL"),
    ],
)
async def test_destinations(destination: str, status: str):
    async with world() as (found, notes):
        text = destination.replace("{bob}", str(found.bob.port))
        await found.ann.request(message(found.ann, "802", text))
        await until(lambda: notes, 5, "the dialplan did not run")
        assert notes[0]["Text"] == status
        if status == "SUCCESS":
            await until(lambda: found.bob.messages, 5, "no message came")
            assert str(received(found.bob)[0].uri.user) == {
                "pjsip:anyone@127.0.0.1:{bob}": "anyone",
                "pjsip:PJSIP/555@102": "555",
            }.get(destination, "102")
        else:
            assert found.bob.messages == []


async def test_one_message_at_a_time_in_order_and_not_without_end():
    async with world() as (found, notes):
        for number in range(4):
            assert (await found.ann.request(message(found.ann, "803", f"m{number}"))).status == 202
        assert notes == []
        await until(lambda: len(notes) == 4, 5, "the dialplan did not run")
        assert [note["Text"] for note in notes] == ["m0", "m1", "m2", "m3"]


async def test_a_dialplan_that_never_ends_holds_up_the_others_for_a_while_only(monkeypatch: pytest.MonkeyPatch):
    assert MAX_SECONDS == 300
    monkeypatch.setattr("asterism.pbx.messaging.queue.MAX_SECONDS", 0.1)
    async with world() as (found, notes):
        assert (await found.ann.request(message(found.ann, "804"))).status == 202
        assert (await found.ann.request(message(found.ann, "6002"))).status == 202
        await until(lambda: notes, 5, "the dialplan did not run")


async def test_a_message_makes_no_phone_ring():
    async with world() as (found, notes):
        assert (await found.ann.request(message(found.ann, "805"))).status == 202
        await until(lambda: notes, 5, "the dialplan did not run")
        assert notes[0]["Text"] == "CHANUNAVAIL"
        assert not any(data.startswith(b"INVITE ") for _, data in found.bob.wire.messages)


async def test_a_sender_holds_up_only_its_own_messages():
    async with world(**{"pjsip.conf": PJSIP + "[102](+)\nmessage_context=messages\n"}) as (found, notes):  # type: ignore[arg-type]
        assert (await found.ann.request(message(found.ann, "804"))).status == 202
        assert (await found.ann.request(message(found.ann, "803", "anns"))).status == 202
        assert (await found.bob.request(message(found.bob, "803", "bobs"))).status == 202
        await until(lambda: notes, 5, "the dialplan did not run")
        assert [note["Text"] for note in notes] == ["bobs"]
        await until(lambda: len(found.server.pbx.messages) == 2, 5, "Ann's messages do not wait")


async def test_one_sender_cannot_fill_the_queue(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("asterism.pbx.messaging.queue.MAX_WAITING_OF_ONE", 1)
    async with world(**{"pjsip.conf": PJSIP + "[102](+)\nmessage_context=messages\n"}) as (found, notes):  # type: ignore[arg-type]
        statuses = [(await found.ann.request(message(found.ann, "804", f"m{n}"))).status for n in range(3)]
        assert statuses == [202, 202, 503]
        assert (await found.bob.request(message(found.bob, "803", "bobs"))).status == 202
        await until(lambda: notes, 5, "the dialplan did not run")


async def test_senders_take_turns(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("asterism.pbx.messaging.queue.MAX_AT_ONCE", 1)
    async with world(**{"pjsip.conf": PJSIP + "[102](+)\nmessage_context=messages\n"}) as (found, notes):  # type: ignore[arg-type]
        for text in ("a1", "a2", "a3"):
            assert (await found.ann.request(message(found.ann, "803", text))).status == 202
        assert (await found.bob.request(message(found.bob, "803", "b1"))).status == 202
        await until(lambda: len(notes) == 4, 5, "the dialplan did not run")
        assert [note["Text"] for note in notes] == ["a1", "b1", "a2", "a3"]


@pytest.mark.parametrize(
    ("hops", "sent"), [("70", "69"), ("255", "70"), ("5", "4"), ("1", "0"), ("0", None), (None, "70")]
)
async def test_a_message_that_goes_on_has_one_hop_less(hops: str | None, sent: str | None):
    async with world() as (found, notes):
        request = message(found.ann, "6002")
        request.remove_header("Max-Forwards")
        if hops is not None:
            request.add_header("Max-Forwards", hops)
        assert (await found.ann.request(request)).status == 202
        await until(lambda: notes, 5, "the dialplan did not run")
        if sent is None:
            assert notes[0]["Text"] == "FAILURE"
            assert received(found.ann) == []
        else:
            await until(lambda: received(found.ann), 5, "no message came")
            assert received(found.ann)[0].get("Max-Forwards") == sent


async def test_a_queue_that_is_full_answers_503(monkeypatch: pytest.MonkeyPatch):
    assert MAX_WAITING == 1000
    monkeypatch.setattr("asterism.pbx.messaging.queue.MAX_WAITING", 1)
    async with world() as (found, notes):
        statuses = [(await found.ann.request(message(found.ann, "803", f"m{n}"))).status for n in range(3)]
        assert statuses == [202, 202, 503]
        await until(lambda: len(notes) == 2, 5, "the dialplan did not run")


async def test_control_characters_stay_in_the_body():
    evil = "x\r\nX-Evil: 1"
    async with world() as (found, notes), manager(found.server) as client:
        answer = await client.action(
            "MessageSend", Destination="pjsip:102", From="sip:6%0d%0aX-Evil:1@a", To="sip:7%0d%0aX-Evil:1@a",
            Base64Body=b64encode(evil.encode()).decode(), Variable="X-Fine=1,X-Bad=a\x00b,No Name=1",
        )  # fmt: skip
        assert answer["Response"] == "Success", answer.text
        await until(lambda: found.bob.messages, 5, "no message came")
        [sent] = received(found.bob)
        assert sent.body == evil.encode()
        assert sent.get("X-Evil") is None
        assert sent.get("X-Fine") == "1"
        assert sent.get("X-Bad") is None
        assert notes == []


async def test_a_body_makes_no_log_lines():
    async with world() as (found, notes):
        lines: list[str] = []
        log = found.server.pbx.dialplan.executor.log
        log.verbose_level = 10
        handler = logging.Handler()
        handler.emit = lambda record: lines.append(record.getMessage())
        log.addHandler(handler)
        await found.ann.request(message(found.ann, "6002", "hi\n[2026-11-21] SECURITY: forged"))
        await until(lambda: len(notes) == 2, 5, "the dialplan did not run")
        [executed] = [line for line in lines if "forged" in line]
        assert r"body=hi\n[2026-11-21] SECURITY: forged" in executed
        assert not any("\n" in line for line in lines)


async def test_the_manager_sends_as_recorded():
    async with world() as (found, _), manager(found.server) as client:
        bob = found.bob

        async def send(*pairs: tuple[str, str]) -> tuple[str, str]:
            answer = await client.action("MessageSend", *pairs)
            return answer["Response"], answer["Message"]

        good = ("Success", "Message successfully sent")
        assert await send(("To", "pjsip:102"), ("From", "sip:6002@pbx.example.test"), ("Body", "hello world")) == good
        assert await send(
            ("Destination", f"pjsip:102/sip:102@127.0.0.1:{bob.port}"), ("To", "sip:alice@example.org"),
            ("From", '"Bob" <sip:6002@pbx.example.test>'), ("Body", "second"),
        ) == good  # fmt: skip
        assert await send(
            ("To", "pjsip:102"), ("From", "sip:6002@pbx.example.test"), ("Base64Body", "bGluZTEKbGluZTI="),
            ("Body", "not this"), ("Variable", "X-Extra=1"),
        ) == good  # fmt: skip
        assert await send(("To", "pjsip:nosuch.invalid"), ("From", "x"), ("Body", "b")) == (
            "Error",
            "Message failed to send.",
        )
        assert await send(("To", "bogus:nosuch"), ("From", "x"), ("Body", "b")) == (
            "Error",
            "Message technology not found.",
        )
        assert await send(("Body", "b")) == ("Error", "No 'To' address specified.")
        assert await send(("To", "pjsip:102"), ("Base64Body", "?")) == ("Error", "Base64Body is not base64.")
        assert await send(("To", "pjsip:102")) == good
        await until(lambda: len(bob.messages) == 4, 5, "not all came")
        first, second, third, fourth = received(bob)
        assert str(first.from_.without_params("tag")) == "<sip:6002@pbx.example.test>"
        assert str(first.to) == "<sip:102@127.0.0.1>"
        assert str(second.from_.without_params("tag")) == '"Bob" <sip:6002@pbx.example.test>'
        assert str(second.to) == "<sip:alice@example.org>"
        assert third.body == b"line1\nline2"
        extra = names(third).index("X-Extra")
        assert names(third)[extra - 1 : extra + 2] == ["CSeq", "X-Extra", "Max-Forwards"]
        assert fourth.body == b""
        async with manager(found.server, "limited") as limited:
            answer = await limited.action("MessageSend", To="pjsip:102", Body="no")
            assert (answer["Response"], answer["Message"]) == ("Error", "Permission denied")


class Carrier(Phone):
    """A carrier that challenges, and sends on to ``elsewhere``."""

    elsewhere = ""

    def on_request(self, request: Request) -> None:
        """401 first, then 302 or 200."""
        transaction = self.wire.layer.create_server_transaction(request)
        if not request.has("Authorization"):
            response = make_response(request, 401)
            response.add_header("WWW-Authenticate", 'Digest realm="carrier.example.test", nonce="n", qop="auth"')
        else:
            response = make_response(request, 302 if self.elsewhere else 200)
            if self.elsewhere:
                response.add_header("Contact", self.elsewhere)
            else:
                self.messages.append(request.body)
        transaction.respond(response)


@pytest.mark.parametrize("redirected", [False, True])
async def test_a_carrier_gets_credentials_and_its_own_from(redirected: bool):
    async with Carrier("carrier", ("127.0.0.1", 9)) as carrier, world(carrier.port) as (found, notes):
        if redirected:
            carrier.elsewhere = found.bob.contact
        await found.ann.request(message(found.ann, "802", "pjsip:trunk"))
        await until(lambda: notes, 5, "the dialplan did not run")
        assert notes[0]["Text"] == "SUCCESS"
        target = found.bob if redirected else carrier
        await until(lambda: target.messages, 5, "no message came")
        sent = received(target)[-1]
        assert str(sent.from_.without_params("tag")) == "<sip:office@office.example.test>"
        if redirected:
            assert len(received(carrier)) == 2
            assert str(sent.uri) == f"sip:102@127.0.0.1:{found.bob.port}"
        else:
            assert 'username="office"' in (sent.get("Authorization") or "")


class Elsewhere(Phone):
    """Answers every MESSAGE with a status, and a 3xx with these contacts."""

    def __init__(self, *args: object, answers: dict[str, tuple[int, tuple[str, ...]]]) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.answers = answers

    def on_request(self, request: Request) -> None:
        """By the user of the Request-URI."""
        status, contacts = self.answers[request.uri.user]
        response = make_response(request, status)
        for contact in contacts:
            response.add_header("Contact", contact.replace("PORT", str(self.port)))
        self.wire.layer.create_server_transaction(request).respond(response)


MOVED = ("<sip:low@127.0.0.1:PORT>;q=0.1", "<sip:high@127.0.0.1:PORT>;q=0.9", "<sip:carrier@127.0.0.1:PORT>")


@pytest.mark.parametrize(
    ("answers", "tried"),
    [
        # The next one when one fails; what was tried is not tried again, whoever names it.
        (
            {"carrier": (302, MOVED), "high": (302, ("<sip:carrier@127.0.0.1:PORT;x=1>",)), "low": (404, ())},
            ["carrier", "high", "low"],
        ),
        ({"carrier": (302, MOVED), "high": (480, ()), "low": (200, ())}, ["carrier", "high", "low"]),
        ({"carrier": (302, MOVED), "high": (200, ())}, ["carrier", "high"]),
        ({"carrier": (302, MOVED), "high": (603, ())}, ["carrier", "high"]),
        ({"carrier": (302, ("<sip:carrier@127.0.0.1:PORT>",))}, ["carrier"]),
        ({"carrier": (302, ("<tel:1>", "broken>"))}, ["carrier"]),
        ({"carrier": (404, ())}, ["carrier"]),
    ],
)
async def test_the_targets_of_a_redirection_are_tried_by_preference_and_once(
    answers: dict[str, tuple[int, tuple[str, ...]]], tried: list[str]
):
    async with (
        Elsewhere("carrier", ("127.0.0.1", 9), answers=answers) as carrier,
        world(carrier.port) as (found, notes),
    ):
        await found.ann.request(message(found.ann, "802", "pjsip:trunk"))
        await until(lambda: len(received(carrier)) == len(tried), 5, "not all were tried")
        # What is sent later arrives later: nothing else was on its way before it.
        carrier.answers["last"] = (200, ())
        await found.ann.request(message(found.ann, "802", f"pjsip:trunk/sip:last@127.0.0.1:{carrier.port}"))
        await until(lambda: received(carrier)[-1].uri.user == "last", 5, "no message came")
        sent = received(carrier)
        assert [request.uri.user for request in sent] == [*tried, "last"]
        numbers = [request.cseq.number for request in sent[:-1]]
        assert numbers == sorted(set(numbers))
        assert notes


async def test_a_redirection_is_not_followed_unless_asked_to():
    config = PJSIP.replace("follow_redirect_methods=message", "")
    async with (
        Carrier("carrier", ("127.0.0.1", 9)) as carrier,
        world(**{"pjsip.conf": config.replace("{carrier}", str(carrier.port))}) as (found, notes),  # type: ignore[arg-type]
    ):
        carrier.elsewhere = found.bob.contact
        await found.ann.request(message(found.ann, "802", "pjsip:trunk"))
        await until(lambda: notes and len(received(carrier)) == 2, 5, "nothing was sent")
        # What follows goes the same way later: had the redirection been followed, Bob would have two.
        await found.ann.request(message(found.ann, "102", "direct"))
        await until(lambda: found.bob.messages, 5, "no message came")
        assert found.bob.messages == [b"direct"]


async def test_a_stop_breaks_off_what_runs_and_drops_what_waits():
    async with world() as (found, notes):
        for _ in range(2):
            assert (await found.ann.request(message(found.ann, "804"))).status == 202
        queue = found.server.pbx.messages
        assert len(queue) == 2
        await found.server.modules.unload("messaging")
        assert (await found.ann.request(message(found.ann, "803"))).status == 501
        await found.server.stop()
        await until(lambda: len(queue) == 0, 5, "a message is left")
        assert notes == []


async def test_the_example_of_the_guide():
    example = "[messages]" + GUIDE.read_text().partition("[messages]")[2].partition("```")[0]
    async with world(**{"extensions.conf": CONFIG["extensions.conf"] + example}) as (found, _):  # type: ignore[arg-type]
        assert (await found.ann.request(message(found.ann, "102", "are you in?"))).status == 202
        assert (await found.ann.request(message(found.ann, "103", "and you?"))).status == 202
        await until(lambda: found.bob.messages and found.ann.messages, 5, "no message came")
        assert found.bob.messages == [b"are you in?"]
        assert found.ann.messages == [b"103 is away."]
        assert str(received(found.ann)[0].from_.without_params("tag")) == "<sip:103@pbx>"


async def test_explain_says_where_a_message_goes():
    async with world() as (found, _):
        text = message(found.ann, "6002")
        text.add_header("Via", "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx")
        explanation = str(await found.server.sip.explain(text))
        assert "messaging" in explanation
        assert found.server.data.get(Endpoint, "101").message_context == "messages"
