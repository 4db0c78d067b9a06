"""Opening files, and parts of them."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from asterism.media.formats import GSM, ULAW
from asterism.media.soundfiles import SoundError
from asterism.media.soundfiles.contents import coded, fixed_run, length_of, open_regular


def test_a_file_that_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, why in (
        (tmp_path / "pipe", "is not a regular file"),
        (Path("/dev/zero"), "is not a regular file"),
        (tmp_path, "is not a regular file"),
        (tmp_path / "gone", "No such file"),
    ):
        with pytest.raises(SoundError, match=why):
            open_regular(path)
    (tmp_path / "file").write_bytes(b"abc")
    with open_regular(tmp_path / "file") as file:
        assert (length_of(file), file.seek(0), file.read()) == (3, 0, b"abc")


def test_pieces_of_a_part_while_others_read() -> None:
    file = io.BytesIO(b"headABCDEFGHtail")
    one, two = fixed_run(file, 4, 8, 3, 0), fixed_run(file, 4, 8, 3, 6)
    assert next(one) == b"ABC"
    assert list(two) == [b"GH"]
    assert list(one) == [b"DEF", b"GH"]
    assert list(fixed_run(file, 4, 100, 8, 0)) == [b"ABCDEFGH", b"tail"]


def test_frames_of_a_codec() -> None:
    told: list[str] = []
    contents = coded(io.BytesIO(bytes(330) + b"rest"), GSM, told.append)
    assert (contents.seconds, told) == (pytest.approx(0.2), ["ends in the middle of a frame"])
    assert [len(one) for one in contents.run(0.1).payloads] == [33] * 5
    contents = coded(io.BytesIO(b"head" + bytes(1601)), ULAW, told.append, 4)
    assert [len(one) for one in contents.run(0).payloads] == [800, 800, 1]
    assert len(told) == 1
