"""The options of ``[system]`` that a started server obeys."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from asterism.server.server import Server
from asterism.stack.message import Request
from asterism.stack.parser import parse_message
from asterism.testing import Phone, PhoneError, free_port, running_server, until


def configured(**options: object) -> dict[str, str]:
    lines = "".join(f"{name}={value}\n" for name, value in options.items())
    return {"pjsip.conf": f"[system]\ntype=system\n{lines}"}


async def sent(server: Server, method: str, copies: int) -> tuple[list[Request], float]:
    """So many copies of a request that nobody answers, and how long after the first the last one came."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.setblocking(False)
        peer.bind(("127.0.0.1", 0))
        asking = asyncio.ensure_future(server.sip.send_request(method, f"sip:127.0.0.1:{peer.getsockname()[1]}"))
        found: list[Request] = []
        began = 0.0
        try:
            for _ in range(copies):
                request = parse_message(await asyncio.wait_for(loop.sock_recv(peer, 65535), 5))
                assert isinstance(request, Request)
                began = began or loop.time()
                found.append(request)
            return found, loop.time() - began
        finally:
            asking.cancel()


@pytest.mark.parametrize(("disabled", "asked"), [("no", True), ("yes", False)])
async def test_disable_rport(disabled: str, asked: bool) -> None:
    async with running_server(configured(disable_rport=disabled)) as server:
        ((request,), _) = await sent(server, "OPTIONS", 1)
        assert (";rport" in (request.get("Via") or "")) is asked


async def test_timer_t1() -> None:
    async with running_server(configured(timer_t1=20)) as server:
        copies, took = await sent(server, "OPTIONS", 3)
        assert len({copy.get("Via") for copy in copies}) == 1
        # After T1 and twice T1; with the usual T1 the third copy comes after 1.5 seconds.
        assert 0.04 <= took < 1.2


async def running_at_once(server: Server, functions: int, wanted: int) -> int:
    """How many of so many blocking functions run at once, given a moment in which ``wanted`` may begin."""
    gate = threading.Event()
    began: list[int] = []

    def block(number: int) -> None:
        began.append(number)
        gate.wait(20)

    works = [server.sip.create_work("blocking") for _ in range(functions)]
    waiting = [asyncio.ensure_future(server.sip.run_blocking(work, block, number)) for number, work in enumerate(works)]
    try:
        await until(lambda: len(began) >= wanted, 10)
        with pytest.raises(PhoneError):
            await until(lambda: len(began) > wanted, 0.1)
        return len(began)
    finally:
        gate.set()
        await asyncio.gather(*waiting)
        assert sorted(began) == list(range(functions))
        for work in works:
            work.close()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"taskpool_max_size": 2}, 2),
        ({"threadpool_max_size": 2}, 2),
        ({"threadpool_max_size": 9, "taskpool_max_size": 3}, 3),
        ({}, 50),
        ({"taskpool_max_size": 0}, 55),
    ],
    ids=["the limit", "its older name", "the newer name counts", "the default", "no limit"],
)
async def test_taskpool_max_size(options: dict[str, int], expected: int) -> None:
    async with running_server(configured(**options)) as server:
        assert await running_at_once(server, 55, expected) == expected


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_header_names_are_short_where_that_is_asked_for(transport: str) -> None:
    config = {
        "pjsip.conf": "[system]\ntype=system\ncompact_headers=yes\n"
        f"[t]\ntype=transport\nprotocol={transport}\nbind=127.0.0.1:{free_port()}\n"
    }
    async with running_server(config) as server:
        seen: list[bytes] = []
        (bound,) = server.sip.transports.transports.values()
        bound.trace = lambda direction, data, _flow: seen.append(data) if direction == "out" else None
        async with Phone("101", server, "secret", transport=transport) as phone:
            await phone.try_register()
        (answer, *_) = seen
        assert {b"v", b"f", b"t", b"i", b"l", b"CSeq"} <= {line.partition(b":")[0] for line in answer.split(b"\r\n")}
        assert b"Via:" not in answer
