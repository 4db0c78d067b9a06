"""AU files."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest

from asterism.media import g711
from asterism.media.formats import SLIN, ULAW
from asterism.media.soundfiles import SoundError
from asterism.media.soundfiles.kinds.au import KINDS
from asterism.media.translate import swap_bytes
from soundfile_kit import tone, whole


def write(path: Path, encoding: int, data: bytes, rate: int = 8000, channels: int = 1, size: int | None = None) -> Path:
    claimed = len(data) if size is None else size
    path.write_bytes(struct.pack(">4sIIIII", b".snd", 28, claimed, encoding, rate, channels) + b"text" + data)
    return path


def test_linear(tmp_path: Path) -> None:
    assert whole(write(tmp_path / "x.au", 3, swap_bytes(tone())))[1] == tone()


@pytest.mark.parametrize("size", [8000, 0xFFFFFFFF])
def test_ulaw_as_it_is(tmp_path: Path, size: int) -> None:
    data = g711.linear_to_ulaw(tone())
    told: list[str] = []
    sound, heard = whole(write(tmp_path / "x.au", 1, data, size=size), ULAW, told.append)
    assert (sound.format, heard, told) == (ULAW, data, [])


def test_other_rates(tmp_path: Path) -> None:
    sound, _ = whole(write(tmp_path / "x.au", 27, g711.linear_to_alaw(tone(440, 16000)), 16000))
    assert (sound.format, sound.seconds) == (SLIN, 1)


def test_more_is_claimed_than_there_is(tmp_path: Path) -> None:
    told: list[str] = []
    assert len(whole(write(tmp_path / "x.au", 3, bytes(320), size=1 << 31), SLIN, told.append)[1]) == 320
    assert "claims 2147483648 bytes" in told[0]


@pytest.mark.parametrize(("encoding", "why"), [(2, "the encoding 2")])
def test_what_is_not_read_is_told(tmp_path: Path, encoding: int, why: str) -> None:
    with pytest.raises(SoundError, match=why):
        whole(write(tmp_path / "x.au", encoding, bytes(100)))
    (tmp_path / "y.au").write_bytes(b".snd")
    with pytest.raises(SoundError, match="is no AU file"):
        whole(tmp_path / "y.au")


def test_what_is_written_tells_its_size() -> None:
    growth = KINDS[0].grow(1)
    head = growth.head(160)
    assert struct.unpack(">4sIIIII", head) == (b".snd", 24, 160, 1, 8000, 1)
    assert growth.resume(io.BytesIO(head + bytes(160))) == 160
