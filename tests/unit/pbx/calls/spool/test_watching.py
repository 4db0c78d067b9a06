"""The thread that looks at the folder."""

from __future__ import annotations

import threading
from pathlib import Path

from asterism.pbx.calls.spool.folder import Entry, Folder
from asterism.pbx.calls.spool.watching import Watcher


class Told:
    """What a watcher told, and how to wait for it."""

    def __init__(self, folder: Folder) -> None:
        self.calls: list[tuple[list[str], bool, str]] = []
        self._more = threading.Condition()
        self.watcher = Watcher(folder, self.tell, 0.005)

    def tell(self, entries: list[Entry], more: bool, problem: str) -> None:
        with self._more:
            self.calls.append(([entry.name for entry in entries], more, problem))
            self._more.notify_all()

    def wait(self, count: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: len(self.calls) >= count, 5), self.calls


def test_an_empty_folder_is_told_of_once_and_files_at_each_look(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    told = Told(folder)
    told.watcher.start()
    while not folder.path.is_dir():
        pass
    threading.Event().wait(0.05)
    assert told.calls == []
    (folder.path / "a").write_text("x")
    told.wait(3)
    assert told.calls[-1] == (["a"], False, "")
    (folder.path / "a").unlink()
    threading.Event().wait(0.05)
    count = len(told.calls)
    assert told.calls[-1] == ([], False, "")
    threading.Event().wait(0.05)
    assert len(told.calls) == count
    told.watcher.stop()
    told.watcher.join(5)
    assert not told.watcher.is_alive()


def test_a_folder_that_cannot_be_made_is_told_once_and_looked_for_again(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("in the way")
    told = Told(Folder(tmp_path / "spool"))
    told.watcher.start()
    told.wait(1)
    threading.Event().wait(0.05)
    assert len(told.calls) == 1
    assert told.calls[0][2].endswith("Not a directory")
    (tmp_path / "spool").unlink()
    told.wait(2)
    assert told.calls[1:] == [([], False, "")]
    assert (tmp_path / "spool" / "outgoing").is_dir()
    told.watcher.stop()


def test_a_loop_that_is_closed_ends_nothing(tmp_path: Path) -> None:
    def closed(*_: object) -> None:
        raise RuntimeError("Event loop is closed")

    folder = Folder(tmp_path)
    folder.create()
    (folder.path / "a").write_text("x")
    watcher = Watcher(folder, closed, 0.001)
    watcher.start()
    threading.Event().wait(0.02)
    assert watcher.is_alive()
    watcher.stop()
    watcher.join(5)
