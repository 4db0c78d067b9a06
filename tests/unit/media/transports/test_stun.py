"""STUN messages and transactions."""

from __future__ import annotations

import asyncio

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
