"""WAV files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asterism.media import g711
from asterism.media.formats import ALAW, GSM, SLIN, SLIN48, ULAW
from asterism.media.soundfiles import SoundError
from asterism.media.soundfiles.kinds.wav import RATES, pack_block, unpack_block
from asterism.testing.tone import level
from soundfile_kit import level_at, tone, whole, write_riff, write_wav


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_rate_is_heard_as_it_was(tmp_path: Path, rate: int, channels: int) -> None:
    data = np.repeat(np.frombuffer(tone(440, rate), "<i2"), channels).tobytes()
    sound, heard = whole(write_wav(tmp_path / "x.wav", data, rate, channels))
    assert sound.seconds == pytest.approx(1)
    assert len(heard) == pytest.approx(16000, abs=320)
    assert level(heard[1600:], 440) > 0.9


def test_a_band_that_the_listener_has_is_kept(tmp_path: Path) -> None:
    sound, heard = whole(write_wav(tmp_path / "x.wav", tone(9000, 48000), 48000), SLIN48)
    assert sound.format is SLIN48
    assert level_at(heard, 9000, rate=48000) > 0.9


def _wide(width: int) -> bytes:
    samples = np.frombuffer(tone(), "<i2").astype(np.int64)
    if width == 1:
        return bytes(((samples >> 8) + 128).astype(np.uint8).tobytes())
    return b"".join(int(one << 8 * (width - 2)).to_bytes(width, "little", signed=True) for one in samples)


@pytest.mark.parametrize(
    ("tag", "bits", "data"),
    [
        (1, 8, _wide(1)),
        (1, 24, _wide(3)),
        (1, 32, _wide(4)),
        (3, 32, (np.frombuffer(tone(), "<i2").astype("<f4") / 32768).tobytes()),
        (6, 8, g711.linear_to_alaw(tone())),
        (7, 8, g711.linear_to_ulaw(tone())),
    ],
)
def test_every_kind_of_sample(tmp_path: Path, tag: int, bits: int, data: bytes) -> None:
    _, heard = whole(write_riff(tmp_path / "x.wav", tag, bits, data))
    assert np.max(np.abs(np.frombuffer(heard, "<i2") / 8000 - np.frombuffer(tone(), "<i2") / 8000)) < 0.06


def test_numbers_that_are_none(tmp_path: Path) -> None:
    data = np.array([np.nan, np.inf, -np.inf, 5.0] * 40, "<f4").tobytes()
    _, heard = whole(write_riff(tmp_path / "x.wav", 3, 32, data))
    assert np.frombuffer(heard, "<i2")[:4].tolist() == [0, 32767, -32767, 32767]


def test_g711_is_passed_as_it_is(tmp_path: Path) -> None:
    for tag, fmt in ((6, ALAW), (7, ULAW)):
        sound, heard = whole(write_riff(tmp_path / f"{tag}.wav", tag, 8, b"\x01\x02" * 160), fmt)
        assert (sound.format, heard) == (fmt, b"\x01\x02" * 160)


def test_an_extensible_header(tmp_path: Path) -> None:
    head = struct.pack("<HHIIHHHHIH", 0xFFFE, 1, 8000, 16000, 2, 16, 22, 16, 4, 1) + bytes(14)
    chunks = b"LIST" + struct.pack("<I", 3) + b"abc\0" + b"fmt " + struct.pack("<I", 40) + head
    body = b"WAVE" + chunks + b"data" + struct.pack("<I", 320) + b"\x01\x10" * 160
    (tmp_path / "x.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert whole(tmp_path / "x.wav")[1] == b"\x01\x10" * 160


@pytest.mark.parametrize("claimed", [0xFFFFFFFF, 0xFFFFFFF0, 1000])
def test_more_is_claimed_than_there_is(tmp_path: Path, claimed: int) -> None:
    path = write_wav(tmp_path / "x.wav", b"\x01\x10" * 160)
    data = bytearray(path.read_bytes())
    data[40:44] = claimed.to_bytes(4, "little")
    path.write_bytes(data)
    told: list[str] = []
    sound, heard = whole(path, SLIN, told.append)
    assert heard == b"\x01\x10" * 160
    assert sound.seconds == pytest.approx(0.02)
    assert told == [f"{path}: claims {claimed} bytes of sound and has 320, which are played"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no WAV file"),
        (b"RIFF no sound", "is no WAV file"),
        (b"RIFF\0\0\0\0WAVE", "without sound"),
        (b"RIFF\0\0\0\0WAVEdata\x10\0\0\0" + bytes(16), "without sound"),
        (b"RIFF\0\0\0\0WAVE" + bytes(8) * 100_000, "without sound"),
    ],
)
def test_what_is_none(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(SoundError, match=rf"x\.wav.*{why}"):
        whole(tmp_path / "x.wav")


@pytest.mark.parametrize(
    ("tag", "bits", "rate", "channels", "why"),
    [
        (1, 16, 8001, 1, "8001 Hz"),
        (1, 16, 8000, 9, "9 channels"),
        (1, 16, 8000, 0, "0 channels"),
        (1, 12, 8000, 1, "samples of 12 bits"),
        (0x11, 4, 8000, 1, "IMA ADPCM"),
        (0x1234, 4, 8000, 1, "0x1234"),
    ],
)
def test_what_is_not_read_is_told(tmp_path: Path, tag: int, bits: int, rate: int, channels: int, why: str) -> None:
    with pytest.raises(SoundError, match=why):
        whole(write_riff(tmp_path / "x.wav", tag, bits, bytes(640), rate, channels))


def _gsm_blocks() -> Iterator[bytes]:
    generator = np.random.default_rng(5)
    for _ in range(20):
        yield generator.bytes(65)


def test_gsm_as_microsoft_packs_it_is_that_of_others() -> None:
    import av

    def decoded(codec: str, payloads: list[bytes]) -> bytes:
        context: Any = av.CodecContext.create(codec, "r")
        context.sample_rate = 8000
        context.layout = "mono"
        frames = (frame for payload in payloads for frame in context.decode(av.Packet(payload)))
        return b"".join(bytes(frame.planes[0])[: 2 * frame.samples] for frame in frames)

    blocks = list(_gsm_blocks())
    ours = [frame for block in blocks for frame in unpack_block(block)]
    theirs = decoded("gsm_ms", blocks)
    assert len(theirs) == 2 * 320 * len(blocks)
    assert decoded("gsm", ours) == theirs


def test_a_file_of_gsm_gives_its_frames(tmp_path: Path) -> None:
    blocks = b"".join(_gsm_blocks())
    path = write_riff(tmp_path / "x.WAV", 0x31, 0, blocks + b"more")
    told: list[str] = []
    sound, frames = whole(path, GSM, told.append)
    assert (sound.format, sound.seconds) == (GSM, pytest.approx(0.8))
    assert frames == b"".join(b"".join(unpack_block(block)) for block in _gsm_blocks())
    assert told == [f"{path}: ends in the middle of a frame"]
    assert b"".join(frame.payload for frame in sound.frames(400)) == frames[20 * 33 :]


def test_a_block_is_packed_as_it_is_unpacked() -> None:
    block = bytes(range(65))
    assert pack_block(b"".join(unpack_block(block))) == block
    assert pack_block(b"".join(unpack_block(b"\xff" * 65))) == b"\xff" * 65
