"""PUBLISH as recorded: codes, headers, entity tags; device states and mailboxes of another server."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from call_kit import CONFIG

from asterism.applications.pubsub.registry import pubsub
from asterism.pbx.states.mailboxes import MessageCounts
from asterism.pbx.vocabulary.device_state import DeviceState
from asterism.server.server import Server
from asterism.sip.explain import explain
from asterism.stack.message import Request, Response
from asterism.testing import Phone, running_server, until

RECORD = (Path(__file__).resolve().parents[1] / "data/record/sip_wire_publish.txt").read_text()
STATES = (
    CONFIG["pjsip.conf"]
    + """
[instance2]
type=inbound-publication
endpoint=101
event_asterisk-devicestate=apub
event_asterisk-mwi=apub
[apub]
type=asterisk-publication
device_state=yes
mailbox_state=yes
"""
)
EXTENSIONS = "[phones]\nexten => 200,hint,Custom:x1\nexten => 201,hint,MWI:7009@default\n"
BODY = '{"type":"devicestate","device":"Custom:x1","state":"INUSE","cachable":1,"eid":"00:00:00:00:00:01"}\n'
MAILBOX = '{"type":"mailboxstate","uniqueid":"7009@default","old":1,"new":2,"eid":"00:00:00:00:00:01"}\n'


@asynccontextmanager
async def world(pjsip: str = STATES, folder: Path | None = None) -> AsyncIterator[tuple[Server, Phone]]:
    """A server that takes publications, and a phone that makes them."""
    files = {"pjsip.conf": pjsip, "extensions.conf": EXTENSIONS}
    async with running_server(files, folder) as server, Phone("101", server, "ann's secret") as phone:
        yield server, phone


async def publish(
    phone: Phone,
    body: str | bytes = BODY,
    *,
    tag: str = "",
    expires: int | None = 60,
    event: str = "asterisk-devicestate",
    user: str = "instance2",
    kind: str = "application/json",
    headers: tuple[tuple[str, str], ...] = (),
) -> Response:
    """One PUBLISH."""
    request = phone.create_request("PUBLISH", phone.uri(user))
    request.remove_header("Contact")
    if event:
        request.add_header("Event", event)
    if expires is not None:
        request.add_header("Expires", str(expires))
    if tag:
        request.add_header("SIP-If-Match", tag)
    for name, value in headers:
        request.add_header(name, value)
    if body:
        request.set_body(body, kind)
    return await phone.request(request)


def etag(response: Response) -> str:
    """The entity tag of a 200."""
    assert response.status == 200
    return response.get("SIP-ETag") or ""


def state(server: Server, device: str = "Custom:x1") -> DeviceState:
    """How a device is."""
    return server.pbx.device_states.get(device)


CASES = {
    "valid": ("PUBLISH from a script, resource instance2, valid", {}),
    "unknown tag": ("PUBLISH with an unknown SIP-If-Match", {"tag": "99999"}),
    "nothing": ("PUBLISH without body and without SIP-If-Match", {"body": ""}),
    "unknown resource": ("PUBLISH to an unknown resource", {"user": "nobody"}),
    "presence": ("PUBLISH with Event: presence (no handler)", {"event": "presence"}),
    "mwi": ("PUBLISH with Event: asterisk-mwi to the same resource", {"event": "asterisk-mwi", "body": MAILBOX}),
    "type": ("PUBLISH with another content type", {"body": "x\r\n", "kind": "text/plain"}),
    "json": ("PUBLISH with broken JSON", {"body": "{nope\n"}),
    "kind": ('PUBLISH with an unknown "type"', {"body": '{"type":"zzz","eid":"00:00:00:00:00:01"}\n'}),
    "short": ("PUBLISH with Expires: 1", {"expires": 1}),
    "unsaid": ("PUBLISH without Expires", {"expires": None}),
    "no event": ("PUBLISH without Event", {"event": ""}),
}
OURS = {"Allow-Events"}
"""What we say besides (RFC 6665 8.2.1)."""


@pytest.mark.parametrize("case", CASES)
async def test_answers_as_recorded(case: str) -> None:
    title, asked = CASES[case]
    part = RECORD[RECORD.index(f"-- {title}\n") :]
    recorded = part[part.index("SIP/2.0 ") :].split("\n---- ", 1)[0].split("\n###", 1)[0].strip().splitlines()
    async with world() as (_, phone):
        answer = await publish(phone, **asked)  # type: ignore[arg-type]
        assert f"SIP/2.0 {answer.status} {answer.reason}" == recorded[0]
        names = [line.partition(":")[0] for line in recorded[1:]]
        order = sorted(name for name, _ in answer.headers if name not in OURS)
        assert order == sorted(names)
        said = [line for line in recorded if line.startswith("Expires")]
        assert [f"Expires: {value}" for value in answer.get_all("Expires")] == said


async def test_begin_refresh_modify_remove() -> None:
    async with world() as (server, phone):
        first = await publish(phone)
        await until(lambda: state(server) is DeviceState.INUSE)
        assert (etag(first), first.expires) == ("1", 60)
        second = await publish(phone, "", tag="1", expires=120)
        assert (etag(second), second.expires) == ("2", 120)
        assert (await publish(phone, "", tag="1")).status == 412
        third = await publish(phone, BODY.replace("INUSE", "RINGING"), tag="2")
        assert etag(third) == "3"
        assert state(server) is DeviceState.RINGING
        last = await publish(phone, "", tag="3", expires=0)
        assert (etag(last), last.expires) == ("4", 0)
        assert state(server) is DeviceState.UNKNOWN
        assert not len(pubsub(server).publications)
        assert (await publish(phone, "", tag="4")).status == 412


async def test_several_devices_in_one_publication_and_mailboxes() -> None:
    async with world() as (server, phone):
        tag = etag(await publish(phone))
        tag = etag(await publish(phone, BODY.replace("x1", "x2"), tag=tag))
        assert [state(server, f"Custom:{name}").name for name in ("x1", "x2")] == ["INUSE", "INUSE"]
        boxes = etag(await publish(phone, MAILBOX, event="asterisk-mwi"))
        assert server.pbx.mailboxes.get("7009@default") == MessageCounts(2, 1)
        assert server.pbx.device_states.get("MWI:7009@default") is DeviceState.INUSE
        # The tag of one package is nothing to the other.
        assert (await publish(phone, MAILBOX, event="asterisk-mwi", tag=tag)).status == 412
        await publish(phone, "", event="asterisk-mwi", tag=boxes, expires=0)
        assert server.pbx.mailboxes.get("7009@default") == MessageCounts()
        assert state(server) is DeviceState.INUSE


async def test_what_a_newer_publication_says_outlives_the_older_one() -> None:
    async with world() as (server, phone):
        old = etag(await publish(phone))
        new = etag(await publish(phone, BODY.replace("INUSE", "RINGING")))
        assert state(server) is DeviceState.RINGING
        await publish(phone, "", tag=old, expires=0)
        assert state(server) is DeviceState.RINGING
        await publish(phone, "", tag=new, expires=0)
        assert state(server) is DeviceState.UNKNOWN


async def test_it_expires() -> None:
    async with world() as (server, phone):
        await publish(phone, expires=1)
        assert state(server) is DeviceState.INUSE
        await until(lambda: state(server) is DeviceState.UNKNOWN)
        assert not len(pubsub(server).publications)


async def test_nobody_touches_the_publication_of_another() -> None:
    async with (
        world(STATES.replace("endpoint=101\n", "")) as (server, phone),
        Phone("102", server, "bob's secret") as bob,
    ):
        tag = etag(await publish(phone))
        assert (await publish(bob, "", tag=tag, expires=0)).status == 412
        assert (await publish(bob, BODY.replace("INUSE", "NOT_INUSE"), tag=tag)).status == 412
        assert state(server) is DeviceState.INUSE
        # What another endpoint tells of the same server does not take the place of it either.
        await publish(bob, BODY.replace("INUSE", "NOT_INUSE"))
        assert state(server) is DeviceState.INUSE


async def test_only_the_endpoint_named_may_publish() -> None:
    async with world(STATES.replace("endpoint=101", "endpoint=102")) as (_, phone):
        assert (await publish(phone)).status == 403


async def test_who_does_not_authenticate_is_challenged() -> None:
    async with world() as (server, _), Phone("101", server, "wrong") as stranger:
        assert (await publish(stranger)).status == 401
        assert not len(pubsub(server).publications)


async def test_our_own_states_that_come_back_are_passed_over() -> None:
    async with world() as (server, phone):
        eid = server.options.entityid
        assert re.fullmatch("02(:[0-9a-f]{2}){5}", eid)
        assert etag(await publish(phone, BODY.replace("00:00:00:00:00:01", eid)))
        assert state(server) is DeviceState.UNKNOWN


@pytest.mark.parametrize(
    ("options", "asked", "status", "header"),
    [
        ("min_expiration=100", {}, 423, ("Min-Expires", "100")),
        ("max_expiration=30", {}, 200, ("Expires", "30")),
        ("max_body=20", {}, 413, None),
        ("max_bytes=20", {}, 503, ("Retry-After", "60")),
        ("", {"headers": (("SIP-If-Match", "1"), ("SIP-If-Match", "2"))}, 400, None),
        ("", {"expires": 0}, 200, ("Expires", "0")),
    ],
)
async def test_limits_of_an_inbound_publication(
    options: str, asked: dict[str, object], status: int, header: tuple[str, str] | None
) -> None:
    async with world(STATES.replace("endpoint=101\n", f"endpoint=101\n{options}\n")) as (_, phone):
        answer = await publish(phone, **asked)  # type: ignore[arg-type]
        assert answer.status == status
        if header is not None:
            assert answer.get(header[0]) == header[1]


@pytest.mark.parametrize("limit", ["instance2", "global"])
async def test_as_many_publications_as_may_be(limit: str) -> None:
    if limit == "global":
        pjsip = STATES.replace("type=global\n", "type=global\nmax_publications=2\n")
    else:
        pjsip = STATES.replace("endpoint=101\n", "endpoint=101\nmax_publications=2\n")
    async with world(pjsip) as (server, phone):
        assert "max_publications=2" in pjsip
        tags = [etag(await publish(phone)) for _ in range(2)]
        assert (await publish(phone)).status == 503
        assert len(pubsub(server).publications) == 2
        await publish(phone, "", tag=tags[0], expires=0)
        assert (await publish(phone)).status == 200


@pytest.mark.parametrize(
    ("options", "device", "mailbox"),
    [
        ("device_state=yes\nmailbox_state=yes", True, True),
        ("device_state=no\nmailbox_state=yes", None, True),
        ("device_state=yes\nmailbox_state=no", True, None),
        ("device_state=yes\ndevice_state_filter=^PJSIP/\nmailbox_state=yes\nmailbox_state_filter=^8", False, False),
        ("device_state=yes\ndevice_state_filter=^Custom:x\nmailbox_state=yes\nmailbox_state_filter=@def", True, True),
    ],
)
async def test_what_an_asterisk_publication_lets_in(options: str, device: bool | None, mailbox: bool | None) -> None:
    pjsip = STATES.replace("device_state=yes\nmailbox_state=yes", options)
    async with world(pjsip) as (server, phone):
        assert (await publish(phone)).status == (489 if device is None else 200)
        assert (state(server) is DeviceState.INUSE) is bool(device)
        assert (await publish(phone, MAILBOX, event="asterisk-mwi")).status == (489 if mailbox is None else 200)
        assert server.pbx.mailboxes.get("7009@default").waiting is bool(mailbox)


async def test_a_filter_that_changes_counts_for_what_was_told() -> None:
    async with world() as (server, phone):
        await publish(phone)
        text = STATES.replace("device_state=yes", "device_state=yes\ndevice_state_filter=^PJSIP/")
        path = server.paths.etc / "pjsip.conf"
        path.write_text(path.read_text().replace("device_state=yes", "device_state=yes\ndevice_state_filter=^PJSIP/"))
        assert text
        await server.reload()
        assert state(server) is DeviceState.UNKNOWN
        path.write_text(path.read_text().replace("device_state_filter=^PJSIP/\n", ""))
        await server.reload()
        assert state(server) is DeviceState.INUSE
        path.write_text(path.read_text().replace("event_asterisk-devicestate=apub\n", ""))
        await server.reload()
        assert state(server) is DeviceState.UNKNOWN
        assert not len(pubsub(server).publications)


async def test_explain_says_why() -> None:
    async with world() as (server, phone):
        request = phone.create_request("PUBLISH", phone.uri("instance2"))
        request.add_header("Event", "asterisk-devicestate")
        request.set_body(BODY, "application/json")
        request.add_header("Via", f"SIP/2.0/UDP 127.0.0.1:{phone.port};branch=z9hG4bKx")
        found = await explain(server.sip, request)
        assert (found.taken_by, found.challenged) == ("publication", True)
        assert "publication of asterisk-devicestate by 101" in str(found)
        assert not len(pubsub(server).publications)
        request.set_header("SIP-If-Match", "7")
        assert "no publication has this entity tag" in str(await explain(server.sip, request))


async def test_publish_is_claimed() -> None:
    async with world() as (_, phone):
        answer = await phone.request(phone.create_request("OPTIONS", phone.uri()))
        assert "PUBLISH" in (answer.get("Allow") or "")
        refused = await publish(phone, event="presence")
        assert refused.get("Allow-Events") == "asterisk-devicestate, asterisk-mwi"


BAD = {
    "1 MB": "[" + "1," * 500_000 + "1]",
    "nested": "[" * 60_000,
    "nested object": '{"type":"devicestate","eid":' + '{"a":' * 700 + "1" + "}" * 700 + "}",
    "list": "[]",
    "number": "7",
    "null": "null",
    "types": '{"type":1,"eid":2}',
    "state": BODY.replace('"INUSE"', '"FLYING"'),
    "state type": BODY.replace('"INUSE"', "[1]"),
    "no device": '{"type":"devicestate","state":"INUSE","eid":"a"}',
    "empty device": BODY.replace("Custom:x1", ""),
    "long device": BODY.replace("Custom:x1", "x" * 300),
    "line in device": BODY.replace("Custom:x1", "a\\nb"),
    "surrogate": BODY.replace("Custom:x1", "\\ud800"),
    "cachable": BODY.replace(":1,", ':"yes",'),
    "no eid": BODY.replace('"eid"', '"xid"'),
    "big number": MAILBOX.replace('"new":2', '"new":' + "9" * 3000),
    "negative": MAILBOX.replace('"new":2', '"new":-2'),
    "float": MAILBOX.replace('"new":2', '"new":2.5'),
    "bool": MAILBOX.replace('"new":2', '"new":true'),
    "huge exponent": MAILBOX.replace('"new":2', '"new":1e999'),
    "not a number": MAILBOX.replace('"new":2', '"new":NaN'),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_bodies_change_nothing(name: str) -> None:
    event = "asterisk-mwi" if BAD[name].startswith('{"type":"mail') else "asterisk-devicestate"
    async with world() as (server, phone):
        if len(BAD[name]) > 50_000:
            request = Request("PUBLISH", phone.uri("instance2"))
            request.set_body(BAD[name], "application/json")
            read = pubsub(server).publication_handlers[event].read
            with pytest.raises(Exception, match="body has more than"):
                read("application/json", request.body)
            return
        answer = await publish(phone, BAD[name], event=event)
        if name == "big number":
            assert answer.status == 200
            assert server.pbx.mailboxes.get("7009@default").new == 2**31 - 1
        else:
            assert answer.status in (500, 413)
            assert state(server) is DeviceState.UNKNOWN
            assert not len(pubsub(server).publications)
