"""Targets of subscriptions and publications: bodies, lists, and conversations about them.

``bodies`` takes a body, ``lists`` a configuration of lists (``name: item item``, one a line). ``events`` is as the targets of
``sip_targets``: a NUL separates steps, the first byte of each is a verb, the second a number, the rest is header lines,
and a body after an empty line.
"""

# ruff: noqa: E501 (one entry a line)

from __future__ import annotations

import hashlib
import random
from contextlib import suppress
from email import message_from_bytes
from types import SimpleNamespace
from typing import Any

from sip_targets import PEERS, STATUSES, Conversation, split
from whole_server import World, Worlds

from asterism.applications.pubsub.api import PublishError
from asterism.applications.pubsub.bodies.call_completion import (
    availability_text,
    completion_text,
    read_availability,
    read_completion,
)
from asterism.applications.pubsub.bodies.message_summary import counts_in
from asterism.applications.pubsub.bodies.rlmi import RLMI, Instance, Part, Words, list_document, multipart
from asterism.applications.pubsub.lists import ListError, expand, weight
from asterism.applications.pubsub.packages.asterisk_publication import TYPE, read_body
from asterism.pbx.states.mailboxes import MAX_COUNT
from asterism.stack import ParseError, Response

MOST, DEEPEST = 1000, 10
LARGEST = 65_536
RESOURCES = ("770", "lamps", "inner", "feed", "771", "nobody", "")
EVENTS = ("dialog", "presence", "message-summary", "asterisk-devicestate", "asterisk-mwi", "refer")
STATES = ("NOT_INUSE", "INUSE", "RINGING", "RINGINUSE", "ONHOLD", "BUSY", "UNAVAILABLE", "INVALID", "UNKNOWN")


def bodies(data: bytes) -> None:
    """What is read of the bodies that others send, and a list's body with this as its parts."""
    counts = counts_in(data)
    assert counts is None or all(0 <= count <= MAX_COUNT for count in counts)
    with suppress(PublishError):
        assert isinstance(read_body(TYPE, data), dict)
    with suppress(ParseError):
        state = read_completion(data)
        assert read_completion(completion_text(state).encode()).state == state.state
    with suppress(ParseError):
        read_availability(data)
    text = data.decode("utf-8", "surrogateescape")
    for available in (True, False):
        assert read_availability(availability_text(text[:2000], available).encode()) is available
    if len(data) > LARGEST:
        return  # Python's own reader of MIME is too slow for more
    words = Words(random.Random(len(data)).randbytes)
    texts = [piece.decode("utf-8", "surrogateescape") for piece in data.split(b"\0")[:20]]
    instances = [Instance(text, text, words.new(), "active", text, text) for text in texts]
    parts = [Part(f"{words.new()}@h", "text/plain", piece) for piece in data.split(b"\0")[:20]]
    first = Part("rlmi@h", RLMI, list_document(texts[0], texts[-1], 0, True, instances))
    body, kind = multipart([first, *parts], words, True)
    found = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body).get_payload()
    assert isinstance(found, list)
    assert len(found) == len(parts) + 1


def lists(data: bytes) -> None:
    """Lists of lists: a tree within the limits, or refused."""
    named: dict[str, Any] = {}
    for line in data.decode("utf-8", "surrogateescape").splitlines():
        name, _, items = line.partition(":")
        named[name] = SimpleNamespace(id=name, list_item=tuple(items.split()))
    if not named:
        return
    with suppress(ListError):
        tree = expand(named.get, next(iter(named.values())), MOST, DEEPEST)
        assert weight(tree) <= MOST


class Watching(Conversation):
    """What is said about subscriptions and publications."""

    def __init__(self, world: World, number: int) -> None:
        super().__init__(world, number)
        self.resource = RESOURCES[0]
        self.tag = ""

    def take_response(self, response: Response) -> None:
        super().take_response(response)
        self.tag = response.get("SIP-ETag") or self.tag

    def ask(self, method: str, head: str, body: str, *, within: bool = False) -> None:
        """A request of the peer at hand, in a call of its own unless within the dialog."""
        self.exten = self.resource
        if not within:
            self.to_tag = ""
            self.serial += 1
            self.name = f"{self.name.partition('.')[0]}.{self.serial}"
        self.request(method, head, body, within=within)

    def tell(self, head: str, body: str, number: int) -> None:
        """A NOTIFY for the latest SUBSCRIBE of the server's own."""
        asked = [each for each in self.asked if each[1].method == "SUBSCRIBE"]
        if not asked:
            return
        peer, subscribe = asked[-1]
        self.serial += 1
        user, host, port = PEERS[peer]
        self.send(
            f"NOTIFY sip:127.0.0.1:5060 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bKn{self.name}.{self.serial}\r\nMax-Forwards: 70\r\n"
            f"From: {subscribe.get('To')}{'' if subscribe.to.tag else f';tag=b{self.name[:9]}'}\r\n"
            f"To: {subscribe.get('From')}\r\nCall-ID: {subscribe.call_id}\r\nCSeq: {number} NOTIFY\r\n"
            f"Contact: <sip:{user}@{host}:{port}>\r\n{head}{self.content(head, body)}",
            peer,
        )


