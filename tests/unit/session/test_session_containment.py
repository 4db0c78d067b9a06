"""Whatever an extension raises, at whatever phase of a call: it is told by name, and nothing is left of the call.

Each case puts an extension that raises in one of its callbacks into a server, and runs calls of every outcome through
it, incoming and outgoing. The bench then sees that no channel, dialog, session, work, port or transaction is left.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from session_bench import Bench, on_bench, sdp

from asterism.applications.session.sdp_handler import SdpHandler
from asterism.applications.session.sdp_handlers.rtp import AudioHandler
from asterism.applications.session.supplement import SessionSupplement
from asterism.core.events import EventType
from asterism.pbx.vocabulary.controls import Control
from asterism.sip.service import Service
from asterism.stack.message import Request, Response


class BrokenError(Exception):
    """What the extensions of these tests raise."""


def fail(*args: object) -> Any:
    raise BrokenError


def broken(base: type, callback: str, **members: object) -> Any:
    """An object of a class derived from ``base`` that raises in one callback."""

    def raise_it(self: object, *args: object, **more: Any) -> Any:
        raise BrokenError(callback)

    return type(f"Broken{base.__name__}", (base,), {"name": "broken", callback: raise_it, **members})()


def supplement(callback: str) -> Callable[[Bench], None]:
    def put(bench: Bench) -> None:
        bench.sessions.register_supplement(broken(SessionSupplement, callback))

    return put


def handler_before(callback: str) -> Callable[[Bench], None]:
    """A handler that is asked before the one for RTP."""

    def put(bench: Bench) -> None:
        bench.sessions.register_sdp_handler(broken(SdpHandler, callback, priority=1))

    return put


def handler_of_stream(callback: str) -> Callable[[Bench], None]:
    """The handler that has the audio raises."""

    def put(bench: Bench) -> None:
        def raise_it(self: object, *args: object) -> Any:
            raise BrokenError(callback)

        own = type("BrokenRtp", (AudioHandler,), {"name": "broken", "priority": 1, callback: raise_it})
        bench.sessions.register_sdp_handler(own(bench.server.media))

    return put


def stream_close(bench: Bench) -> None:
    class Handler(AudioHandler):
        name = "broken"
        priority = 1

        def _open(self, *args: Any) -> Any:
            stream = super()._open(*args)
            own = type("BrokenStream", (type(stream),), {"__slots__": (), "close": close})
            stream.__class__ = own
            return stream

    def close(self: Any) -> None:
        self.rtp.close()
        raise BrokenError

    bench.sessions.register_sdp_handler(Handler(bench.server.media))


def datastore(bench: Bench) -> None:
    class Keeping(SessionSupplement):
        name = "broken"

        def on_begin(self, session: Any) -> None:
            session.datastores["broken"] = type("Kept", (), {"close": fail})()

    bench.sessions.register_supplement(Keeping())


def subscriber(bench: Bench) -> None:
    def broken_subscriber(event_type: EventType, args: tuple[Any, ...]) -> None:
        raise BrokenError

    bench.server.subscribe(None, broken_subscriber)


def service(callback: str) -> Callable[[Bench], None]:
    def put(bench: Bench) -> None:
        members = {"priority": 900} if callback == "on_request" else {"priority": 1}
        bench.server.sip.register_service(broken(Service, callback, **members))

    return put


SUPPLEMENT = (
    "on_incoming_ack",
    "on_begin", "on_incoming_request", "on_channel", "on_incoming_cancel", "on_incoming_response", "on_provisional",
    "on_outgoing_request", "on_outgoing_response", "on_end",
)  # fmt: skip
ASKED_FIRST = ("create_offer", "accepts", "agreed", "answer")
HANDLER = (*ASKED_FIRST, "reoffer", "apply_answer", "roll_back")
POINTS: dict[str, Callable[[Bench], None]] = {
    "nothing": lambda bench: None,
    **{f"supplement {one}": supplement(one) for one in SUPPLEMENT},
    **{f"handler asked first: {one}": handler_before(one) for one in ASKED_FIRST},
    **{f"handler of the stream: {one}": handler_of_stream(one) for one in HANDLER},
    "stream close": stream_close,
    "datastore": datastore,
    "event subscriber": subscriber,
    **{f"service {one}": service(one) for one in (
        "on_outgoing_request", "on_outgoing_response", "on_transaction_state", "on_response", "on_request",
    )},
}  # fmt: skip


UNREACHED = frozenset(("nothing", "service on_response", "service on_request"))
"""What these calls do not come to; tests/unit/sip has tests for them."""

# The calls. Each says what the peers must have got in any case.


async def _final(bench: Bench, phone: Any) -> Response:
    for _ in range(500):
        for message in phone.messages():
            if isinstance(message, Response) and message.status >= 200 and "INVITE" in (message.get("CSeq") or ""):
                return message
        bench.advance(0.1)
        await bench.turn()
    raise AssertionError("no final response")


async def incoming_answered(bench: Bench) -> None:
    """The caller is answered, puts us on hold, sends a digit, and hangs up."""
    alice = bench.phone(5071)
    alice.call("answer")
    ok = await _final(bench, alice)
    alice.in_dialog("ACK", ok, 1)
    if ok.status >= 300:
        return
    alice.in_dialog("INVITE", ok, 2, sdp(direction="sendonly", version=2))
    await bench.turn()
    alice.in_dialog("ACK", ok, 2)
    alice.in_dialog("UPDATE", ok, 3, sdp(version=3))
    alice.in_dialog("INFO", ok, 4, "Signal=5\r\nDuration=100\r\n", content_type="application/dtmf-relay")
    alice.in_dialog("BYE", ok, 5)
    await bench.until(lambda: any(
        isinstance(one, Response) and "BYE" in (one.get("CSeq") or "") for one in alice.messages()
    ))  # fmt: skip


async def incoming_ended_by_us(bench: Bench) -> None:
    alice = bench.phone(5071)
    alice.call("brief")
    ok = await _final(bench, alice)
    alice.in_dialog("ACK", ok, 1)
    if ok.status < 300:
        bye = await alice.next("BYE")
        alice.respond(bye, 200)


async def incoming_cancelled(bench: Bench) -> None:
    alice = bench.phone(5071)
    alice.call("ring")
    await alice.next(180)
    alice.cancel()
    final = await _final(bench, alice)
    alice.in_dialog("ACK", final, 1, branch=alice.branch)


async def incoming_unknown(bench: Bench) -> None:
    alice = bench.phone(5071)
    alice.call("nowhere")
    final = await _final(bench, alice)
    alice.in_dialog("ACK", final, 1, branch=alice.branch)


async def _dial(bench: Bench) -> tuple[Any, Any, Any]:
    """Alice dials Bob; his INVITE, ``None`` when it never comes."""
    alice, bob = bench.phone(5071), bench.phone(5072)
    alice.call("dial")
    for _ in range(300):
        invite = next((one for one in bob.messages() if isinstance(one, Request) and one.method == "INVITE"), None)
        if invite is not None:
            return alice, bob, invite
        if any(isinstance(one, Response) and one.status >= 300 for one in alice.messages()):
            break
        bench.advance(0.1)
        await bench.turn()
    return alice, bob, None


async def _caller_ends(bench: Bench, alice: Any) -> None:
    final = await _final(bench, alice)
    alice.in_dialog("ACK", final, 1, **({"branch": alice.branch} if final.status >= 300 else {}))
    if final.status < 300:
        alice.in_dialog("BYE", final, 2)


async def outgoing_answered(bench: Bench) -> None:
    alice, bob, invite = await _dial(bench)
    if invite is not None:
        bob.respond(invite, 180)
        bob.respond(invite, 183, body=sdp())
        bob.respond(invite, 200, body=sdp())
        await bench.turn()
        assert any(isinstance(one, Request) and one.method == "ACK" for one in bob.messages())
    await _caller_ends(bench, alice)
    for _ in range(20):
        await bench.turn()
        for one in bob.messages():
            if isinstance(one, Request) and one.method == "BYE":
                bob.respond(one, 200)
                return
    assert invite is None, "the callee got no BYE"


async def refreshed(bench: Bench) -> None:
    """The callee's session is refreshed by us: taken, refused, and taken again with other codecs."""
    alice, bob, invite = await _dial(bench)
    if invite is not None:
        bob.respond(invite, 200, body=sdp())
        await bench.turn()
        for number, status in enumerate((200, 488, 200)):
            called = next((one for one in bench.sessions.live if one.endpoint.id == "bob"), None)
            if called is None:
                break
            if number == 2:
                called.media.wanted = called.formats[:1]
            called.refresh("INVITE")
            await bench.turn()
            again = [one for one in bob.messages() if isinstance(one, Request) and one.method == "INVITE"][-1]
            bob.respond(again, status, body=sdp(version=2 + number) if status == 200 else "")
            await bench.turn()
    await _caller_ends(bench, alice)
    for _ in range(20):
        await bench.turn()
        for one in bob.messages():
            if isinstance(one, Request) and one.method == "BYE":
                bob.respond(one, 200)
                return
    assert invite is None, "the callee got no BYE"


