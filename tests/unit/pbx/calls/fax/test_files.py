"""Files of faxes: bounded to their folder, nothing half-done in the place of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from asterism.core.restriction import DANGEROUS_APPLICATIONS, restriction
from asterism.pbx.calls.fax.files import Incoming, Outgoing, fax_path
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
    assert outgoing.pages == 2
    assert_same(outgoing.path, one, two)
    outgoing.finish()
    assert not outgoing.path.exists()
    single = Outgoing([tmp_path / "1.tif"])
    single.prepare()
    single.finish()
    assert (single.path, single.pages, single.path.exists()) == (tmp_path / "1.tif", 1, True)


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
    incoming = Incoming(target, 7)
    incoming.prepare()
    incoming.part.write_bytes(b"new")
    assert target.read_bytes() == b"old"
    kept = incoming.keep(success)
    assert kept.read_bytes() == b"new"
    assert (kept == target) is success
    assert target.read_bytes() == (b"new" if success else b"old")
    assert not incoming.part.exists()


def test_part_of_a_fax_takes_a_place_that_is_free(tmp_path: Path) -> None:
    incoming = Incoming(tmp_path / "a.tif", 7)
    incoming.prepare()
    assert incoming.keep(False) == tmp_path / "a.tif"


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.tif").mkdir()
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "folder.tif", tmp_path / "file" / "a.tif"):
        with pytest.raises(FaxError):
            Incoming(path, 1).prepare()
    assert not list(tmp_path.glob(".*"))
    incoming = Incoming(tmp_path / "a.tif", 1)
    incoming.prepare()
    incoming.abandon()
    with pytest.raises(FaxError):
        incoming.keep(True)
