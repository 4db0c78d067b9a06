"""A writer's cursor: a kill at any moment leaves the one before, or the new one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asterism.pbx.records.cursor import Cursor, Position, file_name


def cursor(folder: Path) -> Cursor:
    return Cursor(folder, "calls", "csv")


def test_it_is_read_again(tmp_path: Path) -> None:
    assert cursor(tmp_path).position is None
    for number in range(5):
        one = cursor(tmp_path)
        one.save(Position(number, number + 1, {"Master.csv": [1, 2, 3]}))
        assert cursor(tmp_path).position == one.position
    assert len(list(tmp_path.iterdir())) == 2


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 100), st.binary(max_size=100))
def test_a_write_that_was_ended_by_a_kill_leaves_the_one_before(tmp_path_factory, length: int, rest: bytes) -> None:
    folder = tmp_path_factory.mktemp("cursor")
    one = cursor(folder)
    one.save(Position(1))
    one.save(Position(2, 3, "mark"))
    path = folder / "calls.csv.cursor0"
    whole = path.read_bytes()
    path.write_bytes(whole[:length] + rest)
    position = cursor(folder).position
    kept = path.read_bytes().partition(b"\n")[0] == whole.rstrip(b"\n")
    assert position == (Position(2, 3, "mark") if kept else Position(1))


def test_one_that_is_damaged_altogether_begins_with_the_oldest(tmp_path: Path) -> None:
    one = cursor(tmp_path)
    one.save(Position(1))
    (tmp_path / "calls.csv.cursor1").write_bytes(b"")
    assert cursor(tmp_path).position == Position(0)


def test_a_position_that_cannot_be_saved_is_the_position_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = cursor(tmp_path)
    one.save(Position(1))
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda descriptor, data, place: pwrite(descriptor, data[:5], place))
    with pytest.raises(OSError, match="No space left"):
        one.save(Position(2))
    assert one.position == Position(2)
    assert cursor(tmp_path).position == Position(1)
    monkeypatch.undo()
    one.save(Position(3))
    assert cursor(tmp_path).position == Position(3)


def test_names_of_writers_make_names_of_files() -> None:
    assert [file_name(name) for name in ("CDR File custom bac", "../x", "..")] == ["cdr-file-custom-bac", "x", "writer"]
