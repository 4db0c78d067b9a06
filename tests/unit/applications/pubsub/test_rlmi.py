"""Multipart bodies of lists: readers of MIME find in them what was put in, whatever that is."""

from __future__ import annotations

import random
from email import message_from_bytes
from email.message import Message

from hypothesis import given
from hypothesis import strategies as st

from asterism.applications.pubsub.bodies.rlmi import Part, Words, multipart


def read(body: bytes, content_type: str) -> Message:
    """The body as a library reads it."""
    found = message_from_bytes(f"Content-Type: {content_type}\r\n".encode() + b"\r\n" + body)
    assert not found.defects
    return found


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=8), st.integers())
def test_any_parts(bodies: list[bytes], seed: int) -> None:
    words = Words(random.Random(seed).randbytes)
    parts = [Part(f"{words.new()}@host", "application/octet-stream", body) for body in bodies]
    body, content_type = multipart(parts, words)
    boundary = content_type.rpartition("=")[2].encode()
    pieces = body.split(b"\r\n--" + boundary)
    assert pieces[0] == b""
    assert pieces[-1] == b"--\r\n"
    for part, piece in zip(parts, pieces[1:-1], strict=True):
        head, _, content = piece.partition(b"\r\n\r\n")
        assert content == part.body
        assert f"Content-ID: <{part.cid}>".encode() in head


@given(st.lists(st.text(st.sampled_from("ab-\n "), max_size=60), min_size=1, max_size=4), st.integers())
def test_a_list_in_a_list_is_read_by_a_library(texts: list[str], seed: int) -> None:
    words = Words(random.Random(seed).randbytes)
    inner, kind = multipart([Part(words.new(), "text/plain", text.encode()) for text in texts], words)
    outer, content_type = multipart([Part(words.new(), kind, inner), Part(words.new(), "text/plain", b"end")], words)
    found = read(outer, content_type).get_payload()
    assert isinstance(found, list)
    assert len(found) == 2
    within = found[0].get_payload()
    assert isinstance(within, list)
    assert len(within) == len(texts)


def test_a_word_is_made_up_once() -> None:
    words = Words(random.Random(1).randbytes)
    made = [words.new() for _ in range(5000)]
    assert len(set(made)) == len(made)


def test_a_boundary_is_in_no_part() -> None:
    source = random.Random(7)
    first = Words(random.Random(7).randbytes).new()
    words = Words(source.randbytes)
    part = Part("a@b", "text/plain", f"--{first}".encode())
    assert words.boundary([part]) != first