async def outgoing_refused(bench: Bench) -> None:
    alice, bob, invite = await _dial(bench)
    if invite is not None:
        bob.respond(invite, 486)
        await bench.turn()
    await _caller_ends(bench, alice)


async def outgoing_cancelled(bench: Bench) -> None:
    alice, bob, invite = await _dial(bench)
    if invite is not None:
        bob.respond(invite, 180)
        await bench.turn()
    if not any(isinstance(one, Response) and one.status >= 200 for one in alice.messages()):
        alice.cancel()
    await _caller_ends(bench, alice)
    for _ in range(20):
        await bench.turn()
        for one in bob.messages():
            if isinstance(one, Request) and one.method == "CANCEL":
                bob.respond(one, 200)
                bob.respond(invite, 487)
                return
    assert invite is None, "the callee got no CANCEL"


CALLS: dict[str, Callable[[Bench], Awaitable[None]]] = {
    one.__name__: one
    for one in (
        incoming_answered, incoming_ended_by_us, incoming_cancelled, incoming_unknown,
        outgoing_answered, refreshed, outgoing_refused, outgoing_cancelled,
    )
}  # fmt: skip


def extensions(bench: Bench) -> None:
    pbx = bench.server.pbx

    @pbx.extension("internal", "answer")
    async def answer(channel: Any) -> None:
        await channel.answer()
        await channel.wait(600)

    @pbx.extension("internal", "brief")
    async def brief(channel: Any) -> None:
        await channel.answer()

    @pbx.extension("internal", "ring")
    async def ring(channel: Any) -> None:
        channel.indicate(Control.RINGING)
        await channel.wait(600)

    @pbx.extension("internal", "dial")
    async def dial(channel: Any) -> None:
        await channel.dial("PJSIP/bob", 60)
        await channel.hangup()