def _lines(head: str, **defaults: str) -> str:
    """Header lines, those that are missing put before them."""
    lower = head.lower()
    made = [(name.replace("_", "-"), value) for name, value in defaults.items()]
    return "".join(f"{name}: {value}\r\n" for name, value in made if f"{name.lower()}:" not in lower) + head


async def step(talk: Watching, piece: bytes) -> None:
    """Do one step."""
    verb, number, rest = piece[:1], piece[1] if len(piece) > 1 else 0, piece[2:]
    talk.read()
    head, body = split(rest)
    world = talk.world
    if verb == b"p":
        talk.peer = number % len(PEERS)
    elif verb == b"S":
        talk.resource = RESOURCES[number % len(RESOURCES)]
        event = EVENTS[number // 8 % len(EVENTS)]
        talk.ask("SUBSCRIBE", _lines(head, Event=event, Supported="eventlist", Expires="300"), body)
    elif verb == b"s":
        talk.ask("SUBSCRIBE", _lines(head, Event="dialog", Expires=str(number)), body, within=True)
    elif verb == b"P":
        talk.resource = "feed"
        match = {"SIP_If_Match": talk.tag} if number & 1 and talk.tag else {}
        typed = {"Content_Type": "application/json"} if body else {}
        event = EVENTS[3 + number // 2 % 2]
        talk.ask("PUBLISH", _lines(head, Event=event, Expires=str(number), **typed, **match), body)
    elif verb == b"M":
        talk.peer, talk.resource = 1, "770"
        kind = "application/simple-message-summary"
        talk.ask("NOTIFY", _lines(head, Event=EVENTS[2], Subscription_State="active", Content_Type=kind), body)
    elif verb == b"o":
        tables = world.pubsub()
        user, host, port = PEERS[1 + number % 3]
        tables.subscribe(
            tables.subscribers[EVENTS[2]], f"sip:{user}@{host}:{port}", expires=number, options={"mailbox": "fuzz@x"}
        )
    elif verb == b"n":
        state = ("active;expires=60", "pending", "terminated;reason=timeout", "terminated", "x")[number % 5]
        kind = "application/simple-message-summary"
        talk.tell(_lines(head, Event=EVENTS[2], Subscription_State=state, Content_Type=kind), body, number // 5)
    elif verb == b"r":
        talk.respond(STATUSES[number % len(STATUSES)], head, body, number // 64)
    elif verb == b"c":
        environment = world.server.pbx.dialplan.environment
        environment.assign(None, "DEVICE_STATE(Custom:x)", STATES[number % len(STATES)])
    elif verb == b"t":
        await world.loop.advance((0.1, 0.5, 1, 2, 5, 10, 20, 33)[number % 8])
    elif verb == b"=":
        if talk.last[0]:
            talk.again()
    else:
        world.receive(piece, PEERS[talk.peer][1], PEERS[talk.peer][2])
    await world.loop.turn()


async def converse(world: World, data: bytes) -> None:
    """All steps of an input, and the end of all that they began."""
    world.uses += 1
    world.transport.sent.clear()
    talk = Watching(world, 0)
    talk.name = f"e{hashlib.sha1(data).hexdigest()[:8]}{world.uses}"
    for piece in data.split(b"\0")[:24]:
        with suppress(ParseError):  # of a request that the input has made of a peer's own
            await step(talk, piece)
    talk.read()
    await world.settle()
    talk.read()


def events(worlds: Worlds, data: bytes) -> None:
    """SUBSCRIBE, NOTIFY and PUBLISH, in both roles."""
    world = worlds.get()
    world.wait(converse(world, data))


def _join(*pieces: bytes) -> bytes:
    return b"\0".join(pieces)


_STATE = b'{"type":"devicestate","device":"PJSIP/x","state":"INUSE","cachable":1,"eid":"aa:bb:cc:dd:ee:ff"}'
_MAILBOX = b'{"type":"mailboxstate","uniqueid":"1@d","old":2,"new":3,"eid":"aa:bb:cc:dd:ee:ff"}'
_SUMMARY = b"Messages-Waiting: yes\nMessage-Account: sip:1@x\nVoice-Message: 2/8 (0/2)\n"
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><a>&j;</a>"
)
BODIES = (
    _STATE, _MAILBOX, _SUMMARY, BOMB, b'{"type":"refresh","eid":"a"}', b"[" * 4000, b'{"a":' * 800, b"", b"\xff\xfe{}",
    b'{"type":1,"eid":null}', b'{"type":"x","eid":"' + b"y" * 300 + b'"}', b'{"n":' + b"9" * 4000 + b"}", b"{}", b"NaN",
    b"<presence>" + b"<tuple id='1'/>" * 1500 + b"</presence>", b"Voice-Message:" + b" " * 3000 + b"1/1",
    b"cc-state: ready\r\ncc-URI: <sip:a@b>\r\ncc-service-retention: true\r\n", b"cc-state:\x85ready\ncc-state: queued\n",
    b'<?xml version="1.0" encoding="gbk"?><a/>', b'<?xml version="1.0" encoding="nothing"?><a/>', b"\xfe\xff\0<\0a\0/\0>",
    b'<presence xmlns="urn:ietf:params:xml:ns:pidf"><tuple id="a"><status><basic>open</basic></status></tuple></presence>',
    b"<a>" * 5000, b'<a xmlns:b="c" b:d="" ' + b'x="" ' * 300 + b"/>", b"Voice-Message: 99999999999999999999/1", b"a\0--b\r\n\0\r\n--c--\r\n",
)  # fmt: skip
LISTS = (
    b"a: b c a\nb: c d b\nc: a e\n",
    b"a: " + b" ".join(b"x%d" % n for n in range(10_000)),
    b"\n".join(b"l%d: l%d" % (n, n + 1) for n in range(200)),
    b"\n".join(b"l%d: l%d m%d n%d" % (n, n + 1, n, n) for n in range(9)),
    b"\n".join(b"l%d: " % n + b" ".join(b"l%d" % m for m in range(40)) for n in range(40)),
    b": \n:\n",
)
CONVERSATIONS = (
    _join(b"p\x00", b"S\x01", b"r\x05", b"c\x02", b"r\x05", b"t\x01", b"r\x05", b"s\x00", b"r\x05"),
    _join(b"S\x02", b"r\x05", b"c\x01", b"t\x02", b"r\x29", b"c\x00", b"r\x05", b"s\x3c", b"r\x05", b"c\x04", b"r\x1f"),
    _join(b"S\x00Accept: application/pidf+xml, text/plain\n", b"S\x08", b"S\x01Require: eventlist\nSupported: x\n"),
    _join(b"P\x3c\n\n" + _STATE, b"P\x3d", b"P\x3d\n\n" + _STATE.replace(b"INUSE", b"BUSY"), b"P\x01", b"P\x3d"),
    _join(b"P\x3e\n\n" + _MAILBOX, b"P\x3f", b"P\x3e\n\n[" * 3, b"P\x3c\n\n" + BOMB, b"P\x3cContent-Type: text/xml\n\n<a/>"),
    _join(b"M\x00\n\n" + _SUMMARY, b"M\x00Content-Type: text/xml\n\n" + BOMB, b"M\x00Event: presence\n\nx", b"M\x00"),
    _join(b"o\x3c", b"n\x05\n\n" + _SUMMARY, b"r\x05Expires: 60\n", b"n\x0a\n\n" + _SUMMARY, b"n\x05\n\n" + _SUMMARY, b"n\x0c"),
    _join(b"o\x3c", b"r\x05Expires: 60\n", b"n\xfa\n\n" + BOMB, b"n\x0b", b"n\x14Content-Type: a/b\n\nx", b"t\x07", b"t\x07"),
    _join(b"o\x3c", b"r\x1cMin-Expires: 90\n", b"r\x1f", b"o\x00", b"n\x05", b"o\x05", b"n\x08", b"n\x07"),
    _join(b"o\x3cx", b"r\x0eWWW-Authenticate: Digest realm=\"x\",nonce=\"y\"\n", b"n\x05\n\n" + _SUMMARY, b"t\x07", b"r\x05"),
)  # fmt: skip
