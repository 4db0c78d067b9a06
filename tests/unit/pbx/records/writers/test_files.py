"""Rows in files: each once, whatever happens between two steps of writing them."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asterism.pbx.records.writers.files import RowFiles, in_octets, is_below, on_one_line
from asterism.pbx.records.writing import Attempt

ROWS = [("Master.csv", b"one\n"), ("acc1.csv", b"one\n"), ("Master.csv", b"two\n")]


class Killed(BaseException):
    """The process ends here."""


class Disk:
    """A folder of files, and what a writer has noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark: Any = None
        self.kill_after: int | None = None
        """Steps until the process is killed: 0 before anything, 1 before the note, 2 after it."""

    def pass_step(self) -> None:
        if self.kill_after is not None:
            if self.kill_after == 0:
                raise Killed
            self.kill_after -= 1

    def step(self, work: Callable[[], Any]) -> asyncio.Future[Any]:
        self.pass_step()
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            done.set_result(work())
        except OSError as error:
            done.set_exception(error)
        return done

    def note(self, mark: Any) -> None:
        self.pass_step()
        self.mark = json.loads(json.dumps(mark))
        self.pass_step()

    async def append(self, rows: list[tuple[str, bytes]] = ROWS) -> None:
        await RowFiles(lambda: self.folder).append(rows, Attempt(self.mark, self.note, self.step))

    def files(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.folder.iterdir()}


WRITTEN = {"Master.csv": "one\ntwo\n", "acc1.csv": "one\n"}


async def test_rows_go_to_the_end_of_their_files_and_folders_are_made(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "log/cdr-csv")
    await disk.append()
    disk.mark = None
    await disk.append([("Master.csv", b"three\n")])
    assert disk.files() == {"Master.csv": "one\ntwo\nthree\n", "acc1.csv": "one\n"}


@pytest.mark.parametrize("steps", range(4))
async def test_a_kill_between_any_two_steps_loses_and_doubles_nothing(tmp_path: Path, steps: int) -> None:
    disk = Disk(tmp_path)
    (tmp_path / "Master.csv").write_text("zero\n")
    disk.kill_after = steps
    if steps < 3:
        with pytest.raises(Killed):
            await disk.append()
    else:
        await disk.append()  # killed before the cursor could say so
    disk.kill_after = None
    await disk.append()
    assert disk.files() == {"Master.csv": "zero\none\ntwo\n", "acc1.csv": "one\n"}


@pytest.mark.parametrize("length", range(9))
async def test_a_part_of_the_rows_that_a_kill_has_left_is_cut_off(tmp_path: Path, length: int) -> None:
    disk = Disk(tmp_path)
    (tmp_path / "Master.csv").write_text("zero\n")
    disk.kill_after = 2
    with pytest.raises(Killed):
        await disk.append()
    (tmp_path / "Master.csv").write_text("zero\n" + "one\ntwo\n"[:length])
    disk.kill_after = None
    await disk.append()
    assert disk.files() == {"Master.csv": "zero\none\ntwo\n", "acc1.csv": "one\n"}


