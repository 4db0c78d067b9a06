"""The fuzz targets without the fuzzer: their seeds, what fuzzing found, and simple mutations of both."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from fuzz_targets import MUTATIONS, STACK, TARGETS, run
from mutation import blind, structured
from seeds import seeds
from whole_server import Worlds


@pytest.fixture(scope="module")
def worlds() -> Iterator[Worlds]:
    found = Worlds()
    yield found
    found.drop()


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_findings(name: str, worlds: Worlds) -> None:
    found = seeds(name)
    assert found
    for data in found:
        run(name, data, worlds)


@pytest.mark.parametrize("name", TARGETS)
def test_mutations(name: str, worlds: Worlds) -> None:
    chance = random.Random(name)
    start = seeds(name)
    for number in range(60 if name in STACK else 12):
        change = blind if number % 3 == 0 else MUTATIONS.get(name, structured)
        run(name, change(chance.choice(start), chance, start), worlds)
