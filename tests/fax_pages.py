"""Pages of faxes that tests make, and compare dot by dot with what was received."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from PIL import Image

WIDTH = 1728


def page(height: int = 60, seed: int = 1) -> Image.Image:
    """A page of A4's width with spots all over."""
    spots = random.Random(seed)
    image = Image.new("1", (WIDTH, height), 1)
    for _ in range(height * 4):
        left, top = spots.randrange(WIDTH - 30), spots.randrange(height)
        image.paste(0, (left, top, left + spots.randrange(1, 30), top + 1))
    return image


def write_pages(path: Path, *pages: Image.Image) -> Path:
    """A TIFF file as a fax has it."""
    pages[0].save(path, compression="group4", dpi=(204, 98), save_all=True, append_images=pages[1:])
    return path


def read_pages(path: Path) -> list[Image.Image]:
    """The pages of a file."""
    found = []
    with Image.open(path) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            found.append(image.convert("1").copy())
    return found


def assert_same(path: Path, *pages: Image.Image) -> None:
    """A file has exactly these pages, dot by dot."""
    found = read_pages(path)
    assert [one.size for one in found] == [one.size for one in pages]
    assert [one.tobytes() for one in found] == [one.tobytes() for one in pages]


def one_page(data: bytes = b"\xff" * 100, pixels: int = 1728, rows: int = 60, **more: int) -> bytes:
    """A file with one page of T.6; ``t259`` in ``more`` sets the tag 259, ``u259`` is one more of that number."""
    after = 8 + len(data) + 16
    tags = {
        256: pixels, 257: rows, 258: 1, 259: 4, 262: 0, 273: 8, 278: rows, 279: len(data),
        282: after - 16, 283: after - 8, 296: 2,
    }  # fmt: skip
    tags |= {int(name[1:]): value for name, value in more.items() if name[0] == "t"}
    again = ((int(name[1:]), value) for name, value in more.items() if name[0] == "u")
    entries = sorted((*tags.items(), *again))
    written = b"".join(
        struct.pack("<HHII", number, 5 if number in (282, 283) else 4, 1, value) for number, value in entries
    )
    resolution = struct.pack("<IIII", 204, 1, 98, 1)
    head = b"II*\0" + struct.pack("<I", after) + data + resolution
    return head + struct.pack("<H", len(entries)) + written + bytes(4)
