"""Whatever bytes come from the network: a 400, or a logged drop; no state left, and the call beside it goes on."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from call_kit import World, two_phones

from asterism.testing import idle_counts, until

TORTURE = Path(__file__).resolve().parents[1] / "data" / "rfc4475"

INVITE = (
    "INVITE sip:600@127.0.0.1 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK{branch}\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:101@127.0.0.1>;tag=abc\r\n"
    "To: <sip:600@127.0.0.1>\r\n"
    "Call-ID: bad-{branch}@test\r\n"
    "CSeq: 1 INVITE\r\n"
    "Contact: <sip:101@127.0.0.1:{port}>\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Length: 4\r\n"
    "\r\n"
    "v=0\n"
)


class Attacker:
    """A bare UDP socket, on an address of its own so that limits on failures strike nobody else."""

    def __init__(self, server: tuple[str, int], host: str = "127.0.0.66") -> None:
        self.server = server
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((host, 0))
        self.port = self.socket.getsockname()[1]
        self._count = 0

    def send(self, data: bytes) -> None:
        self.socket.sendto(data, self.server)

    def invite(self) -> str:
        """A correct INVITE but for its SDP, the start of every mutation."""
        self._count += 1
        return INVITE.format(port=self.port, branch=f"bad{self._count}")

    def take(self) -> list[bytes]:
        """What came back."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(65535))
            except BlockingIOError:
                return found

    async def answer(self) -> bytes:
        """The next datagram."""
        found: list[bytes] = []
        await until(lambda: found.extend(self.take()) or found, what="no answer")
        return found[-1]

    def close(self) -> None:
        self.socket.close()


@asynccontextmanager
async def attacked() -> AsyncIterator[tuple[World, Attacker]]:
    """A server with a call that must not notice, and an attacker whose packets must leave no trace."""
    async with two_phones() as world:
        attacker = Attacker(world.ann.server)
        call, incoming = await world.connect()
        call.play(440)
        incoming.play(660)
        await incoming.hears(440)
        before = tables(world)
        try:
            yield world, attacker
            await served(world)
            # The transactions of the call itself are forgotten meanwhile, so there may be fewer.
            await until(
                lambda: all(count <= before[name] for name, count in tables(world).items()),
                what=lambda: f"{before} became {tables(world)}",
            )
            await incoming.hears(440)
            await call.hears(660)
            await call.hangup()
            assert await incoming.ended() == "BYE received"
        finally:
            attacker.close()


