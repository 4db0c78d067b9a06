"""Files of faxes: bounded to their folder, nothing half-done in the place of another."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asterism.core.restriction import DANGEROUS_APPLICATIONS, restriction
from asterism.pbx.calls.fax.files import OLD, Incoming, Outgoing, fax_path
from asterism.pbx.calls.fax.session import FaxError
from asterism.pbx.dialplan.language.foreign import foreign
from fax_pages import assert_same, page, write_pages


def test_relative_names_are_below_the_folder_fax(tmp_path: Path) -> None:
    assert fax_path("a", tmp_path) == tmp_path / "fax" / "a.tif"
    assert fax_path("/x/a.tiff", tmp_path) == Path("/x/a.tiff")
    for name in ("../a.tif", "", "a\0b", foreign("/etc/a.tif"), foreign("../a.tif")):
        with pytest.raises(FaxError):
            fax_path(name, tmp_path)


def test_a_restricted_client_stays_below_it(tmp_path: Path) -> None:
    token = restriction.set(DANGEROUS_APPLICATIONS)
    try:
        with pytest.raises(FaxError, match="system"):
            fax_path("/etc/passwd", tmp_path)
    finally:
        restriction.reset(token)


def test_several_files_are_one_that_is_deleted(tmp_path: Path) -> None:
    one, two = page(20, 1), page(30, 2)
    outgoing = Outgoing([write_pages(tmp_path / "1.tif", one), write_pages(tmp_path / "2.tif", two)])
    outgoing.prepare()
    assert_same(outgoing.path, one, two)
    outgoing.finish()
    assert not outgoing.path.exists()
    single = Outgoing([tmp_path / "1.tif"])
    single.prepare()
    single.finish()
    assert (single.path, single.path.exists()) == (tmp_path / "1.tif", True)


def test_a_path_that_the_library_cannot_read(tmp_path: Path) -> None:
    """It would read the first 255 octets of it, and take another file."""
    folder = tmp_path / ("a" * 200) / ("b" * 100)
    folder.mkdir(parents=True)
    outgoing = Outgoing([write_pages(tmp_path / "1.tif", page(20)).rename(folder / "1.tif")])
    outgoing.prepare()
    assert len(str(outgoing.path)) < 255
    assert_same(outgoing.path, page(20))
    outgoing.finish()
    assert (folder / "1.tif").exists()
    incoming = Incoming(folder / "in.tif")
    with pytest.raises(FaxError, match="too long"):
        incoming.prepare()
    assert [path.name for path in folder.iterdir()] == ["1.tif"]


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    """A pipe would be read for ever, a device replaced by the fax."""
    pipe = tmp_path / "pipe.tif"
    os.mkfifo(pipe)
    for prepare in (Outgoing([pipe]).prepare, Incoming(pipe).prepare, Outgoing([Path("/dev/zero")]).prepare):
        with pytest.raises(FaxError) as found:
            prepare()
        assert found.value.code == "FILE_ERROR"
    assert list(tmp_path.iterdir()) == [pipe]
    assert pipe.is_fifo()


def test_what_is_no_fax_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.tif").write_text("hello")
    for paths in ([tmp_path / "none.tif"], [tmp_path / "text.tif"], [tmp_path / "text.tif"] * 2):
        outgoing = Outgoing(paths)
        with pytest.raises(FaxError) as found:
            outgoing.prepare()
        outgoing.finish()
        assert found.value.code == "FILE_ERROR"
    assert [path.name for path in tmp_path.iterdir()] == ["text.tif"]


@pytest.mark.parametrize("success", [True, False])
def test_what_is_received_takes_its_place_at_the_end(tmp_path: Path, success: bool) -> None:
    target = tmp_path / "sub" / "a.tif"
    target.parent.mkdir()
    target.write_bytes(b"old")
    incoming = Incoming(target)
    incoming.prepare()
    incoming.part.write_bytes(b"new")
    assert target.read_bytes() == b"old"
    kept = incoming.keep(success)
    assert kept.read_bytes() == b"new"
    assert (kept == target) is success
    assert target.read_bytes() == (b"new" if success else b"old")
    incoming.abandon()  # nothing to delete any more
    assert kept.read_bytes() == b"new"
    assert not incoming.part.exists()


def test_part_of_a_fax_takes_a_place_that_is_free(tmp_path: Path) -> None:
    incoming = Incoming(tmp_path / "a.tif")
    incoming.prepare()
    assert incoming.keep(False) == tmp_path / "a.tif"


def test_parts_of_several_faxes_never_meet(tmp_path: Path) -> None:
    """Whatever a server before left, which may have had the same number as a process."""
    target = tmp_path / "a.tif"
    for index in range(4):
        incoming = Incoming(target)
        incoming.prepare()
        incoming.part.write_text(str(index))
        incoming.keep(False)
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == ["0", "1", "2", "3"]
    assert target.read_text() == "0"


def test_pages_that_cannot_have_their_place_are_kept_beside_it(tmp_path: Path) -> None:
    incoming = Incoming(tmp_path / "a.tif")
    incoming.prepare()
    incoming.part.write_bytes(b"new")
    (tmp_path / "a.tif").mkdir()
    with pytest.raises(FaxError, match=r"a-\w+\.tif") as found:
        incoming.keep(True)
    assert found.value.code == "FILE_ERROR"
    assert incoming.kept is not None
    assert incoming.kept.read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(("a.tif", incoming.kept.name))


def test_pages_that_can_have_no_place_stay_where_they_are(tmp_path: Path) -> None:
    incoming = Incoming(tmp_path / f"{'a' * 250}.tif")  # nothing longer can be beside it
    incoming.prepare()
    incoming.part.write_bytes(b"new")
    incoming.path.mkdir()
    with pytest.raises(FaxError, match=r"\.part"):
        incoming.keep(True)
    incoming.abandon()
    assert incoming.kept == incoming.part
    assert incoming.part.read_bytes() == b"new"


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.tif").mkdir()
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "folder.tif", tmp_path / "file" / "a.tif"):
        incoming = Incoming(path)
        with pytest.raises(FaxError):
            incoming.prepare()
        incoming.abandon()
    assert not list(tmp_path.glob(".*"))
    incoming = Incoming(tmp_path / "a.tif")
    incoming.prepare()
    incoming.abandon()
    with pytest.raises(FaxError):
        incoming.keep(True)
    assert incoming.kept is None


_CRASHES = """
import os, sys
from pathlib import Path
from asterism.pbx.calls.fax.files import Incoming
for folder in sys.argv[1:]:
    incoming = Incoming(Path(folder) / "a.tif")
    incoming.prepare()
    print(incoming.part)
