"""Random identifiers."""

from __future__ import annotations

import uuid

from asterism.core.identifiers import RandomBytes, random_uuid


def test_it_is_a_version_4_uuid() -> None:
    for _ in range(200):
        text = random_uuid()
        parsed = uuid.UUID(text)
        assert str(parsed) == text
        assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)


def test_no_two_are_the_same() -> None:
    assert len({random_uuid() for _ in range(1000)}) == 1000


def test_random_bytes_are_as_many_as_asked_for_and_never_the_same():
    random = RandomBytes()
    taken = [random.take(10) for _ in range(1000)]
    assert {len(one) for one in taken} == {10}
    assert len(set(taken)) == 1000
    assert len(random.take(5000)) == 5000
    assert random.take(10) not in taken


def test_tokens_are_as_long_as_asked_for_and_never_the_same() -> None:
    token = RandomBytes().tokens(10)
    taken = [token() for _ in range(1000)]
    assert {len(bytes.fromhex(one)) for one in taken} == {10}
    assert len(set(taken)) == 1000
