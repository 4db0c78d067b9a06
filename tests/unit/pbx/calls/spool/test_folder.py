"""The folder of call files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asterism.pbx.calls.spool import folder as module
from asterism.pbx.calls.spool.callfile import MAX_SIZE
from asterism.pbx.calls.spool.folder import Entry, Folder, UnusableError


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    found = Folder(tmp_path / "spool")
    found.create()
    return found


def put(folder: Folder, name: str, content: bytes = b"x", due: float = 100.0) -> Entry:
    path = folder.path / name
    path.write_bytes(content)
    os.utime(path, (due, due))
    return next((entry for entry in folder.scan()[0] if entry.name == name), Entry("", 0, 0, (0, 0, 0, 0)))


def test_files_are_listed_by_their_times(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder, "late", due=300)
    put(folder, "early", due=100)
    put(folder, ".hidden")
    put(folder, "b", due=200)
    assert [(entry.name, entry.due) for entry in folder.scan()[0]] == [("early", 100), ("b", 200), ("late", 300)]
    assert not folder.scan()[1]
    monkeypatch.setattr(module, "MAX_FILES", 2)
    found, more = folder.scan()
    assert (len(found), more) == (2, True)


def test_what_is_no_regular_small_file_is_not_read(folder: Folder) -> None:
    (folder.path / "target").write_text("Channel: x/y")
    (folder.path / "link").symlink_to(folder.path / "target")
    (folder.path / "dangling").symlink_to(folder.path / "gone")
    os.mkfifo(folder.path / "pipe")
    (folder.path / "folder").mkdir()
    put(folder, "huge", b"x" * (MAX_SIZE + 1))
    put(folder, "empty", b"")
    put(folder, "fits", b"x" * MAX_SIZE)
    reasons = {}
    for name in ("link", "dangling", "pipe", "folder", "huge", "empty"):
        with pytest.raises(UnusableError) as raised:
            folder.read(name)
        reasons[name] = str(raised.value)
    assert reasons == {
        "link": "it is a link", "dangling": "it is a link", "pipe": "it is no regular file",
        "folder": "it is no regular file", "huge": "it has more than 64 KiB", "empty": "it is empty",
    }  # fmt: skip
    assert len(folder.read("fits")) == MAX_SIZE
    with pytest.raises(FileNotFoundError):
        folder.read("nothing")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_and_written_is_not_read(folder: Folder) -> None:
    put(folder, "mine")
    (folder.path / "mine").chmod(0o400)
    with pytest.raises(UnusableError, match="cannot be read and written"):
        folder.read("mine")


def test_what_is_appended_sets_the_time_and_makes_no_file(folder: Folder) -> None:
    put(folder, "a", b"one\n")
    entry = folder.append("a", "\ntwo\n", 500.5)
    assert (folder.path / "a").read_text() == "one\n\ntwo\n"
    assert entry.due == 500.5
    with pytest.raises(FileNotFoundError):
        folder.append("gone", "x", 1)
    assert not (folder.path / "gone").exists()
    (folder.path / "link").symlink_to(folder.path / "a")
    with pytest.raises(OSError, match="symbolic"):
        folder.append("link", "x", 1)


def test_a_file_that_is_over_is_deleted_or_moved_with_its_status(folder: Folder) -> None:
    entry = put(folder, "a", b"one\n")
    assert folder.finish(entry, "Completed", 200, archive=False, always=False)
    assert folder.scan()[0] == []
    entry = put(folder, "a", b"one\n")
    assert folder.finish(entry, "Expired", 200, archive=True, always=False)
    assert (folder.done / "a").read_text() == "one\nStatus: Expired\n"
    assert folder.scan()[0] == []
    assert folder.finish(entry, "Expired", 200, archive=True, always=False)  # deleted by somebody meanwhile


def test_a_file_that_was_given_another_time_or_replaced_is_kept(folder: Folder) -> None:
    entry = put(folder, "a", due=100)
    put(folder, "a", due=900)
    assert not folder.finish(entry, "Completed", 200, archive=False, always=False)
    assert folder.finish(entry, "Completed", 200, archive=False, always=True)
    entry = put(folder, "a", due=900)  # its time in the future is ours
    assert folder.finish(entry, "Completed", 200, archive=False, always=False)
    entry = put(folder, "a")
    other = folder.path / ".new"
    other.write_bytes(b"another")
    other.replace(folder.path / "a")
    for always in (False, True):
        assert not folder.finish(entry, "Completed", 1e12, archive=False, always=always)
    assert (folder.path / "a").read_bytes() == b"another"
