"""The fuzz targets without the fuzzer: their seeds, what fuzzing found, and simple mutations of both."""

from __future__ import annotations

import random

import pytest
from fuzz_targets import TARGETS, run
from seeds import seeds


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_findings(name: str) -> None:
    found = seeds(name)
    assert found
    for data in found:
        run(name, data)


@pytest.mark.parametrize("name", TARGETS)
def test_mutations(name: str) -> None:
    chance = random.Random(name)
    start = seeds(name)
    for _ in range(60):
        data = bytearray(chance.choice(start))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data) + 1)
            other = chance.choice(start)
            cut = chance.randrange(len(other) + 1)
            data[at : at + chance.randint(0, 8)] = chance.choice(
                (chance.randbytes(chance.randint(1, 4)), other[cut : cut + chance.randint(0, 40)], b"")
            )
        run(name, bytes(data))
