"""The fuzzer finds what it is there to find."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import driver
import fuzz_targets
import pytest
from whole_server import Worlds


def drive(target: Callable[[Worlds, bytes], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> driver.Result:
    monkeypatch.setitem(fuzz_targets.SERVER, "pattern", target)
    return driver.drive("pattern", 0.5, 1, tmp_path)


def test_an_exception_is_found_and_its_input_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(worlds: Worlds, data: bytes) -> None:
        raise KeyError(data)

    assert drive(broken, tmp_path, monkeypatch).findings == 1
    (path,) = (each for each in tmp_path.glob("pattern-found-*") if each.suffix != ".txt")
    with pytest.raises(KeyError):
        fuzz_targets.run("pattern", path.read_bytes(), Worlds())


def test_an_input_without_end_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(worlds: Worlds, data: bytes) -> None:
        while True:
            time.sleep(0)

    monkeypatch.setattr(driver, "HANG", 0.2)
    assert drive(endless, tmp_path, monkeypatch).findings == 1


def test_memory_that_grows_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter(range(100, 100_000_000, 1000))
    monkeypatch.setattr(driver, "rss", lambda: next(sizes))
    assert drive(lambda worlds, data: None, tmp_path, monkeypatch).findings == 1


def test_the_same_seed_makes_the_same_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[list[bytes]] = [[], []]
    for one in taken:
        drive(lambda worlds, data, one=one: one.append(data), tmp_path, monkeypatch)  # type: ignore[misc]
    count = min(map(len, taken))
    assert count > 50
    assert taken[0][:count] == taken[1][:count]


def test_what_a_server_logs_and_leaves_is_found() -> None:
    worlds = Worlds()
    world = worlds.get()

    async def leave() -> None:
        world.server.media.open_rtp()
        await world.settle()

    async def log() -> None:
        try:
            raise KeyError("x")
        except KeyError:
            world.server.log.exception("contained")
        await world.settle()

    async def raise_in_callback() -> None:
        world.loop.call_soon(lambda: 1 // 0)
        await world.settle()

    try:
        for fault, text in ((log, "contained"), (raise_in_callback, "ZeroDivisionError"), (leave, "media")):
            world.complaints.found.clear()
            with pytest.raises(AssertionError, match=text):
                world.wait(fault())
    finally:
        worlds.drop()


def test_the_guide_names_every_target() -> None:
    table = (Path(__file__).parents[2] / "docs" / "development" / "fuzzing.md").read_text()
    named = {name for row in table.splitlines() if row.startswith("| `") for name in row.split("|")[1].split("`")[1::2]}
    assert named == set(fuzz_targets.TARGETS)
