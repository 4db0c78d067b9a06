"""Random identifiers."""

from __future__ import annotations

import uuid

from asterism.core.identifiers import random_uuid


def test_it_is_a_version_4_uuid() -> None:
    for _ in range(200):
        text = random_uuid()
        parsed = uuid.UUID(text)
        assert str(parsed) == text
        assert (parsed.version, parsed.variant) == (4, uuid.RFC_4122)


def test_no_two_are_the_same() -> None:
    assert len({random_uuid() for _ in range(1000)}) == 1000