class Names(logging.Handler):
    """The names of the extensions whose failures were logged, and whether the Call-ID was with them."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        name = record.__dict__.get("extension")
        if name is not None and record.exc_info and record.exc_info[0] is BrokenError:
            self.names.add(name)


@pytest.mark.parametrize("call", list(CALLS))
@pytest.mark.parametrize("point", list(POINTS))
def test_what_an_extension_raises_leaves_nothing_of_a_call(point: str, call: str, tmp_path: Path) -> None:
    @on_bench
    async def test(bench: Bench) -> None:
        extensions(bench)
        bench.server.log.addHandler(Names())
        POINTS[point](bench)
        await CALLS[call](bench)

    test(tmp_path)


@pytest.mark.parametrize("point", [one for one in POINTS if one not in UNREACHED])
def test_a_failure_is_logged_by_name(point: str, tmp_path: Path) -> None:
    """Each extension point is reached by one of the calls at least, and what it raises is told."""
    names = Names()

    async def run(bench: Bench, call: str) -> None:
        extensions(bench)
        bench.server.log.addHandler(names)
        POINTS[point](bench)
        await CALLS[call](bench)

    for call in CALLS:
        folder = tmp_path / call
        folder.mkdir()
        on_bench(lambda bench, call=call: run(bench, call))(folder)  # type: ignore[misc]
        if names.names:
            break
    assert names.names, "nothing was logged"
    assert all("broken" in one or "Broken" in one for one in names.names), names.names
