"""TIFF files: counted, joined, and whatever is no TIFF refused."""

from __future__ import annotations

import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from asterism.media.fax import documents
from asterism.media.fax.documents import DocumentError, count_pages, join_documents
from fax_pages import assert_same, page, write_pages


def test_pages_of_several_files_in_order(tmp_path: Path) -> None:
    pages = [page(20 + seed, seed) for seed in range(5)]
    files = [
        write_pages(tmp_path / "a.tif", *pages[:2]),
        write_pages(tmp_path / "b.tif", pages[2]),
        write_pages(tmp_path / "c.tif", *pages[3:]),
    ]
    assert [count_pages(path) for path in files] == [2, 1, 2]
    assert join_documents(files, tmp_path / "all.tif") == count_pages(tmp_path / "all.tif") == 5
    assert_same(tmp_path / "all.tif", *pages)
    with Image.open(tmp_path / "all.tif") as image:
        assert image.info["dpi"] == (204, 98)


@pytest.mark.parametrize("compression", ["group3", "group4", "raw"])
def test_big_endian_ones_and_other_compressions(tmp_path: Path, compression: str) -> None:
    one = page(40)
    path = tmp_path / "a.tif"
    one.save(path, compression=compression, dpi=(204, 196))
    path.write_bytes(swapped(path.read_bytes()))
    assert path.read_bytes()[:2] == b"MM"
    join_documents([path, path], tmp_path / "all.tif")
    assert_same(tmp_path / "all.tif", one, one)


def swapped(data: bytes) -> bytes:
    """A little-endian file with one page as a big-endian one."""
    out = bytearray(data)
    (at,) = struct.unpack_from("<I", data, 4)
    out[:8] = b"MM\0*" + struct.pack(">I", at)
    (count,) = struct.unpack_from("<H", data, at)
    struct.pack_into(">H", out, at, count)
    for index in range(count):
        place = at + 2 + 12 * index
        number, kind, values = struct.unpack_from("<HHI", data, place)
        struct.pack_into(">HHI", out, place, number, kind, values)
        size = documents._SIZES[kind] * values
        where = place + 8
        if size > 4:
            (where,) = struct.unpack_from("<I", data, place + 8)
            struct.pack_into(">I", out, place + 8, where)
        unit = documents._UNITS[kind]
        for step in range(where, where + size, unit):
            out[step : step + unit] = data[step : step + unit][::-1]
    (link,) = struct.unpack_from("<I", data, at + 2 + 12 * count)
    struct.pack_into(">I", out, at + 2 + 12 * count, link)
    return bytes(out)


def test_what_is_no_fax(tmp_path: Path) -> None:
    colour = tmp_path / "colour.tif"
    Image.new("RGB", (20, 20)).save(colour)
    circle = write_pages(tmp_path / "circle.tif", page(20))
    data = bytearray(circle.read_bytes())
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<I", data, at + 2 + 12 * count, at)
    circle.write_bytes(data)
    (tmp_path / "empty.tif").write_bytes(b"")
    (tmp_path / "none.tif").write_bytes(b"II*\0\0\0\0\0")
    for name, words in (
        ("colour.tif", "black and white"), ("circle.tif", "circle"), ("empty.tif", "begin"), ("none.tif", "no page"),
        ("absent.tif", "cannot be read"),
    ):  # fmt: skip
        with pytest.raises(DocumentError, match=words):
            count_pages(tmp_path / name)


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_pages(tmp_path / "a.tif", page(20), page(20))
    monkeypatch.setattr(documents, "MOST_PAGES", 3)
    with pytest.raises(DocumentError, match="more than 3 pages"):
        join_documents([path, path], tmp_path / "all.tif")
    monkeypatch.setattr(documents, "LARGEST", 10)
    with pytest.raises(DocumentError, match="larger"):
        count_pages(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 600), st.binary(min_size=1, max_size=4))
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, place: int, damage: bytes) -> None:
    path = tmp_path / "whole.tif"
    if not path.exists():
        write_pages(path, page(20), page(20))
    data = bytearray(path.read_bytes())
    place %= len(data)
    data[place : place + len(damage)] = damage
    broken = tmp_path / "broken.tif"
    broken.write_bytes(data)
    with suppress(DocumentError):
        count_pages(broken)


def test_files_that_are_too_large_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_pages(tmp_path / "a.tif", page(100))
    monkeypatch.setattr(documents, "LARGEST", 2 * path.stat().st_size)
    join_documents([path], tmp_path / "all.tif")
    with pytest.raises(DocumentError, match="more than"):
        join_documents([path] * 3, tmp_path / "more.tif")
    assert not (tmp_path / "more.tif").exists()
