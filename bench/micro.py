"""``python -m bench micro``: what the pieces of the SIP stack cost, in process, without a socket.

Every piece is timed in short batches of which the fastest counts: on a shared machine the others measure the
neighbours. Messages differ from each other as real ones do, so that no cache is flattered.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

from asterism.stack import Request, Response, make_response, parse_message
from asterism.stack.digest import Credentials, NonceFactory, ha1
from asterism.stack.flow import Flow
from asterism.stack.timers import TimerQueue
from asterism.stack.transactions import TimerConfig, TransactionLayer

BATCH = 100
ROUNDS = 120
LIVE = 100_000
MAX_RISE = 0.2

T = TypeVar("T")

_SDP = (
    "v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 49172 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n"
)


def invite(number: int) -> bytes:
    """An INVITE as a phone behind one proxy sends it."""
    return (
        "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKproxy{number:x}\r\n"
        f"Via: SIP/2.0/UDP 192.0.2.1:5060;received=192.0.2.1;rport=5060;branch=z9hG4bK74bf9{number:x}\r\n"
        "Record-Route: <sip:192.0.2.2;lr>\r\n"
        "Max-Forwards: 69\r\n"
        f'From: "Alice" <sip:alice@atlanta.example.com>;tag=9fxced76sl{number:x}\r\n'
        "To: Bob <sip:bob@biloxi.example.com>\r\n"
        f"Call-ID: 3848276298220188511{number:x}@atlanta.example.com\r\n"
        "CSeq: 1 INVITE\r\n"
        "Contact: <sip:alice@192.0.2.1:5060>\r\n"
        "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE\r\n"
        "Supported: replaces, timer\r\n"
        "User-Agent: Phone 1.0\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(_SDP)}\r\n\r\n{_SDP}"
    ).encode()


def options(number: int) -> bytes:
    """An OPTIONS as a phone sends it to keep its binding alive."""
    return (
        "OPTIONS sip:192.0.2.9 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKopt{number:x}\r\n"
        f"From: <sip:alice@192.0.2.9>;tag=o{number:x}\r\nTo: <sip:alice@192.0.2.9>\r\nCall-ID: opt{number:x}\r\n"
        "CSeq: 1 OPTIONS\r\nContact: <sip:alice@192.0.2.1:5060>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


class _Sink(Flow):
    """A flow that sends nothing over a network."""

    __slots__ = ("sent",)

    def __init__(self) -> None:
        super().__init__("UDP", ("192.0.2.9", 5060), ("192.0.2.1", 5060))
        self.sent = 0

    def send(self, data: bytes) -> None:
        self.sent += len(data)


class _User:
    """Answers every request with a 200, stateless or through a transaction."""

    def __init__(self) -> None:
        self.layer: TransactionLayer
        self.stateless = True
        self.silent = False

    def on_request(self, request: Request) -> None:
        if self.silent:
            self.layer.create_server_transaction(request)
            return
        response = make_response(request, 200)
        if self.stateless:
            self.layer.respond_stateless(request, response)
        else:
            self.layer.create_server_transaction(request).respond(response)

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"the benchmark does not expect {name}")


@dataclass(slots=True)
class Figure:
    """One result, in microseconds; ``target`` is 0 where there is none."""

    name: str
    microseconds: float
    target: float = 0.0


def best(prepare: Callable[[int], T], run: Callable[[Sequence[T]], object], rounds: int = ROUNDS) -> float:
    """Microseconds per item of the fastest batch; ``prepare`` makes each item, outside the measurement."""
    fastest = float("inf")
    for number in range(rounds):
        items = [prepare(number * BATCH + position) for position in range(BATCH)]
        started = perf_counter()
        run(items)
        fastest = min(fastest, perf_counter() - started)
    return fastest / BATCH * 1e6


def _parse(items: Sequence[bytes]) -> None:
    for data in items:
        message = parse_message(data)
        _ = message.via
        _ = message.from_
        _ = message.to
        _ = message.call_id
        _ = message.cseq
        _ = message.contacts


def _answer(items: Sequence[Request]) -> None:
    for request in items:
        response = make_response(request, 200, to_tag="8321234356")
        response.add_header("Contact", "<sip:bob@192.0.2.9:5060>")
        response.to_bytes()


def _rebuild(items: Sequence[Request | Response]) -> None:
    for message in items:
        message.to_bytes()


def _parsed(number: int) -> Request:
    message = parse_message(invite(number))
    assert isinstance(message, Request)
    return message


def _through_layer(stateless: bool) -> float:
    clock = 1000.0
    timers = TimerQueue(lambda: clock)
    user = _User()
    user.stateless = stateless
    user.layer = layer = TransactionLayer(TimerConfig(), timers, user)
    flow = _Sink()

    def run(items: Sequence[bytes]) -> None:
        nonlocal clock
        for data in items:
            layer.receive(data, flow, clock)
        # Expiry belongs to the cost of a transaction: the ones of 32 s ago go now.
        clock += 1.0
        timers.handle_timers(clock)

    found = best(options, run)
    assert flow.sent
    assert stateless or layer.finished_transactions < 40 * BATCH
    return found


def _among(live: int) -> float:
    """Cost of a transaction while ``live`` others wait for their answer."""
    timers = TimerQueue(lambda: 1000.0)
    user = _User()
    config = TimerConfig(max_transactions=2 * LIVE)
    user.layer = layer = TransactionLayer(config, timers, user)
    flow = _Sink()
    user.silent, user.stateless = True, False
    for number in range(live):
        layer.receive(options(number + ROUNDS * BATCH), flow, 1000.0)
    user.silent = False

    def run(items: Sequence[bytes]) -> None:
        for data in items:
            layer.receive(data, flow, 1000.0)

    # The collector walks what lives; servers freeze what they start with, and so does this.
    gc.collect()
    gc.freeze()
    try:
        found = best(options, run)
    finally:
        gc.unfreeze()
    assert layer.live_transactions == live
    return found


def _crowd() -> bool:
    """Print what many live transactions do to the cost of one more."""
    alone, among = _among(0), _among(LIVE)
    rise = among / alone - 1
    met = rise <= MAX_RISE
    print(
        f"a transaction alone {alone:.1f} us, among {LIVE:,} live ones {among:.1f} us: {rise:+.0%} "
        f"(target {MAX_RISE:+.0%}: {'met' if met else 'MISSED'})"
    )
    return met


def _digest_pair() -> float:
    secret = ha1("alice", "asterisk", "password")
    nonces = NonceFactory(b"key", lambda size: bytes(size))

    def challenge(number: int) -> str:
        """The credentials of a phone in answer to a challenge."""
        nonce = nonces.issue(float(number), "asterisk")
        ha2 = hashlib.md5(b"REGISTER:sip:192.0.2.9").hexdigest()
        response = hashlib.md5(f"{secret}:{nonce}:00000001:{number:x}:auth:{ha2}".encode()).hexdigest()
        return (
            f'Digest username="alice", realm="asterisk", nonce="{nonce}", uri="sip:192.0.2.9", response="{response}", '
            f'algorithm=MD5, cnonce="{number:x}", qop=auth, nc=00000001'
        )

    def run(items: Sequence[str]) -> None:
        for value in items:
            nonces.issue(5.0, "asterisk")
            credentials = Credentials.parse(value)
            assert nonces.time_of(credentials.nonce, "asterisk") is not None
            assert credentials.verify(secret, "REGISTER")

    return best(challenge, run)


def measure() -> list[Figure]:
    """All figures."""
    return [
        Figure("parse an INVITE and read Via, From, To, Call-ID, CSeq, Contact", best(invite, _parse), 12.0),
        Figure("build its 200 and write it", best(_parsed, _answer), 8.0),
        Figure("write the INVITE again", best(_parsed, _rebuild)),
        Figure("stateless 200 to an OPTIONS, from bytes to bytes", _through_layer(True)),
        Figure("the same through a server transaction, expiry included", _through_layer(False)),
        Figure("digest: issue a nonce, parse and check credentials", _digest_pair()),
    ]


def run() -> bool:
    """Print the figures; returns whether all targets are met."""
    good = True
    print(f"{'In process':<68}{'us':>7}{'a second':>11}   target")
    for figure in measure():
        met = not figure.target or figure.microseconds <= figure.target
        good = good and met
        verdict = f"{figure.target:.0f} us: {'met' if met else 'MISSED'}" if figure.target else ""
        print(f"{figure.name:<68}{figure.microseconds:>7.1f}{1e6 / figure.microseconds:>11,.0f}   {verdict}")
    return _crowd() and good
