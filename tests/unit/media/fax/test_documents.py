"""TIFF files: counted, joined, and whatever is no TIFF refused."""

from __future__ import annotations

import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from asterism.media.fax import documents
from asterism.media.fax.documents import DocumentError, count_pages, end_after, join_documents, pages_written
from fax_pages import assert_same, one_page, page, write_pages


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


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (one_page(pixels=0xFFFFFFFF, t259=1), "wide"),  # libspandsp ends the process
        (one_page(pixels=0), "wide"),
        (one_page(rows=0x7FFFFFFF), "long"),  # it reads rows for ever
        (one_page(rows=0xFFFFFFFF), "long"),
        (one_page(rows=0), "long"),
        (one_page(t259=7), "compressed"),  # it sends an empty page and tells success
        (one_page(t259=34661), "compressed"),
        (one_page(t259=1), "fewer octets"),
        (one_page(t277=3), "black and white"),
        (one_page(u257=100), "twice"),  # libtiff takes the one, who has looked at it the other
    ],
)
def test_a_page_that_the_library_cannot_hold(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(DocumentError, match=words):
        count_pages(tmp_path / "a.tif")


def test_what_such_a_page_is_made_of_is_no_reason_by_itself(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(one_page())
    assert count_pages(tmp_path / "a.tif") == 1


@pytest.mark.parametrize("what", ["strips", "tags"])
def test_a_small_file_whose_parts_lie_on_one_another(tmp_path: Path, what: str) -> None:
    """One of 800 kB would become 40 GB in memory."""
    strips = 50_000
    size = 16 * strips
    if what == "strips":
        values = struct.pack("<I", 8) * strips + struct.pack("<I", 8 * strips) * strips
        tags = [(273, strips, 8), (279, strips, 8 + 4 * strips)]
    else:
        values = bytes(size)
        tags = [(273, 1, 8), (279, 1, 1), *((60_000 + index, size // 4, 8) for index in range(190))]
    tags += [(256, 1, 1728), (257, 1, 60), (258, 1, 1), (259, 1, 4)]
    entries = b"".join(struct.pack("<HHII", number, 4, count, place) for number, count, place in sorted(tags))
    page_of = struct.pack("<H", len(tags)) + entries
    data = b"II*\0" + struct.pack("<I", 8 + len(values)) + values
    for index in range(3):
        following = len(data) + len(page_of) + 4 if index < 2 else 0
        data += page_of + struct.pack("<I", following)
    (tmp_path / "a.tif").write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(DocumentError, match="more than"):
            count_pages(tmp_path / "a.tif")
        assert tracemalloc.get_traced_memory()[1] < 2 * documents.LARGEST
    finally:
        tracemalloc.stop()


def test_pages_that_are_written_so_far(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "a.tif", page(20), page(20), page(20))
    whole = path.read_bytes()
    assert pages_written(path) == 3
    path.write_bytes(swapped(write_pages(tmp_path / "b.tif", page(20)).read_bytes()))
    assert pages_written(path) == 1
    seen = set()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        seen.add(pages_written(path))
    assert {0, 1, 2} <= seen <= {0, 1, 2, 3}
    assert pages_written(tmp_path / "absent.tif") == 0
    circle = struct.pack("<H", 0) + struct.pack("<I", 8)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + circle)
    assert pages_written(path) == 2 * documents.MOST_PAGES
    path.write_bytes(whole)
    end_after(path, 2)
    assert pages_written(path) == count_pages(path) == 2
