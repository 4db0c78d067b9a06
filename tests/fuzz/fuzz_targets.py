"""What is fuzzed: one function for each way in which bytes of a peer enter the stack.

Each takes any bytes. It returns normally unless something is wrong: an exception that is not the stack's own, or a
property that does not hold, such as that what was parsed and written parses to the same again.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "stack"))

import candidate_target
import check_target
import codec_target
import dtls_target
import event_targets
import fax_targets
import feedback_targets
import ice_targets
import key_target
import packet_targets
import section_targets
import sip_targets
import stun_target
import text_targets
import transport_targets
import udptl_target
from completion_target import completion
from dialplan_targets import expression, extensions
from manager_target import manager
from mutation import blind, structured
from publication_target import published
from refer_target import refer
from replaces_target import replaces
from transaction_kit import Net, RecordingClient, new_request, request_text, response_to
from whole_server import Worlds

from asterism.stack import ParseError, Request, Response, headers, make_response, parse_message
from asterism.stack.bodies import parse_body
from asterism.stack.dialog import Dialog
from asterism.stack.digest import AuthenticationInfo, Challenge, Credentials, challenges, credentials
from asterism.stack.framing import KeepAlive, StreamFramer
from asterism.stack.grammar import split_commas
from asterism.stack.headers import AddressValue, HeaderValue, NameAddr, ParamValue, Via
from asterism.stack.sdp import SessionDescription, answer_media, common_formats
from asterism.stack.stateless import response_bytes
from asterism.stack.transactions import ReliableResponder, requires_100rel, supports_100rel, too_many_hops
from asterism.stack.uri import Uri

TYPED = [
    value
    for value in vars(headers).values()
    if isinstance(value, type)
    and issubclass(value, HeaderValue)
    and value not in (HeaderValue, ParamValue, AddressValue)
]


def look(value: object) -> None:
    """Read every property of a value; they may raise nothing but the stack's own error."""
    for name in dir(type(value)):
        if isinstance(getattr(type(value), name), property):
            with suppress(ParseError):
                getattr(value, name)


def same(value: object, parse: Callable[[str], object]) -> None:
    """A value that was parsed can be written, and then parses to an equal one."""
    text = str(value)
    assert "\r" not in text
    assert "\n" not in text
    again = parse(text)
    assert again == value, f"{value!r} became {again!r}"


def uri(data: bytes) -> None:
    """Uri.parse, and what is made of a URI."""
    text = data.decode("utf-8", "surrogateescape")
    found = Uri.parse(text)
    same(found, Uri.parse)
    assert found.matches(found)
    look(found)
    if found.opaque:
        return
    same(found.without_params("transport").with_params(lr=None), Uri.parse)


def address(data: bytes) -> None:
    """Name-addr, Via and lists of them."""
    text = data.decode("utf-8", "surrogateescape")
    for kind in (NameAddr, Via):
        with suppress(ParseError):
            found = kind.parse(text)
            look(found)
            # Line breaks cannot come from a message: the parser has unfolded it.
            if not set("\r\n\0") & set(text):
                same(found, kind.parse)
        with suppress(ParseError):
            for item in kind.parse_list(text):
                str(item)


def header(data: bytes) -> None:
    """The typed headers; the first byte chooses one."""
    if not data:
        return
    kind = TYPED[data[0] % len(TYPED)]
    text = data[1:].decode("utf-8", "surrogateescape")
    if set("\r\n\0") & set(text):
        return
    for item in split_commas(text):
        found = kind.parse(item.strip())
        look(found)
        same(found, kind.parse)


