"""What peers send that is no good: nothing is left of it, the server goes on, and the log says why it was refused."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from call_kit import CONFIG, two_phones

from asterism.applications.pubsub.registry import pubsub
from asterism.server.server import Server
from asterism.stack.message import Request
from asterism.testing import Phone, assert_idle, until

NAMES = [f"lamp{number}" for number in range(10_000)]
BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><a>&j;</a>"
)
DEEP = "<a>" * 8000
BODIES = {
    "no XML": "Messages-Waiting",
    "entity bomb": BOMB,
    "deep": DEEP,
    "empty document": '<?xml version="1.0"?>',
    "binary": "\0\x01\x02\udcff",
}
PJSIP = (
    CONFIG["pjsip.conf"].replace(
        "context=phones\n", "context=phones\nsubscribe_context=hints\nincoming_mwi_mailbox=1@x\n"
    )
    + f"""
[udp]
type=transport
protocol=udp
bind=127.0.0.1:0
[tcp]
type=transport
protocol=tcp
bind=127.0.0.1:0
[wall]
type=resource_list
event=presence
list_item={",".join(NAMES)}
[feed]
type=inbound-publication
event_asterisk-devicestate=ap
[ap]
type=asterisk-publication
device_state=yes
"""
)
FILES = {
    **CONFIG,
    "pjsip.conf": PJSIP,
    "extensions.conf": CONFIG["extensions.conf"] + "[hints]\nexten => lamp1,hint,Custom:lamp1\n",
}


class Log:
    """What the server has said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.text = ""

    def __contains__(self, text: str) -> bool:
        self.text += self._capsys.readouterr().out
        return text in self.text


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Log:
    return Log(capsys)


def request(phone: Phone, method: str, resource: str, event: str, kind: str, body: str) -> Request:
    """A request with a body, outside of dialogs."""
    made = phone.create_request(method, phone.uri(resource))
    made.add_header("Event", event)
    if method == "NOTIFY":
        made.add_header("Subscription-State", "active")
    made.set_body(body, kind)
    return made


@pytest.mark.parametrize("name", BODIES)
async def test_bodies_of_notify_and_publish(name: str, log: Log) -> None:
    async with two_phones(FILES) as found:
        ann, body = found.ann, BODIES[name]
        # Of a type that is not read.
        response = await ann.request(request(ann, "NOTIFY", "", "message-summary", "application/pidf+xml", body))
        assert (response.status, response.get("Accept")) == (415, "application/simple-message-summary")
        assert "a NOTIFY from endpoint 101 is refused with 415: no body of type" in log
        response = await ann.request(request(ann, "PUBLISH", "feed", "asterisk-devicestate", "application/xml", body))
        assert response.status == 500
        assert "the body is no application/json" in log
        # Of the type that is read, but nothing of the sort.
        response = await ann.request(
            request(ann, "PUBLISH", "feed", "asterisk-devicestate", "application/json", body[:4000])
        )
        assert response.status == 500
        assert "the body is no JSON" in log
        response = await ann.request(
            request(ann, "NOTIFY", "", "message-summary", "application/simple-message-summary", body[:4000])
        )
        assert response.status == 200
        assert not len(pubsub(found.server).publications)
        await assert_idle(found.server)


@pytest.mark.parametrize(("method", "event"), [("NOTIFY", "message-summary"), ("PUBLISH", "asterisk-devicestate")])
async def test_bodies_that_are_too_large(method: str, event: str, log: Log) -> None:
    kind = {"NOTIFY": "application/simple-message-summary", "PUBLISH": "application/json"}[method]
    async with two_phones(FILES) as found, Phone("101", found.server, "ann's secret", transport="tcp") as phone:
        response = await phone.request(request(phone, method, "feed", event, kind, "x" * 5000))
        assert response.status == 413
        assert "4096 bytes" in log
        # A megabyte is more than any message: it is answered from its head, and skipped.
        response = await phone.request(request(phone, method, "feed", event, kind, f"<a>{'x' * 1_000_000}</a>"))
        assert response.status == 513
        assert "message too large" in log
        await assert_idle(found.server)


async def test_a_list_of_ten_thousand(log: Log) -> None:
    async with two_phones(FILES) as found:
        began = time.perf_counter()
        watch = await found.ann.subscribe("wall", "presence", Supported="eventlist")
        assert watch.response is not None
        assert watch.response.status == 500
        assert time.perf_counter() - began < 5
        assert "names more than 1000 resources (max_list_items)" in log
        await assert_idle(found.server)


def quiet(server: Server) -> Callable[[], bool]:
    return lambda: not len(pubsub(server)) and not len(server.sip.dialogs)


async def test_a_subscriber_that_never_answers(log: Log) -> None:
    files = {**FILES, "pjsip.conf": f"[system]\ntype=system\ntimer_t1=100\ntimer_b=6400\n{PJSIP}"}
    async with two_phones(files) as found:
        watch = await found.ann.subscribe("lamp1", "presence")
        await watch.next()
        watch.status = 0
        assert (await watch.renew(60)).status == 200
        await until(quiet(found.server), 20)
        assert "the subscription of 101 to lamp1 (presence) ended: a NOTIFY was not answered" in log
        await assert_idle(found.server)


async def test_a_subscriber_that_has_forgotten(log: Log) -> None:
    async with two_phones(FILES) as found:
        watch = await found.ann.subscribe("lamp1", "presence")
        await watch.next()
        watch.status = 481
        assert (await watch.renew(60)).status == 200
        await until(quiet(found.server))
        assert "the subscription of 101 to lamp1 (presence) ended: a NOTIFY was answered 481" in log
        await assert_idle(found.server)
