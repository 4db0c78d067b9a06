"""Texts of a call: content types, and who waits for one."""

from __future__ import annotations

import asyncio

import pytest
from fake_technology import FakeServer, run, settle

from asterism.pbx.channels.texting import is_content_type, receive_text, send_text, take_text


@pytest.mark.parametrize("text", ["text/plain", "text/html;charset=utf-8", 'a/b; c="d e"; f=g', "application/im+xml"])
def test_content_types(text: str) -> None:
    assert is_content_type(text)


@pytest.mark.parametrize("text", ["", "text", "text/", "/plain", "a/b;", "a/b;c", "a/b\r\n", "a b/c", 'a/b;c="\r\n"'])
def test_what_is_none(text: str) -> None:
    assert not is_content_type(text)


def test_one_waits_at_a_time_and_texts_are_not_kept() -> None:
    async def scenario(server: FakeServer) -> None:
        alice = server.sip.incoming("alice", "1")
        assert not take_text(alice, "early")
        waiting = asyncio.create_task(receive_text(alice, 5))
        await settle()
        with pytest.raises(RuntimeError, match="another task waits"):
            await receive_text(alice)
        assert take_text(alice, "one")
        assert not take_text(alice, "two")
        assert await waiting == "one"
        assert await receive_text(alice, 0.01) is None
        with pytest.raises(ValueError, match="no content type"):
            send_text(alice, "hello", "text")

    run(scenario)
