"""The page that the demo faxes: a TIFF file with some words in large letters and patterns to look at closely."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from types import MappingProxyType

WIDTH, HEIGHT = 1728, 1143
"""A4 at 204 by 98 dots an inch."""
_GLYPHS: Mapping[str, tuple[int, ...]] = MappingProxyType({
    "A": (14, 17, 17, 31, 17, 17, 17), "D": (30, 17, 17, 17, 17, 17, 30), "E": (31, 16, 16, 30, 16, 16, 31),
    "F": (31, 16, 16, 30, 16, 16, 16), "H": (17, 17, 17, 31, 17, 17, 17), "I": (14, 4, 4, 4, 4, 4, 14),
    "M": (17, 27, 21, 21, 17, 17, 17), "O": (14, 17, 17, 17, 17, 17, 14), "R": (30, 17, 17, 30, 20, 18, 17),
    "S": (15, 16, 16, 14, 1, 1, 30), "T": (31, 4, 4, 4, 4, 4, 4), "X": (17, 17, 10, 4, 10, 17, 17),
    " ": (0, 0, 0, 0, 0, 0, 0),
})  # fmt: skip
"""Letters, five dots wide and seven high: a number for each row."""


class _Page:
    def __init__(self) -> None:
        self.rows = [bytearray(WIDTH) for _ in range(HEIGHT)]

    def fill(self, left: int, top: int, width: int, height: int) -> None:
        for row in self.rows[top : top + height]:
            row[left : left + width] = b"\1" * width

    def write(self, text: str, left: int, top: int, size: int) -> None:
        """Letters whose dots are ``size`` wide, and half as high: rows are twice as far apart as columns."""
        for number, letter in enumerate(text):
            for index, bits in enumerate(_GLYPHS[letter]):
                for column in range(5):
                    if bits >> (4 - column) & 1:
                        place = left + (number * 6 + column) * size
                        self.fill(place, top + index * size // 2, size, size // 2)


def _pack(row: bytearray) -> bytes:
    """Eight dots an octet, black is 1."""
    return int(row.translate(bytes.maketrans(b"\0\1", b"01")), 2).to_bytes(WIDTH // 8, "big")


def sample_page() -> bytes:
    """The file."""
    page = _Page()
    for left, top, width, height in (
        (80, 40, WIDTH - 160, 6), (80, HEIGHT - 46, WIDTH - 160, 6), (80, 40, 10, HEIGHT - 80),
        (WIDTH - 90, 40, 10, HEIGHT - 80),
    ):  # fmt: skip
        page.fill(left, top, width, height)
    page.write("ASTERISM", 260, 140, 24)
    page.write("A FAX FROM THE DEMO", 290, 300, 10)
    for step in range(16):  # lines ever closer
        page.fill(260 + step * (step + 60), 450, 24 - step, 120)
    for row in range(20):  # a chessboard
        for column in range(40):
            if (row + column) % 2:
                page.fill(260 + column * 30, 640 + row * 15, 30, 15)
    return _tiff(b"".join(_pack(row) for row in page.rows))


def _tiff(dots: bytes) -> bytes:
    """A little-endian TIFF file with one page in one strip, deflated."""
    strip = zlib.compress(dots, 9)
    strip += bytes(len(strip) & 1)
    place = 8
    fractions = place + len(strip)
    tags = (
        (254, 4, 1, 2), (256, 4, 1, WIDTH), (257, 4, 1, HEIGHT), (258, 3, 1, 1), (259, 3, 1, 8), (262, 3, 1, 0),
        (266, 3, 1, 1), (273, 4, 1, place), (277, 3, 1, 1), (278, 4, 1, HEIGHT), (279, 4, 1, len(strip)),
        (282, 5, 1, fractions), (283, 5, 1, fractions + 8), (296, 3, 1, 2), (297, 3, 2, 1 << 16),
    )  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    header = b"II*\0" + struct.pack("<I", fractions + 16)
    return header + strip + struct.pack("<IIII", 204, 1, 98, 1) + struct.pack("<H", len(tags)) + entries + bytes(4)