async def test_rows_of_somebody_else_are_never_cut_off(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.kill_after = 2
    with pytest.raises(Killed):
        await disk.append()
    (tmp_path / "Master.csv").write_text("else\n")
    disk.kill_after = None
    await disk.append()
    assert disk.files() == {"Master.csv": "else\none\ntwo\n", "acc1.csv": "one\n"}


async def test_a_file_that_was_moved_away_after_a_kill_has_its_rows_once(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    await disk.append()  # killed before the cursor could say so
    (tmp_path / "Master.csv").rename(tmp_path / "Master.csv.1")
    await disk.append()
    assert disk.files() == {"Master.csv.1": "one\ntwo\n", "acc1.csv": "one\n"}


async def test_a_file_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    await disk.append()
    (tmp_path / "Master.csv").rename(tmp_path / "Master.csv.1")
    disk.mark = None
    await disk.append([("Master.csv", b"three\n")])
    assert disk.files() == {"Master.csv.1": "one\ntwo\n", "Master.csv": "three\n", "acc1.csv": "one\n"}


async def test_a_full_disk_leaves_no_part_of_a_row_and_the_rest_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, write, room = Disk(tmp_path), os.write, [6]

    def little(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = write(descriptor, bytes(data)[: room[0]])
        room[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", little)
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}/Master.csv'"):
        await disk.append()
    assert disk.files() == {"Master.csv": "", "acc1.csv": ""}
    room[0] = 5
    with pytest.raises(OSError, match="No space"):
        await disk.append()
    room[0] = 100
    await disk.append()
    assert disk.files() == WRITTEN


async def test_a_file_that_cannot_be_written_does_not_keep_others_from_their_rows(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    await disk.append()
    disk.mark = None
    good = os.open

    def refuse(path: Any, flags: int, *rest: Any) -> int:
        if str(path).endswith("Master.csv") and len(opened) >= 2:
            raise OSError(errno.EACCES, "Permission denied")
        opened.append(path)
        return good(path, flags, *rest)

    opened: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", refuse)
        with pytest.raises(OSError, match="Permission denied"):
            await disk.append()
    assert disk.files() == {"Master.csv": "one\ntwo\n", "acc1.csv": "one\none\n"}
    await disk.append()
    assert disk.files() == {"Master.csv": "one\ntwo\none\ntwo\n", "acc1.csv": "one\none\n"}


@pytest.mark.parametrize("mark", [1, [1], {"Master.csv": 3}, {"Master.csv": ["x"]}, {"other": None}])
async def test_a_mark_of_another_kind_is_none(tmp_path: Path, mark: Any) -> None:
    disk = Disk(tmp_path)
    disk.mark = mark
    await disk.append()
    assert disk.files() == WRITTEN


@given(st.text(st.characters(exclude_categories=())))
def test_every_text_can_be_written_on_one_line(text: str) -> None:
    assert not set(b"\r\n") & set(in_octets(on_one_line(text)))


def test_octets_that_are_no_text_are_written_as_they_came() -> None:
    assert in_octets(b"\xff\xc3\xa4".decode("utf-8", "surrogateescape")) == b"\xff\xc3\xa4"
    assert in_octets("\ud800x") == b"?x"


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "/etc/x", "a/../x", "a//x", ".hidden", "a\0", "a\nb", "x" * 201, "a/", "\u202ex"]
)
def test_names_that_are_no_file_below_a_folder(name: str) -> None:
    assert not is_below(name)


def test_names_of_files() -> None:
    assert all(map(is_below, ("Master.csv", "sub/Master.csv", "acc 1", "Müller", "a..b")))


async def test_a_file_that_cannot_be_opened_keeps_no_other_from_its_rows(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "csv")
    (tmp_path / "csv/bad").mkdir(parents=True)
    rows = [("bad", b"0\n"), *ROWS]
    for _ in range(2):
        with pytest.raises(IsADirectoryError):
            await disk.append(rows)
        assert (tmp_path / "csv/Master.csv").read_text() == WRITTEN["Master.csv"]
    (tmp_path / "csv/bad").rmdir()
    await disk.append(rows)
    assert disk.files() == {**WRITTEN, "bad": "0\n"}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES])
async def test_a_dispensable_file_is_waited_for_only_where_all_of_the_disk_may_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    disk, write, skipped = Disk(tmp_path), os.open, []

    def fail(path: Any, *options: Any) -> int:
        if str(path).endswith("acc1.csv"):
            raise OSError(code, os.strerror(code))
        return write(path, *options)

    monkeypatch.setattr(os, "open", fail)
    work = RowFiles(lambda: tmp_path).append(
        ROWS, Attempt(None, disk.note, disk.step), {"acc1.csv"}, lambda error: skipped.append(error.filename)
    )
    if code == errno.EACCES:
        await work
        assert skipped == [str(tmp_path / "acc1.csv")]
    else:
        with pytest.raises(OSError, match=r"acc1\.csv"):
            await work
        assert skipped == []
    assert disk.files() == {"Master.csv": "one\ntwo\n"}