def message(data: bytes) -> None:
    """parse_message, all that can be read of a message, and writing it."""
    found = answered(data)
    if found is None:
        return
    again = parse_message(found.to_bytes())
    without = [line for line in found.headers if line[0] != "Content-Length"]
    assert [line for line in again.headers if line[0] != "Content-Length"] == without
    assert (again.start_line(), again.body) == (found.start_line(), found.body)
    look(found)
    for kind in TYPED:
        with suppress(ParseError):
            found.typed(kind)
        with suppress(ParseError):
            found.typed_all(kind)
    with suppress(ParseError):
        found.validate()
    for body in (parse_body, supports_100rel, requires_100rel):
        with suppress(ParseError):
            body(found)
    for proxy in (False, True):
        challenges(found, proxy)
        with suppress(ParseError):
            credentials(found, proxy)
    if isinstance(found, Response):
        with suppress(ParseError):
            Dialog.uac(new_request("INVITE"), found).create_request("BYE").to_bytes()
        return
    response = make_response(found, 200, to_tag="t")
    parse_message(response.to_bytes())
    parse_message(response_bytes(found, 404, "t"))
    with suppress(ParseError):
        too_many_hops(found)
    with suppress(ParseError):
        parse_message(with_via(Dialog.uas(found, "t", "<sip:me@192.0.2.9>").create_request("BYE")))
    found.copy().set_header("Subject", "s")
    with suppress(ParseError):
        found.mark_source("192.0.2.1", 5060, force=True)
        look(parse_message(found.to_bytes()))


def answered(data: bytes) -> Request | Response | None:
    """The message, or ``None`` once what is wrong with it was answered."""
    refused: ParseError
    try:
        return parse_message(data)
    except ParseError as error:
        refused = error
    assert str(refused).isprintable()
    if refused.request is not None:
        parse_message(make_response(refused.request, refused.status, to_tag="t").to_bytes())
    return None


def with_via(request: Request) -> bytes:
    request.prepend_header("Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1")
    return request.to_bytes()


def sdp(data: bytes) -> None:
    """A session description, and an answer to it."""
    offer = SessionDescription.parse(data)
    written = bytes(offer)
    again = SessionDescription.parse(written)
    assert bytes(again) == written
    for media in offer.media:
        look(media)
        for payload in media.formats:
            media.fmtp_params(payload)
        media.rtpmaps()
        offer.connection_of(media)
        offer.direction_of(media)
        offer.is_held(media)
        look(answer_media(offer, media, common_formats(media.rtpmaps(), media), 4000))
    look(offer)


def digest(data: bytes) -> None:
    """Challenges, credentials and Authentication-Info."""
    text = data.decode("utf-8", "surrogateescape")
    for kind in (Challenge, Credentials, AuthenticationInfo):
        with suppress(ParseError):
            found = kind.parse(text)
            look(found)
            try:
                written = str(found)
            except ValueError:
                assert set("\r\n\0") & set(text)
                continue
            if kind is AuthenticationInfo or found.scheme.lower() == "digest":
                kind.parse(written)
            if isinstance(found, Credentials):
                found.verify("0" * 32, "INVITE", data)


def framer(data: bytes) -> None:
    """The stream framer: what it finds must not depend on how the stream was cut into reads."""

    def cut(pieces: list[bytes]) -> tuple[list[bytes | KeepAlive], bool]:
        machine = StreamFramer()
        found: list[bytes | KeepAlive] = []
        for piece in pieces:
            try:
                found += machine.feed(piece)
            except ParseError:
                return found, True
        try:
            found += machine.feed(b"")
        except ParseError:
            return found, True
        return found, False

    whole, failed = cut([data])
    step = data[0] % 7 + 1 if data else 1
    pieces, failed_too = cut([data[at : at + step] for at in range(0, len(data), step)])
    assert [item for item in whole if isinstance(item, bytes)] == [item for item in pieces if isinstance(item, bytes)]
    assert failed == failed_too
    for item in whole:
        if isinstance(item, bytes):
            with suppress(ParseError):
                parse_message(item)


