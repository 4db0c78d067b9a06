"""TIFF files of faxes: how many pages they have, and several of them as one.

Nothing is decoded: pages are copied as they are stored. libspandsp reads what it sends by libtiff; a file is looked at
here before, so that one that is no TIFF is refused with a reason.
"""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from asterism.core.errors import AsterismError

MOST_PAGES = 1000
"""Pages of one document."""
LARGEST = 256 * 1024 * 1024
"""Octets of one file."""
MOST_ROWS = 65_535
"""Rows of one page: 17 metres of it at 98 rows an inch, four at 391."""
_WIDEST = 4864
"""Pixels of the widest page: A3 with 16 of them a millimetre."""
_MOST_TAGS = 200
_LARGEST_TAG = 1024 * 1024
"""Octets of one tag: places of strips, one for each row at most, are no more than a quarter of it."""
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Octets of a value, by TIFF's number of its type."""
_UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8}
"""The same of what changes its order of octets by itself: a fraction is two numbers."""
_WIDTH, _ROWS, _BITS, _COMPRESSION = 256, 257, 258, 259
_STRIPS, _COLOURS, _STRIP_SIZES, _PAGE, _TILES = 273, 277, 279, 297, 322
_PLAIN = 1
_COMPRESSIONS = frozenset({_PLAIN, 2, 3, 4, 5, 8, 32773, 32946})
"""None, those of T.4 and T.6, LZW, PackBits, Deflate by both its numbers: of others libspandsp sends empty pages."""
_POINTERS = frozenset({330, 34665, 34853, 288, 289, 400})
"""Tags that point to other places of a file, which are not copied."""


class DocumentError(AsterismError):
    """A file is no TIFF that can be sent; the text says why."""


class _Tag(NamedTuple):
    kind: int
    values: int
    data: bytes
    """The values in little endian."""


class _Page(NamedTuple):
    tags: dict[int, _Tag]
    strips: list[bytes]


def count_pages(path: Path) -> int:
    """The number of pages of a file. It blocks.

    Raises:
        DocumentError: it cannot be read, or is no TIFF of black and white pages.
    """
    return len(_read(path))


def pages_written(path: Path) -> int:
    """The number of whole pages that the library has written so far; little of the file is read. It blocks for that.

    A page is written before its directory.
    """
    try:
        with path.open("rb") as file:
            return sum(1 for _ in _links(file))
    except OSError:
        return 0


def end_after(path: Path, pages: int) -> None:
    """End a file after so many pages: what the library could not write may be linked all the same. It blocks.

    Raises:
        OSError: it cannot be changed.
    """
    with path.open("r+b") as file:
        link = next(islice(_links(file), pages - 1, None))
        file.seek(link)
        file.write(bytes(4))


def _links(file: BinaryIO) -> Iterator[int]:
    """For each directory that is whole the place where it has that of the next one."""
    with suppress(struct.error):
        order = {b"II": "<", b"MM": ">"}.get(file.read(4)[:2], "<")
        (at,) = struct.unpack(order + "I", file.read(4))
        for _ in range(2 * MOST_PAGES):
            if not at:
                return
            file.seek(at)
            (count,) = struct.unpack(order + "H", file.read(2))
            (following,) = struct.unpack(order + "I", file.read(12 * count + 4)[12 * count :])
            yield at + 2 + 12 * count
            at = following


def join_documents(paths: Sequence[Path], target: Path) -> int:
    """Write all pages of several files to a new one, in their order; how many these are. It blocks.

    Raises:
        DocumentError: one of them cannot be read, or the new one not be written.
    """
    pages: list[_Page] = []
    size = 0
    for path in paths:
        found = _read(path)
        pages += found
        size += sum(len(strip) for page in found for strip in page.strips)
        if len(pages) > MOST_PAGES or size > LARGEST:
            raise DocumentError(f"more than {MOST_PAGES} pages, or {LARGEST} octets of them")
    try:
        target.write_bytes(_written(pages))
    except OSError as error:
        raise DocumentError(f"{target} cannot be written: {error.strerror}") from error
    return len(pages)


def _read(path: Path) -> list[_Page]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DocumentError(f"{path} is no file")
        if status.st_size > LARGEST:
            raise DocumentError(f"{path} is larger than {LARGEST} octets")
        data = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return _parse(data)
    except (struct.error, ValueError) as error:
        raise DocumentError(f"{path} is no TIFF file of black and white pages: {error}") from error


