"""RFC 4475 and RFC 5118 at a user agent server made of the stack alone: each answer, and nothing left."""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import pytest
from torture_kit import ANSWERS, MESSAGES, ROOT
from transaction_kit import Net, RecordingFlow, request_text

from asterism.stack import Request, Response, parse_message

sys.path.insert(0, str(ROOT / "docs" / "stack" / "examples"))

from bare_uas import BareUas, UdpServer


class Bench:
    def __init__(self) -> None:
        self.net = Net()
        self.uas = BareUas(self.net.timers)
        self.flow = RecordingFlow()

    def receive(self, data: bytes | str) -> None:
        self.uas.layer.receive(data if isinstance(data, bytes) else data.encode(), self.flow, self.net.now)

    def ask(self, data: bytes | str) -> Response:
        self.receive(data)
        (answer,) = self.flow.take()
        assert isinstance(answer, Response)
        return answer

    def finish(self) -> None:
        self.net.advance(100)
        layer = self.uas.layer
        assert (layer.live_transactions, layer.finished_transactions, len(self.net.timers)) == (0, 0, 0)
        assert self.uas.dialogs == {}
        assert not self.flow.transactions


def test_every_message_has_an_outcome() -> None:
    assert set(ANSWERS) == set(MESSAGES)
    assert len(MESSAGES) == 49 + 12


@pytest.mark.parametrize("name", MESSAGES)
def test_torture(name: str) -> None:
    bench = Bench()
    bench.receive(MESSAGES[name])
    answers = [data.split(b" ", 2)[1].decode() for data in bench.flow.sent]
    assert "".join(answers) == ANSWERS[name][0].replace("-", "")
    if answers == ["420"]:
        (answer,) = bench.flow.take()
        assert answer.get("Unsupported") == "nothingSupportsThis, nothingSupportsThisEither"
    bench.finish()


def test_a_call() -> None:
    bench = Bench()
    answer = bench.ask(request_text("INVITE"))
    assert (answer.status, answer.body[:3], len(bench.uas.dialogs)) == (200, b"v=0", 1)
    to = answer.get("To") or ""
    bench.receive(request_text("ACK", "z9hG4bKack", to=to))
    assert bench.ask(request_text("INVITE", "z9hG4bK2", to=to, cseq=2)).status == 200
    bench.receive(request_text("ACK", "z9hG4bKack2", to=to, cseq=2))
    assert bench.ask(request_text("BYE", "z9hG4bK3", to=to, cseq=2)).status == 500
    assert bench.ask(request_text("BYE", "z9hG4bK4", to=to, cseq=3)).status == 200
    assert bench.ask(request_text("BYE", "z9hG4bK5", to=to, cseq=4)).status == 481
    bench.finish()


def test_a_call_that_is_never_acknowledged_is_ended_by_bye() -> None:
    bench = Bench()
    bench.ask(request_text("INVITE"))
    bench.net.advance(33)
    assert any(isinstance(message, Request) and message.method == "BYE" for message in bench.flow.take())
    bench.finish()


@pytest.mark.parametrize(("method", "status"), [("INFO", 405), ("FOO", 501), ("BYE", 481)])
def test_refusals(method: str, status: int) -> None:
    bench = Bench()
    answer = bench.ask(request_text(method))
    assert answer.status == status
    assert answer.has("Allow") == (status != 481)
    bench.finish()


def test_on_the_network() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        transport, server = await loop.create_datagram_endpoint(UdpServer, ("127.0.0.1", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.bind(("127.0.0.1", 0))
            await loop.sock_sendto(client, request_text().encode(), server.local)
            data, _ = await asyncio.wait_for(loop.sock_recvfrom(client, 65535), 5)
        answer: Any = parse_message(data)
        assert (answer.status, answer.has("Allow")) == (200, True)
        transport.close()

    asyncio.run(scenario())