@contextmanager
def logged(world: World) -> Iterator[list[str]]:
    """The lines that the server's log gets meanwhile, security events left out."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not record.getMessage().startswith("SecurityEvent="):
                lines.append(record.getMessage())

    keep = Keep()
    world.server.log.addHandler(keep)
    try:
        yield lines
    finally:
        world.server.log.removeHandler(keep)


def tables(world: World) -> dict[str, int]:
    """Everything that a packet might have left in the server."""
    return {**idle_counts(world.server), "bindings": len(list(world.server.sip.location.contacts("101")))}


async def served(world: World) -> None:
    """Once an OPTIONS is answered, everything sent before it has been read."""
    request = world.bob.create_request("OPTIONS", world.bob.uri())
    assert (await world.bob.request(request)).status == 200


@pytest.mark.parametrize("header", ["Via", "From", "To", "Call-ID", "CSeq"])
async def test_what_cannot_be_answered_is_dropped_and_logged(header):
    """A response repeats these headers (RFC 3261 section 8.2.6), so without one of them there is none, as recorded."""
    async with attacked() as (world, attacker):
        lines = [line for line in attacker.invite().split("\r\n") if not line.startswith(f"{header}:")]
        with logged(world) as log:
            attacker.send("\r\n".join(lines).encode())
            await served(world)
        assert attacker.take() == []
        assert len(log) == 1
        assert log[0].startswith("Malformed message from '127.0.0.66:")
        assert header in log[0]


async def test_a_request_without_max_forwards_is_taken():
    """RFC 2543 did not have it."""
    async with attacked() as (_, attacker):
        attacker.send(attacker.invite().replace("Max-Forwards: 70\r\n", "").encode())
        assert (await attacker.answer()).startswith(b"SIP/2.0 401 ")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Content-Length: 4", "Content-Length: 5"),
        ("Content-Length: 4", "Content-Length: -1"),
        ("Content-Length: 4", "Content-Length: four"),
        ("Content-Length: 4", "Content-Length: 99999999999999999999"),
        ("CSeq: 1 INVITE", "CSeq: 1 ACKNOWLEDGE"),
        ("CSeq: 1 INVITE", "CSeq: 99999999999 INVITE"),
        ("CSeq: 1 INVITE", "CSeq: one INVITE"),
        ("From: <sip:101@127.0.0.1>;tag=abc", "From: <sip:101@127.0.0.1"),
        ("To: <sip:600@127.0.0.1>", 'To: "600 <sip:600@127.0.0.1>'),
        ("Max-Forwards: 70", "Max-Forwards: many"),
        ("Contact: <sip:101", "Contact: <sip:101@[::1"),
        ("INVITE sip:600@127.0.0.1 SIP", "INVITE <sip:600@127.0.0.1> SIP"),
        ("INVITE sip:600@127.0.0.1 SIP", "INVITE  sip:600@127.0.0.1 SIP"),
    ],
)
async def test_a_wrong_value_is_400(old, new):
    async with attacked() as (_, attacker):
        assert old in attacker.invite()
        attacker.send(attacker.invite().replace(old, new).encode())
        answer = await attacker.answer()
        # What only the called application reads is looked at once the sender has proved who it is.
        late = old.startswith(("Max-Forwards", "Contact"))
        assert answer.startswith((b"SIP/2.0 400 ", b"SIP/2.0 401 ") if late else b"SIP/2.0 400 ")


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"Max-Forwards", b"Subject: \xff\xfe\x80\xc3\x28\r\nMax-Forwards", b"401"),
        (b"Max-Forwards", b"Subject: a\0b\r\nMax-Forwards", b"400"),
        (b"<sip:600@127.0.0.1>", b"\"\0\0\" <sip:600@127.0.0.1>", b"400"),
        (b"tag=abc", b"tag=\xe4\xf6\xfc", b"400"),
        (b"sip:600@", b"sip:\x00600@", b"400"),
        (b"Max-Forwards", b"X: " + b"x" * 60_000 + b"\r\nMax-Forwards", b"513"),
        (b"Max-Forwards", b"X: y\r\n" * 5_000 + b"Max-Forwards", b""),
        (b"Max-Forwards", b"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n" * 1_000 + b"Max-Forwards", b""),
        (b"sip:600@127.0.0.1 SIP", b"sip:" + b"6" * 60_000 + b"@127.0.0.1 SIP", b"513"),
        (b"Content-Length: 4\r\n\r\nv=0\n", b"Content-Length: 60000\r\n\r\n" + b"\0" * 60_000, b"401"),
        (b"v=0\n", b"v=0\r", b"401"),
    ],
    ids=["not UTF-8", "NUL", "NUL in a name", "tag", "NUL in the URI", "long header", "many headers", "many Vias",
         "long URI", "long body", "CR"],
)  # fmt: skip
async def test_odd_and_oversized_bytes_are_answered_or_dropped(old, new, status):
    async with attacked() as (world, attacker):
        before = attacker.invite().encode()
        assert old in before
        with logged(world) as log:
            attacker.send(before.replace(old, new))
            await served(world)
        answers = attacker.take()
        # Without a status it is dropped, and the log says so.
        assert [answer.split(b" ")[1] for answer in answers] == ([status] if status else [])
        assert status or any("Malformed message" in line for line in log)
        assert not any(b"\0" in answer for answer in answers)


async def test_every_truncation():
    async with attacked() as (world, attacker):
        text = attacker.invite().encode()
        for length in range(0, len(text), 3):
            attacker.send(text[:length])
            if length % 60 == 0:
                await served(world)
        await served(world)
        statuses = [answer.split(b" ")[1] for answer in attacker.take()]
        assert set(statuses) == {b"400"}
        assert len(statuses) > 10


async def test_mutations():
    chance = random.Random(4475)
    async with attacked() as (world, attacker):
        for number in range(400):
            data = bytearray(attacker.invite().encode())
            for _ in range(chance.randint(1, 8)):
                at = chance.randrange(len(data))
                kind = chance.randrange(4)
                if kind == 0:
                    data[at] = chance.randrange(256)
                elif kind == 1:
                    del data[at : at + chance.randint(1, 30)]
                elif kind == 2:
                    data[at:at] = bytes([chance.randrange(256)]) * chance.randint(1, 50)
                else:
                    data[at:at] = data[: chance.randint(1, 80)]
                if not data:
                    break
            attacker.send(bytes(data))
            if number % 20 == 0:
                await served(world)
        await served(world)
        statuses = {answer.split(b" ")[1] for answer in attacker.take()}
        assert (
            {b"400", b"401"}
            <= statuses
            <= {b"400", b"401", b"404", b"405", b"416", b"420", b"481", b"482", b"501", b"505", b"513"}
        )


async def test_random_datagrams():
    chance = random.Random(3261)
    async with attacked() as (world, attacker):
        for number in range(300):
            attacker.send(chance.randbytes(chance.choice([0, 1, 2, 11, 100, 1_400, 60_000])))
            if number % 20 == 0:
                await served(world)
        await served(world)
        assert not [answer for answer in attacker.take() if b" 400 " not in answer[:12]]


async def test_torture_messages():
    """RFC 4475: each leaves the server as it was; none breaks it."""
    messages = sorted(TORTURE.glob("*.dat"))
    assert len(messages) > 40
    async with attacked() as (world, attacker):
        for path in messages:
            attacker.send(path.read_bytes())
            await served(world)
        # Their Vias name others, so little of what is answered comes here: what cannot be read.
        assert attacker.take()


async def test_a_log_line_cannot_be_forged():
    async with attacked() as (world, attacker):
        with logged(world) as log:
            attacker.send(b"\x16\x03\x01 this is no SIP \x1b[31m\r\n\r\n")
            attacker.send(attacker.invite().replace("CSeq: 1", "CSeq: \x1b[2J\x071").encode())
            await served(world)
        assert log
        assert "".join(log).isprintable()


async def test_media_ports_take_any_bytes():
    """RTP and RTCP sockets: neither is the call ended, nor does anything of it reach the phones."""
    chance = random.Random(3550)
    async with attacked() as (world, attacker):
        call = world.ann.calls[0]
        host, port = call.audio.remote
        heard = set(call.audio.ssrcs)
        for number in range(200):
            for offset in (0, 1):
                attacker.socket.sendto(
                    chance.randbytes(chance.choice([0, 1, 4, 12, 28, 172, 1_400])), (host, port + offset)
                )
            attacker.socket.sendto(b"\x80\x00" + chance.randbytes(170), (host, port))
            if number % 20 == 0:
                await asyncio.sleep(0)
        await served(world)
        assert call.audio.ssrcs == heard


async def test_in_dialog_nonsense_does_not_end_the_call():
    async with attacked() as (world, attacker):
        call = world.ann.calls[0]
        request = call.dialog.create_request("BYE").to_bytes().decode()
        text = request.replace("BYE ", "INFO ", 1).replace(" BYE", " INFO")
        for old, new in (("CSeq: ", "CSeq: x"), ("Call-ID: ", "Call-ID: z"), (";tag=", ";tag=q")):
            via = f"Via: SIP/2.0/UDP 127.0.0.66:{attacker.port};rport;branch=z9hG4bKd{len(new)}{old[:2]}\r\n"
            lines = [line for line in text.replace(old, new).split("\r\n") if not line.startswith("Via:")]
            attacker.send((lines[0] + "\r\n" + via + "\r\n".join(lines[1:])).encode())
        await served(world)
        assert call.established
        assert {answer.split(b" ")[1] for answer in attacker.take()} <= {b"400", b"401", b"481", b"403"}


@pytest.mark.parametrize(
    "method", ["INVITE", "REGISTER", "OPTIONS", "MESSAGE", "SUBSCRIBE", "PUBLISH", "BYE", "NONSENSE"]
)
async def test_a_stranger_gets_once_about_as_much_as_it_sent(method):
    """Its source address may be somebody else's: the server must be no amplifier."""
    async with attacked() as (world, attacker):
        request = attacker.invite().replace("INVITE", method).encode()
        attacker.send(request)
        assert len(await attacker.answer()) < 2 * len(request)
        await served(world)
        assert attacker.take() == []