def layer(data: bytes) -> None:
    """A whole conversation: a byte says what to do, and the bytes up to the next NUL are what arrives.

    Nothing but the stack's own handling happens, and in the end nothing is left.
    """
    net = Net()
    client = RecordingClient()
    for piece in data.split(b"\0")[:12]:
        choice, rest = piece[:1], piece[1:]
        number = choice[0] if choice else 0
        net.user.requests.clear()
        if number % 4 == 1:
            transaction = net.layer.send_request(new_request(("INVITE", "OPTIONS")[number // 4 % 2]), net.flow, client)
            net.receive(response_to(transaction.request, 100 + number * 2, "x" if number % 3 else ""))
            if number % 5 == 0:
                transaction.cancel()
        elif number % 4 == 2:
            method = ("INVITE", "ACK", "CANCEL", "BYE")[number // 4 % 4]
            extra = rest.decode("utf-8", "surrogateescape").replace("\n", "\r\n")
            text = request_text(method, f"z9hG4bK{number // 16 % 4}", extra=extra)
            net.receive(text.encode("utf-8", "surrogateescape"))
        else:
            net.receive(rest)
        for request in net.user.requests:
            status = (100, 180, 200, 404, 487)[number % 5]
            if number % 3 == 0:
                net.layer.respond_stateless(request, make_response(request, max(status, 200)))
                continue
            server = net.layer.create_server_transaction(request)
            if request.method == "INVITE" and number % 7 == 0:
                ReliableResponder(server, lambda: None).send(partial(make_response, request, 183))  # type: ignore[arg-type]
            server.respond(make_response(request, status))
        if number % 11 == 0:
            net.flow.failed(OSError("gone"))
        net.advance(number % 13)
    for transaction in net.layer.transactions():  # type: ignore[assignment]
        if hasattr(transaction, "respond"):
            transaction.respond(make_response(transaction.request, 487))
        else:
            transaction.cancel()
            transaction.terminate()
    net.advance(200)
    assert (net.layer.live_transactions, net.layer.finished_transactions, len(net.timers)) == (0, 0, 0)
    assert not net.flow.transactions


STACK: dict[str, Callable[[bytes], None]] = {
    "uri": uri,
    "address": address,
    "header": header,
    "message": message,
    "sdp": sdp,
    "digest": digest,
    "published": published,
    "framer": framer,
    "layer": layer,
    "expression": expression,
    "extensions": extensions,
    "manager": manager,
    "completion": completion,
    "replaces": replaces,
    "refer": refer,
    "bodies": event_targets.bodies,
    "lists": event_targets.lists,
    "codecs": codec_target.payloads,
    "stun": stun_target.keep_alive,
    **{name: target for name, (target, _) in feedback_targets.TARGETS.items()},
    **{name: target for name, (target, _) in fax_targets.TARGETS.items()},
    "dtls": dtls_target.dtls,
    **{name: target for name, (target, _) in section_targets.TARGETS.items()},
    **{name: target for name, (target, _) in ice_targets.TARGETS.items()},
}
SERVER: dict[str, Callable[[Worlds, bytes], None]] = {
    "dialogs": sip_targets.dialogs,
    "answers": sip_targets.answers,
    "bindings": sip_targets.bindings,
    "events": event_targets.events,
    "websocket": packet_targets.websocket,
    "media": packet_targets.media,
    "secured": transport_targets.secured,
    "clients": text_targets.clients,
    "console": text_targets.console,
    "config": text_targets.config,
    "dialplan": text_targets.dialplan,
    "substitution": text_targets.substitution,
    "pattern": text_targets.pattern,
}
TARGETS = (*STACK, *SERVER)
MUTATIONS: dict[str, Callable[[bytes, random.Random, Sequence[bytes]], bytes]] = {
    "udptl": udptl_target.mutate,
    "dtls": dtls_target.mutate,
    "icechecks": check_target.mutate,
    "icelines": candidate_target.mutate,
    "stun": stun_target.mutate,
    "key": key_target.mutate,
}
"""Mutations that know the fields of a target's packets, in the place of those that know text."""


def changed(name: str, data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Another input for a target: two of three by mutations that know its grammar, the third by blind ones."""
    return (MUTATIONS.get(name, structured) if chance.random() < 0.67 else blind)(data, chance, others)


def run(name: str, data: bytes, worlds: Worlds) -> None:
    """One input for one target; refusing it by the stack's own error is right.

    Args:
        name: The target.
        data: The input.
        worlds: Has the server for the targets that need one. After a failure it is another.
    """
    if name in STACK:
        with suppress(ParseError):
            STACK[name](data)
        return
    try:
        SERVER[name](worlds, data)
    except BaseException:
        worlds.drop()
        raise
    worlds.used()
