"""Parts of files, by octets and by lines."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from asterism.pbx.dialplan.functions import textfiles
from asterism.pbx.dialplan.functions.textfiles import Part
from asterism.pbx.dialplan.language.foreign import foreign, joined
from asterism.pbx.vocabulary.flow import FunctionError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\ntwo\nthree\nfour\n")
    return path


@pytest.mark.parametrize(
    ("offset", "length", "found"),
    [(0, 3, b"one"), (4, 3, b"two"), (-5, None, b"four\n"), (0, -15, b"one\n"), (100, 3, b""), (-100, 3, b"one")],
)
def test_octets_are_read(file: Path, offset: int, length: int | None, found: bytes) -> None:
    assert textfiles.read(str(file), Part(offset, length, whole=False)) == found


@pytest.mark.parametrize(
    ("offset", "length", "found"),
    [(0, 1, b"one\n"), (2, 1, b"three\n"), (-1, None, b"four\n"), (1, -1, b"two\nthree\n"), (9, 1, b"")],
)
def test_lines_are_read_with_their_ends(file: Path, offset: int, length: int | None, found: bytes) -> None:
    assert textfiles.read(str(file), Part(offset, length, lines=True, whole=False)) == found


@pytest.mark.parametrize(
    ("part", "found"),
    [
        (Part(), b"X"),
        (Part(append=True), b"one\ntwo\nthree\nfour\nX"),
        (Part(append=True, lines=True), b"one\ntwo\nthree\nfour\nX\n"),
        (Part(0, 1, whole=False), b"Xne\ntwo\nthree\nfour\n"),
        (Part(4, whole=False), b"one\nX"),
        (Part(4, 0, whole=False), b"one\nXtwo\nthree\nfour\n"),
        (Part(1, 1, lines=True, whole=False), b"one\nX\nthree\nfour\n"),
        (Part(1, 2, lines=True, bare=True, whole=False), b"one\nXfour\n"),
        (Part(-1, None, lines=True, whole=False), b"one\ntwo\nthree\nX\n"),
        (Part(0, 0, lines=True, end=b"\r\n", whole=False), b"X\r\none\ntwo\nthree\nfour\n"),
    ],
)
def test_parts_are_written(file: Path, part: Part, found: bytes) -> None:
    textfiles.write(str(file), part, b"X")
    assert file.read_bytes() == found


def test_a_file_is_made(tmp_path: Path) -> None:
    textfiles.write(str(tmp_path / "new"), Part(3, 1, whole=False), b"X")
    assert (tmp_path / "new").read_bytes() == b"X"


@pytest.mark.parametrize(
    ("data", "form", "lines"),
    [(b"a\nb\n", "u", 2), (b"a\r\nb", "d", 2), (b"a\rb\r", "m", 2), (b"", "x", 0), (b"a", "x", 1)],
)
def test_what_ends_lines_is_found_out(file: Path, data: bytes, form: str, lines: int) -> None:
    file.write_bytes(data)
    assert textfiles.format_of(str(file)) == form
    assert textfiles.count(str(file), None) == lines


def test_what_is_no_file_is_neither_read_nor_written_and_nobody_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name in (str(tmp_path / "fifo"), "/dev/zero", str(tmp_path)):
        with pytest.raises((FunctionError, OSError)):
            textfiles.read(name, Part())
        with pytest.raises((FunctionError, OSError)):
            textfiles.write(name, Part(), b"x")
    with pytest.raises(FunctionError, match="no regular file"):
        textfiles.count("/dev/zero", None)


def test_a_large_file_is_read_by_octets_only(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as made:
        made.truncate(textfiles.MAX_FILE + 1)
    assert len(textfiles.read(str(path), Part())) == textfiles.MAX_READ
    assert len(textfiles.read(str(path), Part(-5, whole=False))) == 5
    for work in (
        lambda: textfiles.count(str(path), None),
        lambda: textfiles.write(str(path), Part(1, whole=False), b""),
    ):
        with pytest.raises(FunctionError, match="larger"):
            work()
    textfiles.write(str(path), Part(append=True), b"x")
    assert path.stat().st_size == textfiles.MAX_FILE + 2


def test_text_from_outside_chooses_no_folder() -> None:
    assert textfiles.path_of(" /etc/hosts ") == "/etc/hosts"
    assert textfiles.path_of(joined(["/var/x/", foreign("a/b")])) == "/var/x/a/b"
    for wrong in ("", "a\0b", foreign("/etc/passwd"), joined(["/var/x/", foreign("../../etc/passwd")])):
        with pytest.raises(FunctionError):
            textfiles.path_of(wrong)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("last", [b"", b"rest"])
def test_lines_are_found_across_pieces(
    tmp_path: Path, end: bytes, last: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    lines = [b"x" * (n % 5) + end for n in range(40)] + ([last] if last else [])
    path.write_bytes(b"".join(lines))
    for piece in (1, 2, 3, 7, 64):
        monkeypatch.setattr(textfiles, "_PIECE", piece)
        assert textfiles.count(str(path), None) == len(lines)
        for offset in range(0, 43, 3):
            for length in (0, 1, 5, None, -3):
                start, stop = Part(offset, length, lines=True, whole=False).limits(len(lines))
                found = textfiles.read(str(path), Part(offset, length, lines=True, whole=False))
                assert found == b"".join(lines[start:stop])


def test_lines_of_a_file_cost_no_object_each(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\n" * 4_000_000)
    part = Part(3_999_990, None, lines=True, whole=False)
    tracemalloc.start()
    try:
        assert textfiles.count(str(path), None) == 4_000_000
        assert textfiles.read(str(path), part) == b"\n" * 10
        textfiles.write(str(path), part, b"end")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert path.read_bytes()[-5:] == b"\nend\n"