sys.stdout.flush()
os._exit(0)
"""


def test_what_a_server_left_that_crashed(tmp_path: Path) -> None:
    """What has pages is kept, what has none is deleted, and nothing else is touched."""
    folders = [tmp_path / name for name in ("pages", "nothing")]
    run = [sys.executable, "-c", _CRASHES, *map(str, folders)]
    parts = [Path(line) for line in subprocess.check_output(run, text=True).split()]
    write_pages(tmp_path / "1.tif", page(20, 1), page(30, 2)).rename(parts[0])
    for folder in folders:
        (folder / ".other.tif.part").write_text("another program's")
    for folder, part in zip(folders, parts, strict=True):
        young = Incoming(folder / "b.tif")
        assert young.prepare() == []  # they may have been made just now
        young.abandon()
        assert part.exists()
        working = Incoming(folder / "b.tif")  # a fax that comes, however slowly
        working.prepare()
        for each in (part, working.part):
            os.utime(each, (0, part.stat().st_mtime - OLD - 1))
        later = Incoming(folder / "b.tif")
        found = later.prepare()
        later.abandon()
        assert [path.name.startswith("recovered-") for path in found] == [True] * (folder is folders[0])
        for path in found:
            assert_same(path, page(20, 1), page(30, 2))
        assert sorted(folder.iterdir()) == sorted((folder / ".other.tif.part", working.part, *found))
        working.abandon()
