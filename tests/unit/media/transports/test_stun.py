"""STUN messages and transactions."""

from __future__ import annotations

import asyncio

import pytest
from aioice.stun import Class
from hypothesis import given
from hypothesis import strategies as st

from asterism.media.transports import stun
from virtual_loop import VirtualLoop


@given(st.binary(max_size=200), st.integers(0, 3))
def test_whatever_comes_is_a_message_or_none(data: bytes, kind: int) -> None:
    stun.read(data)
    body = data[: len(data) & ~3]
    stun.read(bytes((0, kind)) + len(body).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12) + body)


def test_what_is_signed_is_read_and_believed() -> None:
    asked = stun.read(stun.signed(stun.request({"USERNAME": "a:b"}), b"secret"))
    assert asked is not None
    assert stun.is_signed(asked, b"secret")
    assert not stun.is_signed(asked, b"other")
    answer = stun.read(memoryview(stun.success(asked, ("192.0.2.1", 5000), b"secret")))
    assert answer is not None
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.1", 5000)
    assert answer.transaction_id == asked.transaction_id
    conflict = stun.read(stun.role_conflict(asked, b"secret"))
    assert conflict is not None
    assert (conflict.message_class, conflict.error_code) == (Class.ERROR, 487)


def test_a_request_is_sent_again_ever_later() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        times: list[float] = []
        ended: list[float] = []
        message = stun.request()
        stun.Transaction(
            loop, message, bytes(message), lambda _data: times.append(loop.time()),
            lambda _transaction: ended.append(loop.time()),
        )  # fmt: skip
        await asyncio.sleep(60)
        assert [round(time - times[0], 3) for time in times] == [0, 0.5, 1.5, 3.5, 7.5, 15.5]
        assert round(ended[0] - times[0], 3) == 31.5
        answered = stun.Transaction(loop, message, b"", lambda _data: times.append(0), ended.append)  # type: ignore[arg-type]
        answered.hurry()
        answered.end()
        await asyncio.sleep(60)
        assert len(times) == 8
        assert len(ended) == 1

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


@pytest.mark.parametrize("octets", [b"\0\x20\0\x14\0\2" + bytes(18), b"\x80\x22\0\0", b"\0\6\0\4abcd"])
def test_more_attributes_than_any_message_has_are_not_decoded(octets: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """To decode each of them takes time, and anybody may send them."""
    parsed: list[bytes] = []
    monkeypatch.setattr(stun, "parse_message", lambda data: parsed.append(data))
    for count, taken in ((24, 1), (25, 0), (1480 // len(octets), 0)):
        body = octets * count
        stun.read(b"\0\1" + len(body).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + bytes(12) + body)
        assert len(parsed) == taken
        parsed.clear()


def test_without_the_cookie_it_is_no_message() -> None:
    data = bytes(stun.request())
    assert stun.read(data) is not None
    assert stun.read(data[:4] + b"\0\0\0\0" + data[8:]) is None


def test_a_request_is_hurried_no_more_often_than_it_is_sent() -> None:
    async def main() -> None:
        sent: list[bytes] = []
        message = stun.request()
        asked = stun.Transaction(asyncio.get_running_loop(), message, b"x", sent.append, lambda _transaction: None)
        for _ in range(1000):
            asked.hurry()
        assert len(sent) == 1 + stun.SENDS
        asked.end()

    asyncio.run(main())