def _parse(data: bytes) -> list[_Page]:
    """The pages in a file's octets; raises ``ValueError`` and ``struct.error``."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        raise ValueError("it does not begin as one")
    pages: list[_Page] = []
    seen: set[int] = set()
    room = LARGEST
    (at,) = struct.unpack_from(order + "I", data, 4)
    while at:
        if at in seen or len(pages) >= MOST_PAGES:
            raise ValueError("it goes around in a circle" if at in seen else f"it has more than {MOST_PAGES} pages")
        seen.add(at)
        (count,) = struct.unpack_from(order + "H", data, at)
        if not 0 < count <= _MOST_TAGS:
            raise ValueError(f"a page has {count} tags")
        tags = dict(_tag(data, order, at + 2 + 12 * index) for index in range(count))
        if len(tags) < count:
            raise ValueError("a page has a tag twice")
        (at,) = struct.unpack_from(order + "I", data, at + 2 + 12 * count)
        room -= sum(len(tag.data) for tag in tags.values())
        pages.append(_page(data, tags, room))
        room -= sum(map(len, pages[-1].strips))
    if not pages:
        raise ValueError("it has no page")
    return pages


def _tag(data: bytes, order: str, at: int) -> tuple[int, _Tag]:
    number, kind, count = struct.unpack_from(order + "HHI", data, at)
    if kind not in _SIZES:
        raise ValueError(f"tag {number} is of the unknown type {kind}")
    size = _SIZES[kind] * count
    if size > _LARGEST_TAG:
        raise ValueError(f"tag {number} has {size} octets")
    place = at + 8
    if size > 4:
        (place,) = struct.unpack_from(order + "I", data, at + 8)
    found = data[place : place + size]
    if len(found) < size:
        raise ValueError(f"tag {number} reaches beyond the file's end")
    unit = _UNITS[kind]
    if order == ">" and unit > 1:
        found = b"".join(found[index : index + unit][::-1] for index in range(0, size, unit))
    return number, _Tag(kind, count, found)


def _numbers(tag: _Tag) -> list[int]:
    if tag.kind not in (3, 4):
        raise ValueError("a place is no number")
    return list(struct.unpack(f"<{tag.values}{'H' if tag.kind == 3 else 'I'}", tag.data))


def _number(tags: dict[int, _Tag], number: int, usual: int) -> int:
    """The value of a tag that has one."""
    found = _numbers(tags[number]) if number in tags else [usual]
    if len(found) != 1:
        raise ValueError(f"tag {number} has {len(found)} values")
    return found[0]


def _check_form(tags: dict[int, _Tag], octets: int) -> None:
    """See that the library can hold the page and read it; it is trusted with no other numbers."""
    width, rows = _number(tags, _WIDTH, 0), _number(tags, _ROWS, 0)
    if not 0 < width <= _WIDEST or not 0 < rows <= MOST_ROWS:
        raise ValueError(f"a page is {width} pixels wide, {rows} long; {_WIDEST} and {MOST_ROWS} are the most")
    if _number(tags, _BITS, 1) != 1 or _number(tags, _COLOURS, 1) != 1:
        raise ValueError("a page is not black and white")
    compression = _number(tags, _COMPRESSION, _PLAIN)
    if compression not in _COMPRESSIONS:
        raise ValueError(f"a page is compressed in a way that no fax is: {compression}")
    if compression == _PLAIN and octets < (width + 7) // 8 * rows:
        raise ValueError("a page has fewer octets than pixels")


def _page(data: bytes, tags: dict[int, _Tag], room: int) -> _Page:
    """A page, whose strips have at most ``room`` octets: they may lie on one another."""
    if _TILES in tags or _STRIPS not in tags or _STRIP_SIZES not in tags:
        raise ValueError("a page is not made of strips")
    places, sizes = _numbers(tags[_STRIPS]), _numbers(tags[_STRIP_SIZES])
    if len(places) != len(sizes):
        raise ValueError("a page has strips without size")
    _check_form(tags, sum(sizes))
    if sum(sizes) > room:
        raise ValueError(f"its pages have more than {LARGEST} octets")
    strips = [data[place : place + size] for place, size in zip(places, sizes, strict=True)]
    if any(len(strip) < size for strip, size in zip(strips, sizes, strict=True)):
        raise ValueError("a page reaches beyond the file's end")
    return _Page(tags, strips)


def _written(pages: Sequence[_Page]) -> bytes:
    """A little-endian file with these pages."""
    out = bytearray(b"II*\0\0\0\0\0")
    link = 4
    for index, page in enumerate(pages):
        places: list[int] = []
        for strip in page.strips:
            places.append(len(out))
            out += strip + bytes(len(strip) & 1)
        count = len(places)
        tags = {number: tag for number, tag in page.tags.items() if number not in _POINTERS}
        tags[_STRIPS] = _Tag(4, count, struct.pack(f"<{count}I", *places))
        tags[_STRIP_SIZES] = _Tag(4, count, struct.pack(f"<{count}I", *map(len, page.strips)))
        tags[_PAGE] = _Tag(3, 2, struct.pack("<HH", index, len(pages)))
        entries = bytearray()
        for number, tag in sorted(tags.items()):
            value = tag.data.ljust(4, b"\0")
            if len(value) > 4:
                value = struct.pack("<I", len(out))
                out += tag.data + bytes(len(tag.data) & 1)
            entries += struct.pack("<HHI", number, tag.kind, tag.values) + value
        struct.pack_into("<I", out, link, len(out))
        out += struct.pack("<H", len(tags)) + entries
        link = len(out)
        out += bytes(4)
    return bytes(out)
