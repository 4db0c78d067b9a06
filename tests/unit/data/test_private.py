"""Files with secrets: made for their owner and group, and taken from others."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from asterism.data.private import make_private


@pytest.fixture(autouse=True)
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_empty_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    make_private(path)
    assert (mode(path), path.read_bytes()) == (0o640, b"")


@pytest.mark.parametrize(
    ("before", "after"), [(0o666, 0o640), (0o644, 0o640), (0o777, 0o640), (0o600, 0o600), (0o440, 0o440)]
)
def test_rights_are_taken_and_never_given(tmp_path: Path, before: int, after: int) -> None:
    names = [tmp_path / f"secret{end}" for end in ("", "-wal", "-shm")]
    for path in names:
        path.write_text("x")
        path.chmod(before)
    make_private(names[0])
    assert {mode(path) for path in names} == {after}
    assert names[0].read_bytes() == b"x"


def test_an_existing_file_may_be_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("x")
    path.chmod(0o664)
    make_private(path, existing=False)
    assert mode(path) == 0o664


def test_a_file_of_somebody_else_is_named_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "secret"
    path.write_text("x")
    path.chmod(0o644)

    def refuse(*_args: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chmod", refuse)
    make_private(path, logging.getLogger("test.private"))
    assert "secret' can be read by others" in caplog.text


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        make_private(tmp_path / "nowhere" / "secret")
